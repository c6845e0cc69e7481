//! The report of a crash, in the log: what a panic says and the stack of the thread
//! that had it. After it the process ends: what a broken program goes on with is worth
//! less than what is on disk.
//!
//! A real fault of the memory (SIGSEGV) is not caught: there is no way to without unsafe
//! code, and next to none to come to one. The system ends the process then, and keeps a
//! core where it is told to.

use std::backtrace::Backtrace;
use std::fmt::Write;
use std::fs;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use towline_core::config::Settings;
use towline_core::seams::host::Crash;
use towline_core::version::{REDIS_VERSION, TOWLINE_VERSION};

use crate::log::Logger;
use crate::process;

/// The code with which a crash ends the process under `use-exit-on-panic`.
const EXIT_CODE: i32 = 1;
/// A signal to oneself is heeded within this time.
const SIGNAL_STEP: Duration = Duration::from_millis(10);
/// So often it is sent: the standard library's handler lets the first pass.
const SIGNALS_MAX: usize = 100;
const THREADS: &str = "/proc/self/task";

/// `crash-log-enabled`. A hook may not wait for the engine's lock to ask.
static REPORTS: AtomicBool = AtomicBool::new(true);
/// `use-exit-on-panic`.
static EXITS: AtomicBool = AtomicBool::new(false);

/// Takes over what the directives say of crashes.
pub(crate) fn follow(settings: &Settings) {
    let process = &settings.process;
    REPORTS.store(process.reports_crashes, Ordering::Relaxed);
    EXITS.store(process.exits_on_panic, Ordering::Relaxed);
}

/// From here on a panic of any thread is reported, and ends the process.
pub(crate) fn report_panics(logger: Logger) {
    std::panic::set_hook(Box::new(move |panic| {
        report(&logger, &words_of(panic));
        match EXITS.load(Ordering::Relaxed) {
            true => std::process::exit(EXIT_CODE),
            false => std::process::abort(),
        }
    }));
}

/// SIGABRT from outside: the report, and the end that the signal has.
pub(crate) fn aborted(logger: &Logger) -> ! {
    report(logger, &signalled(Signal::ABORT));
    std::process::abort()
}

/// What DEBUG asks for.
pub(crate) fn crash(logger: &Logger, how: Crash) -> ! {
    match how {
        Crash::Panic(command) => panic!("{command} was asked for"),
        Crash::Fault => {
            report(logger, &signalled(Signal::SEGV));
            for _ in 0..SIGNALS_MAX {
                // Where a process may not signal itself it ends below.
                let _ = kill_process(getpid(), Signal::SEGV);
                std::thread::sleep(SIGNAL_STEP);
            }
            std::process::abort()
        }
    }
}

fn signalled(signal: Signal) -> String {
    let number = signal.as_raw();
    format!(
        "Towline {TOWLINE_VERSION} (Redis {REDIS_VERSION} compatible) crashed by signal: {number}"
    )
}

fn words_of(panic: &PanicHookInfo<'_>) -> String {
    let words = panic.payload_as_str().unwrap_or("a panic without words");
    let place = panic.location().map(ToString::to_string);
    let place = place.as_deref().unwrap_or("?");
    format!("=== ASSERTION FAILED ===\n==> {place} '{words}'")
}

fn report(logger: &Logger, what: &str) {
    if !REPORTS.load(Ordering::Relaxed) {
        return;
    }
    logger.raw("\n\n=== TOWLINE BUG REPORT START: Cut & paste starting from here ===\n");
    for line in what.lines() {
        logger.warning(line);
    }
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("?");
    let stack = Backtrace::force_capture();
    logger.raw(&format!(
        "\n------ STACK TRACE ------\nThread {name}:\n{stack}"
    ));
    logger.raw(&format!("\n------ PROCESS ------\n{}", state_of_process()));
    logger.raw("\n=== TOWLINE BUG REPORT END. ===\n");
}

/// Facts that need no lock.
fn state_of_process() -> String {
    let facts = process::facts();
    let mut text = format!(
        "os:{}\nprocess_id:{}\nexecutable:{}\nused_memory:{}\nused_memory_rss:{}\n",
        facts.os, facts.pid, facts.executable, facts.allocated_bytes, facts.rss_bytes
    );
    let threads = fs::read_dir(THREADS).into_iter().flatten().flatten();
    for thread in threads {
        // One that has ended meanwhile has no name any more.
        let name = fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        let number = thread.file_name();
        let written = writeln!(text, "thread:{} {}", number.display(), name.trim_end());
        written.expect("a string takes all there is");
    }
    text
}
