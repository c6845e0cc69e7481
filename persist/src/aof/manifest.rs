//! The manifest: a line for each file of the log.
//!
//! ```text
//! # a comment
//! file appendonly.aof.2.base.rdb seq 2 type b
//! file appendonly.aof.7.incr.aof seq 7 type i startoffset 1234
//! ```
//! Pairs of other keys may follow, and are kept as they are.

use std::fmt;

use towline_core::text::number::parse_i64;
use towline_core::text::quote::{split, write_quoted};

/// The longest line that Redis reads, in bytes with its end.
const MAX_LINE_BYTES: usize = 1024;

/// What a file of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// What a rewrite replaced; to be removed.
    History,
    /// Where the log starts.
    Base,
    /// What came after.
    Increment,
}

impl FileKind {
    const fn letter(self) -> char {
        match self {
            Self::History => 'h',
            Self::Base => 'b',
            Self::Increment => 'i',
        }
    }

    fn of(letter: &[u8]) -> Option<Self> {
        match letter {
            b"h" => Some(Self::History),
            b"b" => Some(Self::Base),
            b"i" => Some(Self::Increment),
            _ => None,
        }
    }
}

/// A line of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFile {
    /// The file's name in the log's directory.
    pub name: Vec<u8>,
    /// Its number; those of increments grow.
    pub sequence: i64,
    /// What it is.
    pub kind: FileKind,
    /// Other pairs of the line.
    pub more: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The files of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Where it starts, unless it starts empty.
    pub base: Option<ManifestFile>,
    /// What follows, in order.
    pub increments: Vec<ManifestFile>,
    /// What is not needed any more.
    pub history: Vec<ManifestFile>,
}

/// Why a text is no manifest, and in which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The line, from 1; 0 for the whole.
    pub line: usize,
    /// What is wrong, in Redis's words.
    pub what: &'static str,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(self.what),
            line => write!(f, "{} (line {line})", self.what),
        }
    }
}

impl std::error::Error for ManifestError {}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// Where Redis would not start from it.
    pub fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        if text.is_empty() {
            return Err(ManifestError {
                line: 0,
                what: "Found an empty AOF manifest",
            });
        }
        let mut manifest = Self::default();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let wrong = |what| ManifestError { line: at + 1, what };
            manifest.take_line(line).map_err(wrong)?;
        }
        Ok(manifest)
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        if line.starts_with(b"#") {
            return Ok(());
        }
        if line.len() >= MAX_LINE_BYTES {
            return Err("The AOF manifest file contains too long line");
        }
        self.add(parse_file(line.trim_ascii())?)
    }

    /// Adds what a line says behind what is there.
    fn add(&mut self, file: ManifestFile) -> Result<(), &'static str> {
        match file.kind {
            FileKind::History => self.history.push(file),
            FileKind::Base if self.base.is_some() => {
                return Err("Found duplicate base file information");
            }
            FileKind::Base => self.base = Some(file),
            FileKind::Increment => {
                let last = self.increments.last().map(|last| last.sequence);
                if last.is_some_and(|last| file.sequence <= last) {
                    return Err("Found a non-monotonic sequence number");
                }
                self.increments.push(file);
            }
        }
        Ok(())
    }

    /// The manifest as text, in the order in which Redis writes it.
    #[must_use]
    pub fn to_text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for file in self
            .base
            .iter()
            .chain(&self.history)
            .chain(&self.increments)
        {
            write_file(file, &mut out);
        }
        out
    }
}

const INVALID: &str = "Invalid AOF manifest file format";

fn parse_file(line: &[u8]) -> Result<ManifestFile, &'static str> {
    let words = split(line).map_err(|_| INVALID)?;
    // Six words at least, and all of them in pairs.
    if words.len() < 6 || !words.len().is_multiple_of(2) {
        return Err(INVALID);
    }
    let (mut name, mut sequence, mut kind, mut more) = (None, None, None, Vec::new());
    for pair in words.chunks_exact(2) {
        let (key, value) = (&pair[0], &pair[1]);
        match key.to_ascii_lowercase().as_slice() {
            b"file" if value.contains(&b'/') => {
                return Err("File can't be a path, just a filename");
            }
            b"file" => name = Some(value.clone()),
            b"seq" => sequence = parse_i64(value),
            b"type" => kind = Some(FileKind::of(value).ok_or("Unknown AOF file type")?),
            _ => more.push((key.clone(), value.clone())),
        }
    }
    let name = name.filter(|name| !name.is_empty()).ok_or(INVALID)?;
    let sequence = sequence.filter(|sequence| *sequence > 0).ok_or(INVALID)?;
    Ok(ManifestFile {
        name,
        sequence,
        kind: kind.ok_or(INVALID)?,
        more,
    })
}

fn write_file(file: &ManifestFile, out: &mut Vec<u8>) {
    out.extend_from_slice(b"file ");
    write_word(&file.name, out);
    let (sequence, letter) = (file.sequence, file.kind.letter());
    out.extend_from_slice(format!(" seq {sequence} type {letter}").as_bytes());
    for (key, value) in &file.more {
        for word in [key, value] {
            out.push(b' ');
            write_word(word, out);
        }
    }
    out.push(b'\n');
}

/// A word as it is where it reads back so, else in quotes.
fn write_word(word: &[u8], out: &mut Vec<u8>) {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'#');
    if !word.is_empty() && word.iter().all(plain) {
        out.extend_from_slice(word);
    } else {
        write_quoted(out, word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(text: &str) -> String {
        let error = Manifest::parse(text.as_bytes()).expect_err("it is wrong");
        error.to_string()
    }

    #[test]
    fn a_manifest_of_redis_is_read_and_written() {
        let text = "file a.aof.2.base.rdb seq 2 type b\n\
                    file a.aof.1.incr.aof seq 1 type h\n\
                    file a.aof.2.incr.aof seq 2 type i\n\
                    file \"a b.aof.3.incr.aof\" seq 3 type i startoffset 77\n";
        let manifest = Manifest::parse(text.as_bytes()).expect("it is one");
        assert_eq!(manifest.base.as_ref().expect("a base").sequence, 2);
        assert_eq!(manifest.history.len(), 1);
        let last = &manifest.increments[1];
        assert_eq!(last.name, b"a b.aof.3.incr.aof");
        assert_eq!(last.more, [(b"startoffset".to_vec(), b"77".to_vec())]);
        assert_eq!(manifest.to_text(), text.as_bytes());
    }

    #[test]
    fn comments_and_carriage_returns_are_skipped() {
        let text = b"# made by hand\nfile a seq 1 type i\r\n";
        let manifest = Manifest::parse(text).expect("it is one");
        assert_eq!(manifest.increments[0].name, b"a");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let base = "file a seq 1 type b\n";
        assert_eq!(what(""), "Found an empty AOF manifest");
        assert_eq!(
            what(&format!("{base}{base}")),
            "Found duplicate base file information (line 2)"
        );
        assert_eq!(
            what("file a seq 2 type i\nfile b seq 2 type i\n"),
            "Found a non-monotonic sequence number (line 2)"
        );
        assert_eq!(
            what("file a seq 1 type x\n"),
            "Unknown AOF file type (line 1)"
        );
        assert_eq!(
            what("file ../a seq 1 type b\n"),
            "File can't be a path, just a filename (line 1)"
        );
        for line in [
            "",
            "file a seq 1",
            "file a seq 1 type b odd",
            "file a seq 0 type b",
            "file a seq x type b",
            "file \"\" seq 1 type b",
            "file \"a seq 1 type b",
            "seq 1 type b x y",
        ] {
            let text = format!("{line}\n");
            assert_eq!(what(&text), format!("{INVALID} (line 1)"), "{line}");
        }
        let long = format!("file {} seq 1 type b\n", "a".repeat(MAX_LINE_BYTES));
        assert_eq!(
            what(&long),
            "The AOF manifest file contains too long line (line 1)"
        );
    }
}
