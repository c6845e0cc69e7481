//! Checks of texts, each with Redis's own words for what is wrong.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::title;
use crate::text::number;

/// Every text will do.
pub(super) fn anything(_text: &[u8]) -> Result<(), &'static str> {
    Ok(())
}

fn is_file_name(text: &[u8]) -> bool {
    !text.is_empty() && !text.contains(&b'/') && text != b"." && text != b".."
}

/// The name of the snapshot in `dir`.
pub(super) fn snapshot_name(text: &[u8]) -> Result<(), &'static str> {
    let error = "dbfilename can't be a path, just a filename";
    is_file_name(text).then_some(()).ok_or(error)
}

/// Where snapshots are kept; whether the program can is for it to say.
pub(super) fn snapshot_storage(text: &[u8]) -> Result<(), &'static str> {
    let known = [&b"s3://"[..], b"redb:"];
    let fits = |scheme: &&[u8]| text.starts_with(scheme) && text.len() > scheme.len();
    let error = "argument must be s3://BUCKET/PREFIX, redb:PATH, or nothing for files in dir";
    (text.is_empty() || known.iter().any(fits))
        .then_some(())
        .ok_or(error)
}

/// The name of the append-only file in `appenddirname`.
pub(super) fn log_name(text: &[u8]) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("appendfilename can't be empty");
    }
    let error = "appendfilename can't be a path, just a filename";
    is_file_name(text).then_some(()).ok_or(error)
}

/// The name of the append-only file's directory in `dir`.
pub(super) fn log_directory_name(text: &[u8]) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("appenddirname can't be empty");
    }
    let error = "appenddirname can't be a path, just a dirname";
    is_file_name(text).then_some(()).ok_or(error)
}

/// How much of the log on disk is kept for replicas: an amount, or `auto`.
pub(super) fn disk_backlog(text: &[u8]) -> Result<(), &'static str> {
    let known = text == b"auto" || number::parse_memory(text).is_some();
    let error = "argument must be a memory value, or 'auto'";
    known.then_some(()).ok_or(error)
}

/// A span of time.
pub(super) fn duration(text: &[u8]) -> Result<(), &'static str> {
    let error = "argument must be a number of seconds, or one with a unit: s, m, h, d or w";
    let known = number::parse_duration_s(text);
    known.map(|_| ()).ok_or(error)
}

/// proc-title-template: see [`title`].
pub(super) fn title_template(text: &[u8]) -> Result<(), &'static str> {
    let error = "template format is invalid or contains unknown variables";
    let template = std::str::from_utf8(text).map_err(|_| error)?;
    title::expand(template, |_| String::new()).ok_or(error)?;
    (!template.trim().is_empty()).then_some(()).ok_or(error)
}

/// A name that a cluster node may announce as its host.
pub(super) fn hostname(text: &[u8]) -> Result<(), &'static str> {
    if text.len() >= 256 {
        return Err("Hostnames must be less than 256 characters");
    }
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let error = "Hostnames may only contain alphanumeric characters, hyphens or dots";
    text.iter().all(allowed).then_some(()).ok_or(error)
}

/// A name for people, of characters that cannot break a line of nodes.conf.
pub(super) fn node_name(text: &[u8]) -> Result<(), &'static str> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let error = "Announced human node name contained invalid character";
    text.iter().all(allowed).then_some(()).ok_or(error)
}

/// An IPv4 address, or none.
pub(super) fn ipv4(text: &[u8]) -> Result<(), &'static str> {
    address::<Ipv4Addr>(text, "Invalid IPv4 address")
}

/// An IPv6 address, or none.
pub(super) fn ipv6(text: &[u8]) -> Result<(), &'static str> {
    address::<Ipv6Addr>(text, "Invalid IPv6 address")
}

fn address<A: std::str::FromStr>(text: &[u8], error: &'static str) -> Result<(), &'static str> {
    let valid = std::str::from_utf8(text).is_ok_and(|text| text.parse::<A>().is_ok());
    (text.is_empty() || valid).then_some(()).ok_or(error)
}
