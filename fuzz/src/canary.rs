//! Does the fuzzer find anything? The workspace is built once more without three
//! bounds that matter, and each must be missed within a minute.
//!
//! | canary | the bound that is gone |
//! |---|---|
//! | `resp` | `proto-max-bulk-len` in the request parser |
//! | `packed` | a listpack's strings end within the listpack |
//! | `lzf` | a copy begins within what was already expanded |

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs};

use crate::{EXIT_FOUND, run, say};

/// A canary is a target of the same name, which meets no other canary's bound.
const CANARIES: [&str; 3] = ["resp", "packed", "lzf"];
const SECONDS: &str = "60";

/// Builds and runs; whether all three were found.
pub(crate) fn canary() -> Result<bool, String> {
    let program = build()?;
    let mut missed = 0;
    for name in CANARIES {
        let begin = Instant::now();
        let output = Command::new(&program)
            .args(["run", "--target", name, "--seconds", SECONDS])
            .output()
            .map_err(|error| format!("{}: {error}\n", program.display()))?;
        let seconds = begin.elapsed().as_secs_f64();
        let said = String::from_utf8_lossy(&output.stdout);
        if output.status.code() == Some(EXIT_FOUND) {
            say(&format!(
                "canary {name}: found after {seconds:.1} s\n  {said}"
            ));
        } else {
            missed += 1;
            say(&format!(
                "canary {name}: NOT FOUND ({})\n  {said}",
                output.status
            ));
        }
    }
    say(&format!(
        "{} passed, {missed} failed\n",
        CANARIES.len() - missed
    ));
    Ok(missed == 0)
}

/// The runner without the bounds.
fn build() -> Result<PathBuf, String> {
    let own = env::current_exe().map_err(|error| format!("{error}\n"))?;
    let directory = run::directory();
    fs::create_dir_all(&directory).map_err(|error| format!("{error}\n"))?;
    let (kept, canary) = (directory.join("runner"), directory.join("canary"));
    copy(&own, &kept)?;
    let built = cargo();
    // Cargo puts the runner without bounds in place of this one. Nobody shall
    // take it for this one afterwards.
    if built.is_ok() {
        copy(&own, &canary)?;
    }
    fs::rename(&kept, &own).map_err(|error| format!("{}: {error}\n", own.display()))?;
    built.map(|()| canary)
}

/// A copy under a name of its own; a running program cannot be written over.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let temporary = to.with_extension("new");
    fs::copy(from, &temporary)
        .and_then(|_| fs::rename(&temporary, to))
        .map_err(|error| format!("{}: {error}\n", to.display()))
}

fn cargo() -> Result<(), String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    command
        .args(["build", "-q", "-p", "towline-fuzz", "--bin", "towline-fuzz"])
        .current_dir(manifest)
        .env("RUSTC_WORKSPACE_WRAPPER", manifest.join("canary-rustc"))
        .stdin(Stdio::null());
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let status = command
        .status()
        .map_err(|error| format!("cargo: {error}\n"))?;
    match status.success() {
        true => Ok(()),
        false => Err("the build without bounds failed\n".to_owned()),
    }
}
