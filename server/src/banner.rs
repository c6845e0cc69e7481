//! What a start shows: the banner of `always-show-logo`.

use towline_core::version::{REDIS_VERSION, TOWLINE_VERSION};

/// A tow boat and its line; scripts that wait for a server look for `PID:`.
#[must_use]
pub(crate) fn banner(port: u16, pid: u32) -> String {
    format!(
        r"
            __/|__
       ____|_____|____         Towline {TOWLINE_VERSION} (Redis {REDIS_VERSION} compatible) 64 bit
  ~~~~~\_____________/~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~    Running in standalone mode
         \                     Port: {port}
          \_______o            PID: {pid}

"
    )
}
