//! Snapshots for readers that want a part of the dataset: `REPLCONF rdb-filter-only`.
//! `redis-cli --functions-rdb` asks for functions and no keys.

use std::sync::Arc;
use towline_core::engine::client::RdbFilter;
use towline_core::seams::snapshot::{
    DecodeOptions, EncodeError, EncodedPart, EntryView, PartEncoder, SnapshotDecoder,
    SnapshotEntry, SnapshotMeta,
};
use towline_core::seams::{SnapshotCodec, SnapshotEncoder};

/// A format that writes only what the reader wants.
pub(super) struct Filtered {
    codec: Arc<dyn SnapshotCodec>,
    filter: RdbFilter,
}

impl Filtered {
    /// `codec` itself where the reader wants everything. Else the snapshot is shared
    /// with nobody.
    pub(super) fn wrap(codec: Arc<dyn SnapshotCodec>, filter: RdbFilter) -> Arc<dyn SnapshotCodec> {
        match filter {
            RdbFilter::Everything => codec,
            filter => Arc::new(Self { codec, filter }),
        }
    }
}

impl SnapshotCodec for Filtered {
    fn name(&self) -> &'static str {
        self.codec.name()
    }

    fn recognises(&self, head: &[u8]) -> Option<bool> {
        self.codec.recognises(head)
    }

    fn encoder(&self, meta: &SnapshotMeta) -> Box<dyn SnapshotEncoder> {
        Box::new(FilteredEncoder {
            encoder: self.codec.encoder(meta),
            functions: self.filter == RdbFilter::Functions,
        })
    }

    fn decoder(&self, options: DecodeOptions) -> Box<dyn SnapshotDecoder> {
        self.codec.decoder(options)
    }
}

struct FilteredEncoder {
    encoder: Box<dyn SnapshotEncoder>,
    functions: bool,
}

/// No filter that there is lets keys through.
impl SnapshotEncoder for FilteredEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) {
        self.encoder.begin(out);
    }

    fn function(&mut self, source: &[u8], out: &mut Vec<u8>) {
        if self.functions {
            self.encoder.function(source, out);
        }
    }

    fn select_db(&mut self, _db: u32, _keys: u64, _expires: u64, _out: &mut Vec<u8>) {}

    fn entry(&mut self, _entry: &EntryView<'_>, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn part(&self) -> Box<dyn PartEncoder> {
        Box::new(NoEntries)
    }

    fn append(&mut self, _part: EncodedPart, _out: &mut Vec<u8>) {}

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.encoder.finish(out);
    }
}

/// Encodes entries to nothing.
struct NoEntries;

impl PartEncoder for NoEntries {
    fn entry(&mut self, _entry: &EntryView<'_>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn begin_large(&mut self, _entry: SnapshotEntry) -> Result<(), EncodeError> {
        Ok(())
    }

    fn resume(&mut self, _budget_bytes: usize) -> bool {
        false
    }

    fn finish(&mut self) -> EncodedPart {
        EncodedPart::default()
    }
}
