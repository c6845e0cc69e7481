//! Dates of log lines. Lines are in UTC: a server's log is read beside others,
//! and the standard library knows no time zones.

use towline_core::text::date::Parts;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `23 Nov 2026 14:03:05.123` for a moment in unix milliseconds.
#[must_use]
pub(crate) fn local_time(unix_ms: i64) -> String {
    let Parts {
        year,
        month,
        day,
        hour,
        minute,
        second,
        milli,
    } = Parts::of(unix_ms);
    let month = MONTHS[month as usize - 1];
    format!("{day:02} {month} {year} {hour:02}:{minute:02}:{second:02}.{milli:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_have_their_dates() {
        assert_eq!(local_time(0), "01 Jan 1970 00:00:00.000");
        assert_eq!(local_time(951_782_400_000), "29 Feb 2000 00:00:00.000");
        assert_eq!(local_time(1_709_251_199_999), "29 Feb 2024 23:59:59.999");
        assert_eq!(local_time(1_795_445_753_407), "23 Nov 2026 14:55:53.407");
    }
}
