//! Storage that is not compiled in unless it is asked for: an object store, against a
//! real S3 server, and snapshots of a server in one and in a redb database.

use futures::executor::block_on;
use towline_core::seams::{Storage, StorageError};
use towline_persist::storage::{ObjectStorage, conformance};
use towline_tests::resp::Value;
use towline_tests::s3::{BUCKET, S3Server};
use towline_tests::server::{Kind, Server, Setup};

fn open(server: &S3Server, prefix: &str) -> Result<ObjectStorage, StorageError> {
    let settings = server.settings();
    let settings = settings.map(|(name, value)| (name.to_lowercase(), value));
    let settings = settings.iter().map(|(name, value)| (&**name, &**value));
    block_on(ObjectStorage::open_url(
        &format!("s3://{BUCKET}/{prefix}"),
        settings,
    ))
}

#[test]
fn an_s3_server_keeps_the_obligations() {
    let server = S3Server::new();
    let storage = open(&server, "suite").expect("it answers");
    block_on(conformance::run(&storage));
    block_on(storage.sync("large")).expect("it answers");
    block_on(storage.sync_dir()).expect("it answers");
    let again = open(&server, "suite").expect("it answers");
    assert_eq!(block_on(again.list()), block_on(storage.list()));
    assert_eq!(block_on(again.len("large")), Ok(2_000_006));
    let elsewhere = open(&server, "elsewhere").expect("it answers");
    assert_eq!(block_on(elsewhere.list()), Ok(vec![]));
}

#[test]
fn a_process_that_was_overtaken_is_told() {
    let server = S3Server::new();
    let first = open(&server, "shared").expect("it answers");
    let second = open(&server, "shared").expect("it answers");
    block_on(async {
        second.create("a").await.expect("no request");
        second.sync_dir().await.expect("nobody was faster");
        first.create("b").await.expect("no request");
        let refused = first.sync_dir().await.expect_err("another was faster");
        assert!(refused.to_string().contains("another process"), "{refused}");
    });
}

#[test]
fn a_server_that_is_gone_is_an_error_and_costs_no_data() {
    let server = S3Server::new();
    let storage = open(&server, "gone").expect("it answers");
    block_on(storage.create("f")).expect("no request");
    block_on(storage.append("f", b"kept".to_vec())).expect("no request");
    server.end();
    let failed = block_on(storage.sync("f"));
    assert!(
        matches!(failed, Err(StorageError::Backend { .. })),
        "{failed:?}"
    );
    let poisoned = block_on(storage.append("f", b"x".to_vec()));
    assert!(
        matches!(poisoned, Err(StorageError::Poisoned { .. })),
        "{poisoned:?}"
    );
    assert_eq!(block_on(storage.read("f", 0, 9)), Ok(b"kept".to_vec()));
}

/// Saves, comes back from what was saved, and leaves no file in its directory.
fn saves_and_comes_back(mut server: Server) {
    for line in ["SET k v", "RPUSH l a b c", "SAVE", "SET k w", "BGSAVE"] {
        server.ok(line);
    }
    towline_tests::wait::until("it is saved", || {
        server.info("persistence").get("rdb_bgsave_in_progress") == "0"
    });
    assert_eq!(
        server.info("persistence").get("rdb_last_bgsave_status"),
        "ok"
    );
    let digest = server.ok("DEBUG DIGEST");
    server.crash_and_restart();
    assert_eq!(server.ok("DBSIZE"), Value::Int(2));
    assert_eq!(server.ok("DEBUG DIGEST"), digest);
    assert!(!server.dir().join("dump.rdb").exists());
    let refused = server.client().cmd("DEBUG RELOAD NOSAVE").to_string();
    assert!(refused.contains("snapshot-storage"), "{refused}");
}

#[test]
fn a_servers_snapshots_are_kept_in_an_object_store() {
    let s3 = S3Server::new();
    let mut setup =
        Setup::new(Kind::Towline).line(format!("snapshot-storage s3://{BUCKET}/node/1"));
    for (name, value) in s3.settings() {
        setup = setup.variable(name, value);
    }
    saves_and_comes_back(setup.clone().start());
    let storage = open(&s3, "node/1").expect("it answers");
    assert_eq!(block_on(storage.list()), Ok(vec!["dump.rdb".to_owned()]));
    let head = block_on(storage.read("dump.rdb", 0, 5));
    assert_eq!(head, Ok(b"REDIS".to_vec()));
}

#[test]
fn a_servers_snapshots_are_kept_in_a_database() {
    let setup = Setup::new(Kind::Towline).line("snapshot-storage redb:snapshots.redb");
    saves_and_comes_back(setup.start());
}
