//! What takes long to drop.
//!
//! A value is dropped where it was removed, under the engine's lock, unless it is
//! large. Whether it is costs no more than a look at its counts, or at a few dozen
//! of its parts.

use super::{HashIndex, ValueRef};

/// More separate allocations than this take long to free.
const LARGE_PIECES: usize = 64;

/// Memory beyond this goes back to the system, page by page, which takes long.
const LARGE_BYTES: usize = 1 << 20;

impl ValueRef<'_> {
    /// True where dropping the value takes long enough for others to notice.
    #[must_use]
    pub fn is_large(&self) -> bool {
        if let Self::Str(bytes) = self {
            return bytes.len() > LARGE_BYTES;
        }
        // With so few pieces the estimate of their bytes visits them all.
        self.piece_count() > LARGE_PIECES || self.collection_bytes(LARGE_PIECES) > LARGE_BYTES
    }

    /// The number of separate allocations below the value's own, near enough to
    /// tell whether freeing them takes long.
    fn piece_count(&self) -> usize {
        let of_index = |index: Option<&HashIndex>| index.map_or(1, HashIndex::len);
        match self {
            Self::Str(_) | Self::Int(_) => 1,
            Self::List(list) => list.piece_count(),
            Self::Hash(hash) => of_index(hash.as_index()),
            Self::Set(set) => of_index(set.as_index()),
            Self::ZSet(zset) => of_index(zset.as_index()),
            Self::Stream(stream) => stream.piece_count(LARGE_PIECES),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::keyspace::HashSeed;
    use crate::value::list::Side;
    use crate::value::stream::{Consumer, Group, Idempotence, Producer, StreamId};
    use crate::value::{EncodingLimits, Hash, Item, List, Set, Stream, Value, ZSet};

    const SEED: HashSeed = HashSeed::new(1, 2);

    fn is_large(value: &Value) -> bool {
        value.view().is_large()
    }

    /// A set of these members, none of them packed.
    fn zset(members: usize, member_bytes: usize) -> Value {
        let limits = EncodingLimits {
            zset_max_listpack_entries: 0,
            ..EncodingLimits::default()
        };
        let member = |score: usize| {
            let member = format!("{score:0member_bytes$}");
            Item::scored(member.as_bytes(), score as f64)
        };
        let zset = ZSet::from_members(SEED, &limits, (0..members).map(member));
        Value::ZSet(Box::new(zset.expect("every member is another")))
    }

    #[test]
    fn many_elements_of_any_type_are_large() {
        let limits = EncodingLimits::default();
        let (mut set, mut hash, mut list) = (Set::new(), Hash::new(), List::new());
        for number in 0..1000 {
            let text = format!("member number {number}");
            set.insert(SEED, &limits, text.as_bytes());
            hash.insert_expiring(SEED, text.as_bytes(), b"v", 1);
            let wide = text.repeat(100);
            list.push(Side::Right, &[wide.as_bytes()], &limits);
        }
        for value in [
            Value::Set(Box::new(set)),
            Value::Hash(Box::new(hash)),
            Value::List(Box::new(list)),
            zset(1000, 4),
        ] {
            assert!(is_large(&value), "{}", value.view().type_name());
        }
    }

    #[test]
    fn few_elements_are_large_by_their_bytes_alone() {
        assert!(!is_large(&Value::Int(1)));
        assert!(!is_large(&zset(20, 100)));
        assert!(is_large(&zset(20, 60_000)));
        assert!(!is_large(&Value::Str(vec![0; 1000])));
        assert!(is_large(&Value::Str(vec![0; 2 << 20])));
    }

    fn at(ms: u64) -> StreamId {
        StreamId { ms, seq: 0 }
    }

    #[test]
    fn what_waits_in_the_groups_of_a_stream_counts() {
        let name: Arc<[u8]> = Arc::from(&b"me"[..]);
        for (pending, large) in [(10, false), (100_000, true)] {
            let mut group = Group::new(at(0), None);
            for ms in 0..pending {
                group.push_pending(at(ms), 0, 1, &name).expect("in order");
            }
            let mut stream = Stream::new();
            stream.add_group(b"g", group);
            assert_eq!(
                is_large(&Value::Stream(Box::new(stream))),
                large,
                "{pending}"
            );
        }
    }

    #[test]
    fn many_groups_consumers_or_producers_make_a_stream_large() {
        let (mut groups, mut consumers, mut producers) =
            (Stream::new(), Group::default(), Idempotence::default());
        for number in 0..100 {
            let name = format!("{number}").into_bytes();
            groups.add_group(&name, Group::default());
            let added = consumers.add_consumer(&Arc::from(&*name), Consumer::new(0, 0));
            added.expect("every name is another");
            producers.producers.push(Producer {
                name,
                entries: Vec::new(),
            });
        }
        let mut of_consumers = Stream::new();
        of_consumers.add_group(b"g", consumers);
        let mut of_producers = Stream::new();
        of_producers.idempotence = Some(Arc::new(producers));
        for stream in [groups, of_consumers, of_producers] {
            assert!(is_large(&Value::Stream(Box::new(stream))));
        }
        assert!(!is_large(&Value::Stream(Box::default())));
    }
}
