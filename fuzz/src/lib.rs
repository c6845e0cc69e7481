//! Fuzz targets of Towline's parsers: everything that takes bytes from a peer,
//! a file or an operator, as plain functions that panic where a promise of the
//! parser is broken.
//!
//! | read in this order | what it is |
//! |---|---|
//! | [`targets`] | the promises, one function for each parser |
//! | [`corpus`] | valid inputs and words to start from |
//! | [`mutate`] | how a valid input becomes a hostile one |
//! | [`fixup`] | checksums made right again, so that a change is not found by them alone |
//! | [`limits`] | how much memory an input may cost |
//! | [`rng`] | the numbers that all of it is drawn from |
//!
//! The binary runs them from seeds: an input follows from its target's name, a
//! seed and a number, on any machine.

pub mod corpus;
pub mod fixup;
pub mod limits;
pub mod mutate;
pub mod rng;
pub mod targets;
