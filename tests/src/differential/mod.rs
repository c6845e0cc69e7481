//! The same random commands to several servers, and what they answer compared.
//!
//! | module | what it is for |
//! |---|---|
//! | [`grammar`] | what Valkey's COMMAND DOCS says that commands take |
//! | [`generator`] | random commands after that grammar, right and wrong ones |
//! | [`rules`] | which commands are drawn, and how their replies compare |
//! | [`mod@run`] | one seed: the commands, the replies, the datasets at the end |

pub mod generator;
pub mod grammar;
pub mod rules;
pub mod run;

pub use generator::Generator;
pub use grammar::Grammar;
pub use run::{Difference, run};
