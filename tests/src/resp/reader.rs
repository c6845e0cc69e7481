//! Replies from bytes.

use std::io::{self, BufRead, ErrorKind, Read};

use super::Value;

/// Reads one reply.
///
/// # Errors
/// When the stream ends, times out or holds something that is no reply.
pub fn read_value(from: &mut impl BufRead) -> io::Result<Value> {
    let line = read_line(from)?;
    let (kind, rest) = line
        .split_at_checked(1)
        .ok_or_else(|| garbage("an empty line"))?;
    match kind {
        "+" => Ok(Value::Simple(rest.to_owned())),
        "-" => Ok(Value::Error(rest.to_owned())),
        ":" => Ok(Value::Int(number(rest)?)),
        "$" => bulk(from, rest),
        "*" if rest == "-1" => Ok(Value::Null),
        "*" => Ok(Value::Array(many(from, rest)?)),
        "~" => Ok(Value::Set(many(from, rest)?)),
        ">" => Ok(Value::Push(many(from, rest)?)),
        "%" => pairs(from, rest),
        "_" => Ok(Value::Null),
        "," => Ok(Value::Double(rest.to_owned())),
        "#" => Ok(Value::Bool(rest == "t")),
        "(" => Ok(Value::BigNumber(rest.to_owned())),
        "=" => verbatim(from, rest),
        _ => Err(garbage(&line)),
    }
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\r\n") {
        Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
        None if line.is_empty() => Err(ErrorKind::UnexpectedEof.into()),
        None => Err(garbage(&String::from_utf8_lossy(&line))),
    }
}

fn bulk(from: &mut impl BufRead, length: &str) -> io::Result<Value> {
    match number(length)? {
        -1 => Ok(Value::Null),
        length => Ok(Value::Bulk(exactly(from, length)?)),
    }
}

fn verbatim(from: &mut impl BufRead, length: &str) -> io::Result<Value> {
    let mut bytes = exactly(from, number(length)?)?;
    if bytes.get(3) != Some(&b':') {
        return Err(garbage("a verbatim string without its format"));
    }
    let text = bytes.split_off(4);
    Ok(Value::Verbatim(
        String::from_utf8_lossy(&bytes[..3]).into_owned(),
        text,
    ))
}

fn exactly(from: &mut impl BufRead, length: i64) -> io::Result<Vec<u8>> {
    let length = u64::try_from(length).map_err(|_| garbage("a negative length"))?;
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    let mut end = [0; 2];
    from.read_exact(&mut end)?;
    if bytes.len() as u64 == length && end == *b"\r\n" {
        Ok(bytes)
    } else {
        Err(garbage("a bulk string that does not end where it should"))
    }
}

fn many(from: &mut impl BufRead, count: &str) -> io::Result<Vec<Value>> {
    (0..number(count)?).map(|_| read_value(from)).collect()
}

fn pairs(from: &mut impl BufRead, count: &str) -> io::Result<Value> {
    let pairs: io::Result<Vec<_>> = (0..number(count)?)
        .map(|_| Ok((read_value(from)?, read_value(from)?)))
        .collect();
    Ok(Value::Map(pairs?))
}

fn number(text: &str) -> io::Result<i64> {
    text.parse().map_err(|_| garbage(text))
}

fn garbage(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("no RESP reply: {what:?}"))
}
