//! The command table: one row per command, beside its handler, in one file per
//! family.

mod args;
mod flags;
pub mod keys;
#[cfg(test)]
mod keys_tests;
mod legacy;
mod spec;

pub use args::{ARG_FLAG_NAMES, ArgFlags, ArgSpec, ArgType};
pub use flags::{ACL_NAMES, Acl, FLAG_NAMES, Flags, KEY_FLAG_NAMES, KeyFlags};
pub use spec::{Begin, CommandSpec, Deprecation, Find, Group, Handler, KeySpec, LegacyRange};

/// What a handler works on.
pub struct Ctx<'a> {
    engine: std::marker::PhantomData<&'a mut ()>,
}

/// How a command ended.
pub type CommandResult = Result<(), ()>;
