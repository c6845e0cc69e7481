//! The row of the directive table: what a directive of redis.conf is called,
//! which values it takes, and what becomes of it here.

use super::special::Special;

/// The largest `int`, the bound of many directives.
pub(super) const INT: i128 = i32::MAX as i128;
/// The largest `unsigned int`.
pub(super) const UINT: i128 = u32::MAX as i128;
/// The largest `long`.
pub(super) const LONG: i128 = i64::MAX as i128;
/// The largest `unsigned long`.
pub(super) const ULONG: i128 = u64::MAX as i128;
/// The largest TCP port.
pub(super) const PORT: i128 = u16::MAX as i128;
/// A mebibyte.
pub(super) const MIB: i128 = 1 << 20;

/// How the number of a directive is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberForm {
    /// Decimal digits.
    Decimal,
    /// Octal digits.
    Octal,
    /// Decimal digits and a unit.
    Memory,
    /// As [`NumberForm::Memory`], or a percentage, kept as a negative number.
    MemoryOrPercent,
}

/// Which values a directive takes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `yes` or `no`.
    Boolean {
        /// The value of a server without a configuration.
        default: bool,
    },
    /// A whole number.
    Number {
        /// The value of a server without a configuration.
        default: i128,
        /// The smallest value.
        min: i128,
        /// The largest value.
        max: i128,
        /// How it is written.
        form: NumberForm,
    },
    /// One of a few words, in any case.
    Choice {
        /// The value of a server without a configuration.
        default: &'static str,
        /// The words in the order in which errors list them.
        words: &'static [&'static str],
    },
    /// Any text that passes the check.
    Text {
        /// The value of a server without a configuration.
        default: &'static str,
        /// Says what is wrong with a text.
        check: fn(&[u8]) -> Result<(), &'static str>,
    },
    /// Several words with a grammar of their own.
    Special {
        /// The value of a server without a configuration.
        default: &'static str,
        /// The grammar.
        grammar: &'static Special,
    },
}

/// What becomes of a directive here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does what it says.
    Live,
    /// It is accepted and kept, and changes nothing a client could rely on.
    Cosmetic,
    /// It promises what is not built: any value but the default is an error.
    Refused,
}

/// One directive.
#[derive(Debug, Clone, Copy)]
pub struct Directive {
    /// The name, under which it is also rewritten.
    pub name: &'static str,
    /// The other name.
    pub alias: Option<&'static str>,
    /// Its values.
    pub kind: Kind,
    /// What becomes of it.
    pub status: Status,
    /// It can be set only before the server starts.
    pub immutable: bool,
    /// CONFIG SET needs enable-protected-configs.
    pub protected: bool,
    /// Its value must not be logged.
    pub sensitive: bool,
    /// CONFIG GET with a pattern leaves it out.
    pub hidden: bool,
    /// CONFIG SET is refused while a dataset is being loaded.
    pub denied_while_loading: bool,
    /// A number outside of these bounds is moved to the nearer one.
    pub clamp: Option<(i128, i128)>,
}

const fn directive(name: &'static str, kind: Kind) -> Directive {
    Directive {
        name,
        alias: None,
        kind,
        status: Status::Live,
        immutable: false,
        protected: false,
        sensitive: false,
        hidden: false,
        denied_while_loading: false,
        clamp: None,
    }
}

/// A directive that is `yes` or `no`.
pub(super) const fn boolean(name: &'static str, default: bool) -> Directive {
    directive(name, Kind::Boolean { default })
}

const fn number(
    name: &'static str,
    default: i128,
    min: i128,
    max: i128,
    form: NumberForm,
) -> Directive {
    directive(
        name,
        Kind::Number {
            default,
            min,
            max,
            form,
        },
    )
}

/// A whole number.
pub(super) const fn int(name: &'static str, default: i128, min: i128, max: i128) -> Directive {
    number(name, default, min, max, NumberForm::Decimal)
}

/// A number in octal digits.
pub(super) const fn octal(name: &'static str, default: i128, min: i128, max: i128) -> Directive {
    number(name, default, min, max, NumberForm::Octal)
}

/// An amount of memory.
pub(super) const fn memory(name: &'static str, default: i128, min: i128, max: i128) -> Directive {
    number(name, default, min, max, NumberForm::Memory)
}

/// An amount of memory, or a percentage of all there is.
pub(super) const fn percent_memory(
    name: &'static str,
    default: i128,
    min: i128,
    max: i128,
) -> Directive {
    number(name, default, min, max, NumberForm::MemoryOrPercent)
}

/// One of a few words.
pub(super) const fn choice(
    name: &'static str,
    default: &'static str,
    words: &'static [&'static str],
) -> Directive {
    directive(name, Kind::Choice { default, words })
}

/// Any text.
pub(super) const fn text(name: &'static str, default: &'static str) -> Directive {
    checked_text(name, default, super::check::anything)
}

/// A text that must pass `check`.
pub(super) const fn checked_text(
    name: &'static str,
    default: &'static str,
    check: fn(&[u8]) -> Result<(), &'static str>,
) -> Directive {
    directive(name, Kind::Text { default, check })
}

/// Words with a grammar of their own.
pub(super) const fn special(
    name: &'static str,
    default: &'static str,
    grammar: &'static Special,
) -> Directive {
    directive(name, Kind::Special { default, grammar })
}

impl Directive {
    /// Whether this is one of its names, in any case.
    pub fn is_called(&self, name: &[u8]) -> bool {
        let same = |own: &str| own.as_bytes().eq_ignore_ascii_case(name);
        same(self.name) || self.alias.is_some_and(same)
    }

    /// Whether it takes several words.
    pub const fn takes_words(&self) -> bool {
        matches!(self.kind, Kind::Special { grammar, .. } if grammar.many)
    }

    pub(super) const fn alias(mut self, name: &'static str) -> Directive {
        self.alias = Some(name);
        self
    }

    pub(super) const fn cosmetic(mut self) -> Directive {
        self.status = Status::Cosmetic;
        self
    }

    pub(super) const fn refused(mut self) -> Directive {
        self.status = Status::Refused;
        self
    }

    pub(super) const fn immutable(mut self) -> Directive {
        self.immutable = true;
        self
    }

    pub(super) const fn protected(mut self) -> Directive {
        self.protected = true;
        self
    }

    pub(super) const fn sensitive(mut self) -> Directive {
        self.sensitive = true;
        self
    }

    pub(super) const fn hidden(mut self) -> Directive {
        self.hidden = true;
        self
    }

    pub(super) const fn denied_while_loading(mut self) -> Directive {
        self.denied_while_loading = true;
        self
    }

    pub(super) const fn clamped(mut self, min: i128, max: i128) -> Directive {
        self.clamp = Some((min, max));
        self
    }
}
