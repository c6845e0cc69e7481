#!/usr/bin/env python3
"""A full sync of a million keys under write load, beside redis-server in the same run.

usage: full_sync.py [--keys N]

For each server in turn: fill it, keep overwriting random keys, let a client ping all
along, and let a replica ask for everything. Prints the pings' p50, p99 and maximum
with and without a sync, and Towline's longest hold of the engine's lock. Then a
replica that reads 5 MB/s, and how much the primary's memory grows meanwhile.
Figures are for reading side by side; nothing here passes or fails.
"""
import argparse
import os
import random
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "target" / "peers" / "bin"
SLOW_BYTES_PER_SECOND = 5_000_000
SLOW_SECONDS = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, program):
        self.port = free_port()
        self.dir = tempfile.TemporaryDirectory()
        args = [str(program), "--port", str(self.port), "--dir", self.dir.name, "--save", "",
                "--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes"]
        self.process = subprocess.Popen(args, stdout=subprocess.DEVNULL)
        wait_for(lambda: self.command("PING") == b"+PONG\r\n")

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port))

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

    def rss_bytes(self):
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.dir.cleanup()


def encode(args):
    parts = [a if isinstance(a, bytes) else str(a).encode() for a in args]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("waited too long")
        time.sleep(0.02)


class Load:
    """Overwrites random keys and pings, until stopped."""

    def __init__(self, server, keys):
        self.server, self.keys, self.running, self.pings = server, keys, True, []
        self.threads = [threading.Thread(target=self.write), threading.Thread(target=self.ping)]
        for thread in self.threads:
            thread.start()

    def write(self):
        value = b"w" * 32
        with self.server.connect() as link:
            while self.running:
                batch = (encode(["SET", f"key:{random.randrange(self.keys)}", value]) for _ in range(50))
                link.sendall(b"".join(batch))
                got = 0
                while got < 50 * 5:
                    got += len(link.recv(1 << 16))
                time.sleep(0.002)

    def ping(self):
        with self.server.connect() as link:
            while self.running:
                begin = time.perf_counter()
                link.sendall(b"PING\r\n")
                link.recv(64)
                self.pings.append(time.perf_counter() - begin)
                time.sleep(0.0005)

    def take(self):
        pings, self.pings = self.pings, []
        pings.sort()
        at = lambda share: pings[min(len(pings) - 1, int(len(pings) * share))] * 1e6
        return f"p50 {at(.5):6.0f} us   p99 {at(.99):6.0f} us   max {at(1):7.0f} us   ({len(pings)} pings)"

    def stop(self):
        self.running = False
        for thread in self.threads:
            thread.join()


def fast_sync(name, server, keys):
    load = Load(server, keys)
    time.sleep(2)
    print(f"{name:8} no sync   {load.take()}", flush=True)
    server.command("CONFIG", "RESETSTAT")
    replica = Server(PEERS / "redis-server")
    load.take()
    begin = time.monotonic()
    replica.command("REPLICAOF", "127.0.0.1", server.port)
    wait_for(lambda: replica.info("master_link_status") == "up")
    print(f"{name:8} sync      {load.take()}   {time.monotonic() - begin:.2f} s", flush=True)
    load.stop()
    if name == "towline":
        print(f"{name:8} longest hold of the lock: {server.info('lock_held_max_usec')} us")
    replica.stop()


def slow_sync(name, server, keys):
    load = Load(server, keys)
    before = most = server.rss_bytes()
    with server.connect() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        link.sendall(b"SYNC\r\n")
        begin, got = time.monotonic(), 0
        while time.monotonic() - begin < SLOW_SECONDS:
            got += len(link.recv(1 << 16))
            most = max(most, server.rss_bytes())
            time.sleep(max(0, got / SLOW_BYTES_PER_SECOND - (time.monotonic() - begin)))
    load.stop()
    grown = (most - before) / 1e6
    print(f"{name:8} a replica at 5 MB/s read {got / 1e6:.0f} MB; memory grew by {grown:.1f} MB", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=1_000_000)
    keys = parser.parse_args().keys
    programs = {"redis": PEERS / "redis-server", "towline": ROOT / "target" / "release" / "towline-server"}
    for name, program in programs.items():
        server = Server(program)
        server.command("DEBUG", "POPULATE", keys, "key", 32)
        fast_sync(name, server, keys)
        slow_sync(name, server, keys)
        server.stop()


main()
