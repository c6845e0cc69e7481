//! COMMAND and CONFIG as a client sees them.

use crate::testing::TestEngine;

fn run(line: &str) -> String {
    TestEngine::new().run(line)
}

#[test]
fn info_describes_a_command_for_clients() {
    let get = "*10 $3 get :2 *2 +readonly +fast :1 :1 :1 *3 +@read +@string +@fast *0 *1 *6 \
               $5 flags *2 +RO +access $12 begin_search *4 $4 type $5 index $4 spec *2 $5 index :1 \
               $9 find_keys *4 $4 type $5 range $4 spec *6 $7 lastkey :0 $7 keystep :1 $5 limit :0 *0";
    assert_eq!(
        run("COMMAND INFO Get nosuch get|x"),
        format!("*3 {get} $-1 $-1")
    );
    let config_get = "*10 $10 config|get :-3 *4 +admin +noscript +loading +stale :0 :0 :0 \
                      *3 +@admin +@slow +@dangerous *0 *0 *0";
    assert_eq!(run("command info CONFIG|GET"), format!("*1 {config_get}"));
}

#[test]
fn all_commands_are_described_without_a_name() {
    let mut engine = TestEngine::new();
    let count = engine.run("COMMAND COUNT").replace(':', "*");
    for line in ["COMMAND", "COMMAND INFO"] {
        assert!(engine.run(line).starts_with(&format!("{count} ")), "{line}");
    }
    let names = engine.run("COMMAND LIST");
    assert!(
        names.contains(" get ") && names.contains(" config|get "),
        "{names}"
    );
}

#[test]
fn docs_describe_arguments() {
    let docs = run("COMMAND DOCS getex nosuch");
    assert!(docs.starts_with("*2 $5 getex *10 $7 summary "), "{docs}");
    let arguments = "$9 arguments *2 *8 $4 name $3 key $4 type $3 key $12 display_text $3 key \
                     $14 key_spec_index :0 *8 $4 name $10 expiration $4 type $5 oneof $5 flags *1 +optional \
                     $9 arguments *5 *8 $4 name $7 seconds $4 type $7 integer $12 display_text $7 seconds $5 token $2 EX";
    assert!(docs.contains(arguments), "{docs}");
    let container = run("COMMAND DOCS config");
    assert!(
        container.contains("$11 subcommands *10 $10 config|get *10 "),
        "{container}"
    );
}

#[test]
fn lists_are_filtered() {
    let cases = [
        (
            "PATTERN CONFIG|re*",
            "*2 $16 config|resetstat $14 config|rewrite",
        ),
        ("PATTERN getex", "*1 $5 getex"),
        ("ACLCAT NoSuch", "*0"),
        ("MODULE x", "*0"),
        ("X x", "-ERR syntax error"),
        ("ACLCAT", "-ERR syntax error"),
    ];
    for (filter, reply) in cases {
        assert_eq!(run(&format!("COMMAND LIST FILTERBY {filter}")), reply);
    }
    assert!(run("COMMAND LIST FILTERBY ACLCAT string").contains("$6 append"));
    assert!(!run("COMMAND LIST FILTERBY ACLCAT string").contains("config"));
}

#[test]
fn keys_of_a_call() {
    let cases = [
        ("GETKEYS mset a 1 b 2", "*2 $1 a $1 b"),
        (
            "GETKEYS get",
            "-ERR Invalid number of arguments specified for command",
        ),
        ("GETKEYS nosuch a", "-ERR Invalid command specified"),
        ("GETKEYS config x", "-ERR Invalid command specified"),
        (
            "GETKEYS config get x",
            "-ERR The command has no key arguments",
        ),
        (
            "GETKEYSANDFLAGS set k v get",
            "*1 *2 $1 k *3 +RW +access +update",
        ),
        ("GETKEYSANDFLAGS set k v", "*1 *2 $1 k *2 +OW +update"),
        (
            "GETKEYS",
            "-ERR wrong number of arguments for 'command|getkeys' command",
        ),
        (
            "COUNT x",
            "-ERR wrong number of arguments for 'command|count' command",
        ),
        ("NOPE", "-ERR unknown subcommand 'NOPE'. Try COMMAND HELP."),
    ];
    for (line, reply) in cases {
        assert_eq!(run(&format!("COMMAND {line}")), reply, "{line}");
    }
}

#[test]
fn directives_are_read_and_set() {
    let mut engine = TestEngine::new();
    assert_eq!(engine.run("CONFIG SET timeout 5 hz 20"), "+OK");
    assert_eq!(
        engine.run("CONFIG GET timeout h?"),
        "*4 $7 timeout $1 5 $2 hz $2 20"
    );
    assert_eq!(engine.engine.server.config.timeout_s, 5);
    assert_eq!(
        engine.run("CONFIG SET hz"),
        "-ERR wrong number of arguments for 'config|set' command"
    );
    assert_eq!(engine.run("CONFIG SET hz 1 x"), "-ERR syntax error");
    let protected =
        "-ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config";
    assert_eq!(engine.run("CONFIG SET dir /"), protected);
    assert_eq!(
        engine.run("CONFIG REWRITE"),
        "-ERR The server is running without a config file"
    );
    assert!(
        engine
            .run("CONFIG HELP")
            .starts_with("*11 +CONFIG <subcommand>")
    );
}

/// An engine without a process follows nobody.
#[test]
fn what_the_host_cannot_do_is_taken_back() {
    let mut engine = TestEngine::new();
    let reply = engine.run("CONFIG SET hz 20 slaveof \"h 1\"");
    let error = "-ERR CONFIG SET failed (possibly related to argument 'replicaof') - ";
    assert!(reply.starts_with(error), "{reply}");
    assert_eq!(engine.run("CONFIG GET hz"), "*2 $2 hz $2 10");
    assert_eq!(engine.engine.server.config.replicaof, None);
}

#[test]
fn counters_are_reset() {
    let mut engine = TestEngine::new();
    engine.run("GET nosuch");
    engine.run("NOSUCH");
    assert_eq!(
        (
            engine.engine.server.stats.commands_processed,
            engine.engine.key_stats().misses
        ),
        (1, 1)
    );
    assert_eq!(engine.run("CONFIG RESETSTAT"), "+OK");
    let stats = &engine.engine.server.stats;
    assert_eq!(
        (
            stats.commands_processed,
            stats.error_replies,
            stats.errors.len()
        ),
        (1, 0, 0)
    );
    assert_eq!(engine.engine.key_stats().misses, 0);
}
