//! The seams: what a program plugs in. Each is a small dyn trait that is called
//! once per batch, block or connection and never once per command, so that a
//! virtual call and a boxed future cost nothing that shows.
//!
//! | seam | what it stands for |
//! |---|---|
//! | [`archive::StreamArchive`] | the stream where it is kept for longer than in memory |
//! | [`host::Host`] | the process around the engine |
//! | [`log_sink::LogSink`] | what takes the stream |
//! | [`runtime::Runtime`] | tasks, timers, clocks and randomness |
//! | [`snapshot::SnapshotCodec`] | a snapshot format |
//! | [`snapshot::SnapshotWriter`] | where a snapshot's bytes go |
//! | [`storage::Storage`] | named files that grow at their end |
//! | [`store::Store`] | the engine behind its lock |
//! | [`value_codec::ValueCodec`] | the payload of one value |
//! | [`transport::ReplicationTransport`] | how a replica reaches its primary |

pub mod archive;
pub mod host;
pub mod log_sink;
pub mod runtime;
pub mod snapshot;
pub mod storage;
pub mod store;
pub mod transport;
pub mod value_codec;

pub use archive::{ArchiveError, StreamArchive, StreamReader};
pub use host::{Host, NoHost};
pub use log_sink::LogSink;
pub use runtime::Runtime;
pub use snapshot::{SnapshotCodec, SnapshotDecoder, SnapshotEncoder, SnapshotSink, SnapshotWriter};
pub use storage::{Storage, StorageError, StorageOp};
pub use store::Store;
pub use transport::{Link, ReplicationTransport};
pub use value_codec::ValueCodec;
