#!/usr/bin/env python3
"""What an operation costs as its collection grows, beside redis-server in the same run.

usage: complexity.py [--sizes 10,10000,1000000] [--rounds N] [operation…]

For each size a collection is filled in both servers; then each operation is sent some
thousand times, pipelined, and the processor time that the server took is divided by
their number. Rounds alternate between the servers, and the least of them counts: what
else the machine does only adds. An operation that Redis documents as O(1) or O(log N)
must not grow with N as a linear one would; the last column says by how much it grew
from the smallest collection to the largest, Redis first. Figures are for reading;
nothing here passes or fails, but an error reply ends the run.
"""
import argparse
import random

from servers import REDIS, TOWLINE, Server, encode

REQUESTS = 4000
BATCH = 200


def member(at):
    return f"member:{at:08}"


# How to fill a collection of one element more, and the operations on it. An operation
# leaves the collection's size as it was, so those that add also take away.
STRUCTURES = {
    "list": (lambda at: ["RPUSH", "list", member(at)], {
        "LPUSH+LPOP": lambda n: [["LPUSH", "list", "x"], ["LPOP", "list"]],
        "RPUSH+RPOP": lambda n: [["RPUSH", "list", "x"], ["RPOP", "list"]],
        "LMOVE": lambda n: [["LMOVE", "list", "list", "LEFT", "RIGHT"]],
        "LRANGE 0 9": lambda n: [["LRANGE", "list", 0, 9]],
        "LINDEX -1": lambda n: [["LINDEX", "list", -1]],
        "LLEN": lambda n: [["LLEN", "list"]],
    }),
    "hash": (lambda at: ["HSET", "hash", member(at), at], {
        "HGET": lambda n: [["HGET", "hash", member(random.randrange(n))]],
        "HSET": lambda n: [["HSET", "hash", member(random.randrange(n)), "y"]],
        "HSET+HDEL": lambda n: [["HSET", "hash", "new", "x"], ["HDEL", "hash", "new"]],
        "HRANDFIELD": lambda n: [["HRANDFIELD", "hash"]],
        "HLEN": lambda n: [["HLEN", "hash"]],
    }),
    "set": (lambda at: ["SADD", "set", member(at)], {
        "SISMEMBER": lambda n: [["SISMEMBER", "set", member(random.randrange(n))]],
        "SADD+SREM": lambda n: [["SADD", "set", "new"], ["SREM", "set", "new"]],
        "SRANDMEMBER": lambda n: [["SRANDMEMBER", "set"]],
        "SCARD": lambda n: [["SCARD", "set"]],
    }),
    "zset": (lambda at: ["ZADD", "zset", at, member(at)], {
        "ZSCORE": lambda n: [["ZSCORE", "zset", member(random.randrange(n))]],
        "ZRANK": lambda n: [["ZRANK", "zset", member(random.randrange(n))]],
        "ZADD": lambda n: [["ZADD", "zset", random.randrange(n), member(random.randrange(n))]],
        "ZADD+ZREM": lambda n: [["ZADD", "zset", random.randrange(n), "new"], ["ZREM", "zset", "new"]],
        "ZRANGE, 10 by rank": lambda n: [zrange(random.randrange(n))],
        "ZRANGE, 10 by score": lambda n: [
            ["ZRANGE", "zset", random.randrange(n), "+inf", "BYSCORE", "LIMIT", 0, 10]],
        "ZCOUNT": lambda n: [["ZCOUNT", "zset", random.randrange(n), "+inf"]],
    }),
    "stream": (lambda at: ["XADD", "stream", f"{at + 1}-0", "field", at], {
        "XADD+XDEL": lambda n: [["XADD", "stream", f"{next(ids)}-0", "f", "v"], ["XDEL", "stream", f"{last()}-0"]],
        "XRANGE COUNT 10": lambda n: [["XRANGE", "stream", random.randrange(n), "+", "COUNT", 10]],
        "XLEN": lambda n: [["XLEN", "stream"]],
    }),
    "string": (lambda at: ["APPEND", "string", b"0123456789abcdef"], {
        "GETRANGE, 16 bytes": lambda n: [getrange(random.randrange(n) * 16)],
        "SETRANGE, 16 bytes": lambda n: [["SETRANGE", "string", random.randrange(n) * 16, b"0123456789ABCDEF"]],
        "SETBIT": lambda n: [["SETBIT", "string", random.randrange(n * 128), 1]],
    }),
}


def zrange(start):
    return ["ZRANGE", "zset", start, start + 9]


def getrange(start):
    return ["GETRANGE", "string", start, start + 15]


class Ids:
    """Ids of a stream that only grow, over both servers and all rounds."""

    def __init__(self):
        self.latest = 1 << 40

    def __next__(self):
        self.latest += 1
        return self.latest


ids = Ids()


def last():
    return ids.latest


class Link:
    """A pipelined connection that reads replies without looking into them."""

    def __init__(self, server):
        self.socket = server.connect()
        self.reader = self.socket.makefile("rb", buffering=1 << 16)

    def skip_reply(self):
        line = self.reader.readline()
        kind, rest = line[:1], line[1:]
        if kind == b"-" or not line:
            raise SystemExit(f"error reply: {line!r}")
        if kind == b"$" and int(rest) >= 0:
            self.reader.read(int(rest) + 2)
        elif kind == b"*":
            for _ in range(max(0, int(rest))):
                self.skip_reply()

    def run(self, commands):
        for at in range(0, len(commands), BATCH):
            batch = commands[at:at + BATCH]
            self.socket.sendall(b"".join(map(encode, batch)))
            for _ in batch:
                self.skip_reply()


def fill(link, size, grow):
    link.run([["FLUSHALL"]])
    for at in range(0, size, 10_000):
        link.run([grow(place) for place in range(at, min(size, at + 10_000))])


def measure(sides, make, size, rounds):
    """Nanoseconds per command, for each server: the least of the rounds."""
    took = [[] for _ in sides]
    for _ in range(rounds):
        commands = []
        while len(commands) < REQUESTS:
            commands += make(size)
        for (server, link), each in zip(sides, took):
            begin = server.cpu_ns()
            link.run(commands)
            each.append((server.cpu_ns() - begin) / len(commands))
    return [min(each) for each in took]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="10,10000,1000000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("operation", nargs="*")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    servers = [Server(REDIS), Server(TOWLINE)]
    sides = [(server, Link(server)) for server in servers]
    print("server CPU, ns per command: redis-server, Towline, and the ratio\n")
    print(f"| | {' | '.join(f'{size:,}' for size in sizes)} | growth |")
    print("|---" * (len(sizes) + 2) + "|")
    for structure, (grow, operations) in STRUCTURES.items():
        chosen = {name: make for name, make in operations.items()
                  if not options.operation or name in options.operation or structure in options.operation}
        rows = {name: [] for name in chosen}
        for size in sizes if chosen else []:
            for _, link in sides:
                fill(link, size, grow)
            for name, make in chosen.items():
                rows[name].append(measure(sides, make, size, options.rounds))
        for name, cells in rows.items():
            told = " | ".join(f"{redis:.0f}, {ours:.0f}: {ours / redis:.2f}" for redis, ours in cells)
            growth = ", ".join(f"{cells[-1][side] / cells[0][side]:.1f}" for side in (0, 1))
            print(f"| {structure}: {name} | {told} | {growth} |", flush=True)
    for server in servers:
        server.stop()


main()
