//! Saves and loads slowed down, key by key, as `rdb-key-save-delay` and
//! `key-load-delay` ask: so that tests and operators can look at one while it runs.
//! The time is spent without the engine's lock.

use core::time::Duration;
use futures::future::BoxFuture;

use crate::config::PacingSettings;
use crate::seams::Store;

/// A delay is waited for in steps of at most this: in between the directive may change,
/// and what is slowed down may be given up.
pub const DELAY_STEP: Duration = Duration::from_millis(5);

/// How long `keys` keys take at `delay_us` each; below zero at one microsecond per so
/// many keys.
#[must_use]
pub fn delay(keys: u64, delay_us: i64) -> Duration {
    let each = delay_us.unsigned_abs();
    Duration::from_micros(match delay_us {
        0 => 0,
        1.. => keys.saturating_mul(each),
        _ => keys / each,
    })
}

/// Waits for as long as loading `keys` keys is to take, by whatever timer `rest` is.
pub async fn delay_load(
    store: &dyn Store,
    keys: u64,
    rest: &(dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync),
) {
    let mut waited = Duration::ZERO;
    loop {
        let PacingSettings {
            key_load_delay_us, ..
        } = store.with(|engine, _| engine.server.config.pacing);
        let left = delay(keys, key_load_delay_us).saturating_sub(waited);
        if left.is_zero() {
            return;
        }
        let step = left.min(DELAY_STEP);
        rest(step).await;
        waited += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_for_each_key_or_for_so_many() {
        let us = Duration::from_micros;
        assert_eq!(delay(1000, 0), us(0));
        assert_eq!(delay(1000, 50), us(50_000));
        assert_eq!(delay(1000, -100), us(10));
        assert_eq!(delay(99, -100), us(0));
        assert_eq!(delay(u64::MAX, i64::MAX), us(u64::MAX));
        assert_eq!(delay(u64::MAX, i64::MIN), us(1));
    }
}
