"""A day's work of redis-py against the server on the port given.

    job.py PORT PROTOCOL          PROTOCOL is 2 or 3

Prints a line for each piece of work, the same with any server that is right; what goes
wrong ends it with an exception.
"""

import sys
import threading
import time

import redis
from redis.cache import CacheConfig
from redis.connection import CacheProxyConnection

PATIENCE_S = 60


def wait_until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.005)


def in_threads(count, work):
    """Runs `work(number)` in that many threads; an exception in one is raised here."""
    failures = []

    def guarded(number):
        try:
            work(number)
        except BaseException as failure:  # whatever it was, it is raised again below
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    return threads, failures


def join(threads, failures):
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "a worker hangs"
    if failures:
        raise failures[0]


def work_queue(connect):
    """Workers move jobs to a list of their own while they work on them."""
    jobs, stop = 300, "stop"

    def work(number):
        r = connect()
        mine = f"queue:{number}"
        while True:
            job = r.blmove("queue", mine, PATIENCE_S, "RIGHT", "LEFT")
            assert job is not None, "a worker was told of a time-out"
            if job != stop:
                r.hincrby("done", job, 1)
            assert r.lrem(mine, 1, job) == 1
            if job == stop:
                return

    r = connect()
    workers = in_threads(4, work)
    wait_until("the workers wait", lambda: r.info("clients")["blocked_clients"] == 4)
    for number in range(jobs):
        r.lpush("queue", f"job:{number}")
    r.lpush("queue", *[stop] * 4)
    join(*workers)
    done = r.hgetall("done")
    assert done == {f"job:{n}": "1" for n in range(jobs)}, done
    assert r.keys("queue*") == []
    assert r.blpop(["queue"], 0.01) is None
    return f"{len(done)} jobs, each done once"


def streams(connect):
    """A group of consumers, one of which dies with entries that it has not acknowledged."""
    r, read, lock, written = connect(), [], threading.Lock(), threading.Event()
    r.xgroup_create("log", "readers", "$", mkstream=True)

    def take(r, consumer, block_ms=None):
        reply = r.xreadgroup("readers", consumer, {"log": ">"}, count=5, block=block_ms)
        if not reply:
            return []
        # With RESP3 the library gives a list of lists of entries by the stream's name.
        return reply["log"][0] if isinstance(reply, dict) else reply[0][1]

    def consume(number):
        r = connect()
        while True:
            nothing_comes = written.is_set()
            entries = take(r, f"consumer-{number}", 100)
            if not entries and nothing_comes:
                return
            for identity, fields in entries:
                with lock:
                    read.append(int(fields["n"]))
                assert r.xack("log", "readers", identity) == 1

    for number in range(20):
        r.xadd("log", {"n": number, "at": "the quay"})
    assert len(take(r, "dies")) == 5
    consumers = in_threads(3, consume)
    pipe = r.pipeline(transaction=False)
    for number in range(20, 200):
        pipe.xadd("log", {"n": number, "at": "the quay"})
    pipe.execute()
    written.set()
    join(*consumers)
    assert r.xinfo_groups("log")[0]["lag"] == 0
    assert r.xpending("log", "readers")["pending"] == 5
    start, entries, gone = r.xautoclaim("log", "readers", "heir", 0, count=10)[:3]
    assert (start, gone) == ("0-0", [])
    assert r.xack("log", "readers", *[identity for identity, _ in entries]) == 5
    read += [int(fields["n"]) for _, fields in entries]
    assert sorted(read) == list(range(200)), sorted(read)
    assert r.xpending("log", "readers")["pending"] == 0
    return f"{len(read)} entries, each read once, {len(entries)} of them by an heir"


def publish_subscribe(connect):
    r, listener = connect(), connect().pubsub()
    listener.subscribe("news")
    listener.psubscribe("weather.*")
    heard = [listener.get_message(timeout=PATIENCE_S) for _ in range(2)]
    assert [message["type"] for message in heard] == ["subscribe", "psubscribe"]
    for number in range(100):
        assert r.publish("news", number) == 1
        assert r.publish("weather.north", f"wind {number}") == 1
    heard = [listener.get_message(timeout=PATIENCE_S) for _ in range(200)]
    expected = [d for n in range(100) for d in (("news", str(n)), ("weather.north", f"wind {n}"))]
    assert [(m["channel"], m["data"]) for m in heard] == expected
    assert heard[1]["pattern"] == "weather.*"
    listener.unsubscribe()
    listener.punsubscribe()
    wait_until("nobody listens", lambda: r.publish("news", "late") == 0)
    return f"{len(heard)} messages, in order"


def pipelines(connect):
    r = connect()
    pipe = r.pipeline(transaction=False)
    for number in range(1000):
        pipe.set(f"p:{number}", number).incrby(f"p:{number}", 1)
    replies = pipe.execute()
    assert replies == [x for n in range(1000) for x in (True, n + 1)]
    replies = r.pipeline().set("text", "x").incr("text").zadd("z", {"a": 1.5}).zscore("z", "a")
    replies = replies.execute(raise_on_error=False)
    assert replies[0] is True and replies[2:] == [1, 1.5], replies
    assert str(replies[1]).endswith("value is not an integer or out of range"), replies
    found = sorted(r.scan_iter("p:*", count=50), key=lambda key: int(key[2:]))
    assert found == [f"p:{n}" for n in range(1000)]
    return "2000 replies, a failure inside a transaction, a scan"


def counters(connect):
    """Several clients raise a number that only WATCH keeps right."""
    r = connect()
    r.set("counter", 0)

    def count(_):
        r = connect()
        for _ in range(50):
            r.transaction(lambda pipe: step(pipe), "counter")

    def step(pipe):
        value = int(pipe.get("counter"))
        pipe.multi()
        pipe.set("counter", value + 1)

    join(*in_threads(4, count))
    with r.pipeline() as pipe:
        pipe.watch("counter")
        connect().incr("counter")
        pipe.multi()
        pipe.set("counter", "lost")
        try:
            pipe.execute()
        except redis.WatchError:
            return f"{r.get('counter')} after 201 steps"
    raise AssertionError("a watched key was changed and EXEC did not say so")


def client_side_caching(connect, port):
    """The library's own cache asks for a server of 7.4; tracking is older than that."""
    CacheProxyConnection.MIN_ALLOWED_VERSION = "7.0.0"
    r = redis.Redis(port=port, protocol=3, decode_responses=True, cache_config=CacheConfig())
    other = connect()
    other.set("cached", "old")
    asked = lambda: int(other.info("commandstats")["cmdstat_get"]["calls"])
    assert r.get("cached") == "old"
    before = asked()
    assert [r.get("cached") for _ in range(100)] == ["old"] * 100
    assert asked() == before, "what is cached is asked for again"
    other.set("cached", "new")
    wait_until("the cache has heard of it", lambda: r.get("cached") == "new")
    other.flushall()
    wait_until("the cache is empty", lambda: r.get("cached") is None)
    return "a value is kept until it changes"


def main():
    port, protocol = int(sys.argv[1]), int(sys.argv[2])

    def connect():
        return redis.Redis(port=port, protocol=protocol, decode_responses=True)

    for work in (work_queue, streams, publish_subscribe, pipelines, counters):
        print(f"{work.__name__}: {work(connect)}")
    if protocol == 3:
        print(f"client_side_caching: {client_side_caching(connect, port)}")


main()
