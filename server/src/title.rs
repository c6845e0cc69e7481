//! The title of the process, which `ps` shows: `set-proc-title`.
//!
//! What a process shows is the memory in which the system has put its arguments. The
//! title is written there, by way of `/proc/self/mem`, and gets no more room than they
//! had: behind them is the environment, which stays as it is. The program has read its
//! arguments before, and does not look at them again.

use std::fs::{self, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

const OWN_STATE: &str = "/proc/self/stat";
const OWN_MEMORY: &str = "/proc/self/mem";

/// The places of `arg_start` and `arg_end` among the fields of [`OWN_STATE`] behind the
/// name in parentheses, as proc_pid_stat(5) counts them.
const ARGUMENTS_FIELD: usize = 45;

/// Shows `title`, cut to the room that there is.
///
/// # Errors
/// Where the system does not tell the place, or does not let it be written.
pub(crate) fn show(title: &str) -> io::Result<()> {
    let state = fs::read(OWN_STATE)?;
    let place = arguments_of(&String::from_utf8_lossy(&state))
        .ok_or_else(|| io::Error::other("the place of the arguments is not told"))?;
    let memory = OpenOptions::new().write(true).open(OWN_MEMORY)?;
    let room = usize::try_from(place.end - place.start).map_err(io::Error::other)?;
    memory.write_all_at(&fitted(title.as_bytes(), room), place.start)
}

/// Where the arguments are, with the zero behind each.
fn arguments_of(state: &str) -> Option<Range<u64>> {
    let (_, fields) = state.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(ARGUMENTS_FIELD);
    let mut address = || fields.next()?.parse::<u64>().ok();
    let (start, end) = (address()?, address()?);
    (0 < start && start < end).then_some(start..end)
}

/// The title in exactly this room: what is over is zeros, and one at least.
fn fitted(title: &[u8], room: usize) -> Vec<u8> {
    let kept = title.len().min(room.saturating_sub(1));
    let mut bytes = title[..kept].to_vec();
    bytes.resize(room, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_is_cut_to_its_room() {
        assert_eq!(fitted(b"abc", 6), b"abc\0\0\0");
        assert_eq!(fitted(b"abc", 3), b"ab\0");
        assert_eq!(fitted(b"abc", 0), b"");
    }

    #[test]
    fn the_arguments_are_found_behind_a_name_with_blanks() {
        let numbers: Vec<String> = (3..=52).map(|field| field.to_string()).collect();
        let state = format!("7 (a) b) {}", numbers.join(" "));
        assert_eq!(arguments_of(&state), Some(48..49));
        assert_eq!(arguments_of("7 (a) R 1 2"), None);
        let own = fs::read_to_string(OWN_STATE).expect("a process has a state");
        let place = arguments_of(&own).expect("it has arguments");
        let told = fs::read("/proc/self/cmdline").expect("they are shown");
        assert_eq!(place.end - place.start, told.len() as u64);
    }
}
