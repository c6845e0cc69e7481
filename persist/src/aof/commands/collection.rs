//! Lists, sets, sorted sets and hashes.

use towline_core::text::double::write_f64;
use towline_core::value::{Hash, List, Set, ZSet};

use super::{bulk, element, head, int};
use crate::pen::Pen;

/// The most elements of one command.
const ITEMS_PER_COMMAND: usize = 64;

/// The sizes of the commands that `count` elements make.
fn batches(count: usize) -> impl Iterator<Item = usize> + Send {
    (0..count)
        .step_by(ITEMS_PER_COMMAND)
        .map(move |start| ITEMS_PER_COMMAND.min(count - start))
}

pub(super) async fn write_list(key: &[u8], list: &List, pen: &mut Pen) {
    let mut elements = list.iter();
    for size in batches(list.len()) {
        head(pen, &[b"RPUSH", key], size);
        for value in elements.by_ref().take(size) {
            element(pen, value).await;
        }
    }
}

pub(super) async fn write_set(key: &[u8], set: &Set, pen: &mut Pen) {
    let mut members = set.iter();
    for size in batches(set.len()) {
        head(pen, &[b"SADD", key], size);
        for member in members.by_ref().take(size) {
            element(pen, member).await;
        }
    }
}

pub(super) async fn write_zset(key: &[u8], zset: &ZSet, pen: &mut Pen) {
    let mut members = zset.iter();
    let mut text = Vec::new();
    for size in batches(zset.len()) {
        head(pen, &[b"ZADD", key], 2 * size);
        for (member, score) in members.by_ref().take(size) {
            text.clear();
            write_f64(&mut text, score);
            bulk(pen, &text);
            element(pen, member).await;
        }
    }
}

pub(super) async fn write_hash(key: &[u8], hash: &Hash, pen: &mut Pen) {
    let mut pairs = hash.iter();
    for size in batches(hash.len()) {
        let mut expiring = Vec::new();
        head(pen, &[b"HMSET", key], 2 * size);
        for pair in pairs.by_ref().take(size) {
            element(pen, pair.field).await;
            element(pen, pair.value).await;
            expiring.extend(pair.expire_at_ms.map(|at| (pair.field, at)));
        }
        for (field, at) in expiring {
            head(pen, &[b"HPEXPIREAT", key], 4);
            int(pen, at);
            bulk(pen, b"FIELDS");
            bulk(pen, b"1");
            element(pen, field).await;
        }
    }
}
