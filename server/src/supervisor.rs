//! `supervised`: telling a service manager how the server is.
//!
//! systemd's protocol is one datagram of `NAME=value` lines to the socket that
//! `NOTIFY_SOCKET` names: a path, or a name in the abstract namespace behind an `@`.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use towline_core::config::Supervised;

/// Where systemd wants to be told.
const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";

/// The service manager that has started this process.
#[derive(Clone, Debug)]
pub struct Supervisor {
    socket: OsString,
}

impl Supervisor {
    /// The one that the configuration names, if it is there.
    #[must_use]
    pub fn find(wanted: Supervised) -> Option<Self> {
        let socket = std::env::var_os(SOCKET_VARIABLE).filter(|name| !name.is_empty());
        match wanted {
            Supervised::No => None,
            Supervised::Systemd | Supervised::Auto => socket.map(|socket| Self { socket }),
        }
    }

    /// What INFO calls it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        "systemd"
    }

    /// Tells it lines of state.
    ///
    /// # Errors
    /// Where its socket takes nothing.
    pub fn tell(&self, state: &str) -> io::Result<()> {
        let name = self.socket.as_bytes();
        let address = match name.strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(&self.socket)?,
        };
        UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(at: &UnixDatagram) -> String {
        let mut datagram = [0; 64];
        let length = at.recv(&mut datagram).expect("a datagram is there");
        String::from_utf8_lossy(&datagram[..length]).into_owned()
    }

    #[test]
    fn a_datagram_reaches_an_abstract_name() {
        let name = format!("towline-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        let socket = UnixDatagram::bind_addr(&address).expect("a name nobody has");
        let socket_name = format!("@{name}").into();
        let supervisor = Supervisor {
            socket: socket_name,
        };
        supervisor.tell("READY=1\n").expect("somebody listens");
        assert_eq!(heard(&socket), "READY=1\n");
    }

    #[test]
    fn a_socket_that_is_not_there_is_an_error() {
        let supervisor = Supervisor {
            socket: "/nowhere/at/all".into(),
        };
        assert!(supervisor.tell("READY=1\n").is_err());
    }
}
