//! The journal: what is written is read back at its offsets, through rewrites,
//! changes of history, failures and the hands of others.

use futures::executor::block_on;
use towline_core::offset::Offset;
use towline_core::seams::{LogSink, Storage, StorageOp};
use towline_persist::journal::{FsyncPolicy, Lineage, LogState, ReplayError, Turn};

#[path = "support/log_rig.rs"]
mod log_rig;

use log_rig::{Rig, id, origin, read, unit};

#[test]
fn what_is_written_is_read_back_at_its_offset() {
    let mut rig = Rig::new(FsyncPolicy::Always, Offset(1000));
    assert_eq!(
        rig.manifest(),
        "file appendonly.aof.1.base.rdb seq 1 type b\n\
         file appendonly.aof.1.incr.aof seq 1 type i\n"
    );
    rig.write(&["SELECT", "3"]);
    rig.write(&["SET", "a", "1"]);
    assert_eq!(rig.durable(), Some(rig.at));
    let (commands, recovered) = rig.read();
    assert_eq!(commands, ["1000 SELECT 3", "1023 SET a 1"]);
    assert_eq!(recovered.end, rig.at);
    assert_eq!(recovered.stream_db, Some(3));
    assert_eq!(recovered.lineage, Some(Lineage::new(id(1))));
    assert!(!recovered.clean && !recovered.foreign);
}

#[test]
fn everysec_is_durable_once_the_syncer_has_come_by() {
    let mut rig = Rig::new(FsyncPolicy::Everysec, Offset(0));
    rig.write(&["PING"]);
    let progress = rig.parts.journal.progress();
    assert_eq!(progress.written, rig.at);
    assert_eq!(progress.durable, Some(Offset(0)));
    block_on(rig.parts.syncer.turn());
    assert_eq!(rig.durable(), Some(rig.at));
}

#[test]
fn what_somebody_waits_for_is_synced_where_nothing_else_is() {
    let mut rig = Rig::new(FsyncPolicy::No, Offset(0));
    rig.write(&["SET", "a", "1"]);
    block_on(rig.parts.syncer.turn());
    assert_eq!(rig.durable(), None);
    rig.parts.journal.sink().sync_soon(rig.at);
    block_on(rig.parts.syncer.turn());
    assert_eq!(rig.durable(), Some(rig.at));
    let wanted = rig.at;
    rig.write(&["SET", "a", "2"]);
    block_on(rig.parts.syncer.turn());
    assert_eq!(rig.durable(), Some(wanted), "nobody waits for that");
}

#[test]
fn what_is_yet_to_be_written_is_synced_once_it_is() {
    let mut rig = Rig::new(FsyncPolicy::No, Offset(0));
    let bytes = unit(&["SET", "a", "1"]);
    let mut sink = rig.parts.journal.sink();
    sink.sync_soon(Offset(bytes.len() as u64));
    block_on(rig.parts.syncer.turn());
    assert_eq!(rig.durable(), None);
    rig.write(&["SET", "a", "1"]);
    block_on(rig.parts.syncer.turn());
    assert_eq!(rig.durable(), Some(rig.at));
}

#[test]
fn a_rewrite_keeps_what_came_after_its_cut() {
    let mut rig = Rig::new(FsyncPolicy::Always, Offset(0));
    let lineage = Lineage::new(id(1));
    rig.write(&["SELECT", "7"]);
    rig.write(&["SET", "old", "1"]);
    let cut = rig.parts.journal.cut(origin(&lineage, rig.at, Some(7)));
    let begin = rig.at;
    rig.write(&["SET", "new", "2"]);
    let (commands, _) = rig.read();
    assert_eq!(commands.len(), 4, "not committed yet: {commands:?}");
    let base = rig.base("second");
    let journal = rig.parts.journal.clone();
    rig.finish(journal.commit_rewrite(cut, base))
        .expect("committed");
    assert_eq!(
        rig.manifest(),
        "file appendonly.aof.2.base.rdb seq 2 type b\n\
         file appendonly.aof.2.incr.aof seq 2 type i\n"
    );
    let (commands, recovered) = rig.read();
    let expected = [format!("{begin} SELECT 7"), format!("{begin} SET new 2")];
    assert_eq!(commands, expected, "the prefix is no part of the stream");
    assert_eq!((recovered.end, recovered.stream_db), (rig.at, Some(7)));
    let names = block_on(rig.storage.list()).expect("it lists");
    assert_eq!(
        names,
        [
            "appendonly.aof.2.base.rdb",
            "appendonly.aof.2.base.rdb.idx",
            "appendonly.aof.2.incr.aof",
            "appendonly.aof.2.incr.aof.idx",
            "appendonly.aof.manifest"
        ]
    );
}

#[test]
fn only_a_drained_stop_is_clean_and_only_until_the_next_run() {
    for drained in [false, true] {
        let mut rig = Rig::new(FsyncPolicy::Everysec, Offset(50));
        rig.write(&["SET", "a", "1"]);
        rig.stop(drained).expect("it stops");
        let (_, recovered) = rig.read();
        assert_eq!(recovered.clean, drained);
        let next = rig.again(&Lineage::new(id(1)));
        let (_, recovered) = next.read();
        assert!(!recovered.clean, "nothing proves it any more");
        assert_eq!(recovered.end, rig.at);
    }
}

#[test]
fn a_new_history_continues_at_the_recovered_offset() {
    let mut rig = Rig::new(FsyncPolicy::Always, Offset(0));
    rig.write(&["SET", "a", "1"]);
    let (_, recovered) = rig.read();
    let old = recovered.lineage.expect("it is known");
    let lineage = old.continued(id(2), recovered.end);
    let mut next = rig.again(&lineage);
    next.write(&["SET", "b", "2"]);
    let (commands, recovered) = next.read();
    assert_eq!(commands.len(), 2);
    assert_eq!(recovered.lineage, Some(lineage));
    assert_eq!(recovered.end, next.at);
    assert!(next.manifest().contains("appendonly.aof.2.incr.aof"));
}

#[test]
fn a_torn_tail_is_cut_and_the_log_goes_on() {
    for tail in [
        b"*3\r\n$3\r\nSET\r\n$1".as_slice(),
        b"*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n",
        b"*2\r\n$3\r\nDEL\r\n$5\r\nab\0\0\0\0\0\0\0\0\0\0\0\0\0",
        &[0; 4096],
    ] {
        let mut rig = Rig::new(FsyncPolicy::Always, Offset(0));
        rig.write(&["SET", "a", "1"]);
        let file = "appendonly.aof.1.incr.aof";
        block_on(rig.storage.append(file, tail.to_vec())).expect("room");
        let (_, recovered) = rig.read();
        let torn = recovered.torn.expect("it is torn");
        assert_eq!(torn.whole_bytes, rig.at.0);
        assert_eq!(torn.torn_bytes, tail.len() as u64);
        let mut next = rig.again(&Lineage::new(id(1)));
        next.write(&["SET", "b", "2"]);
        let (commands, recovered) = next.read();
        assert_eq!(commands.len(), 2, "{commands:?}");
        assert_eq!((recovered.torn, recovered.end), (None, next.at));
    }
}

#[test]
fn damage_in_the_middle_is_named() {
    let mut rig = Rig::new(FsyncPolicy::Always, Offset(0));
    for n in 0..100 {
        rig.write(&["SET", "key", &n.to_string()]);
    }
    rig.stop(true).expect("it stops");
    let file = "appendonly.aof.1.incr.aof";
    let good = rig.file(file);
    for (at, with) in [(1500, b'7'), (1500, b'\0'), (good.len() - 40, b'*')] {
        let mut bytes = good.clone();
        bytes[at] = if bytes[at] == with { b'8' } else { with };
        block_on(async {
            rig.storage.create(file).await.expect("created");
            rig.storage.append(file, bytes).await.expect("room");
        });
        let Err(ReplayError::Damage(damage)) = read(&rig.storage) else {
            panic!("byte {at} is not what was written");
        };
        assert_eq!(damage.file, file);
        assert!(damage.offset <= at as u64, "{damage}");
        assert!(damage.to_string().contains("SET"), "{damage}");
    }
}

#[test]
fn what_another_server_appended_is_seen_and_taken_over() {
    let mut rig = Rig::new(FsyncPolicy::Always, Offset(0));
    rig.write(&["SET", "a", "1"]);
    rig.stop(true).expect("it stops");
    let more = unit(&["SET", "theirs", "1"]);
    block_on(rig.storage.append("appendonly.aof.1.incr.aof", more)).expect("room");
    let (commands, recovered) = rig.read();
    assert_eq!(commands.len(), 2);
    assert!(recovered.foreign && recovered.lineage.is_none() && !recovered.clean);
    let lineage = Lineage::new(id(9));
    let mut next = rig.again(&lineage);
    next.write(&["SET", "b", "2"]);
    let (commands, recovered) = next.read();
    assert_eq!(commands.len(), 3);
    assert_eq!(recovered.lineage, Some(lineage));
    assert_eq!(recovered.end, next.at);
    assert!(!next.manifest().contains(".2."), "{}", next.manifest());
}

/// Bytes that decay keep their number; a file of another length was written by somebody.
#[test]
fn a_log_that_was_edited_is_taken_over_and_one_that_decayed_is_not() {
    let file = "appendonly.aof.1.incr.aof";
    let put = |rig: &Rig, bytes: Vec<u8>| {
        block_on(async {
            rig.storage.create(file).await.expect("created");
            rig.storage.append(file, bytes).await.expect("room");
        });
    };
    let edited = [unit(&["SET", "b", "2"]), unit(&["SET", "c", "3"])].concat();
    let long = "b".repeat(300);
    let torn = [unit(&["SET", "b", &long]), b"*3\r\n$3\r\nSE".to_vec()].concat();
    for (bytes, commands) in [(edited, 2), (torn, 1)] {
        let mut rig = Rig::new(FsyncPolicy::Always, Offset(0));
        rig.write(&["SET", "key", &"a".repeat(200)]);
        rig.stop(true).expect("it stops");
        put(&rig, bytes);
        let (read, recovered) = rig.read();
        assert_eq!(read.len(), commands);
        assert!(recovered.foreign && recovered.lineage.is_none() && !recovered.clean);
        let lineage = Lineage::new(id(9));
        let mut next = rig.again(&lineage);
        next.write(&["SET", "d", "4"]);
        next.stop(true).expect("it stops");
        let (read, recovered) = next.read();
        assert_eq!((read.len(), recovered.foreign), (commands + 1, false));
        assert_eq!(recovered.lineage, Some(lineage));
        // What it is now is known again.
        let mut decayed = next.file(file);
        let at = decayed.len() - 3;
        decayed[at] = b'5';
        put(&next, decayed);
        let refused = read_error(&next);
        assert!(refused.to_string().contains("wrong checksum"), "{refused}");
    }
}

fn read_error(rig: &Rig) -> ReplayError {
    read(&rig.storage).expect_err("it is damaged")
}

#[test]
fn a_full_disk_costs_time_and_no_bytes() {
    let mut rig = Rig::new(FsyncPolicy::Always, Offset(0));
    rig.write(&["SET", "a", "1"]);
    rig.storage.set_capacity(0);
    let turn = rig.write(&["SET", "b", "2"]);
    assert!(matches!(turn, Turn::Retry { .. }), "{turn:?}");
    let progress = rig.parts.journal.progress();
    assert!(matches!(progress.state, LogState::WriteFailed(_)));
    assert!(progress.queued_bytes > 0 && progress.written < rig.at);
    rig.storage.set_capacity(1 << 20);
    assert_eq!(rig.turn(), Turn::Idle);
    assert_eq!(rig.parts.journal.progress().state, LogState::Good);
    assert_eq!(rig.durable(), Some(rig.at));
    assert_eq!(rig.read().0.len(), 2);
}

#[test]
fn a_failed_sync_poisons_until_a_rewrite_is_through() {
    let mut rig = Rig::new(FsyncPolicy::Always, Offset(0));
    let lineage = Lineage::new(id(1));
    rig.write(&["SET", "a", "1"]);
    let durable = rig.durable();
    rig.storage.fail_next(StorageOp::Sync);
    rig.write(&["SET", "b", "2"]);
    rig.write(&["SET", "c", "3"]);
    let progress = rig.parts.journal.progress();
    assert!(matches!(progress.state, LogState::Poisoned(_)));
    assert_eq!(progress.durable, durable, "nothing is claimed after it");
    assert_eq!(progress.queued_bytes, 0, "nothing piles up");
    let cut = rig.parts.journal.cut(origin(&lineage, rig.at, None));
    rig.write(&["SET", "d", "4"]);
    let progress = rig.parts.journal.progress();
    assert!(!progress.state.takes_writes() && !progress.attached);
    let base = rig.base("all of it");
    let journal = rig.parts.journal.clone();
    rig.finish(journal.commit_rewrite(cut, base))
        .expect("committed");
    let progress = rig.parts.journal.progress();
    assert!(progress.state.takes_writes() && progress.attached);
    assert_eq!(progress.durable, Some(rig.at));
    let (commands, recovered) = rig.read();
    assert!(commands.len() == 1 && commands[0].ends_with("SET d 4"));
    assert_eq!(recovered.end, rig.at);
}

#[test]
fn another_dataset_replaces_the_log_in_one_step() {
    let mut rig = Rig::new(FsyncPolicy::Always, Offset(500));
    rig.write(&["SET", "a", "1"]);
    let base = rig.base("from the primary");
    let lineage = Lineage::new(id(5));
    rig.at = Offset(10);
    let replaced = origin(&lineage, rig.at, Some(2));
    rig.parts.journal.replace(base, replaced);
    assert_eq!(rig.durable(), None, "what was durable is of another stream");
    rig.turn();
    assert_eq!(
        rig.durable(),
        Some(rig.at),
        "the base is, with nothing behind it"
    );
    rig.write(&["SET", "b", "2"]);
    assert_eq!(rig.durable(), Some(rig.at));
    let (commands, recovered) = rig.read();
    assert_eq!(commands, ["10 SELECT 2", "10 SET b 2"]);
    assert_eq!(recovered.lineage, Some(lineage));
    assert_eq!(rig.file("appendonly.aof.2.base.rdb"), b"from the primary");
}

#[test]
fn a_log_that_begins_anew_counts_once_it_has_a_base() {
    let mut rig = Rig::new(FsyncPolicy::Always, Offset(1000));
    rig.write(&["SET", "old", "1"]);
    let before = rig.read();
    // Another stream, at an offset that the old one has long passed.
    rig.at = Offset(7);
    let lineage = Lineage::new(id(2));
    let journal = rig.parts.journal.clone();
    let cut = journal.begin_anew(origin(&lineage, rig.at, None));
    assert_eq!(journal.progress().written, Offset(7));
    rig.write(&["SET", "new", "1"]);
    assert_eq!((journal.progress().written, rig.durable()), (rig.at, None));
    assert_eq!(rig.read(), before, "a restart finds what was there");
    let base = rig.base("the new dataset");
    let commit = journal.commit_rewrite(cut, base);
    rig.finish(commit).expect("it works");
    assert_eq!(rig.durable(), Some(rig.at));
    let (commands, recovered) = rig.read();
    assert_eq!(commands.len(), 1, "{commands:?}");
    assert_eq!((recovered.lineage, recovered.end), (Some(lineage), rig.at));
    let names = block_on(rig.storage.list()).expect("no error");
    assert_eq!(
        names
            .iter()
            .filter(|name| name.contains("incr.aof"))
            .count(),
        2
    );
}

#[test]
fn times_are_annotated_and_count_for_nothing() {
    let mut rig = Rig::new(FsyncPolicy::Always, Offset(0));
    rig.parts.journal.set_timestamps(true);
    rig.write(&["SET", "a", "1"]);
    rig.now_ms += 5000;
    rig.write(&["SET", "b", "2"]);
    let text = String::from_utf8(rig.file("appendonly.aof.1.incr.aof")).expect("it is text");
    assert_eq!(text.matches("#TS:17000000").count(), 2);
    let (commands, recovered) = rig.read();
    assert_eq!(commands, ["0 SET a 1", "27 SET b 2"]);
    assert_eq!(recovered.end, rig.at);
    let next = rig.again(&Lineage::new(id(1)));
    assert_eq!(next.at, rig.at);
}

#[test]
fn a_file_that_is_missing_between_two_is_named() {
    let mut rig = Rig::new(FsyncPolicy::Always, Offset(0));
    let mut lineage = Lineage::new(id(1));
    for number in 2..4 {
        rig.write(&["SET", "a", "1"]);
        lineage = lineage.continued(id(number), rig.at);
        let _ = rig.parts.journal.cut(origin(&lineage, rig.at, None));
        rig.turn();
    }
    rig.write(&["SET", "b", "1"]);
    let (commands, _) = rig.read();
    assert_eq!(commands.len(), 3);
    let whole = rig.manifest();
    assert_eq!(whole.lines().count(), 4, "{whole}");
    let shorter = whole.replace("file appendonly.aof.2.incr.aof seq 2 type i\n", "");
    block_on(async {
        let name = "appendonly.aof.manifest";
        rig.storage.create(name).await.expect("room");
        let written = rig.storage.append(name, shorter.into_bytes()).await;
        written.expect("room");
    });
    let error = read(&rig.storage)
        .expect_err("a file is missing")
        .to_string();
    assert!(
        error.starts_with("appendonly.aof.3.incr.aof: it begins at offset 54"),
        "{error}"
    );
    assert!(error.contains("ends at 27: a file is missing"), "{error}");
}
