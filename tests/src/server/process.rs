//! A running server.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::{Kind, Setup, TempDir, free_port};
use crate::info::Info;
use crate::paths;
use crate::resp::{Client, Value};
use crate::wait;

/// How often a server that lost the race for its port is started on another.
const PORT_ATTEMPTS: u32 = 5;

/// A server, killed when it goes out of scope.
#[derive(Debug)]
pub struct Server {
    setup: Setup,
    dir: TempDir,
    port: u16,
    child: Child,
}

/// How a start ended.
enum Started {
    Answers,
    PortTaken,
}

impl Server {
    /// Starts a server with the usual configuration.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn new(kind: Kind) -> Self {
        Setup::new(kind).start()
    }

    pub(super) fn start(setup: Setup) -> Self {
        let dir = TempDir::new(&setup.kind.to_string());
        let port = free_port();
        let child = spawn(&setup, &dir, port);
        let mut server = Self {
            setup,
            dir,
            port,
            child,
        };
        for _ in 0..PORT_ATTEMPTS {
            match server.wait_started() {
                Started::Answers => return server,
                Started::PortTaken => server.move_to(free_port()),
            }
        }
        panic!("no port could be had in {PORT_ATTEMPTS} attempts");
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Which program it is.
    pub fn kind(&self) -> Kind {
        self.setup.kind
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its working directory, where its snapshots are.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.dir().join("redis.conf")
    }

    /// All that it has printed, over every start.
    ///
    /// # Panics
    /// When the log cannot be read.
    pub fn log(&self) -> String {
        let bytes = fs::read(log_file(&self.dir)).expect("the log can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A new connection, logged in where the setup has a password.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn client(&self) -> Client {
        self.try_client()
            .unwrap_or_else(|error| panic!("no connection to {}: {error}", self.kind()))
    }

    fn try_client(&self) -> std::io::Result<Client> {
        let mut client = Client::connect(self.address())?;
        if let Some(password) = &self.setup.password {
            client.try_call(&["AUTH", password])?;
        }
        Ok(client)
    }

    /// One command on a connection of its own.
    ///
    /// # Panics
    /// When there is no reply, or an error.
    pub fn ok(&self, words: &str) -> Value {
        self.client().ok(words)
    }

    /// INFO, or one of its sections.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn info(&self, section: &str) -> Info {
        Info::parse(&self.ok(&format!("INFO {section}")).text())
    }

    /// Runs redis-cli against it and returns what it prints, without the last newline.
    ///
    /// # Panics
    /// When redis-cli fails.
    pub fn cli(&self, args: &[&str]) -> String {
        let output = Command::new(paths::peer("redis-cli"))
            .args(["-p", &self.port.to_string()])
            .args(args)
            .stdin(Stdio::null())
            .output()
            .expect("redis-cli starts");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "redis-cli {args:?}: {output:?}");
        printed.trim_end_matches('\n').to_owned()
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the server runs");
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait_exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        wait::until_some("the server has ended", || {
            child.try_wait().expect("a child can be waited for")
        })
    }

    /// Stops it with SIGTERM and starts it again on the same port and directory.
    ///
    /// # Panics
    /// When it does not stop, or does not come back.
    pub fn restart(&mut self) {
        self.signal(Signal::TERM);
        self.wait_exit();
        self.start_again();
    }

    /// [`Self::restart`] with another configuration.
    ///
    /// # Panics
    /// When it does not stop, or does not come back.
    pub fn restart_with(&mut self, change: impl FnOnce(Setup) -> Setup) {
        self.setup = change(self.setup.clone());
        self.signal(Signal::TERM);
        self.wait_exit();
        self.start_again();
    }

    /// Kills it, so that it can save nothing, and starts it again.
    ///
    /// # Panics
    /// When it does not come back.
    pub fn crash_and_restart(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Kills it.
    pub fn kill(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again after it ended, with the file as the setup has it.
    ///
    /// # Panics
    /// When it does not come back.
    pub fn start_again(&mut self) {
        self.child = spawn(&self.setup, &self.dir, self.port);
        self.assert_comes_back();
    }

    /// Starts it again after it ended, with the configuration file as it stands.
    ///
    /// # Panics
    /// When it does not come back.
    pub fn start_again_with_own_file(&mut self) {
        self.child = spawn_with_file(&self.setup, &self.dir);
        self.assert_comes_back();
    }

    fn assert_comes_back(&mut self) {
        if let Started::PortTaken = self.wait_started() {
            panic!("port {} was taken meanwhile:\n{}", self.port, self.log());
        }
    }

    fn wait_started(&mut self) -> Started {
        wait::until_some("the server answers PING", || {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return Some(self.why_ended(status));
            }
            self.answers().then_some(Started::Answers)
        })
    }

    fn why_ended(&self, status: ExitStatus) -> Started {
        let log = self.log();
        assert!(
            log.contains("Address already in use"),
            "{} ended at its start with {status}:\n{log}",
            self.kind()
        );
        Started::PortTaken
    }

    /// Whether this very process answers, and not another that has its port, and has
    /// loaded what it had saved.
    fn answers(&self) -> bool {
        let Ok(mut client) = self.try_client() else {
            return false;
        };
        match client.try_call(&["INFO"]) {
            Ok(Value::Bulk(info)) => {
                let info = Info::parse(&String::from_utf8_lossy(&info));
                let is_own = info.find("process_id") == Some(&self.pid().to_string());
                is_own && info.find("loading") == Some("0")
            }
            _ => false,
        }
    }

    fn move_to(&mut self, port: u16) {
        self.port = port;
        // The old log says that the old port was taken, which must not be read again.
        fs::remove_file(log_file(&self.dir)).expect("the log can be removed");
        self.child = spawn(&self.setup, &self.dir, port);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            show_log(self);
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a failing test shows its servers' logs"
)]
fn show_log(server: &Server) {
    let log = server.log();
    let lines: Vec<&str> = log.lines().collect();
    let tail = lines[lines.len().saturating_sub(40)..].join("\n");
    eprintln!("-- log of {} on {}:\n{tail}", server.kind(), server.port());
}

fn spawn(setup: &Setup, dir: &TempDir, port: u16) -> Child {
    setup.write(&dir.path().join("redis.conf"), port, dir.path());
    spawn_with_file(setup, dir)
}

fn spawn_with_file(setup: &Setup, dir: &TempDir) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(log_file(dir))
        .expect("the log can be opened");
    Command::new(setup.kind.program())
        .arg(dir.path().join("redis.conf"))
        .args(&setup.arguments)
        .envs(setup.environment.iter().cloned())
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file handle can be cloned"))
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", setup.kind))
}

fn log_file(dir: &TempDir) -> PathBuf {
    dir.path().join("server.log")
}
