//! Turns of active expiry, by a clock that goes on a little at each look.

use std::cell::Cell;

use super::*;
use crate::config::RewriteEntry;
use crate::seams::NoHost;
use crate::seams::host::{Job, ProcessFacts, ReloadOptions};
use crate::testing::TestEngine;

/// Each look at the clock finds it this much later.
const STEP_NS: u64 = 60_000;

#[derive(Default)]
struct Passing {
    now_ns: Cell<u64>,
    nobody: NoHost,
}

impl Host for Passing {
    fn monotonic_ns(&self) -> u64 {
        self.now_ns.set(self.now_ns.get() + STEP_NS);
        self.now_ns.get()
    }

    fn facts(&self) -> ProcessFacts {
        self.nobody.facts()
    }

    fn start(&mut self, job: Job) -> Result<(), String> {
        self.nobody.start(job)
    }

    fn rewrite_config(&mut self, entries: &[RewriteEntry]) -> Result<(), String> {
        self.nobody.rewrite_config(entries)
    }

    fn sleep_us(&mut self, micros: u64) {
        self.nobody.sleep_us(micros);
    }

    fn reload(&mut self, engine: &mut Engine, options: ReloadOptions) -> Result<(), String> {
        self.nobody.reload(engine, options)
    }

    fn log(&mut self, line: &str) {
        self.nobody.log(line);
    }
}

/// Every database with `keys` keys and a hash of `fields` fields, all of them
/// expired a moment later.
fn full_of_expired(keys: usize, fields: usize) -> TestEngine {
    let mut t = TestEngine::new();
    for db in 0..t.engine.keyspace.databases() {
        t.run(&format!("select {db}"));
        for key in 0..keys {
            t.run(&format!("set {key} v px 5"));
        }
        for field in 0..fields {
            t.run(&format!("hsetex h px 5 fields 1 {field} v"));
        }
    }
    t.now_ms += 10;
    t
}

fn left(t: &TestEngine) -> Vec<usize> {
    let dbs = t.engine.keyspace.dbs().iter();
    let due = |db: &crate::keyspace::Db| db.len() + db.hashes_with_expiring_fields();
    dbs.map(due).collect()
}

#[test]
fn a_turn_ends_soon_however_many_databases_have_something() {
    let mut t = full_of_expired(200, 100);
    let mut host = Passing::default();
    let before = left(&t).iter().sum::<usize>();
    let rest = t.engine.expire_turn(t.now_ms, &mut host);
    let after = left(&t).iter().sum::<usize>();
    assert!(
        before - after <= 5 * KEYS_PER_LOOK,
        "one turn, not one a database"
    );
    let took = host.now_ns.get();
    assert!(took <= TURN_NS + 3 * STEP_NS, "{took} ns");
    let rest = rest.expect("more is left").as_nanos();
    assert!((u128::from(TURN_NS) * 3..u128::from(took) * 3).contains(&rest));
    assert_eq!(t.engine.server.stats.expired_time_cap_reached, 1);
}

#[test]
fn turns_go_on_until_nothing_is_left_and_starve_no_database() {
    let mut t = full_of_expired(200, 100);
    let full = left(&t);
    let mut host = Passing::default();
    let databases = full.len();
    assert!(
        t.engine.tick(t.now_ms, &mut host).is_some(),
        "a tick is a turn"
    );
    for _ in 0..databases {
        assert!(t.engine.expire_turn(t.now_ms, &mut host).is_some());
    }
    let after = left(&t);
    let untouched = full
        .iter()
        .zip(&after)
        .filter(|(full, after)| full == after);
    assert_eq!(untouched.count(), 0, "each had its turn: {after:?}");
    let mut turns = 0;
    while t.engine.expire_turn(t.now_ms, &mut host).is_some() {
        turns += 1;
        assert!(turns < 10_000, "it must end");
    }
    assert_eq!(left(&t), vec![0; databases]);
    assert_eq!(t.engine.key_stats.expired_fields, 100 * databases as u64);
}

#[test]
fn effort_is_a_share_of_the_processor() {
    let percent = |effort| {
        let turn = Duration::from_micros(100);
        let whole = turn + rest_after(turn, effort);
        100.0 * turn.as_secs_f64() / whole.as_secs_f64()
    };
    for (effort, share) in [(1, 25.0), (2, 27.0), (10, 43.0)] {
        assert!(
            (percent(effort) - share).abs() < 0.1,
            "{effort}: {}",
            percent(effort)
        );
    }
}
