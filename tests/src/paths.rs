//! Where the repository, the peers and the server under test are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The top of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests package lies inside the repository")
        .to_path_buf()
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from)
}

/// A file below `tests/reference`.
pub fn reference(name: &str) -> PathBuf {
    repository().join("tests/reference").join(name)
}

/// The program of a peer, such as `redis-cli`; fetched first where it is missing.
pub fn peer(program: &str) -> PathBuf {
    static FETCHED: OnceLock<PathBuf> = OnceLock::new();
    FETCHED
        .get_or_init(|| fetched_by("tests/fetch-peers"))
        .join("bin")
        .join(program)
}

/// Redis 8.6's server; fetched first where it is missing.
pub fn redis_server_8() -> PathBuf {
    static FETCHED: OnceLock<PathBuf> = OnceLock::new();
    let peers = FETCHED.get_or_init(|| fetched_by("tests/fetch-redis-8"));
    peers.join("bin/redis-server-8")
}

/// The program that runs scripts with a client library at hand, such as `python`;
/// fetched first where it is missing.
pub fn client(launcher: &str) -> PathBuf {
    static FETCHED: OnceLock<PathBuf> = OnceLock::new();
    let fetched = FETCHED.get_or_init(|| fetched_by("tests/fetch-clients").join("clients"));
    fetched.join("bin").join(launcher)
}

/// A server that speaks S3; fetched first where it is missing.
pub fn s3_server() -> PathBuf {
    static FETCHED: OnceLock<PathBuf> = OnceLock::new();
    let fetched = FETCHED.get_or_init(|| fetched_by("tests/fetch-s3").join("s3"));
    fetched.join("bin/s3-server")
}

fn fetched_by(script: &str) -> PathBuf {
    run_to_success(Command::new(repository().join(script)));
    env::var_os("TOWLINE_PEERS").map_or_else(|| repository().join("target/peers"), PathBuf::from)
}

/// The `towline-server` binary: the one that `TOWLINE_SERVER` names, else cargo's,
/// which builds it when it is missing or older than its sources.
pub fn towline_server() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| env::var_os("TOWLINE_SERVER").map_or_else(build_towline, PathBuf::from))
        .clone()
}

fn build_towline() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet"]);
    if cfg!(feature = "storage") {
        command.args([
            "--package",
            "towline-server",
            "--features",
            "redb,object-store",
        ]);
    } else {
        // Asked for beside a test, it is made of the crates that the tests were made of;
        // alone, its dependencies have other features, and all is compiled once more.
        // The tool is its package's as well.
        command.args(["--workspace", "--test", "tidy"]);
        command.args(["--bin", "towline-server", "--bin", "towline"]);
    }
    command.current_dir(repository());
    run_to_success(command);
    target().join("debug/towline-server")
}

fn run_to_success(mut command: Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}
