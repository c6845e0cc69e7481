#!/usr/bin/env python3
"""Removing a collection of ten million elements, beside redis-server in the same run.

usage: big_delete.py [--elements N] [--only CASE…] [--servers towline redis] [--towline PATH] [--io-threads N]

A case is a type and a way to be rid of it. Each fills a key, then lets one client write
and read small values all along, removes the key, and waits until the server has given
its memory back. Shown is how long that client waited: before, for scale, and from the
removal on. Redis frees what DEL removes while everybody waits, and what UNLINK removes
in a thread of its own; Towline has one way for all. Towline tells its longest hold of
the engine's lock as well. Figures are for reading side by side; nothing here passes or
fails.

The client that waits is a process, so that no interpreter lock of this script is in what
it measures.
"""
import argparse
import multiprocessing
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ.get("TOWLINE_PEERS", ROOT / "target" / "peers")) / "bin"
PER_COMMAND = 1000
QUIET_SECONDS = 1.0
# From the last sign of a removal on, so that what comes late is seen as well.
AFTER_SECONDS = 1.5
KEY = b"big"
# Removed just before: Towline measures processor time while something is being dropped.
DECOY = b"decoy"
DECOY_ELEMENTS = 500_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def encode(*args):
    parts = [a if isinstance(a, bytes) else str(a).encode() for a in args]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


class Link:
    """A connection that reads replies of one line, and bulk strings."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def reply(self):
        line = self.file.readline()
        if line[:1] == b"-" or not line:
            raise SystemExit(f"the server answered {line!r}")
        if line[:1] == b"$" and line != b"$-1\r\n":
            return self.file.read(int(line[1:]) + 2)[:-2]
        return line[:-2]

    def run(self, *args):
        self.send(encode(*args))
        return self.reply()


class Server:
    def __init__(self, program, *options):
        self.port = free_port()
        self.dir = tempfile.TemporaryDirectory()
        args = [str(program), "--port", str(self.port), "--bind", "127.0.0.1",
                "--dir", self.dir.name, "--save", "", *options]
        self.process = subprocess.Popen(args, stdout=subprocess.DEVNULL)
        self.link = self.first_link()

    def first_link(self):
        for _ in range(500):
            try:
                return Link(self.port)
            except OSError:
                time.sleep(0.02)
        raise SystemExit("the server did not come up")

    def info(self, field):
        lines = self.link.run("INFO", "everything").decode().splitlines()
        found = [line.split(":", 1)[1] for line in lines if line.startswith(f"{field}:")]
        return found[0] if found else None

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.dir.cleanup()


def elements(kind, first, count):
    """The arguments that add `count` elements."""
    member = (b"element:%010d" % at for at in range(first, first + count))
    if kind == "hash":
        return [part for name in member for part in (name, b"value of it")]
    if kind == "zset":
        return [part for at, name in enumerate(member) for part in (b"%d" % (first + at), name)]
    return list(member)


ADD = {"hash": "HSET", "set": "SADD", "zset": "ZADD", "list": "RPUSH"}


def fill(server, kind, total):
    link, sent, due = server.link, 0, 0
    while sent < total:
        count = min(PER_COMMAND, total - sent)
        if kind == "stream":
            batch = (encode("XADD", KEY, "*", "field", b"value %d" % (sent + at)) for at in range(count))
            link.send(b"".join(batch))
            due += count
        elif kind == "keys":
            batch = (encode("SET", b"key:%d" % (sent + at), "value", "EX", "100000") for at in range(count))
            link.send(b"".join(batch))
            due += count
        else:
            link.send(encode(ADD[kind], KEY, *elements(kind, sent, count)))
            due += 1
        sent += count
        while due:
            link.reply()
            due -= 1


def fill_decoy(server):
    for at in range(0, DECOY_ELEMENTS, PER_COMMAND):
        server.link.run("SADD", DECOY, *(b"decoy:%010d" % n for n in range(at, at + PER_COMMAND)))


def be_rid(server, way):
    """Removes the key; answers whether more than this command's own time is in it."""
    run = server.link.run
    if way == "del":
        run("DEL", KEY)
    elif way == "unlink":
        run("UNLINK", KEY)
    elif way == "flushall":
        run("FLUSHALL")
    elif way == "flushall-async":
        run("FLUSHALL", "ASYNC")
    elif way == "expiry":
        run("PEXPIRE", KEY, "1")
    elif way == "rename":
        run("SET", "other", "x")
        run("RENAME", "other", KEY)
    elif way == "set":
        run("SET", KEY, "x")
    elif way == "sunionstore":
        run("SADD", "small", "x")
        run("SUNIONSTORE", KEY, "small")
    else:
        raise SystemExit(f"there is no way {way!r}")


def probe(port, running, answer):
    """Writes and reads small values: what takes memory meets what gives it back."""
    link, taken, turn = Link(port), [], 0
    while running.value:
        turn += 1
        begin = time.monotonic()
        link.run("SET", b"probe:%d" % (turn % 1000), b"x" * (turn % 400))
        middle = time.monotonic()
        link.run("GET", b"probe:%d" % (turn % 1000))
        end = time.monotonic()
        taken += [(begin, middle - begin), (middle, end - middle)]
        time.sleep(0.0002)
    answer.send(taken)


def told(waits):
    took = sorted(waits)
    at = lambda share: took[min(len(took) - 1, int(len(took) * share))] * 1e6
    return f"p50 {at(.5):5.0f}  p99 {at(.99):6.0f}  max {at(1):8.0f} us"


def wait_for_memory(server, before):
    """Until nothing more is freed."""
    last, since = before, time.monotonic()
    while time.monotonic() - since < AFTER_SECONDS:
        time.sleep(0.1)
        now = int(server.info("used_memory"))
        if now < last - (1 << 20):
            since = time.monotonic()
        last = now
    return last


def measure(name, program, options, kind, way, total):
    server = Server(program, *options)
    try:
        fill(server, kind, total)
        full = int(server.info("used_memory"))
        fill_decoy(server)
        running = multiprocessing.Value("b", 1, lock=False)
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(target=probe, args=(server.port, running, sender))
        process.start()
        time.sleep(QUIET_SECONDS)
        server.link.run("CONFIG", "RESETSTAT")
        server.link.run("DEL", DECOY)
        began = time.monotonic()
        be_rid(server, way)
        took = time.monotonic() - began
        left = wait_for_memory(server, full)
        running.value = 0
        waits = receiver.recv()
        process.join()
        held = [server.info(f"lock_held_max_{clock}usec") for clock in ("", "cpu_")]
        show(name, [w for at, w in waits if at < began], [w for at, w in waits if at + w >= began])
        held = "" if None in held else f"   lock held at most {held[0]} us, {held[1]} us of processor time"
        print(f"{'':9}the command took {took * 1e6:.0f} us; {full >> 20} MB, then {left >> 20} MB{held}", flush=True)
    finally:
        server.stop()


def show(name, before, after):
    print(f"{name:8} before: {told(before)}   from then on: {told(after)}", flush=True)


CASES = [f"{kind}/del" for kind in ("hash", "set", "zset", "list", "stream")] + [
    "zset/unlink", "set/flushall", "hash/flushall-async", "zset/expiry", "hash/rename",
    "list/set", "set/sunionstore", "keys/flushall"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--elements", type=int, default=10_000_000)
    parser.add_argument("--only", nargs="*", default=CASES, help="type/way, of: " + " ".join(CASES))
    parser.add_argument("--servers", nargs="*", default=["towline", "redis"])
    parser.add_argument("--towline", default=ROOT / "target" / "release" / "towline-server")
    parser.add_argument("--io-threads", default="1")
    options = parser.parse_args()
    programs = {"towline": (options.towline, ["--io-threads", options.io_threads]),
                "redis": (PEERS / "redis-server", [])}
    for case in options.only:
        kind, way = case.split("/")
        print(f"{case}, {options.elements} elements")
        for name in options.servers:
            program, extra = programs[name]
            measure(name, program, extra, kind, way, options.elements)


if __name__ == "__main__":
    main()
