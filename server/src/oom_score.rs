//! `oom-score-adj`: how readily the system ends this process when memory runs out.
//!
//! The system keeps a score of each process in a file, from -1000 (never) to 1000
//! (first). A process may always raise its own; to lower it takes a privilege.

use std::fs;
use std::path::PathBuf;

use towline_core::seams::host::OomScore;

const OWN_SCORE: &str = "/proc/self/oom_score_adj";
const MIN_SCORE: i32 = -1000;
const MAX_SCORE: i32 = 1000;

/// See the module's comment.
#[derive(Debug)]
pub(crate) struct OomScoreFile {
    path: PathBuf,
    /// The score that the process came with, once it has another one.
    base: Option<i32>,
}

impl Default for OomScoreFile {
    fn default() -> Self {
        Self::at(PathBuf::from(OWN_SCORE))
    }
}

impl OomScoreFile {
    fn at(path: PathBuf) -> Self {
        Self { path, base: None }
    }

    /// Sets the score. One that was never changed is not touched to be left as it is.
    ///
    /// # Errors
    /// A line for the log; the score is what it was.
    pub(crate) fn adjust(&mut self, score: OomScore) -> Result<(), String> {
        let base = match (score, self.base) {
            (OomScore::AsStarted, None) => return Ok(()),
            (_, Some(base)) => base,
            (_, None) => self.read()?,
        };
        let wanted = match score {
            OomScore::AsStarted => base,
            OomScore::Above(offset) => base.saturating_add(offset),
            OomScore::Exactly(score) => score,
        };
        let text = wanted.clamp(MIN_SCORE, MAX_SCORE).to_string();
        fs::write(&self.path, text)
            .map_err(|error| format!("Unable to write oom_score_adj: {error}"))?;
        self.base = (score != OomScore::AsStarted).then_some(base);
        Ok(())
    }

    fn read(&self) -> Result<i32, String> {
        let unreadable = |reason: String| format!("Unable to read oom_score_adj: {reason}");
        let text = fs::read_to_string(&self.path).map_err(|error| unreadable(error.to_string()))?;
        let score = text.trim().parse();
        score.map_err(|_| unreadable(format!("{text:?} is no score")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_set_and_given_back() {
        let name = format!("towline-oom-score-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, "22\n").expect("a file");
        let mut file = OomScoreFile::at(path.clone());
        for (score, expected) in [
            (OomScore::AsStarted, "22\n"),
            (OomScore::Above(9), "31"),
            (OomScore::Above(2000), "1000"),
            (OomScore::Exactly(-2000), "-1000"),
            (OomScore::AsStarted, "22"),
        ] {
            assert_eq!(file.adjust(score), Ok(()));
            let found = fs::read_to_string(&path).expect("the file");
            assert_eq!(found, expected, "{score:?}");
        }
        // What was changed by others since then is what it is added to next.
        fs::write(&path, "5").expect("a file");
        assert_eq!(file.adjust(OomScore::Above(1)), Ok(()));
        assert_eq!(fs::read_to_string(&path).expect("the file"), "6");
        fs::remove_file(&path).expect("it is there");
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let mut file = OomScoreFile::at(PathBuf::from("/nowhere/oom_score_adj"));
        let error = file.adjust(OomScore::Exactly(1)).expect_err("no such file");
        assert!(
            error.starts_with("Unable to read oom_score_adj: "),
            "{error}"
        );
        assert_eq!(file.adjust(OomScore::AsStarted), Ok(()));
    }
}
