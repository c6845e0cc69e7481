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
    /// The commands of the transaction that it ends.
    queued: Vec<Words>,
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
    let mut queued: Option<Vec<Words>> = None;
    let mut sent = 0;
    while sent < commands {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            batch.push(frame(&mut rng, &mut queued).unwrap_or_else(|| {
                let words = generator.draw_until(peer.version, peer.server.kind());
                if let Some(queued) = &mut queued {
                    queued.push(words.clone());
                }
                Sent {
                    words,
                    queued: Vec::new(),
                }
            }));
        }
        sent += batch.len();
        let kind = peer.server.kind();
        let difference = compare(&mut both, kind, &batch);
        let difference = match queued {
            // Within a transaction there is nothing to compare yet.
            Some(_) => difference,
            None => difference.or_else(|| compare_content(&mut both, kind, &batch)),
        };
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
        // Valkey's digest of a score is another than Redis's.
        let scores: [&[u8]; 5] = [b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"];
        let scores = both.each_mut().map(|client| client.call(&scores));
        ours != theirs
            && (scores[0].is_error() || scores[0] != scores[1])
            && !(peer == Kind::Redis8 && same_hash(both, key))
    };
    let keys: Vec<&[u8]> = keys.into_iter().filter(differs).collect();
    if keys.is_empty() {
        return None;
    }
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

/// Whether a key is a hash of the same fields with the same expiries, of which the digest
/// of Redis 8 is another.
fn same_hash(both: &mut [Client; 2], key: &[u8]) -> bool {
    match both.each_mut().map(|client| hash(client, key)) {
        [Some(ours), Some(theirs)] => {
            ours[0] == theirs[0] && Rule::Clocks.equal(&ours[1], &theirs[1])
        }
        _ => false,
    }
}

/// A hash's values and the moments they expire at, in the order of the fields.
fn hash(client: &mut Client, key: &[u8]) -> Option<[Value; 2]> {
    let fields = client.call(&[b"HKEYS", key]);
    if fields.is_error() {
        return None;
    }
    let mut fields: Vec<String> = fields.texts();
    fields.sort();
    let count = fields.len().to_string();
    let of_fields = |front: &[&[u8]]| -> Words {
        let fields = fields.iter().map(|field| field.clone().into_bytes());
        front
            .iter()
            .map(|word| word.to_vec())
            .chain(fields)
            .collect()
    };
    let values = of_fields(&[b"HMGET", key]);
    let moments = of_fields(&[b"HPEXPIRETIME", key, b"FIELDS", count.as_bytes()]);
    Some([values, moments].map(|words| client.call(&words)))
}

/// Now and then a transaction begins, and soon it ends.
fn frame(rng: &mut Rng, queued: &mut Option<Vec<Words>>) -> Option<Sent> {
    let sent = |word: &str, queued: Vec<Words>| {
        let words = vec![word.as_bytes().to_vec()];
        Some(Sent { words, queued })
    };
    if queued.is_some() {
        return match rng.below(5) {
            0 => sent("EXEC", queued.take().unwrap_or_default()),
            _ => None,
        };
    }
    if rng.below(60) != 0 {
        return None;
    }
    *queued = Some(Vec::new());
    sent("MULTI", Vec::new())
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
        if found.is_none() {
            found = difference(sent, &ours, &theirs, peer);
        }
    }
    found
}

/// Where two replies differ: as a whole, or in one command of a transaction.
fn difference(sent: &Sent, ours: &Value, theirs: &Value, peer: Kind) -> Option<Difference> {
    if let (Value::Array(left), Value::Array(right)) = (ours, theirs)
        && left.len() == right.len()
        && left.len() == sent.queued.len()
        && !sent.queued.is_empty()
    {
        let mut parts = sent.queued.iter().zip(left.iter().zip(right));
        return parts.find_map(|(words, (ours, theirs))| of_command(words, ours, theirs, peer));
    }
    of_command(&sent.words, ours, theirs, peer)
}

fn of_command(words: &Words, ours: &Value, theirs: &Value, peer: Kind) -> Option<Difference> {
    (!rule(words).equal(ours, theirs)).then(|| Difference {
        peer,
        command: quoted(words),
        ours: ours.to_string(),
        theirs: theirs.to_string(),
    })
}

fn quoted(words: &Words) -> String {
    let words = words.iter().map(|word| match word.as_slice() {
        b"" => "\"\"".to_owned(),
        word if word.iter().all(u8::is_ascii_graphic) => String::from_utf8_lossy(word).into_owned(),
        word => format!("\"{}\"", word.escape_ascii()),
    });
    words.collect::<Vec<_>>().join(" ")
}
