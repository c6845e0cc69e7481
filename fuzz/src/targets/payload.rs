//! The payloads of RESTORE.

use towline_core::seams::ValueCodec;
use towline_core::seams::snapshot::{Access, DecodeOptions, EntryView};
use towline_core::seams::value_codec::PayloadOptions;
use towline_persist::rdb::RdbPayload;

use super::facts::{self, Without};
use super::snapshot::SEED;

/// A payload is read or refused, and what was read survives a payload of our own.
pub fn restore(input: &[u8]) {
    let options = DecodeOptions::new(SEED);
    let value = match RdbPayload.decode(input, options) {
        Ok(value) => value,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let entry = EntryView {
        key: b"k",
        value: value.view(),
        expire_ms: None,
        access: Access::Unknown,
    };
    let mut payload = Vec::new();
    let written = PayloadOptions {
        compress: input.len().is_multiple_of(2),
        version: None,
    };
    RdbPayload
        .encode(&entry, written, &mut payload)
        .expect("some version holds what a payload held");
    let again = RdbPayload
        .decode(&payload, options)
        .expect("it was just written");
    // RDB 10 does not know when a consumer was last active.
    let without = Without {
        activity: true,
        access: true,
    };
    let same = facts::same(value.view(), again.view(), without);
    assert!(same, "the payload holds something else");
}
