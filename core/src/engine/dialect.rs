//! What is said upstream, and what a replica understands of it.
//!
//! Every server writes its own commands into the stream, and a replica of another
//! family, or of an older version, answers some of them with an error that nobody
//! sees. Where a node passes on a stream that may hold such commands, the replica gets
//! it in its [`Dialect`].

use super::client::ReplicaOptions;

/// What a replica understands, where that is not everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// The commands and the RDB of Redis 7.0: what every peer since knows.
    Redis7,
    /// Those, and expiries of hash fields as Redis 8 has them.
    Redis8,
    /// Those, and expiries of hash fields as Valkey 9 has them.
    Valkey9,
}

impl Dialect {
    /// The name in INFO and in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redis7 => "redis-7",
            Self::Redis8 => "redis-8",
            Self::Valkey9 => "valkey-9",
        }
    }

    /// Whether fields of a hash may have an expiry of their own.
    #[must_use]
    pub const fn knows_field_expiries(self) -> bool {
        !matches!(self, Self::Redis7)
    }
}

/// Whose commands the stream of this node may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Voice {
    /// Our engine's: those of Redis 7.0, and those on expiries of hash fields.
    #[default]
    Own,
    /// Those of a Redis before 7.4.
    Redis7,
    /// Those of a later Redis.
    Redis8,
    /// Those of a Valkey of this version, as `major << 16 | minor << 8`.
    Valkey(u32),
    /// Nobody told: perhaps those of all.
    Unknown,
}

/// The line of INFO in which a node of ours tells its voice.
pub const VOICE_FIELD: &str = "towline_stream_voice";

impl Voice {
    /// The name in INFO.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Own => "own".to_owned(),
            Self::Redis7 => "redis-7".to_owned(),
            Self::Redis8 => "redis-8".to_owned(),
            Self::Valkey(version) => {
                format!("valkey-{}.{}", version >> 16, (version >> 8) & 0xff)
            }
            Self::Unknown => "unknown".to_owned(),
        }
    }

    fn of_name(name: &str) -> Self {
        match name {
            "own" => Self::Own,
            "redis-7" => Self::Redis7,
            "redis-8" => Self::Redis8,
            _ => (name.strip_prefix("valkey-")).map_or(Self::Unknown, Self::of_valkey),
        }
    }

    fn of_valkey(version: &str) -> Self {
        numbers(version).map_or(Self::Unknown, |(major, minor)| {
            Self::Valkey(major << 16 | minor << 8)
        })
    }

    fn of_redis(version: &str) -> Self {
        match numbers(version) {
            Some(version) if version < (7, 4) => Self::Redis7,
            Some(_) => Self::Redis8,
            None => Self::Unknown,
        }
    }

    /// What a primary's INFO says of this. It is read a line at a time, in any order.
    #[must_use]
    pub fn of_info<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let (mut ours, mut valkey, mut redis) = (None, None, None);
        for (field, value) in lines.filter_map(|line| line.split_once(':')) {
            match field {
                VOICE_FIELD => ours = Some(Self::of_name(value)),
                "valkey_version" => valkey = Some(Self::of_valkey(value)),
                "redis_version" => redis = Some(Self::of_redis(value)),
                _ => {}
            }
        }
        ours.or(valkey).or(redis).unwrap_or(Self::Unknown)
    }

    /// The dialect in which a replica with these options has to get the stream; none
    /// where it knows all that is said. `drops` is whether what it cannot hold may be
    /// left out.
    #[must_use]
    pub fn dialect_for(self, options: &ReplicaOptions, drops: bool) -> Option<Dialect> {
        let dialect = options.dialect()?;
        let understood = match self {
            Self::Redis7 => true,
            Self::Own => dialect.knows_field_expiries() || !drops,
            Self::Redis8 => dialect == Dialect::Redis8,
            Self::Valkey(version) => options.version >= Some(version),
            Self::Unknown => false,
        };
        (!understood).then_some(dialect)
    }
}

/// The first two numbers of a version.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(info: &str) -> Voice {
        Voice::of_info(info.lines())
    }

    #[test]
    fn the_voice_is_what_info_says() {
        assert_eq!(of("redis_version:7.0.15"), Voice::Redis7);
        assert_eq!(of("redis_version:7.2.4"), Voice::Redis7);
        assert_eq!(of("redis_version:7.4.0"), Voice::Redis8);
        assert_eq!(of("redis_version:8.6.2\r\nos:Linux"), Voice::Redis8);
        let valkey = "redis_version:7.2.4\nserver_name:valkey\nvalkey_version:9.1.2";
        assert_eq!(of(valkey), Voice::Valkey(0x0009_0100));
        assert_eq!(
            of("redis_version:8.0.0\ntowline_stream_voice:own"),
            Voice::Own
        );
        assert_eq!(of("-NOPERM"), Voice::Unknown);
        for voice in [
            Voice::Own,
            Voice::Redis7,
            Voice::Redis8,
            Voice::Valkey(0x0008_0100),
            Voice::Unknown,
        ] {
            assert_eq!(Voice::of_name(&voice.name()), voice);
        }
    }

    #[test]
    fn a_replica_gets_a_dialect_where_it_may_not_know_what_is_said() {
        let redis7 = ReplicaOptions::default();
        let redis8 = ReplicaOptions {
            capa_rdb_channel: true,
            ..ReplicaOptions::default()
        };
        let valkey = |version| ReplicaOptions {
            version: Some(version),
            ..ReplicaOptions::default()
        };
        let (valkey8, valkey9) = (valkey(0x0008_0103), valkey(0x0009_0100));
        let ours = ReplicaOptions {
            capa_towline: true,
            ..valkey9.clone()
        };
        let drops = |voice: Voice, options: &ReplicaOptions| voice.dialect_for(options, true);
        let voices = [Voice::Redis8, Voice::Valkey(0x0009_0200), Voice::Unknown];
        for voice in voices {
            assert_eq!(drops(voice, &ours), None);
            assert_eq!(drops(voice, &redis7), Some(Dialect::Redis7));
            assert_eq!(drops(voice, &valkey8), Some(Dialect::Redis7));
            assert_eq!(drops(voice, &valkey9), Some(Dialect::Valkey9));
        }
        assert_eq!(drops(Voice::Redis8, &redis8), None);
        let valkey91 = Voice::Valkey(0x0009_0100);
        assert_eq!(drops(valkey91, &redis8), Some(Dialect::Redis8));
        assert_eq!(drops(valkey91, &valkey9), None);
        for options in [&redis7, &redis8, &valkey8, &valkey9] {
            assert_eq!(drops(Voice::Redis7, options), None);
            assert_eq!(Voice::Own.dialect_for(options, false), None);
        }
        assert_eq!(drops(Voice::Own, &redis7), Some(Dialect::Redis7));
        assert_eq!(drops(Voice::Own, &redis8), None);
    }
}
