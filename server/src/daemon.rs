//! `daemonize yes`: the server as a process of its own, without a terminal.
//!
//! A process forks safely only before it has threads, and by unsafe code. So the
//! program starts itself once more instead:
//!
//! ```text
//! parent: reads the configuration ──► child: the same program and arguments, with
//!         reads the child's standard           PARENT_VARIABLE, in a session of its own
//!         error to its end            ◄──      an error's text, or READY once it listens
//!         exits as that says                   standard error becomes /dev/null; serves
//! ```

use std::env;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::process::{getppid, setsid};

/// Holds the parent's process id. Whoever else inherits it has another parent.
const PARENT_VARIABLE: &str = "TOWLINE_DAEMON_OF";

/// Says that the child listens. No text of an error holds this byte.
const READY: u8 = 0;

/// The process that waits to hear how this one starts.
#[derive(Debug)]
pub struct Parent(());

impl Parent {
    /// The parent, where this process is the daemon that it has started. Leaves the
    /// session of the parent, and with it the terminal.
    ///
    /// # Errors
    /// Where there can be no new session.
    pub fn leave() -> io::Result<Option<Self>> {
        if !is_daemon(env::var_os(PARENT_VARIABLE).as_deref()) {
            return Ok(None);
        }
        setsid()?;
        Ok(Some(Self(())))
    }

    /// Lets the parent go: from now on this process serves.
    ///
    /// # Errors
    /// Where the parent has gone, or there is no `/dev/null`.
    pub fn tell_ready(self) -> io::Result<()> {
        io::stderr().write_all(&[READY])?;
        let null = OpenOptions::new().write(true).open("/dev/null")?;
        Ok(rustix::stdio::dup2_stderr(null)?)
    }
}

fn is_daemon(variable: Option<&OsStr>) -> bool {
    let parent = getppid().map(|pid| pid.as_raw_nonzero().to_string());
    variable.is_some() && variable == parent.as_deref().map(OsStr::new)
}

/// Starts the daemon, hands it what was read from standard input, and waits until it
/// listens.
///
/// # Errors
/// A text for the operator: why it does not.
pub fn start(stdin: Option<&[u8]>) -> Result<(), String> {
    let heard = spawn_and_listen(stdin).map_err(|error| format!("Can't daemonize: {error}"))?;
    match heard.split_last() {
        Some((&READY, _)) => Ok(()),
        _ => Err(String::from_utf8_lossy(&heard).trim_end().to_owned()),
    }
}

/// All that the child writes to its standard error until that is closed.
fn spawn_and_listen(stdin: Option<&[u8]>) -> io::Result<Vec<u8>> {
    let mut arguments = env::args_os();
    let mut command = Command::new(env::current_exe()?);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let input = stdin.map_or_else(Stdio::null, |_| Stdio::piped());
    let mut child = command
        .args(arguments)
        .env(PARENT_VARIABLE, std::process::id().to_string())
        .stdin(input)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // A child that ends before it has read everything says why below.
    let given = match (stdin, child.stdin.take()) {
        (Some(text), Some(mut input)) => input.write_all(text),
        _ => Ok(()),
    };
    let mut heard = Vec::new();
    let mut errors = child.stderr.take().expect("standard error is piped");
    errors.read_to_end(&mut heard)?;
    if heard.is_empty() {
        given?;
        let status = child.wait()?;
        return Err(io::Error::other(format!("the daemon ended with {status}")));
    }
    Ok(heard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_child_of_the_named_process_is_its_daemon() {
        let own_parent = getppid().expect("a test has a parent").as_raw_nonzero();
        assert!(is_daemon(Some(OsStr::new(&own_parent.to_string()))));
        assert!(!is_daemon(Some(OsStr::new(
            &std::process::id().to_string()
        ))));
        assert!(!is_daemon(Some(OsStr::new("yes"))));
        assert!(!is_daemon(None));
    }
}
