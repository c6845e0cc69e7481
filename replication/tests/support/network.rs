//! Nodes by name, and links between them that a test can break.

use super::pipe::{Cutter, pipe};
use async_trait::async_trait;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex};
use towline_core::engine::Peer;
use towline_core::seams::{Link, ReplicationTransport};
use towline_replication::Node;

#[derive(Default)]
struct State {
    nodes: HashMap<String, Node>,
    links: Vec<(String, Cutter)>,
    /// Links to this node break after so many bytes from it.
    breaks_after: HashMap<String, usize>,
    stalled: HashSet<String>,
    dials: usize,
}

/// See the module's comment. Clones share the network.
#[derive(Clone, Default)]
pub struct Network(Arc<Mutex<State>>);

impl Network {
    pub fn add(&self, name: &str, node: &Node) {
        self.0
            .lock()
            .unwrap()
            .nodes
            .insert(name.to_owned(), node.clone());
    }

    /// Cuts every link to `name`.
    pub fn cut(&self, name: &str) {
        let mut state = self.0.lock().unwrap();
        state.links.retain(|(to, cutter)| {
            if to == name {
                cutter.cut();
            }
            to != name
        });
    }

    /// Makes links to `name` break after so many bytes, or no longer.
    pub fn break_after(&self, name: &str, bytes: Option<usize>) {
        let limits = &mut self.0.lock().unwrap().breaks_after;
        match bytes {
            Some(bytes) => limits.insert(name.to_owned(), bytes),
            None => limits.remove(name),
        };
    }

    /// Stalls all links to `name`, or lets them go on.
    pub fn stall(&self, name: &str, is_stalled: bool) {
        let mut state = self.0.lock().unwrap();
        for (_, cutter) in state.links.iter().filter(|(to, _)| to == name) {
            cutter.stall(is_stalled);
        }
        if is_stalled {
            state.stalled.insert(name.to_owned());
        } else {
            state.stalled.remove(name);
        }
    }

    pub fn dials(&self) -> usize {
        self.0.lock().unwrap().dials
    }
}

#[async_trait]
impl ReplicationTransport for Network {
    async fn dial(&self, host: &str, _port: u16) -> io::Result<Box<dyn Link>> {
        let mut state = self.0.lock().unwrap();
        state.dials += 1;
        let node = state.nodes.get(host).cloned();
        let node = node.ok_or(io::ErrorKind::ConnectionRefused)?;
        let (ours, theirs, cutter) = pipe(state.breaks_after.get(host).copied());
        cutter.stall(state.stalled.contains(host));
        state.links.push((host.to_owned(), cutter));
        let peer = Peer {
            addr: "10.0.0.1:5".to_owned(),
            ..Peer::default()
        };
        smol::spawn(async move { node.accept(Box::new(theirs), peer).await }).detach();
        Ok(Box::new(ours))
    }
}
