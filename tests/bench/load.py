"""Clients of a benchmark that run all along: one that overwrites random keys, and one
that measures how long a command takes.

They are processes, so that no interpreter lock of the script is in what they measure.
"""
import multiprocessing
import random
import time

from servers import encode

BATCH = 50
BATCH_EVERY_S = 0.002
MEASURE_EVERY_S = 0.0005


def write(server, keys, value_bytes, running, answer):
    """Overwrites keys of DEBUG POPULATE, some 20,000 a second; answers how many."""
    value, written = b"w" * value_bytes, 0
    with server.connect() as link:
        while running.value:
            batch = (encode(["SET", f"key:{random.randrange(keys)}", value]) for _ in range(BATCH))
            link.sendall(b"".join(batch))
            got = 0
            while got < BATCH * len("+OK\r\n"):
                got += len(link.recv(1 << 16))
            written += BATCH
            time.sleep(BATCH_EVERY_S)
    answer.send(written)


def ping(server, running, answer):
    """Sends PING; answers all as (when, how long)."""
    answer.send(measured(server, lambda: b"PING\r\n", running))


def one_write(server, keys, value_bytes, running, answer):
    """Overwrites one key at a time; answers all as (when, how long)."""
    value = b"o" * value_bytes
    command = lambda: encode(["SET", f"key:{random.randrange(keys)}", value])
    answer.send(measured(server, command, running))


def measured(server, command, running):
    taken = []
    with server.connect() as link:
        while running.value:
            request = command()
            begin = time.monotonic()
            link.sendall(request)
            link.recv(64)
            taken.append((begin, time.monotonic() - begin))
            time.sleep(MEASURE_EVERY_S)
    return taken


class Load:
    """Runs functions like those above in a process each, until stopped."""

    def __init__(self, *works):
        self.running = multiprocessing.Value("b", 1, lock=False)
        self.began, self.processes, self.answers = time.monotonic(), [], []
        for work, *args in works:
            receiver, sender = multiprocessing.Pipe(duplex=False)
            process = multiprocessing.Process(target=work, args=(*args, self.running, sender))
            process.start()
            self.processes.append(process)
            self.answers.append(receiver)

    def stop(self):
        """How long it ran, and what each of them answers."""
        self.running.value = 0
        answers = [answer.recv() for answer in self.answers]
        for process in self.processes:
            process.join()
        return time.monotonic() - self.began, answers


def at(taken, share):
    """The time, in seconds, that so large a share took at most."""
    taken = sorted(taken)
    return taken[min(len(taken) - 1, int(len(taken) * share))]
