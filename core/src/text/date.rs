//! Moments as dates of UTC, and as RFC 3339 writes them. The standard library knows no
//! calendar.

use core::fmt;

const DAY_MS: i64 = 86_400_000;
/// Days from the first of March of year 0 to 1970.
const EPOCH_DAYS: i64 = 719_468;
/// Days of 400 years, after which the calendar repeats.
const ERA_DAYS: i64 = 146_097;

/// A moment in parts, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The year.
    pub year: i64,
    /// The month, from 1.
    pub month: i64,
    /// The day of the month, from 1.
    pub day: i64,
    /// The hour, up to 23.
    pub hour: i64,
    /// The minute, up to 59.
    pub minute: i64,
    /// The second, up to 59.
    pub second: i64,
    /// The millisecond, up to 999.
    pub milli: i64,
}

impl Parts {
    /// Those of a moment in unix milliseconds.
    #[must_use]
    pub const fn of(unix_ms: i64) -> Self {
        let in_day = unix_ms.rem_euclid(DAY_MS);
        let (year, month, day) = civil(unix_ms.div_euclid(DAY_MS));
        let (seconds, milli) = (in_day / 1000, in_day % 1000);
        Self {
            year,
            month,
            day,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            milli,
        }
    }
}

/// Year, month and day of a day counted from 1970. Eras of 400 years have a
/// fixed number of days, and years that start in March end with the leap day.
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + EPOCH_DAYS;
    let era = shifted.div_euclid(ERA_DAYS);
    let of_era = shifted.rem_euclid(ERA_DAYS);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month, day)
}

/// The day counted from 1970, of a date that need not be one.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - (month <= 2) as i64;
    let month_from_march = (month + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let of_era = year.rem_euclid(400);
    let in_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    year.div_euclid(400) * ERA_DAYS + in_era - EPOCH_DAYS
}

/// Shows a moment in unix milliseconds: `2026-11-23T14:55:53.407Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rfc3339(pub u64);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Parts::of(i64::try_from(self.0).unwrap_or(i64::MAX));
        let (year, month, day) = (at.year, at.month, at.day);
        write!(f, "{year:04}-{month:02}-{day:02}T")?;
        let (hour, minute, second, milli) = (at.hour, at.minute, at.second, at.milli);
        write!(f, "{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

/// Parses a moment as RFC 3339 writes it, with an offset from UTC or `Z`, to unix
/// milliseconds. What is finer is cut off; a moment before 1970 is none.
#[must_use]
pub fn parse_rfc3339(text: &[u8]) -> Option<u64> {
    let mut rest = text;
    let [year, month, day] = numbers(&mut rest, [4, 2, 2], b"-")?;
    let (b'T' | b't' | b' ', mut rest) = rest.split_first().map(|(a, b)| (*a, b))? else {
        return None;
    };
    let [hour, minute, second] = numbers(&mut rest, [2, 2, 2], b":")?;
    let milli = fraction_ms(&mut rest)?;
    let ahead_minutes = offset_minutes(rest)?;
    let day_number = days(year, month, day);
    let known = (1..=12).contains(&month) && civil(day_number) == (year, month, day);
    // A leap second is the next minute's first.
    if !known || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = (hour * 60 + minute - ahead_minutes) * 60 + second;
    u64::try_from(day_number * DAY_MS + seconds * 1000 + milli).ok()
}

/// Numbers of so many digits each, with `between` between them.
fn numbers<const N: usize>(
    text: &mut &[u8],
    digits: [usize; N],
    between: &[u8],
) -> Option<[i64; N]> {
    let mut found = [0; N];
    for (at, count) in digits.into_iter().enumerate() {
        if at > 0 {
            *text = text.strip_prefix(between)?;
        }
        let (number, rest) = text.split_at_checked(count)?;
        found[at] = number.iter().try_fold(0, |sum, digit| {
            let is_digit = digit.is_ascii_digit();
            is_digit.then(|| sum * 10 + i64::from(digit - b'0'))
        })?;
        *text = rest;
    }
    Some(found)
}

/// The milliseconds of a fraction, if there is one.
fn fraction_ms(text: &mut &[u8]) -> Option<i64> {
    let Some(rest) = text.strip_prefix(b".") else {
        return Some(0);
    };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at(count);
    *text = rest;
    let places = digits.iter().map(|digit| i64::from(digit - b'0'));
    let places = places.chain(core::iter::repeat(0)).take(3);
    (count > 0).then(|| places.fold(0, |sum, digit| sum * 10 + digit))
}

/// How far the clock that was read is ahead of UTC.
fn offset_minutes(text: &[u8]) -> Option<i64> {
    let (sign, mut rest) = match text.split_first()? {
        (b'Z' | b'z', []) => return Some(0),
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let [hours, minutes] = numbers(&mut rest, [2, 2], b":")?;
    let known = rest.is_empty() && hours < 24 && minutes < 60;
    known.then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_of_every_form_are_moments() {
        for (text, unix_ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29t00:00:00z", 951_782_400_000),
            ("2024-02-29 23:59:59.999Z", 1_709_251_199_999),
            ("2026-11-23T14:55:53.4079Z", 1_795_445_753_407),
            ("2026-11-23T14:55:53.4Z", 1_795_445_753_400),
            ("2026-11-23T16:55:53+02:00", 1_795_445_753_000),
            ("2026-11-23T09:25:53-05:30", 1_795_445_753_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ] {
            assert_eq!(parse_rfc3339(text.as_bytes()), Some(unix_ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T14:55Z",
            "2026-11-23T14:55:53",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T14:55:61Z",
            "2026-11-23T14:55:53.Z",
            "2026-11-23T14:55:53+2:00",
            "2026-11-23T14:55:53+02:00x",
            "2026-1a-23T14:55:53Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(parse_rfc3339(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(unix_ms in 0..253_402_300_800_000_u64) {
            let text = Rfc3339(unix_ms).to_string();
            prop_assert_eq!(parse_rfc3339(text.as_bytes()), Some(unix_ms), "{}", text);
        }
    }
}
