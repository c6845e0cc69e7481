//! The synchronous half: one method per operation. What asks the store for something
//! runs on the pool; what does not may run anywhere.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion,
};
use towline_core::seams::{StorageError, StorageOp};

use super::names::{self, Names};
use super::{PIECE_BYTES, failure, wait};
use crate::crc::Crc64;

/// The files below a prefix.
#[derive(Debug)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// Tells this owner of the prefix from any other, in what it writes.
    owner: u64,
    files: Mutex<Files>,
    /// Held while the object of the names is written.
    written: Mutex<Written>,
}

/// What calls see.
#[derive(Debug, Default)]
struct Files {
    names: BTreeMap<String, Arc<File>>,
    /// The number that the next file gets.
    next: u64,
    /// Files without a name, whose pieces go once the names in the store say so.
    nameless: Vec<Arc<File>>,
}

/// The names as the store has them.
#[derive(Debug, Default)]
struct Written {
    names: Names,
    /// The object's version, for a write that fails where somebody else wrote.
    version: Option<UpdateVersion>,
    /// Checksums of what was written since, or was not: the answers were lost.
    tried: Vec<u64>,
}

/// One file, whatever names it has.
#[derive(Debug)]
struct File {
    number: u64,
    contents: Mutex<Contents>,
    /// Held by the one call that puts or deletes pieces.
    changing: Mutex<()>,
}

#[derive(Debug, Default)]
struct Contents {
    /// What is in the store: where each piece begins. They touch each other.
    pieces: Vec<u64>,
    /// Where the last of them ends.
    put_bytes: u64,
    /// What follows and is not in the store.
    tail: Vec<u8>,
    /// Whether an object is, or may be, where the tail begins: what was cut, or what was
    /// put without an answer. The next that is put there takes its place.
    in_doubt: bool,
    poisoned: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is locked is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_found(name: &str) -> StorageError {
    let name = name.to_owned();
    StorageError::NotFound { name }
}

impl File {
    fn new(number: u64, contents: Contents) -> Arc<Self> {
        Arc::new(Self {
            number,
            contents: Mutex::new(contents),
            changing: Mutex::default(),
        })
    }

    /// What it holds, if it takes writes.
    fn writable(&self, name: &str) -> Result<MutexGuard<'_, Contents>, StorageError> {
        let contents = lock(&self.contents);
        if !contents.poisoned {
            return Ok(contents);
        }
        let name = name.to_owned();
        Err(StorageError::Poisoned { name })
    }
}

impl Contents {
    fn len(&self) -> u64 {
        self.put_bytes + self.tail.len() as u64
    }

    /// The parts of pieces that hold the bytes `from..to`, each with the piece's offset.
    fn parts(&self, from: u64, to: u64) -> Vec<(u64, Range<u64>)> {
        let ends = self.pieces.iter().skip(1).chain([&self.put_bytes]);
        let pieces = self.pieces.iter().zip(ends);
        pieces
            .filter(|(begin, end)| from < **end && **begin < to)
            .map(|(&begin, &end)| (begin, from.max(begin) - begin..to.min(end) - begin))
            .collect()
    }
}

impl Bucket {
    /// What a prefix holds.
    pub(super) fn open(store: Arc<dyn ObjectStore>, prefix: Path) -> Result<Self, StorageError> {
        let bucket = Self {
            store,
            prefix,
            owner: RandomState::new().build_hasher().finish(),
            files: Mutex::default(),
            written: Mutex::default(),
        };
        let written = bucket.read_names()?;
        *lock(&bucket.files) = bucket.find_pieces(&written.names)?;
        *lock(&bucket.written) = written;
        Ok(bucket)
    }

    fn names_path(&self) -> Path {
        self.prefix.clone().join("names")
    }

    fn pieces_path(&self) -> Path {
        self.prefix.clone().join("pieces")
    }

    fn piece_path(&self, file: u64, offset: u64) -> Path {
        let file = self.pieces_path().join(format!("{file:016x}"));
        file.join(format!("{offset:016x}"))
    }

    fn read_names(&self) -> Result<Written, StorageError> {
        let Some((bytes, version)) = self.names_object()? else {
            return Ok(Written::default());
        };
        let names = names::decode(&bytes);
        let names = names.ok_or_else(|| {
            self.names_failure(
                StorageOp::List,
                "this is no list of names, or it is damaged",
            )
        })?;
        Ok(Written {
            names,
            version: Some(version),
            tried: Vec::new(),
        })
    }

    /// The object of the names, if there is one, and its version.
    fn names_object(&self) -> Result<Option<(Vec<u8>, UpdateVersion)>, StorageError> {
        let path = self.names_path();
        let fail = |error: Error| failure(StorageOp::List, path.as_ref(), &error);
        let found = match wait(self.store.get(&path)) {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(fail)?,
        };
        let version = UpdateVersion {
            e_tag: found.meta.e_tag.clone(),
            version: found.meta.version.clone(),
        };
        let bytes = wait(found.bytes()).map_err(fail)?;
        Ok(Some((bytes.to_vec(), version)))
    }

    fn names_failure(&self, op: StorageOp, message: &str) -> StorageError {
        StorageError::Backend {
            op,
            name: self.names_path().to_string(),
            message: message.to_owned(),
        }
    }

    /// The files that the names lead to, and those that none does.
    fn find_pieces(&self, names: &Names) -> Result<Files, StorageError> {
        let path = self.pieces_path();
        let listed = wait(self.store.list(Some(&path)).try_collect::<Vec<_>>());
        let listed = listed.map_err(|error| failure(StorageOp::List, path.as_ref(), &error))?;
        let mut found: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
        for object in listed {
            let mut parts = object.location.as_ref().rsplit('/');
            let (offset, file) = (parts.next(), parts.next());
            let number = |text: Option<&str>| u64::from_str_radix(text?, 16).ok();
            // Somebody else's object is left alone.
            if let (Some(file), Some(offset)) = (number(file), number(offset)) {
                found.entry(file).or_default().insert(offset, object.size);
            }
        }
        let mut files = Files::default();
        let last = found.keys().chain(names.values()).max();
        files.next = last.map_or(0, |last| last + 1);
        for (name, number) in names {
            let pieces = found.remove(number).unwrap_or_default();
            let contents = joined(name, &pieces)?;
            files
                .names
                .insert(name.clone(), File::new(*number, contents));
        }
        for (number, pieces) in found {
            let contents = Contents {
                pieces: pieces.into_keys().collect(),
                ..Contents::default()
            };
            files.nameless.push(File::new(number, contents));
        }
        Ok(files)
    }

    fn find(&self, name: &str) -> Result<Arc<File>, StorageError> {
        let found = lock(&self.files).names.get(name).cloned();
        found.ok_or_else(|| not_found(name))
    }

    /// A file that is there stays the same file, so that what is synced in it is found
    /// under the name that it has in the store.
    pub(super) fn create(&self, name: &str) -> Result<(), StorageError> {
        if let Ok(file) = self.find(name) {
            let _changing = lock(&file.changing);
            lock(&file.contents).tail.clear();
            let cut = self.cut_pieces(&file, 0);
            lock(&file.contents).poisoned = cut.is_err();
            return cut.map_err(|error| failure(StorageOp::Create, name, &error));
        }
        let mut files = lock(&self.files);
        let number = files.next;
        files.next += 1;
        let file = File::new(number, Contents::default());
        files.names.insert(name.to_owned(), file);
        Ok(())
    }

    /// Appends in memory, or gives the bytes back where a piece has to be put first.
    pub(super) fn append_to_tail(
        &self,
        name: &str,
        data: Vec<u8>,
    ) -> Result<Result<u64, Vec<u8>>, StorageError> {
        let file = self.find(name)?;
        let mut contents = file.writable(name)?;
        if contents.tail.len() >= PIECE_BYTES {
            return Ok(Err(data));
        }
        contents.tail.extend_from_slice(&data);
        Ok(Ok(contents.len()))
    }

    /// Puts what is full, and appends. Where it cannot be put nothing is appended: the
    /// file is as it was, and takes the next append as soon as the store does.
    pub(super) fn append(&self, name: &str, data: &[u8]) -> Result<u64, StorageError> {
        let file = self.find(name)?;
        let changing = lock(&file.changing);
        // Another call may have put it meanwhile.
        if file.writable(name)?.tail.len() >= PIECE_BYTES {
            self.put_tail(StorageOp::Append, name, &file)?;
        }
        drop(changing);
        let mut contents = file.writable(name)?;
        contents.tail.extend_from_slice(data);
        Ok(contents.len())
    }

    /// Puts what is not in the store yet. Appends may go on meanwhile. The caller holds
    /// `changing`.
    fn put_tail(&self, op: StorageOp, name: &str, file: &File) -> Result<(), StorageError> {
        let (offset, bytes, in_doubt) = {
            let contents = lock(&file.contents);
            let bytes = contents.tail.clone();
            (contents.put_bytes, bytes, contents.in_doubt)
        };
        if bytes.is_empty() {
            if in_doubt {
                let deleted = self.delete_piece(file, offset);
                deleted.map_err(|error| failure(op, name, &error))?;
                lock(&file.contents).in_doubt = false;
            }
            return Ok(());
        }
        let length = bytes.len();
        let path = self.piece_path(file.number, offset);
        let put = wait(self.store.put(&path, PutPayload::from(bytes)));
        let mut contents = lock(&file.contents);
        contents.in_doubt = put.is_err();
        put.map_err(|error| failure(op, name, &error))?;
        contents.pieces.push(offset);
        contents.put_bytes += length as u64;
        contents.tail.drain(..length);
        Ok(())
    }

    pub(super) fn sync(&self, name: &str) -> Result<(), StorageError> {
        let file = self.find(name)?;
        let _changing = lock(&file.changing);
        drop(file.writable(name)?);
        let synced = self.put_tail(StorageOp::Sync, name, &file);
        if synced.is_err() {
            lock(&file.contents).poisoned = true;
        }
        synced
    }

    /// Writes the names, unless another owner did since. One whose answer was lost may
    /// have been written all the same; then what is there is ours, and no other's.
    fn write_names(&self, names: Names, written: &mut Written) -> Result<(), StorageError> {
        let bytes = names::encode(self.owner, &names);
        let crc = Crc64::of(&bytes);
        written.tried.push(crc);
        loop {
            let version = match self.put_names(&bytes, written.version.clone())? {
                Some(version) => version,
                None => {
                    let found = self.names_object()?;
                    let found = found.map(|(bytes, version)| (Crc64::of(&bytes), version));
                    match found {
                        Some((found, version)) if found == crc => version,
                        Some((found, version)) if written.tried.contains(&found) => {
                            written.version = Some(version);
                            continue;
                        }
                        _ => {
                            let message = "another process has written the names since";
                            return Err(self.names_failure(StorageOp::SyncDir, message));
                        }
                    }
                }
            };
            *written = Written {
                names,
                version: Some(version),
                tried: Vec::new(),
            };
            return Ok(());
        }
    }

    /// Puts the object of the names in the place of `version`; `None` where that is not
    /// what is there.
    fn put_names(
        &self,
        bytes: &[u8],
        version: Option<UpdateVersion>,
    ) -> Result<Option<UpdateVersion>, StorageError> {
        let mode = version.map_or(PutMode::Create, PutMode::Update);
        let (path, payload) = (self.names_path(), PutPayload::from(bytes.to_vec()));
        let put = self.store.put_opts(&path, payload, PutOptions::from(mode));
        match wait(put) {
            Ok(put) => Ok(Some(put.into())),
            Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => Ok(None),
            Err(error) => Err(failure(StorageOp::SyncDir, path.as_ref(), &error)),
        }
    }

    pub(super) fn len(&self, name: &str) -> Result<u64, StorageError> {
        Ok(lock(&self.find(name)?.contents).len())
    }

    pub(super) fn read(
        &self,
        name: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>, StorageError> {
        let file = self.find(name)?;
        let end = offset.saturating_add(max_bytes as u64);
        let (parts, tail) = {
            let contents = lock(&file.contents);
            let within = |at: u64| at.saturating_sub(contents.put_bytes);
            let rest = contents.tail.len() as u64;
            let (from, to) = (within(offset).min(rest), within(end).min(rest));
            let tail = contents.tail[from as usize..to as usize].to_vec();
            (contents.parts(offset, end), tail)
        };
        let mut out = Vec::new();
        for (piece, range) in parts {
            let path = self.piece_path(file.number, piece);
            let got = wait(self.store.get_range(&path, range));
            out.extend_from_slice(&got.map_err(|e| failure(StorageOp::Read, name, &e))?);
        }
        out.extend_from_slice(&tail);
        Ok(out)
    }

    /// Later pieces go from the last one on, so that a crash leaves a longer file
    /// without a gap. What is kept of the piece in which the cut lies is put again with
    /// the next sync, in that piece's place.
    pub(super) fn truncate(&self, name: &str, length: u64) -> Result<(), StorageError> {
        let file = self.find(name)?;
        let _changing = lock(&file.changing);
        let put_bytes = {
            let mut contents = file.writable(name)?;
            if length > contents.len() {
                let name = name.to_owned();
                return Err(StorageError::OutOfRange { name, length });
            }
            let kept = length.saturating_sub(contents.put_bytes) as usize;
            contents.tail.truncate(kept);
            contents.put_bytes
        };
        if length >= put_bytes {
            return Ok(());
        }
        let cut = self.cut_pieces(&file, length);
        cut.map_err(|error| {
            lock(&file.contents).poisoned = true;
            failure(StorageOp::Truncate, name, &error)
        })
    }

    fn cut_pieces(&self, file: &File, length: u64) -> Result<(), Error> {
        let (in_doubt, end) = {
            let contents = lock(&file.contents);
            (contents.in_doubt, contents.put_bytes)
        };
        if in_doubt {
            self.delete_piece(file, end)?;
            lock(&file.contents).in_doubt = false;
        }
        loop {
            let last = lock(&file.contents).pieces.last().copied();
            let Some(last) = last.filter(|_| lock(&file.contents).put_bytes > length) else {
                return Ok(());
            };
            let path = self.piece_path(file.number, last);
            let kept = match last < length {
                true => wait(self.store.get_range(&path, 0..length - last))?.to_vec(),
                false => {
                    self.delete_piece(file, last)?;
                    Vec::new()
                }
            };
            let mut contents = lock(&file.contents);
            contents.pieces.pop();
            contents.put_bytes = last;
            contents.in_doubt = !kept.is_empty();
            contents.tail = kept;
        }
    }

    /// A piece that is gone already is as good.
    fn delete_piece(&self, file: &File, offset: u64) -> Result<(), Error> {
        match wait(self.store.delete(&self.piece_path(file.number, offset))) {
            Err(Error::NotFound { .. }) => Ok(()),
            deleted => deleted,
        }
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        let mut files = lock(&self.files);
        let file = files.names.remove(from).ok_or_else(|| not_found(from))?;
        let replaced = files.names.insert(to.to_owned(), file);
        files.nameless.extend(replaced);
        Ok(())
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), StorageError> {
        let mut files = lock(&self.files);
        let file = files.names.remove(name).ok_or_else(|| not_found(name))?;
        files.nameless.push(file);
        Ok(())
    }

    pub(super) fn list(&self) -> Vec<String> {
        lock(&self.files).names.keys().cloned().collect()
    }

    pub(super) fn sync_dir(&self) -> Result<(), StorageError> {
        let mut written = lock(&self.written);
        let (names, nameless) = {
            let mut files = lock(&self.files);
            let names: Names = (files.names.iter())
                .map(|(name, file)| (name.clone(), file.number))
                .collect();
            (names, std::mem::take(&mut files.nameless))
        };
        let changed = names != written.names;
        let done = match changed {
            true => self.write_names(names, &mut written),
            false => Ok(()),
        };
        drop(written);
        if done.is_err() {
            lock(&self.files).nameless.extend(nameless);
            return done;
        }
        // The names are durable, and that is what was asked for. What cannot be deleted
        // now is in nobody's way, and is tried again with the next call.
        let left = nameless.into_iter().filter(|file| !self.delete(file));
        let left: Vec<_> = left.collect();
        lock(&self.files).nameless.extend(left);
        Ok(())
    }

    /// Deletes the pieces of a file; whether all are gone.
    fn delete(&self, file: &File) -> bool {
        let _changing = lock(&file.changing);
        let mut contents = lock(&file.contents);
        contents.poisoned = true;
        if std::mem::take(&mut contents.in_doubt) {
            let end = contents.put_bytes;
            contents.pieces.push(end);
        }
        let is_left = |offset: &u64| self.delete_piece(file, *offset).is_err();
        contents.pieces.retain(is_left);
        contents.pieces.is_empty()
    }
}

/// What pieces of these offsets and lengths hold together.
fn joined(name: &str, pieces: &BTreeMap<u64, u64>) -> Result<Contents, StorageError> {
    let mut end = 0;
    for (offset, length) in pieces {
        if *offset != end {
            return Err(StorageError::Backend {
                op: StorageOp::List,
                name: name.to_owned(),
                message: format!("the piece at offset {end} is missing"),
            });
        }
        end += length;
    }
    Ok(Contents {
        pieces: pieces.keys().copied().collect(),
        put_bytes: end,
        ..Contents::default()
    })
}
