//! Streams.
//!
//! ```text
//! n x (id, listpack)                 the runs of entries
//! length | last id
//! [first id | max deleted id | entries added]           not in type 15
//! n groups
//!   name | last id | [entries read]                     not in type 15
//!   n x (raw id, delivered ms, deliveries)              pending
//!   n consumers
//!     name | seen ms | [active ms]                      from type 21 on
//!     n x raw id                                        pending
//! [duration | max | n x (producer, n x (its id, id)) | added | duplicates]   type 26
//! ```
//! A run's id is a string of 16 bytes, a raw id 16 bytes without a length; any
//! other id is two lengths. Times are eight bytes, little-endian.

use std::sync::Arc;

use towline_core::packed::listpack::Listpack;
use towline_core::seams::snapshot::{DecodeError, DecodeFault};
use towline_core::value::stream::{
    Consumer, Group, GroupError, Idempotence, Producer, Stream, StreamId, StreamNode,
};

use crate::decode::Source;
use crate::pen::Pen;
use crate::rdb::opcode::kind;

/// What RDB writes for a count of read entries that is not known.
const UNKNOWN: u64 = u64::MAX;

/// Which of the optional parts a type has.
#[derive(Clone, Copy, Debug)]
struct Parts {
    counters: bool,
    active_time: bool,
    idempotence: bool,
}

impl Parts {
    const fn of(kind: u8) -> Self {
        Self {
            counters: kind != kind::STREAM_LISTPACKS,
            active_time: matches!(kind, kind::STREAM_LISTPACKS_3 | kind::STREAM_LISTPACKS_4),
            idempotence: kind == kind::STREAM_LISTPACKS_4,
        }
    }
}

/// Reads a stream of the given type.
pub(super) async fn read(kind: u8, source: &mut Source) -> Result<Stream, DecodeError> {
    let parts = Parts::of(kind);
    let mut stream = Stream::new();
    read_nodes(&mut stream, source).await?;
    if source.length().await? != stream.len() as u64 {
        return source.corrupt("stream length does not match its entries");
    }
    stream.last_id = read_id(source).await?;
    if parts.counters {
        stream.first_id = read_id(source).await?;
        stream.max_deleted_id = read_id(source).await?;
        stream.entries_added = source.length().await?;
    } else {
        let first = stream.iter().next().map(|entry| entry.id);
        stream.first_id = first.unwrap_or(StreamId::ZERO);
        stream.entries_added = stream.len() as u64;
    }
    check_counters(&stream, source)?;
    for _ in 0..source.length().await? {
        read_group(&mut stream, parts, source).await?;
    }
    if parts.idempotence {
        stream.idempotence = read_idempotence(source).await?.map(Arc::new);
    }
    Ok(stream)
}

async fn read_nodes(stream: &mut Stream, source: &mut Source) -> Result<(), DecodeError> {
    for _ in 0..source.length().await? {
        let id = source.string().await?;
        let Ok(id) = <[u8; StreamId::BYTES]>::try_from(id) else {
            return source.corrupt("stream node id of a wrong size");
        };
        let packed = Listpack::from_bytes(source.string().await?);
        let Ok(packed) = packed else {
            return source.corrupt("Stream listpack integrity check failed");
        };
        StreamNode::from_listpack(StreamId::from_bytes(id), packed)
            .and_then(|node| stream.push_node(node))
            .map_err(|error| source.error(DecodeFault::Corrupt(error.what())))?;
    }
    Ok(())
}

fn check_counters(stream: &Stream, source: &Source) -> Result<(), DecodeError> {
    let last = stream.nodes().last().and_then(StreamNode::last_id);
    if last.is_some_and(|last| last > stream.last_id) {
        return source.corrupt("stream entry beyond the stream's last id");
    }
    Ok(())
}

async fn read_id(source: &mut Source) -> Result<StreamId, DecodeError> {
    let ms = source.length().await?;
    let seq = source.length().await?;
    Ok(StreamId::new(ms, seq))
}

async fn read_raw_id(source: &mut Source) -> Result<StreamId, DecodeError> {
    Ok(StreamId::from_bytes(source.array().await?))
}

async fn read_ms(source: &mut Source) -> Result<i64, DecodeError> {
    Ok(i64::from_le_bytes(source.array().await?))
}

async fn read_group(
    stream: &mut Stream,
    parts: Parts,
    source: &mut Source,
) -> Result<(), DecodeError> {
    let name = source.string().await?;
    let last_id = read_id(source).await?;
    let entries_read = if parts.counters {
        Some(source.length().await?).filter(|read| *read != UNKNOWN)
    } else {
        stream.entries_read_at(last_id)
    };
    let mut group = Group::new(last_id, entries_read);
    let nobody: Arc<[u8]> = Arc::from(&b""[..]);
    for _ in 0..source.length().await? {
        let id = read_raw_id(source).await?;
        let delivered_ms = read_ms(source).await?;
        let deliveries = source.length().await?;
        fits(
            group.push_pending(id, delivered_ms, deliveries, &nobody),
            source,
        )?;
    }
    for _ in 0..source.length().await? {
        read_consumer(&mut group, parts, &nobody, source).await?;
    }
    fits(group.check_pending(), source)?;
    if !stream.add_group(&name, group) {
        return source.corrupt("two consumer groups of one name");
    }
    Ok(())
}

async fn read_consumer(
    group: &mut Group,
    parts: Parts,
    nobody: &Arc<[u8]>,
    source: &mut Source,
) -> Result<(), DecodeError> {
    let name: Arc<[u8]> = Arc::from(source.string().await?);
    let seen_ms = read_ms(source).await?;
    let active_ms = if parts.active_time {
        read_ms(source).await?
    } else {
        seen_ms
    };
    fits(
        group.add_consumer(&name, Consumer::new(seen_ms, active_ms)),
        source,
    )?;
    for _ in 0..source.length().await? {
        let id = read_raw_id(source).await?;
        fits(group.assign_pending(&name, id, nobody), source)?;
    }
    Ok(())
}

fn fits(result: Result<(), GroupError>, source: &Source) -> Result<(), DecodeError> {
    result.map_err(|error| source.error(DecodeFault::Corrupt(error.what())))
}

async fn read_idempotence(source: &mut Source) -> Result<Option<Idempotence>, DecodeError> {
    let mut read = Idempotence {
        duration_s: source.length().await?,
        max_entries: source.length().await?,
        ..Idempotence::default()
    };
    for _ in 0..source.length().await? {
        let mut producer = Producer {
            name: source.string().await?,
            entries: Vec::new(),
        };
        for _ in 0..source.length().await? {
            let own = source.string().await?;
            producer.entries.push((own, read_id(source).await?));
        }
        read.producers.push(producer);
    }
    read.added = source.length().await?;
    read.duplicates = source.length().await?;
    Ok((read != Idempotence::default()).then_some(read))
}

/// Writes a stream in the form of the given type, which can hold it.
pub(super) async fn write(kind: u8, stream: &Stream, pen: &mut Pen) {
    let parts = Parts::of(kind);
    pen.length(stream.nodes().len() as u64);
    for node in stream.nodes() {
        pen.string(&node.id().to_bytes());
        pen.packed(node.listpack().as_bytes()).await;
    }
    pen.length(stream.len() as u64);
    write_id(stream.last_id, pen);
    if parts.counters {
        write_id(stream.first_id, pen);
        write_id(stream.max_deleted_id, pen);
        pen.length(stream.entries_added);
    }
    pen.length(stream.groups().len() as u64);
    for (name, group) in stream.groups() {
        pen.string(name);
        write_group(group, parts, pen).await;
    }
    if parts.idempotence {
        let default = Idempotence::default();
        let kept = stream.idempotence.as_deref();
        write_idempotence(kept.unwrap_or(&default), pen).await;
    }
}

fn write_id(id: StreamId, pen: &mut Pen) {
    pen.length(id.ms);
    pen.length(id.seq);
}

async fn write_group(group: &Group, parts: Parts, pen: &mut Pen) {
    write_id(group.last_id, pen);
    if parts.counters {
        pen.length(group.entries_read.unwrap_or(UNKNOWN));
    }
    pen.length(group.pending().len() as u64);
    for pending in group.pending() {
        pen.raw(&pending.id.to_bytes());
        pen.raw(&pending.delivered_ms.to_le_bytes());
        pen.length(pending.deliveries);
        pen.pause().await;
    }
    pen.length(group.consumers().len() as u64);
    for (name, consumer) in group.consumers() {
        pen.string(name);
        pen.raw(&consumer.seen_ms.to_le_bytes());
        if parts.active_time {
            pen.raw(&consumer.active_ms.to_le_bytes());
        }
        pen.length(consumer.pending().len() as u64);
        for id in consumer.pending() {
            pen.raw(&id.to_bytes());
            pen.pause().await;
        }
    }
}

async fn write_idempotence(kept: &Idempotence, pen: &mut Pen) {
    pen.length(kept.duration_s);
    pen.length(kept.max_entries);
    pen.length(kept.producers.len() as u64);
    for producer in &kept.producers {
        pen.string(&producer.name);
        pen.length(producer.entries.len() as u64);
        for (own, id) in &producer.entries {
            pen.string(own);
            write_id(*id, pen);
            pen.pause().await;
        }
    }
    pen.length(kept.added);
    pen.length(kept.duplicates);
}
