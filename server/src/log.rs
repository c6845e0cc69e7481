//! The log, in Redis's line format:
//! `pid:role day month year hour:minute:second.millisecond mark text`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use towline_core::config::{LogLevel, Settings};

use crate::calendar::local_time;
use crate::host::unix_ms;
use crate::syslog::Syslog;

struct Inner {
    /// None writes to standard output.
    file: Option<Mutex<File>>,
    syslog: Option<Syslog>,
    level: AtomicU8,
    role: AtomicU8,
}

/// Clones write to the same log.
#[derive(Clone)]
pub struct Logger(Arc<Inner>);

/// The letter of a primary and of a replica.
const PRIMARY: u8 = b'M';
const REPLICA: u8 = b'S';

impl Logger {
    /// A log to `logfile`, or to standard output where it is empty, and to the
    /// system's log where that is wanted.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub fn open(settings: &Settings) -> std::io::Result<Self> {
        let path = String::from_utf8_lossy(&settings.logfile);
        let syslog = settings.syslog.as_ref().map(Syslog::open).transpose()?;
        let file = if path.is_empty() {
            None
        } else {
            let file = OpenOptions::new().create(true).append(true).open(&*path)?;
            Some(Mutex::new(file))
        };
        Ok(Self(Arc::new(Inner {
            file,
            syslog,
            level: AtomicU8::new(settings.loglevel as u8),
            role: AtomicU8::new(PRIMARY),
        })))
    }

    /// Changes what is worth a line.
    pub fn set_level(&self, level: LogLevel) {
        self.0.level.store(level as u8, Ordering::Relaxed);
    }

    /// Changes the letter behind the pid.
    pub fn set_replica(&self, replica: bool) {
        let role = if replica { REPLICA } else { PRIMARY };
        self.0.role.store(role, Ordering::Relaxed);
    }

    /// Something an operator must see.
    pub fn warning(&self, text: &str) {
        self.at(LogLevel::Warning, text);
    }

    /// Something an operator wants to see.
    pub fn notice(&self, text: &str) {
        self.at(LogLevel::Notice, text);
    }

    /// Something that tells what goes on.
    pub fn verbose(&self, text: &str) {
        self.at(LogLevel::Verbose, text);
    }

    /// Something of this level.
    pub fn at(&self, level: LogLevel, text: &str) {
        let mark = match level {
            LogLevel::Debug => '.',
            LogLevel::Verbose => '-',
            LogLevel::Notice => '*',
            LogLevel::Warning | LogLevel::Nothing => '#',
        };
        self.line(level, mark, text);
    }

    fn line(&self, level: LogLevel, mark: char, text: &str) {
        if (level as u8) < self.0.level.load(Ordering::Relaxed) {
            return;
        }
        let pid = std::process::id();
        let role = char::from(self.0.role.load(Ordering::Relaxed));
        let time = local_time(unix_ms());
        self.raw(&format!("{pid}:{role} {time} {mark} {text}\n"));
        if let Some(syslog) = &self.0.syslog
            && let Some(error) = syslog.send(level, text)
        {
            self.raw(&format!("{pid}:{role} {time} # {error}\n"));
        }
    }

    /// Writes text as it is: the banner.
    pub fn raw(&self, text: &str) {
        // A log that cannot be written must not stop the server, and there is
        // nowhere else to say so.
        let _ = match &self.0.file {
            Some(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.write_all(text.as_bytes())
            }
            None => std::io::stdout().lock().write_all(text.as_bytes()),
        };
    }
}
