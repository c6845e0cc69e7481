//! How far something is that people wait for: a line for the log every few seconds.

/// No line comes sooner after the one before, milliseconds.
const TELL_EVERY_MS: u64 = 2_000;

/// Keeps when the last line was, by a clock that never goes back.
#[derive(Clone, Debug)]
pub struct ProgressLog {
    what: &'static str,
    began_ms: u64,
    told_ms: u64,
}

impl ProgressLog {
    /// It begins at `now_ms`; `what` is what its lines begin with.
    #[must_use]
    pub const fn begin(what: &'static str, now_ms: u64) -> Self {
        Self {
            what,
            began_ms: now_ms,
            told_ms: now_ms,
        }
    }

    /// A line where one is due. `done` and `total` are bytes or keys; without a total,
    /// bytes.
    pub fn line(&mut self, now_ms: u64, done: u64, total: Option<u64>) -> Option<String> {
        if now_ms.saturating_sub(self.told_ms) < TELL_EVERY_MS {
            return None;
        }
        self.told_ms = now_ms;
        let what = self.what;
        let Some(total) = total else {
            return Some(format!("{what}: {} MB so far", done >> 20));
        };
        let elapsed_s = now_ms.saturating_sub(self.began_ms) as f64 / 1000.0;
        let share = (done as f64 / total.max(1) as f64).min(1.0);
        let percent = share * 100.0;
        if done == 0 {
            return Some(format!("{what}: 0% done"));
        }
        let left_s = elapsed_s * (1.0 - share) / share;
        Some(format!(
            "{what}: {percent:.0}% done, about {left_s:.0} seconds left"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_in_three_seconds_leaves_nine() {
        let mut log = ProgressLog::begin("Loading", 500);
        let line = log.line(3_500, 250, Some(1000));
        let line = line.expect("three seconds are enough");
        assert_eq!(line, "Loading: 25% done, about 9 seconds left");
    }

    #[test]
    fn lines_keep_their_distance() {
        let mut log = ProgressLog::begin("Loading", 0);
        let told = (0..=10_000).filter(|now_ms| log.line(*now_ms, 1, Some(2)).is_some());
        assert!(told.eq((2_000..=10_000).step_by(2_000)));
    }

    #[test]
    fn without_a_total_it_tells_what_has_come() {
        let mut log = ProgressLog::begin("Receiving", 0);
        assert_eq!(log.line(1_999, 5 << 20, None), None);
        let line = log.line(2_000, 5 << 20, None);
        assert_eq!(line.as_deref(), Some("Receiving: 5 MB so far"));
    }

    #[test]
    fn nothing_done_says_nothing_of_the_rest_and_too_much_is_all() {
        let mut log = ProgressLog::begin("Saving", 0);
        assert_eq!(
            log.line(2_000, 0, Some(9)).as_deref(),
            Some("Saving: 0% done")
        );
        let line = log.line(4_000, 10, Some(9));
        assert_eq!(
            line.as_deref(),
            Some("Saving: 100% done, about 0 seconds left")
        );
    }
}
