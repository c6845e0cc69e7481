#!/usr/bin/env python3
"""A full sync of a million keys under write load, beside redis-server in the same run.

usage: full_sync.py [--keys N] [--value-bytes N] [--rounds N] [--skip-slow]

Each server is filled once. Then, in turns: random keys are overwritten all along, one
client pings all along, and a redis-server comes as a replica and asks for everything.
The pings of all rounds are put together, those during syncs apart from those before.
Towline tells its longest hold of the engine's lock in each round, by the clock and in
processor time of the thread that held it: the difference is what the machine's other
work took. At the end a replica reads 5 MB/s, and the primary's memory is watched.
Figures are for reading side by side; nothing here passes or fails.

The writer and the pinging client are processes, so that no interpreter lock of this
script is in what they measure.
"""
import argparse
import multiprocessing
import random
import socket
import time

from servers import REDIS, TOWLINE, Server, encode, wait_for

SLOW_BYTES_PER_SECOND = 5_000_000
SLOW_SECONDS = 20
QUIET_SECONDS = 2
BATCH = 50


def write(server, keys, value_bytes, running, answer):
    value, written = b"w" * value_bytes, 0
    with server.connect() as link:
        while running.value:
            batch = (encode(["SET", f"key:{random.randrange(keys)}", value]) for _ in range(BATCH))
            link.sendall(b"".join(batch))
            got = 0
            while got < BATCH * len("+OK\r\n"):
                got += len(link.recv(1 << 16))
            written += BATCH
            time.sleep(0.002)
    answer.send(written)


def ping(server, running, answer):
    pings = []
    with server.connect() as link:
        while running.value:
            begin = time.monotonic()
            link.sendall(b"PING\r\n")
            link.recv(64)
            pings.append((begin, time.monotonic() - begin))
            time.sleep(0.0005)
    answer.send(pings)


class Load:
    """Overwrites random keys and pings, until stopped."""

    def __init__(self, server, options):
        self.running = multiprocessing.Value("b", 1, lock=False)
        self.began, self.processes, self.answers = time.monotonic(), [], []
        for work, args in (write, (server, options.keys, options.value_bytes)), (ping, (server,)):
            receiver, sender = multiprocessing.Pipe(duplex=False)
            process = multiprocessing.Process(target=work, args=(*args, self.running, sender))
            process.start()
            self.processes.append(process)
            self.answers.append(receiver)

    def stop(self):
        """The writes a second, and all pings as (when, how long)."""
        self.running.value = 0
        written, pings = [answer.recv() for answer in self.answers]
        for process in self.processes:
            process.join()
        return written / (time.monotonic() - self.began), pings


def told(pings):
    took = sorted(pings)
    at = lambda share: took[min(len(took) - 1, int(len(took) * share))] * 1e6
    return f"p50 {at(.5):5.0f} us   p99 {at(.99):6.0f} us   max {at(1):7.0f} us   ({len(took)} pings)"


class Contender:
    """One of the two servers and what was measured of it."""

    def __init__(self, name, program, options):
        self.name, self.options, self.server = name, options, Server(program)
        self.quiet, self.syncing, self.seconds, self.writes, self.holds = [], [], [], [], []
        # The longest reply of DEBUG POPULATE comes after all keys are there.
        self.server.command("DEBUG", "POPULATE", options.keys, "key", options.value_bytes)
        wait_for(lambda: self.server.command("DBSIZE") == b":%d\r\n" % options.keys)

    def sync(self):
        replica = Server(REDIS)
        load = Load(self.server, self.options)
        time.sleep(QUIET_SECONDS)
        self.server.command("CONFIG", "RESETSTAT")
        begin = time.monotonic()
        replica.command("REPLICAOF", "127.0.0.1", self.server.port)
        wait_for(lambda: replica.info("master_link_status") == "up")
        end = time.monotonic()
        if self.name == "towline":
            fields = "lock_held_max_usec", "lock_held_max_cpu_usec"
            self.holds.append(tuple(self.server.info(field) for field in fields))
        writes, pings = load.stop()
        replica.stop()
        self.seconds.append(end - begin)
        self.writes.append(writes)
        self.quiet += [took for at, took in pings if at < begin]
        self.syncing += [took for at, took in pings if begin <= at < end]

    def tell(self):
        mean = lambda list: sum(list) / len(list)
        print(f"{self.name:8} no sync   {told(self.quiet)}   {mean(self.writes):.0f} writes/s")
        print(f"{self.name:8} sync      {told(self.syncing)}   {mean(self.seconds):.2f} s each")
        if self.holds:
            holds = ", ".join(f"{wall} ({cpu})" for wall, cpu in self.holds)
            print(f"{self.name:8} longest hold of the lock in each round, us (of processor time): {holds}")

    def slow_sync(self):
        load = Load(self.server, self.options)
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
        writes, _ = load.stop()
        grown = (most - before) / 1e6
        print(f"{self.name:8} a replica at 5 MB/s read {got / 1e6:.0f} MB beside {writes:.0f} writes/s; "
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
