//! One seed: commands to all servers, replies compared one by one, datasets at the end.

use super::generator::{Generator, Words};
use super::grammar::{Grammar, Version};
use super::rules::{Rule, rule};
use crate::resp::{Client, Value, encode};
use crate::rng::Rng;
use crate::server::{Kind, Server};

/// Commands on their way at once.
const BATCH: usize = 64;

/// A reply that is not the same, or a dataset.
#[derive(Debug)]
pub struct Difference {
    /// The peer that answered otherwise.
    pub peer: Kind,
    /// The command, quoted.
    pub command: String,
    /// What Towline answered.
    pub ours: String,
    /// What the peer answered.
    pub theirs: String,
}

/// A command on its way.
struct Sent {
    words: Words,
    /// The rules of its reply: one, or one for each command of a transaction.
    rules: Vec<Rule>,
    newest: Version,
}

/// A server beside Towline.
pub struct Peer<'s> {
    /// The server.
    pub server: &'s Server,
    /// The newest version whose commands it knows.
    pub version: Version,
}

/// Sends `commands` commands that follow from `seed` to Towline and to the peer,
/// and answers where they differ.
pub fn run(
    ours: &Server,
    peer: &Peer<'_>,
    grammar: &Grammar,
    seed: u64,
    commands: usize,
) -> Vec<Difference> {
    let mut generator = Generator::new(grammar, seed);
    let mut rng = Rng::new(!seed);
    let mut both = [ours, peer.server].map(|server| {
        let mut client = server.client();
        client.ok("FLUSHALL");
        if seed % 2 == 1 {
            client.call(&["HELLO", "3"]);
        }
        client
    });
    let mut differences = Vec::new();
    let mut queued: Option<Vec<Rule>> = None;
    let mut sent = 0;
    while sent < commands {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let next = frame(&mut rng, &mut queued).unwrap_or_else(|| {
                loop {
                    let (words, newest) = generator.draw();
                    if newest <= peer.version {
                        let rules = vec![rule(&words)];
                        break Sent {
                            words,
                            rules,
                            newest,
                        };
                    }
                }
            });
            if let Some(queued) = &mut queued
                && next.rules.len() == 1
                && next.newest != (0, 0, 0)
            {
                queued.push(next.rules[0]);
            }
            batch.push(next);
        }
        sent += batch.len();
        let kind = peer.server.kind();
        let difference = compare(&mut both, kind, &batch);
        let difference = difference.or_else(|| compare_content(&mut both, kind, &batch));
        if let Some(difference) = difference {
            differences.push(difference);
            // What follows from a difference is no news: both begin anew.
            queued = None;
            for client in &mut both {
                client.call(&["DISCARD"]);
                client.ok("FLUSHALL");
            }
        }
    }
    differences
}

/// Compares what the servers hold; a difference names the commands of the batch
/// that had to do with it.
fn compare_content(both: &mut [Client; 2], peer: Kind, batch: &[Sent]) -> Option<Difference> {
    let digests = both
        .each_mut()
        .map(|client| client.call(&["DEBUG", "DIGEST"]));
    let [ours, theirs] = digests;
    // Within a transaction there is nothing to compare yet.
    if ours == theirs {
        return None;
    }
    let mut keys: Vec<&[u8]> = batch
        .iter()
        .flat_map(|sent| &sent.words[1..])
        .map(Vec::as_slice)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let differs = |key: &&[u8]| {
        let digest: [&[u8]; 3] = [b"DEBUG", b"DIGEST-VALUE", key];
        let [ours, theirs] = both.each_mut().map(|client| client.call(&digest));
        ours != theirs
    };
    let keys: Vec<&[u8]> = keys.into_iter().filter(differs).collect();
    let concerns = |sent: &&Sent| {
        sent.words
            .iter()
            .any(|word| keys.contains(&word.as_slice()))
    };
    let commands = batch
        .iter()
        .filter(concerns)
        .map(|sent| quoted(&sent.words));
    Some(Difference {
        peer,
        command: format!("(content) {}", commands.collect::<Vec<_>>().join("; ")),
        ours: ours.to_string(),
        theirs: theirs.to_string(),
    })
}

/// Now and then a transaction begins, and soon it ends.
fn frame(rng: &mut Rng, queued: &mut Option<Vec<Rule>>) -> Option<Sent> {
    let words = |word: &str| vec![word.as_bytes().to_vec()];
    if let Some(rules) = queued {
        if rng.below(5) != 0 {
            return None;
        }
        let rules = std::mem::take(rules);
        *queued = None;
        return Some(Sent {
            words: words("EXEC"),
            rules,
            newest: (0, 0, 0),
        });
    }
    if rng.below(60) != 0 {
        return None;
    }
    *queued = Some(Vec::new());
    Some(Sent {
        words: words("MULTI"),
        rules: vec![Rule::Exact],
        newest: (0, 0, 0),
    })
}

/// Sends a batch to both; answers the first difference.
fn compare(both: &mut [Client; 2], peer: Kind, batch: &[Sent]) -> Option<Difference> {
    let bytes: Vec<u8> = batch.iter().flat_map(|sent| encode(&sent.words)).collect();
    for client in both.iter_mut() {
        client.send_raw(&bytes).expect("the server listens");
    }
    let mut found = None;
    for sent in batch {
        let [ours, theirs] = both
            .each_mut()
            .map(|client| client.read().expect("a reply"));
        if found.is_none() && !equal(sent, &ours, &theirs) {
            found = Some(Difference {
                peer,
                command: quoted(&sent.words),
                ours: ours.to_string(),
                theirs: theirs.to_string(),
            });
        }
    }
    found
}

fn equal(sent: &Sent, ours: &Value, theirs: &Value) -> bool {
    if sent.words[0] != b"EXEC" {
        return sent.rules[0].equal(ours, theirs);
    }
    match (ours, theirs) {
        // Commands that were refused when they were queued are not among the replies.
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let exact = left.len() != sent.rules.len();
            let pairs = left.iter().zip(right).enumerate();
            pairs.into_iter().all(|(place, (left, right))| match exact {
                true => left == right,
                false => sent.rules[place].equal(left, right),
            })
        }
        _ => ours == theirs,
    }
}

fn quoted(words: &Words) -> String {
    let words = words.iter().map(|word| match word.as_slice() {
        b"" => "\"\"".to_owned(),
        word if word.iter().all(u8::is_ascii_graphic) => String::from_utf8_lossy(word).into_owned(),
        word => format!("\"{}\"", word.escape_ascii()),
    });
    words.collect::<Vec<_>>().join(" ")
}
