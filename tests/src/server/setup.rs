//! What a server is started with.

use std::fs;
use std::path::Path;

use super::{Kind, Server};

/// What every server under test is given, unless its configuration is [`Setup::bare`]:
/// no snapshots of its own accord, DEBUG for digests, and full syncs without a delay.
const USUAL: [&str; 4] = [
    "bind 127.0.0.1",
    "save \"\"",
    "enable-debug-command yes",
    "repl-diskless-sync-delay 0",
];

/// A server's configuration.
#[derive(Debug, Clone)]
pub struct Setup {
    pub(super) kind: Kind,
    lines: Vec<String>,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) password: Option<String>,
    bare: bool,
}

impl Setup {
    /// The usual configuration of a `kind`.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            lines: Vec::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            password: None,
            bare: false,
        }
    }

    /// Without the usual lines: only `port`, `dir` and what is given.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Adds a line of redis.conf.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Adds an argument of the command line, after the configuration file.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Sets `requirepass`; the harness's own clients log in with it.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.line(format!("requirepass {password}"))
    }

    /// Makes it a replica of `primary` from the start.
    #[must_use]
    pub fn replica_of(self, primary: &Server) -> Self {
        let line = format!("slaveof 127.0.0.1 {}", primary.port());
        self.line(line)
    }

    /// Takes out every line that begins with `word`.
    #[must_use]
    pub fn without(mut self, word: &str) -> Self {
        self.lines
            .retain(|line| line.split_whitespace().next() != Some(word));
        self
    }

    /// Starts it and waits until it answers.
    ///
    /// # Panics
    /// When it does not, with its log.
    pub fn start(self) -> Server {
        Server::start(self)
    }

    pub(super) fn write(&self, file: &Path, port: u16, dir: &Path) {
        let mut text = format!("port {port}\ndir {}\n", dir.display());
        let usual = if self.bare { &[][..] } else { &USUAL[..] };
        for line in usual
            .iter()
            .copied()
            .chain(self.lines.iter().map(String::as_str))
        {
            text.push_str(line);
            text.push('\n');
        }
        fs::write(file, text).expect("the configuration can be written");
    }
}
