use super::*;
use crate::packed::PackedError;
use proptest::prelude::*;

fn pack(elements: &[&[u8]]) -> Listpack {
    elements.iter().copied().collect()
}

fn texts(pack: &Listpack) -> Vec<Vec<u8>> {
    pack.iter().map(Entry::to_vec).collect()
}

/// Elements of every encoding, on both sides of each boundary.
fn element() -> impl Strategy<Value = Vec<u8>> {
    let boundary = prop::sample::select(vec![0i64, 7, 12, 13, 15, 16, 23, 24, 31, 32, 47, 62])
        .prop_flat_map(|bits| (-2i64..=2).prop_map(move |near| (1i64 << bits) + near));
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..6),
        2 => boundary.clone().prop_map(|value| value.to_string().into_bytes()),
        2 => boundary.prop_map(|value| (-value).to_string().into_bytes()),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX]).prop_map(|value| value.to_string().into_bytes()),
        1 => (60usize..70).prop_map(|len| vec![b'x'; len]),
        1 => (120usize..135).prop_map(|len| vec![b'x'; len]),
        1 => (4090usize..4100).prop_map(|len| vec![b'y'; len]),
        1 => prop::sample::select(vec!["007", "-0", "+1", "99999999999999999999"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Insert(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize, usize),
    PopFront,
    PopBack,
    SplitAndMerge(usize, bool),
    Retain(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let index = 0usize..64;
    prop_oneof![
        4 => (index.clone(), element()).prop_map(|(i, e)| Step::Insert(i, e)),
        2 => (index.clone(), element()).prop_map(|(i, e)| Step::InsertAfter(i, e)),
        2 => (index.clone(), element()).prop_map(|(i, e)| Step::Replace(i, e)),
        2 => (index.clone(), 0usize..4).prop_map(|(i, n)| Step::Remove(i, n)),
        1 => Just(Step::PopFront),
        1 => Just(Step::PopBack),
        1 => (index, any::<bool>()).prop_map(|(i, back)| Step::SplitAndMerge(i, back)),
        1 => (0usize..8, 1usize..8).prop_map(|(len, of)| Step::Retain(len, of)),
    ]
}

/// The place of element `index`, or the end.
fn place(pack: &Listpack, index: usize) -> Position {
    pack.seek(index as i64).unwrap_or(pack.end())
}

fn apply(step: Step, pack: &mut Listpack, model: &mut Vec<Vec<u8>>) {
    let at = |index: usize| index % model.len().max(1);
    match step {
        Step::Insert(index, element) => {
            let index = index % (model.len() + 1);
            pack.insert_before(place(pack, index), &element);
            model.insert(index, element);
        }
        Step::PopFront => {
            let expected = (!model.is_empty()).then(|| model.remove(0));
            assert_eq!(pack.pop_front(), expected);
        }
        Step::PopBack => assert_eq!(pack.pop_back(), model.pop()),
        Step::Retain(len, of) => {
            let keep = |element: &[u8]| element.len() % of != len;
            let kept = model.iter().filter(|element| keep(element)).count();
            assert_eq!(pack.retain(|e| keep(&e.to_vec())), model.len() - kept);
            model.retain(|element| keep(element));
        }
        _ if model.is_empty() => {}
        Step::InsertAfter(index, element) => {
            let index = at(index);
            let inserted = pack.insert_after(place(pack, index), &element);
            assert!(pack.entry(inserted).is(&element));
            model.insert(index + 1, element);
        }
        Step::Replace(index, element) => {
            let index = at(index);
            pack.replace(place(pack, index), &element);
            model[index] = element;
        }
        Step::Remove(index, count) => {
            let index = at(index);
            let count = count.min(model.len() - index);
            assert_eq!(pack.remove_range(index as i64, count), count);
            model.drain(index..index + count);
        }
        Step::SplitAndMerge(index, back) => {
            let index = at(index);
            let mut tail = pack.split_off(place(pack, index));
            assert_eq!((pack.len(), tail.len()), (index, model.len() - index));
            if back {
                pack.append(&tail);
            } else {
                tail.prepend(pack);
                *pack = tail;
            }
        }
    }
}

proptest! {
    #[test]
    fn it_behaves_as_a_vector(steps in prop::collection::vec(step(), 0..80)) {
        let mut pack = Listpack::new();
        let mut model = Vec::new();
        for step in steps {
            apply(step, &mut pack, &mut model);
            prop_assert_eq!(pack.len(), model.len());
            prop_assert_eq!(pack.is_empty(), model.is_empty());
        }
        prop_assert_eq!(&texts(&pack), &model);
        let backwards: Vec<_> = pack.iter().rev().map(Entry::to_vec).collect();
        prop_assert!(backwards.iter().eq(model.iter().rev()));
        prop_assert_eq!(Listpack::from_bytes(pack.as_bytes().to_vec()), Ok(pack));
    }

    #[test]
    fn an_index_counts_from_either_end(elements in prop::collection::vec(element(), 0..12)) {
        let pack: Listpack = elements.iter().collect();
        let len = elements.len() as i64;
        for index in -len - 2..len + 2 {
            let expected = if index < 0 { index + len } else { index };
            let expected = usize::try_from(expected).ok().and_then(|i| elements.get(i));
            prop_assert_eq!(pack.get(index).map(Entry::to_vec), expected.cloned());
        }
    }

    #[test]
    fn text_length_is_the_length_of_the_text(element in element()) {
        prop_assert_eq!(Entry::from(&element).text_len(), element.len());
        prop_assert!(Entry::from(&element).is(&element));
    }

    #[test]
    fn any_bytes_are_taken_whole_or_refused(
        elements in prop::collection::vec(element(), 0..6),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let pack: Listpack = elements.iter().collect();
        let mut bytes = pack.as_bytes().to_vec();
        for (index, byte) in damage {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        if let Ok(read) = Listpack::from_bytes(bytes.clone()) {
            prop_assert_eq!(read.as_bytes(), &bytes);
            prop_assert_eq!(read.iter().count(), read.iter().rev().count());
        }
    }

    #[test]
    fn find_looks_at_the_first_of_each_stride(
        elements in prop::collection::vec("[ab1]{1,2}", 0..12),
        needle in "[ab1]{1,2}",
        stride in 1usize..4,
    ) {
        let pack: Listpack = elements.iter().map(String::as_bytes).collect();
        let expected = (0..elements.len()).step_by(stride).find(|&i| elements[i] == needle);
        let found = pack.find(needle.as_bytes(), stride);
        prop_assert_eq!(found, expected.and_then(|index| pack.seek(index as i64)));
    }
}

/// Two packs, a hash and a geo index, as Redis 7.2 saved them.
#[test]
fn the_bytes_are_those_of_redis() {
    assert_eq!(Listpack::new().as_bytes(), b"\x07\0\0\0\0\0\xff");
    let hash = pack(&[
        b"f1",
        b"v1",
        b"n",
        b"42",
        b"neg",
        b"-1",
        b"big",
        b"999999999999999999",
    ]);
    assert_eq!(
        hash.as_bytes(),
        b"\x2b\0\0\0\x08\0\x82f1\x03\x82v1\x03\x81n\x02\x2a\x01\x83neg\x04\xdf\xff\x02\
          \x83big\x04\xf4\xff\xff\x63\xa7\xb3\xb6\xe0\x0d\x09\xff"
    );
    let geo = pack(&[
        b"Palermo",
        b"3479099956230698",
        b"Catania",
        b"3479447370796909",
    ]);
    assert_eq!(
        geo.as_bytes(),
        b"\x2d\0\0\0\x04\0\x87Palermo\x08\xf4\x2a\x7a\x07\x15\x39\x5c\x0c\0\x09\
          \x87Catania\x08\xf4\x6d\x0f\x8d\xf8\x89\x5c\x0c\0\x09\xff"
    );
}

/// The forms that those two do not show, after the table in `encoding`.
#[test]
fn integers_take_the_smallest_form() {
    let pack = pack(&[b"300", b"-4097", b"100000", b"-8388609"]);
    assert_eq!(
        &pack.as_bytes()[HEADER_LEN..],
        b"\xc1\x2c\x02\xf1\xff\xef\x03\xf2\xa0\x86\x01\x04\xf3\xff\xff\x7f\xff\x05\xff"
    );
}

#[test]
fn a_back_length_grows_where_the_format_says() {
    for (len, size) in [
        (0, 1),
        (127, 1),
        (128, 2),
        (16_382, 2),
        (16_383, 3),
        (2_097_150, 3),
        (2_097_151, 4),
        (268_435_454, 4),
        (268_435_455, 5),
    ] {
        let (bytes, actual) = encoding::back_len(len);
        assert_eq!(actual, size, "of {len}");
        assert_eq!(encoding::read_back_len(&bytes[..size]), len);
    }
}

#[test]
fn the_count_is_unknown_above_its_field() {
    let mut pack = Listpack::new();
    for value in 0..65_534i64 {
        pack.push_back(value);
    }
    assert_eq!(&pack.as_bytes()[4..6], &[0xFE, 0xFF]);
    pack.push_back(b"more");
    pack.push_back(b"last");
    assert_eq!(&pack.as_bytes()[4..6], &[0xFF, 0xFF]);
    assert_eq!(pack.len(), 65_536);
    assert_eq!(pack.get(-1), Some(Entry::Str(b"last")));
    assert_eq!(pack.get(65_535), Some(Entry::Str(b"last")));
    assert_eq!(pack.get(65_536), None);
    pack.pop_back();
    assert_eq!(pack.len(), 65_535);
    assert!(Listpack::from_bytes(pack.as_bytes().to_vec()).is_ok());
}

#[test]
fn an_integer_kept_as_a_string_is_still_found() {
    // An entry `12` in string form, as a conversion from a ziplist leaves it.
    let pack =
        Listpack::from_bytes(b"\x0b\0\0\0\x01\0\x8212\x03\xff".to_vec()).expect("well formed");
    assert_eq!(pack.get(0), Some(Entry::Str(b"12")));
    assert!(pack.find(b"12".as_slice(), 1).is_some());
    assert_eq!(pack.get(0).and_then(Entry::as_int), Some(12));
}

#[test]
fn damage_is_named() {
    let check = |bytes: &[u8]| Listpack::from_bytes(bytes.to_vec()).unwrap_err();
    assert_eq!(check(b""), PackedError::Truncated);
    assert_eq!(
        check(b"\x08\0\0\0\0\0\xff"),
        PackedError::WrongLength {
            stated: 8,
            actual: 7
        }
    );
    assert_eq!(check(b"\x07\0\0\0\0\0\x00"), PackedError::NoEndMark);
    assert_eq!(
        check(b"\x09\0\0\0\x02\0\x01\x01\xff"),
        PackedError::WrongCount {
            stated: 2,
            actual: 1
        }
    );
    assert_eq!(
        check(b"\x09\0\0\0\x01\0\x01\x02\xff"),
        PackedError::BadBackLength { offset: 6 }
    );
    assert_eq!(
        check(b"\x09\0\0\0\x01\0\xf5\x01\xff"),
        PackedError::BadEntry { offset: 6 }
    );
    assert_eq!(
        check(b"\x0d\0\0\0\x01\0\xf0\xff\xff\xff\xff\x05\xff"),
        PackedError::BadEntry { offset: 6 }
    );
}

#[test]
fn memory_is_given_back() {
    let mut pack = Listpack::new();
    for _ in 0..1000 {
        pack.push_back(b"an element");
    }
    assert!(pack.capacity() <= pack.byte_len() + pack.byte_len() / 4);
    pack.remove_range(1, 998);
    assert!(pack.capacity() <= 2 * pack.byte_len() + 64);
}
