#!/usr/bin/env python3
"""The first full sync over a slow link, with bursts of writes, beside real servers.

usage: slow_link.py [--megabytes N] [--link-megabytes N] [--delay-ms N] [--burst-megabytes N]
                    [--burst-seconds N] [--burst-every N] [--first-burst-after N] [--only redis|valkey|towline…]

For each server in turn: a primary is filled with values that do not compress, and a
replica, the same program, asks for everything through a proxy that passes 5 MB/s each way
and delays what it passes by 50 ms. Random keys of the primary are overwritten meanwhile at
50 MB/s for five seconds of each minute, beginning with the sync, which is when a snapshot
is dearest, or --first-burst-after so many seconds. All servers have their default settings.

Shown are whether the first full sync was the only one, how long it took until the replica
followed the stream, and by how much the primary's memory (RSS) grew in that time over what
it was before, which is measured after a burst without a replica. A sync is given up after
three times as long as the data takes on the link. It fails where Towline needs more than
one full sync or more than 64 MB.

A small form of a minute a server:
    slow_link.py --megabytes 100 --burst-every 10 --burst-seconds 2
"""
import argparse
import multiprocessing
import queue
import random
import socket
import threading
import time

from servers import REDIS, TOWLINE, VALKEY, Server, encode, free_port, wait_for

PROGRAMS = {"redis": REDIS, "valkey": VALKEY, "towline": TOWLINE}
VALUE_BYTES = 1000
BATCH = 200
PIECE_BYTES = 1 << 14
SAMPLE_EVERY_S = 0.05
MOST_GROWN_BYTES = 64 << 20
# Values are parts of it; a codec that looks at one value at a time finds nothing in them.
POOL = random.randbytes(1 << 22)


def value():
    begin = random.randrange(len(POOL) - VALUE_BYTES)
    return POOL[begin:begin + VALUE_BYTES]


def set_keys(link, keys):
    link.sendall(b"".join(encode(["SET", f"key:{key}", value()]) for key in keys))
    got = 0
    while got < len(keys) * len("+OK\r\n"):
        part = link.recv(1 << 16)
        if not part:
            raise SystemExit("the primary closed a client's connection")
        got += len(part)


def burst(server, keys, options, running):
    """One burst, which may end early; answers its bytes."""
    written, begin = 0, time.monotonic()
    with server.connect() as link:
        while running.value and time.monotonic() - begin < options.burst_seconds:
            set_keys(link, [random.randrange(keys) for _ in range(BATCH)])
            written += BATCH * VALUE_BYTES
            due = written / (options.burst_megabytes * 1e6)
            time.sleep(max(0, due - (time.monotonic() - begin)))
    return written


def write_bursts(server, keys, options, running, written):
    first = time.monotonic() + options.first_burst_after
    while running.value and time.monotonic() < first:
        time.sleep(0.05)
    while running.value:
        begin = time.monotonic()
        written.value += burst(server, keys, options, running)
        while running.value and time.monotonic() - begin < options.burst_every:
            time.sleep(0.05)


def take(source, pieces, bytes_per_second):
    """Reads no faster than the link passes, so that what the link cannot take waits
    where it came from."""
    free_at = time.monotonic()
    while True:
        try:
            piece = source.recv(PIECE_BYTES)
        except OSError:
            piece = b""
        free_at = max(free_at, time.monotonic()) + len(piece) / bytes_per_second
        time.sleep(max(0, free_at - time.monotonic()))
        pieces.put((time.monotonic(), piece))
        if not piece:
            return


def give(pieces, target, delay_s):
    while True:
        taken_at, piece = pieces.get()
        time.sleep(max(0, taken_at + delay_s - time.monotonic()))
        try:
            if not piece:
                return target.shutdown(socket.SHUT_WR)
            target.sendall(piece)
        except OSError:
            return


def slow_proxy(port, target_port, options):
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        near, _ = listener.accept()
        far = socket.create_connection(("127.0.0.1", target_port))
        for source, target in (near, far), (far, near):
            target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pieces = queue.Queue()
            work = take, (source, pieces, options.link_megabytes * 1e6)
            for work, args in (work, (give, (pieces, target, options.delay_ms / 1000))):
                threading.Thread(target=work, args=args, daemon=True).start()


def start(work, *args):
    process = multiprocessing.Process(target=work, args=args, daemon=True)
    process.start()
    return process


class Contender:
    def __init__(self, name, options):
        self.name, self.options = name, options
        self.keys = options.megabytes * 1_000_000 // VALUE_BYTES
        self.primary, self.replica = Server(PROGRAMS[name]), Server(PROGRAMS[name])
        with self.primary.connect() as link:
            for begin in range(0, self.keys, BATCH):
                set_keys(link, range(begin, min(begin + BATCH, self.keys)))
        self.running = multiprocessing.Value("b", 1, lock=False)
        burst(self.primary, self.keys, options, self.running)

    def follow(self, deadline):
        """The most memory until the replica follows, and whether it does in time."""
        most, is_up, samples = 0, False, 0
        while not is_up and time.monotonic() < deadline:
            time.sleep(SAMPLE_EVERY_S)
            most = max(most, self.primary.rss_bytes())
            samples += 1
            is_up = samples % 10 == 0 and self.replica.info("master_link_status") == "up"
        return most, is_up

    def sync(self):
        """Whether it went as it should."""
        options, port = self.options, free_port()
        proxy = start(slow_proxy, port, self.primary.port, options)
        written = multiprocessing.Value("q", 0, lock=False)
        before, begin = self.primary.rss_bytes(), time.monotonic()
        writer = start(write_bursts, self.primary, self.keys, options, self.running, written)
        self.replica.command("REPLICAOF", "127.0.0.1", port)
        most, is_up = self.follow(begin + 60 + 3 * options.megabytes / options.link_megabytes)
        end = time.monotonic()
        syncs = int(self.primary.info("sync_full"))
        self.running.value = 0
        writer.join()
        told = f"{'in sync' if is_up else 'given up'} after {end - begin:.0f} s, {syncs} full syncs"
        print(f"{self.name:8} {told}; {written.value / 1e6:.0f} MB written meanwhile; memory grew from "
              f"{before / 1e6:.0f} MB by {(most - before) / 1e6:.1f} MB", flush=True)
        is_same = is_up and self.catches_up()
        proxy.kill()
        proxy.join()
        return is_same and syncs == 1 and most - before < MOST_GROWN_BYTES

    def catches_up(self):
        """Once nobody writes, the replica comes to its primary's offset and has its data."""
        offset = lambda server, name: int(server.info(name))
        wait_for(lambda: offset(self.replica, "slave_repl_offset") == offset(self.primary, "master_repl_offset"),
                 60 + 3 * self.options.megabytes / self.options.link_megabytes)
        digests = {server.command("DEBUG", "DIGEST") for server in (self.primary, self.replica)}
        if len(digests) != 1:
            print(f"{self.name:8} the datasets differ")
        return len(digests) == 1

    def stop(self):
        self.replica.stop()
        self.primary.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--link-megabytes", type=float, default=5)
    parser.add_argument("--delay-ms", type=float, default=50)
    parser.add_argument("--burst-megabytes", type=float, default=50)
    parser.add_argument("--burst-seconds", type=float, default=5)
    parser.add_argument("--burst-every", type=float, default=60)
    parser.add_argument("--first-burst-after", type=float, default=0)
    parser.add_argument("--only", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    options = parser.parse_args()
    failed = False
    for name in options.only:
        contender = Contender(name, options)
        is_good = contender.sync()
        contender.stop()
        failed |= name == "towline" and not is_good
    if failed:
        raise SystemExit("Towline needed more than one full sync, or more than 64 MB")


main()
