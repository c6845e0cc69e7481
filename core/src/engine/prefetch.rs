//! Loading what a batch will look up before it looks.
//!
//! A look-up in a large table waits for memory three times. Asked for in
//! advance, the waits of a whole batch overlap.

use super::client::ClientId;
use super::machine::Engine;

impl Engine {
    /// Starts loading the entries of these keys, as far as the client's database has them.
    pub fn prefetch<'a>(&self, id: ClientId, keys: impl Iterator<Item = &'a [u8]> + Clone) {
        const AT_ONCE: usize = 64;
        let Some(client) = self.server.clients.get(id) else {
            return;
        };
        let table = self.keyspace.db(client.db).table();
        if table.is_empty() {
            return;
        }
        let mut hashes = [0; AT_ONCE];
        let mut count = 0;
        for (place, key) in hashes.iter_mut().zip(keys) {
            *place = table.seed().hash(key);
            table.prefetch(*place);
            count += 1;
        }
        for &hash in &hashes[..count] {
            table.prefetch_entries(hash);
        }
    }
}
