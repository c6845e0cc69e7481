//! Keyspace notifications, command by command: which events there are, in which order and
//! of which class, beside a live Redis and a live Valkey.

mod table;

use std::collections::BTreeSet;

use table::{DIFFERENT, NOT_IN_ROWS, ROWS, SPELLED_OTHERWISE};
use towline_tests::resp::{Client, Value};
use towline_tests::server::{Kind, Server};
use towline_tests::wait;

/// Every class: the letters of notify-keyspace-events, but for K and E.
const CLASSES: &str = "g$lshzxetdmn";

/// The channel of the messages that mark a place among the events. The patterns below
/// match it.
const MARK: &str = "__key__:mark";

/// A server with one connection that writes and one that listens.
struct Station {
    kind: Kind,
    _server: Server,
    writer: Client,
    listener: Client,
    marks: u64,
}

impl Station {
    fn new(kind: Kind) -> Self {
        let server = Server::new(kind);
        let (mut writer, mut listener) = (server.client(), server.client());
        writer.ok("DEBUG SET-ACTIVE-EXPIRE 0");
        listener.ok("PSUBSCRIBE __key*");
        Self {
            kind,
            _server: server,
            writer,
            listener,
            marks: 0,
        }
    }

    /// The next message: the channel without the database, and the text.
    fn message(&mut self) -> (String, String) {
        let message = self.listener.read().expect("a message").texts();
        let channel = message[2].replace("key", "");
        (channel, message[3].clone())
    }

    /// The events up to now, each as its channel and its message.
    fn events(&mut self) -> Vec<String> {
        self.marks += 1;
        let mark = self.marks.to_string();
        self.writer.call(&["PUBLISH", MARK, &mark]);
        let mut events = Vec::new();
        loop {
            let (channel, text) = self.message();
            if text == mark && channel == MARK.replace("key", "") {
                return events;
            }
            events.push(format!("{channel} {text}"));
        }
    }

    /// A command whose words may be quoted, or `{dump}`.
    fn run(&mut self, line: &str) -> Value {
        let words = line.split_whitespace().map(|word| match word {
            "\"\"" => Vec::new(),
            "{dump}" => match self.writer.cmd("DUMP d") {
                Value::Bulk(payload) => payload,
                other => panic!("DUMP gave {other}"),
            },
            word => word.as_bytes().to_vec(),
        });
        let words: Vec<Vec<u8>> = words.collect();
        self.writer.call(&words)
    }

    /// What the row's command says under these flags; nothing where the server does not
    /// know the command, or what prepares it.
    fn of_row(&mut self, row: &str, flags: &str) -> Option<Vec<String>> {
        let (before, command) = row.split_once('|').expect("a row has a bar");
        self.writer.ok("CONFIG SET notify-keyspace-events KEA");
        self.writer.ok("FLUSHALL");
        let before = before.split(';').map(str::trim);
        for line in before.filter(|line| !line.is_empty()) {
            self.known(line)?;
        }
        self.writer
            .ok(&format!("CONFIG SET notify-keyspace-events {flags}"));
        self.events();
        self.known(command.trim())?;
        Some(self.events())
    }

    /// Runs a command; nothing where it, or an option of it, is not known.
    fn known(&mut self, line: &str) -> Option<Value> {
        let reply = self.run(line);
        let unknown =
            |text: &str| text.contains("unknown command") || text.contains("syntax error");
        match &reply {
            Value::Error(text) if unknown(text) && self.kind != Kind::Towline => None,
            Value::Error(text) => panic!("{} {line}: {text}", self.kind),
            _ => Some(reply),
        }
    }

    /// All events of a row in order, and which of them each class has.
    fn told(&mut self, row: &str) -> Option<Vec<String>> {
        let mut told = vec![self.of_row(row, &format!("KE{CLASSES}"))?.join(", ")];
        for class in CLASSES.chars() {
            let events = self.of_row(row, &format!("E{class}"))?;
            if !events.is_empty() {
                told.push(format!("{class}: {}", events.join(", ")));
            }
        }
        Some(told)
    }
}

fn is_expected(kind: Kind, row: &str) -> bool {
    let mut known = DIFFERENT.iter();
    known.any(|(peer, expected, _)| *peer == kind && *expected == row)
}

#[test]
fn events_are_those_of_the_peers() {
    let [mut towline, mut redis, mut valkey] =
        [Kind::Towline, Kind::Redis, Kind::Valkey].map(Station::new);
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for row in ROWS {
        let ours = towline.told(row).expect("Towline knows every row");
        for peer in [&mut redis, &mut valkey] {
            let Some(theirs) = peer.told(row) else {
                continue;
            };
            compared += 1;
            if (ours == theirs) == is_expected(peer.kind, row) {
                wrong.push(format!("{row}\n  {ours:?}, {}\n  {theirs:?}", peer.kind));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        compared > 2 * ROWS.len() - 60,
        "only {compared} were compared"
    );
}

#[test]
fn what_no_peer_knows_says_what_its_like_says() {
    let mut towline = Station::new(Kind::Towline);
    for (row, like) in SPELLED_OTHERWISE {
        let [own, known] = [row, like].map(|row| towline.told(row).expect("Towline knows both"));
        assert_eq!(own, known, "{row}");
    }
}

/// What goes by itself, and what is found to have gone, with the event that ends it.
const EXPIRING: &[(&str, &str)] = &[
    ("psetex k 5 v", "expired"),
    ("rpush k a ; pexpire k 5", "expired"),
    ("hset k a 1 b 2 ; hpexpire k 5 fields 1 a", "hexpired"),
    ("hset k a 1 b 2 ; hpexpire k 5 fields 2 a b", "del"),
    ("hsetex k px 5 fields 1 a 1", "del"),
];

/// The events after `before`, up to the one that says that something has expired. What
/// makes the server look is `look`, again and again.
fn of_expiry(station: &mut Station, before: &str, last: &str, look: &str) -> Vec<String> {
    station.writer.ok("FLUSHALL");
    station.events();
    for line in before.split(';') {
        station.writer.ok(line);
    }
    let mut events = Vec::new();
    let last = format!("__event@0__:{last} k");
    wait::until("it has expired", || {
        station.writer.cmd(look);
        events.extend(station.events());
        events.contains(&last)
    });
    events
}

#[test]
fn what_expires_by_itself_says_so_as_valkey_does() {
    let mut both = [Kind::Towline, Kind::Valkey].map(Station::new);
    for station in &mut both {
        station
            .writer
            .ok(&format!("CONFIG SET notify-keyspace-events KE{CLASSES}"));
    }
    for active in [1, 0] {
        for station in &mut both {
            station
                .writer
                .ok(&format!("DEBUG SET-ACTIVE-EXPIRE {active}"));
        }
        for (before, last) in EXPIRING {
            // What is not looked at goes by itself; fields never go for being looked at.
            let look = if active == 0 { "TYPE k" } else { "PING" };
            if active == 0 && before.starts_with('h') {
                continue;
            }
            let [ours, theirs] = both
                .each_mut()
                .map(|station| of_expiry(station, before, last, look));
            assert_eq!(ours, theirs, "{before}, active expiry {active}");
        }
    }
}

#[test]
fn every_command_that_writes_has_a_row() {
    let server = Server::new(Kind::Towline);
    let mut client = server.client();
    let spelled = SPELLED_OTHERWISE.iter().map(|(row, _)| row);
    let in_rows: BTreeSet<&str> = ROWS
        .iter()
        .chain(spelled)
        .map(|row| row.split('|').next_back().expect("a row has a command"))
        .filter_map(|command| command.split_whitespace().next())
        .collect();
    let mut missing = Vec::new();
    for info in client.ok("COMMAND").items() {
        let (name, flags) = (info.items()[0].text(), info.items()[2].texts());
        let listed = in_rows.contains(name.as_str()) || NOT_IN_ROWS.contains(&name.as_str());
        if flags.iter().any(|flag| flag == "write") && !listed {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
