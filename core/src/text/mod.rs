//! Text as the protocol, the configuration and the values use it: numbers,
//! patterns and quoting, each with the exact rules of Redis 7.2.

pub mod double;
mod float_syntax;
mod grisu;
pub mod number;
