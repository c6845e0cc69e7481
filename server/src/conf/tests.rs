//! Whole configurations, as files and as command lines.

use std::collections::BTreeMap;
use std::io;

use towline_core::config::{Config, SetRules};

use super::cli::{Invocation, parse};
use super::files::SourceFile;
use super::{ConfError, Loaded, Sources, load, rewrite};

type Disk<'a> = BTreeMap<&'a str, &'a str>;

/// Loads `a.conf` of these files; a name that ends in `*` reads all it begins.
fn load_files(files: &[(&str, &str)], options: &[u8]) -> Result<Loaded, ConfError> {
    let disk: Disk<'_> = files.iter().copied().collect();
    let mut read = |name: &[u8]| {
        let name = std::str::from_utf8(name).expect("ASCII");
        let source = |path: &str, text: &str| SourceFile {
            path: path.into(),
            text: text.into(),
        };
        if let Some(start) = name.strip_suffix('*') {
            let matching = disk.iter().filter(|file| file.0.starts_with(start));
            return Ok(matching.map(|file| source(file.0, file.1)).collect());
        }
        let missing = || io::Error::from_raw_os_error(2);
        disk.get(name)
            .map(|text| vec![source(name, text)])
            .ok_or_else(missing)
    };
    let is_command = |name: &[u8]| [&b"get"[..], b"set", b"keys"].contains(&name);
    load(Sources {
        file: (!files.is_empty()).then_some(b"a.conf"),
        stdin: None,
        options,
        read: &mut read,
        is_command: &is_command,
    })
}

fn load_text(text: &str) -> Result<Loaded, ConfError> {
    load_files(&[("a.conf", text)], b"")
}

/// The line and the reason of an error.
fn refused(text: &str) -> (usize, String) {
    match load_text(text) {
        Err(ConfError::Line { at, reason }) => (at.line, reason),
        other => panic!("{text}: {other:?}"),
    }
}

/// What the server prints when it is started with these arguments.
fn start(args: &[&str]) -> Result<Loaded, String> {
    let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    match parse(&args) {
        Invocation::Run { options, .. } => {
            load_files(&[], &options).map_err(|error| error.to_string())
        }
        other => panic!("{other:?}"),
    }
}

fn get(config: &Config, name: &str) -> String {
    String::from_utf8(config.get(&[name.as_bytes()])[0].1.clone()).expect("ASCII")
}

#[test]
fn the_files_of_the_classic_how_to() {
    let text = "# replica\nbind 127.0.0.1 -::1\r\nprotected-mode no\n\trequirepass Sid@123  \n\
                slaveof 127.0.0.1 6379\nmasterauth \"Sid@123\"\n\nrename-command KEYS \"\"";
    let loaded = load_text(text).expect("a good file");
    let config = &loaded.config;
    assert_eq!(config.bind, [&b"127.0.0.1"[..], b"-::1"]);
    assert!(!config.protected_mode);
    assert_eq!(
        (&config.requirepass[..], &config.primary_login.password[..]),
        (&b"Sid@123"[..], &b"Sid@123"[..])
    );
    assert_eq!(get(config, "replicaof"), "127.0.0.1 6379");
    assert_eq!(loaded.renames, [(b"keys".to_vec(), Vec::new())]);
}

#[test]
fn includes_are_read_where_they_stand() {
    let files = [
        (
            "a.conf",
            "port 1\ninclude b.conf\ninclude d/*\ninclude none/*\nhz 11",
        ),
        ("b.conf", "port 2\nhz 12"),
        ("d/1", "timeout 1"),
        ("d/2", "timeout 2"),
    ];
    let config = load_files(&files, b"").expect("good files").config;
    assert_eq!((config.port, config.hz, config.timeout_s), (2, 11, 2));
    let missing = load_files(&[("a.conf", "include x.conf")], b"").expect_err("no such file");
    assert_eq!(
        missing.to_string(),
        "Fatal error, can't open config file 'x.conf': No such file or directory"
    );
    let reason = refused("include a.conf").1;
    assert_eq!(reason, "files include each other more than 16 deep");
    let names: Vec<String> = (b'a'..=b'p')
        .map(|c| format!("{}.conf", char::from(c)))
        .collect();
    let texts: Vec<String> = names
        .iter()
        .skip(1)
        .map(|next| format!("include {next}\n").repeat(2))
        .collect();
    let last = [(names[15].as_str(), "port 1")];
    let files = names
        .iter()
        .zip(&texts)
        .map(|(name, text)| (name.as_str(), text.as_str()));
    let files: Vec<_> = files.chain(last).collect();
    let error = load_files(&files, b"").expect_err("they double with each file");
    assert!(
        error
            .to_string()
            .ends_with("more than 999 files are included"),
        "{error}"
    );
}

#[test]
fn options_come_behind_the_file() {
    let config = load_files(&[("a.conf", "port 1\nsave 1 1")], b"port 2")
        .expect("good")
        .config;
    assert_eq!((config.port, get(&config, "save")), (2, "1 1".into()));
    let error =
        load_files(&[("a.conf", "port 1\nsave 1 1\n")], b"port 2\nport x").expect_err("bad");
    let ConfError::Line { at, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!((at.line, at.text), (4, b"port x".to_vec()));
}

#[test]
fn errors_name_their_line() {
    let error = load_text("port 7000\n\n  prot 7000 ").expect_err("misspelt");
    let printed = "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\n\
                   Reading the configuration file, at line 3\n>>> 'prot 7000'\n\
                   Bad directive or wrong number of arguments";
    assert_eq!(error.to_string(), printed);
    let cases = [
        ("port 1 2", "wrong number of arguments"),
        ("logfile \"a", "Unbalanced quotes in configuration line"),
        ("appendonly maybe", "argument must be 'yes' or 'no'"),
        (
            "rename-command nothing x",
            "No such command in rename-command",
        ),
        (
            "rename-command get set",
            "Target command name already exists",
        ),
        (
            "user default on",
            "this version of Towline has no support for 'user'",
        ),
        (
            "tls-port 1",
            "this version of Towline has no support for 'tls-port', its only value is '0'",
        ),
        (
            "aclfile x",
            "this version of Towline has no support for 'aclfile', leave it empty",
        ),
        ("include", "Bad directive or wrong number of arguments"),
        (
            "rename-command get",
            "Bad directive or wrong number of arguments",
        ),
    ];
    for (text, reason) in cases {
        assert_eq!(refused(text), (1, reason.to_string()), "{text}");
    }
    load_text("appendonly no\ntls-port 0\nlist-max-ziplist-entries 3")
        .expect("defaults are no promise");
}

#[test]
fn commands_can_change_places() {
    let loaded = load_text("rename-command GET x\nrename-command set GET\nrename-command x y");
    assert!(
        loaded.is_err(),
        "a renamed command has no row under its new name"
    );
    let loaded = load_text("rename-command GET x\nrename-command set GET").expect("free by then");
    assert_eq!(loaded.renames.len(), 2);
}

/// The command lines, and the texts in what is printed, that Redis's own tests
/// expect.
#[test]
fn command_lines_fail_as_in_redis() {
    let cases: [(&[&str], &str, &str); 11] = [
        (&["--port"], "'port'", "wrong number of arguments"),
        (
            &["--port", "6380", "--loglevel"],
            "'loglevel'",
            "wrong number of arguments",
        ),
        (
            &["--port", "6379", "6380"],
            r#"'port "6379" "6380"'"#,
            "wrong number of arguments",
        ),
        (
            &["--port", "--loglevel", "verbose"],
            r#"'port "--loglevel" "verbose"'"#,
            "wrong number of arguments",
        ),
        (
            &["--port", "--bla"],
            r#"'port "--bla"'"#,
            "argument couldn't be parsed into an integer",
        ),
        (
            &["--loglevel", "--my--log--file"],
            r#"'loglevel "--my--log--file"'"#,
            "argument(s) must be one of the following",
        ),
        (
            &["--shutdown-on-sigint"],
            "'shutdown-on-sigint'",
            "argument(s) must be one of the following",
        ),
        (
            &["--shutdown-on-sigint", "now force", "--shutdown-on-sigterm"],
            "'shutdown-on-sigterm'",
            "argument(s) must be one of the following",
        ),
        (
            &["--replicaof", "127.0.0.1", "abc"],
            r#"'replicaof "127.0.0.1" "abc"'"#,
            "Invalid master port",
        ),
        (
            &["--replicaof", "--127.0.0.1", "abc"],
            r#"'replicaof "--127.0.0.1" "abc"'"#,
            "Invalid master port",
        ),
        (
            &["--replicaof", "--127.0.0.1", "--abc"],
            r#"'replicaof "--127.0.0.1"'"#,
            "wrong number of arguments",
        ),
    ];
    for (args, line, reason) in cases {
        let printed = start(args).expect_err("a bad command line");
        assert!(
            printed.contains(line) && printed.contains(reason),
            "{args:?}: {printed}"
        );
    }
}

#[test]
fn command_lines_work_as_in_redis() {
    let config = |args: &[&str]| {
        start(args)
            .unwrap_or_else(|error| panic!("{args:?}: {error}"))
            .config
    };
    let one_word = config(&[
        "--proto-max-bulk-len 700mb",
        "--maxmemory-policy volatile-lru",
    ]);
    assert_eq!(get(&one_word, "proto-max-bulk-len"), "734003200");
    assert_eq!(get(&one_word, "maxmemory-policy"), "volatile-lru");
    let words = config(&[
        "--save",
        "3600",
        "1",
        "60",
        "1000",
        "--shutdown-on-sigint",
        "nosave force",
    ]);
    assert_eq!(
        (get(&words, "save"), get(&words, "shutdown-on-sigint")),
        ("3600 1 60 1000".into(), "nosave force".into())
    );
    let args: [&[&str]; 4] = [
        &["--save"],
        &["--save", ""],
        &["--save", "--port", "7"],
        &["--port", "7", "--SAVE"],
    ];
    for args in args {
        assert_eq!(get(&config(args), "save"), "", "{args:?}");
    }
    assert_eq!(config(&["--save", "--port", "7"]).port, 7);
    let dashes = config(&[
        "--proc-title-template",
        "--my--title--template",
        "--loglevel",
        "verbose",
    ]);
    assert_eq!(get(&dashes, "proc-title-template"), "--my--title--template");
    assert_eq!(get(&dashes, "loglevel"), "verbose");
    let quoted = config(&["--requirepass", "a\" b\n"]);
    assert_eq!(quoted.requirepass, b"a\" b\n");
}

#[test]
fn the_first_argument_may_be_a_file_and_a_dash_standard_input() {
    let run = |args: &[&str]| {
        let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        parse(&args)
    };
    let expected = |file: Option<&str>, stdin, options: &str| Invocation::Run {
        file: file.map(|file| file.as_bytes().to_vec()),
        stdin,
        options: options.as_bytes().to_vec(),
    };
    assert_eq!(run(&[]), expected(None, false, ""));
    assert_eq!(
        run(&["r.conf", "--port", "1"]),
        expected(Some("r.conf"), false, "port \"1\" ")
    );
    assert_eq!(run(&["-"]), expected(None, true, ""));
    assert_eq!(
        run(&["-", "--port", "1"]),
        expected(None, true, "port \"1\" ")
    );
    assert_eq!(
        run(&["r.conf", "--port", "1", "-"]),
        expected(Some("r.conf"), true, "port \"1\" ")
    );
    assert!(
        matches!(run(&["--version"]), Invocation::Print(text) if text.starts_with("Towline server v="))
    );
    assert!(matches!(run(&["-h"]), Invocation::Print(text) if text.contains("--replicaof")));
    assert!(
        matches!(run(&["--test-memory", "9"]), Invocation::Refuse(text) if text.contains("--test-memory"))
    );
}

fn rewritten(old: &str, pairs: &[&str]) -> String {
    let mut config = load_text(old).expect("a good file").config;
    let pairs: Vec<&[u8]> = pairs.iter().map(|word| word.as_bytes()).collect();
    config
        .set(&pairs, SetRules::default())
        .expect("good values");
    let text = rewrite(old.as_bytes(), &config.rewrite_entries());
    String::from_utf8(text).expect("ASCII")
}

#[test]
fn rewrite_keeps_what_it_does_not_change() {
    let old = "# mine\nport 1\n\ninclude none/*\nrename-command get x\nsave 1 1\n#port 2\nsave 2 2\nloglevel notice";
    let same = format!("{old}\n");
    assert_eq!(rewritten(old, &[]), same);
    assert_eq!(rewritten(&same, &[]), same);
    assert_eq!(rewritten("", &[]), "");
}

#[test]
fn rewrite_changes_adds_and_removes_lines() {
    let old = "save 1 1\nslaveof h 1\n# between\nsave 2 2\nport 1\nport 2\n";
    let new = rewritten(
        old,
        &["save", "9 9", "hz", "20", "requirepass", "a b", "port", "3"],
    );
    let expected = "save 9 9\nreplicaof h 1\n# between\nport 3\n# Generated by CONFIG REWRITE\nrequirepass \"a b\"\nhz 20\n";
    assert_eq!(new, expected);
    let again = rewritten(
        &new,
        &["replicaof", "", "hz", "10", "timeout", "5", "save", ""],
    );
    let expected = "save \"\"\n# between\nport 3\n# Generated by CONFIG REWRITE\nrequirepass \"a b\"\nhz 10\ntimeout 5\n";
    assert_eq!(again, expected);
}

#[test]
fn rewrite_keeps_a_primary_that_was_set() {
    let new = rewritten("port 1\n", &["slaveof", "example.org 6379"]);
    assert_eq!(
        new,
        "port 1\n# Generated by CONFIG REWRITE\nreplicaof example.org 6379\n"
    );
    let loaded = load_text(&new).expect("what was written can be read");
    assert_eq!(get(&loaded.config, "slaveof"), "example.org 6379");
}

#[test]
fn patterns_are_expanded_on_the_disk() {
    let dir = std::env::temp_dir().join(format!("towline-conf-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("sub")).expect("a temporary directory");
    for name in ["b.conf", "a.conf", "c.txt", ".h.conf", "sub/d.conf"] {
        std::fs::write(dir.join(name), name).expect("a temporary file");
    }
    let read = |pattern: &str| {
        let path = dir.join(pattern).into_os_string().into_encoded_bytes();
        let files = super::files::read(&path).map_err(|error| error.kind())?;
        Ok(files
            .into_iter()
            .map(|file| String::from_utf8(file.text).expect("ASCII"))
            .collect::<Vec<_>>())
    };
    assert_eq!(
        read("*.conf"),
        Ok(vec!["a.conf".to_string(), "b.conf".into()])
    );
    assert_eq!(read("s*/?.conf"), Ok(vec!["sub/d.conf".to_string()]));
    assert_eq!(read("none/*.conf"), Ok(vec![]));
    assert_eq!(read("c.txt"), Ok(vec!["c.txt".to_string()]));
    assert_eq!(read("none.conf"), Err(io::ErrorKind::NotFound));
    std::fs::remove_dir_all(&dir).expect("our own directory");
}
