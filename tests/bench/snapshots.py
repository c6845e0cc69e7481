#!/usr/bin/env python3
"""SAVE, load at start and file size, beside redis-server and valkey-server in one run.

usage: snapshots.py [--keys N] [--rounds N] [--only DATASET…] [--skip CONTENDER…] [--bases DIR]

The datasets are 3 million keys of 64 bytes by DEBUG POPULATE, the same with random
values, and a mix of types. redis-server makes each of them once; every contender starts
from that file, saves its own, and is started from its own. Towline takes part twice,
with an .rdb and with a .towline. The files lie where TMPDIR says: on a disk, waiting for
it is part of the figures, and on a tmpfs it is not. --bases keeps the datasets for the
next run. Shown are the seconds that SAVE and a start took until
the first PONG, the processor time of the process for both, the file's size, and each as
a part of Valkey's: 0.33 is three times as fast. The best of the rounds counts.
Figures are for reading side by side; nothing here passes or fails.
"""
import argparse
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from servers import REDIS, TOWLINE, encode, free_port

VALKEY = REDIS.with_name("valkey-server")
CONTENDERS = {
    "redis": (REDIS, "dump.rdb"),
    "valkey": (VALKEY, "dump.rdb"),
    "towline rdb": (TOWLINE, "dump.rdb"),
    "towline": (TOWLINE, "dump.towline"),
}
BASE = "valkey"
BATCH = 1000
MEASURES = ("save s", "save cpu s", "load s", "load cpu s", "MB")


class Server:
    """A server on the files of a directory, and how long it took to be there."""

    def __init__(self, program, directory, filename):
        self.port = free_port()
        args = [str(program), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--dir", str(directory), "--dbfilename", filename, "--enable-debug-command", "yes",
                "--enable-protected-configs", "yes"]
        begin = time.monotonic()
        self.process = subprocess.Popen(args, stdout=subprocess.DEVNULL)
        self.link = self.first_link()
        while self.run("PING") != b"+PONG":
            time.sleep(0.002)
        self.start_s = time.monotonic() - begin

    def first_link(self):
        while self.process.poll() is None:
            try:
                return socket.create_connection(("127.0.0.1", self.port)).makefile("rwb")
            except ConnectionRefusedError:
                time.sleep(0.002)
        raise SystemExit(f"{self.process.args[0]} ended")

    def run(self, *args):
        self.link.write(encode(args))
        self.link.flush()
        return self.link.readline().rstrip()

    def ok(self, *args):
        reply = self.run(*args)
        if not reply.startswith((b"+", b":")):
            raise SystemExit(f"{args[0]}: {reply!r}")
        return reply

    def pipeline(self, commands):
        """Sends commands whose replies take one line each."""
        pending = []
        for command in commands:
            pending.append(encode(command))
            if len(pending) == BATCH:
                self.flush(pending)
                pending = []
        self.flush(pending)

    def flush(self, pending):
        self.link.write(b"".join(pending))
        self.link.flush()
        for _ in pending:
            reply = self.link.readline()
            if reply.startswith(b"-"):
                raise SystemExit(reply)
            if reply.startswith(b"$"):
                self.link.readline()

    def cpu_s(self):
        """User and system time, threads that have ended included."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.kill()
        self.process.wait()


def populate(server, keys):
    server.ok("DEBUG", "POPULATE", keys, "key", 64)


def random_values(server, keys):
    draw = random.Random(1).randbytes
    server.pipeline((b"SET", b"key:%d" % i, draw(64)) for i in range(keys))


def mixed(server, keys):
    draw = random.Random(2)
    word = lambda: b"%x" % draw.getrandbits(draw.choice((16, 40, 80)))

    def commands():
        for i in range(keys // 30):
            yield [b"HSET", b"hash:%d" % i] + [part for j in range(8)
                                              for part in (b"field:%d" % j, word())]
            yield [b"RPUSH", b"list:%d" % i] + [word() for _ in range(10)]
            yield [b"SADD", b"ints:%d" % i] + [draw.randrange(100000) for _ in range(10)]
            yield [b"ZADD", b"zset:%d" % i] + [part for _ in range(8)
                                              for part in (draw.randrange(10**6), word())]
            yield [b"SET", b"string:%d" % i, b"some text that is like %s %d" % (word(), i)]
            yield [b"SET", b"counter:%d" % i, i, b"EX", b"1000000"]
            yield [b"SADD", b"words:%d" % i] + [word() for _ in range(5)]
            if i % 10 == 0:
                yield [b"XADD", b"stream:%d" % i, b"*", b"at", i, b"what", word()]
        for i in range(keys // 100):
            for name in (b"1", b"2", b"3"):
                yield [b"HSET", b"large hash " + name] + [word() for _ in range(20)]
                yield [b"ZADD", b"large zset " + name] + [
                    part for _ in range(10) for part in (draw.random(), word())]
                yield [b"RPUSH", b"large list " + name] + [word() for _ in range(10)]

    server.pipeline(commands())


DATASETS = {"populate": populate, "random": random_values, "mixed": mixed}


def measure(name, source, work):
    """Starts from `source`, saves, and starts again from what was saved."""
    program, filename = CONTENDERS[name]
    directory = work / name.replace(" ", "-")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    (directory / "source.rdb").symlink_to(source.absolute())
    server = Server(program, directory, "source.rdb")
    server.ok("CONFIG", "SET", "dbfilename", filename)
    keys, before, begin = server.ok("DBSIZE"), server.cpu_s(), time.monotonic()
    server.ok("SAVE")
    save_s, save_cpu_s = time.monotonic() - begin, server.cpu_s() - before
    server.stop()
    size = (directory / filename).stat().st_size
    server = Server(program, directory, filename)
    if server.ok("DBSIZE") != keys:
        raise SystemExit(f"{name}: not all keys came back")
    load_s, load_cpu_s = server.start_s, server.cpu_s()
    server.stop()
    return int(keys[1:]), (save_s, save_cpu_s, load_s, load_cpu_s, size / 1e6)


def make_base(dataset, keys, path):
    server = Server(REDIS, path.parent, path.name)
    DATASETS[dataset](server, keys)
    server.ok("SAVE")
    server.stop()


def compare(dataset, options, work):
    base = (options.bases or work) / f"{dataset}-{options.keys}.rdb"
    if not base.exists():
        make_base(dataset, options.keys, base)
    best = {}
    for _ in range(options.rounds):
        for name in CONTENDERS:
            if name not in options.skip:
                keys, figures = measure(name, base, work)
                best[name] = [min(pair) for pair in zip(figures, best.get(name, figures))]
    print(f"{dataset}, {keys} keys", flush=True)
    print(f"{'':14}" + "".join(f"{measure:>20}" for measure in MEASURES))
    for name, figures in best.items():
        base = best.get(BASE, figures)
        cells = (f"{figure:10.2f} {figure / max(other, 0.01):8.2f}x"
                 for figure, other in zip(figures, base))
        print(f"{name:14}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keys", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--bases", type=Path)
    parser.add_argument("--skip", nargs="+", choices=CONTENDERS, default=[])
    options = parser.parse_args()
    for dataset in options.only:
        with tempfile.TemporaryDirectory() as work:
            compare(dataset, options, Path(work))


if __name__ == "__main__":
    main()
