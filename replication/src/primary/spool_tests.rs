use super::*;
use proptest::prelude::*;
use smol::block_on;
use towline_persist::storage::MemoryStorage;

fn spool(memory_bytes: usize) -> (Spool, Arc<MemoryStorage>) {
    let storage = Arc::new(MemoryStorage::new());
    let shared: Arc<dyn Storage> = Arc::<MemoryStorage>::clone(&storage);
    (
        Spool::new(shared, "temp-repl.spool".into(), memory_bytes),
        storage,
    )
}

fn bytes(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(|at| (at * 17 % 251) as u8).collect()
}

fn read_rest(reader: &mut SpoolReader) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(chunk) = block_on(reader.read()).expect("the snapshot is whole") {
        all.extend_from_slice(chunk.as_ref());
    }
    all
}

#[test]
fn readers_that_keep_up_need_no_file() {
    let (spool, storage) = spool(1000);
    let mut readers: Vec<_> = (0..3).map(|_| spool.reader().unwrap()).collect();
    for at in 0..100 {
        block_on(spool.push(bytes(at * 500, 500))).unwrap();
        for reader in &mut readers {
            let chunk = block_on(reader.read()).unwrap().unwrap();
            assert_eq!(chunk.as_ref(), bytes(at * 500, 500));
        }
    }
    assert_eq!(block_on(storage.list()).unwrap(), Vec::<String>::new());
    assert!(spool.reader().is_none(), "the beginning is gone");
}

#[test]
fn a_slow_reader_costs_a_file_and_little_memory() {
    let (spool, storage) = spool(1000);
    let mut slow = spool.reader().unwrap();
    let mut fast = spool.reader().unwrap();
    for at in 0..100 {
        block_on(spool.push(bytes(at * 500, 500))).unwrap();
        block_on(fast.read()).unwrap().unwrap();
        assert!(spool.state().held_bytes <= 1000);
    }
    spool.end(Ok(()));
    assert_eq!(block_on(slow.length()), Ok(50_000));
    assert_eq!(read_rest(&mut slow), bytes(0, 50_000));
    assert!(block_on(fast.read()).unwrap().is_none());
    drop((slow, fast));
    assert_eq!(block_on(storage.list()).unwrap().len(), 1);
    block_on(spool.clean_up()).unwrap();
    assert_eq!(block_on(storage.list()).unwrap(), Vec::<String>::new());
}

#[test]
fn a_walk_without_readers_is_abandoned() {
    let (spool, _) = spool(1000);
    let reader = spool.reader().unwrap();
    assert_eq!(block_on(spool.push(bytes(0, 10))), Ok(()));
    drop(reader);
    assert_eq!(block_on(spool.push(bytes(0, 10))), Err(Abandoned));
}

#[test]
fn a_failed_snapshot_is_never_read_to_its_end() {
    let (spool, _) = spool(1000);
    let mut reader = spool.reader().unwrap();
    block_on(spool.push(bytes(0, 10))).unwrap();
    let failed = SpoolError::Failed("no".into());
    spool.end(Err(failed.clone()));
    spool.end(Ok(()));
    assert_eq!(block_on(reader.read()).err(), Some(failed.clone()));
    assert_eq!(block_on(reader.length()), Err(failed));
}

proptest! {
    /// Readers of any speed, some of which leave, read what was written.
    #[test]
    fn every_reader_reads_the_whole_snapshot(
        memory in 0usize..3000,
        steps in proptest::collection::vec((0usize..5, 1usize..700), 1..150),
    ) {
        let (spool, storage) = spool(memory);
        let mut readers: Vec<(SpoolReader, Vec<u8>)> = (0..3).map(|_| (spool.reader().unwrap(), Vec::new())).collect();
        let mut written = 0;
        for (what, len) in steps {
            match what {
                0 | 1 => {
                    if block_on(spool.push(bytes(written, len))).is_ok() {
                        written += len;
                    } else {
                        prop_assert!(readers.is_empty());
                        return Ok(());
                    }
                }
                4 if len < 20 => drop(readers.pop()),
                _ => {
                    let count = readers.len().max(1);
                    if let Some((reader, read)) = readers.get_mut(len % count)
                        && read.len() < written
                    {
                        read.extend_from_slice(block_on(reader.read()).unwrap().unwrap().as_ref());
                    }
                }
            }
        }
        spool.end(Ok(()));
        for (reader, read) in &mut readers {
            read.extend(read_rest(reader));
            prop_assert_eq!(&*read, &bytes(0, written));
        }
        readers.clear();
        block_on(spool.clean_up()).unwrap();
        prop_assert!(block_on(storage.list()).unwrap().is_empty());
    }
}
