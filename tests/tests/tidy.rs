//! The limits of the design: how long functions and files may be, what the inner
//! rings may not touch, and which words a file may not hold.

use std::fs;
use std::path::{Path, PathBuf};

use towline_tests::paths::repository;
use towline_tests::source::{code_only, functions, has_word, without_tests};

const MAX_FUNCTION_LINES: usize = 70;
const MAX_MEDIAN_FUNCTION_LINES: usize = 9;
const MAX_FILE_LINES: usize = 800;
/// The design aims at about 200.
const MAX_MEDIAN_FILE_LINES: usize = 300;

/// What a sans-IO machine may not name. `core::time` and `core::net` hold the plain
/// types (a duration, an address) and stay open to it.
const OUTSIDE: [&str; 7] = [
    "std::time",
    "std::net",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "std::os",
];
const OUTSIDE_CRATES: [&str; 8] = [
    "smol",
    "tokio",
    "async_io",
    "blocking",
    "rustix",
    "rand",
    "getrandom",
    "libc",
];

/// Allocators that count; the trait for them is an unsafe one.
const ALLOCATORS: [&str; 2] = ["server/src/memory.rs", "fuzz/src/heap.rs"];

struct File {
    /// From the top of the repository.
    name: String,
    text: String,
}

#[test]
fn no_function_is_too_long() {
    let mut lengths = Vec::new();
    let mut too_long = Vec::new();
    for file in rust_files() {
        for function in functions(&code_only(&file.text)) {
            lengths.push(function.lines);
            if function.lines > MAX_FUNCTION_LINES {
                let (name, line) = (function.name, function.line);
                too_long.push(format!(
                    "{}:{line} {name}: {} lines",
                    file.name, function.lines
                ));
            }
        }
    }
    assert!(too_long.is_empty(), "{too_long:#?}");
    let median = median(lengths);
    assert!(
        median <= MAX_MEDIAN_FUNCTION_LINES,
        "the median function has {median} lines"
    );
}

#[test]
fn no_file_is_too_long() {
    let lengths = rust_files()
        .into_iter()
        .map(|file| (file.text.lines().count(), file.name));
    let lengths: Vec<_> = lengths.collect();
    let too_long: Vec<_> = lengths
        .iter()
        .filter(|(lines, _)| *lines > MAX_FILE_LINES)
        .collect();
    assert!(too_long.is_empty(), "{too_long:#?}");
    let median = median(lengths.into_iter().map(|(lines, _)| lines).collect());
    assert!(
        median <= MAX_MEDIAN_FILE_LINES,
        "the median file has {median} lines"
    );
}

#[test]
fn the_machines_touch_nothing_outside() {
    let machines: Vec<File> = rust_files().into_iter().filter(is_machine).collect();
    assert!(machines.len() > 20, "the machines are somewhere else now");
    let mut found = Vec::new();
    for file in machines {
        let code = without_tests(&code_only(&file.text));
        let paths = OUTSIDE.iter().filter(|path| code.contains(**path));
        let crates = OUTSIDE_CRATES.iter().filter(|name| has_word(&code, name));
        found.extend(
            paths
                .chain(crates)
                .map(|what| format!("{}: {what}", file.name)),
        );
        // `use std::{fs, net}` would slip through the list of paths.
        if code.contains("use std::{") {
            found.push(format!(
                "{}: import each part of std by its own path",
                file.name
            ));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Everything in core, and in replication all but the drivers; helpers of tests are
/// outside of the rings.
fn is_machine(file: &File) -> bool {
    let helper = ["tests.rs", "testing.rs", "/tests/"];
    let machine = [
        "core/src/",
        "replication/src/primary/",
        "replication/src/replica/",
        "replication/src/decision.rs",
        "replication/src/backlog.rs",
        "replication/src/backoff.rs",
        "replication/src/wire.rs",
    ];
    machine.iter().any(|start| file.name.starts_with(start))
        && !helper.iter().any(|part| file.name.contains(part))
}

#[test]
fn unsafe_code_stays_in_core() {
    let outside: Vec<String> = rust_files()
        .into_iter()
        .filter(|file| !file.name.starts_with("core/") && !ALLOCATORS.contains(&file.name.as_str()))
        .filter(|file| has_word(&code_only(&file.text), "unsafe"))
        .map(|file| file.name)
        .collect();
    assert!(outside.is_empty(), "{outside:#?}");
}

#[test]
fn the_crates_depend_on_each_other_as_drawn() {
    assert_eq!(dependencies("core"), [""; 0]);
    assert_eq!(dependencies("persist"), ["towline-core"]);
    assert_eq!(dependencies("replication"), ["towline-core"]);
    let server = ["towline-core", "towline-persist", "towline-replication"];
    assert_eq!(dependencies("server"), server);
}

/// The workspace's own packages below `[dependencies]`, sorted. Dev-dependencies may
/// point anywhere: an example of core may use the server.
fn dependencies(package: &str) -> Vec<String> {
    let manifest = repository().join(package).join("Cargo.toml");
    let text = fs::read_to_string(manifest).expect("the package has a manifest");
    let mut names: Vec<String> = text
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| name.starts_with("towline-"))
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    // Taken apart, so that this file does not hold what it looks for.
    let words = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/ho", "me/"],
        ["crates", ".io"],
        ["py", "pi.org"],
        ["deb.deb", "ian.org"],
        ["index.", "crates"],
    ]
    .map(|parts| parts.concat());
    let mut found = Vec::new();
    for file in all_files() {
        // Cargo writes the name of the index into the lock file.
        let lines = file
            .text
            .lines()
            .enumerate()
            .filter(|_| file.name != "Cargo.lock");
        for (number, line) in lines {
            let hits = words.iter().filter(|word| line.contains(word.as_str()));
            found.extend(hits.map(|word| format!("{}:{}: {word}", file.name, number + 1)));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

fn median(mut numbers: Vec<usize>) -> usize {
    assert!(!numbers.is_empty(), "nothing was found to measure");
    numbers.sort_unstable();
    numbers[numbers.len() / 2]
}

fn rust_files() -> Vec<File> {
    let rust = |file: &File| file.name.ends_with(".rs");
    all_files().into_iter().filter(rust).collect()
}

/// Every text file of the repository; binary fixtures are left out.
fn all_files() -> Vec<File> {
    let top = repository();
    let mut paths = Vec::new();
    walk(&top, &mut paths);
    let relative = |path: &Path| {
        path.strip_prefix(&top)
            .expect("below the top")
            .display()
            .to_string()
    };
    paths
        .iter()
        .filter_map(|path| Some((relative(path), fs::read_to_string(path).ok()?)))
        .map(|(name, text)| File { name, text })
        .collect()
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory of the repository can be read") {
        let path = entry.expect("an entry can be read").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        match name.as_str() {
            "target" | ".git" | "__pycache__" => {}
            _ if path.is_dir() => walk(&path, found),
            _ => found.push(path),
        }
    }
}
