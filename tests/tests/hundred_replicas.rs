//! A primary with a hundred replicas, all in this process, through the library alone: what
//! a replica costs beyond the buffers of its link, and that however many there are, what is
//! written is encoded and kept once.

#[path = "../../replication/tests/support/mod.rs"]
mod support;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use smol::io::BufReader;
use support::pipe::{Cutter, End, pipe};
use support::{TestNode, eventually};
use towline_core::engine::Peer;
use towline_core::seams::{Link, ReplicationTransport};
use towline_server::memory::{Counting, allocated_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const REPLICAS: usize = 100;
/// What a replica may cost its primary, beyond the buffers of its link.
const MAX_BYTES_EACH: u64 = 64 << 10;
const VALUE_BYTES: usize = 1000;
const KEYS: usize = 500;
/// Four times the backlog, so that it is full.
const WRITES: usize = 4000;
/// What a direction of a link holds.
const LINK_BYTES: usize = 64 << 10;
/// Replicas catch up after so many writes.
const WRITES_AT_ONCE: usize = 50;

/// The primary dials nobody.
struct Nobody;

#[async_trait]
impl ReplicationTransport for Nobody {
    async fn dial(&self, _host: &str, _port: u16) -> io::Result<Box<dyn Link>> {
        Err(io::ErrorKind::NotConnected.into())
    }
}

/// What a replica has seen.
#[derive(Default)]
struct Seen {
    offset: AtomicU64,
    /// Of all bytes of the stream.
    hash: AtomicU64,
}

/// A replica that reads and keeps nothing: what there is of it is the primary's side.
struct Replica {
    link: Cutter,
    seen: Arc<Seen>,
}

impl Replica {
    fn attach(primary: &TestNode) -> Self {
        let (ours, theirs, link) = pipe(None);
        let node = primary.node.clone();
        smol::spawn(async move { node.accept(Box::new(theirs), Peer::default()).await }).detach();
        let seen = Arc::new(Seen::default());
        smol::spawn(read(ours, Arc::clone(&seen))).detach();
        Self { link, seen }
    }

    fn offset(&self) -> u64 {
        self.seen.offset.load(Ordering::SeqCst)
    }
}

/// Reads the snapshot, and the stream until the link ends.
async fn read(mut link: End, seen: Arc<Seen>) -> io::Result<()> {
    link.write_all(b"PSYNC ? -1\r\n").await?;
    let mut link = BufReader::with_capacity(VALUE_BYTES, link);
    let offset = next_line(&mut link).await?;
    let offset = offset.rsplit(' ').next().map(str::parse::<u64>);
    let offset = offset.expect("a word").expect("an offset at the end");
    let length = next_line(&mut link).await?;
    let length = length.strip_prefix('$').map(str::parse::<u64>);
    let length = length.expect("a length").expect("it is a number");
    let snapshot = (&mut link).take(length);
    smol::io::copy(snapshot, smol::io::sink()).await?;
    seen.offset.store(offset, Ordering::SeqCst);
    loop {
        let part = link.fill_buf().await?;
        let length = part.len();
        if length == 0 {
            return Ok(());
        }
        let hash = part.iter().fold(seen.hash.load(Ordering::SeqCst), mixed);
        link.consume_unpin(length);
        seen.hash.store(hash, Ordering::SeqCst);
        seen.offset.fetch_add(length as u64, Ordering::SeqCst);
    }
}

/// FNV-1a, so that the order of the bytes counts, and not how they came apart.
fn mixed(hash: u64, byte: &u8) -> u64 {
    (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
}

/// The next line with something in it.
async fn next_line(link: &mut BufReader<End>) -> io::Result<String> {
    let mut line = String::new();
    while line.trim_end().is_empty() {
        line.clear();
        if link.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(line.trim_end().to_owned())
}

fn write(primary: &TestNode, writes: std::ops::Range<usize>) {
    let value = "v".repeat(VALUE_BYTES);
    for at in writes {
        let reply = primary.run(&format!("SET key:{} {value}", at % KEYS));
        assert_eq!(reply, "+OK\r\n");
    }
}

async fn caught_up(primary: &TestNode, replicas: &[Replica]) {
    eventually("all replicas have everything", &[primary], || {
        let offset = primary.offset();
        replicas.iter().all(|replica| replica.offset() == offset)
    })
    .await;
}

/// Bytes in use in this process, without the buffers of the links.
fn held_bytes(replicas: &[Replica]) -> u64 {
    let buffers = replicas.iter().map(|replica| replica.link.buffer_bytes());
    allocated_bytes() - buffers.sum::<usize>() as u64
}

/// The most that was held while the replicas followed.
async fn most_held_bytes(primary: &TestNode, replicas: &[Replica]) -> u64 {
    let mut most = 0;
    for step in 0..WRITES / WRITES_AT_ONCE {
        let begin = step * WRITES_AT_ONCE;
        write(primary, begin..begin + WRITES_AT_ONCE);
        most = most.max(held_bytes(replicas));
        caught_up(primary, replicas).await;
        most = most.max(held_bytes(replicas));
    }
    most
}

/// What is held more after writes that nobody takes, and how many bytes these were.
async fn held_for_who_does_not_read(primary: &TestNode, replicas: &[Replica]) -> (u64, u64) {
    replicas.iter().for_each(|replica| replica.link.stall(true));
    let (held, offset) = (held_bytes(replicas), primary.offset());
    write(primary, 0..2 * WRITES);
    let written = primary.offset() - offset;
    eventually("all links are full", &[primary], || {
        let is_full = |replica: &Replica| replica.link.buffer_bytes() >= LINK_BYTES;
        replicas.iter().all(is_full)
    })
    .await;
    let grown = held_bytes(replicas) - held;
    let lags = |replica: &Replica| replica.offset() + written / 2 < primary.offset();
    assert!(replicas.iter().all(lags));
    replicas
        .iter()
        .for_each(|replica| replica.link.stall(false));
    caught_up(primary, replicas).await;
    (grown, written)
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures of a run that passes")]
fn a_replica_costs_little_and_a_write_is_kept_once() {
    smol::block_on(async {
        let config = [("repl-diskless-sync-delay", "0"), ("repl-timeout", "3600")];
        let primary = TestNode::new(1, Arc::new(Nobody), &config);
        write(&primary, 0..KEYS);
        let mut replicas = vec![Replica::attach(&primary)];
        caught_up(&primary, &replicas).await;
        let with_one = most_held_bytes(&primary, &replicas).await;

        replicas.extend((0..REPLICAS).map(|_| Replica::attach(&primary)));
        caught_up(&primary, &replicas).await;
        let with_all = most_held_bytes(&primary, &replicas).await;
        let each = with_all.saturating_sub(with_one) / REPLICAS as u64;
        println!("a replica costs {each} bytes");
        assert!(each < MAX_BYTES_EACH, "{each} bytes for each replica");

        let (grown, written) = held_for_who_does_not_read(&primary, &replicas).await;
        println!("{written} bytes that {REPLICAS} replicas lack are held in {grown}");
        assert!(grown < 2 * written, "{grown} bytes for {written}");
        // All that came after the snapshot was the same for all who had the same one.
        let hash = |replica: &Replica| replica.seen.hash.load(Ordering::SeqCst);
        let first = hash(&replicas[1]);
        assert!(replicas[1..].iter().all(|replica| hash(replica) == first));
    });
}
