//! A TCP proxy whose connections a test can cut, now or after a number of bytes.

mod gate;
mod passage;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use gate::Gate;
pub use passage::Passage;

/// Forwards connections to one address.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    port: u16,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    open: Mutex<Vec<TcpStream>>,
    accepted: AtomicU64,
    gate: Option<Gate>,
    stopped: AtomicBool,
}

impl Proxy {
    /// A proxy in front of `target`, on a port of its own.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn new(target: SocketAddr) -> Self {
        Self::start(target, None)
    }

    /// A proxy that takes connections and lets each wait until it is let through with
    /// [`Self::pass`]. So a test can look at both sides before the next one begins.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn gated(target: SocketAddr) -> Self {
        Self::start(target, Some(Gate::default()))
    }

    fn start(target: SocketAddr, gate: Option<Gate>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener
            .local_addr()
            .expect("a listener has an address")
            .port();
        let shared = Arc::new(Shared {
            target,
            open: Mutex::new(Vec::new()),
            accepted: AtomicU64::new(0),
            gate,
            stopped: AtomicBool::new(false),
        });
        let acceptor = Arc::clone(&shared);
        thread::spawn(move || acceptor.accept(&listener));
        Self { shared, port }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connections taken since the start.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Lets the connection through that waits, or the next that comes, and cuts it after
    /// `limit_bytes` of both directions together, counted from its beginning. The one
    /// before must be over.
    ///
    /// # Panics
    /// When the proxy has no gate.
    pub fn pass(&self, limit_bytes: u64) -> Arc<Passage> {
        let gate = self.shared.gate.as_ref().expect("it is a gated proxy");
        let passage = Arc::new(Passage::new(limit_bytes));
        gate.open_for(&passage);
        passage
    }

    /// Cuts every connection that is open, and returns how many there were.
    pub fn cut(&self) -> usize {
        let streams = std::mem::take(&mut *self.shared.open());
        for stream in &streams {
            // The other side may have closed it already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        streams.len() / 2
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.cut();
        if let Some(gate) = &self.shared.gate {
            gate.remove();
        }
        // Wakes the acceptor, which then sees that it is over.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn open(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.open.lock().expect("no holder of this lock panics")
    }

    fn accept(&self, listener: &TcpListener) {
        while let Ok((client, _)) = listener.accept() {
            if self.stopped.load(Ordering::SeqCst) {
                return;
            }
            self.accepted.fetch_add(1, Ordering::SeqCst);
            let passage = match &self.gate {
                Some(gate) => gate.wait(),
                None => Arc::new(Passage::new(u64::MAX)),
            };
            // A target that is down looks to the client like a cut connection.
            match TcpStream::connect(self.target) {
                Ok(server) => self.join(&client, &server, &passage),
                Err(_) => passage.end(),
            }
        }
    }

    fn join(&self, client: &TcpStream, server: &TcpStream, passage: &Arc<Passage>) {
        let clone = |stream: &TcpStream| stream.try_clone().expect("a socket can be cloned");
        for stream in [client, server] {
            // Without it small packets would wait for each other on loopback.
            let _ = stream.set_nodelay(true);
        }
        self.open().extend([clone(client), clone(server)]);
        for (from, to) in [(client, server), (server, client)] {
            let (from, to, passage) = (clone(from), clone(to), Arc::clone(passage));
            thread::spawn(move || copy(from, to, &passage));
        }
    }
}

/// Copies until either side ends or no more may pass, then ends the other: half-open
/// links help nobody.
fn copy(mut from: TcpStream, mut to: TcpStream, passage: &Passage) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let allowed = passage.take(count);
        if to.write_all(&buffer[..allowed]).is_err() || passage.was_cut() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
    passage.end();
}
