//! The filters of CLIENT LIST and CLIENT KILL: Redis 7.2's, and those that Valkey
//! added, each of them also in the negative.

use super::client_list::{ClientType, letters};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::{Client, ClientFlags};
use crate::text::number::parse_i64;

/// The letters that the FLAGS of a client may be, here or elsewhere.
const FLAG_LETTERS: &str = "bcdeirtuxABEIMNOPRSTU";
/// The letters of what a client may say that it can do.
const CAPA_LETTERS: &str = "r";

/// What KILL answers to any id that is none, and LIST to those below one.
pub(super) const ID_TOO_LOW: &str = "ERR client-id should be greater than 0";

/// One thing that is asked of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trait {
    Ids(Vec<i64>),
    Type(ClientType),
    /// The one user that there is.
    DefaultUser,
    Addr(Vec<u8>),
    LocalAddr(Vec<u8>),
    Ip(Vec<u8>),
    Name(Vec<u8>),
    LibName(Vec<u8>),
    LibVer(Vec<u8>),
    Flags(String),
    Capa(String),
    Db(i64),
    MinAgeS(i64),
    MinIdleS(i64),
}

impl Trait {
    fn is_of(&self, client: &Client, now_ms: i64) -> bool {
        // What a client has not been given equals nothing.
        let is = |own: &[u8], wanted: &[u8]| !own.is_empty() && own == wanted;
        let has_all = |own: &str, wanted: &str| wanted.chars().all(|letter| own.contains(letter));
        let seconds_since = |moment: i64| (now_ms - moment) / 1000;
        match self {
            Self::Ids(ids) => ids.contains(&client.id.id.cast_signed()),
            Self::Type(kind) => ClientType::of(client) == *kind,
            Self::DefaultUser => true,
            Self::Addr(wanted) => is(client.peer.addr.as_bytes(), wanted),
            Self::LocalAddr(wanted) => is(client.peer.laddr.as_bytes(), wanted),
            Self::Ip(wanted) => is(ip_of(&client.peer.addr).as_bytes(), wanted),
            Self::Name(wanted) => is(&client.name, wanted),
            Self::LibName(wanted) => is(&client.lib_name, wanted),
            Self::LibVer(wanted) => is(&client.lib_ver, wanted),
            Self::Flags(wanted) => has_all(&letters(client), wanted),
            Self::Capa(wanted) => has_all(capabilities(client), wanted),
            Self::Db(db) => i64::try_from(client.db) == Ok(*db),
            Self::MinAgeS(least_s) => seconds_since(client.created_ms) >= *least_s,
            Self::MinIdleS(least_s) => seconds_since(client.last_active_ms) >= *least_s,
        }
    }
}

/// The letters of what a client said that it can do.
const fn capabilities(client: &Client) -> &'static str {
    if client.flags.contains(ClientFlags::CAPA_REDIRECT) {
        CAPA_LETTERS
    } else {
        ""
    }
}

/// An address without its port.
fn ip_of(addr: &str) -> &str {
    addr.rsplit_once(':').map_or(addr, |(ip, _)| ip)
}

/// Which clients are meant: those that have every trait, or lack it where it is
/// negated. A filter that is given twice counts as it was given last.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientFilter {
    /// Each with its name, in which `not-` says that it is negated.
    traits: Vec<(Vec<u8>, Trait)>,
    /// SKIPME, if it was given.
    pub(super) skip_me: Option<bool>,
}

const NEGATED: &[u8] = b"not-";

impl ClientFilter {
    /// The client with this address, as the old form of KILL names it.
    pub(super) fn of_addr(addr: &[u8]) -> Self {
        Self {
            traits: vec![(b"addr".to_vec(), Trait::Addr(addr.to_vec()))],
            skip_me: Some(false),
        }
    }

    /// Reads all filters. `bad_id` is what an id that is none is answered with.
    pub(super) fn parse(
        ctx: &Ctx<'_>,
        words: &[&[u8]],
        bad_id: &'static str,
    ) -> CommandResult<Self> {
        let mut filter = Self::default();
        let mut rest = words;
        while let [name, after @ ..] = rest {
            let name = name.to_ascii_lowercase();
            let [value, tail @ ..] = after else {
                return Err(CommandError::Syntax);
            };
            rest = tail;
            if name == b"skipme" {
                filter.skip_me = Some(parse_yes(value)?);
                continue;
            }
            let positive = name.strip_prefix(NEGATED).unwrap_or(&name);
            let wanted = if positive == b"id" {
                let (ids, tail) = parse_ids(after, bad_id)?;
                rest = tail;
                Trait::Ids(ids)
            } else {
                parse_trait(ctx, &name, value)?
            };
            filter.traits.retain(|(known, _)| *known != name);
            filter.traits.push((name, wanted));
        }
        Ok(filter)
    }

    /// True where the filter means this client.
    pub(super) fn fits(&self, client: &Client, now_ms: i64) -> bool {
        let mut traits = self.traits.iter();
        traits.all(|(name, wanted)| wanted.is_of(client, now_ms) != name.starts_with(NEGATED))
    }

    /// The ids that were asked for, in their order.
    pub(super) fn ids(&self) -> Option<&[i64]> {
        self.traits.iter().find_map(|(name, wanted)| match wanted {
            Trait::Ids(ids) if !name.starts_with(NEGATED) => Some(ids.as_slice()),
            _ => None,
        })
    }
}

fn parse_yes(word: &[u8]) -> CommandResult<bool> {
    match word.to_ascii_lowercase().as_slice() {
        b"yes" => Ok(true),
        b"no" => Ok(false),
        _ => Err(CommandError::Syntax),
    }
}

/// The numbers at the start of `words`, at least one, and what follows them.
fn parse_ids<'a, 'b>(
    words: &'b [&'a [u8]],
    bad_id: &'static str,
) -> CommandResult<(Vec<i64>, &'b [&'a [u8]])> {
    let numbers = words.iter().map_while(|word| parse_i64(word));
    let ids: Vec<i64> = numbers.collect();
    if ids.is_empty() {
        return Err(CommandError::text(bad_id));
    }
    if ids.iter().any(|id| *id <= 0) {
        return Err(CommandError::text(ID_TOO_LOW));
    }
    let rest = &words[ids.len()..];
    Ok((ids, rest))
}

fn parse_trait(ctx: &Ctx<'_>, name: &[u8], value: &[u8]) -> CommandResult<Trait> {
    let (positive, negated) = match name.strip_prefix(NEGATED) {
        Some(positive) => (positive, true),
        None => (name, false),
    };
    Ok(match positive {
        b"type" => Trait::Type(ClientType::parse(value)?),
        b"user" if value == b"default" => Trait::DefaultUser,
        b"user" => {
            let user = String::from_utf8_lossy(value);
            return Err(CommandError::text(format!("ERR No such user '{user}'")));
        }
        b"addr" => Trait::Addr(value.to_vec()),
        b"laddr" => Trait::LocalAddr(value.to_vec()),
        b"ip" => Trait::Ip(value.to_vec()),
        b"name" => Trait::Name(value.to_vec()),
        b"lib-name" => Trait::LibName(value.to_vec()),
        b"lib-ver" => Trait::LibVer(value.to_vec()),
        b"flags" => Trait::Flags(parse_letters("flags", FLAG_LETTERS, value, negated)?),
        b"capa" => Trait::Capa(parse_letters("capa", CAPA_LETTERS, value, negated)?),
        b"db" => Trait::Db(parse_db(ctx, value, negated)?),
        b"maxage" if !negated => Trait::MinAgeS(parse_seconds("maxage", value)?),
        b"idle" if !negated => Trait::MinIdleS(parse_seconds("idle", value)?),
        _ => return Err(CommandError::Syntax),
    })
}

fn parse_letters(what: &str, known: &str, value: &[u8], negated: bool) -> CommandResult<String> {
    let text = String::from_utf8_lossy(value);
    if text.chars().all(|letter| known.contains(letter)) {
        return Ok(text.into_owned());
    }
    let place = if negated {
        format!("the NOT-{} filter", what.to_uppercase())
    } else {
        "the provided filter".to_owned()
    };
    Err(CommandError::text(format!(
        "ERR Unknown {what} found in {place}: {text}"
    )))
}

fn parse_db(ctx: &Ctx<'_>, value: &[u8], negated: bool) -> CommandResult<i64> {
    let name = if negated { "NOT-DB" } else { "DB" };
    let last = ctx.keys.space().databases() as i64 - 1;
    let number = parse_i64(value).ok_or_else(|| {
        CommandError::text(format!("ERR {name} is not an integer or out of range"))
    })?;
    if (0..=last).contains(&number) {
        return Ok(number);
    }
    Err(CommandError::text(format!(
        "ERR {name} number should be between 0 and {last}"
    )))
}

fn parse_seconds(name: &str, value: &[u8]) -> CommandResult<i64> {
    let wrong = |what: &str| CommandError::text(format!("ERR {name} {what}"));
    match parse_i64(value) {
        None => Err(wrong("is not an integer or out of range")),
        Some(seconds) if seconds > 0 => Ok(seconds),
        Some(_) => Err(wrong("should be greater than 0")),
    }
}
