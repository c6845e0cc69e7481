//! What a primary tells its replicas, command by command, equals what Redis 7.2 was
//! seen to tell them.

use towline_tests::resp::Client;
use towline_tests::server::{Kind, Server};
use towline_tests::tables;
use towline_tests::tap::Tap;

/// Commands that come later, with one that leaves the same data behind them, so that
/// the lines after them mean what they meant to Redis.
const STAND_INS: &[(&str, &str)] = &[
    ("BLPOP l 1", "LPOP l"),
    ("BLMOVE l l2 LEFT RIGHT 1", "LMOVE l l2 LEFT RIGHT"),
    ("BRPOPLPUSH l l3 1", "RPOPLPUSH l l3"),
    ("BZPOPMAX z 1", "ZPOPMAX z"),
    ("COPY k kk", "SET kk z"),
];

/// Lines whose command is shortened in the file; they are tested with their commands.
const SHORTENED: &[&str] = &["DUMPOFH", "LIB", "redis.call"];

struct Line {
    command: String,
    propagated: Vec<Vec<String>>,
}

fn lines() -> Vec<Line> {
    let text = tables::read_text("propagation-redis-7.2.txt");
    text.lines().map(line).collect()
}

fn line(text: &str) -> Line {
    let (command, right) = text.split_once("->").expect("a line has an arrow");
    let commands = right
        .split('|')
        .map(words)
        .filter(|words| !words.is_empty());
    Line {
        // An entry's id of the recording, later than any that the clock gives here.
        command: command.trim().replace("TS-", "9999999999999-"),
        propagated: commands.collect(),
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Whether the server has the command, and the line holds all of it.
fn is_testable(client: &mut Client, command: &str) -> bool {
    let name = command.split(' ').next().expect("a line has a command");
    let known = client.call(&["COMMAND", "INFO", name]);
    known.items()[0].to_string() != "nil" && !SHORTENED.iter().any(|part| command.contains(part))
}

/// `TS` stands for a time in milliseconds, and may be part of a stream's id.
fn word_matches(wanted: &str, seen: &str) -> bool {
    match wanted.strip_prefix("TS") {
        Some(rest) => seen
            .strip_suffix(rest)
            .is_some_and(|time| time.len() == 13 && time.bytes().all(|b| b.is_ascii_digit())),
        None => wanted == seen,
    }
}

/// The name of a command may be in any case; SPOP may take any member of the set.
fn command_matches(command: &str, wanted: &[String], seen: &[String]) -> bool {
    if command.starts_with("SPOP") && wanted[0] == "SREM" {
        let member = |word: &String| ["a", "b", "c", "d"].contains(&word.as_str());
        return seen.len() == wanted.len()
            && seen[..2] == wanted[..2]
            && seen[2..].iter().all(member);
    }
    wanted.len() == seen.len()
        && wanted[0].eq_ignore_ascii_case(&seen[0])
        && wanted[1..]
            .iter()
            .zip(&seen[1..])
            .all(|(wanted, seen)| word_matches(wanted, seen))
}

fn matches(line: &Line, seen: &[Vec<String>]) -> bool {
    let pairs = || line.propagated.iter().zip(seen);
    line.propagated.len() == seen.len()
        && pairs().all(|(wanted, seen)| command_matches(&line.command, wanted, seen))
}

/// Runs the file's commands in order; gives the lines that differ and how many ran.
fn differences(server: &Server) -> (Vec<String>, usize) {
    let (mut client, mut tap) = (server.client(), Tap::new(server));
    // Otherwise a key that expires in the middle would add its own DEL.
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    let (mut found, mut ran) = (Vec::new(), 0);
    for line in lines() {
        if !is_testable(&mut client, &line.command) {
            if let Some((_, other)) = STAND_INS.iter().find(|(name, _)| *name == line.command) {
                client.ok(other);
                tap.drain(&mut client);
            }
            continue;
        }
        client.ok(&line.command);
        let seen = tap.drain(&mut client);
        ran += 1;
        if !matches(&line, &seen) {
            found.push(format!(
                "{}: {seen:?}, not {:?}",
                line.command, line.propagated
            ));
        }
    }
    (found, ran)
}

/// The reading of the file, checked on a server that is one version older: 7.0 still
/// sends an SREM for each member that SPOP took.
#[test]
fn redis_itself_propagates_what_the_file_says() {
    let (mut found, ran) = differences(&Server::new(Kind::Redis));
    found.retain(|line| !line.starts_with("SPOP s 2:"));
    assert!(found.is_empty(), "{found:#?}");
    assert!(ran > 45, "only {ran} lines were tested");
}

#[test]
fn towline_propagates_what_redis_does() {
    let (found, ran) = differences(&Server::new(Kind::Towline));
    assert!(found.is_empty(), "{found:#?}");
    assert!(ran > 28, "only {ran} lines were tested");
}
