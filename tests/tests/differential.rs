//! Towline answers what Valkey 9.1 and Redis 8.6 answer, and what Redis 7.0 answers to
//! what it knows, byte for byte: commands drawn at random from a seed. With
//! `TOWLINE_LONG` in the environment a hundred seeds run, else a few. A real replica of
//! Towline holds the same data after each.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use towline_tests::differential::rules::EXPECTED;
use towline_tests::differential::run::Peer;
use towline_tests::differential::{Difference, Grammar, run};
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::{digest, wait_in_sync, wait_same_data};

/// `TOWLINE_SEED` repeats a single one.
fn seeds() -> RangeInclusive<u64> {
    if let Ok(seed) = std::env::var("TOWLINE_SEED") {
        let seed = seed.parse().expect("a seed is a number");
        return seed..=seed;
    }
    1..=match std::env::var_os("TOWLINE_LONG") {
        Some(_) => 100,
        None => 4,
    }
}

/// What differs, a line for each command that does, the first of its kind in full.
fn report(differences: &[(u64, Difference)]) -> String {
    let mut by_command: BTreeMap<&str, Vec<&(u64, Difference)>> = BTreeMap::new();
    for difference in differences {
        let name = difference.1.command.split(' ').next().unwrap_or("");
        by_command.entry(name).or_default().push(difference);
    }
    let lines = by_command.iter().map(|(name, all)| {
        let (seed, first) = all[0];
        format!(
            "{name}: {} times; seed {seed}: {}\n  towline {}\n  {:7} {}\n",
            all.len(),
            first.command,
            first.ours,
            first.peer,
            first.theirs
        )
    });
    lines.collect()
}

/// What came through the stream is what is here: by the digest, but for Valkey, which
/// makes another one of scores, by every value. What a later command hides is told by the
/// replica's own count of what it could not execute.
fn holds_the_same(ours: &Server, replica: &Server) {
    match replica.kind() {
        Kind::Valkey => wait_same_data(&[ours, replica]),
        _ => {
            wait_in_sync(&[ours, replica]);
            assert_eq!(digest(ours), digest(replica), "the replica's data");
        }
    }
    let refused = replica.info("stats").number("unexpected_error_replies");
    assert_eq!(refused, 0, "commands that the replica refused");
}

/// Commands as `documented` knows them, those that a server of `kind` and `version` knows.
fn answers_as(kind: Kind, version: (u32, u32, u32), documented: Kind) {
    let mut grammar = Grammar::of(&mut Server::new(documented).client());
    let (ours, theirs) = (Server::new(Kind::Towline), Server::new(kind));
    let peer = Peer {
        server: &theirs,
        version,
    };
    // That a command is not there is another test's business.
    let known = ours.ok("COMMAND LIST").texts();
    grammar
        .commands
        .retain(|command| known.contains(&command.words[0]));
    // A Redis 8 does not say that it knows field expiries, and is sent none.
    let replica = match kind {
        Kind::Redis8 => Kind::Valkey,
        kind => kind,
    };
    let replica = Setup::new(replica).replica_of(&ours).start();
    wait_in_sync(&[&ours, &replica]);
    let mut found = Vec::new();
    for seed in seeds() {
        let differences = run(&ours, &peer, &grammar, seed, 10_000);
        holds_the_same(&ours, &replica);
        let unexpected =
            |difference: &Difference| !EXPECTED.iter().any(|expected| expected.covers(difference));
        let differences = differences.into_iter().filter(unexpected);
        found.extend(differences.map(|difference| (seed, difference)));
    }
    assert!(
        found.is_empty(),
        "{} differ\n{}",
        found.len(),
        report(&found)
    );
}

#[test]
fn as_valkey_does() {
    answers_as(Kind::Valkey, (99, 0, 0), Kind::Valkey);
}

#[test]
fn as_redis_does() {
    answers_as(Kind::Redis, (7, 0, 15), Kind::Valkey);
}

#[test]
fn as_redis_8_does() {
    answers_as(Kind::Redis8, (99, 0, 0), Kind::Redis8);
}
