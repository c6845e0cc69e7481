//! The `towline` binary: looks into snapshots and logs, converts snapshots, and
//! restores moments of the past.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use towline_server::memory::Counting;
use towline_server::tool::{self, Outcome};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let mut out = io::BufWriter::new(io::stdout());
    let mut err = io::stderr().lock();
    let mut show = |done: u64, total: u64| {
        // Nobody is left to tell where the terminal is gone.
        let _ = write!(io::stderr(), "\r{}", tool::progress_bar(done, total));
    };
    let progress: tool::ShowProgress<'_> = match io::stderr().is_terminal() {
        true => Some(&mut show),
        false => None,
    };
    let result = tool::run(&args, &mut out, progress);
    let said = out.flush();
    match (result, said) {
        (Ok(Outcome::Good), Ok(())) => ExitCode::SUCCESS,
        (Ok(Outcome::Damaged), Ok(())) => ExitCode::FAILURE,
        (Err(error), _) => fail(&mut err, &error.to_string()),
        (_, Err(error)) => fail(&mut err, &error.to_string()),
    }
}

fn fail(err: &mut dyn Write, text: &str) -> ExitCode {
    // Nobody is left to tell where standard error is closed.
    let _ = writeln!(err, "{text}");
    ExitCode::from(2)
}
