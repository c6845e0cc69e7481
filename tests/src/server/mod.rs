//! Servers under test: Towline and its peers.

mod kind;
mod ports;
mod process;
mod setup;
mod temp_dir;

pub use kind::Kind;
pub use ports::free_port;
pub use process::Server;
pub use setup::Setup;
pub use temp_dir::TempDir;
