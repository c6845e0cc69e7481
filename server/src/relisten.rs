//! The TCP listeners of a server that runs, and their change by CONFIG SET.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rustix::net::{Shutdown, shutdown};
use towline_core::seams::host::ListenAddresses;

use crate::listen::{Acceptor, Place, places};
use crate::log::Logger;

/// The listeners that clients come from at the moment.
pub struct Listening {
    acceptor: Arc<Acceptor>,
    open: Vec<Open>,
}

/// A listener, and the task that accepts from it until this is dropped.
struct Open {
    address: SocketAddr,
    socket: TcpListener,
    _accepting: smol::Task<()>,
}

impl Open {
    fn new(acceptor: &Arc<Acceptor>, listener: TcpListener) -> io::Result<Self> {
        Ok(Self {
            address: listener.local_addr()?,
            socket: listener.try_clone()?,
            _accepting: smol::spawn(Arc::clone(acceptor).serve_tcp(listener)),
        })
    }
}

impl Drop for Open {
    /// The task lets go of its socket only when it is next looked at; the address
    /// has to be free at once. A socket that is no longer open is no error.
    fn drop(&mut self) {
        let _ = shutdown(&self.socket, Shutdown::Both);
    }
}

impl Listening {
    /// Accepts from these.
    ///
    /// # Errors
    /// Where the process has no descriptors left.
    pub fn start(acceptor: Arc<Acceptor>, listeners: Vec<TcpListener>) -> io::Result<Self> {
        let open = listeners.into_iter();
        let open = open.map(|listener| Open::new(&acceptor, listener));
        Ok(Self {
            open: open.collect::<io::Result<_>>()?,
            acceptor,
        })
    }

    /// Accepts at these addresses from now on, or, where one of them cannot be had,
    /// at the same ones as before.
    ///
    /// An address of the port in use may exclude another one (`*` all others), so
    /// that those that are given up go first there. Elsewhere they go last.
    ///
    /// # Errors
    /// A text for the operator.
    pub fn change(&mut self, addresses: &ListenAddresses, logger: &Logger) -> Result<(), String> {
        let wanted = places(addresses)?;
        let same_port = (self.open.iter()).any(|open| open.address.port() == addresses.port);
        let is_wanted = |open: &Open| wanted.iter().any(|place| place.address == open.address);
        let (kept, mut given_up): (Vec<_>, Vec<_>) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(is_wanted);
        self.open = kept;
        let old: Vec<SocketAddr> = given_up.iter().map(|open| open.address).collect();
        if same_port {
            given_up.clear();
        }
        let added = self.open_missing(&wanted, addresses.backlog);
        match added {
            Ok(added) => {
                self.open.extend(added);
                Ok(())
            }
            Err(error) => {
                self.open.extend(given_up);
                self.reopen(&old, addresses.backlog, logger);
                Err(error)
            }
        }
    }

    fn open_missing(&self, wanted: &[Place], backlog: u32) -> Result<Vec<Open>, String> {
        let mut added: Vec<Open> = Vec::new();
        for place in wanted {
            let has = |open: &Open| open.address == place.address;
            if self.open.iter().chain(&added).any(has) {
                continue;
            }
            if let Some(listener) = place.listen(backlog)? {
                let open = Open::new(&self.acceptor, listener);
                added.push(open.map_err(|error| error.to_string())?);
            }
        }
        Ok(added)
    }

    /// Opens those again that had to be given up first.
    fn reopen(&mut self, addresses: &[SocketAddr], backlog: u32, logger: &Logger) {
        let places = addresses.iter().map(|address| Place::at(*address));
        match self.open_missing(&places.collect::<Vec<_>>(), backlog) {
            Ok(open) => self.open.extend(open),
            Err(error) => logger.warning(&format!("A listener is lost: {error}")),
        }
    }
}
