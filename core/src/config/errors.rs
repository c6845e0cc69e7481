//! What can be wrong with a configuration, for the operator who writes the file
//! and for the client that sends CONFIG SET.

use std::fmt;

/// A line of the file, or an option of the command line, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// There is no such directive.
    Unknown,
    /// The value is not one that the directive takes.
    Invalid(String),
    /// The directive promises what is not built.
    NotBuilt {
        /// The directive.
        name: &'static str,
        /// Its default, which is the only value it takes.
        default: String,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Unknown => f.write_str("Bad directive or wrong number of arguments"),
            LoadError::Invalid(reason) => f.write_str(reason),
            LoadError::NotBuilt { name, default } => {
                write!(f, "this version of Towline has no support for '{name}'")?;
                match default.as_str() {
                    "" => write!(f, ", leave it empty"),
                    _ => write!(f, ", its only value is '{default}'"),
                }
            }
        }
    }
}

impl std::error::Error for LoadError {}

/// Why CONFIG SET changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetError {
    /// The pairs are not pairs.
    Syntax,
    /// There is no such directive.
    Unknown(Vec<u8>),
    /// A dataset is being loaded.
    Loading,
    /// The directive cannot be set to this, or not now.
    Failed {
        /// As the client wrote it, or as the table does.
        name: Vec<u8>,
        /// Redis's words for it.
        reason: String,
    },
}

impl SetError {
    pub(super) fn failed(name: &[u8], reason: impl Into<String>) -> SetError {
        SetError::Failed {
            name: name.to_vec(),
            reason: reason.into(),
        }
    }

    /// The error reply, without its leading `-`.
    pub fn reply(&self) -> Vec<u8> {
        match self {
            SetError::Syntax => b"ERR syntax error".to_vec(),
            SetError::Loading => b"LOADING Redis is loading the dataset in memory".to_vec(),
            SetError::Unknown(name) => {
                let text = b"ERR Unknown option or number of arguments for CONFIG SET - '";
                [text, name.as_slice(), b"'"].concat()
            }
            SetError::Failed { name, reason } => {
                let text = b"ERR CONFIG SET failed (possibly related to argument '";
                [text, name.as_slice(), b"') - ", reason.as_bytes()].concat()
            }
        }
    }
}
