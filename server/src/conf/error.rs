//! What is printed when a configuration cannot be used, in Redis's form, which
//! operators and tests look for.

use std::fmt;

use towline_core::version::REDIS_VERSION;

/// A line of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Counted from 1; the options of the command line come behind the file.
    pub line: usize,
    /// The line without blanks around it.
    pub text: Vec<u8>,
}

/// A configuration that the server cannot start with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfError {
    /// A file cannot be read.
    File {
        /// As it was named.
        path: Vec<u8>,
        /// What the system says.
        reason: String,
    },
    /// A line cannot be used.
    Line {
        /// The line.
        at: Position,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for ConfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfError::File { path, reason } => {
                let path = String::from_utf8_lossy(path);
                write!(f, "Fatal error, can't open config file '{path}': {reason}")
            }
            ConfError::Line { at, reason } => {
                writeln!(
                    f,
                    "\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***"
                )?;
                writeln!(f, "Reading the configuration file, at line {}", at.line)?;
                writeln!(f, ">>> '{}'", String::from_utf8_lossy(&at.text))?;
                f.write_str(reason)
            }
        }
    }
}

impl std::error::Error for ConfError {}
