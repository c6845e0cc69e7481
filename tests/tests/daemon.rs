//! `daemonize` and `supervised`: the server on its own, and under a service manager.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use rustix::process::{Pid, Signal, getsid, kill_process, test_kill_process};
use towline_tests::info::Info;
use towline_tests::resp::Client;
use towline_tests::server::{Kind, TempDir, free_port};
use towline_tests::wait;

/// A daemon that is to be, in a directory of its own.
struct Start {
    dir: TempDir,
    port: u16,
}

impl Start {
    fn on(port: u16) -> Self {
        let dir = TempDir::new("daemon");
        Self { dir, port }
    }

    fn pidfile(&self) -> PathBuf {
        self.dir.path().join("pid")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(Kind::Towline.program());
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--logfile", "log"])
            .arg("--port")
            .arg(self.port.to_string())
            .arg("--dir")
            .arg(self.dir.path())
            .arg("--pidfile")
            .arg(self.pidfile())
            .env_remove("NOTIFY_SOCKET");
        command
    }

    /// What the process that was started printed, and how it ended.
    fn daemonized(&self) -> Output {
        let mut command = self.command();
        let output = command.args(["--daemonize", "yes"]).output();
        output.expect("the program starts")
    }

    fn client(&self) -> Client {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        Client::connect(address).expect("it listens")
    }
}

/// A process that ends with the test.
struct Daemon(Pid);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It is gone already where the test has passed.
        let _ = kill_process(self.0, Signal::KILL);
    }
}

fn daemon_of(pidfile: &PathBuf) -> Daemon {
    let text = fs::read_to_string(pidfile).expect("the daemon says who it is");
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    Daemon(pid.expect("a process id"))
}

#[test]
fn a_daemon_listens_when_its_parent_has_ended() {
    let start = Start::on(free_port());
    let output = start.daemonized();
    assert!(output.status.success(), "{output:?}");
    let daemon = daemon_of(&start.pidfile());
    let mut client = start.client();
    // It listens before it has loaded what there is.
    wait::until("it has loaded", || !client.cmd("PING").is_error());
    let info = Info::parse(&client.cmd("INFO server").text());
    let pid = daemon.0.as_raw_nonzero().to_string();
    assert_eq!(info.get("process_id"), pid);
    assert_eq!(info.get("process_supervised"), "no");
    assert_eq!(
        getsid(Some(daemon.0)),
        Ok(daemon.0),
        "it leads a session of its own"
    );
    client.send(&["SHUTDOWN"]).expect("it reads");
    wait::until("the daemon has ended", || {
        test_kill_process(daemon.0).is_err()
    });
    assert!(!start.pidfile().exists(), "no pid file is left behind");
}

#[test]
fn a_daemon_that_cannot_start_says_why() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let start = Start::on(taken.local_addr().expect("it is bound").port());
    let output = start.daemonized();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("already in use"), "{said}");
    assert!(!start.pidfile().exists());
}

#[test]
fn systemd_is_told_of_the_start_and_of_the_end() {
    let start = Start::on(free_port());
    let socket = start.dir.path().join("notify");
    let heard = UnixDatagram::bind(&socket).expect("a socket can be made");
    let patience = Some(Duration::from_secs(20));
    heard.set_read_timeout(patience).expect("not nothing");
    let mut command = start.command();
    command
        .args(["--supervised", "systemd", "--daemonize", "yes"])
        .env("NOTIFY_SOCKET", &socket);
    let mut child = command.spawn().expect("the program starts");
    let _ended_with_the_test = Daemon(Pid::from_child(&child));
    let mut told = String::new();
    let mut hear_until = |end: &str| {
        while !told.ends_with(end) {
            let mut datagram = [0; 256];
            let length = heard.recv(&mut datagram).expect("a datagram comes");
            told.push_str(&String::from_utf8_lossy(&datagram[..length]));
        }
    };
    hear_until("READY=1\n");
    let mut client = start.client();
    let info = Info::parse(&client.cmd("INFO server").text());
    assert_eq!(info.get("process_supervised"), "systemd");
    // The process that systemd has started is the server.
    assert_eq!(info.get("process_id"), child.id().to_string());
    client.send(&["SHUTDOWN"]).expect("it reads");
    hear_until("STOPPING=1\n");
    assert!(child.wait().expect("it ends").success());
}
