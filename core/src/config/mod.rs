//! The configuration: every directive of redis.conf as a row of one table, the
//! values they hold, and the typed settings that the program reads.
//!
//! Values change only through [`Config`]; after each change the [`Settings`]
//! are derived anew from all of them. Files and sockets that a directive names
//! are opened elsewhere: here is data only.

mod check;
mod directive;
mod errors;
mod rewrite_text;
mod settings;
mod special;
mod store;
#[cfg(test)]
mod store_tests;
mod table;
mod title;
mod value;

pub use directive::{Directive, Kind, NumberForm, Status};
pub use errors::{LoadError, SetError};
pub use rewrite_text::RewriteEntry;
pub use settings::{
    AnnounceSettings, AofSettings, DisklessLoad, Fsync, LogLevel, MemoryLimits,
    MinReplicasSettings, OomScoreMode, OomScoreSettings, PacingSettings, Privilege,
    ProcessSettings, Settings, SlowLogSettings, Supervised, SyslogSettings, UnixSocketSettings,
};
pub use special::{
    ClientClass, Durability, NotifyFlags, OutputLimit, PrimaryAddress, ReplicaStage, SavePoint,
    ShutdownFlags, is_host,
};
pub use store::{Change, Config, SetRules};
pub use table::{directives, find};
pub use title::ProcessTitle;
pub use value::Value;
