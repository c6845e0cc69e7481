#!/usr/bin/env python3
"""BGSAVE of 5 million keys under a steady write load, beside redis-server in the same run.

usage: bgsave.py [--keys N] [--value-bytes N] [--rounds N] [--format rdb|towline]

Each server is filled once. Then, in turns: random keys are overwritten all along, one
client overwrites a key at a time all along and measures how long that takes, and after
a while without a snapshot there is a BGSAVE. What was measured during snapshots is put
together over the rounds, and so is what was measured before them.

Memory is the process's RSS, sampled all along; for a server that forks, what the child
held for itself (its own figure, rdb_last_cow_size) counts as well. Figures are for
reading side by side; nothing here passes or fails.
"""
import argparse
import time

from load import Load, at, one_write, write
from servers import REDIS, TOWLINE, Server, wait_for

QUIET_S = 8
SAMPLE_EVERY_S = 0.005


class Contender:
    """One of the servers and what was measured of it."""

    def __init__(self, name, program, options):
        self.name, self.options = name, options
        self.server = Server(program, "--dbfilename", f"dump.{options.format}")
        self.quiet, self.saving, self.seconds = [], [], []
        self.memory, self.writes = [], []
        self.server.command("DEBUG", "POPULATE", options.keys, "key", options.value_bytes)
        wait_for(lambda: self.server.command("DBSIZE") == b":%d\r\n" % options.keys)

    def round(self):
        keys, value_bytes = self.options.keys, self.options.value_bytes
        load = Load((write, self.server, keys, value_bytes),
                    (one_write, self.server, keys, value_bytes))
        time.sleep(QUIET_S)
        steady = self.server.rss_bytes()
        begin = time.monotonic()
        self.server.command("BGSAVE")
        most = self.most_until_saved(steady)
        end = time.monotonic()
        ran_s, (written, measured) = load.stop()
        if self.server.info("rdb_last_bgsave_status") != "ok":
            raise SystemExit(f"{self.name}: no snapshot")
        most += int(self.server.info("rdb_last_cow_size"))
        self.seconds.append(end - begin)
        self.memory.append((steady, most))
        self.writes.append(written / ran_s)
        warm = begin - QUIET_S + 1
        self.quiet += [took for when, took in measured if warm <= when < begin]
        self.saving += [took for when, took in measured if begin <= when < end]

    def most_until_saved(self, most):
        """The largest RSS until no snapshot is being made; asks for that seldom, as
        INFO takes the server's time."""
        samples = 0
        while samples % 40 != 39 or self.server.info("rdb_bgsave_in_progress") != "0":
            most = max(most, self.server.rss_bytes())
            samples += 1
            time.sleep(SAMPLE_EVERY_S)
        return most

    def tell(self):
        mean = lambda figures: sum(figures) / len(figures)
        for what, taken in ("no snapshot", self.quiet), ("BGSAVE", self.saving):
            shares = (f"{name} {at(taken, share) * 1e6:5.0f}"
                      for name, share in (("p50", .5), ("p99", .99), ("p99.9", .999), ("max", 1)))
            print(f"{self.name:8} {what:12} us: {'  '.join(shares)}   ({len(taken)} writes)")
        ratio = at(self.saving, .999) / at(self.quiet, .999)
        steady, most = max(self.memory, key=lambda pair: pair[1] / pair[0])
        print(f"{self.name:8} p99.9 {ratio:.2f} times that without; memory at most "
              f"{most / steady:.3f} times the steady {steady / 1e6:.0f} MB; "
              f"{mean(self.seconds):.2f} s each beside {mean(self.writes):.0f} writes/s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keys", type=int, default=5_000_000)
    parser.add_argument("--value-bytes", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--format", choices=("rdb", "towline"), default="rdb",
                        help="of Towline; redis-server always writes RDB")
    options = parser.parse_args()
    programs = {"redis": REDIS, "towline": TOWLINE}
    contenders = [Contender(name, program, options) for name, program in programs.items()]
    for _ in range(options.rounds):
        for contender in contenders:
            contender.round()
    for contender in contenders:
        contender.tell()
        contender.server.stop()


main()
