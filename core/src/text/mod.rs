//! Text as the protocol, the configuration and the values use it: numbers,
//! patterns, quoting and dates, each with the exact rules of Redis 7.2.

mod bignum;
pub mod date;
pub mod double;
mod float_syntax;
pub mod glob;
mod grisu;
pub mod long_double;
pub mod number;
pub mod progress;
pub mod quote;
