#!/usr/bin/env python3
"""A full sync of a million keys under write load, beside redis-server in the same run.

usage: full_sync.py [--keys N] [--value-bytes N] [--rounds N] [--skip-slow]

Each server is filled once. Then, in turns: random keys are overwritten all along, one
client pings all along, and a redis-server comes as a replica and asks for everything.
The pings of all rounds are put together: those before the syncs, those during them, and
those of the same few seconds from each request on, for a sync that takes half as long
disturbs half as many.
Towline tells its longest hold of the engine's lock in each round, by the clock and in
processor time of the thread that held it: the difference is what the machine's other
work took. At the end a replica reads 5 MB/s, and the primary's memory is watched.
Figures are for reading side by side; nothing here passes or fails.
"""
import argparse
import socket
import time

from load import Load, at, ping, write
from servers import REDIS, TOWLINE, Server, encode, wait_for

SLOW_BYTES_PER_SECOND = 5_000_000
SLOW_SECONDS = 20
QUIET_SECONDS = 2
SAME_SECONDS = 4


def told(pings):
    p50, p99, most = (at(pings, share) * 1e6 for share in (.5, .99, 1))
    return f"p50 {p50:5.0f} us   p99 {p99:6.0f} us   max {most:7.0f} us   ({len(pings)} pings)"


class Contender:
    """One of the two servers and what was measured of it."""

    def __init__(self, name, program, options):
        self.name, self.options, self.server = name, options, Server(program)
        self.quiet, self.syncing, self.same = [], [], []
        self.seconds, self.writes, self.holds = [], [], []
        # The longest reply of DEBUG POPULATE comes after all keys are there.
        self.server.command("DEBUG", "POPULATE", options.keys, "key", options.value_bytes)
        wait_for(lambda: self.server.command("DBSIZE") == b":%d\r\n" % options.keys)

    def load(self):
        options = self.options
        return Load((write, self.server, options.keys, options.value_bytes), (ping, self.server))

    def sync(self):
        replica = Server(REDIS)
        load = self.load()
        time.sleep(QUIET_SECONDS)
        self.server.command("CONFIG", "RESETSTAT")
        begin = time.monotonic()
        replica.command("REPLICAOF", "127.0.0.1", self.server.port)
        wait_for(lambda: replica.info("master_link_status") == "up")
        end = time.monotonic()
        if self.name == "towline":
            fields = "lock_held_max_usec", "lock_held_max_cpu_usec"
            self.holds.append(tuple(self.server.info(field) for field in fields))
        time.sleep(max(0, begin + SAME_SECONDS - time.monotonic()))
        ran_s, (written, pings) = load.stop()
        replica.stop()
        self.seconds.append(end - begin)
        self.writes.append(written / ran_s)
        self.quiet += [took for at, took in pings if at < begin]
        self.syncing += [took for at, took in pings if begin <= at < end]
        self.same += [took for at, took in pings if begin <= at < begin + SAME_SECONDS]

    def tell(self):
        mean = lambda list: sum(list) / len(list)
        print(f"{self.name:8} no sync   {told(self.quiet)}   {mean(self.writes):.0f} writes/s")
        print(f"{self.name:8} sync      {told(self.syncing)}   {mean(self.seconds):.2f} s each")
        print(f"{self.name:8} same time {told(self.same)}   {SAME_SECONDS} s from each request on")
        if self.holds:
            holds = ", ".join(f"{wall} ({cpu})" for wall, cpu in self.holds)
            print(f"{self.name:8} longest hold of the lock in each round, us (of processor time): {holds}")

    def slow_sync(self):
        load = self.load()
        time.sleep(1)
        before = most = self.server.rss_bytes()
        with self.server.connect() as link:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            link.sendall(encode(["REPLCONF", "capa", "eof", "capa", "psync2"]))
            link.recv(64)
            link.sendall(encode(["PSYNC", "?", "-1"]))
            begin, got = time.monotonic(), 0
            while time.monotonic() - begin < SLOW_SECONDS:
                got += len(link.recv(1 << 16))
                most = max(most, self.server.rss_bytes())
                time.sleep(max(0, got / SLOW_BYTES_PER_SECOND - (time.monotonic() - begin)))
        ran_s, (written, _) = load.stop()
        grown = (most - before) / 1e6
        print(f"{self.name:8} a replica at 5 MB/s read {got / 1e6:.0f} MB beside {written / ran_s:.0f} writes/s; "
              f"memory grew from {before / 1e6:.0f} MB by {grown:.1f} MB", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--value-bytes", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--skip-slow", action="store_true")
    options = parser.parse_args()
    programs = {"redis": REDIS, "towline": TOWLINE}
    contenders = [Contender(name, program, options) for name, program in programs.items()]
    for _ in range(options.rounds):
        for contender in contenders:
            contender.sync()
    for contender in contenders:
        contender.tell()
    for contender in [] if options.skip_slow else contenders:
        contender.slow_sync()
    for contender in contenders:
        contender.server.stop()


main()
