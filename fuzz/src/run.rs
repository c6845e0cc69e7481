//! One target in this process, input after input.

use std::fs;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use towline_fuzz::corpus::Corpus;
use towline_fuzz::mutate;
use towline_fuzz::rng::Rng;
use towline_fuzz::targets::Target;

use crate::heap;
use crate::options::Options;

/// An input that takes this long does not end. Machines under load are slow, and
/// real hangs are for ever.
const HANG: Duration = Duration::from_secs(30);
const WATCH_PERIOD: Duration = Duration::from_secs(1);

/// The input under test.
static ITERATION: AtomicU64 = AtomicU64::new(0);
/// What the last panic said, and where.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// Where findings and positions are kept.
pub(crate) fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz")
}

/// The file that tells, after a crash, which input was under test.
pub(crate) fn position_path(target: &Target, seed: u64) -> PathBuf {
    directory().join(format!("{}-{seed}.position", target.name))
}

/// The input of this number.
pub(crate) fn input(target: &Target, corpus: &Corpus, seed: u64, iteration: u64) -> Vec<u8> {
    let mut name = target.name.as_bytes().to_vec();
    name.extend_from_slice(&seed.to_le_bytes());
    name.extend_from_slice(&iteration.to_le_bytes());
    mutate::input(corpus, &mut Rng::of_bytes(&name))
}

/// Something that must not be.
pub(crate) struct Finding {
    pub(crate) iteration: u64,
    pub(crate) what: String,
}

impl Finding {
    /// Keeps the input, and tells the finding in words.
    pub(crate) fn report(&self, target: &Target, seed: u64, input: &[u8]) -> String {
        let Self { iteration, what } = self;
        let name = target.name;
        let path = directory().join(format!("{name}-{seed}-{iteration}"));
        let kept = match fs::write(&path, input) {
            Ok(()) => format!("the input is in {}", path.display()),
            Err(error) => format!(
                "the input could not be written to {}: {error}",
                path.display()
            ),
        };
        format!("FOUND target={name} seed={seed} iteration={iteration}: {what}\n{kept}\n")
    }
}

/// Runs until the end or the first finding, and returns what to print.
pub(crate) fn run(target: &'static Target, options: &Options) -> Result<String, String> {
    let path = directory();
    fs::create_dir_all(&path).map_err(|error| format!("{}: {error}\n", path.display()))?;
    remember_panics();
    let corpus = (target.corpus)();
    let seed = options.seed;
    watch(target, seed);
    let begin = Instant::now();
    let iterations = options.iterations.unwrap_or(match options.seconds {
        Some(_) => u64::MAX,
        None => target.smoke_iterations,
    });
    let position = fs::File::create(position_path(target, seed)).map_err(|e| format!("{e}\n"))?;
    let mut done = 0;
    while done < iterations
        && options
            .seconds
            .is_none_or(|s| begin.elapsed().as_secs() < s)
    {
        ITERATION.store(done, Ordering::Relaxed);
        position
            .write_all_at(&done.to_le_bytes(), 0)
            .map_err(|e| format!("{e}\n"))?;
        let input = input(target, &corpus, seed, done);
        if let Err(what) = once(target, &input) {
            let finding = Finding {
                iteration: done,
                what,
            };
            return Err(finding.report(target, seed, &input));
        }
        done += 1;
    }
    let (name, seconds) = (target.name, begin.elapsed().as_secs_f64());
    Ok(format!(
        "{name}: {done} inputs of seed {seed}, {seconds:.1} s\n"
    ))
}

/// One input.
pub(crate) fn once(target: &Target, input: &[u8]) -> Result<(), String> {
    heap::begin();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let cost = heap::cost();
    if outcome.is_err() {
        return Err(LAST_PANIC
            .lock()
            .map_or_else(|_| "a panic".to_owned(), |what| what.clone()));
    }
    let single_bytes = target.memory.single_bytes(input.len());
    let total_bytes = target.memory.total_bytes(input.len());
    if cost.single_bytes > single_bytes || cost.total_bytes > total_bytes {
        let length = input.len();
        return Err(format!(
            "{cost:?} for {length} bytes; the limits are {single_bytes} and {total_bytes}"
        ));
    }
    Ok(())
}

/// Keeps the text of a panic for the report instead of printing it.
pub(crate) fn remember_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut last) = LAST_PANIC.lock() {
            *last = panic.to_string();
        }
    }));
}

/// Ends the process where one input takes too long.
fn watch(target: &'static Target, seed: u64) {
    std::thread::spawn(move || {
        let mut last = (u64::MAX, Instant::now());
        loop {
            std::thread::sleep(WATCH_PERIOD);
            let iteration = ITERATION.load(Ordering::Relaxed);
            if iteration != last.0 {
                last = (iteration, Instant::now());
            } else if last.1.elapsed() > HANG {
                hangs(target, seed, iteration);
            }
        }
    });
}

fn hangs(target: &Target, seed: u64, iteration: u64) -> ! {
    let input = input(target, &(target.corpus)(), seed, iteration);
    let what = format!("no end after {} s", HANG.as_secs());
    let finding = Finding { iteration, what };
    crate::say(&finding.report(target, seed, &input));
    std::process::exit(crate::EXIT_FOUND);
}
