//! A scanner for Rust sources: enough of the language to find where functions begin
//! and end, and to tell code from comments and literals.

/// A function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of its `fn`, from 1.
    pub line: usize,
    /// Its lines, from the signature to the closing brace.
    pub lines: usize,
}

/// The source with the inside of comments, strings and character literals blanked.
/// Every byte keeps its place, so offsets and line numbers stay true.
pub fn code_only(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    while code.len() < bytes.len() {
        let at = code.len();
        let length = skipped_at(bytes, at);
        match length {
            0 => code.push(bytes[at]),
            _ => code.extend(bytes[at..at + length].iter().map(|byte| blank(*byte))),
        }
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// Code without the items behind `#[cfg(test)]`; takes what [`code_only`] gives.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut rest = code.to_owned();
    while let Some(begin) = rest.find(MARK) {
        let after = begin + MARK.len();
        let end = item_end(rest.as_bytes(), after);
        let blanked: String = rest[begin..end].bytes().map(|b| blank(b) as char).collect();
        rest.replace_range(begin..end, &blanked);
    }
    rest
}

/// The functions that have a body; takes what [`code_only`] gives.
pub fn functions(code: &str) -> Vec<Function> {
    let bytes = code.as_bytes();
    words(code)
        .filter(|(_, word)| *word == "fn")
        .filter_map(|(at, _)| {
            let name = words(&code[at + 2..]).next().map(|(_, name)| name)?;
            // `fn(u8)` is a type: what follows is no name, but a parenthesis.
            let gap = code[at + 2..].trim_start();
            gap.starts_with(name).then_some(())?;
            let end = item_end(bytes, at);
            (bytes[end - 1] == b'}').then(|| Function {
                name: name.to_owned(),
                line: 1 + count_lines(&code[..at]),
                lines: 1 + count_lines(&code[at..end]),
            })
        })
        .collect()
}

/// Whether `word` stands in the code as a word of its own.
pub fn has_word(code: &str, word: &str) -> bool {
    words(code).any(|(_, found)| found == word)
}

/// Words and numbers with their places.
fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
        .map(move |word| {
            let begin = at;
            // The separator may be longer than a byte only inside blanked text.
            at += word.len() + 1;
            (begin, word)
        })
        .filter(|(_, word)| !word.is_empty())
}

fn count_lines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn blank(byte: u8) -> u8 {
    if byte == b'\n' { b'\n' } else { b' ' }
}

/// The end of the item that begins at or after `from`: behind its closing brace, or
/// behind its semicolon where that comes first outside of brackets.
fn item_end(code: &[u8], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.iter().enumerate().skip(from) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The length of the comment or literal at `at`, 0 where there is none.
fn skipped_at(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let in_word = at > 0 && is_word(bytes[at - 1]);
    match rest {
        [b'/', b'/', ..] => line_comment(rest),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => string(rest, 1),
        [b'b' | b'c', b'"', ..] if !in_word => string(rest, 2),
        [b'r', b'"' | b'#', ..] if !in_word => raw_string(rest, 1),
        [b'b' | b'c', b'r', b'"' | b'#', ..] if !in_word => raw_string(rest, 2),
        [b'\'', ..] => character(rest),
        _ => 0,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn line_comment(rest: &[u8]) -> usize {
    rest.iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(rest.len())
}

/// Block comments nest.
fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// A string whose first quote is just before `at`.
fn string(rest: &[u8], mut at: usize) -> usize {
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A raw string whose hashes begin at `at`; 0 when it is a raw identifier.
fn raw_string(rest: &[u8], at: usize) -> usize {
    let hashes = rest[at..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(at + hashes) != Some(&b'"') {
        return 0;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let text = at + hashes + 1;
    rest[text..]
        .windows(end.len())
        .position(|window| window == end)
        .map_or(rest.len(), |found| text + found + end.len())
}

/// A character literal; 0 when the quote begins a lifetime.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        let close = rest.iter().skip(3).position(|byte| *byte == b'\'');
        return close.map_or(rest.len(), |found| found + 4);
    }
    // One character of up to four bytes, and then the closing quote.
    (2..=5)
        .find(|at| rest.get(*at) == Some(&b'\''))
        .filter(|at| std::str::from_utf8(&rest[1..*at]).is_ok_and(|text| text.chars().count() == 1))
        .map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::{code_only, functions, has_word, without_tests};

    fn found(source: &str) -> Vec<(String, usize, usize)> {
        functions(&code_only(source))
            .into_iter()
            .map(|function| (function.name, function.line, function.lines))
            .collect()
    }

    #[test]
    fn finds_functions_and_counts_their_lines() {
        let source = "fn a() {}\n\nimpl X {\n    fn b(\n        &self,\n    ) -> [u8; 2] {\n        x\n    }\n}\n";
        assert_eq!(found(source), [("a".into(), 1, 1), ("b".into(), 4, 5)]);
    }

    #[test]
    fn a_declaration_or_a_function_type_has_no_body() {
        assert_eq!(
            found("trait T { fn a(&self); fn b(x: [u8; 3]) -> u8; }"),
            []
        );
        assert_eq!(found("type F = fn(u8) -> u8; struct S { f: fn() }"), []);
    }

    #[test]
    fn braces_in_literals_and_comments_do_not_count() {
        let tricky = [
            "\"}\"",
            "'}'",
            "'\\''",
            "'\"'",
            "b'{'",
            "\"\\\"}\"",
            "r#\"}\"}\"#",
            "br\"}\"",
            "/* } /* } */ } */ 0",
            "// }\n0",
            "'\\u{7d}'",
            "x::<'a>('}')",
            "'é'",
        ];
        for literal in tricky {
            let source = format!("fn a<'a>() {{\n{literal}\n}}\nfn b() {{}}\n");
            let names: Vec<String> = found(&source).into_iter().map(|f| f.0).collect();
            assert_eq!(names, ["a", "b"], "{literal}");
        }
    }

    #[test]
    fn words_in_text_are_no_code() {
        let code = code_only("// unsafe\nlet s = \"unsafe\"; let r#unsafe_code = 1; unsafely();");
        assert!(!has_word(&code, "unsafe"));
        assert!(has_word(&code_only("unsafe { x() }"), "unsafe"));
    }

    #[test]
    fn test_modules_are_taken_out() {
        let source =
            "use a;\n#[cfg(test)]\nmod tests {\n    use b;\n}\n#[cfg(test)]\nuse c;\nuse d;\n";
        let code = without_tests(&code_only(source));
        assert!(has_word(&code, "a") && has_word(&code, "d"));
        assert!(!has_word(&code, "b") && !has_word(&code, "c"));
        assert_eq!(code.len(), source.len());
    }
}
