// A day's work of ioredis against the server on the port given.
//
//     node job.js PORT
//
// Prints a line for each piece of work, the same with any server that is right; what
// goes wrong ends it with an exception.
"use strict";
const assert = require("assert");
const Redis = require("ioredis");

const PATIENCE_MS = 60_000;
const port = Number(process.argv[2]);
const open = [];
const numbers = (count) => Array.from({ length: count }, (_, number) => number);

function connect() {
  const client = new Redis({ port, host: "127.0.0.1" });
  open.push(client);
  return client;
}

async function until(what, condition) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert(Date.now() < end, `waited in vain until ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

const blocked = async (r) => Number(/blocked_clients:(\d+)/.exec(await r.info("clients"))[1]);

// Workers move jobs to a list of their own while they work on them.
async function workQueue() {
  const r = connect();
  const work = async (number) => {
    const own = connect();
    const mine = `queue:${number}`;
    for (;;) {
      const job = await own.blmove("queue", mine, "RIGHT", "LEFT", PATIENCE_MS / 1000);
      assert(job !== null, "a worker was told of a time-out");
      if (job !== "stop") await own.hincrby("done", job, 1);
      assert.equal(await own.lrem(mine, 1, job), 1);
      if (job === "stop") return;
    }
  };
  const workers = numbers(4).map(work);
  await until("the workers wait", async () => (await blocked(r)) === 4);
  for (const number of numbers(300)) await r.lpush("queue", `job:${number}`);
  await r.lpush("queue", ...Array(4).fill("stop"));
  await Promise.all(workers);
  const done = await r.hgetall("done");
  assert.deepEqual(done, Object.fromEntries(numbers(300).map((n) => [`job:${n}`, "1"])));
  assert.deepEqual(await r.keys("queue*"), []);
  assert.equal(await r.blpop("queue", 0.01), null);
  return `${Object.keys(done).length} jobs, each done once`;
}

// Entries of a stream, each as its id and the value of its field n.
const entriesOf = (entries) => entries.map(([id, flat]) => ({ id, n: Number(flat[flat.indexOf("n") + 1]) }));

// A group of consumers, one of which dies with entries that it has not acknowledged.
async function streams() {
  const r = connect();
  const read = [];
  let written = false;
  const add = (from, to) => r.pipeline(numbers(to).slice(from).map((n) => ["xadd", "log", "*", "n", n])).exec();
  const take = async (client, consumer) => {
    const reply = await client.xreadgroup("GROUP", "readers", consumer, "COUNT", 5, "BLOCK", 100, "STREAMS", "log", ">");
    return reply === null ? [] : entriesOf(reply[0][1]);
  };
  const consume = async (consumer) => {
    const own = connect();
    for (;;) {
      const nothingComes = written;
      const entries = await take(own, consumer);
      if (entries.length === 0 && nothingComes) return;
      for (const { id, n } of entries) {
        read.push(n);
        assert.equal(await own.xack("log", "readers", id), 1);
      }
    }
  };
  await r.xgroup("CREATE", "log", "readers", "$", "MKSTREAM");
  await add(0, 20);
  assert.equal((await take(connect(), "dies")).length, 5);
  const consumers = ["anna", "bert", "cora"].map(consume);
  await add(20, 200);
  written = true;
  await Promise.all(consumers);
  assert.equal((await r.xpending("log", "readers"))[0], 5);
  const [start, claimed, gone] = await r.xautoclaim("log", "readers", "heir", 0, "0", "COUNT", 10);
  assert.deepEqual([start, gone], ["0-0", []]);
  const inherited = entriesOf(claimed);
  assert.equal(await r.xack("log", "readers", ...inherited.map(({ id }) => id)), 5);
  read.push(...inherited.map(({ n }) => n));
  assert.deepEqual(read.sort((a, b) => a - b), numbers(200));
  assert.equal((await r.xpending("log", "readers"))[0], 0);
  return `${read.length} entries, each read once, ${inherited.length} of them by an heir`;
}

async function publishSubscribe() {
  const [r, listener] = [connect(), connect()];
  const heard = [];
  listener.on("message", (channel, text) => heard.push([channel, text]));
  listener.on("pmessage", (pattern, channel, text) => heard.push([channel, text]));
  assert.equal(await listener.subscribe("news"), 1);
  assert.equal(await listener.psubscribe("weather.*"), 2);
  const expected = numbers(100).flatMap((n) => [["news", `${n}`], ["weather.north", `wind ${n}`]]);
  for (const [channel, text] of expected) assert.equal(await r.publish(channel, text), 1);
  await until("all is heard", () => heard.length >= expected.length);
  assert.deepEqual(heard, expected);
  await listener.unsubscribe("news");
  assert.equal(await r.publish("news", "late"), 0);
  return `${heard.length} messages, in order`;
}

async function pipelines() {
  const r = connect();
  const commands = numbers(1000).flatMap((n) => [["set", `p:${n}`, n], ["incr", `p:${n}`]]);
  const replies = await r.pipeline(commands).exec();
  assert.deepEqual(replies, numbers(1000).flatMap((n) => [[null, "OK"], [null, n + 1]]));
  const [set, failed, added] = await r.multi().set("text", "x").incr("text").zadd("z", 1.5, "a").exec();
  assert.deepEqual([set, added], [[null, "OK"], [null, 1]]);
  assert.match(failed[0].message, /value is not an integer or out of range$/);
  const found = [];
  for await (const keys of r.scanStream({ match: "p:*", count: 50 })) found.push(...keys);
  assert.equal(new Set(found).size, 1000);
  return "2000 replies, a failure inside a transaction, a scan";
}

// Several clients raise a number that only WATCH keeps right.
async function counters() {
  const r = connect();
  await r.set("counter", 0);
  const count = async () => {
    const own = connect();
    for (let step = 0; step < 50; ) {
      await own.watch("counter");
      const value = Number(await own.get("counter"));
      if ((await own.multi().set("counter", value + 1).exec()) !== null) step += 1;
    }
  };
  await Promise.all(numbers(4).map(count));
  await r.watch("counter");
  await connect().incr("counter");
  assert.equal(await r.multi().set("counter", "lost").exec(), null);
  return `${await r.get("counter")} after 201 steps`;
}

// The library speaks RESP2, so that another connection is told of what has changed.
async function clientSideCaching() {
  const [r, ear, other] = [connect(), connect(), connect()];
  const heard = [];
  ear.on("message", (_, keys) => heard.push(keys));
  const id = await ear.client("ID");
  await ear.subscribe("__redis__:invalidate");
  assert.equal(await r.client("TRACKING", "ON", "REDIRECT", id), "OK");
  await other.set("cached", "old");
  assert.equal(await r.get("cached"), "old");
  await other.set("unread", "x");
  await other.set("cached", "new");
  await until("it is told", () => heard.length > 0);
  assert.deepEqual(heard.flat(), ["cached"]);
  assert.equal(await r.client("TRACKINGINFO").then((info) => info[3]), id);
  return `told of ${heard.flat()} alone`;
}

async function main() {
  for (const work of [workQueue, streams, publishSubscribe, pipelines, counters, clientSideCaching]) {
    console.log(`${work.name}: ${await work()}`);
  }
  open.forEach((client) => client.disconnect());
}

main();
