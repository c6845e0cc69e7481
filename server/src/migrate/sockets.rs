//! Connections to targets, kept for the next transfer.

use std::time::{Duration, Instant};

use super::link::Link;

/// How many are kept.
const SOCKETS_MAX: usize = 64;

/// How long an idle one is kept.
const IDLE_MAX: Duration = Duration::from_secs(10);

struct Cached {
    host: String,
    port: u16,
    link: Link,
    used: Instant,
}

/// See the module's comment. A connection in use is not in here.
#[derive(Default)]
pub(super) struct Sockets(Vec<Cached>);

impl Sockets {
    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out the one to this target.
    pub(super) fn take(&mut self, host: &str, port: u16) -> Option<Link> {
        let same = |cached: &Cached| cached.host == host && cached.port == port;
        let at = self.0.iter().position(same)?;
        Some(self.0.swap_remove(at).link)
    }

    /// Keeps one; where there are too many, the one goes that was used longest ago.
    pub(super) fn keep(&mut self, host: &str, port: u16, link: Link) {
        if self.0.len() >= SOCKETS_MAX {
            let oldest = (0..self.0.len()).min_by_key(|at| self.0[*at].used);
            self.0.swap_remove(oldest.expect("there are some"));
        }
        self.0.push(Cached {
            host: host.to_owned(),
            port,
            link,
            used: Instant::now(),
        });
    }

    /// Closes those that were not used for a while.
    pub(super) fn close_idle(&mut self) {
        self.0.retain(|cached| cached.used.elapsed() < IDLE_MAX);
    }
}
