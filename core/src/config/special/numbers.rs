//! Directives that are lists of numbers.

use super::{Special, one_line, words};
use crate::text::double::{parse_f64, write_f64};
use crate::text::number::parse_i64;

/// The grammar of `latency-tracking-info-percentiles`.
pub(in crate::config) const PERCENTILES: Special = Special {
    many: true,
    parse: parse_percentiles,
    lines: one_line,
};

/// The grammar of `oom-score-adj-values`.
pub(in crate::config) const OOM_VALUES: Special = Special {
    many: true,
    parse: parse_oom_values,
    lines: one_line,
};

fn parse_percentiles(given: &[&[u8]], _current: &[u8], _adds: bool) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let given = if matches!(given, [b""]) { &[] } else { given };
    for word in given {
        let percentile =
            parse_f64(word).ok_or("Invalid latency-tracking-info-percentiles parameters")?;
        if !(0.0..=100.0).contains(&percentile) {
            return Err(
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
                    .into(),
            );
        }
        if !text.is_empty() {
            text.push(b' ');
        }
        write_f64(&mut text, percentile);
    }
    Ok(text)
}

/// The percentiles of a canonical text.
pub(in crate::config) fn percentiles(text: &[u8]) -> Vec<f64> {
    words(text)
        .map(|word| parse_f64(word).expect("canonical text"))
        .collect()
}

/// The scores of a canonical text: of a primary, of a replica and of a process that saves.
pub(in crate::config) fn oom_values(text: &[u8]) -> [i32; 3] {
    let mut scores = words(text).map(|word| parse_i64(word).and_then(|n| i32::try_from(n).ok()));
    std::array::from_fn(|_| scores.next().flatten().expect("canonical text"))
}

fn parse_oom_values(given: &[&[u8]], _current: &[u8], _adds: bool) -> Result<Vec<u8>, String> {
    if given.len() != 3 {
        return Err("wrong number of arguments".into());
    }
    let in_range = |word: &&[u8]| parse_i64(word).is_some_and(|n| (-2000..=2000).contains(&n));
    if !given.iter().all(in_range) {
        return Err(
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.".into(),
        );
    }
    Ok(given.join(&b' '))
}
