//! The reference tables below `tests/reference`.

use std::collections::BTreeMap;
use std::fs;

use crate::paths;

/// Commands that no peer has, and no table.
pub const OUR_COMMANDS: [&str; 1] = ["client|durability"];

/// One row: column title to cell.
pub type Row = BTreeMap<String, String>;

/// A table whose first line has the columns' titles.
///
/// # Panics
/// When the file is missing or a line has more or fewer cells than titles.
pub fn read(name: &str) -> Vec<Row> {
    let text = read_text(name);
    let mut lines = text.lines();
    let titles: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    lines.map(|line| row(name, &titles, line)).collect()
}

/// A file below `tests/reference` as text.
///
/// # Panics
/// When it is missing.
pub fn read_text(name: &str) -> String {
    let bytes = fs::read(paths::reference(name))
        .unwrap_or_else(|error| panic!("tests/reference/{name}: {error}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn row(name: &str, titles: &[&str], line: &str) -> Row {
    let cells: Vec<&str> = line.split('\t').collect();
    assert_eq!(cells.len(), titles.len(), "{name}: {line}");
    titles
        .iter()
        .zip(cells)
        .map(|(title, cell)| ((*title).to_owned(), cell.to_owned()))
        .collect()
}
