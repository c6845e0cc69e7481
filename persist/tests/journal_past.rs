//! The past of a log: what older files are kept for how long, and which of them lead to
//! a moment, by its offset or its time, whatever was rewritten, replaced or torn, and
//! wherever the clock jumped.

#[path = "support/log_rig.rs"]
mod log_rig;

use futures::executor::block_on;
use log_rig::{NAME, Rig, Taken, id, origin, unit};
use towline_core::offset::Offset;
use towline_core::seams::Storage;
use towline_persist::journal::{FsyncPolicy, Lineage, Moment, MomentError, Past, ReplayError, Way};

const DAY_MS: u64 = 24 * 3600 * 1000;

/// A log that keeps its past, and everything that was written to it.
struct Log {
    rig: Rig,
    lineage: Lineage,
    /// The commands, where each ends, and when it was written.
    written: Vec<(String, Offset, u64)>,
    /// Where the dataset began, in this history.
    begin: Offset,
}

impl Log {
    fn new(past_ms: u64) -> Self {
        let mut rig = Rig::new(FsyncPolicy::Always, Offset(1000));
        rig.parts.journal.keep_past(past_ms);
        rig.past_ms = past_ms;
        Self {
            rig,
            lineage: Lineage::new(id(1)),
            written: Vec::new(),
            begin: Offset(1000),
        }
    }

    fn write(&mut self, words: &[&str]) {
        let command = format!("{} {}", self.rig.at, words.join(" "));
        self.rig.write(words);
        let now_ms = self.rig.now_ms;
        self.written.push((command, self.rig.at, now_ms));
    }

    /// Commands a second and a half apart.
    fn fill(&mut self, count: usize) {
        for n in 0..count {
            self.pass(1400);
            self.write(&["SET", &format!("key{n}"), &self.written.len().to_string()]);
        }
    }

    fn pass(&mut self, ms: u64) {
        self.rig.now_ms += ms;
        self.rig.parts.writer.elapse(ms);
    }

    fn rewrite(&mut self) {
        let lineage = self.lineage.clone();
        self.rig.rewrite(&lineage, None).expect("it works");
    }

    fn past(&self) -> Past {
        let past = block_on(Past::look(&self.rig.storage, NAME));
        past.expect("no error").expect("a log")
    }

    fn way(&self, moment: Moment) -> Result<Way, MomentError> {
        block_on(self.past().way_to(&self.rig.storage, moment))
    }

    /// The commands that are in the dataset at a moment: those that the base tells by
    /// its text, and those that are replayed.
    fn restore(&self, moment: Moment) -> Result<Vec<String>, String> {
        let way = self.way(moment).map_err(|error| error.to_string())?;
        block_on(way.check_base(&self.rig.storage))?;
        let base = way.found.base.as_ref().expect("every log has one");
        let text = String::from_utf8(self.rig.file(base)).expect("it is text");
        let at = text.strip_prefix("base at ").expect("as it was written");
        let at = Offset(at.parse().expect("an offset"));
        let before = self
            .written
            .iter()
            .filter(|(_, end, _)| *end <= at && *end > self.begin);
        let mut commands: Vec<String> = before.map(|(command, ..)| command.clone()).collect();
        let mut taken = Taken::default();
        let replayed = block_on(way.found.replay(&self.rig.storage, &mut taken));
        let recovered = replayed.map_err(|error: ReplayError| error.to_string())?;
        assert_eq!(way.offset, Some(recovered.end), "{moment:?}");
        commands.extend(taken.0);
        Ok(commands)
    }

    fn expected(&self, is_in: impl Fn(Offset, u64) -> bool) -> Vec<String> {
        let written = self.written.iter();
        let within = written.filter(|(_, end, at)| is_in(*end, *at));
        within.map(|(command, ..)| command.clone()).collect()
    }

    fn at_time(&self, unix_ms: u64) -> Result<Vec<String>, String> {
        self.restore(Moment::Time { unix_ms })
    }

    fn at_offset(&self, offset: Offset) -> Result<Vec<String>, String> {
        self.restore(Moment::Offset(offset))
    }

    fn check_every_moment(&self) {
        for (_, end, at) in &self.written {
            let wanted = self.expected(|it, _| it <= *end);
            assert_eq!(self.at_offset(*end).as_ref(), Ok(&wanted), "{end}");
            assert_eq!(self.at_offset(Offset(end.0 + 1)).as_ref().ok(), {
                let next = self.written.last().is_some_and(|(_, last, _)| last > end);
                next.then_some(&wanted)
            });
            for ms in [0, 700] {
                let last = self.written.last().expect("the log is not empty").2;
                if at + ms <= last {
                    assert_eq!(self.at_time(at + ms).as_ref(), Ok(&wanted), "{at} {ms}");
                }
            }
        }
    }

    fn names(&self) -> Vec<String> {
        let names = block_on(self.rig.storage.list()).expect("it lists");
        let is_log = |name: &String| !name.ends_with(".idx") && !name.ends_with(".manifest");
        names.into_iter().filter(is_log).collect()
    }

    /// The next run, in a history that continues this one's.
    fn restart(&mut self) {
        self.lineage = self.lineage.continued(id(9), self.rig.at);
        self.rig = self.rig.again(&self.lineage);
    }
}

#[test]
fn every_moment_is_reached_through_rewrites_and_restarts() {
    let mut log = Log::new(7 * DAY_MS);
    log.rig.parts.journal.set_timestamps(true);
    log.fill(4);
    log.rewrite();
    log.fill(3);
    log.rewrite();
    log.rewrite();
    log.fill(3);
    log.check_every_moment();
    log.restart();
    log.fill(3);
    log.rewrite();
    log.fill(2);
    log.check_every_moment();
    let manifest = log.rig.manifest();
    assert!(manifest.contains("1.base.rdb seq 1 type h"), "{manifest}");
    assert!(manifest.contains("1.incr.aof seq 1 type h"), "{manifest}");
}

#[test]
fn without_retention_a_rewrite_removes_the_past() {
    let mut log = Log::new(0);
    log.fill(3);
    log.rewrite();
    log.fill(1);
    let names = ["appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof"];
    assert_eq!(log.names(), names);
    let error = log.at_offset(Offset(1010)).expect_err("it is gone");
    assert!(error.contains("before what is kept"), "{error}");
}

#[test]
fn what_is_too_old_goes_and_what_is_needed_stays() {
    let mut log = Log::new(100_000);
    for _ in 0..3 {
        log.fill(4);
        log.rewrite();
        log.pass(40_000);
        log.rig.turn();
    }
    // Bases 2, 3 and 4 are about 130, 85 and 40 seconds old: what happened a hundred
    // seconds ago is reached from 2.
    let base = |n: u64| format!("appendonly.aof.{n}.base.rdb");
    let increment = |n: u64| format!("appendonly.aof.{n}.incr.aof");
    let files = |from: u64| -> Vec<String> {
        let all = (from..5).flat_map(|n| [base(n), increment(n)]);
        all.collect()
    };
    assert_eq!(log.names(), files(2));
    log.pass(20_000);
    log.rig.turn();
    assert_eq!(log.names(), files(3), "it goes while nothing is written");
    log.rig.parts.journal.keep_past(1000);
    log.pass(1000);
    log.rig.turn();
    assert_eq!(log.names(), files(4));
    let manifest = log.rig.manifest();
    assert_eq!(manifest.lines().count(), 2, "{manifest}");
}

#[test]
fn an_idle_writer_is_woken_for_what_is_due() {
    let mut log = Log::new(100_000);
    assert_eq!(log.rig.parts.writer.rest_ms(), None);
    log.write(&["SET", "a", "1"]);
    log.write(&["SET", "b", "2"]);
    let rest_ms = log.rig.parts.writer.rest_ms().expect("a time to note");
    assert!((1..=1000).contains(&rest_ms), "{rest_ms}");
    log.pass(rest_ms);
    log.rig.turn();
    assert_eq!(log.rig.parts.writer.rest_ms(), None);
    log.rewrite();
    let rest_ms = log.rig.parts.writer.rest_ms();
    assert_eq!(rest_ms, Some(100_000), "base 1 goes when 2 is so old");
}

#[test]
fn a_clock_that_jumps_costs_nothing_of_the_past() {
    let mut log = Log::new(DAY_MS);
    log.fill(2);
    log.rewrite();
    log.fill(2);
    // Forward by a year, and back: only the time that passes makes files old.
    let year_ms = 365 * DAY_MS;
    log.rig.now_ms += year_ms;
    log.fill(2);
    log.rewrite();
    log.fill(1);
    log.rig.now_ms -= year_ms;
    log.fill(2);
    assert_eq!(log.names().len(), 6);
    let last = log.written.len();
    // Every offset is reached.
    for (_, end, _) in &log.written {
        let wanted = log.expected(|it, _| it <= *end);
        assert_eq!(log.at_offset(*end).as_ref(), Ok(&wanted), "{end}");
    }
    // A time of the present means the present, and one before the jump what was before.
    let ago = log.written[last - 1].2;
    assert_eq!(log.at_time(ago).map(|it| it.len()), Ok(last));
    let before = log.written[1].2;
    assert_eq!(log.at_time(before).map(|it| it.len()), Ok(2));
}

#[test]
fn a_time_that_came_twice_means_the_second() {
    let mut log = Log::new(DAY_MS);
    log.fill(4);
    let first = log.written[1].2;
    log.rig.now_ms = first - 700;
    log.write(&["SET", "second", "1"]);
    log.fill(4);
    let mut reached = Vec::new();
    for unix_ms in (first - 3000..first + 4000).step_by(500) {
        reached.push(log.at_time(unix_ms).expect("it is kept").len());
    }
    assert!(
        reached.is_sorted(),
        "a later time is never an earlier state"
    );
    let twice = log.at_time(first).expect("it is kept");
    assert!(twice.len() >= 5, "{twice:?}");
    let (end, wanted) = (
        log.written[1].1,
        log.expected(|end, _| end <= log.written[1].1),
    );
    assert_eq!(
        log.at_offset(end),
        Ok(wanted),
        "by its offset the first is there"
    );
}

#[test]
fn everything_has_its_time_to_within_a_second() {
    let mut log = Log::new(DAY_MS);
    for n in 0..200_u64 {
        log.pass([1, 40, 300, 900, 5000][n as usize % 5]);
        log.write(&["INCR", "n"]);
    }
    log.pass(2000);
    log.rig.turn();
    for (_, _, at) in &log.written {
        for unix_ms in [*at, at + 999] {
            let Ok(found) = log.at_time(unix_ms) else {
                assert!(unix_ms > log.written[199].2);
                continue;
            };
            let least = log.expected(|_, it| it + 1000 <= unix_ms).len();
            let most = log.expected(|_, it| it <= unix_ms).len();
            assert!((least..=most).contains(&found.len()), "{unix_ms}");
        }
    }
}

#[test]
fn units_are_never_split() {
    let mut log = Log::new(DAY_MS);
    log.write(&["SET", "a", "1"]);
    let begin = log.rig.at;
    let words: [&[&str]; 4] = [&["MULTI"], &["INCR", "a"], &["INCR", "b"], &["EXEC"]];
    let bytes: Vec<u8> = words.iter().flat_map(|words| unit(words)).collect();
    towline_core::seams::LogSink::append(&mut log.rig.parts.journal.sink(), begin, &bytes);
    log.rig.at = begin.advance(bytes.len());
    log.rig.turn();
    for inside in begin.0..log.rig.at.0 {
        let way = log.way(Moment::Offset(Offset(inside))).expect("it is kept");
        assert_eq!(way.offset, Some(begin), "{inside}");
    }
    let way = log.way(Moment::Offset(log.rig.at)).expect("it is kept");
    assert_eq!(way.offset, Some(log.rig.at));
}

#[test]
fn a_moment_outside_of_what_is_kept_is_told_so() {
    let mut log = Log::new(DAY_MS);
    let made_ms = log.rig.now_ms;
    log.fill(3);
    let end = log.rig.at;
    let told = |moment| log.way(moment).expect_err("it is not kept").to_string();
    let error = told(Moment::Offset(Offset(999)));
    assert!(
        error.contains("before what is kept, which begins at offset 1000"),
        "{error}"
    );
    let error = told(Moment::Offset(Offset(end.0 + 1)));
    let expected = format!("after the end of the log, which is at offset {end}");
    assert!(error.contains(&expected), "{error}");
    let error = told(Moment::Time {
        unix_ms: made_ms - 10_000,
    });
    assert!(
        error.contains("before what is kept") && error.contains("2023-11-14T"),
        "{error}"
    );
    let error = told(Moment::Time {
        unix_ms: made_ms + DAY_MS,
    });
    assert!(
        error.contains("after the end") && error.contains(&end.to_string()),
        "{error}"
    );
}

#[test]
fn another_dataset_begins_another_run() {
    let mut log = Log::new(DAY_MS);
    log.fill(3);
    let (end, last_ms) = (log.rig.at, log.rig.now_ms);
    let base = log.rig.base("base at 5000");
    let journal = log.rig.parts.journal.clone();
    log.pass(5000);
    journal.replace(base, origin(&Lineage::new(id(4)), Offset(5000), None));
    log.rig.turn();
    // The dataset before it is reached up to its end.
    let wanted = log.expected(|_, _| true);
    assert_eq!(log.at_offset(end).as_ref(), Ok(&wanted));
    assert_eq!(log.at_time(last_ms + 3000), Ok(wanted));
    let error = log
        .at_offset(Offset(end.0 + 500))
        .expect_err("nothing is there");
    let expected = format!("up to offset {end}, and from offset 5000 on");
    assert!(error.contains(&expected), "{error}");
    log.rig.at = Offset(5000);
    log.begin = Offset(5000);
    log.written.clear();
    log.lineage = Lineage::new(id(4));
    log.fill(2);
    log.check_every_moment();
}

#[test]
fn damage_is_named_and_a_torn_end_is_left_out() {
    let mut log = Log::new(DAY_MS);
    log.fill(5);
    log.rewrite();
    log.fill(5);
    let (middle, end) = (log.written[2].1, log.rig.at);
    let flip = |file: &str, at: usize| {
        let mut bytes = log.rig.file(file);
        bytes[at] ^= 1;
        block_on(async {
            log.rig.storage.create(file).await.expect("created");
            log.rig.storage.append(file, bytes).await.expect("room");
        });
    };
    let torn = "appendonly.aof.2.incr.aof";
    let tail = b"*3\r\n$3\r\nSET\r\n$1".to_vec();
    block_on(log.rig.storage.append(torn, tail)).expect("room");
    assert_eq!(log.at_offset(end).map(|it| it.len()), Ok(10));
    flip("appendonly.aof.1.incr.aof", 27);
    let error = log.at_offset(middle).expect_err("it is damaged");
    assert!(
        error.contains("1.incr.aof") && error.contains("checksum"),
        "{error}"
    );
    assert!(log.at_offset(end).is_ok(), "the other run does not need it");
    flip("appendonly.aof.2.base.rdb", 3);
    let error = log.at_offset(end).expect_err("it is damaged");
    assert!(
        error.contains("2.base.rdb: its checksum is wrong"),
        "{error}"
    );
}

#[test]
fn the_end_that_a_crash_left_has_the_time_before_it() {
    let mut log = Log::new(DAY_MS);
    log.fill(2);
    log.rig.now_ms += 100;
    log.write(&["SET", "unseen", "1"]);
    let crashed_ms = log.rig.now_ms;
    log.rig.now_ms += DAY_MS;
    log.restart();
    log.fill(1);
    let found = log.at_time(crashed_ms + 1000);
    assert_eq!(found, Ok(log.expected(|_, at| at <= crashed_ms)));
    assert_eq!(
        log.names().len(),
        3,
        "a night without the server ages nothing"
    );
}

/// A log of Redis, with the times that it notes.
fn foreign(increments: &[&str]) -> Log {
    let log = Log::new(0);
    let storage = &log.rig.storage;
    block_on(async {
        for name in storage.list().await.expect("it lists") {
            storage.remove(&name).await.expect("it is there");
        }
        let mut manifest = "file appendonly.aof.1.base.rdb seq 1 type b\n".to_owned();
        let base = b"base at 0".to_vec();
        let write = async |name: &str, bytes: Vec<u8>| {
            storage.create(name).await.expect("room");
            storage.append(name, bytes).await.expect("room");
        };
        write("appendonly.aof.1.base.rdb", base).await;
        for (at, text) in increments.iter().enumerate() {
            let n = at + 1;
            let name = format!("appendonly.aof.{n}.incr.aof");
            manifest += &format!("file {name} seq {n} type i\n");
            write(&name, text.as_bytes().to_vec()).await;
        }
        write("appendonly.aof.manifest", manifest.into_bytes()).await;
    });
    log
}

#[test]
fn a_log_of_redis_is_restored_by_the_times_it_notes() {
    let one = "#TS:1700000000\r\n*1\r\n$4\r\nPING\r\n*1\r\n$5\r\nMULTI\r\n#TS:1700000005\r\n\
        *2\r\n$4\r\nINCR\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n";
    let two = "#TS:1700000009\r\n*2\r\n$4\r\nINCR\r\n$1\r\nb\r\n#TS:1700000003\r\n\
        *2\r\n$4\r\nINCR\r\n$1\r\nc\r\n#TS:1700000020\r\n*2\r\n$4\r\nINCR\r\n$1\r\nd\r\n";
    let log = foreign(&[one, two]);
    let at = |unix_s: u64| {
        let way = log.way(Moment::Time {
            unix_ms: unix_s * 1000,
        })?;
        assert_eq!(way.offset, None);
        let mut taken = Taken::default();
        let replayed = block_on(way.found.replay(&log.rig.storage, &mut taken));
        let recovered = replayed.expect("it is whole");
        assert_eq!(recovered.torn, None);
        Ok::<_, MomentError>(taken.0.len())
    };
    assert_eq!(at(1_700_000_000), Ok(1), "the transaction is not complete");
    assert_eq!(at(1_700_000_002), Ok(1));
    // The time that came twice means the second.
    for unix_s in [1_700_000_003, 1_700_000_005, 1_700_000_019] {
        assert_eq!(at(unix_s), Ok(6), "{unix_s}");
    }
    assert_eq!(at(1_700_000_020), Ok(7));
    assert!(matches!(at(1_700_000_021), Err(MomentError::After(_))));
    assert!(matches!(at(1_699_999_999), Err(MomentError::Before(_))));
    let by_offset = log.way(Moment::Offset(Offset(10)));
    assert_eq!(by_offset.expect_err("nobody knows"), MomentError::NoOffsets);
    let untimed = foreign(&["*1\r\n$4\r\nPING\r\n"]);
    let error = untimed
        .way(Moment::Time { unix_ms: 1 })
        .expect_err("nobody knows");
    assert_eq!(error, MomentError::NoTimes);
}
