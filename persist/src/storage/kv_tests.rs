use std::io;
use std::sync::{Mutex, MutexGuard};

use futures::executor::block_on;
use redb::StorageBackend;

use super::*;
use crate::storage::conformance::{self, Fault, Reopened};
use crate::testing::TempDir;

/// A disk below the database. What it was not asked to sync may be lost in a crash,
/// write by write, in whichever order.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Blocks>>);

#[derive(Debug, Default)]
struct Blocks {
    live: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Write>,
    fault: Option<Fault>,
}

#[derive(Debug)]
enum Write {
    Bytes(u64, Vec<u8>),
    Length(u64),
}

fn perform(bytes: &mut Vec<u8>, write: &Write) {
    match write {
        Write::Length(length) => bytes.resize(*length as usize, 0),
        Write::Bytes(offset, data) => {
            let (from, to) = (*offset as usize, *offset as usize + data.len());
            bytes.resize(bytes.len().max(to), 0);
            bytes[from..to].copy_from_slice(data);
        }
    }
}

impl Disk {
    fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.0.lock().expect("no test panics with it")
    }

    fn take(&self, write: Write) -> io::Result<()> {
        let mut blocks = self.blocks();
        let (write, done) = match (blocks.fault, write) {
            (Some(Fault::Full), _) => return Err(io::ErrorKind::StorageFull.into()),
            (Some(Fault::ShortWrite), Write::Bytes(offset, data)) => {
                let part = Write::Bytes(offset, data[..data.len() / 2].to_vec());
                (part, Err(io::ErrorKind::WriteZero.into()))
            }
            (_, write) => (write, Ok(())),
        };
        perform(&mut blocks.live, &write);
        blocks.unsynced.push(write);
        done
    }

    /// The disk that is found after a crash now: some of what was not synced is on it.
    fn after_crash(&self, random: &mut u64) -> Self {
        let blocks = self.blocks();
        let mut left = blocks.durable.clone();
        for write in &blocks.unsynced {
            *random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            // A longer file is found even where its bytes are lost.
            let kept = matches!(write, Write::Length(_)) || (*random >> 40).is_multiple_of(2);
            match write {
                Write::Bytes(offset, data) if blocks.fault == Some(Fault::TornBlock) => {
                    let part = (*random >> 33) as usize % (data.len() + 1);
                    perform(&mut left, &Write::Bytes(*offset, data[..part].to_vec()));
                }
                write if kept => perform(&mut left, write),
                _ => {}
            }
        }
        let blocks = Blocks {
            durable: left.clone(),
            live: left,
            // It tears again until it is told otherwise; the rest is mended.
            fault: blocks.fault.filter(|fault| *fault == Fault::TornBlock),
            ..Blocks::default()
        };
        Self(Arc::new(Mutex::new(blocks)))
    }

    fn open(&self) -> RedbStorage {
        let database = Database::builder().create_with_backend(self.clone());
        RedbStorage::new(database.expect("it opens after any crash")).expect("tables of ours")
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.blocks().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let blocks = self.blocks();
        let found = blocks
            .live
            .get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.take(Write::Length(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut blocks = self.blocks();
        if blocks.fault == Some(Fault::Sync) {
            return Err(io::Error::other("Input/output error"));
        }
        blocks.durable = blocks.live.clone();
        blocks.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.take(Write::Bytes(offset, data.to_vec()))
    }
}

/// A storage that is opened again after each crash, on what of the disk that leaves.
fn machine(seed: u64) -> Reopened<RedbStorage> {
    let present = Arc::new(Mutex::new((Disk::default(), seed)));
    let failing = Arc::clone(&present);
    let open = move || {
        let mut present = present.lock().expect("no test panics with it");
        let (disk, random) = &mut *present;
        *disk = disk.after_crash(random);
        disk.open()
    };
    Reopened::new(open, move |fault| {
        let present = failing.lock().expect("no test panics with it");
        present.0.blocks().fault = fault;
        // What a name is and what a file holds is in the same pages.
        fault != Some(Fault::Names)
    })
}

#[test]
fn a_database_keeps_the_obligations() {
    let dir = TempDir::new("redb-conformance");
    let path = dir.path().join("files.redb");
    let storage = RedbStorage::open(&path).expect("a new database");
    block_on(conformance::run(&storage));
    drop(storage);
    let again = RedbStorage::open(&path).expect("it was closed");
    block_on(async {
        assert_eq!(again.len("large").await, Ok(2_000_006));
        again.create("new").await.expect("it works");
        assert_eq!(
            again.len("large").await,
            Ok(2_000_006),
            "numbers are not used twice"
        );
    });
}

#[test]
fn a_database_keeps_the_obligations_on_a_disk_that_fails() {
    block_on(conformance::run_with_faults(machine));
}

#[test]
fn a_row_that_is_cut_leaves_its_beginning() {
    let storage = Disk::default().open();
    block_on(async {
        storage.create("f").await.expect("it works");
        for piece in ["abc", "defg", "hij"] {
            storage.append("f", piece.into()).await.expect("it works");
        }
        for (length, left) in [
            (10, "abcdefghij"),
            (9, "abcdefghi"),
            (5, "abcde"),
            (3, "abc"),
            (0, ""),
        ] {
            storage.truncate("f", length).await.expect("it works");
            assert_eq!(storage.read("f", 0, 100).await, Ok(left.into()));
            assert_eq!(
                storage.read("f", 2, 2).await,
                Ok(left.get(2..4.min(left.len())).unwrap_or_default().into())
            );
        }
        storage.append("f", b"x".to_vec()).await.expect("it works");
        assert_eq!(storage.read("f", 0, 100).await, Ok(b"x".to_vec()));
    });
}

#[test]
fn a_failed_sync_poisons_and_reads_go_on() {
    let disk = Disk::default();
    let storage = disk.open();
    block_on(async {
        storage.create("log").await.expect("it works");
        storage
            .append("log", b"kept".to_vec())
            .await
            .expect("it works");
        disk.blocks().fault = Some(Fault::Full);
        let name = "log".to_owned();
        assert_eq!(
            storage.sync("log").await,
            Err(StorageError::Full { name: name.clone() })
        );
        disk.blocks().fault = None;
        let poisoned = StorageError::Poisoned { name };
        assert_eq!(storage.sync("log").await, Err(poisoned.clone()));
        assert_eq!(storage.append("log", b"x".to_vec()).await, Err(poisoned));
        assert_eq!(storage.read("log", 0, 9).await, Ok(b"kept".to_vec()));
    });
}

#[test]
fn what_is_no_database_is_refused_by_its_name() {
    let dir = TempDir::new("redb-other");
    let path = dir.path().join("notes.txt");
    std::fs::write(&path, "no database ".repeat(1000)).expect("it can be written");
    let error = RedbStorage::open(&path).expect_err("it is none");
    assert!(error.to_string().contains("notes.txt"), "{error}");
}
