"""The servers of a benchmark, started on free ports and stopped again.

They are the release build of Towline, and the redis-server and valkey-server that
tests/fetch-peers brings; TOWLINE_SERVER and TOWLINE_PEERS name others.
"""
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REDIS = Path(os.environ.get("TOWLINE_PEERS", ROOT / "target" / "peers")) / "bin" / "redis-server"
VALKEY = REDIS.with_name("valkey-server")
TOWLINE = Path(os.environ.get("TOWLINE_SERVER", ROOT / "target" / "release" / "towline-server"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, program, *options):
        self.port = free_port()
        self.dir = tempfile.TemporaryDirectory()
        self.args = [str(program), "--port", str(self.port), "--dir", self.dir.name, "--save", "",
                     "--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes",
                     *map(str, options)]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.args, stdout=subprocess.DEVNULL)
        wait_for(lambda: self.command("PING") == b"+PONG\r\n")

    def connect(self):
        link = socket.create_connection(("127.0.0.1", self.port))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return link

    def command(self, *args):
        try:
            with self.connect() as link:
                link.sendall(encode(args))
                return link.recv(1 << 20)
        except OSError:
            return b""

    def info(self, field):
        with self.connect() as link:
            link.sendall(encode(["INFO", "everything"]))
            text = b""
            while f"{field}:".encode() not in text or b"# Keyspace" not in text:
                text += link.recv(1 << 20)
        line = next(l for l in text.decode().splitlines() if l.startswith(f"{field}:"))
        return line.split(":", 1)[1]

    def cpu_ns(self):
        """Processor time that it has used, over its threads."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)

    def rss_bytes(self):
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def kill(self):
        """Kills it, so that it can do nothing more; its files stay."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.dir.cleanup()


def encode(args):
    parts = [a if isinstance(a, bytes) else str(a).encode() for a in args]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


def wait_for(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("waited too long")
        time.sleep(0.02)
