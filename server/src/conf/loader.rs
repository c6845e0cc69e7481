//! Reads a configuration from its file, from standard input and from the
//! command line, in this order; the last word wins.

use std::io;

use towline_core::config::{Config, Directive};

use super::error::{ConfError, Position};
use super::files::SourceFile;
use super::grammar::{Line, lines};

/// How deep files may include each other. Redis has no bound and dies of a file
/// that includes itself.
const MAX_INCLUDE_DEPTH: usize = 16;

/// How many files may be included. Files that include the next one twice would
/// double with each, and never end within any depth.
const MAX_INCLUDED_FILES: usize = 999;

/// Reads the file of this name, or all that match a pattern. A pattern may
/// match nothing; a name must be there.
pub type ReadFiles<'a> = dyn FnMut(&[u8]) -> io::Result<Vec<SourceFile>> + 'a;

/// Where the configuration comes from.
pub struct Sources<'a> {
    /// The file named on the command line.
    pub file: Option<&'a [u8]>,
    /// What standard input held, if it was asked for.
    pub stdin: Option<&'a [u8]>,
    /// The options of the command line as lines.
    pub options: &'a [u8],
    /// Reads files.
    pub read: &'a mut ReadFiles<'a>,
    /// Whether there is a command of this name.
    pub is_command: &'a dyn Fn(&[u8]) -> bool,
}

/// A configuration, and what is not a value in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// rename-command: old names and new ones; an empty new name removes.
    pub renames: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Reads all sources.
pub fn load(sources: Sources<'_>) -> Result<Loaded, ConfError> {
    let Sources {
        file,
        stdin,
        options,
        read,
        is_command,
    } = sources;
    let mut text = Vec::new();
    if let Some(path) = file {
        for source in read_named(read, path)? {
            push_lines(&mut text, &source.text);
        }
    }
    push_lines(&mut text, stdin.unwrap_or_default());
    push_lines(&mut text, options);
    let loaded = Loaded {
        config: Config::new(),
        renames: Vec::new(),
    };
    let mut loader = Loader {
        loaded,
        read,
        is_command,
        included: 0,
    };
    loader.text(&text, 0)?;
    Ok(loader.loaded)
}

/// Begins on a line of its own.
fn push_lines(text: &mut Vec<u8>, more: &[u8]) {
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend_from_slice(more);
}

fn read_named(read: &mut ReadFiles<'_>, path: &[u8]) -> Result<Vec<SourceFile>, ConfError> {
    read(path).map_err(|error| ConfError::File {
        path: path.to_vec(),
        reason: reason_of(&error),
    })
}

/// The system's words without Rust's error number.
fn reason_of(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_string()
}

struct Loader<'a, 'r> {
    loaded: Loaded,
    read: &'a mut ReadFiles<'r>,
    is_command: &'a dyn Fn(&[u8]) -> bool,
    included: usize,
}

impl Loader<'_, '_> {
    fn text(&mut self, text: &[u8], depth: usize) -> Result<(), ConfError> {
        for line in lines(text) {
            let Line { at, words } = line?;
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            match *words {
                [b"include", path] => self.include(at, path, depth)?,
                _ => self
                    .line(&words)
                    .map_err(|reason| ConfError::Line { at, reason })?,
            }
        }
        Ok(())
    }

    fn include(&mut self, at: Position, path: &[u8], depth: usize) -> Result<(), ConfError> {
        if depth == MAX_INCLUDE_DEPTH {
            let reason = format!("files include each other more than {MAX_INCLUDE_DEPTH} deep");
            return Err(ConfError::Line { at, reason });
        }
        for source in read_named(self.read, path)? {
            self.included += 1;
            if self.included > MAX_INCLUDED_FILES {
                let reason = format!("more than {MAX_INCLUDED_FILES} files are included");
                return Err(ConfError::Line { at, reason });
            }
            self.text(&source.text, depth + 1)?;
        }
        Ok(())
    }

    fn line(&mut self, words: &[&[u8]]) -> Result<(), String> {
        match *words {
            [b"rename-command", from, to] => self.rename(from, to),
            // What Redis once had and now reads over, so that old files start.
            [
                b"list-max-ziplist-entries" | b"list-max-ziplist-value" | b"lua-replicate-commands",
                _,
            ] => Ok(()),
            [name @ (b"user" | b"loadmodule" | b"sentinel"), _, ..] => Err(not_built(name)),
            [name, ref args @ ..] => {
                let row = self.loaded.config.load(name, args);
                row.map(|_: &Directive| ())
                    .map_err(|error| error.to_string())
            }
            [] => Ok(()),
        }
    }

    /// A new name that is a command already, or two commands of one new name,
    /// would leave one of them without a name.
    fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), String> {
        let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
        let renames = &mut self.loaded.renames;
        let gone = renames.iter().any(|known| known.0 == from);
        let taken = renames.iter().any(|known| !to.is_empty() && known.1 == to);
        let free = renames.iter().any(|known| known.0 == to);
        if gone || !(self.is_command)(&from) {
            return Err("No such command in rename-command".into());
        }
        if taken || (!free && (self.is_command)(&to)) {
            return Err("Target command name already exists".into());
        }
        renames.push((from, to));
        Ok(())
    }
}

fn not_built(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    format!("this version of Towline has no support for '{name}'")
}
