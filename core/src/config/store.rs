//! The values of all directives, and the ways to change them.

use std::ops::Deref;

use super::directive::{Directive, Status};
use super::errors::{LoadError, SetError};
use super::rewrite_text::RewriteEntry;
use super::settings::Settings;
use super::table::{self, directives, find};
use super::value::Value;
use crate::text::glob::{self, Case};
use crate::value::limits::LIST_PLAIN_MIN_BYTES;

/// The configuration. It reads as its [`Settings`].
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    values: Vec<Value>,
    /// Whether a line of the file has set the directive, as later lines of
    /// some directives join the earlier ones.
    loaded: Vec<bool>,
    settings: Settings,
    /// What DEBUG has put in the place of a default that no directive names.
    list_plain_min_bytes: usize,
}

/// What CONFIG SET may do at the moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct SetRules {
    /// enable-protected-configs allows it for this client.
    pub protected: bool,
    /// A dataset is being loaded.
    pub loading: bool,
}

/// One directive that CONFIG SET has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The directive's name.
    pub name: &'static str,
    index: usize,
    old: Value,
}

impl Default for Config {
    fn default() -> Config {
        Config::new()
    }
}

impl Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Config {
    /// The configuration of a server that was given none.
    pub fn new() -> Config {
        let values: Vec<Value> = directives().map(Value::default_of).collect();
        let settings = Settings::derive(&values);
        Config {
            values,
            loaded: vec![false; table::COUNT],
            settings,
            list_plain_min_bytes: LIST_PLAIN_MIN_BYTES,
        }
    }

    fn derive(&mut self) {
        self.settings = Settings::derive(&self.values);
        self.settings.encodings.list_plain_min_bytes = self.list_plain_min_bytes;
    }

    /// Keeps elements of large lists apart that are at least this long, whatever
    /// the directives are set to.
    pub fn set_list_plain_min_bytes(&mut self, bytes: usize) {
        self.list_plain_min_bytes = bytes;
        self.derive();
    }

    /// Takes a line of redis.conf: the directive and its arguments.
    pub fn load(&mut self, name: &[u8], args: &[&[u8]]) -> Result<&'static Directive, LoadError> {
        let (index, row) = find(name).ok_or(LoadError::Unknown)?;
        let words = split_words(row, args);
        let value = Value::parse(row, &words, &self.values[index], self.loaded[index]);
        let value = value.map_err(LoadError::Invalid)?;
        check_built(row, &value)?;
        self.values[index] = value;
        self.loaded[index] = true;
        self.derive();
        Ok(row)
    }

    /// CONFIG SET: all pairs, or none of them. Who calls it puts the changes
    /// into effect, and takes them back with [`undo`](Self::undo) if that fails.
    pub fn set(&mut self, pairs: &[&[u8]], rules: SetRules) -> Result<Vec<Change>, SetError> {
        if !pairs.len().is_multiple_of(2) {
            return Err(SetError::Syntax);
        }
        let rows = find_all(pairs, rules)?;
        let mut changes: Vec<Change> = Vec::new();
        for (&(index, row), pair) in rows.iter().zip(pairs.chunks_exact(2)) {
            match self.parse_set(index, row, pair[1]) {
                Ok(value) => changes.extend(self.replace(index, row, value)),
                Err(error) => {
                    self.put_back(changes);
                    return Err(error);
                }
            }
        }
        self.derive();
        Ok(changes)
    }

    fn parse_set(
        &self,
        index: usize,
        row: &'static Directive,
        word: &[u8],
    ) -> Result<Value, SetError> {
        let words = split_words(row, &[word]);
        let value = Value::parse(row, &words, &self.values[index], false);
        let value = value.map_err(|reason| SetError::failed(row.name.as_bytes(), reason))?;
        let built = check_built(row, &value);
        built.map_err(|error| SetError::failed(row.name.as_bytes(), error.to_string()))?;
        Ok(value)
    }

    fn replace(&mut self, index: usize, row: &'static Directive, value: Value) -> Option<Change> {
        let old = std::mem::replace(&mut self.values[index], value);
        let changed = old != self.values[index];
        changed.then_some(Change {
            name: row.name,
            index,
            old,
        })
    }

    fn put_back(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.values[change.index] = change.old;
        }
    }

    /// Takes changes back that could not be put into effect.
    pub fn undo(&mut self, changes: Vec<Change>) {
        self.put_back(changes);
        self.derive();
    }

    /// Follows what the server did by itself, as REPLICAOF does to `replicaof`.
    ///
    /// Panics if there is no such directive or it does not take the value,
    /// because both come from the program.
    pub fn follow(&mut self, name: &str, word: &[u8]) {
        let (index, row) = find(name.as_bytes()).expect("a directive of the table");
        let words = split_words(row, &[word]);
        let value = Value::parse(row, &words, &self.values[index], false);
        self.values[index] = value.expect("a value that the program has in use");
        self.derive();
    }

    /// CONFIG GET: names and values that match any of the patterns, each once.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, usize)> = Vec::new();
        for pattern in patterns {
            let names = if has_wildcards(pattern) {
                matching(pattern)
            } else {
                exact(pattern)
            };
            for (name, index) in names {
                if !found
                    .iter()
                    .any(|known| known.0.eq_ignore_ascii_case(&name))
                {
                    found.push((name, index));
                }
            }
        }
        let rows: Vec<&Directive> = directives().collect();
        let text = |index: usize| self.values[index].to_text(rows[index]);
        found
            .into_iter()
            .map(|(name, index)| (name, text(index)))
            .collect()
    }

    /// Every directive as CONFIG REWRITE writes it.
    pub fn rewrite_entries(&self) -> Vec<RewriteEntry> {
        let entry = |(row, value)| RewriteEntry::new(row, value);
        directives().zip(&self.values).map(entry).collect()
    }

    /// The directives that are set to something else than their default and do
    /// nothing here, to be told to the operator.
    pub fn without_effect(&self) -> Vec<&'static str> {
        let idle = |(row, value): &(&Directive, &Value)| {
            row.status == Status::Cosmetic && **value != Value::default_of(row)
        };
        directives()
            .zip(&self.values)
            .filter(idle)
            .map(|(row, _)| row.name)
            .collect()
    }
}

/// A single argument of a directive that takes several words is split.
fn split_words<'a>(row: &Directive, args: &[&'a [u8]]) -> Vec<&'a [u8]> {
    match *args {
        [word] if row.takes_words() => word.split(|byte| *byte == b' ').collect(),
        _ => args.to_vec(),
    }
}

fn check_built(row: &'static Directive, value: &Value) -> Result<(), LoadError> {
    let default = Value::default_of(row);
    if row.status != Status::Refused || *value == default {
        return Ok(());
    }
    let default = String::from_utf8_lossy(&default.to_text(row)).into_owned();
    Err(LoadError::NotBuilt {
        name: row.name,
        default,
    })
}

type Found = Vec<(usize, &'static Directive)>;

/// Looks all names up before any value is read, as the first unknown name is
/// what the client is told about.
fn find_all(pairs: &[&[u8]], rules: SetRules) -> Result<Found, SetError> {
    let mut rows: Found = Vec::new();
    for pair in pairs.chunks_exact(2) {
        let name = pair[0];
        let (index, row) = find(name).ok_or_else(|| SetError::Unknown(name.to_vec()))?;
        if row.immutable {
            return Err(SetError::failed(name, "can't set immutable config"));
        }
        if row.protected && !rules.protected {
            return Err(SetError::failed(name, "can't set protected config"));
        }
        if row.denied_while_loading && rules.loading {
            return Err(SetError::Loading);
        }
        if rows.iter().any(|known| known.0 == index) {
            return Err(SetError::failed(name, "duplicate parameter"));
        }
        rows.push((index, row));
    }
    Ok(rows)
}

fn has_wildcards(pattern: &[u8]) -> bool {
    pattern
        .iter()
        .any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The directive of exactly this name, under the name as the client wrote it.
fn exact(name: &[u8]) -> Vec<(Vec<u8>, usize)> {
    find(name)
        .map(|(index, _)| (name.to_vec(), index))
        .into_iter()
        .collect()
}

/// All names and aliases that match.
fn matching(pattern: &[u8]) -> Vec<(Vec<u8>, usize)> {
    let shown = directives().enumerate().filter(|(_, row)| !row.hidden);
    let names = shown.flat_map(|(index, row)| {
        let names = std::iter::once(row.name).chain(row.alias);
        names.map(move |name| (name.as_bytes().to_vec(), index))
    });
    names
        .filter(|(name, _)| glob::matches(pattern, name, Case::Insensitive))
        .collect()
}
