//! The lines of INFO.

use std::fmt::{Display, Write};

use super::absent::absent_value;

/// INFO's text as far as it is written.
#[derive(Default)]
pub(super) struct Fields {
    text: String,
}

impl Fields {
    /// A blank line parts sections.
    pub(super) fn section(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        self.line(format_args!("# {title}"));
    }

    fn line(&mut self, line: impl Display) {
        write!(self.text, "{line}\r\n").expect("a string takes all there is");
    }

    /// Any field.
    pub(super) fn put(&mut self, name: impl Display, value: impl Display) {
        self.line(format_args!("{name}:{value}"));
    }

    /// A yes or no, as 1 or 0.
    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.put(name, u8::from(value));
    }

    /// A number with two decimals.
    pub(super) fn decimal(&mut self, name: &str, value: f64) {
        self.put(name, format_args!("{value:.2}"));
    }

    /// Microseconds as seconds with six decimals.
    pub(super) fn seconds(&mut self, name: &str, usec: u64) {
        self.put(
            name,
            format_args!("{}.{:06}", usec / 1_000_000, usec % 1_000_000),
        );
    }

    /// An amount of memory, and the same for people.
    pub(super) fn bytes(&mut self, name: &str, bytes: u64) {
        self.put(name, bytes);
        self.put(format_args!("{name}_human"), human(bytes));
    }

    /// How two amounts compare: their ratio, and how much `more` is more.
    pub(super) fn compared(&mut self, name: &str, more: u64, less: u64) {
        let ratio = if less == 0 {
            0.0
        } else {
            more as f64 / less as f64
        };
        self.decimal(&format!("{name}_ratio"), ratio);
        self.put(
            format_args!("{name}_bytes"),
            i128::from(more) - i128::from(less),
        );
    }

    /// A field for what this server does not have.
    pub(super) fn absent(&mut self, name: &'static str) {
        self.put(name, absent_value(name));
    }

    /// Several of them.
    pub(super) fn all_absent(&mut self, names: &[&'static str]) {
        for name in names {
            self.absent(name);
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// An amount of memory with a unit of its size.
pub(super) fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let power = (bytes.ilog2() / 10).min(5);
    let scaled = bytes as f64 / 1024_f64.powi(power.cast_signed());
    format!("{scaled:.2}{}", UNITS[power as usize - 1])
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn people_read_amounts_as_in_redis() {
        let cases = [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (31_744, "31.00K"),
            (1_073_536, "1.02M"),
            (25_276_502_016, "23.54G"),
            (1 << 62, "4096.00P"),
        ];
        for (bytes, text) in cases {
            assert_eq!(human(bytes), text);
        }
    }
}
