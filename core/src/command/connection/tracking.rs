//! CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO.

use std::collections::BTreeSet;

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::ClientId;
use crate::engine::tracking::{ClientTracking, Mode};
use crate::text::number::parse_i64;

/// The options behind ON or OFF.
#[derive(Default)]
struct Options<'a> {
    redirect: Option<ClientId>,
    prefixes: Vec<&'a [u8]>,
    bcast: bool,
    optin: bool,
    optout: bool,
    noloop: bool,
}

impl<'a> Options<'a> {
    fn parse(ctx: &Ctx<'_>, mut args: &'a [&'a [u8]]) -> CommandResult<Self> {
        let mut options = Self::default();
        while let [word, rest @ ..] = args {
            args = rest;
            match (word.to_ascii_lowercase().as_slice(), rest) {
                (b"redirect", [id, rest @ ..]) => {
                    options.redirect_to(ctx, id)?;
                    args = rest;
                }
                (b"prefix", [prefix, rest @ ..]) => {
                    options.prefixes.push(prefix);
                    args = rest;
                }
                (b"bcast", _) => options.bcast = true,
                (b"optin", _) => options.optin = true,
                (b"optout", _) => options.optout = true,
                (b"noloop", _) => options.noloop = true,
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(options)
    }

    fn redirect_to(&mut self, ctx: &Ctx<'_>, id: &[u8]) -> CommandResult {
        if self.redirect.is_some() {
            return Err(CommandError::text(
                "ERR A client can only redirect to a single other client",
            ));
        }
        let id = parse_i64(id).ok_or(CommandError::NotInteger)?;
        let others = ctx.server.clients.iter().map(|client| client.id);
        let mut all = others.chain([ctx.client.id]);
        let found = all.find(|client| client.id.cast_signed() == id);
        self.redirect = Some(found.ok_or(CommandError::text(
            "ERR The client ID you want redirect to does not exist",
        ))?);
        Ok(())
    }

    /// Refuses what contradicts itself, or the tracking that is on already.
    fn check(&self, now: Option<&ClientTracking>) -> CommandResult {
        let broadcasts = now.map(|now| matches!(now.mode, Mode::Broadcast(_)));
        let switches = matches!(
            (now.map(|now| &now.mode), self.optin, self.optout),
            (Some(Mode::OptOut), true, _) | (Some(Mode::OptIn), _, true)
        );
        let refusals = [
            (
                !self.bcast && !self.prefixes.is_empty(),
                "ERR PREFIX option requires BCAST mode to be enabled",
            ),
            (
                broadcasts.is_some_and(|on| on != self.bcast),
                "ERR You can't switch BCAST mode on/off before disabling tracking for this \
                 client, and then re-enabling it with a different mode.",
            ),
            (
                self.bcast && (self.optin || self.optout),
                "ERR OPTIN and OPTOUT are not compatible with BCAST",
            ),
            (
                self.optin && self.optout,
                "ERR You can't specify both OPTIN mode and OPTOUT mode",
            ),
            (
                switches,
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this \
                 client, and then re-enabling it with a different mode.",
            ),
        ];
        match refusals.into_iter().find(|(refused, _)| *refused) {
            Some((_, text)) => Err(CommandError::text(text)),
            None => self.check_prefixes(now),
        }
    }

    /// No key may lie below two prefixes of one client.
    fn check_prefixes(&self, now: Option<&ClientTracking>) -> CommandResult {
        let none = BTreeSet::new();
        let held = match now.map(|now| &now.mode) {
            Some(Mode::Broadcast(held)) => held,
            _ => &none,
        };
        let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
        for (place, prefix) in self.prefixes.iter().enumerate() {
            let existing = held.iter().map(Vec::as_slice);
            if let Some(other) = existing.into_iter().find(|other| overlap(prefix, other)) {
                return Err(overlaps(prefix, "an existing", other));
            }
            let later = &self.prefixes[place + 1..];
            if let Some(other) = later.iter().find(|other| overlap(prefix, other)) {
                return Err(overlaps(prefix, "another provided", other));
            }
        }
        Ok(())
    }

    fn mode(&self) -> Mode {
        match (self.bcast, self.optin, self.optout) {
            (true, ..) if self.prefixes.is_empty() => Mode::Broadcast([Vec::new()].into()),
            (true, ..) => Mode::Broadcast(self.prefixes.iter().map(|p| p.to_vec()).collect()),
            (_, true, _) => Mode::OptIn,
            (_, _, true) => Mode::OptOut,
            _ => Mode::Default,
        }
    }
}

fn overlaps(prefix: &[u8], which: &str, other: &[u8]) -> CommandError {
    CommandError::text(format!(
        "ERR Prefix '{}' overlaps with {which} prefix '{}'. Prefixes for a single client must \
         not overlap.",
        String::from_utf8_lossy(prefix),
        String::from_utf8_lossy(other),
    ))
}

pub(super) fn client_tracking(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let options = Options::parse(ctx, &args[3..])?;
    match args[2].to_ascii_lowercase().as_slice() {
        b"on" => {
            options.check(ctx.client.tracking.as_deref())?;
            let tracking = ClientTracking {
                mode: options.mode(),
                redirect: options.redirect,
                noloop: options.noloop,
                caching: false,
                broken_redirect: false,
            };
            ctx.server.tracking.enable(ctx.client, tracking);
        }
        b"off" => ctx.server.tracking.disable(ctx.client),
        _ => return Err(CommandError::Syntax),
    }
    ctx.reply.ok();
    Ok(())
}

pub(super) fn client_caching(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let tracking = ctx.client.tracking.as_deref_mut();
    let asking =
        |tracking: &&mut ClientTracking| matches!(tracking.mode, Mode::OptIn | Mode::OptOut);
    let tracking = tracking.filter(asking).ok_or(CommandError::text(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN \
         or OPTOUT mode enabled",
    ))?;
    match (args[2].to_ascii_lowercase().as_slice(), &tracking.mode) {
        (b"yes", Mode::OptIn) | (b"no", Mode::OptOut) => tracking.caching = true,
        (b"yes", _) => {
            return Err(CommandError::text(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
        (b"no", _) => {
            return Err(CommandError::text(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
        _ => return Err(CommandError::Syntax),
    }
    ctx.reply.ok();
    Ok(())
}

/// Whom it redirects to: 0 for nobody, -1 where it does not track.
pub(super) fn redirection(tracking: Option<&ClientTracking>) -> i64 {
    tracking.map_or(-1, |tracking| {
        tracking.redirect.map_or(0, |id| id.id.cast_signed())
    })
}

pub(super) fn client_getredir(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply.int(redirection(ctx.client.tracking.as_deref()));
    Ok(())
}

pub(super) fn client_trackinginfo(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let tracking = ctx.client.tracking.as_deref();
    let mut flags = vec![if tracking.is_some() { "on" } else { "off" }];
    if let Some(tracking) = tracking {
        let (mode, exception) = match tracking.mode {
            Mode::Default => (None, None),
            Mode::Broadcast(_) => (Some("bcast"), None),
            Mode::OptIn => (Some("optin"), Some("caching-yes")),
            Mode::OptOut => (Some("optout"), Some("caching-no")),
        };
        flags.extend(mode);
        flags.extend(exception.filter(|_| tracking.caching));
        flags.extend(tracking.noloop.then_some("noloop"));
        flags.extend(tracking.broken_redirect.then_some("broken_redirect"));
    }
    ctx.reply.map(3);
    ctx.reply.bulk(b"flags");
    ctx.reply.set(flags.len());
    for flag in flags {
        ctx.reply.bulk(flag.as_bytes());
    }
    ctx.reply.bulk(b"redirect");
    ctx.reply.int(redirection(tracking));
    ctx.reply.bulk(b"prefixes");
    let none = BTreeSet::new();
    let prefixes = match tracking.map(|tracking| &tracking.mode) {
        Some(Mode::Broadcast(prefixes)) => prefixes,
        _ => &none,
    };
    ctx.reply.array(prefixes.len());
    for prefix in prefixes {
        ctx.reply.bulk(prefix);
    }
    Ok(())
}
