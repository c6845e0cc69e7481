//! Lists from and to a snapshot, whose lists are sequences of nodes: listpacks,
//! and single elements too large for one.

use super::chunk::{Chunk, Data};
use super::chunks::Chunks;
use super::limits::{CHUNK_BYTES_MAX, PackLimits};
use super::{Form, List, Side};
use crate::packed::listpack::Listpack;
use crate::value::EncodingLimits;

/// A piece of a list as a snapshot holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node<'a> {
    /// One element.
    Plain(&'a [u8]),
    /// The elements of a listpack.
    Packed(&'a Listpack),
}

impl List {
    /// The number of nodes.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.piece_count()
    }

    /// The list in nodes, none of them empty unless the list is.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        let (pack, chunks) = match &self.form {
            Form::Packed(pack) => (Some(pack), None),
            Form::Chunks(chunks) => (None, Some(chunks)),
        };
        let of_chunk = |chunk| match Chunk::data(chunk) {
            Data::Packed(pack) => Node::Packed(pack),
            Data::Plain(value) => Node::Plain(value),
        };
        let chunks = chunks.into_iter().flat_map(|chunks| chunks.iter());
        let pack = pack.into_iter().map(Node::Packed);
        pack.chain(chunks.map(of_chunk))
    }
}

/// Puts a list together from what a snapshot holds, in order.
pub struct ListLoader {
    limits: EncodingLimits,
    /// The first listpack, while there is nothing else: it may stay as it is.
    only: Option<Listpack>,
    chunks: Chunks,
}

impl ListLoader {
    /// Starts an empty list.
    #[must_use]
    pub fn new(limits: &EncodingLimits) -> Self {
        Self {
            limits: *limits,
            only: None,
            chunks: Chunks::new(),
        }
    }

    /// Appends the elements of a listpack.
    pub fn push_packed(&mut self, pack: Listpack) {
        if pack.is_empty() {
            return;
        }
        if self.only.is_none() && self.chunks.chunk_count() == 0 {
            self.only = Some(pack);
            return;
        }
        self.flush();
        self.push_pack(pack);
    }

    /// Appends one element.
    pub fn push(&mut self, value: Vec<u8>) {
        self.flush();
        if value.len() > CHUNK_BYTES_MAX {
            self.chunks.push_chunk(Chunk::plain(value));
        } else {
            let limits = PackLimits::chunk(&self.limits);
            self.chunks.push(Side::Right, &value, &limits);
        }
    }

    fn flush(&mut self) {
        if let Some(pack) = self.only.take() {
            self.push_pack(pack);
        }
    }

    fn push_pack(&mut self, pack: Listpack) {
        self.chunks
            .push_pack(pack, &PackLimits::chunk(&self.limits));
    }

    /// The list, in the encoding that its size asks for.
    #[must_use]
    pub fn finish(mut self) -> List {
        let whole = PackLimits::whole(&self.limits);
        if let Some(pack) = self.only.take() {
            if whole.hold(pack.byte_len(), pack.len()) {
                return List {
                    form: Form::Packed(pack),
                };
            }
            self.push_pack(pack);
        }
        let mut list = List {
            form: Form::Chunks(Box::new(self.chunks)),
        };
        list.pack_within(&whole);
        list
    }
}
