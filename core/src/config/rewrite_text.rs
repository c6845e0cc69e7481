//! How values are written back to redis.conf.

use super::directive::{Directive, Kind, NumberForm};
use super::value::Value;
use crate::text::quote::write_quoted;

/// A directive as CONFIG REWRITE writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewriteEntry {
    /// The name to write.
    pub name: &'static str,
    /// The other name, under which a line of the old file may stand.
    pub alias: Option<&'static str>,
    /// The arguments of each of its lines; a value that needs no line has none.
    pub lines: Vec<Vec<u8>>,
    /// It holds its default, and needs a line only where it had one.
    pub is_default: bool,
}

impl RewriteEntry {
    pub(super) fn new(row: &'static Directive, value: &Value) -> RewriteEntry {
        let is_default = *value == Value::default_of(row);
        RewriteEntry {
            name: row.name,
            alias: row.alias,
            lines: lines(row, value),
            is_default,
        }
    }
}

fn lines(row: &Directive, value: &Value) -> Vec<Vec<u8>> {
    match (value, row.kind) {
        (Value::Text(text), Kind::Special { grammar, .. }) => (grammar.lines)(text),
        (Value::Text(text), Kind::Text { default, .. })
            if text.is_empty() && default.is_empty() =>
        {
            Vec::new()
        }
        (Value::Text(text), _) => {
            let mut quoted = Vec::new();
            write_quoted(&mut quoted, text);
            vec![quoted]
        }
        (
            Value::Number(number),
            Kind::Number {
                form: NumberForm::Memory,
                ..
            },
        ) => {
            vec![memory_text(*number).into()]
        }
        _ => vec![value.to_text(row)],
    }
}

/// An amount of memory with the largest unit that leaves no remainder.
pub(super) fn memory_text(bytes: i128) -> String {
    const UNITS: [(i128, &str); 3] = [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    let fits = |unit: &&(i128, &str)| bytes != 0 && bytes % unit.0 == 0;
    match UNITS.iter().find(fits) {
        Some((size, unit)) => format!("{}{unit}", bytes / size),
        None => bytes.to_string(),
    }
}
