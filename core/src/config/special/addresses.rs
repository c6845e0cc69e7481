//! `bind <address> …` and `replicaof <host> <port>`.

use super::{Special, one_line, words};
use crate::text::number::parse_i64;

/// How many addresses the server listens on at most.
const MAX_BIND_ADDRESSES: usize = 16;

/// The grammar of `bind`.
pub(in crate::config) const BIND: Special = Special {
    many: true,
    parse: parse_bind,
    lines: one_line,
};

/// The grammar of `replicaof`.
pub(in crate::config) const REPLICAOF: Special = Special {
    many: true,
    parse: parse_primary,
    lines: primary_lines,
};

/// The longest name of a host, as in the DNS.
const MAX_HOST_BYTES: usize = 255;

/// Whether this may be a host's name or address: visible ASCII without quotes, so
/// that it is one word of redis.conf as it stands.
#[must_use]
pub fn is_host(text: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'');
    (1..=MAX_HOST_BYTES).contains(&text.len()) && text.iter().all(plain)
}

/// `bind ""` listens nowhere.
fn parse_bind(given: &[&[u8]], _current: &[u8], _adds: bool) -> Result<Vec<u8>, String> {
    if given.len() > MAX_BIND_ADDRESSES {
        return Err("Too many bind addresses specified.".into());
    }
    let given: Vec<&[u8]> = given.iter().copied().filter(|a| !a.is_empty()).collect();
    if !given.iter().all(|address| is_host(address)) {
        return Err("Invalid bind address".into());
    }
    Ok(given.join(&b' '))
}

/// The addresses of a canonical text. One with a `-` in front may be missing
/// on this machine.
pub(in crate::config) fn bind_addresses(text: &[u8]) -> Vec<Vec<u8>> {
    words(text).map(<[u8]>::to_vec).collect()
}

/// Where the primary is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryAddress {
    /// A name or an address.
    pub host: Vec<u8>,
    /// The TCP port.
    pub port: u16,
}

/// `no one`, and nothing at all, is a primary.
fn parse_primary(given: &[&[u8]], _current: &[u8], _adds: bool) -> Result<Vec<u8>, String> {
    let (host, port) = match *given {
        [b""] => return Ok(Vec::new()),
        [host, port] => (host, port),
        _ => return Err("wrong number of arguments".into()),
    };
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        return Ok(Vec::new());
    }
    if !is_host(host) {
        return Err("Invalid master host".into());
    }
    let port = parse_i64(port).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or("Invalid master port")?;
    Ok([host, b" ", port.to_string().as_bytes()].concat())
}

/// The address of a canonical text.
pub(in crate::config) fn primary_address(text: &[u8]) -> Option<PrimaryAddress> {
    let mut words = words(text);
    let (host, port) = (words.next()?, words.next()?);
    let port = parse_i64(port).and_then(|port| u16::try_from(port).ok());
    Some(PrimaryAddress {
        host: host.to_vec(),
        port: port.expect("canonical text"),
    })
}

/// A primary has no line at all.
fn primary_lines(text: &[u8]) -> Vec<Vec<u8>> {
    if text.is_empty() {
        Vec::new()
    } else {
        one_line(text)
    }
}
