//! The commands of a log run as those of a primary's stream: nothing expires by the
//! clock, nothing is refused, and nobody is answered.

use towline_core::engine::client::ClientFlags;
use towline_core::engine::{ClientId, Engine, Peer};
use towline_core::seams::Host;

use crate::host::unix_ms;

/// Who runs the commands of a log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogClient(ClientId);

/// How a command went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// As it did when it was written, or it is none that changes a dataset.
    Well,
    /// With an error.
    Failed,
}

impl LogClient {
    /// One that has run nothing yet.
    pub(crate) fn connect(engine: &mut Engine) -> Self {
        let client = engine.connect(Peer::default(), unix_ms());
        let entry = engine.server.clients.get_mut(client);
        let entry = entry.expect("it was just connected");
        entry.flags.insert(ClientFlags::PRIMARY);
        entry.authenticated = true;
        Self(client)
    }

    /// A transaction that was not complete is forgotten.
    pub(crate) fn close(self, engine: &mut Engine) {
        engine.disconnect(self.0);
    }

    /// Runs a command.
    ///
    /// # Errors
    /// Where there is no such command, so that nobody knows what it would change.
    pub(crate) fn apply(
        self,
        engine: &mut Engine,
        host: &mut dyn Host,
        args: &[&[u8]],
    ) -> Result<Applied, String> {
        let publishes = [&b"publish"[..], b"spublish"];
        if publishes
            .iter()
            .any(|name| args[0].eq_ignore_ascii_case(name))
        {
            return Ok(Applied::Well);
        }
        if engine.server.table.resolve(args).is_none() {
            if let Some(source) = library(args) {
                engine.keyspace.add_function(source.to_vec());
                return Ok(Applied::Well);
            }
            let name = args[0].escape_ascii();
            return Err(format!(
                "Unknown command '{name}' reading the append only file"
            ));
        }
        let errors = engine.server.stats.error_replies;
        engine.execute(self.0, args, unix_ms(), host);
        match engine.server.stats.error_replies > errors {
            true => Ok(Applied::Failed),
            false => Ok(Applied::Well),
        }
    }
}

/// The source of a library of functions that a rewrite wrote. It is kept and written
/// again, as those in snapshots are, and not run.
fn library<'a>(args: &[&'a [u8]]) -> Option<&'a [u8]> {
    let [name, word, source] = args else {
        return None;
    };
    let loads = name.eq_ignore_ascii_case(b"function") && word.eq_ignore_ascii_case(b"load");
    loads.then_some(*source)
}
