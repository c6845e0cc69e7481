//! The instantaneous figures of INFO: the mean of sixteen samples taken by the cron.

const SAMPLES: usize = 16;

/// A counter sampled at intervals.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    last_value: u64,
    last_ms: i64,
    samples: [u64; SAMPLES],
    next: usize,
}

impl Rate {
    /// Notes the counter's value at a moment.
    pub const fn sample(&mut self, value: u64, now_ms: i64) {
        let elapsed = now_ms - self.last_ms;
        if elapsed <= 0 {
            return;
        }
        if self.last_ms != 0 {
            let gained = value.saturating_sub(self.last_value);
            self.samples[self.next] = gained * 1000 / elapsed.cast_unsigned();
            self.next = (self.next + 1) % SAMPLES;
        }
        (self.last_value, self.last_ms) = (value, now_ms);
    }

    /// The mean gain a second.
    #[must_use]
    pub fn per_second(&self) -> u64 {
        self.samples.iter().sum::<u64>() / SAMPLES as u64
    }
}

/// All sampled counters.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// Commands.
    pub commands: Rate,
    /// Bytes from clients.
    pub net_input: Rate,
    /// Bytes to clients.
    pub net_output: Rate,
    /// Stream bytes from the primary.
    pub repl_input: Rate,
    /// Bytes to replicas.
    pub repl_output: Rate,
    /// Batches.
    pub batches: Rate,
    /// Microseconds of held lock.
    pub lock_usec: Rate,
}
