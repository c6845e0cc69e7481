//! What the two sides of a link say to each other.

use towline_core::offset::ReplicationId;
use towline_replication::delta::{Refusal, refuse, report};
use towline_replication::wire::command;

use super::{Corpus, boxed};
use crate::fixup;
use crate::targets::handshake::{HISTORY, POSITION};

const MARK: &str = "0123456789012345678901234567890123456789";

/// The bytes of a primary: replies, a dataset and a stream.
#[must_use]
pub fn from_primary() -> Corpus {
    let id = ReplicationId::from_random(HISTORY);
    let setup = "+PONG\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n";
    let short = "+PONG\r\n+OK\r\n+OK\r\n";
    let stream = "*1\r\n$4\r\nPING\r\n";
    let full = format!("\n\n+FULLRESYNC {id} 1000\r\n");
    let counted = format!("\n$9\r\nREDIS0010{stream}");
    let marked = format!("\n$EOF:{MARK}\r\nREDIS0010{MARK}{stream}");
    let mut seeds = Vec::new();
    for setup in [setup, short] {
        seeds.push(format!("{setup}{full}{counted}"));
        seeds.push(format!("{setup}{full}{marked}"));
        seeds.push(format!("{setup}+CONTINUE {id}\r\n{stream}{stream}"));
        seeds.push(format!("{setup}+CONTINUE\r\n{stream}"));
        seeds.push(format!("{setup}-NOMASTERLINK Can't SYNC\r\n"));
        seeds.push(format!("{setup}-ERR unknown command\r\n{counted}"));
        seeds.push(format!("{setup}{full}-ERR no\r\n"));
    }
    let offer = format!("{setup}+DELTA {id} 900 {id} - 0000000000000002\r\n");
    let delta = format!("\n+DELTARESYNC {id} 1000 900\r\n");
    seeds.push(format!("{offer}{delta}{counted}"));
    seeds.push(format!("{offer}{delta}{marked}"));
    seeds.push(format!("{offer}{full}{counted}"));
    seeds.push("-NOAUTH Authentication required.\r\n-WRONGPASS no\r\n".to_owned());
    let tokens = [
        "+PONG\r\n",
        "+OK\r\n",
        "-ERR ",
        "-LOADING \r\n",
        "+FULLRESYNC ",
        "+CONTINUE ",
        "+DELTA ",
        "+DELTARESYNC ",
        "0000000000000001",
        "$EOF:",
        "$",
        "\r\n",
        "\n",
        " ",
        MARK,
        &MARK[..20],
        "0",
        "18446744073709551615",
        "9223372036854775807",
        id.as_str(),
    ];
    Corpus {
        seeds: boxed(seeds),
        tokens: boxed(tokens),
        fixup: fixup::nothing,
    }
}

/// The bytes of a replica, behind a byte that chooses what the primary knows of
/// it: its requests and acknowledgements.
#[must_use]
pub fn from_replica() -> Corpus {
    let id = ReplicationId::from_random(HISTORY);
    let ack = command(&[b"REPLCONF", b"ACK", b"1001"]);
    let later = command(&[b"REPLCONF", b"ACK", b"5000", b"FACK", b"4000"]);
    let psync = |offset: &[u8]| command(&[b"PSYNC", id.as_bytes(), offset]);
    let says = [
        b"\n\n".to_vec(),
        [&ack[..], b"\n", &later].concat(),
        [psync(b"850"), psync(b"901"), psync(b"1002")].concat(),
        format!("PSYNC {id} 900\r\nPSYNC ? -1\r\n").into_bytes(),
        b"REPLCONF ACK 77\r\n".to_vec(),
        command(&[b"REPLCONF", b"GETACK", b"*"]),
        [later.clone(), command(&[b"PING"]), ack.clone()].concat(),
        [report(POSITION, &[1, 0, 9, 3, 1, 2, 0]), ack.clone()].concat(),
        [refuse(&Refusal::OtherSeed), ack.clone()].concat(),
        report(POSITION, &[0; 20_000]),
    ];
    let choices = [4, 7, 12, 15, 20, 23, 6, 28, 39];
    let seeds = choices
        .iter()
        .flat_map(|choice| says.iter().map(|text| [&[*choice][..], text].concat()));
    let tokens = [
        "REPLCONF",
        "ACK",
        "FACK",
        "PSYNC",
        "delta-ranges",
        "delta-from",
        "delta-refused",
        "\r\n",
        "\n",
        "*3\r\n",
        "$4\r\n",
        "*64\r\n",
        "*65\r\n",
        "$16384\r\n",
        " ",
        "? -1",
        "-1",
        "0",
        "9223372036854775807",
        "18446744073709551615",
        id.as_str(),
    ];
    Corpus {
        seeds: boxed(seeds),
        tokens: boxed(tokens),
        fixup: fixup::nothing,
    }
}
