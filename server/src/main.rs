//! The `towline-server` binary.

use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use towline_server::conf::cli::{Invocation, parse};
use towline_server::conf::{self, Loaded, Sources};
use towline_server::daemon;
use towline_server::memory::Counting;
use towline_server::run::{self, Launch};
use towline_server::supervisor::Supervisor;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let args: Vec<Vec<u8>> = std::env::args_os()
        .skip(1)
        .map(OsStringExt::into_vec)
        .collect();
    match parse(&args) {
        Invocation::Print(text) => say(&mut std::io::stdout(), &text, ExitCode::SUCCESS),
        Invocation::Refuse(text) => say(&mut std::io::stderr(), &text, ExitCode::FAILURE),
        Invocation::Run {
            file,
            stdin,
            options,
        } => serve(file.as_deref(), stdin, &options),
    }
}

fn say(to: &mut dyn Write, text: &str, code: ExitCode) -> ExitCode {
    // Nobody is left to tell where the standard streams are closed.
    let _ = to.write_all(text.as_bytes());
    code
}

fn serve(file: Option<&[u8]>, stdin: bool, options: &[u8]) -> ExitCode {
    match try_serve(file, stdin, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(
            &mut std::io::stderr(),
            &format!("{error}\n"),
            ExitCode::FAILURE,
        ),
    }
}

fn try_serve(file: Option<&[u8]>, stdin: bool, options: &[u8]) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    // Before there is a thread: a session is left by the whole process.
    let parent = daemon::Parent::leave().map_err(failed)?;
    let mut text = Vec::new();
    if stdin {
        std::io::stdin().read_to_end(&mut text).map_err(failed)?;
    }
    let text = stdin.then_some(&*text);
    let (loaded, config_file) = load(file, text, options)?;
    let config = &loaded.config;
    // Who supervises a server wants to see it in the process that was started.
    if config.daemonize && parent.is_none() && Supervisor::find(config.supervised).is_none() {
        return daemon::start(text);
    }
    let program = std::env::args_os().next().unwrap_or_default();
    let launch = Launch {
        program: program.to_string_lossy().into_owned(),
        config_file,
        parent,
    };
    run::run(loaded, launch)
}

fn load(
    file: Option<&[u8]>,
    stdin: Option<&[u8]>,
    options: &[u8],
) -> Result<(Loaded, String), String> {
    let table = towline_core::command::table::CommandTable::new();
    let loaded = conf::load(Sources {
        file,
        stdin,
        options,
        read: &mut conf::files::read,
        is_command: &|name| table.find(name).is_some(),
    })
    .map_err(|error| error.to_string())?;
    let path = file.map(|file| std::path::absolute(String::from_utf8_lossy(file).as_ref()));
    let path = path.transpose().map_err(|error| error.to_string())?;
    Ok((
        loaded,
        path.map_or_else(String::new, |path| path.to_string_lossy().into_owned()),
    ))
}
