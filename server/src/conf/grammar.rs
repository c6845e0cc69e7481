//! The lines of redis.conf: blanks around them do not count, `#` starts a
//! comment, words may be quoted.

use towline_core::text::quote;

use super::error::{ConfError, Position};

/// A line with a directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it stands.
    pub(super) at: Position,
    /// The directive in lower case and its arguments.
    pub(super) words: Vec<Vec<u8>>,
}

/// The directives of a text, in order.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = Result<Line, ConfError>> {
    text.split(|byte| *byte == b'\n')
        .enumerate()
        .filter_map(|(index, line)| {
            let text = trim(line);
            match text.first() {
                None | Some(b'#') => None,
                Some(_) => Some(parse(Position {
                    line: index + 1,
                    text: text.to_vec(),
                })),
            }
        })
}

fn parse(at: Position) -> Result<Line, ConfError> {
    let Ok(mut words) = quote::split(&at.text) else {
        let reason = "Unbalanced quotes in configuration line".into();
        return Err(ConfError::Line { at, reason });
    };
    if let Some(directive) = words.first_mut() {
        directive.make_ascii_lowercase();
    }
    Ok(Line { at, words })
}

/// Without blanks, tabs and carriage returns at either end.
pub(super) fn trim(line: &[u8]) -> &[u8] {
    let inner = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    match (line.iter().position(inner), line.iter().rposition(inner)) {
        (Some(first), Some(last)) => &line[first..=last],
        _ => &[],
    }
}
