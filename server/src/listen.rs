//! Listeners: binding them, and what comes from them.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use smol::Async;
use towline_core::config::Settings;
use towline_core::engine::Peer;
use towline_core::seams::host::ListenAddresses;

use crate::net::connection::{Accepted, Shared, Socket};
use crate::net::io_thread::IoThread;
use crate::unix_socket;

/// All listeners of a server.
pub struct Listeners {
    /// TCP.
    pub tcp: Vec<TcpListener>,
    /// The unix socket.
    pub unix: Option<UnixListener>,
}

/// Binds what the settings name.
///
/// # Errors
/// A text for the operator, where an address cannot be bound.
pub fn bind(settings: &Settings) -> Result<Listeners, String> {
    let mut tcp = Vec::new();
    let addresses = ListenAddresses::of(settings);
    for place in places(&addresses)? {
        tcp.extend(place.listen(addresses.backlog)?);
    }
    if tcp.is_empty() && addresses.port != 0 && !addresses.bind.is_empty() {
        return Err(format!(
            "Failed listening on port {} (tcp), aborting.",
            settings.port
        ));
    }
    let path = String::from_utf8_lossy(&settings.unixsocket.path).into_owned();
    let unix = if path.is_empty() {
        None
    } else {
        Some(unix_socket::bind(Path::new(&path), &settings.unixsocket)?)
    };
    if tcp.is_empty() && unix.is_none() {
        return Err("Configured to not listen anywhere, exiting.".to_owned());
    }
    Ok(Listeners { tcp, unix })
}

/// One address to listen at.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The address and the port.
    pub address: SocketAddr,
    /// It is no error if this machine does not have the address.
    optional: bool,
}

/// The places that these addresses name.
///
/// # Errors
/// A text for the operator, where one is no address.
pub fn places(addresses: &ListenAddresses) -> Result<Vec<Place>, String> {
    let words = addresses.bind.iter().filter(|_| addresses.port != 0);
    words.map(|word| Place::of(word, addresses.port)).collect()
}

impl Place {
    /// An address that this machine has.
    #[must_use]
    pub const fn at(address: SocketAddr) -> Self {
        Self {
            address,
            optional: false,
        }
    }

    /// One word of `bind`. A leading dash forgives an address that this machine has
    /// not, and no name without an address.
    fn of(word: &str, port: u16) -> Result<Self, String> {
        let name = word.strip_prefix('-').unwrap_or(word);
        let ip = match name {
            "*" => IpAddr::from([0, 0, 0, 0]),
            "::*" => IpAddr::from([0_u16; 8]),
            _ => match name.parse() {
                Ok(ip) => ip,
                Err(_) => resolve(name, port)?,
            },
        };
        Ok(Self {
            address: SocketAddr::new(ip, port),
            optional: name.len() < word.len(),
        })
    }

    /// Listens there.
    ///
    /// # Errors
    /// A text for the operator.
    pub fn listen(self, backlog: u32) -> Result<Option<TcpListener>, String> {
        match listen(self.address, backlog) {
            Ok(listener) => Ok(Some(listener)),
            Err(error) if self.optional && is_missing_address(&error) => Ok(None),
            Err(error) => {
                let (address, port) = (self.address, self.address.port());
                Err(format!(
                    "Warning: Could not create server TCP listening socket {address}: {error}\n\
                     Failed listening on port {port} (tcp), aborting."
                ))
            }
        }
    }
}

/// The first IPv4 address of a host name: names stand for no others in `bind`.
fn resolve(name: &str, port: u16) -> Result<IpAddr, String> {
    let refused = |reason: &str| {
        format!(
            "Warning: Could not create server TCP listening socket {name}:{port}: {reason}\n\
             Failed listening on port {port} (tcp), aborting."
        )
    };
    let found = (name, port).to_socket_addrs();
    let mut found = found.map_err(|error| refused(&error.to_string()))?;
    let found = found.find(SocketAddr::is_ipv4);
    let found = found.ok_or_else(|| refused("the name has no IPv4 address"))?;
    Ok(found.ip())
}

fn is_missing_address(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let missing = [
        Errno::ADDRNOTAVAIL,
        Errno::AFNOSUPPORT,
        Errno::PROTONOSUPPORT,
        Errno::NOPROTOOPT,
    ];
    Errno::from_io_error(error).is_some_and(|error| missing.contains(&error))
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    net::bind(&socket, &address)?;
    net::listen(&socket, i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(TcpListener::from(socket))
}

/// Hands accepted sockets to the I/O threads in turn.
pub struct Acceptor {
    threads: Vec<IoThread>,
    next: std::sync::atomic::AtomicUsize,
    shared: Arc<Shared>,
}

impl Acceptor {
    /// An acceptor for these threads.
    #[must_use]
    pub fn new(threads: Vec<IoThread>, shared: Arc<Shared>) -> Self {
        Self {
            threads,
            next: std::sync::atomic::AtomicUsize::new(0),
            shared,
        }
    }

    fn give(&self, accepted: Accepted) {
        let turn = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.threads[turn % self.threads.len()].give(accepted);
    }

    /// Accepts from a TCP listener for ever.
    pub async fn serve_tcp(self: Arc<Self>, listener: TcpListener) {
        let Ok(listener) = Async::new(listener) else {
            return self
                .shared
                .store
                .host
                .logger()
                .warning("A listener was refused.");
        };
        loop {
            match listener.accept().await {
                Ok((stream, address)) => self.admit_tcp(stream, address),
                Err(error) => self.pause_after(&error).await,
            }
        }
    }

    /// Accepts from a unix listener for ever.
    pub async fn serve_unix(self: Arc<Self>, listener: UnixListener, path: String) {
        let Ok(listener) = Async::new(listener) else {
            return self
                .shared
                .store
                .host
                .logger()
                .warning("A listener was refused.");
        };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => self.admit_unix(stream, &path),
                Err(error) => self.pause_after(&error).await,
            }
        }
    }

    /// Running out of descriptors is over once clients have gone; until then the
    /// listener would be ready all the time.
    async fn pause_after(&self, error: &io::Error) {
        let logger = self.shared.store.host.logger();
        logger.warning(&format!("Accepting client connection: {error}"));
        smol::Timer::after(Duration::from_millis(100)).await;
    }

    fn admit_tcp(&self, stream: Async<TcpStream>, address: SocketAddr) {
        let local = stream.get_ref().local_addr();
        let Ok(stream) = stream.into_inner() else {
            return;
        };
        if let Some(refusal) = self.refusal(Some(address.ip())) {
            return refuse(&mut &stream, refusal);
        }
        if self.prepare(&stream).is_err() {
            return;
        }
        let peer = Peer {
            addr: address.to_string(),
            laddr: local.map_or_else(|_| String::new(), |local| local.to_string()),
            fd: stream.as_raw_fd(),
            unix_socket: false,
        };
        self.give(Accepted {
            socket: Socket::Tcp(stream),
            peer,
        });
    }

    fn prepare(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let keepalive_s = self.shared.store.lock().server.config.tcp_keepalive_s;
        if keepalive_s > 0 {
            sockopt::set_socket_keepalive(stream, true)?;
            let idle = Duration::from_secs(u64::from(keepalive_s));
            sockopt::set_tcp_keepidle(stream, idle)?;
            // Three probes, so that a dead peer is found in about twice the time.
            sockopt::set_tcp_keepintvl(stream, (idle / 3).max(Duration::from_secs(1)))?;
            sockopt::set_tcp_keepcnt(stream, 3)?;
        }
        Ok(())
    }

    fn admit_unix(&self, stream: Async<UnixStream>, path: &str) {
        let Ok(stream) = stream.into_inner() else {
            return;
        };
        if let Some(refusal) = self.refusal(None) {
            return refuse(&mut &stream, refusal);
        }
        let peer = Peer {
            addr: format!("{path}:0"),
            laddr: format!("{path}:0"),
            fd: stream.as_raw_fd(),
            unix_socket: true,
        };
        self.give(Accepted {
            socket: Socket::Unix(stream),
            peer,
        });
    }

    /// Why a connection is not taken: too many of them, or protected mode.
    fn refusal(&self, from: Option<IpAddr>) -> Option<&'static [u8]> {
        let mut engine = self.shared.store.lock();
        let server = &mut engine.server;
        let refusal = if server.clients.len() >= server.config.maxclients as usize {
            Some(MAXCLIENTS)
        } else if server.config.protected_mode
            && server.config.requirepass.is_empty()
            && from.is_some_and(|ip| !ip.to_canonical().is_loopback())
        {
            Some(PROTECTED)
        } else {
            None
        };
        if refusal.is_some() {
            server.stats.rejected_connections += 1;
        }
        refusal
    }
}

const MAXCLIENTS: &[u8] = b"-ERR max number of clients reached\r\n";
const PROTECTED: &[u8] = b"-DENIED Towline is running in protected mode because protected mode is \
enabled and no password is set for the default user. In this mode connections are only accepted \
from the loopback interface. To connect from elsewhere, set a password (requirepass), or turn \
protected mode off with CONFIG SET protected-mode no from this machine, or with the same \
directive in the configuration file.\r\n";

fn refuse(stream: &mut impl Write, why: &[u8]) {
    // The peer is turned away either way; it may have gone already.
    let _ = stream.write_all(why);
}
