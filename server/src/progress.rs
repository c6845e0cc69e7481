//! Lines of the log about what takes long.

use towline_core::seams::Host;
use towline_core::text::progress::ProgressLog;

use crate::host::ServerHost;

/// Tells the log every few seconds how far something is.
pub(crate) struct ProgressLines {
    host: ServerHost,
    log: ProgressLog,
}

impl ProgressLines {
    /// It begins now; `what` is what its lines begin with.
    pub(crate) fn begin(what: &'static str, host: &ServerHost) -> Self {
        Self {
            log: ProgressLog::begin(what, now_ms(host)),
            host: host.clone(),
        }
    }

    /// A line, where one is due. What is done and what there is to do are bytes or keys.
    pub(crate) fn tell(&mut self, done: u64, total: u64) {
        if let Some(line) = self.log.line(now_ms(&self.host), done, Some(total)) {
            self.host.logger().notice(&line);
        }
    }
}

fn now_ms(host: &ServerHost) -> u64 {
    host.monotonic_ns() / 1_000_000
}
