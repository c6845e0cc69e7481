//! DEBUG HTSTATS-KEY: how the items of a large hash, set or sorted set are spread.
//!
//! Where Redis has a hash table with buckets, there is a tree in the order of
//! hashes: its leaves are shown as the slots, with their items as the chains.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::value::{HashIndex, ValueRef};

fn index_of(value: ValueRef<'_>) -> Option<&HashIndex> {
    match value {
        ValueRef::Hash(hash) => hash.as_index(),
        ValueRef::Set(set) => set.as_index(),
        ValueRef::ZSet(zset) => zset.as_index(),
        _ => None,
    }
}

pub(super) fn htstats_key(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    let entry = ctx.keys.peek(key).ok_or(CommandError::NoSuchKey)?;
    let index = index_of(entry.value()).ok_or(CommandError::text(
        "ERR The value stored at the specified key is not represented using an hash table",
    ))?;
    let text = statistics(&index.leaf_lens());
    ctx.reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}

fn statistics(lens: &[usize]) -> String {
    let items: usize = lens.iter().sum();
    let used = lens.iter().filter(|len| **len > 0).count();
    let average = items as f64 / used.max(1) as f64;
    let longest = lens.iter().max().copied().unwrap_or(0);
    let mut text = format!(
        "Hash table 0 stats (main hash table):\n table size: {}\n number of elements: {items}\n \
         different slots: {used}\n max chain length: {longest}\n \
         avg chain length (counted): {average:.2}\n avg chain length (computed): {average:.2}\n \
         Chain length distribution:\n",
        lens.len(),
    );
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for len in lens {
        *counts.entry(*len).or_default() += 1;
    }
    for (len, count) in counts {
        let share = count as f64 * 100.0 / lens.len() as f64;
        writeln!(text, "   {len}: {count} ({share:.2}%)").expect("a string takes all there is");
    }
    text
}
