//! Side files, and logs beside them, as a journal leaves them.

use towline_core::offset::{Offset, ReplicationId};
use towline_persist::crc::Crc64;
use towline_persist::journal::side_file::{Checkpoint, Mark, Start};
use towline_persist::journal::{Lineage, Origin};

use super::{Corpus, boxed};
use crate::fixup;

/// Logs, with the positions between their units.
const LOGS: [(&[u8], &[u64]); 4] = [
    (b"", &[0]),
    (b"*1\r\n$4\r\nPING\r\n", &[0, 14]),
    (
        b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n",
        &[0, 23, 44],
    ),
    (
        b"*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n*1\r\n$4\r\nEXEC\r\n*1\r\n$4\r\nPI",
        &[0, 49],
    ),
];

fn id(digit: u8) -> ReplicationId {
    ReplicationId::from_random([digit; 20])
}

fn start(ancestors: u8, prefix: &[u8]) -> Start {
    let mut lineage = Lineage::new(id(0));
    for number in 0..ancestors {
        lineage = lineage.continued(id(number + 1), Offset(u64::from(number)));
    }
    Start {
        origin: Origin {
            lineage,
            offset: Offset(1000),
            stream_db: (ancestors % 2 == 1).then_some(3),
        },
        prefix_bytes: prefix.len() as u64,
        prefix_crc: Crc64::of(prefix),
        created_ms: 1_700_000_000_000,
    }
}

/// What stands beside a log that was written up to each of these positions.
fn side(log: &[u8], positions: &[u64], start: &Start, stopped: bool) -> Vec<u8> {
    let mut bytes = start.to_bytes();
    for (index, &position) in positions.iter().enumerate() {
        let point = Checkpoint {
            position,
            offset: Offset(1000 + position),
            unix_ms: 1_700_000_000_000 + index as u64,
            crc: Crc64::of(&log[..position as usize]),
            synced: position,
        };
        let mark = match stopped && index + 1 == positions.len() {
            true => Mark::Stop(point),
            false => Mark::Checkpoint(point),
        };
        mark.write(&mut bytes);
    }
    if stopped {
        Mark::Resumed { unix_ms: 7 }.write(&mut bytes);
    }
    bytes
}

fn all() -> Vec<(Vec<u8>, &'static [u8])> {
    let mut all = Vec::new();
    for (index, (log, positions)) in (0..).zip(LOGS) {
        for stopped in [false, true] {
            let bytes = side(log, positions, &start(index, b""), stopped);
            all.push((bytes, log));
        }
    }
    let (log, _) = LOGS[2];
    all.push((start(2, &log[..23]).to_bytes(), log));
    all
}

fn tokens() -> Vec<Vec<u8>> {
    let kinds = (0..=4).map(|kind| vec![kind]);
    let words: [&[u8]; 6] = [
        b"TOWIDX01",
        b"*1\r\n$4\r\nEXEC\r\n",
        b"*1\r\n$5\r\nMULTI\r\n",
        &[0xff; 8],
        &[0; 16],
        b"0000000000000000000000000000000000000000",
    ];
    kinds.chain(words.map(<[u8]>::to_vec)).collect()
}

/// Side files.
#[must_use]
pub fn side_files() -> Corpus {
    Corpus {
        seeds: boxed(all().into_iter().map(|(side, _)| side)),
        tokens: boxed(tokens()),
        fixup: fixup::side_file,
    }
}

/// Side files, each with its log.
#[must_use]
pub fn recoveries() -> Corpus {
    let seeds = all().into_iter().map(|(side, log)| {
        let length = u16::try_from(side.len()).expect("they are short");
        [&length.to_le_bytes()[..], &side, log].concat()
    });
    Corpus {
        seeds: boxed(seeds),
        tokens: boxed(tokens()),
        fixup: fixup::recovery,
    }
}
