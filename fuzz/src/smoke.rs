//! All targets, each in a process of its own, as many at once as there are cores:
//! a target that aborts or overflows its stack ends nothing but its own run.

use std::fs;
use std::process::{Command, Output};
use std::sync::Mutex;

use towline_fuzz::targets::{TARGETS, Target};

use crate::options::Options;
use crate::run::{self, Finding};
use crate::{EXIT_FOUND, say};

/// Runs them and returns whether nothing was found.
pub(crate) fn smoke(options: &Options) -> Result<bool, String> {
    let wanted = |target: &&Target| options.target.as_deref().is_none_or(|n| n == target.name);
    const ALL: &[Target] = &TARGETS;
    let queue = Mutex::new(ALL.iter().filter(wanted));
    let next = || queue.lock().ok().and_then(|mut queue| queue.next());
    let (passed, failed) = (Mutex::new(0), Mutex::new(Vec::new()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(target) = next() {
                    match one(target, options) {
                        Ok(()) => *passed.lock().expect("no thread panics") += 1,
                        Err(what) => failed.lock().expect("no thread panics").push(what),
                    }
                }
            });
        }
    });
    let passed = passed.into_inner().expect("no thread panics");
    let failed = failed.into_inner().expect("no thread panics");
    for what in &failed {
        say(what);
    }
    say(&format!("{passed} passed, {} failed\n", failed.len()));
    if passed + failed.len() == 0 {
        return Err("there is no such target\n".to_owned());
    }
    Ok(failed.is_empty())
}

fn one(target: &'static Target, options: &Options) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| format!("{error}\n"))?;
    let mut command = Command::new(program);
    command.args([
        "run",
        "--target",
        target.name,
        "--seed",
        &options.seed.to_string(),
    ]);
    if let Some(iterations) = options.iterations {
        command.args(["--iterations", &iterations.to_string()]);
    }
    let output = command.output().map_err(|error| format!("{error}\n"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => {
            say(&text);
            Ok(())
        }
        Some(EXIT_FOUND) => Err(text),
        _ => Err(crashed(target, options.seed, &output)),
    }
}

/// The process is gone, and with it the input; it follows from its number.
fn crashed(target: &Target, seed: u64, output: &Output) -> String {
    let position = fs::read(run::position_path(target, seed)).unwrap_or_default();
    let Ok(position) = <[u8; 8]>::try_from(position) else {
        return format!("{}: {}\n", target.name, output.status);
    };
    let iteration = u64::from_le_bytes(position);
    let said = String::from_utf8_lossy(&output.stderr);
    let what = format!("the process ended: {}; {}", output.status, said.trim());
    let input = run::input(target, &(target.corpus)(), seed, iteration);
    Finding { iteration, what }.report(target, seed, &input)
}
