//! Both encodings against one plain model.

use proptest::prelude::*;

use super::*;
use crate::text::double;

const SEED: HashSeed = HashSeed::new(5, 6);

/// Limits under which every set is large.
fn none_packed() -> EncodingLimits {
    EncodingLimits {
        zset_max_listpack_entries: 0,
        ..EncodingLimits::default()
    }
}

fn name(id: u16) -> Vec<u8> {
    match id % 3 {
        0 => id.to_string().into_bytes(),
        1 => format!("member-{id}").into_bytes(),
        _ => vec![0xff, (id >> 8) as u8, id as u8],
    }
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-5..5i32).prop_map(f64::from),
        2 => -3.0..3.0f64,
        1 => prop::sample::select(vec![f64::INFINITY, f64::NEG_INFINITY, 1e300, 0.1, 5e-324]),
    ]
}

/// Members with scores, ordered as a sorted set orders them.
#[derive(Default, Clone)]
struct Model(Vec<(f64, Vec<u8>)>);

impl Model {
    fn set(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.remove(member);
        self.0.push((score, member.to_vec()));
        self.0
            .sort_by(|a, b| a.partial_cmp(b).expect("no score is NaN"));
        old
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let at = self.0.iter().position(|(_, own)| own == member)?;
        Some(self.0.remove(at).0)
    }
}

fn contents(set: &ZSet) -> Vec<(f64, Vec<u8>)> {
    set.iter()
        .map(|(member, score)| (score, member.to_vec()))
        .collect()
}

fn check(set: &ZSet, model: &Model) {
    assert_eq!(contents(set), model.0);
    let back: Vec<_> = set.iter().rev().map(|(m, s)| (s, m.to_vec())).collect();
    assert!(back.iter().eq(model.0.iter().rev()));
    assert_eq!(set.len(), model.0.len());
    for (rank, (score, member)) in model.0.iter().enumerate() {
        assert_eq!(set.score(SEED, member), Some(*score));
        assert_eq!(set.rank(SEED, member), Some((rank, *score)));
        let own = set
            .get(rank)
            .map(|(member, score)| (score, member.to_vec()));
        assert_eq!(own.as_ref(), Some(&model.0[rank]));
    }
    assert_eq!(set.get(model.0.len()), None);
    assert_eq!(set.rank(SEED, b"nobody"), None);
    let mut scanned = Vec::new();
    let mut cursor = 0;
    loop {
        cursor = set.scan(cursor, 3, |member, score| {
            scanned.push((score, member.to_vec()));
        });
        if cursor == 0 {
            break;
        }
    }
    scanned.sort_by(|a, b| a.partial_cmp(b).expect("no score is NaN"));
    assert_eq!(scanned, model.0);
}

fn check_ranges(set: &ZSet, model: &Model, range: &ScoreRange) {
    let inside = |score: f64| {
        let low = if range.min_exclusive {
            score > range.min
        } else {
            score >= range.min
        };
        let high = if range.max_exclusive {
            score < range.max
        } else {
            score <= range.max
        };
        low && high
    };
    let ours: Vec<_> = set
        .range(set.ranks_by_score(range))
        .map(|(member, score)| (score, member.to_vec()))
        .collect();
    let theirs: Vec<_> = model
        .0
        .iter()
        .filter(|(s, _)| inside(*s))
        .cloned()
        .collect();
    assert_eq!(ours, theirs);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn behaves_like_a_sorted_vector(
        ops in prop::collection::vec((0..8u8, 0..120u16, score(), 0..40usize), 0..250),
        packed: bool,
        range in (score(), any::<bool>(), score(), any::<bool>()),
    ) {
        let limits = if packed { EncodingLimits::default() } else { none_packed() };
        let (mut set, mut model) = (ZSet::new(), Model::default());
        let mut frozen = (set.clone(), model.clone());
        for (op, id, score, count) in ops {
            match op {
                0 | 1 => prop_assert_eq!(set.remove(SEED, &name(id)), model.remove(&name(id))),
                2 if count < 5 => {
                    let from = usize::from(id) % (model.0.len() + 1);
                    set.remove_range(SEED, from..from + count);
                    let to = model.0.len().min(from + count);
                    model.0.drain(from..to);
                }
                3 if count == 0 => frozen = (set.clone(), model.clone()),
                _ => {
                    let old = set.set(SEED, &limits, &name(id), score);
                    prop_assert_eq!(old, model.set(&name(id), score));
                }
            }
        }
        prop_assert_eq!(set.encoding() == "listpack", packed || model.0.is_empty() && set.as_listpack().is_some());
        check(&set, &model);
        check(&frozen.0, &frozen.1);
        let (min, min_exclusive, max, max_exclusive) = range;
        check_ranges(&set, &model, &ScoreRange { min, min_exclusive, max, max_exclusive });
        if let Some(pack) = set.as_listpack() {
            let again = ZSet::from_listpack(pack.clone(), SEED, &limits);
            let again = again.expect("a set's own listpack is well formed");
            check(&again, &model);
        }
    }

    #[test]
    fn ranges_of_members_are_those_of_the_model(
        ids in prop::collection::vec(0..200u16, 0..100), a in 0..220u16, b in 0..220u16,
        a_in: bool, b_in: bool, packed: bool,
    ) {
        let limits = if packed { EncodingLimits::default() } else { none_packed() };
        let mut set = ZSet::new();
        let mut model = Model::default();
        for id in ids {
            set.set(SEED, &limits, &name(id), 0.0);
            model.set(&name(id), 0.0);
        }
        let (a, b) = (name(a), name(b));
        let bound = |text, inclusive| if inclusive { LexBound::Inclusive(text) } else { LexBound::Exclusive(text) };
        let range = LexRange { min: bound(&a, a_in), max: bound(&b, b_in) };
        let ours: Vec<_> = set.range(set.ranks_by_lex(&range)).map(|(m, _)| m.to_vec()).collect();
        let theirs: Vec<_> = model.0.iter().map(|(_, m)| m.clone())
            .filter(|m| if a_in { *m >= a } else { *m > a })
            .filter(|m| if b_in { *m <= b } else { *m < b })
            .collect();
        prop_assert_eq!(ours, theirs);
        let all = LexRange { min: LexBound::Lowest, max: LexBound::Highest };
        prop_assert_eq!(set.ranks_by_lex(&all), 0..model.0.len());
        let none = LexRange { min: LexBound::Highest, max: LexBound::Lowest };
        prop_assert!(set.ranks_by_lex(&none).is_empty());
    }
}

#[test]
fn a_set_grows_out_of_its_listpack_by_number_or_by_length() {
    let limits = EncodingLimits::default();
    let mut set = ZSet::new();
    for id in 0..128u16 {
        set.set(SEED, &limits, &name(id), f64::from(id));
    }
    assert_eq!(set.encoding(), "listpack");
    set.set(SEED, &limits, &name(5), 1.5);
    assert_eq!(set.encoding(), "listpack", "a known member adds nothing");
    set.set(SEED, &limits, b"one more", 1.5);
    assert_eq!((set.encoding(), set.len()), ("skiplist", 129));

    let mut set = ZSet::new();
    set.set(SEED, &limits, &[b'x'; 64], 1.0);
    assert_eq!(set.encoding(), "listpack");
    set.set(SEED, &limits, &[b'y'; 65], 2.0);
    assert_eq!((set.encoding(), set.len()), ("skiplist", 2));

    let mut set = ZSet::new();
    set.expect_members(129, SEED, &limits);
    assert_eq!(set.encoding(), "skiplist");
}

#[test]
fn a_listpack_holds_scores_as_redis_does() {
    let limits = EncodingLimits::default();
    let mut set = ZSet::new();
    for (member, score) in [
        ("a", -0.0),
        ("b", 3.0),
        ("c", 3.25),
        ("d", f64::INFINITY),
        ("e", 1e19),
    ] {
        set.set(SEED, &limits, member.as_bytes(), score);
    }
    let entries: Vec<_> = set.as_listpack().expect("small").iter().collect();
    let text = |text: &'static str| Entry::Str(text.as_bytes());
    let wanted = [
        (text("a"), Entry::Int(0)),
        (text("b"), Entry::Int(3)),
        (text("c"), text("3.25")),
        (text("e"), text("1e+19")),
        (text("d"), text("inf")),
    ];
    assert!(entries.chunks(2).map(|pair| (pair[0], pair[1])).eq(wanted));
    // A large set keeps the sign of a zero, and prints it.
    let mut set = ZSet::new();
    set.set(SEED, &none_packed(), b"a", -0.0);
    let mut out = Vec::new();
    double::write_f64(&mut out, set.score(SEED, b"a").expect("it is there"));
    assert_eq!(out, b"-0");
}

#[test]
fn a_listpack_that_is_no_sorted_set_is_refused() {
    let pack = |entries: &[&str]| {
        let mut pack = Listpack::new();
        for entry in entries {
            pack.push_back(entry.as_bytes());
        }
        ZSet::from_listpack(pack, SEED, &EncodingLimits::default())
    };
    assert!(pack(&["a", "1", "b", "2"]).is_some());
    for wrong in [
        &["a", "1", "b"][..],
        &["a", "1", "b", "x"],
        &["a", "1", "b", "nan"],
        &["b", "1", "a", "1"],
        &["a", "2", "b", "1"],
        &["a", "1", "a", "1"],
        &["a", "1", "b", "1.5", "a", "2"],
        &["7", "1", "b", "1.5", "7", "2"],
    ] {
        assert!(pack(wrong).is_none(), "{wrong:?}");
    }
}

#[test]
fn a_build_from_members_chooses_the_encoding() {
    let limits = EncodingLimits::default();
    let items = |count: u16| (0..count).rev().map(|id| Item::scored(&name(id), 1.0));
    let small = ZSet::from_members(SEED, &limits, items(128)).expect("distinct");
    let large = ZSet::from_members(SEED, &limits, items(129)).expect("distinct");
    assert_eq!(
        (small.encoding(), large.encoding()),
        ("listpack", "skiplist")
    );
    assert_eq!(large.len(), 129);
    assert!(large.iter().map(|(m, _)| m.to_vec()).is_sorted());
    assert!(ZSet::from_members(SEED, &limits, items(3).chain(items(1))).is_none());
    let nan = [Item::scored(b"a", f64::NAN)];
    assert!(ZSet::from_members(SEED, &limits, nan).is_none());
}
