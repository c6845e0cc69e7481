//! The system's log: `syslog-enabled`, `syslog-ident` and `syslog-facility`.
//!
//! | part of a datagram | what it is |
//! |---|---|
//! | `<134>` | the facility times eight, and the severity |
//! | `ident[pid]: ` | who sends it |
//! | the rest | the line, without its time: who receives it puts that there |

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use towline_core::config::{LogLevel, SyslogSettings};

/// Where the system takes its log from.
const SOCKET: &str = "/dev/log";

/// What is taken of a line: a datagram has its bound, and beyond it all would be lost.
const LINE_MAX_BYTES: usize = 8192;

/// See the module's comment.
pub(crate) struct Syslog {
    socket: UnixDatagram,
    path: PathBuf,
    ident: Vec<u8>,
    facility: u8,
    /// The last line could not be sent.
    failing: AtomicBool,
}

const fn severity(level: LogLevel) -> u8 {
    match level {
        LogLevel::Debug => 7,
        LogLevel::Verbose => 6,
        LogLevel::Notice => 5,
        LogLevel::Warning | LogLevel::Nothing => 4,
    }
}

impl Syslog {
    /// A way to the system's log, whether or not somebody listens yet.
    ///
    /// # Errors
    /// Where the process can have no socket.
    pub(crate) fn open(settings: &SyslogSettings) -> io::Result<Self> {
        Self::at(Path::new(SOCKET), settings)
    }

    fn at(path: &Path, settings: &SyslogSettings) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // Who does not read the log must not stop the server.
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            path: path.to_owned(),
            ident: settings.ident.clone(),
            facility: settings.facility,
            failing: AtomicBool::new(false),
        })
    }

    /// Sends a line. Of several that cannot be sent in a row the first answers what
    /// the operator should know.
    pub(crate) fn send(&self, level: LogLevel, text: &str) -> Option<String> {
        let priority = self.facility * 8 + severity(level);
        let mut datagram = format!("<{priority}>").into_bytes();
        datagram.extend_from_slice(&self.ident);
        datagram.extend_from_slice(format!("[{}]: ", std::process::id()).as_bytes());
        let text = text.as_bytes();
        datagram.extend_from_slice(&text[..text.len().min(LINE_MAX_BYTES)]);
        let sent = self.socket.send_to(&datagram, &self.path);
        let was_failing = self.failing.swap(sent.is_err(), Ordering::Relaxed);
        let error = sent.err().filter(|_| !was_failing)?;
        let reason = match error.kind() {
            ErrorKind::NotFound => "nobody takes it".to_owned(),
            _ => error.to_string(),
        };
        let path = self.path.display();
        Some(format!("Can't write to the system's log {path}: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use towline_core::config::Config;

    use super::*;

    fn settings(facility: &str) -> SyslogSettings {
        let mut config = Config::new();
        config.follow("syslog-enabled", b"yes");
        config.follow("syslog-ident", b"store");
        config.follow("syslog-facility", facility.as_bytes());
        config.syslog.clone().expect("it is enabled")
    }

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("towline-{name}-{}.log", std::process::id()))
    }

    fn received(system: &UnixDatagram) -> String {
        let mut buffer = [0; LINE_MAX_BYTES + 100];
        let len = system.recv(&mut buffer).expect("a line was sent");
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    }

    #[test]
    fn a_line_goes_out_with_its_priority_and_name() {
        let path = path("syslog");
        let system = UnixDatagram::bind(&path).expect("a socket of our own");
        let pid = std::process::id();
        for (facility, level, priority) in [
            ("user", LogLevel::Debug, 15),
            ("local0", LogLevel::Verbose, 134),
            ("local0", LogLevel::Notice, 133),
            ("local7", LogLevel::Warning, 188),
        ] {
            let syslog = Syslog::at(&path, &settings(facility)).expect("a socket");
            assert_eq!(syslog.send(level, "a line"), None);
            let expected = format!("<{priority}>store[{pid}]: a line");
            assert_eq!(received(&system), expected);
        }
        let syslog = Syslog::at(&path, &settings("user")).expect("a socket");
        assert_eq!(syslog.send(LogLevel::Notice, &"x".repeat(1 << 20)), None);
        let cut = received(&system);
        assert_eq!(cut.matches('x').count(), LINE_MAX_BYTES);
        std::fs::remove_file(path).expect("it is there");
    }

    #[test]
    fn a_log_that_is_away_is_told_of_once_and_used_when_it_is_back() {
        let path = path("away");
        let syslog = Syslog::at(&path, &settings("user")).expect("a socket");
        let told = syslog.send(LogLevel::Notice, "lost");
        let told = told.expect("the operator is told");
        assert!(told.ends_with("nobody takes it"), "{told}");
        assert_eq!(syslog.send(LogLevel::Notice, "lost as well"), None);
        let system = UnixDatagram::bind(&path).expect("a socket of our own");
        assert_eq!(syslog.send(LogLevel::Notice, "found"), None);
        assert!(received(&system).ends_with("]: found"));
        std::fs::remove_file(path).expect("it is there");
    }
}
