//! Valid inputs to start from, and words to put into them.

pub mod aof;
pub mod conf;
pub mod handshake;
pub mod journal;
pub mod packed;
pub mod payload;
pub mod ranges;
pub mod rdb;
pub mod resp;
pub mod towline;

/// What a target's inputs are made of.
pub struct Corpus {
    /// Inputs that the parser accepts.
    pub seeds: Vec<Box<[u8]>>,
    /// Words that mean something to it.
    pub tokens: Vec<Box<[u8]>>,
    /// Makes checksums right after a change.
    pub fixup: fn(&mut [u8]),
}

fn boxed<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Vec<Box<[u8]>> {
    texts.into_iter().map(|text| text.as_ref().into()).collect()
}

#[cfg(test)]
mod tests {
    use towline_persist::contents::Contents;
    use towline_persist::rdb::RdbCodec;
    use towline_persist::towline::TowlineCodec;

    use super::*;
    use crate::mutate;
    use crate::rng::Rng;
    use crate::targets::TARGETS;
    use towline_core::keyspace::HashSeed;
    use towline_core::seams::snapshot::{DecodeOptions, SnapshotCodec};

    /// Inputs that are all refused by a checksum, or all accepted, test little.
    #[test]
    fn many_changed_snapshots_are_read_and_many_are_refused() {
        let cases: [(&dyn SnapshotCodec, Corpus); 2] = [
            (&RdbCodec::default(), rdb::files()),
            (&TowlineCodec, towline::files()),
        ];
        for (codec, corpus) in cases {
            let options = DecodeOptions::new(HashSeed::new(1, 2));
            let read = (0..2000)
                .filter(|seed| {
                    let input = mutate::input(&corpus, &mut Rng::new(*seed));
                    Contents::read(codec, options, &input).is_ok()
                })
                .count();
            assert!((200..1800).contains(&read), "{}: {read}", codec.name());
        }
    }

    #[test]
    fn every_seed_keeps_the_promises() {
        for target in TARGETS {
            let corpus = (target.corpus)();
            assert!(!corpus.tokens.is_empty());
            assert!(corpus.seeds.len() > 3, "{}", target.name);
            for seed in &corpus.seeds {
                (target.run)(seed);
            }
        }
    }
}
