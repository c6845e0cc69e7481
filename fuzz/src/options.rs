//! The command line.

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// All targets, each in a process of its own.
    Smoke,
    /// One target, in this process.
    Run,
    /// One target on one file.
    Replay(String),
    /// Writes a target's valid inputs into a directory.
    Corpus(String),
    /// Builds without some bounds and expects to find that.
    Canary,
}

/// The command line, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) action: Action,
    pub(crate) target: Option<String>,
    pub(crate) seed: u64,
    pub(crate) iterations: Option<u64>,
    pub(crate) seconds: Option<u64>,
}

pub(crate) const USAGE: &str = "\
usage: towline-fuzz smoke  [--target NAME] [--seed N] [--iterations N]
       towline-fuzz run     --target NAME  [--seed N] [--iterations N] [--seconds N]
       towline-fuzz replay  --target NAME  FILE
       towline-fuzz corpus  --target NAME  DIRECTORY
       towline-fuzz canary
";

impl Options {
    /// Reads the arguments behind the program's name; `None` if they make no sense.
    pub(crate) fn parse(args: &[String]) -> Option<Self> {
        let (action, rest) = args.split_first()?;
        let mut options = Self {
            action: Action::Smoke,
            target: None,
            seed: 1,
            iterations: None,
            seconds: None,
        };
        let mut path = None;
        let mut rest = rest.iter();
        while let Some(word) = rest.next() {
            match word.as_str() {
                "--target" => options.target = Some(rest.next()?.clone()),
                "--seed" => options.seed = rest.next()?.parse().ok()?,
                "--iterations" => options.iterations = Some(rest.next()?.parse().ok()?),
                "--seconds" => options.seconds = Some(rest.next()?.parse().ok()?),
                _ if path.is_none() && !word.starts_with('-') => path = Some(word.clone()),
                _ => return None,
            }
        }
        options.action = match (action.as_str(), path) {
            ("smoke", None) => Action::Smoke,
            ("run", None) => Action::Run,
            ("replay", Some(path)) => Action::Replay(path),
            ("corpus", Some(path)) => Action::Corpus(path),
            ("canary", None) => Action::Canary,
            _ => return None,
        };
        Some(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Options> {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Options::parse(&args)
    }

    #[test]
    fn options_are_read_or_refused() {
        let options = parse("run --target rdb --seed 7 --iterations 10").expect("it is valid");
        assert_eq!(options.action, Action::Run);
        assert_eq!(options.target.as_deref(), Some("rdb"));
        assert_eq!((options.seed, options.iterations), (7, Some(10)));
        let replay = parse("replay --target rdb file").map(|options| options.action);
        assert_eq!(replay, Some(Action::Replay("file".to_owned())));
        for bad in [
            "",
            "run --seed",
            "run --seed x",
            "replay",
            "smoke file",
            "walk",
            "run --fast",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
