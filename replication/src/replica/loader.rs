//! A snapshot from the primary, on its way into a dataset of its own; or a delta, which
//! is a snapshot of a part and a list of ranges behind it.

use std::fmt;
use std::sync::Arc;
use towline_core::keyspace::Dataset;
use towline_core::keyspace::delta::coding::SEALED_MAX_BYTES;
use towline_core::keyspace::delta::{Delta, DeltaFault, WholeDelta};
use towline_core::seams::snapshot::{DecodeError, DecodeOptions, Progress, SnapshotSink};
use towline_core::seams::{SnapshotCodec, SnapshotDecoder};

/// A format has to tell itself within this many bytes.
const HEAD_MAX_BYTES: usize = 64;

/// Why a snapshot cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// It is in none of the formats that are read here; how it starts.
    UnknownFormat(Vec<u8>),
    /// It is not what it claims to be.
    Decode(DecodeError),
    /// There is more after its end.
    TrailingBytes,
    /// It is no delta, or not one of this dataset.
    Delta(DeltaFault),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFormat(head) => {
                write!(
                    f,
                    "the snapshot's format is unknown; it starts with '{}'",
                    head.escape_ascii()
                )
            }
            Self::Decode(error) => error.fmt(f),
            Self::TrailingBytes => f.write_str("the transfer goes on after the snapshot's end"),
            Self::Delta(fault) => fault.fmt(f),
        }
    }
}

/// Reads a snapshot beside the dataset that is served. Nothing of it can be
/// taken out before it is whole and its checksum holds.
pub struct Loader<S = Dataset> {
    formats: Vec<Arc<dyn SnapshotCodec>>,
    head: Vec<u8>,
    decoder: Option<Box<dyn SnapshotDecoder>>,
    /// The name of the snapshot's format.
    format: Option<&'static str>,
    is_complete: bool,
    options: DecodeOptions,
    sink: S,
    /// What stands behind the snapshot, and how much may.
    rest: Vec<u8>,
    rest_max_bytes: usize,
}

impl Loader {
    /// A loader for any of `formats`, into `databases` databases.
    #[must_use]
    pub fn new(
        formats: &[Arc<dyn SnapshotCodec>],
        databases: usize,
        options: DecodeOptions,
    ) -> Self {
        let dataset = Dataset::new(databases, options.hash_seed);
        Self::into_sink(formats, options, dataset, 0)
    }

    /// Keys loaded so far.
    #[must_use]
    pub const fn keys(&self) -> u64 {
        self.sink.keys()
    }

    /// The whole dataset.
    ///
    /// # Errors
    /// If the snapshot is not complete.
    pub fn finish(mut self) -> Result<Dataset, LoadError> {
        self.end()?;
        Ok(self.sink)
    }
}

impl Loader<Delta> {
    /// A loader for a delta of a dataset of `databases` databases.
    #[must_use]
    pub fn of_delta(
        formats: &[Arc<dyn SnapshotCodec>],
        databases: usize,
        options: DecodeOptions,
    ) -> Self {
        let delta = Delta::new(databases, options.hash_seed);
        Self::into_sink(formats, options, delta, SEALED_MAX_BYTES)
    }

    /// Keys loaded so far.
    #[must_use]
    pub const fn keys(&self) -> u64 {
        self.sink.keys()
    }

    /// The whole delta.
    ///
    /// # Errors
    /// If it is not complete, or contradicts itself.
    pub fn finish(mut self) -> Result<WholeDelta, LoadError> {
        self.end()?;
        self.sink.complete(&self.rest).map_err(LoadError::Delta)
    }
}

impl<S: SnapshotSink> Loader<S> {
    fn into_sink(
        formats: &[Arc<dyn SnapshotCodec>],
        options: DecodeOptions,
        sink: S,
        rest_max_bytes: usize,
    ) -> Self {
        Self {
            formats: formats.to_vec(),
            head: Vec::new(),
            decoder: None,
            format: None,
            is_complete: false,
            options,
            sink,
            rest: Vec::new(),
            rest_max_bytes,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// If they are not those of a snapshot.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        if self.decoder.is_some() {
            return self.decode(bytes);
        }
        self.head.extend_from_slice(bytes);
        let answers: Vec<_> = self
            .formats
            .iter()
            .map(|codec| codec.recognises(&self.head))
            .collect();
        let known = answers.iter().position(|answer| *answer == Some(true));
        let Some(known) = known else {
            let may_come = answers.contains(&None) && self.head.len() < HEAD_MAX_BYTES;
            return if may_come {
                Ok(())
            } else {
                Err(self.unknown())
            };
        };
        self.format = Some(self.formats[known].name());
        self.decoder = Some(self.formats[known].decoder(self.options));
        let head = std::mem::take(&mut self.head);
        self.decode(&head)
    }

    fn unknown(&self) -> LoadError {
        LoadError::UnknownFormat(self.head[..self.head.len().min(HEAD_MAX_BYTES)].to_vec())
    }

    fn decode(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let decoder = self.decoder.as_mut();
        let Some(decoder) = decoder.filter(|_| !self.is_complete) else {
            return self.keep_rest(bytes);
        };
        match decoder.feed(bytes, &mut self.sink) {
            Ok(Progress::More) => Ok(()),
            Ok(Progress::Complete { consumed }) => {
                self.is_complete = true;
                self.keep_rest(&bytes[consumed..])
            }
            Err(error) => Err(LoadError::Decode(error)),
        }
    }

    fn keep_rest(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        self.rest.extend_from_slice(bytes);
        match self.rest.len() > self.rest_max_bytes {
            true => Err(LoadError::TrailingBytes),
            false => Ok(()),
        }
    }

    /// The name of the snapshot's format, once it has told itself.
    #[must_use]
    pub fn format(&self) -> Option<&'static str> {
        self.format
    }

    fn end(&mut self) -> Result<(), LoadError> {
        match &mut self.decoder {
            _ if self.is_complete => Ok(()),
            Some(decoder) => decoder.finish().map_err(LoadError::Decode),
            None => Err(self.unknown()),
        }
    }
}
