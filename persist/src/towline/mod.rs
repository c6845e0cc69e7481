//! The native snapshot: compressed blocks that are written, read and checked
//! one by one, so that damage has a place and a size.
//!
//! * `layout`: the bytes.
//! * `packer`, `huffman`: how a block's contents are made smaller.
//! * `encode`, `decode`: files.
//! * `salvage`: what is whole in a damaged one.

mod decode;
mod encode;
mod huffman;
mod layout;
mod packer;
mod salvage;

use towline_core::seams::snapshot::{
    DecodeOptions, SnapshotCodec, SnapshotDecoder, SnapshotEncoder, SnapshotMeta,
};

use crate::decode::Coroutine;
use encode::TowlineEncoder;
pub use salvage::{LostBlock, Salvage, Salvaged};

/// The native snapshot as a snapshot format.
#[derive(Clone, Copy, Debug, Default)]
pub struct TowlineCodec;

impl SnapshotCodec for TowlineCodec {
    fn name(&self) -> &'static str {
        "towline"
    }

    fn recognises(&self, head: &[u8]) -> Option<bool> {
        let known = head.len().min(layout::MAGIC.len());
        let same = head[..known] == layout::MAGIC[..known];
        match known == layout::MAGIC.len() {
            _ if !same => Some(false),
            true => Some(true),
            false => None,
        }
    }

    fn encoder(&self, meta: &SnapshotMeta) -> Box<dyn SnapshotEncoder> {
        Box::new(TowlineEncoder::new(meta.clone()))
    }

    fn decoder(&self, options: DecodeOptions) -> Box<dyn SnapshotDecoder> {
        Box::new(Coroutine::new(options, decode::file))
    }
}

#[cfg(test)]
mod tests;
