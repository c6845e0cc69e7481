//! Keys of real calls, with the rows of the commands they belong to.

use super::keys::{self, InvalidArgs};
use super::{Begin, CommandSpec, Find, KeyFlags, KeySpec, LegacyRange};

const RO: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const OW: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);
const RW: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE);

fn row<const N: usize>(keys: [KeySpec; N]) -> CommandSpec {
    CommandSpec::container("test").keys(Box::leak(Box::new(keys)))
}

/// The positions and flags found in a call given as one line.
fn found(spec: &CommandSpec, call: &str) -> Result<Vec<(usize, KeyFlags)>, InvalidArgs> {
    let args: Vec<&[u8]> = call.split(' ').map(str::as_bytes).collect();
    let mut keys = Vec::new();
    spec.find_keys(&args, &mut keys)?;
    Ok(keys.into_iter().map(|key| (key.index, key.flags)).collect())
}

fn at(spec: &CommandSpec, call: &str) -> Option<Vec<usize>> {
    let keys = found(spec, call).ok()?;
    Some(keys.into_iter().map(|key| key.0).collect())
}

#[test]
fn ranges_end_where_their_row_says() {
    let get = row([KeySpec::at(1, RO)]);
    assert_eq!(at(&get, "get k"), Some(vec![1]));
    assert_eq!(at(&get, "get"), None);
    let mset = row([KeySpec::range(1, -1, 2, OW)]);
    assert_eq!(at(&mset, "mset a 1 b 2"), Some(vec![1, 3]));
    let blpop = row([KeySpec::range(1, -2, 1, RO)]);
    assert_eq!(at(&blpop, "blpop a b 0"), Some(vec![1, 2]));
    assert_eq!(at(&blpop, "blpop 0"), None);
}

#[test]
fn counted_keys_follow_their_number() {
    let zunionstore = row([KeySpec::at(1, OW), KeySpec::counted(2, RO)]);
    assert_eq!(
        at(&zunionstore, "zunionstore d 2 a b WEIGHTS 1 2"),
        Some(vec![1, 3, 4])
    );
    for call in [
        "zunionstore d 3 a b",
        "zunionstore d x a",
        "zunionstore d -1 a",
        "zunionstore d 0 a",
    ] {
        assert_eq!(at(&zunionstore, call), None, "{call}");
    }
    assert_eq!(
        at(&zunionstore, "zunionstore d 9223372036854775807 a"),
        None
    );
}

#[test]
fn keywords_are_found_from_either_end() {
    let find = Find::Range {
        last: -1,
        step: 1,
        limit: 2,
    };
    let keyword = |start_from| Begin::Keyword {
        keyword: "STREAMS",
        start_from,
    };
    let xread = row([KeySpec::new(RO, keyword(1), find)]);
    assert_eq!(
        at(&xread, "xread COUNT 2 streams a b 0 0"),
        Some(vec![4, 5])
    );
    assert_eq!(at(&xread, "xread COUNT 2 streams"), Some(vec![]));
    let to_the_end = Find::Range {
        last: -1,
        step: 1,
        limit: 0,
    };
    let back = row([KeySpec::new(RO, keyword(-2), to_the_end)]);
    assert_eq!(at(&back, "x a b STREAMS c d"), Some(vec![4, 5]));
    assert_eq!(at(&back, "x STREAMS a b"), Some(vec![]));
}

#[test]
fn set_reads_only_with_get() {
    let set = row([KeySpec::at(1, RW.union(KeyFlags::VARIABLE_FLAGS))]).getkeys(keys::set);
    assert_eq!(found(&set, "set k v"), Ok(vec![(1, OW)]));
    assert_eq!(found(&set, "set k v PX 1 get"), Ok(vec![(1, RW)]));
}

#[test]
fn bitfield_writes_unless_it_only_gets() {
    let bitfield =
        row([KeySpec::at(1, RW.union(KeyFlags::VARIABLE_FLAGS))]).getkeys(keys::bitfield);
    assert_eq!(
        found(&bitfield, "bitfield k overflow sat get u8 0"),
        Ok(vec![(1, RO)])
    );
    assert_eq!(
        found(&bitfield, "bitfield k get u8 0 set u8 0 1"),
        Ok(vec![(1, RW)])
    );
    assert_eq!(found(&bitfield, "bitfield k get u8"), Ok(vec![(1, RW)]));
}

#[test]
fn sort_and_migrate_are_found_by_their_own_functions() {
    let unknown = KeySpec::new(OW, Begin::Unknown, Find::Unknown);
    let sort = row([KeySpec::at(1, RO), unknown]).getkeys(keys::sort);
    assert_eq!(
        found(&sort, "sort k by store limit 0 store store a store b"),
        Ok(vec![(1, RO), (10, OW)])
    );
    let migrate = row([]).getkeys(keys::migrate);
    assert_eq!(
        found(&migrate, "migrate h 1 k 0 9 keys a b"),
        Err(InvalidArgs)
    );
    let args: [&[u8]; 9] = [b"migrate", b"h", b"1", b"", b"0", b"9", b"KEYS", b"a", b"b"];
    let mut out = Vec::new();
    keys::migrate(&args, &mut out).expect("a good call");
    assert_eq!(out.iter().map(|key| key.index).collect::<Vec<_>>(), [7, 8]);
}

#[test]
fn old_clients_get_one_range_and_a_warning() {
    let bitop = row([KeySpec::at(2, OW), KeySpec::range(3, -1, 1, RO)]);
    assert_eq!(
        bitop.legacy_range(),
        LegacyRange {
            first: 2,
            last: -1,
            step: 1
        }
    );
    assert!(!bitop.has_movable_keys());
    let zunionstore = row([KeySpec::at(1, OW), KeySpec::counted(2, RO)]);
    assert_eq!(
        zunionstore.legacy_range(),
        LegacyRange {
            first: 1,
            last: 1,
            step: 1
        }
    );
    assert!(zunionstore.has_movable_keys());
    assert_eq!(row([]).legacy_range(), LegacyRange::default());
}
