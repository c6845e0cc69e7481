use std::sync::Arc;

use super::*;
use crate::packed::listpack::{Entry, Listpack};

fn pack(words: &[&str]) -> Listpack {
    words
        .iter()
        .map(|word| Entry::from(word.as_bytes()))
        .collect()
}

fn node(id: StreamId, words: &[&str]) -> Result<StreamNode, StreamNodeError> {
    StreamNode::from_listpack(id, pack(words))
}

/// Two live entries with the master's fields, one deleted, one with its own.
const RUN: [&str; 28] = [
    "3", "1", "2", "t", "h", "0", // master
    "2", "0", "0", "20", "50", "5", // 100-7
    "3", "1", "-7", "21", "51", "5", // 101-0, deleted
    "2", "1", "-6", "22", "52", "5", // 101-1
    "0", "9", "0", "1",
];

fn run() -> Vec<&'static str> {
    let mut words = RUN.to_vec();
    words.extend(["own", "x", "6"]);
    words
}

fn ids(stream: &Stream) -> Vec<String> {
    stream.iter().map(|entry| entry.id.to_string()).collect()
}

#[test]
fn ids_sort_as_their_bytes_do() {
    let ids = [
        StreamId::ZERO,
        StreamId::new(0, u64::MAX),
        StreamId::new(1, 0),
        StreamId::new(256, 1),
        StreamId::MAX,
    ];
    assert!(ids.is_sorted());
    assert!(ids.map(StreamId::to_bytes).is_sorted());
    for id in ids {
        assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
    }
}

#[test]
fn a_run_gives_its_live_entries() {
    let mut stream = Stream::new();
    let node = node(StreamId::new(100, 7), &run()).expect("the run is valid");
    assert_eq!(node.last_id(), Some(StreamId::new(109, 7)));
    stream.push_node(node).expect("it is the first");
    assert_eq!(stream.len(), 3);
    assert_eq!(ids(&stream), ["100-7", "101-1", "109-7"]);
    let last = stream.iter().last().expect("there are three");
    let fields: Vec<_> = last.fields.map(|(f, v)| (f.to_vec(), v.to_vec())).collect();
    assert_eq!(fields, [(b"own".to_vec(), b"x".to_vec())]);
}

#[test]
fn malformed_runs_are_refused() {
    let id = StreamId::new(100, 7);
    let whole = run();
    for cut in 0..whole.len() {
        assert!(node(id, &whole[..cut]).is_err(), "cut at {cut}");
    }
    let with = |at: usize, word: &'static str| {
        let mut words = whole.clone();
        words[at] = word;
        node(id, &words).expect_err("it is malformed")
    };
    assert_eq!(with(0, "2"), StreamNodeError::Count);
    assert_eq!(with(1, "-1"), StreamNodeError::Master);
    assert_eq!(with(2, "9223372036854775807"), StreamNodeError::Master);
    assert_eq!(with(5, "1"), StreamNodeError::Master);
    assert_eq!(with(11, "6"), StreamNodeError::Entry);
    assert_eq!(with(13, "0"), StreamNodeError::Order);
    assert_eq!(with(27, "9223372036854775807"), StreamNodeError::Entry);
    assert_eq!(with(24, "x"), StreamNodeError::Entry);
}

#[test]
fn runs_follow_each_other() {
    let mut stream = Stream::new();
    let first = node(StreamId::new(100, 7), &run()).expect("the run is valid");
    let inside = node(StreamId::new(105, 0), &run()).expect("the run is valid");
    stream.push_node(first).expect("it is the first");
    assert_eq!(stream.push_node(inside), Err(StreamNodeError::Order));
    assert_eq!(stream.len(), 3);
}

#[test]
fn a_clone_keeps_what_the_original_changes() {
    let mut stream = Stream::new();
    let nobody: Arc<[u8]> = Arc::from(&b""[..]);
    stream.add_group(b"g", Group::new(StreamId::ZERO, Some(0)));
    let frozen = stream.clone();
    let group = stream.group_mut(b"g").expect("it was added");
    group
        .push_pending(StreamId::new(1, 1), 5, 1, &nobody)
        .expect("it is the first");
    stream
        .push_node(node(StreamId::new(100, 7), &run()).expect("the run is valid"))
        .expect("it is the first");
    assert_eq!((stream.len(), frozen.len()), (3, 0));
    assert_eq!(frozen.groups()[&b"g"[..]].pending().len(), 0);
    assert!(!stream.add_group(b"g", Group::default()));
    assert!(stream.group_mut(b"h").is_none());
}

#[test]
fn every_pending_entry_has_one_consumer() {
    let nobody: Arc<[u8]> = Arc::from(&b""[..]);
    let (a, b): (Arc<[u8]>, Arc<[u8]>) = (Arc::from(&b"a"[..]), Arc::from(&b"b"[..]));
    let mut group = Group::new(StreamId::new(9, 0), None);
    let id = |ms| StreamId::new(ms, 0);
    for ms in [1, 2, 3] {
        group
            .push_pending(id(ms), 100, 1, &nobody)
            .expect("they ascend");
    }
    let again = group.push_pending(id(3), 100, 1, &nobody);
    assert_eq!(again, Err(GroupError::Order));
    assert_eq!(
        group.assign_pending(&a, id(1), &nobody),
        Err(GroupError::NoConsumer)
    );
    for name in [&a, &b] {
        group
            .add_consumer(name, Consumer::new(1, -1))
            .expect("the names differ");
    }
    let twice = group.add_consumer(&a, Consumer::default());
    assert_eq!(twice, Err(GroupError::DuplicateConsumer));
    group
        .assign_pending(&a, id(1), &nobody)
        .expect("it is free");
    group
        .assign_pending(&a, id(3), &nobody)
        .expect("it is free");
    assert_eq!(
        group.assign_pending(&b, id(3), &nobody),
        Err(GroupError::AlreadyAssigned)
    );
    assert_eq!(
        group.assign_pending(&b, id(4), &nobody),
        Err(GroupError::NotPending)
    );
    assert_eq!(group.check_pending(), Err(GroupError::NoConsumer));
    group
        .assign_pending(&b, id(2), &nobody)
        .expect("it is free");
    assert_eq!(group.check_pending(), Ok(()));
    let owners: Vec<_> = group.pending().iter().map(|p| p.consumer[0]).collect();
    assert_eq!(owners, *b"aba");
}

#[test]
fn entries_read_is_known_only_without_gaps() {
    let mut stream = Stream::new();
    assert_eq!(stream.entries_read_at(StreamId::new(5, 5)), Some(0));
    stream
        .push_node(node(StreamId::new(100, 7), &run()).expect("the run is valid"))
        .expect("it is the first");
    stream.entries_added = 10;
    stream.first_id = StreamId::new(100, 7);
    stream.last_id = StreamId::new(109, 7);
    assert_eq!(stream.entries_read_at(StreamId::ZERO), Some(7));
    assert_eq!(stream.entries_read_at(stream.first_id), Some(8));
    assert_eq!(stream.entries_read_at(stream.last_id), Some(10));
    assert_eq!(stream.entries_read_at(StreamId::new(101, 1)), None);
    assert_eq!(stream.entries_read_at(StreamId::new(110, 0)), None);
    stream.max_deleted_id = StreamId::new(101, 0);
    assert_eq!(stream.entries_read_at(StreamId::ZERO), None);
    assert_eq!(stream.entries_read_at(StreamId::new(100, 9)), None);
    assert_eq!(stream.entries_read_at(stream.last_id), Some(10));
}
