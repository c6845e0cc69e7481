//! A whole snapshot in memory: for tools that look into one, and for tests.

use std::collections::BTreeMap;

use towline_core::seams::SnapshotEncoder;
use towline_core::seams::snapshot::{
    DecodeError, DecodeOptions, EncodeError, Progress, Refused, SnapshotCodec, SnapshotEntry,
    SnapshotMeta, SnapshotSink,
};

/// The entries of one database, by key.
pub type Database = BTreeMap<Vec<u8>, SnapshotEntry>;

/// Everything that a snapshot holds.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// What it says of itself.
    pub meta: SnapshotMeta,
    /// Its fields of metadata, in order, known or not.
    pub aux: Vec<(Vec<u8>, Vec<u8>)>,
    /// The databases that are not empty, by number.
    pub databases: BTreeMap<u64, Database>,
    /// Libraries of functions, as source text.
    pub functions: Vec<Vec<u8>>,
    /// Keys that were left out because their collection was empty.
    pub empty_keys: Vec<Vec<u8>>,
    /// What was left out because the options asked for it.
    pub skipped: Vec<DecodeError>,
    selected: u64,
}

impl Contents {
    /// A snapshot without keys.
    #[must_use]
    pub fn new(meta: SnapshotMeta) -> Self {
        Self {
            meta,
            ..Self::default()
        }
    }

    /// What the snapshot `bytes` holds.
    pub fn read(
        codec: &dyn SnapshotCodec,
        options: DecodeOptions,
        bytes: &[u8],
    ) -> Result<Self, DecodeError> {
        let mut contents = Self::default();
        let mut decoder = codec.decoder(options);
        if decoder.feed(bytes, &mut contents)? == Progress::More {
            decoder.finish()?;
        }
        Ok(contents)
    }

    /// These contents as a snapshot.
    pub fn write(&self, codec: &dyn SnapshotCodec) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        let mut encoder = codec.encoder(&self.meta);
        encoder.begin(&mut out);
        for source in &self.functions {
            encoder.function(source, &mut out);
        }
        for (db, entries) in &self.databases {
            write_database(*db, entries, encoder.as_mut(), &mut out)?;
        }
        encoder.finish(&mut out);
        Ok(out)
    }
}

fn write_database(
    db: u64,
    entries: &Database,
    encoder: &mut dyn SnapshotEncoder,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let db = u32::try_from(db).expect("databases are few");
    let expires = entries.values().filter(|entry| entry.expire_ms.is_some());
    encoder.select_db(db, entries.len() as u64, expires.count() as u64, out);
    entries
        .values()
        .try_for_each(|entry| encoder.entry(&entry.view(), out))
}

impl SnapshotSink for Contents {
    fn aux(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused> {
        self.meta.learn(key, value);
        self.aux.push((key.to_vec(), value.to_vec()));
        Ok(())
    }

    fn select_db(&mut self, db: u64) -> Result<(), Refused> {
        if u32::try_from(db).is_err() {
            return Err(Refused(format!("there is no database {db}")));
        }
        self.selected = db;
        Ok(())
    }

    fn entry(&mut self, entry: SnapshotEntry) -> Result<(), Refused> {
        let key = entry.key.clone();
        let database = self.databases.entry(self.selected).or_default();
        match database.insert(key, entry) {
            None => Ok(()),
            Some(_) => Err(Refused("a key twice in one database".to_owned())),
        }
    }

    fn function(&mut self, source: Vec<u8>) -> Result<(), Refused> {
        self.functions.push(source);
        Ok(())
    }

    fn empty_key(&mut self, key: &[u8]) -> Result<(), Refused> {
        self.empty_keys.push(key.to_vec());
        Ok(())
    }

    fn skipped(&mut self, what: DecodeError) -> Result<(), Refused> {
        self.skipped.push(what);
        Ok(())
    }
}
