//! The payloads of DUMP and RESTORE: one value in an envelope.
//!
//! ```text
//! bytes  field
//! 1      type, as in a file
//! n      value, as in a file
//! 2      RDB version, little-endian
//! 8      CRC-64 of all before it, little-endian
//! ```
//! Source: what the real servers answer to DUMP. There is no magic: the families
//! are told apart by the number, of which Valkey keeps those from 80 on.

use towline_core::seams::snapshot::{
    Access, DecodeError, DecodeOptions, EncodeError, EntryView, Progress, Refused, SnapshotDecoder,
    SnapshotEntry, SnapshotSink,
};
use towline_core::seams::value_codec::{PayloadError, PayloadOptions, ValueCodec};
use towline_core::value::Value;

use super::dialect::Dialect;
use super::kind_of;
use super::object::{self, Object};
use super::version::RdbVersion;
use crate::crc::Crc64;
use crate::decode::{Coroutine, Event, Source};
use crate::pen::Pen;

const TYPE_BYTES: usize = 1;
const VERSION_BYTES: usize = 2;
const CRC_BYTES: usize = 8;

/// The versions that are tried where RDB 10 does not hold a value.
const NEWER: [RdbVersion; 2] = [RdbVersion::Valkey80, RdbVersion::V13];

/// Payloads in RDB 10, or in the version that holds what that one cannot: fields
/// that expire, and a stream's producers. Every version is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct RdbPayload;

impl ValueCodec for RdbPayload {
    fn encode(
        &self,
        entry: &EntryView<'_>,
        options: PayloadOptions,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let (version, kind) = match options.version.and_then(RdbVersion::of_number) {
            Some(version) => (version, kind_of(entry, version)?),
            None => version_for(entry)?,
        };
        let start = out.len();
        Pen::new(options.compress).write_now(out, async |pen: &mut Pen| {
            pen.raw(&[kind]);
            object::write(kind, entry.value, pen).await;
        });
        out.extend_from_slice(&version.number().to_le_bytes());
        let crc = Crc64::of(&out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
        Ok(())
    }

    fn value_len(&self, payload: &[u8]) -> usize {
        payload.len() - TYPE_BYTES - VERSION_BYTES - CRC_BYTES
    }

    fn decode(&self, payload: &[u8], options: DecodeOptions) -> Result<Value, PayloadError> {
        let opened = open(payload, options.verify_checksum);
        let (dialect, content) = opened.ok_or(PayloadError::Envelope)?;
        let mut decoder = Coroutine::new(options, move |source| value(dialect, source));
        let mut only = Only::default();
        // As in Redis, what follows the value is not looked at.
        if decoder
            .feed(content, &mut only)
            .map_err(PayloadError::Content)?
            == Progress::More
        {
            decoder.finish().map_err(PayloadError::Content)?;
        }
        only.0.ok_or(PayloadError::Empty)
    }
}

/// The first version that holds a value, and the type byte in it; or why the
/// one that most servers read does not.
fn version_for(entry: &EntryView<'_>) -> Result<(RdbVersion, u8), EncodeError> {
    let kind_in = |version| kind_of(entry, version).map(|kind| (version, kind));
    kind_in(RdbVersion::V10).or_else(|why| {
        let mut newer = NEWER.into_iter().map(kind_in);
        newer.find_map(Result::ok).ok_or(why)
    })
}

/// Takes the envelope off, if it is right.
fn open(payload: &[u8], verifies: bool) -> Option<(Dialect, &[u8])> {
    let (rest, crc) = payload.split_last_chunk::<CRC_BYTES>()?;
    let (content, version) = rest.split_last_chunk::<VERSION_BYTES>()?;
    let dialect = Dialect::of_payload(u16::from_le_bytes(*version))?;
    let holds = !verifies || Crc64::of(rest) == u64::from_le_bytes(*crc);
    holds.then_some((dialect, content))
}

/// Reads one value and returns where it ended.
async fn value(dialect: Dialect, mut source: Source) -> Result<u64, DecodeError> {
    let kind = source.byte().await?;
    let object = object::read(kind, dialect, &mut source).await?;
    if let Object::Value(value) = object {
        source.emit(Event::Entry(Box::new(SnapshotEntry {
            key: Vec::new(),
            value,
            expire_ms: None,
            access: Access::Unknown,
        })));
    }
    Ok(source.offset())
}

/// Keeps the one value that there is.
#[derive(Default)]
struct Only(Option<Value>);

impl SnapshotSink for Only {
    fn select_db(&mut self, _db: u64) -> Result<(), Refused> {
        unreachable!("a payload has no databases")
    }

    fn entry(&mut self, entry: SnapshotEntry) -> Result<(), Refused> {
        self.0 = Some(entry.value);
        Ok(())
    }

    fn function(&mut self, _source: Vec<u8>) -> Result<(), Refused> {
        unreachable!("a payload has no functions")
    }
}

#[cfg(test)]
mod tests {
    use towline_core::keyspace::HashSeed;
    use towline_core::value::{Hash, ValueRef};

    use super::*;

    fn options() -> DecodeOptions {
        DecodeOptions::new(HashSeed::new(1, 2))
    }

    fn sealed(content: &[u8], version: u16) -> Vec<u8> {
        let mut payload = content.to_vec();
        payload.extend_from_slice(&version.to_le_bytes());
        payload.extend_from_slice(&Crc64::of(&payload).to_le_bytes());
        payload
    }

    fn encoded(value: ValueRef<'_>) -> Vec<u8> {
        let options = PayloadOptions {
            compress: true,
            version: None,
        };
        let entry = EntryView {
            key: b"k",
            value,
            expire_ms: None,
            access: Access::Unknown,
        };
        let mut out = b"before".to_vec();
        RdbPayload
            .encode(&entry, options, &mut out)
            .expect("there is a version for it");
        out.split_off(6)
    }

    /// What redis-server 7.0.15 answered to DUMP: a number, a text, a list, a set,
    /// a hash and a sorted set.
    const OF_REDIS: [&[u8]; 6] = [
        b"\x00\xc0\x0c\x0a\x00\x3c\x2a\xf8\x51\x5c\x04\xbc\xd5",
        b"\x00\x03bar\x0a\x00\xe6\xbe\x49\x60\xee\x66\xfd\x17",
        b"\x12\x01\x02\x0c\x0c\0\0\0\x02\0\x81a\x02\x01\x01\xff\
          \x0a\x00\x94\x96\x2b\x23\xac\x17\xaa\x85",
        b"\x0b\x0c\x02\0\0\0\x02\0\0\0\x01\0\x02\0\
          \x0a\x00\x6f\x79\x38\xb1\x34\xeb\x20\x2e",
        b"\x10\x0d\x0d\0\0\0\x02\0\x81f\x02\x81v\x02\xff\
          \x0a\x00\x20\xf1\x3d\x44\x23\x54\x08\x9d",
        b"\x11\x0f\x0f\0\0\0\x02\0\x81a\x02\x831.5\x04\xff\
          \x0a\x00\x08\x0c\x6e\x19\x80\x8e\x7d\x98",
    ];

    #[test]
    fn payloads_of_redis_are_read_and_written_again() {
        for payload in OF_REDIS {
            let value = RdbPayload.decode(payload, options());
            let value = value.expect("a payload of Redis");
            let again = encoded(value.view());
            assert_eq!(again, payload, "{}", again.escape_ascii());
        }
    }

    #[test]
    fn the_version_that_is_asked_for_is_written_or_none() {
        let mut hash = Hash::default();
        let seed = options().hash_seed;
        hash.insert_expiring(seed, b"f", b"v", 1_900_000_000_000);
        for number in [10, 11, 12, 13, 80] {
            let options = PayloadOptions {
                compress: false,
                version: Some(number),
            };
            for (value, fits) in [
                (ValueRef::Int(7), true),
                (ValueRef::Hash(&hash), number > 11),
            ] {
                let entry = EntryView {
                    key: b"k",
                    value,
                    expire_ms: None,
                    access: Access::Unknown,
                };
                let mut out = Vec::new();
                let written = RdbPayload.encode(&entry, options, &mut out);
                assert_eq!(written.is_ok(), fits, "{number}");
                if fits {
                    let end = out.len() - CRC_BYTES;
                    assert_eq!(out[end - VERSION_BYTES..end], number.to_le_bytes());
                } else {
                    assert!(out.is_empty());
                }
            }
        }
    }

    #[test]
    fn every_version_is_read_and_no_other() {
        for (version, read) in [
            (1, true),
            (9, true),
            (13, true),
            (80, true),
            (0, false),
            (14, false),
            (81, false),
            (0x0a00, false),
        ] {
            let found = RdbPayload.decode(&sealed(b"\x00\x03bar", version), options());
            assert_eq!(found.is_ok(), read, "{version}");
        }
    }

    #[test]
    fn damaged_payloads_are_refused() {
        let good = sealed(b"\x00\x03bar", 10);
        for end in 0..good.len() {
            let found = RdbPayload.decode(&good[..end], options());
            assert_eq!(found.err(), Some(PayloadError::Envelope), "{end}");
        }
        for content in [&b""[..], b"\x00", b"\x00\x04bar", b"\xff", b"\x01\x02\x01a"] {
            let found = RdbPayload.decode(&sealed(content, 10), options());
            let refused = matches!(found, Err(PayloadError::Content(_)));
            assert!(refused, "{}", content.escape_ascii());
        }
        let mut unsealed = good.clone();
        unsealed[8] ^= 1;
        let found = RdbPayload.decode(&unsealed, options());
        assert_eq!(found.err(), Some(PayloadError::Envelope));
        let trusting = DecodeOptions {
            verify_checksum: false,
            ..options()
        };
        assert!(RdbPayload.decode(&unsealed, trusting).is_ok());
        let empty = RdbPayload.decode(&sealed(b"\x01\x00", 10), options());
        assert_eq!(empty.err(), Some(PayloadError::Empty));
    }
}
