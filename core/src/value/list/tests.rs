use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn limits(list_max_listpack_size: i32) -> EncodingLimits {
    EncodingLimits {
        list_max_listpack_size,
        ..EncodingLimits::default()
    }
}

fn texts(walk: Walk<'_>) -> Vec<Vec<u8>> {
    walk.map(Entry::to_vec).collect()
}

fn list(values: &[&[u8]], limits: &EncodingLimits) -> List {
    let mut list = List::new();
    list.push(Side::Right, values, limits);
    list
}

/// Few distinct texts, so that searches find some; sizes up to more than a chunk.
fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => "[ab1]{1,2}".prop_map(String::into_bytes),
        2 => (500usize..3000).prop_map(|len| vec![b'm'; len]),
        1 => (8170usize..8200).prop_map(|len| vec![b'x'; len]),
        1 => Just(vec![b'z'; 20_000]),
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Left), Just(Side::Right)]
}

#[derive(Debug, Clone)]
enum Step {
    Push(Side, Vec<Vec<u8>>),
    Pop(Side),
    Rotate(Side, Side),
    Set(usize, Vec<u8>),
    Insert(Insert, Vec<u8>, Vec<u8>),
    RemoveRange(usize, usize),
    RemoveMatches(Side, Vec<u8>, usize),
    Walk(Side, usize),
    Freeze,
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    let beside = prop_oneof![Just(Insert::Before), Just(Insert::After)];
    prop_oneof![
        6 => (side(), prop::collection::vec(element(), 1..20)).prop_map(|(s, e)| Step::Push(s, e)),
        3 => side().prop_map(Step::Pop),
        1 => (side(), side()).prop_map(|(from, to)| Step::Rotate(from, to)),
        3 => (any::<usize>(), element()).prop_map(|(i, e)| Step::Set(i, e)),
        4 => (beside, element(), element()).prop_map(|(i, p, e)| Step::Insert(i, p, e)),
        2 => (any::<usize>(), 0usize..60).prop_map(|(i, n)| Step::RemoveRange(i, n)),
        2 => (side(), element(), 0usize..20).prop_map(|(s, e, n)| Step::RemoveMatches(s, e, n)),
        2 => (side(), any::<usize>()).prop_map(|(s, n)| Step::Walk(s, n)),
        1 => Just(Step::Freeze),
        1 => Just(Step::Reload),
    ]
}

/// A list beside what it should be, and frozen states of it.
struct Pair {
    list: List,
    model: VecDeque<Vec<u8>>,
    frozen: Vec<(List, VecDeque<Vec<u8>>)>,
    limits: EncodingLimits,
}

impl Pair {
    fn new(limits: EncodingLimits) -> Self {
        Self {
            list: List::new(),
            model: VecDeque::new(),
            frozen: Vec::new(),
            limits,
        }
    }

    fn apply(&mut self, step: Step) {
        let index = |any: usize| any % (self.model.len() + 1);
        match step {
            Step::Push(side, values) => self.push(side, values),
            Step::Pop(side) => {
                let expected = self.pop_model(side);
                assert_eq!(self.list.pop(side, &self.limits), expected);
            }
            Step::Rotate(from, to) => {
                let expected = self.pop_model(from);
                assert_eq!(self.list.rotate(from, to, &self.limits), expected);
                self.push_model(to, expected);
            }
            Step::Set(any, value) => {
                let index = index(any);
                let there = self.model.get_mut(index);
                assert_eq!(self.list.set(index, &value, &self.limits), there.is_some());
                if let Some(there) = there {
                    *there = value;
                }
            }
            Step::Insert(place, pivot, value) => self.insert(place, &pivot, value),
            Step::RemoveRange(any, count) => {
                let start = index(any);
                let end = self.model.len().min(start + count);
                self.model.drain(start..end);
                let removed = self.list.remove_range(start, count, &self.limits);
                assert_eq!(removed, end - start);
            }
            Step::RemoveMatches(side, value, most) => self.remove_matches(side, &value, most),
            Step::Walk(side, any) => self.check_walk(side, index(any)),
            Step::Freeze => self.frozen.push((self.list.clone(), self.model.clone())),
            Step::Reload => self.list = reload(&self.list, &self.limits),
        }
    }

    fn push(&mut self, side: Side, values: Vec<Vec<u8>>) {
        let slices: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        self.list.push(side, &slices, &self.limits);
        self.push_model(side, values);
    }

    fn push_model(&mut self, side: Side, values: impl IntoIterator<Item = Vec<u8>>) {
        for value in values {
            match side {
                Side::Left => self.model.push_front(value),
                Side::Right => self.model.push_back(value),
            }
        }
    }

    fn pop_model(&mut self, side: Side) -> Option<Vec<u8>> {
        match side {
            Side::Left => self.model.pop_front(),
            Side::Right => self.model.pop_back(),
        }
    }

    fn insert(&mut self, place: Insert, pivot: &[u8], value: Vec<u8>) {
        let found = self.model.iter().position(|element| element == pivot);
        let inserted = self.list.insert(place, pivot, &value, &self.limits);
        assert_eq!(inserted, found.is_some());
        if let Some(index) = found {
            self.model
                .insert(index + usize::from(place == Insert::After), value);
        }
    }

    fn remove_matches(&mut self, side: Side, value: &[u8], most: usize) {
        let mut matches: Vec<usize> = (0..self.model.len())
            .filter(|&index| self.model[index] == value)
            .collect();
        if side == Side::Right {
            matches.reverse();
        }
        matches.truncate(most);
        let removed = self.list.remove_matches(side, value, most, &self.limits);
        assert_eq!(removed, matches.len());
        matches.sort_unstable();
        for index in matches.into_iter().rev() {
            self.model.remove(index);
        }
    }

    fn check_walk(&self, side: Side, skip: usize) {
        let walked = texts(self.list.walk(side, skip));
        let mut expected: Vec<_> = self.model.iter().cloned().collect();
        if side == Side::Right {
            expected.reverse();
        }
        assert_eq!(walked, expected[skip..]);
        let at = match side {
            Side::Left => Some(skip),
            Side::Right => self.model.len().checked_sub(skip + 1),
        };
        let got = at.and_then(|index| self.list.get(index)).map(Entry::to_vec);
        assert_eq!(got.as_ref(), expected.get(skip));
    }

    fn check(&self) {
        assert_eq!(self.list.len(), self.model.len());
        assert!(texts(self.list.iter()).iter().eq(&self.model));
        for (frozen, model) in &self.frozen {
            assert!(texts(frozen.iter()).iter().eq(model), "a frozen list moved");
        }
        check_nodes(&self.list);
    }
}

fn reload(list: &List, limits: &EncodingLimits) -> List {
    let mut loader = ListLoader::new(limits);
    for node in list.nodes() {
        match node {
            Node::Plain(value) => loader.push(value.to_vec()),
            Node::Packed(pack) => loader.push_packed(pack.clone()),
        }
    }
    loader.finish()
}

/// No chunk is empty or too large, and their counts are exact.
fn check_nodes(list: &List) {
    let Form::Chunks(chunks) = &list.form else {
        return;
    };
    for chunk in chunks.iter() {
        assert!(chunk.count() > 0);
        if let chunk::Data::Packed(pack) = chunk.data() {
            assert_eq!(chunk.count(), pack.len());
            assert!(pack.byte_len() <= CHUNK_BYTES_MAX + 16);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn it_behaves_as_a_deque(
        size in prop::sample::select(vec![-2, -1, -5, 3, 0, 128]),
        list_plain_min_bytes in prop::sample::select(vec![1 << 30, 1 << 30, 2, 1000]),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut pair = Pair::new(EncodingLimits {
            list_plain_min_bytes,
            ..limits(size)
        });
        for step in steps {
            pair.apply(step);
            prop_assert_eq!(pair.list.len(), pair.model.len());
        }
        pair.check();
    }
}

#[test]
fn the_encoding_changes_where_redis_changes_it() {
    // By bytes: 8192 is the limit, and the bytes of values are what counts.
    let limits = limits(-2);
    let mut list = list(&[b"a"], &limits);
    assert!(matches!(list.nodes().next(), Some(Node::Packed(pack)) if pack.byte_len() == 10));
    list.push(Side::Right, &[&[b'x'; 8192 - 10]], &limits);
    assert_eq!(list.encoding(), "listpack");
    list.push(Side::Right, &[b"b"], &limits);
    assert_eq!(list.encoding(), "quicklist");
    list.pop(Side::Right, &limits);
    assert_eq!(list.encoding(), "quicklist");
    list.pop(Side::Right, &limits);
    assert_eq!(list.encoding(), "listpack");
}

#[test]
fn the_encoding_changes_by_count_as_well() {
    let limits = limits(3);
    let mut abcd = list(&[b"a", b"b", b"c"], &limits);
    assert_eq!(abcd.encoding(), "listpack");
    abcd.push(Side::Right, &[b"d"], &limits);
    assert_eq!(abcd.encoding(), "quicklist");
    assert_eq!(abcd.remove_range(0, 2, &limits), 2);
    assert_eq!(abcd.encoding(), "quicklist");
    abcd.pop(Side::Left, &limits);
    assert_eq!(abcd.encoding(), "listpack");
    let mut aaad = list(&[b"a", b"a", b"a", b"d"], &limits);
    assert_eq!(aaad.remove_matches(Side::Left, b"a", 3, &limits), 3);
    assert_eq!(aaad.encoding(), "listpack");
    assert_eq!(list(&[b"a".as_slice(); 4], &limits).encoding(), "quicklist");
}

#[test]
fn setting_a_large_element_small_goes_back_to_a_listpack() {
    let limits = limits(-1);
    let large = vec![b'x'; 10_000];
    let mut list = list(&[&large], &limits);
    assert_eq!(list.encoding(), "quicklist");
    assert!(matches!(list.nodes().next(), Some(Node::Plain(value)) if value == large));
    assert!(list.set(0, b"c", &limits));
    assert_eq!(list.encoding(), "listpack");
}

#[test]
fn elements_from_a_length_on_are_kept_apart() {
    let limits = EncodingLimits {
        list_plain_min_bytes: 5,
        ..limits(2)
    };
    let apart = |list: &List| -> Vec<bool> {
        let nodes = list.nodes();
        nodes.map(|node| matches!(node, Node::Plain(_))).collect()
    };
    let mut list = list(&[b"1", b"2", b"3"], &limits);
    assert_eq!(apart(&list), [false, false]);
    list.push(Side::Right, &[b"4444"], &limits);
    list.push(Side::Right, &[b"55555", b"6"], &limits);
    assert_eq!(apart(&list), [false, false, true, false]);
    // In the midst of a chunk, and in the place of an element of one.
    assert!(list.insert(Insert::Before, b"2", b"inserted", &limits));
    assert_eq!(apart(&list), [false, true, false, false, true, false]);
    assert!(list.set(4, b"replaced", &limits));
    assert!(list.set(1, b"i", &limits));
    let expected: [&[u8]; 7] = [b"1", b"i", b"2", b"3", b"replaced", b"55555", b"6"];
    assert_eq!(texts(list.iter()), expected);
    assert_eq!(
        apart(&list).iter().filter(|apart| **apart).count(),
        2,
        "{list:?}"
    );
    // One that is left alone does not make a listpack, however short it is.
    list.remove_range(0, 5, &limits);
    list.remove_range(1, 1, &limits);
    assert_eq!((list.len(), list.encoding()), (1, "quicklist"));
}

#[test]
fn a_loaded_list_is_cut_into_chunks() {
    let limits = limits(-2);
    let values: Vec<Vec<u8>> = (0..10_000)
        .map(|i: u32| i.to_string().into_bytes())
        .collect();
    let mut loader = ListLoader::new(&limits);
    loader.push_packed(values.iter().collect());
    let list = loader.finish();
    assert_eq!(list.encoding(), "quicklist");
    assert!(list.node_count() >= 4);
    assert_eq!(texts(list.iter()), values);
    check_nodes(&list);
}

#[test]
fn removing_most_of_a_list_merges_what_is_left() {
    let limits = limits(-2);
    let mut list = List::new();
    for i in 0..40_000 {
        let value = if i % 1000 == 0 {
            b"keep".as_slice()
        } else {
            b"drop"
        };
        list.push(Side::Right, &[value], &limits);
    }
    let frozen = list.clone();
    assert_eq!(
        list.remove_matches(Side::Right, b"drop", usize::MAX, &limits),
        39_960
    );
    assert_eq!(list.len(), 40);
    assert_eq!((list.encoding(), list.node_count()), ("quicklist", 2));
    assert_eq!(frozen.len(), 40_000);
    assert!(
        frozen
            .iter()
            .nth(39_999)
            .is_some_and(|entry| entry.is(b"drop"))
    );
}

#[test]
fn a_clone_of_a_large_list_shares_its_chunks() {
    let limits = limits(-2);
    let mut list = List::new();
    for i in 0..1000u32 {
        list.push(Side::Right, &[format!("{i:0>100}").as_bytes()], &limits);
    }
    let frozen = list.clone();
    list.push(Side::Left, &[b"new"], &limits);
    let address = |list: &List, index: usize| match list.nodes().nth(index) {
        Some(Node::Packed(pack)) => pack.as_bytes().as_ptr(),
        other => panic!("not a listpack: {other:?}"),
    };
    let last = list.node_count() - 1;
    assert_eq!(
        address(&list, last),
        address(&frozen, frozen.node_count() - 1)
    );
    assert!(
        frozen
            .end(Side::Left)
            .is_some_and(|entry| !entry.is(b"new"))
    );
}
