//! Directives with a grammar of their own. Each is kept as the text that CONFIG
//! GET shows, and its file gives the typed form that the program works with.

mod addresses;
mod durability;
mod notify;
mod numbers;
mod output_limits;
mod save;
mod shutdown;

pub use addresses::{PrimaryAddress, is_host};
pub use durability::{Durability, ReplicaStage};
pub use notify::NotifyFlags;
pub use output_limits::{ClientClass, OutputLimit};
pub use save::SavePoint;
pub use shutdown::ShutdownFlags;

pub(super) use addresses::{BIND, REPLICAOF, bind_addresses, primary_address};
pub(super) use durability::{DURABILITY, durability};
pub(super) use notify::NOTIFY;
pub(super) use numbers::{OOM_VALUES, PERCENTILES, oom_values, percentiles};
pub(super) use output_limits::{OUTPUT_LIMITS, output_limits};
pub(super) use save::{SAVE, save_points};
pub(super) use shutdown::{SHUTDOWN, shutdown_flags};

/// Reads words into the canonical text. `current` is the text so far, `adds`
/// says that the words join it (a second line of the same file).
type Parse = fn(words: &[&[u8]], current: &[u8], adds: bool) -> Result<Vec<u8>, String>;

/// The arguments of the lines that CONFIG REWRITE writes for a canonical text.
type Lines = fn(text: &[u8]) -> Vec<Vec<u8>>;

/// The grammar of a directive.
#[derive(Debug)]
pub struct Special {
    /// Whether it takes several words; if so, a single one is split at blanks.
    pub many: bool,
    /// Reads the words.
    pub(super) parse: Parse,
    /// Splits the text into the lines of a file.
    pub(super) lines: Lines,
}

/// Most directives are one line that says what CONFIG GET says.
fn one_line(text: &[u8]) -> Vec<Vec<u8>> {
    if text.is_empty() {
        vec![b"\"\"".to_vec()]
    } else {
        vec![text.to_vec()]
    }
}

/// The words of a canonical text.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
}
