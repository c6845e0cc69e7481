//! A directive's value: reading, printing and the errors of both, worded as
//! Redis words them.

use super::directive::{Directive, Kind, NumberForm};
use crate::text::number;

/// A value in the form of its directive's [`Kind`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `yes` or `no`.
    Boolean(bool),
    /// A whole number; a percentage is negative.
    Number(i128),
    /// One of the directive's words.
    Choice(&'static str),
    /// Text, or words in canonical form.
    Text(Vec<u8>),
}

impl Value {
    /// The value of a server without a configuration.
    pub fn default_of(row: &Directive) -> Value {
        match row.kind {
            Kind::Boolean { default } => Value::Boolean(default),
            Kind::Number { default, .. } => Value::Number(default),
            Kind::Choice { default, .. } => Value::Choice(default),
            Kind::Text { default, .. } | Kind::Special { default, .. } => {
                Value::Text(default.into())
            }
        }
    }

    /// Reads the words given for `row`. `current` is what the directive holds;
    /// `adds` says that words of a special directive join it.
    pub(super) fn parse(
        row: &Directive,
        words: &[&[u8]],
        current: &Value,
        adds: bool,
    ) -> Result<Value, String> {
        if let Kind::Special { grammar, .. } = row.kind {
            let current = current.as_text();
            return (grammar.parse)(words, current, adds).map(Value::Text);
        }
        let [word] = *words else {
            return Err("wrong number of arguments".into());
        };
        match row.kind {
            Kind::Boolean { .. } => parse_boolean(word),
            Kind::Number { min, max, form, .. } => {
                let number = parse_number(word, form)?;
                check_bounds(number, min, max, form)?;
                let clamp = |(low, high)| number.clamp(low, high);
                Ok(Value::Number(row.clamp.map_or(number, clamp)))
            }
            Kind::Choice { words, .. } => parse_choice(word, words).map(Value::Choice),
            Kind::Text { check, .. } => {
                check(word)?;
                Ok(Value::Text(word.to_vec()))
            }
            Kind::Special { .. } => unreachable!("handled above"),
        }
    }

    /// The text that CONFIG GET shows.
    pub fn to_text(&self, row: &Directive) -> Vec<u8> {
        match (self, row.kind) {
            (Value::Boolean(yes), _) => if *yes { "yes" } else { "no" }.into(),
            (Value::Choice(word), _) => (*word).into(),
            (Value::Text(text), _) => text.clone(),
            (Value::Number(number), Kind::Number { form, .. }) => match form {
                NumberForm::Octal => format!("{number:o}").into(),
                NumberForm::MemoryOrPercent if *number < 0 => format!("{}%", -number).into(),
                _ => number.to_string().into(),
            },
            (Value::Number(number), _) => number.to_string().into(),
        }
    }

    /// The text of a text, and nothing of any other value.
    pub(super) fn as_text(&self) -> &[u8] {
        match self {
            Value::Text(text) => text,
            _ => b"",
        }
    }
}

fn parse_boolean(word: &[u8]) -> Result<Value, String> {
    match word.to_ascii_lowercase().as_slice() {
        b"yes" => Ok(Value::Boolean(true)),
        b"no" => Ok(Value::Boolean(false)),
        _ => Err("argument must be 'yes' or 'no'".into()),
    }
}

fn parse_number(word: &[u8], form: NumberForm) -> Result<i128, String> {
    let text = std::str::from_utf8(word).unwrap_or("");
    let percent = || {
        text.strip_suffix('%')?
            .parse()
            .ok()
            .filter(|n: &i128| *n >= 0)
    };
    let memory = || number::parse_memory(word).map(i128::from);
    let (number, error) = match form {
        NumberForm::Decimal => (
            number::parse_i64(word).map(i128::from),
            "argument couldn't be parsed into an integer",
        ),
        NumberForm::Octal => (
            i128::from_str_radix(text, 8).ok(),
            "argument couldn't be parsed as an octal number",
        ),
        NumberForm::Memory => (memory(), "argument must be a memory value"),
        NumberForm::MemoryOrPercent => (
            percent().map(|n| -n).or_else(memory),
            "argument must be a memory or percent value",
        ),
    };
    number.ok_or_else(|| error.into())
}

fn check_bounds(number: i128, min: i128, max: i128, form: NumberForm) -> Result<(), String> {
    if (min..=max).contains(&number) {
        return Ok(());
    }
    Err(match form {
        NumberForm::Octal => format!("argument must be between {min:o} and {max:o} inclusive"),
        NumberForm::MemoryOrPercent if number < 0 => {
            format!("percentage argument must be less or equal to {}", -min)
        }
        _ => format!("argument must be between {min} and {max} inclusive"),
    })
}

/// The word of the list that `word` is, in any case.
pub(super) fn parse_choice(
    word: &[u8],
    words: &'static [&'static str],
) -> Result<&'static str, String> {
    let is = |known: &&&str| known.as_bytes().eq_ignore_ascii_case(word);
    let one_of = || {
        format!(
            "argument(s) must be one of the following: {}",
            words.join(", ")
        )
    };
    words.iter().find(is).copied().ok_or_else(one_of)
}
