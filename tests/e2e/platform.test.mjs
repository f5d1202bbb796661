// What only the real runtime can show: its hosts, its bodies and streams, its R2, its Durable Objects.

import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { after, before, test } from "node:test";

import { backEnd, raw, signUp } from "./project.mjs";
import { startWorker } from "./worker.mjs";

const MIB = 1024 * 1024;

let worker;
before(async () => {
  worker = await startWorker({ vars: { FILE_SIZE_LIMIT: String(24 * MIB) } });
});
after(() => worker.dispose());

/** A request under another name of the server. */
function underHost(url, host, path) {
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { headers: { host } }, (answer) => {
      let text = "";
      answer.on("data", (data) => (text += data)).on("end", () => resolve({ status: answer.statusCode, text }));
    });
    sent.on("error", reject).end();
  });
}

/** An upload without a Content-Length. */
function uploadStream(name, chunks) {
  const body = new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk) controller.enqueue(chunk);
      else controller.close();
    },
  });
  const key = worker.vars.SERVICE_ROLE_KEY;
  const headers = { "content-type": "application/octet-stream" };
  return raw(worker.url, `/storage/v1/object/streams/${name}`, { key, method: "POST", headers, body, duplex: "half" });
}

const storedKeys = async () => (await (await worker.mf.getR2Bucket("BUCKET")).list()).objects.map(({ key }) => key);

test("with the demo keys only loopback hosts are served", async () => {
  assert.equal((await underHost(worker.url, "localhost", "/health")).status, 200);
  const answer = await underHost(worker.url, "todos.example.com", "/rest/v1/todos");
  assert.equal(answer.status, 503);
});

test("a Worker with wrong settings says all of them", async () => {
  const wrong = await startWorker({ vars: { JWT_SECRET: undefined, JWT_EXPIRY: "soon" }, broken: [] });
  try {
    const answer = await raw(wrong.url, "/health");
    assert.equal(answer.status, 503);
    assert.match(answer.text, /JWT_SECRET is not set/);
    assert.match(answer.text, /JWT_EXPIRY must be a whole number/);
  } finally {
    await wrong.dispose();
  }
});

test("an answer has its length, also to HEAD, and its id", async () => {
  const got = await raw(worker.url, "/health");
  const head = await raw(worker.url, "/health", { method: "HEAD" });
  assert.equal(got.headers.get("content-length"), String(got.text.length));
  assert.equal(head.headers.get("content-length"), got.headers.get("content-length"));
  assert.equal(head.text, "");
  assert.notEqual(got.headers.get("x-request-id"), head.headers.get("x-request-id"));
});

test("each request leaves one log line without its secrets", async () => {
  await signUp(worker.url, "logged");
  const lines = worker.logs.filter((line) => line.includes("/auth/v1/signup")).map((line) => JSON.parse(line));
  assert.equal(lines.length, 1);
  assert.equal(lines[0].status, 200);
  assert.doesNotMatch(worker.logs.join("\n"), /long password|eyJ/);
});

/** A request over the connection an agent keeps. Gives its status and whether the connection was one used before. */
function over(agent, method, path, body = "") {
  const key = worker.vars.SERVICE_ROLE_KEY;
  const headers = { apikey: key, authorization: `Bearer ${key}`, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sent = request(worker.url + path, { agent, method, headers }, (answer) => {
      answer.resume().on("end", () => resolve({ status: answer.statusCode, reused: sent.reusedSocket }));
    });
    sent.on("error", reject).end(body);
  });
}

// supabase-py sends `{}` where there is nothing to say, and its next request goes over the same connection.
test("a connection lives on after a body that no handler reads", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    assert.equal((await over(agent, "POST", "/storage/v1/bucket", JSON.stringify({ name: "kept" }))).status, 200);
    for (let turn = 0; turn < 5; turn++) {
      assert.deepEqual(await over(agent, "POST", "/storage/v1/bucket/kept/empty", "{}"), { status: 200, reused: true });
      assert.deepEqual(await over(agent, "POST", "/storage/v1/bucket/not-there/empty", "{}"), { status: 400, reused: true });
    }
    assert.deepEqual(await over(agent, "DELETE", "/storage/v1/bucket/kept", "{}"), { status: 200, reused: true });
  } finally {
    agent.destroy();
  }
});

test("a stream of unknown length is stored whole, or not at all", async () => {
  await backEnd(worker.url).storage.createBucket("streams");
  // Chunks of odd sizes, so that R2's parts of one size do not fall together with them.
  const chunk = (size, at) => new Uint8Array(size).map((_, index) => (index * 7 + at) % 251);
  const sizes = [3 * MIB + 1, 9 * MIB - 5, 17, 5 * MIB];
  const chunks = sizes.map(chunk);
  const whole = Buffer.concat(chunks);

  const before = await storedKeys();
  assert.equal((await uploadStream("large.bin", [...chunks])).status, 200);
  const { data, error } = await backEnd(worker.url).storage.from("streams").download("large.bin");
  assert.equal(error, null);
  assert.ok(Buffer.from(await data.arrayBuffer()).equals(whole));
  assert.equal((await uploadStream("small.bin", [new Uint8Array(10)])).status, 200);
  assert.equal((await uploadStream("empty.bin", [])).status, 200);
  assert.equal((await storedKeys()).length, before.length + 3);

  const refused = await uploadStream("over.bin", Array.from({ length: 25 }, () => new Uint8Array(MIB)));
  assert.equal(refused.json().statusCode, "413");
  assert.equal((await storedKeys()).length, before.length + 3, "nothing of it is left in R2");
});

test("part of an object is sent with its length", async () => {
  const storage = backEnd(worker.url).storage;
  await storage.createBucket("ranges", { public: true });
  await storage.from("ranges").upload("letters.txt", "abcdefghij", { contentType: "text/plain" });
  const range = (range) => raw(worker.url, "/storage/v1/object/public/ranges/letters.txt", { headers: { range } });
  const part = await range("bytes=2-4");
  assert.deepEqual([part.status, part.text], [206, "cde"]);
  assert.equal(part.headers.get("content-length"), "3");
  assert.equal(part.headers.get("content-range"), "bytes 2-4/10");
  assert.equal((await range("bytes=-3")).text, "hij");
  assert.equal((await range("bytes=10-")).status, 416);
});

test("an address that keeps trying has to wait", async () => {
  const limited = await startWorker();
  try {
    const body = JSON.stringify({ email: "somebody@example.com", password: "short" });
    const attempt = () => raw(limited.url, "/auth/v1/signup", { method: "POST", body, headers: { "content-type": "application/json" } });
    const statuses = [];
    for (let count = 0; count < 31; count += 1) statuses.push((await attempt()).status);
    assert.deepEqual(statuses.slice(0, 30).filter((status) => status === 429), []);
    assert.equal(statuses[30], 429);
    const refused = await attempt();
    assert.equal(refused.json().error_code, "over_request_rate_limit");
    assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  } finally {
    await limited.dispose();
  }
});

test("the schedule deletes the bytes that no object refers to", async () => {
  const bucket = await worker.mf.getR2Bucket("BUCKET");
  const database = await worker.mf.getD1Database("DB");
  await bucket.put("left-over", "bytes of an upload that stopped half-way");
  await database.prepare(`INSERT INTO "storage.garbage" (version) VALUES ('left-over')`).run();
  const { outcome } = await (await worker.mf.getWorker()).scheduled({ cron: "17 * * * *" });
  assert.equal(outcome, "ok");
  assert.equal((await storedKeys()).includes("left-over"), false);
});
