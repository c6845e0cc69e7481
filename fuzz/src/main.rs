//! Runs the fuzz targets from seeds, on a stable compiler.
//!
//! ```text
//! smoke    all targets for about a minute; --target, --seed and --iterations for more
//! run      one target in this process
//! replay   one target on a file, as a finding leaves it behind
//! corpus   a target's valid inputs as files, for other fuzzers
//! canary   whether a missing bound is found at all
//! ```

mod canary;
mod heap;
mod options;
mod run;
mod smoke;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use options::{Action, Options, USAGE};
use towline_fuzz::targets::{self, Target};

#[cfg(not(test))]
#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

/// The process ends with this where a promise is broken.
const EXIT_FOUND: i32 = 1;
/// And with this where it could not do what it was asked for.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(options) = Options::parse(&args) else {
        say(USAGE);
        return ExitCode::from(EXIT_USAGE);
    };
    match act(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_FOUND as u8),
        Err(what) => {
            say(&what);
            ExitCode::from(EXIT_USAGE)
        }
    }
}

/// Whether no promise was broken.
fn act(options: &Options) -> Result<bool, String> {
    match &options.action {
        Action::Smoke => smoke::smoke(options),
        Action::Canary => canary::canary(),
        Action::Run => {
            let outcome = run::run(target(options)?, options);
            let (Ok(text) | Err(text)) = &outcome;
            say(text);
            Ok(outcome.is_ok())
        }
        Action::Replay(path) => replay(target(options)?, Path::new(path)),
        Action::Corpus(path) => corpus(target(options)?, Path::new(path)).map(|()| true),
    }
}

fn target(options: &Options) -> Result<&'static Target, String> {
    let name = options.target.as_deref().unwrap_or("none");
    targets::find(name).ok_or_else(|| {
        let names: Vec<&str> = targets::TARGETS.iter().map(|target| target.name).collect();
        format!("no target '{name}'; there are {}\n", names.join(", "))
    })
}

fn replay(target: &Target, path: &Path) -> Result<bool, String> {
    let input = fs::read(path).map_err(|error| format!("{}: {error}\n", path.display()))?;
    run::remember_panics();
    match run::once(target, &input) {
        Ok(()) => say("no promise is broken\n"),
        Err(what) => {
            say(&format!("{what}\n"));
            return Ok(false);
        }
    }
    Ok(true)
}

fn corpus(target: &Target, directory: &Path) -> Result<(), String> {
    let seeds = (target.corpus)().seeds;
    fs::create_dir_all(directory)
        .and_then(|()| {
            let mut numbered = seeds.iter().enumerate();
            numbered
                .try_for_each(|(number, seed)| fs::write(directory.join(format!("{number}")), seed))
        })
        .map_err(|error| format!("{}: {error}\n", directory.display()))
}

/// Prints. Nobody is left to tell where the standard output is closed.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}
