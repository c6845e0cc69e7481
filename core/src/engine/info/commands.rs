//! Sections commandstats, latencystats and errorstats.

use super::Source;
use super::fields::Fields;
use crate::engine::stats::CommandStats;
use crate::text::double::write_f64;

/// Name and counters of each command, subcommands as `container|subcommand`.
fn each<'a>(source: &'a Source<'_>) -> impl Iterator<Item = (&'static str, &'a CommandStats)> {
    let rows = source.server.table.rows().iter();
    rows.map(|row| row.name).zip(&source.server.command_stats)
}

pub(super) fn commandstats(out: &mut Fields, source: &Source<'_>) {
    for (name, stats) in each(source) {
        let CommandStats {
            calls,
            rejected_calls,
            failed_calls,
            ..
        } = stats;
        if calls + rejected_calls + failed_calls == 0 {
            continue;
        }
        let usec = stats.nanos / 1000;
        let mean = if *calls == 0 {
            0.0
        } else {
            stats.nanos as f64 / 1000.0 / *calls as f64
        };
        out.put(
            format_args!("cmdstat_{name}"),
            format_args!(
                "calls={calls},usec={usec},usec_per_call={mean:.2},\
                 rejected_calls={rejected_calls},failed_calls={failed_calls}"
            ),
        );
    }
}

pub(super) fn latencystats(out: &mut Fields, source: &Source<'_>) {
    let percentiles = &source.server.config.latency_tracking_info_percentiles;
    for (name, stats) in each(source) {
        if stats.latency.count() == 0 {
            continue;
        }
        let shown = percentiles.iter().map(|percent| {
            let mut text = b"p".to_vec();
            write_f64(&mut text, *percent);
            let usec = stats.latency.percentile(*percent) as f64 / 1000.0;
            format!("{}={usec:.3}", String::from_utf8_lossy(&text))
        });
        let shown: Vec<String> = shown.collect();
        out.put(
            format_args!("latency_percentiles_usec_{name}"),
            shown.join(","),
        );
    }
}

pub(super) fn errorstats(out: &mut Fields, source: &Source<'_>) {
    let mut errors: Vec<_> = source.server.stats.errors.iter().collect();
    errors.sort_unstable();
    for (code, count) in errors {
        out.put(
            format_args!("errorstat_{code}"),
            format_args!("count={count}"),
        );
    }
}
