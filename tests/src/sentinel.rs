//! Real redis-sentinel processes that watch servers under test.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::paths;
use crate::resp::{Client, Value};
use crate::server::{Server, TempDir, free_port};
use crate::wait;

/// The name under which the group of servers is watched.
const GROUP: &str = "towed";

/// How long a server may be silent before it is taken for dead, and how long a
/// failover may take before another is tried; ms.
const DOWN_AFTER_MS: u32 = 1_000;
const FAILOVER_TIMEOUT_MS: u32 = 10_000;

/// What Sentinel does every few seconds, it does several times a second here.
const PERIODS_MS: [(&str, u32); 4] = [
    ("info-period", 500),
    ("publish-period", 500),
    ("ask-period", 200),
    ("ping-period", 200),
];

/// Sentinels of one group, as many as are asked for; killed when they go out of scope.
#[derive(Debug)]
pub struct Sentinels(Vec<Sentinel>);

#[derive(Debug)]
struct Sentinel {
    child: Child,
    port: u16,
    // Its configuration file, which it rewrites.
    _dir: TempDir,
}

impl Sentinels {
    /// Starts `count` of them around `primary`; more than half have to agree that it is
    /// down.
    ///
    /// # Panics
    /// When one does not start.
    pub fn start(count: usize, primary: &Server) -> Self {
        let quorum = count / 2 + 1;
        Self(
            (0..count)
                .map(|_| Sentinel::start(primary, quorum))
                .collect(),
        )
    }

    /// Where each of them says that the primary is.
    pub fn views(&self) -> Vec<u16> {
        self.0.iter().map(Sentinel::primary_port).collect()
    }

    /// The port of the primary, where all agree on it.
    pub fn agreed(&self) -> Option<u16> {
        let views = self.views();
        let first = *views.first()?;
        views.iter().all(|view| *view == first).then_some(first)
    }

    /// True where each knows so many replicas, of which none is down, and all the
    /// other Sentinels.
    pub fn see_all(&self, replicas: usize) -> bool {
        self.0.iter().all(|sentinel| {
            sentinel.peers() == self.0.len() - 1 && sentinel.healthy_replicas() == replicas
        })
    }

    /// Asks the first for a failover while the primary is well.
    ///
    /// # Panics
    /// When it refuses.
    pub fn fail_over(&self) {
        self.0[0].client().ok(&format!("SENTINEL FAILOVER {GROUP}"));
    }
}

impl Sentinel {
    fn start(primary: &Server, quorum: usize) -> Self {
        let dir = TempDir::new("sentinel");
        let port = free_port();
        let (file, group) = (dir.path().join("sentinel.conf"), GROUP);
        let text = format!(
            "bind 127.0.0.1\nport {port}\ndir {dir}\n\
             sentinel monitor {group} 127.0.0.1 {primary} {quorum}\n\
             sentinel down-after-milliseconds {group} {DOWN_AFTER_MS}\n\
             sentinel failover-timeout {group} {FAILOVER_TIMEOUT_MS}\n",
            dir = dir.path().display(),
            primary = primary.port(),
        );
        fs::write(&file, text).expect("the configuration can be written");
        let log = File::create(dir.path().join("sentinel.log")).expect("a log can be made");
        let child = Command::new(paths::peer("redis-sentinel"))
            .arg(&file)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle can be cloned"))
            .stderr(log)
            .spawn()
            .expect("redis-sentinel starts");
        let sentinel = Self {
            child,
            port,
            _dir: dir,
        };
        sentinel.hurry();
        sentinel
    }

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn client(&self) -> Client {
        wait::until_some("the sentinel takes connections", || {
            Client::connect(self.address()).ok()
        })
    }

    fn hurry(&self) {
        let mut client = self.client();
        for (period, ms) in PERIODS_MS {
            client.ok(&format!("SENTINEL DEBUG {period} {ms}"));
        }
    }

    fn primary_port(&self) -> u16 {
        let address = self
            .client()
            .ok(&format!("SENTINEL GET-MASTER-ADDR-BY-NAME {GROUP}"));
        let words = address.texts();
        words[1].parse().expect("a port is a number")
    }

    fn peers(&self) -> usize {
        let others = self.client().ok(&format!("SENTINEL SENTINELS {GROUP}"));
        others.items().len()
    }

    fn healthy_replicas(&self) -> usize {
        let replicas = self.client().ok(&format!("SENTINEL REPLICAS {GROUP}"));
        let healthy = |replica: &&Value| {
            let flags = property(replica, "flags");
            flags == "slave" && property(replica, "master-link-status") == "ok"
        };
        replicas.items().iter().filter(healthy).count()
    }
}

/// A property in the flat list that tells of one server.
fn property(server: &Value, name: &str) -> String {
    let words = server.texts();
    let mut pairs = words.chunks_exact(2);
    let pair = pairs.find(|pair| pair[0] == name);
    pair.map_or_else(String::new, |pair| pair[1].clone())
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long a client waits for a server that may be dead or stopped.
pub const IMPATIENCE: Duration = Duration::from_millis(500);
