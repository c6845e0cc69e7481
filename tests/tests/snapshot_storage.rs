//! `snapshot-storage` of a server that has only files: it says so, and does not start.

use std::process::Command;

use towline_tests::server::{Kind, Setup};

/// What a server says that does not start with `place`.
fn refused(place: &str) -> String {
    let mut server = Setup::new(Kind::Towline).start();
    server.kill();
    let program = Kind::Towline.program();
    let mut command = Command::new(program);
    command.arg(server.config_file());
    let started = command.args(["--snapshot-storage", place]).output();
    let started = started.expect("it runs");
    assert_eq!(started.status.code(), Some(1), "{place}");
    let said = [started.stdout, started.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn what_is_not_built_in_is_refused_with_its_name() {
    for (place, feature) in [
        ("s3://bucket/prefix", "object-store"),
        ("redb:file", "redb"),
    ] {
        let said = refused(place);
        let why = format!(
            "Can't use snapshot-storage {place}: this server was built without the feature '{feature}'"
        );
        assert!(said.contains(&why), "{said}");
    }
}

#[test]
fn what_is_no_place_is_refused() {
    let said = refused("ftp://somewhere");
    assert!(
        said.contains("argument must be s3://BUCKET/PREFIX"),
        "{said}"
    );
}
