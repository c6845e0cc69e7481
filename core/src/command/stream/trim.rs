//! XTRIM, and the options that XADD shares with it.

use super::parse::{self, is};
use super::references::{Acknowledged, References, propagate_acknowledged, propagate_deleted};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_integer;
use crate::engine::effects::NotifyClass;
use crate::value::Stream;
use crate::value::stream::{StreamId, Trim};

/// Runs that one command trims where the client sets no limit.
const LIMIT_NODES: u64 = 100;
/// The limit where runs have no most entries.
const LIMIT_WITHOUT_NODE_SIZE: u64 = 10_000;
/// The highest limit that is made up here.
const LIMIT_MAX: u64 = 1_000_000;

/// How to trim, as the arguments say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TrimArgs {
    pub(super) trim: Trim,
    pub(super) approximate: bool,
    /// The index of MAXLEN's or MINID's threshold among the arguments.
    threshold_at: usize,
    limit: u64,
    pub(super) references: References,
}

/// What a trimming came to.
#[derive(Debug, Default)]
pub(super) struct Trimmed {
    /// How many entries went.
    pub(super) count: usize,
    /// Which they were, where others were left between them.
    between: Vec<StreamId>,
    acknowledged: Acknowledged,
}

/// The options of XADD and XTRIM, while they are read.
#[derive(Debug, Default)]
pub(super) struct TrimOptions {
    args: Option<TrimArgs>,
    limit: Option<u64>,
    references: Option<References>,
    /// The index of the word that says what becomes of references.
    pub(super) references_at: Option<usize>,
}

impl TrimOptions {
    /// Reads the option at `at`, and returns where it ends; none where there is
    /// no trimming option with its argument.
    pub(super) fn read(&mut self, args: &[&[u8]], at: usize) -> CommandResult<Option<usize>> {
        let [option, rest @ ..] = &args[at..] else {
            return Ok(None);
        };
        if self.references.is_none()
            && let Some(references) = References::parse(option)
        {
            self.references = Some(references);
            self.references_at = Some(at);
            return Ok(Some(at + 1));
        }
        let by_len = is(option, "maxlen");
        if rest.is_empty() {
            return Ok(None);
        }
        if by_len || is(option, "minid") {
            return self.read_threshold(args, at, by_len).map(Some);
        }
        if !is(option, "limit") {
            return Ok(None);
        }
        let limit = u64::try_from(parse_integer(rest[0])?)
            .map_err(|_| CommandError::text("ERR The LIMIT argument must be >= 0."))?;
        self.limit = Some(limit);
        Ok(Some(at + 2))
    }

    fn read_threshold(&mut self, args: &[&[u8]], at: usize, by_len: bool) -> CommandResult<usize> {
        if self.args.is_some() {
            return Err(CommandError::text(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let (approximate, threshold_at) = match args[at + 1..] {
            [b"~", _, ..] => (true, at + 2),
            [b"=", _, ..] => (false, at + 2),
            _ => (false, at + 1),
        };
        let threshold = args[threshold_at];
        let trim = if by_len {
            let max = u64::try_from(parse_integer(threshold)?)
                .map_err(|_| CommandError::text("ERR The MAXLEN argument must be >= 0."))?;
            Trim::MaxLen(max)
        } else {
            Trim::MinId(parse::id(threshold)?)
        };
        self.args = Some(TrimArgs {
            trim,
            approximate,
            threshold_at,
            limit: 0,
            references: References::Keep,
        });
        Ok(threshold_at + 1)
    }

    /// What the options say together.
    pub(super) fn finish(self, ctx: &Ctx<'_>) -> CommandResult<Option<TrimArgs>> {
        let Some(mut args) = self.args else {
            return match self.limit {
                None => Ok(None),
                Some(0) if ctx.client.is_primary() => Ok(None),
                Some(0) => Err(limit_without_approximation()),
                Some(_) => Err(CommandError::text(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                )),
            };
        };
        args.references = self.references.unwrap_or_default();
        // The primary has made the threshold exact.
        if ctx.client.is_primary() {
            return Ok(Some(args));
        }
        args.limit = match self.limit {
            Some(_) if !args.approximate => return Err(limit_without_approximation()),
            Some(limit) => limit,
            None if args.approximate => default_limit(ctx),
            None => 0,
        };
        Ok(Some(args))
    }
}

fn limit_without_approximation() -> CommandError {
    CommandError::text("ERR syntax error, LIMIT cannot be used without the special ~ option")
}

fn default_limit(ctx: &Ctx<'_>) -> u64 {
    let entries = ctx.server.config.encodings.stream_node.max_entries as u64;
    match LIMIT_NODES.saturating_mul(entries) {
        0 => LIMIT_WITHOUT_NODE_SIZE,
        limit => limit.min(LIMIT_MAX),
    }
}

impl TrimArgs {
    /// Trims.
    pub(super) fn apply(self, stream: &mut Stream) -> Trimmed {
        let (trim, whole_runs, limit) = (self.trim, self.approximate, self.limit);
        match self.references {
            References::Keep => Trimmed {
                count: stream.trim(trim, whole_runs, limit),
                ..Trimmed::default()
            },
            References::Delete => {
                // The runs are shared, and trimming takes from the front.
                let before = stream.clone();
                let count = stream.trim(trim, whole_runs, limit);
                let gone: Vec<StreamId> = before.iter().take(count).map(|e| e.id).collect();
                Trimmed {
                    count,
                    between: Vec::new(),
                    acknowledged: stream.acknowledge_everywhere(&gone),
                }
            }
            References::Acked => {
                let between = stream.trim_unreferenced(trim, whole_runs, limit);
                Trimmed {
                    count: between.len(),
                    between,
                    acknowledged: Vec::new(),
                }
            }
        }
    }

    /// Writes into a command's words what the trimming came to, so that others
    /// who repeat it trim as much.
    pub(super) fn make_exact(self, stream: &Stream, words: &mut [Vec<u8>]) {
        if !self.approximate {
            return;
        }
        words[self.threshold_at - 1] = b"=".to_vec();
        words[self.threshold_at] = match self.trim {
            Trim::MaxLen(_) => stream.len().to_string().into_bytes(),
            Trim::MinId(_) => first_id(stream).to_string().into_bytes(),
        };
    }
}

/// The id of the first entry that is left, deleted ones included.
fn first_id(stream: &Stream) -> StreamId {
    let first = stream.nodes().first();
    let first = first.and_then(crate::value::stream::StreamNode::first_id);
    first.unwrap_or(StreamId::MAX)
}

impl Trimmed {
    /// Tells what went, in commands that every replica knows; `len` is what is left.
    pub(super) fn propagate(self, ctx: &mut Ctx<'_>, key: &[u8], len: usize) {
        if self.between.is_empty() {
            let len = len.to_string();
            ctx.propagate(&[b"XTRIM", key, b"MAXLEN", b"=", len.as_bytes()]);
        }
        propagate_deleted(ctx, key, &self.between);
        propagate_acknowledged(ctx, key, self.acknowledged);
    }
}

/// A command's words, to be changed on their way into the stream.
pub(super) fn own_words(args: &[&[u8]]) -> Vec<Vec<u8>> {
    args.iter().map(|word| word.to_vec()).collect()
}

pub(super) fn xtrim(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let mut options = TrimOptions::default();
    let mut at = 2;
    while at < args.len() {
        at = options.read(args, at)?.ok_or(CommandError::Syntax)?;
    }
    if options.args.is_none() && options.limit.is_none_or(|limit| limit == 0) {
        return Err(CommandError::text(
            "ERR syntax error, XTRIM must be called with a trimming strategy",
        ));
    }
    let references_at = options.references_at;
    let trim = options.finish(ctx)?.expect("there is a strategy");
    let Some(stream) = ctx.keys.stream_mut(args[1])? else {
        ctx.reply.count(0);
        return Ok(());
    };
    let trimmed = trim.apply(stream);
    let (count, len) = (trimmed.count, stream.len());
    if count > 0 {
        let mut words = own_words(args);
        trim.make_exact(stream, &mut words);
        ctx.effects.changed(count);
        ctx.notify(NotifyClass::STREAM, "xtrim", args[1]);
        if trim.references == References::Keep {
            if let Some(at) = references_at {
                words.remove(at);
            }
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            ctx.propagate(&words);
        } else {
            trimmed.propagate(ctx, args[1], len);
        }
    }
    ctx.reply.count(count);
    Ok(())
}
