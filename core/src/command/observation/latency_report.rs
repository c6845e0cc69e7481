//! LATENCY GRAPH and DOCTOR: the samples of the latency monitor for people to read.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::latency::{LatencyMonitor, Sample, Series};

/// Samples side by side in a graph.
const GRAPH_COLUMNS: usize = 80;
/// Lines that the bars of a graph may take.
const GRAPH_LINES: usize = 4;
/// The top of a bar, by how much of its line it fills.
const TOPS: [u8; 3] = *b"_o#";
/// How tall the tallest bar is: three heights a line.
const HEIGHT_MAX: u64 = (GRAPH_LINES * TOPS.len()) as u64;

pub(super) fn latency_graph(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let now_s = ctx.now_ms() / 1000;
    let event = String::from_utf8_lossy(args[2]);
    let Some(series) = ctx.server.latency.find(args[2]) else {
        return Err(CommandError::text(format!(
            "ERR No samples available for event '{event}'"
        )));
    };
    let graph = graph(&event, series, now_s);
    ctx.reply.verbatim(*b"txt", graph.as_bytes());
    Ok(())
}

/// ```text
/// command - high 50 ms, low 11 ms (all time high 50 ms)
/// --------------------------------------------------------------------------------
///   #        each sample a column, oldest first; between the lowest sample and the
///   |        highest there are three heights a line
/// # |
/// |#|_
///
/// 4321       how long ago, downwards
/// ssss
/// ```
fn graph(event: &str, series: &Series, now_s: i64) -> String {
    let samples: Vec<Sample> = series.samples().copied().collect();
    let took = || samples.iter().map(|sample| sample.took_ms);
    let high = took().max().unwrap_or(0);
    let low = took().min().unwrap_or(0);
    let all_time = series.max_ms();
    let mut text = format!(
        "{event} - high {high} ms, low {low} ms (all time high {all_time} ms)\n{}\n",
        "-".repeat(GRAPH_COLUMNS)
    );
    for (index, part) in samples.chunks(GRAPH_COLUMNS).enumerate() {
        if index > 0 {
            text.push('\n');
        }
        draw(&mut text, part, (low, high), now_s);
    }
    text
}

fn draw(text: &mut String, samples: &[Sample], (low, high): (u64, u64), now_s: i64) {
    let range = (high - low).max(1);
    let heights: Vec<usize> = samples
        .iter()
        .map(|sample| (sample.took_ms - low) * HEIGHT_MAX / range)
        .map(|height| usize::try_from(height.min(HEIGHT_MAX - 1)).expect("it is small"))
        .collect();
    for line in (0..GRAPH_LINES).rev() {
        let bottom = line * TOPS.len();
        let cell = |height: &usize| match height.checked_sub(bottom) {
            None => ' ',
            Some(above) => TOPS.get(above).map_or('|', |top| char::from(*top)),
        };
        text.extend(heights.iter().map(cell));
        text.push('\n');
    }
    text.extend(samples.iter().map(|_| ' '));
    text.push('\n');
    let labels: Vec<String> = samples.iter().map(|s| ago(now_s - s.time_s)).collect();
    let longest = labels.iter().map(String::len).max().unwrap_or(0);
    for line in 0..longest {
        let letter = |label: &String| label.as_bytes().get(line).map_or(' ', |b| char::from(*b));
        text.extend(labels.iter().map(letter));
        text.push('\n');
    }
}

/// A time in its largest unit.
fn ago(seconds: i64) -> String {
    match seconds {
        ..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m", seconds / 60),
        3600..=86_399 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

pub(super) fn latency_doctor(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let report = if ctx.server.config.latency_monitor_threshold_ms == 0 {
        "The latency monitor is off. \"CONFIG SET latency-monitor-threshold <milliseconds>\" \
         turns it on.\n"
            .to_owned()
    } else {
        let now_s = ctx.now_ms() / 1000;
        report(&ctx.server.latency, now_s)
    };
    ctx.reply.verbatim(*b"txt", report.as_bytes());
    Ok(())
}

fn report(monitor: &LatencyMonitor, now_s: i64) -> String {
    let events = monitor.events();
    if events.len() == 0 {
        return "No delay was observed since the latency monitor was turned on or reset.\n"
            .to_owned();
    }
    let mut text = "Delays were observed:\n\n".to_owned();
    let mut advice = String::new();
    for (index, (event, series)) in events.enumerate() {
        let number = index + 1;
        text += &format!("{number}. {event}: {}\n", describe(series, now_s));
        advice += advice_on(event);
    }
    format!("{text}\nWhat may help:\n\n{advice}")
}

fn describe(series: &Series, now_s: i64) -> String {
    let took: Vec<u64> = series.samples().map(|sample| sample.took_ms).collect();
    let count = took.len() as u64;
    let average = took.iter().sum::<u64>() / count;
    let deviation = took.iter().map(|ms| ms.abs_diff(average)).sum::<u64>() / count;
    let first_s = series.samples().next().map_or(now_s, |s| s.time_s);
    let period_s = (now_s - first_s) as f64 / count as f64;
    let worst = series.max_ms();
    format!(
        "{count} latency spikes (average {average}ms, mean deviation {deviation}ms, period \
         {period_s:.2} sec). Worst all time event {worst}ms."
    )
}

/// What the events that the monitor notes may come from.
fn advice_on(event: &str) -> &'static str {
    match event {
        "command" => {
            "- Some commands are slow: SLOWLOG GET names them and their arguments. What reads or \
             deletes a large key takes as long as it has elements; SCAN and its like take it \
             in pieces.\n"
        }
        "fast-command" => {
            "- Commands that are fast by nature were slow, so that something else kept the \
             process: other processes on the machine, memory that is swapped out, a virtual \
             machine that is stopped.\n"
        }
        "expire-cycle" => {
            "- Many keys expire at the same time: spread their times, or set \
             active-expire-effort lower.\n"
        }
        _ => "",
    }
}
