#!/usr/bin/env python3
"""How long a full sync takes between any two servers, and what other clients notice.

usage: sync_speed.py [--keys N] [--value-bytes N] [--rounds N] [--only PRIMARY-REPLICA…]

For each pair a primary is filled by DEBUG POPULATE, or with values that do not compress
(--random), and a replica asks for everything: --rounds times while nothing else is going
on, which gives the seconds of a sync, and as often while a client overwrites one key
after the other and measures how long each takes. The measured client has run as long
without a sync before. The pairs take turns, so that what else the machine does meets all
of them.

Behind each pair's median stand what it is compared with (two of Valkey for two nodes of
ours, two of that peer where one side is a peer) and the ratio. Figures are for reading
side by side; nothing here passes or fails.
"""
import argparse
import random
import statistics
import time

from load import Load, at, one_write
from servers import REDIS, TOWLINE, VALKEY, Server, encode, wait_for

PROGRAMS = {"redis": REDIS, "valkey": VALKEY, "towline": TOWLINE}
PAIRS = ["valkey-valkey", "redis-redis", "towline-towline", "towline-redis", "redis-towline",
         "towline-valkey", "valkey-towline"]
WARM_S = 0.5
BATCH = 1000


def fill(server, options):
    if options.random:
        fill_random(server, options)
    else:
        server.command("DEBUG", "POPULATE", options.keys, "key", options.value_bytes)
    wait_for(lambda: server.command("DBSIZE") == b":%d\r\n" % options.keys)


def fill_random(server, options):
    with server.connect() as link:
        for begin in range(0, options.keys, BATCH):
            keys = range(begin, min(begin + BATCH, options.keys))
            value = lambda: random.randbytes(options.value_bytes)
            link.sendall(b"".join(encode(["SET", f"key:{key}", value()]) for key in keys))
            got = 0
            while got < len(keys) * len("+OK\r\n"):
                got += len(link.recv(1 << 16))


def compared_with(pair):
    """The pair whose time is the measure, if there is one."""
    primary, replica = pair.split("-")
    peers = {primary, replica} - {"towline"}
    peer = peers.pop() if peers else "valkey"
    return f"{peer}-{peer}" if "towline" in (primary, replica) else None


class Pair:
    """A primary, and what its full syncs took."""

    def __init__(self, name, options):
        self.name, self.options = name, options
        self.seconds, self.quiet, self.syncing = [], [], []
        primary, self.replica_program = (PROGRAMS[side] for side in name.split("-"))
        self.primary = Server(primary)
        fill(self.primary, options)

    def sync(self):
        """When it began and ended."""
        replica = Server(self.replica_program)
        begin = time.monotonic()
        replica.command("REPLICAOF", "127.0.0.1", self.primary.port)
        wait_for(lambda: replica.info("master_link_status") == "up")
        end = time.monotonic()
        if replica.command("DBSIZE") != self.primary.command("DBSIZE"):
            raise SystemExit(f"{self.name}: the replica has other keys")
        replica.stop()
        return begin, end

    def time_alone(self):
        begin, end = self.sync()
        self.seconds.append(end - begin)

    def time_clients(self):
        options = self.options
        load = Load((one_write, self.primary, options.keys, options.value_bytes))
        quiet_s = max(2, statistics.median(self.seconds)) + WARM_S
        time.sleep(quiet_s)
        begin, end = self.sync()
        _, (measured,) = load.stop()
        self.quiet += [took for when, took in measured if begin - quiet_s + WARM_S <= when < begin]
        self.syncing += [took for when, took in measured if begin <= when < end]

    def tell(self, pairs):
        seconds = statistics.median(self.seconds)
        text = f"{self.name:16} {seconds:7.2f} s ({', '.join(f'{s:.2f}' for s in self.seconds)})"
        measure = pairs.get(compared_with(self.name))
        if measure:
            ratio = seconds / statistics.median(measure.seconds)
            text += f", {ratio:.2f} of {measure.name}"
        print(text)
        quiet, syncing = (at(taken, .999) * 1e6 for taken in (self.quiet, self.syncing))
        print(f"{'':16} a write's p50 {at(self.quiet, .5) * 1e6:.0f} us, during syncs "
              f"{at(self.syncing, .5) * 1e6:.0f}; p99.9 {quiet:.0f}, during syncs {syncing:.0f}: "
              f"{syncing / quiet:.2f} times ({len(self.syncing)} writes)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keys", type=int, default=3_000_000)
    parser.add_argument("--value-bytes", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--random", action="store_true", help="values that do not compress")
    parser.add_argument("--only", nargs="+", choices=PAIRS, default=PAIRS, metavar="PRIMARY-REPLICA")
    options = parser.parse_args()
    pairs = {name: Pair(name, options) for name in options.only}
    for _ in range(options.rounds):
        for pair in pairs.values():
            pair.time_alone()
    for _ in range(options.rounds):
        for pair in pairs.values():
            pair.time_clients()
    for pair in pairs.values():
        pair.tell(pairs)
        pair.primary.stop()


main()
