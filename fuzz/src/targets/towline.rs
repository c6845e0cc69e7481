//! Native snapshots.

use towline_core::seams::snapshot::SnapshotCodec;
use towline_persist::towline::TowlineCodec;

use super::snapshot;

/// A file is read or refused in the same way however it is cut, and what was
/// read survives every format.
pub fn file(input: &[u8]) {
    snapshot::check(&TowlineCodec, input);
    if TowlineCodec.recognises(input) == Some(false) {
        let refused = snapshot::contents(&TowlineCodec, &[input]).is_err();
        assert!(refused, "what is not recognised is not read");
    }
}
