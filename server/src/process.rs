//! Facts of this process and of the machine, as INFO shows them.

use std::fs;

use rustix::process::setpriority_process;
use rustix::thread::gettid;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use towline_core::seams::host::ProcessFacts;

use crate::memory;

/// Keeps the kernel from backing the heap with huge pages, as `disable-thp` asks.
/// Filling one with zeros takes milliseconds, in the middle of whatever command
/// touched it first.
///
/// # Errors
/// Where the kernel has no such switch.
pub(crate) fn disable_huge_pages() -> std::io::Result<()> {
    Ok(rustix::thread::disable_transparent_huge_pages(true)?)
}

/// What a thread is worth to the scheduler.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Worth {
    /// It runs where nobody else wants the processor.
    Idle,
    /// It gets so much less than the others.
    Niceness(i32),
}

/// Sets what the calling thread is worth from now on.
pub(crate) fn set_worth(worth: Worth) {
    // It is a preference: where the system refuses, this thread is like any other.
    let _refused = match worth {
        Worth::Idle => set_thread_priority_and_policy(
            thread_native_id(),
            ThreadPriority::Min,
            ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle),
        )
        .is_err(),
        Worth::Niceness(niceness) => setpriority_process(Some(gettid()), niceness).is_err(),
    };
}

/// All facts that are read anew each time.
#[must_use]
pub(crate) fn facts() -> ProcessFacts {
    let (process, thread) = (cpu_times("/proc/self/stat"), main_thread_times());
    ProcessFacts {
        pid: std::process::id(),
        rss_bytes: rss_bytes(),
        allocated_bytes: memory::allocated_bytes(),
        peak_allocated_bytes: memory::peak_bytes(),
        allocator_active_bytes: memory::allocated_bytes().max(rss_bytes()),
        total_memory_bytes: total_memory_bytes(),
        cpu_user_usec: process.0,
        cpu_sys_usec: process.1,
        main_cpu_user_usec: thread.0,
        main_cpu_sys_usec: thread.1,
        executable: path_of(std::env::current_exe()),
        os: os_name(),
        allocator: memory::ALLOCATOR,
        ..ProcessFacts::default()
    }
}

fn path_of(path: std::io::Result<std::path::PathBuf>) -> String {
    path.map_or_else(
        |_| String::new(),
        |path| path.to_string_lossy().into_owned(),
    )
}

/// Resident memory, from the second field of `statm`.
#[must_use]
pub(crate) fn rss_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = field(&statm, 1);
    pages * rustix::param::page_size() as u64
}

fn field(text: &str, index: usize) -> u64 {
    let word = text.split_whitespace().nth(index);
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn total_memory_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram as u64 * u64::from(info.mem_unit)
}

/// Time outside and inside the kernel, microseconds. The name in the second
/// field of `stat` may hold blanks, so fields are counted after its parenthesis.
fn cpu_times(path: &str) -> (u64, u64) {
    let stat = fs::read_to_string(path).unwrap_or_default();
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let tick_usec = 1_000_000 / rustix::param::clock_ticks_per_second();
    (field(rest, 11) * tick_usec, field(rest, 12) * tick_usec)
}

fn main_thread_times() -> (u64, u64) {
    cpu_times(&format!("/proc/self/task/{}/stat", std::process::id()))
}

fn os_name() -> String {
    let names = rustix::system::uname();
    format!(
        "{} {} {}",
        names.sysname().to_string_lossy(),
        names.release().to_string_lossy(),
        names.machine().to_string_lossy()
    )
}
