//! Random choices from a collection, for HRANDFIELD, SRANDMEMBER and
//! ZRANDMEMBER, and the counts that they take.

use std::collections::BTreeSet;

use super::Ctx;
use super::error::{CommandError, CommandResult};
use crate::engine::client::Client;
use crate::engine::rng::Rng;
use crate::resp::Reply;
use crate::text::number::parse_i64;

/// Most elements drawn with repetition. Redis would try to answer any number;
/// a reply of this many is beyond what a client can mean. Where a client has a
/// limit for its output, that is what ends it, as it does there.
const REPEATED_MAX: usize = 1 << 27;
/// How many elements are drawn with repetition before the reply is looked at.
const PIECE: usize = 1024;

/// How many elements to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleCount {
    /// So many different ones, or all where there are fewer.
    Distinct(usize),
    /// Exactly so many, each drawn from all.
    Repeated(usize),
}

impl SampleCount {
    /// Reads the count of a command: from 0 on for different elements, below for
    /// repetition.
    ///
    /// # Errors
    /// Where it is no such number, in the words of Redis, or beyond what anybody means.
    pub fn of(ctx: &Ctx<'_>, text: &[u8]) -> CommandResult<Self> {
        let count = Self::parse(text)?;
        let limited = || {
            ctx.client
                .output_hard_limit_bytes(&ctx.server.config)
                .is_some()
        };
        match count {
            Self::Repeated(size) if size > REPEATED_MAX && !limited() => {
                Err(CommandError::OutOfRange)
            }
            _ => Ok(count),
        }
    }

    /// Reads a count: from 0 on for different elements, below for repetition.
    ///
    /// # Errors
    /// Where it is no such number, in the words of Redis.
    fn parse(text: &[u8]) -> CommandResult<Self> {
        let count = parse_i64(text).ok_or(CommandError::NotInteger)?;
        let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        if count >= 0 {
            Ok(Self::Distinct(size))
        } else if count == i64::MIN {
            Err(CommandError::text(format!(
                "ERR value is out of range, value must between {} and {}",
                -i64::MAX,
                i64::MAX
            )))
        } else {
            Ok(Self::Repeated(size))
        }
    }

    /// Refuses a count whose double, a value beside each element, is no number.
    ///
    /// # Errors
    /// Where it is beyond that.
    pub fn paired(self) -> CommandResult<Self> {
        match self {
            Self::Distinct(size) | Self::Repeated(size) if size > i64::MAX as usize / 2 => {
                Err(CommandError::OutOfRange)
            }
            _ => Ok(self),
        }
    }

    /// How many are drawn from `len`, which is not 0.
    #[must_use]
    pub fn total(self, len: usize) -> usize {
        match self {
            Self::Repeated(count) => count,
            Self::Distinct(count) => count.min(len),
        }
    }

    /// Draws as [`draw`](Self::draw) does and hands the indices to `write`; those
    /// with repetition in pieces, until the client is to be closed for its output.
    pub fn write(
        self,
        len: usize,
        target: Target<'_>,
        mut write: impl FnMut(&mut Reply, &[usize]),
    ) {
        let Target {
            rng,
            client,
            reply,
            limit_bytes,
        } = target;
        let Self::Repeated(count) = self else {
            return write(reply, &self.draw(rng, len));
        };
        let mut left = count;
        while left > 0 && !client.cut_short {
            let piece = left.min(PIECE);
            left -= piece;
            write(reply, &Self::Repeated(piece).draw(rng, len));
            client.cut_short = limit_bytes.is_some_and(|limit| reply.len() as u64 > limit);
        }
    }

    /// Draws indices below `len`, which is not 0: different ones ascending,
    /// repeated ones as they fall.
    #[must_use]
    pub fn draw(self, rng: &mut Rng, len: usize) -> Vec<usize> {
        match self {
            Self::Repeated(count) => (0..count).map(|_| rng.below(len)).collect(),
            Self::Distinct(count) => distinct(rng, len, count),
        }
    }
}

/// Where random elements go, and the randomness they come from.
pub struct Target<'a> {
    /// The randomness.
    pub rng: &'a mut Rng,
    /// The client who asked.
    pub client: &'a mut Client,
    /// Its reply.
    pub reply: &'a mut Reply,
    /// What its reply may take before it is closed.
    pub limit_bytes: Option<u64>,
}

/// `count` different numbers below `len`, ascending, each subset as likely as
/// any other; all of them where `count` is too large.
#[must_use]
pub fn distinct(rng: &mut Rng, len: usize, count: usize) -> Vec<usize> {
    if count >= len {
        return (0..len).collect();
    }
    // Few of many: Floyd's algorithm draws once per number wanted.
    if count < len / 16 {
        let mut chosen = BTreeSet::new();
        for last in len - count..len {
            let drawn = rng.below(last + 1);
            if !chosen.insert(drawn) {
                chosen.insert(last);
            }
        }
        return chosen.into_iter().collect();
    }
    // Else each number in turn is taken with the chance that is left for it.
    let mut chosen = Vec::with_capacity(count);
    for number in 0..len {
        if rng.below(len - number) < count - chosen.len() {
            chosen.push(number);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Flow;
    use crate::engine::traffic::{Overrun, Traffic};
    use crate::seams::NoHost;
    use crate::testing::TestEngine;

    #[test]
    fn counts_and_their_errors() {
        let error = |text: &[u8]| {
            SampleCount::parse(text)
                .expect_err("refused")
                .message()
                .into_owned()
        };
        assert_eq!(SampleCount::parse(b"5"), Ok(SampleCount::Distinct(5)));
        assert_eq!(SampleCount::parse(b"-5"), Ok(SampleCount::Repeated(5)));
        assert_eq!(error(b"a"), "ERR value is not an integer or out of range");
        assert_eq!(
            error(b"-9223372036854775808"),
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
        );
        let largest = SampleCount::parse(b"9223372036854775807").expect("a count");
        assert_eq!(largest.paired(), Err(CommandError::OutOfRange));
        let most = SampleCount::parse(b"-9223372036854775807").expect("a count");
        assert_eq!(most.paired(), Err(CommandError::OutOfRange));
    }

    #[test]
    fn only_a_limit_of_the_output_ends_a_count_beyond_all_bounds() {
        let mut t = TestEngine::new();
        t.run("HSET h a b");
        t.run("SADD s a");
        t.run("ZADD z 1 a");
        let commands = ["HRANDFIELD h", "SRANDMEMBER s", "ZRANDMEMBER z"];
        for command in commands {
            let line = format!("{command} -999999999");
            assert_eq!(t.run(&line), "-ERR value is out of range");
        }
        t.run("CONFIG SET client-output-buffer-limit \"normal 100000 0 0\"");
        for command in commands {
            let id = t.connect();
            let words = format!("{command} -999999999");
            let args: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
            t.engine
                .execute(id, &args, t.now_ms, &mut NoHost::default());
            let mut out = Vec::new();
            assert_eq!(t.engine.take_output(id, &mut out), Flow::Close);
            let traffic = Traffic::default();
            let overrun = t.engine.note_traffic(id, traffic, t.now_ms);
            assert_eq!(overrun, Some(Overrun::Output), "{command}");
        }
    }

    #[test]
    fn distinct_numbers_are_distinct_and_as_many_as_asked() {
        let mut rng = Rng::new(1);
        for (len, count) in [
            (1, 0),
            (1, 1),
            (10, 3),
            (10, 10),
            (10, 99),
            (1000, 7),
            (1000, 990),
        ] {
            let chosen = distinct(&mut rng, len, count);
            assert_eq!(chosen.len(), count.min(len));
            assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(chosen.iter().all(|number| *number < len));
        }
    }

    #[test]
    fn every_number_is_as_likely_as_any_other() {
        let mut rng = Rng::new(2);
        for (len, count) in [(40, 2), (40, 20)] {
            let mut hits = vec![0u32; len];
            for _ in 0..20_000 {
                for number in distinct(&mut rng, len, count) {
                    hits[number] += 1;
                }
            }
            let mean = 20_000.0 * count as f64 / len as f64;
            // Ten standard deviations: no seed fails this by chance.
            let slack = 10.0 * mean.sqrt();
            assert!(
                hits.iter()
                    .all(|hit| (f64::from(*hit) - mean).abs() < slack),
                "{hits:?}"
            );
        }
    }

    #[test]
    fn repetition_draws_from_all_each_time() {
        let drawn = SampleCount::Repeated(100).draw(&mut Rng::new(3), 3);
        assert_eq!(drawn.len(), 100);
        assert!((0..3).all(|number| drawn.contains(&number)));
    }
}
