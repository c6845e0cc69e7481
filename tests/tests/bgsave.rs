//! BGSAVE CANCEL: a save that runs is given up.

use towline_tests::server::{Kind, Server};
use towline_tests::wait;

fn persistence(server: &Server, field: &str) -> String {
    server.info("persistence").get(field).to_owned()
}

#[test]
fn a_save_that_is_cancelled_leaves_nothing() {
    let server = Server::new(Kind::Towline);
    let mut client = server.client();
    server.ok("DEBUG POPULATE 10000");
    server.ok("CONFIG SET rdb-key-save-delay 10000");
    server.ok("BGSAVE");
    wait::until("the save runs", || {
        persistence(&server, "rdb_bgsave_in_progress") == "1"
    });
    let cancelled = client.ok("BGSAVE CANCEL").text();
    assert_eq!(cancelled, "Background saving cancelled");
    wait::until("no save runs", || {
        persistence(&server, "rdb_bgsave_in_progress") == "0"
    });
    assert_eq!(persistence(&server, "rdb_saves"), "0");
    assert_eq!(persistence(&server, "rdb_last_bgsave_status"), "ok");
    let files = std::fs::read_dir(server.dir()).expect("it is there");
    let names = files.map(|file| file.expect("an entry").file_name());
    let names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let snapshot = names.iter().find(|name| name.ends_with(".rdb"));
    assert_eq!(snapshot, None);
    assert_eq!(
        client.cmd("BGSAVE CANCEL").to_string(),
        "-ERR Background saving is currently not in progress or scheduled"
    );
    server.ok("CONFIG SET rdb-key-save-delay 0");
    server.ok("SAVE");
    assert_eq!(persistence(&server, "rdb_saves"), "1");
}
