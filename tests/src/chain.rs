//! Three servers in a row, over links that can be cut.

use crate::proxy::Proxy;
use crate::server::{Kind, Server, Setup};
use crate::sync::link_status;
use crate::workload::Workload;

/// Holds all that is written while a link is down, so that no full sync is ever due.
pub const BACKLOG: &str = "repl-backlog-size 256mb";

/// The servers and the links between them.
pub struct Chain {
    /// Clients write here.
    pub first: Server,
    /// Between the first and the middle.
    pub upper: Proxy,
    /// A replica of the first.
    pub middle: Server,
    /// Between the middle and the last.
    pub lower: Proxy,
    /// A replica of the middle.
    pub last: Server,
}

impl Chain {
    /// The first server holds what `commands` of the workload of `seed` leave before the
    /// others attach, so that both links begin with a snapshot. The middle has `line` in
    /// its configuration as well.
    #[must_use]
    pub fn start(kinds: [Kind; 3], (seed, commands): (u64, usize), line: &str) -> Self {
        let [first, middle, last] = kinds;
        let first = Setup::new(first).line(BACKLOG).start();
        Workload::new(seed).run(&mut first.client(), commands);
        let upper = Proxy::new(first.address());
        let middle = replica(middle, upper.port(), line);
        let lower = Proxy::new(middle.address());
        let last = replica(last, lower.port(), "");
        Self {
            first,
            upper,
            middle,
            lower,
            last,
        }
    }

    /// Whether both links are up.
    #[must_use]
    pub fn links_are_up(&self) -> bool {
        [&self.middle, &self.last]
            .iter()
            .all(|server| link_status(server) == "up")
    }
}

/// A replica of whoever is behind that port, with `line` in its configuration.
#[must_use]
pub fn replica(kind: Kind, primary_port: u16, line: &str) -> Server {
    Setup::new(kind)
        .line(BACKLOG)
        .line(line)
        .line(format!("slaveof 127.0.0.1 {primary_port}"))
        .start()
}
