//! The log: its manifest, and the files of commands.

use towline_persist::aof::{AofError, AofReader, Manifest, Record, Torn};

use super::cuts;

/// A manifest is refused with a reason, or written again as it was read.
pub fn manifest(input: &[u8]) {
    match Manifest::parse(input) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(manifest) => {
            let text = manifest.to_text();
            // Files of which nothing is known make no manifest, and no text either.
            if text.is_empty() {
                return;
            }
            let again = Manifest::parse(&text).expect("it was just written");
            assert_eq!(again, manifest, "another manifest came back");
        }
    }
}

/// What was found in a log, and how it ended.
type Found = (Vec<(u64, String)>, Result<Result<u64, Torn>, AofError>);

/// A log holds the same however it is cut into chunks; its records start one behind
/// the other, and it is whole no further than there are bytes.
pub fn log(input: &[u8]) {
    let mut ways = cuts(input).into_iter().map(|chunks| read(&chunks));
    let whole = ways.next().expect("there is one way at least");
    for way in ways {
        assert_eq!(way, whole, "cut otherwise it holds something else");
    }
    let (records, end) = whole;
    assert!(records.is_sorted_by(|one, other| one.0 < other.0));
    let last = records.last().map_or(0, |record| record.0);
    match end {
        Err(error) => assert!(error.offset >= last && !error.to_string().is_empty()),
        Ok(Ok(bytes)) => assert_eq!(bytes, input.len() as u64),
        Ok(Err(torn)) => {
            let bytes = usize::try_from(torn.whole_bytes).expect("within the input");
            let (records, end) = read(&[&input[..bytes]]);
            assert_eq!(end, Ok(Ok(torn.whole_bytes)), "cut there it is not whole");
            assert!(records.iter().all(|record| record.0 < torn.whole_bytes));
        }
    }
}

fn read(chunks: &[&[u8]]) -> Found {
    let mut records = Vec::new();
    let mut take = |offset, record: Record<'_>| {
        records.push((offset, format!("{record:?}")));
        Ok(())
    };
    let mut reader = AofReader::default();
    let fed = chunks
        .iter()
        .try_for_each(|chunk| reader.feed(chunk, &mut take));
    (records, fed.map(|()| reader.finish()))
}
