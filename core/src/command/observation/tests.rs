use crate::testing::TestEngine;

/// A line of MONITOR without its time.
fn shown(line: &str) -> String {
    let parts: Vec<&str> = line.split('+').filter(|part| !part.is_empty()).collect();
    let untimed = parts.iter().map(|part| match part.split_once(" [") {
        Some((time, rest)) if time.contains('.') => format!("[{}", rest.trim_end()),
        _ => part.trim_end().to_owned(),
    });
    untimed.collect::<Vec<_>>().join(" | ")
}

#[test]
fn a_monitor_is_shown_what_ran_and_no_secrets() {
    let mut t = TestEngine::new();
    let monitor = t.connect();
    assert_eq!(t.run_as(monitor, "monitor"), "+OK");
    assert_eq!(t.run_as(monitor, "monitor"), "", "asked for twice");
    let mut saw = |line: &str| {
        t.run(line);
        let out = t.output(monitor);
        shown(&out)
    };
    assert_eq!(saw(r#"SET k "a\x01\"""#), r#"[0 ] "SET" "k" "a\x01\"""#);
    assert_eq!(saw("auth a b"), r#"[0 ] "auth" "(redacted)" "(redacted)""#);
    assert_eq!(
        saw("hello 2 auth u p setname n"),
        r#"[0 ] "hello" "2" "auth" "(redacted)" "(redacted)" "setname" "n""#
    );
    assert_eq!(saw("config get port"), "", "for administrators only");
    assert_eq!(saw("set k"), "", "it did not run");
    assert_eq!(saw("select 3"), r#"[3 ] "select" "3""#);
    assert_eq!(saw("multi"), r#"[3 ] "multi""#);
    assert_eq!(saw("get k"), "");
    assert_eq!(saw("exec"), r#"[3 ] "get" "k" | [3 ] "exec""#);
    assert_eq!(saw("blpop none 0"), r#"[3 ] "blpop" "none" "0""#);
    let other = t.connect();
    t.run_as(other, "select 3");
    t.run_as(other, "rpush none 1");
    let out = shown(&t.output(monitor));
    assert_eq!(
        out,
        r#"[0 ] "select" "3" | [3 ] "rpush" "none" "1""#.replace("[0", "[3")
    );
    assert!(t.run_as(monitor, "ping").starts_with("+PONG +"));
    assert!(t.run_as(other, "client list").contains("flags=O"));
    t.output(monitor);
    assert_eq!(t.run_as(monitor, "reset"), "+RESET");
    t.run_as(other, "ping");
    assert_eq!(t.output(monitor), "");
}

#[test]
fn a_monitor_that_is_gone_is_forgotten() {
    let mut t = TestEngine::new();
    let monitor = t.connect();
    t.run_as(monitor, "monitor");
    t.engine.disconnect(monitor);
    assert!(t.engine.server.monitors.is_empty());
    t.run("multi");
    t.run("monitor");
    assert_eq!(
        t.run("exec"),
        "*1 -ERR MONITOR isn't allowed for DENY BLOCKING client"
    );
}

#[test]
fn a_monitor_has_no_business_with_keys() {
    let mut t = TestEngine::new();
    let monitor = t.connect();
    t.run_as(monitor, "monitor");
    for line in ["get k", "set k v", "publish c m", "pfcount h"] {
        assert_eq!(
            t.run_as(monitor, line),
            "-ERR Replica can't interact with the keyspace",
            "{line}"
        );
    }
    assert!(t.run_as(monitor, "time").starts_with("*2 "));
    t.run_as(monitor, "reset");
    assert_eq!(t.run_as(monitor, "get k"), "$-1");
}

#[test]
fn slow_commands_are_kept_shortened_and_without_secrets() {
    let mut t = TestEngine::new();
    t.run("client setname me");
    t.run("config set slowlog-log-slower-than 1000");
    t.run("debug sleep 0.0009");
    assert_eq!(t.run("slowlog len"), ":0");
    t.run("debug sleep 0.001");
    assert_eq!(
        t.run("slowlog get"),
        "*1 *6 :0 :1000 :1000 *3 $5 debug $5 sleep $5 0.001 $0  $2 me"
    );
    t.run("config set slowlog-log-slower-than 0 slowlog-max-len 2");
    t.run(r#"config set masterauth "" requirepass """#);
    let newest = t.run("slowlog get 1");
    let redacted =
        "*6 $6 config $3 set $10 masterauth $10 (redacted) $11 requirepass $10 (redacted)";
    assert!(newest.contains(redacted), "{newest}");
    t.run(&format!("echo {}", "A".repeat(129)));
    let newest = t.run("slowlog get 1");
    assert!(newest.contains("A... (1 more bytes)"), "{newest}");
    let many: Vec<String> = (0..32).map(|n| n.to_string()).collect();
    t.run(&format!("sadd s {}", many.join(" ")));
    let newest = t.run("slowlog get 1");
    assert!(newest.contains("*32 $4 sadd"), "{newest}");
    assert!(
        newest.contains("$2 28 $22 ... (3 more arguments)"),
        "{newest}"
    );
    assert_eq!(t.run("slowlog len"), ":2");
    t.run("multi");
    t.run("exec");
    assert!(
        t.run("slowlog get 1").contains("*1 $5 multi"),
        "EXEC is not entered"
    );
    t.run("slowlog reset");
    t.run("config set slowlog-log-slower-than -1");
    t.run("slowlog reset");
    t.run("ping");
    assert_eq!(t.run("slowlog get -1"), "*0");
}

#[test]
fn the_number_of_entries_is_checked() {
    let mut t = TestEngine::new();
    for count in ["x", "-2", "1.5"] {
        assert_eq!(
            t.run(&format!("slowlog get {count}")),
            "-ERR count should be greater than or equal to -1"
        );
    }
    assert_eq!(
        t.run("slowlog GET 1 2"),
        "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP."
    );
}

#[test]
fn delays_are_kept_by_event_and_second() {
    let mut t = TestEngine::new();
    t.run("debug sleep 0.02");
    assert_eq!(t.run("latency latest"), "*0", "it is off");
    t.run("config set latency-monitor-threshold 10");
    for line in ["debug sleep 0.02", "debug sleep 0.03", "debug sleep 0.009"] {
        t.run(line);
    }
    t.now_ms += 1000;
    t.run("debug sleep 0.015");
    assert_eq!(
        t.run("latency history command"),
        "*2 *2 :1000 :30 *2 :1001 :15"
    );
    assert_eq!(t.run("latency latest"), "*1 *4 $7 command :1001 :15 :30");
    assert_eq!(t.run("latency history none"), "*0");
    assert_eq!(t.run("latency reset none command"), ":1");
    assert_eq!(t.run("latency latest"), "*0");
    t.run("debug sleep 0.015");
    assert_eq!(t.run("latency reset"), ":1");
}

#[test]
fn the_histogram_counts_calls_by_powers_of_two() {
    let mut t = TestEngine::new();
    t.run("config resetstat");
    t.run("debug sleep 0.00001");
    t.run("debug sleep 0.00001");
    t.run("debug sleep 0.02");
    let debug = "$5 debug *4 $5 calls :3 $14 histogram_usec *4 :16 :2 :33554 :3";
    assert_eq!(
        t.run("latency histogram debug nosuch"),
        format!("*2 {debug}")
    );
    t.run("client id");
    let client = t.run("latency histogram client");
    assert!(
        client.starts_with("*2 $9 client|id *4 $5 calls :1"),
        "{client}"
    );
    assert_eq!(t.run("latency histogram nosuch"), "*0");
    assert!(t.run("latency histogram").contains(debug));
}

#[test]
fn a_graph_has_a_bar_for_each_second() {
    let mut t = TestEngine::new();
    t.run("config set latency-monitor-threshold 10");
    for seconds in ["0.03", "0.02", "0.05", "0.011"] {
        t.run(&format!("debug sleep {seconds}"));
        t.now_ms += 1000;
    }
    let dashes = "-".repeat(80);
    let drawn = format!(
        "command - high 50 ms, low 11 ms (all time high 50 ms)\n{dashes}\n  # \n  | \n# | \n\
         |#|_\n    \n4321\nssss\n"
    );
    assert_eq!(
        t.run("latency graph command"),
        format!("${} {}", drawn.len(), drawn.trim_end())
    );
    assert_eq!(
        t.run("latency graph none"),
        "-ERR No samples available for event 'none'"
    );
}

#[test]
fn the_doctor_describes_each_event() {
    let mut t = TestEngine::new();
    assert!(
        t.run("latency doctor")
            .contains("latency-monitor-threshold")
    );
    t.run("config set latency-monitor-threshold 10");
    assert!(t.run("latency doctor").contains("No delay was observed"));
    for seconds in ["0.03", "0.02", "0.05", "0.011"] {
        t.run(&format!("debug sleep {seconds}"));
        t.now_ms += 1000;
    }
    let report = t.run("latency doctor");
    let line = "1. command: 4 latency spikes (average 27ms, mean deviation 12ms, period 1.00 \
                sec). Worst all time event 50ms.\n";
    assert!(report.contains(line), "{report}");
    assert!(report.contains("SLOWLOG GET"), "{report}");
}
