#!/usr/bin/env python3
"""kill -9 of a replica and of a primary under writes: what coming back costs.

usage: partial_after_kill.py [--megabytes N] [--writes-per-second N] [--seconds N]

A primary and its replica, both with appendonly yes, take the given amount of data in
ordinary SETs. Then, with a client that goes on writing, the replica is killed, left
dead for a few seconds and started again; and then the primary, which comes back with a
new history that goes on from the end of its log. The primary's INFO tells how each link
came back, how far the stream was ahead of the replica, and what was sent until it was
there. At the end the datasets are compared.

The memory backlog has its default size, which is far too small for this: it is the log
on disk that serves. It fails where a full sync was needed, or the datasets differ.
"""
import argparse
import multiprocessing
import random
import time

from servers import TOWLINE, Server, encode, wait_for

VALUE_BYTES = 1000
BATCH = 100
SETTINGS = ["--appendonly", "yes", "--repl-backlog-disk-size", "2gb"]
FIELDS = ["sync_full", "sync_partial_ok", "repl_resync_from_disk",
          "repl_resync_missed_bytes", "repl_resync_sent_bytes"]


def set_batch(link, keys):
    value = random.randbytes(VALUE_BYTES // 2).hex().encode()
    link.sendall(b"".join(encode(["SET", f"key:{key}", value]) for key in keys))
    got = 0
    while got < len(keys) * len("+OK\r\n"):
        part = link.recv(1 << 16)
        if not part:
            raise ConnectionError
        got += len(part)


def write(server, keys, per_second, running):
    """Overwrites random keys, through the server's absences."""
    while running.value:
        try:
            with server.connect() as link:
                begin, written = time.monotonic(), 0
                while running.value:
                    set_batch(link, [random.randrange(keys) for _ in range(BATCH)])
                    written += BATCH
                    time.sleep(max(0, written / per_second - (time.monotonic() - begin)))
        except OSError:
            time.sleep(0.05)


class Load:
    def __init__(self, server, options):
        self.running = multiprocessing.Value("b", 1, lock=False)
        args = server, options.keys, options.writes_per_second, self.running
        self.process = multiprocessing.Process(target=write, args=args)
        self.process.start()

    def stop(self):
        self.running.value = 0
        self.process.join()


def offset(server):
    return int(server.info("master_repl_offset"))


def in_sync(primary, replica):
    return replica.info("master_link_status") == "up" and offset(replica) == offset(primary)


def absence(name, victim, primary, replica, seconds):
    """Kills `victim`, starts it again, and tells how the link came back."""
    before = {field: int(primary.info(field)) for field in FIELDS}
    if victim is primary:
        before = dict.fromkeys(FIELDS, 0)
    had = offset(replica)
    victim.kill()
    time.sleep(seconds)
    begin = time.monotonic()
    victim.start()
    wait_for(lambda: victim.info("loading") == "0")
    loaded = time.monotonic() - begin
    wait_for(lambda: replica.info("master_link_status") == "up"
             and primary.info("connected_slaves") == "1")
    linked = time.monotonic() - begin
    moved = offset(primary) - had
    # The counters of bytes are brought up to date once a second.
    missed = lambda: int(primary.info(FIELDS[3])) - before[FIELDS[3]]
    sent = lambda: int(primary.info(FIELDS[4])) - before[FIELDS[4]]
    wait_for(lambda: sent() >= missed())
    full, partial, from_disk = (int(primary.info(f)) - before[f] for f in FIELDS[:3])
    print(f"kill -9 of the {name}: sync_full {full}, sync_partial_ok {partial} "
          f"({from_disk} from disk); the stream had moved by {moved / 1e6:.2f} MB when the link "
          f"was up, missed {missed() / 1e6:.2f} MB, sent {sent() / 1e6:.2f} MB; "
          f"log loaded after {loaded:.1f} s, link up after {linked:.1f} s", flush=True)
    return full


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--writes-per-second", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    options.keys = options.megabytes * 1_000_000 // VALUE_BYTES
    primary = Server(TOWLINE, *SETTINGS)
    replica = Server(TOWLINE, *SETTINGS, "--replicaof", "127.0.0.1", primary.port)
    try:
        wait_for(lambda: in_sync(primary, replica))
        with primary.connect() as link:
            for first in range(0, options.keys, BATCH):
                set_batch(link, range(first, min(first + BATCH, options.keys)))
        wait_for(lambda: in_sync(primary, replica))
        print(f"{options.keys} keys, a stream of {offset(primary) / 1e6:.0f} MB; "
              f"{options.writes_per_second} writes a second of {VALUE_BYTES} bytes from here on",
              flush=True)
        load = Load(primary, options)
        time.sleep(options.seconds)
        full = absence("replica", replica, primary, replica, options.seconds)
        time.sleep(options.seconds)
        full += absence("primary", primary, primary, replica, options.seconds)
        time.sleep(options.seconds)
        load.stop()
        wait_for(lambda: in_sync(primary, replica))
        digests = [server.command("DEBUG", "DIGEST") for server in (primary, replica)]
        same = digests[0] == digests[1]
        print(f"the datasets are {'equal' if same else 'different'}")
        if full or not same:
            raise SystemExit(1)
    finally:
        for server in (replica, primary):
            server.stop()


main()
