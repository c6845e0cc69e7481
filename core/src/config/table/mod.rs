//! All directives, by subject. Ranges, words and defaults are those of Redis
//! 7.2, and of Valkey 9.1 for what only it knows.

mod cluster;
mod memory;
mod network;
mod persistence;
mod replication;
mod security;
mod server;
mod tls;

use super::directive::Directive;

const TABLES: [&[Directive]; 8] = [
    network::ROWS,
    security::ROWS,
    tls::ROWS,
    server::ROWS,
    memory::ROWS,
    persistence::ROWS,
    replication::ROWS,
    cluster::ROWS,
];

/// How many directives there are.
pub(super) const COUNT: usize = {
    let (mut count, mut table) = (0, 0);
    while table < TABLES.len() {
        count += TABLES[table].len();
        table += 1;
    }
    count
};

/// All directives; a directive's place here is its index everywhere.
pub fn directives() -> impl Iterator<Item = &'static Directive> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The directive of this name or alias, in any case, and its index.
pub fn find(name: &[u8]) -> Option<(usize, &'static Directive)> {
    directives()
        .enumerate()
        .find(|(_, row)| row.is_called(name))
}
