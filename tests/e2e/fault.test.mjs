// What goes wrong in one request stays in it: panics, panicking Durable Objects, bindings that throw.

import assert from "node:assert/strict";
import { test } from "node:test";

import { raw, signUp, visitor } from "./project.mjs";
import { startWorker } from "./worker.mjs";

/** A request that hangs fails its test long before the runner's own limit. */
const patience = () => AbortSignal.timeout(15_000);

/** As {@link startWorker}, gone when the test ends. */
async function worker(t, options) {
  const started = await startWorker({ ...options, vars: { RATE_LIMITS: "false", ...options?.vars } });
  t.after(started.dispose);
  return started;
}

/**
 * Sign-ins one after the other on six connections, each worked on for the time a password hash takes. `finish()` lets the
 * last ones end: all must have succeeded.
 */
async function signInsUnderWay(url, { email, password }) {
  const statuses = new Set();
  let over = false;
  const connection = async () => {
    do {
      const { status } = await raw(url, "/auth/v1/token?grant_type=password", post({ email, password }));
      statuses.add(status);
    } while (!over);
  };
  const connections = Promise.all(Array.from({ length: 6 }, connection));
  // Long enough for them to arrive, not for their hashes to be done.
  await new Promise((resolve) => setTimeout(resolve, 30));
  return async function finish() {
    over = true;
    await connections;
    assert.deepEqual([...statuses], [200]);
  };
}

const post = (body) => ({
  method: "POST",
  body: JSON.stringify(body),
  headers: { "content-type": "application/json" },
  signal: patience(),
});

test("a panic fails its own request and no other of the isolate", async (t) => {
  const { url, logs } = await worker(t);
  const ann = await signUp(url, "ann");
  const finish = await signInsUnderWay(url, ann);

  const answer = await raw(url, "/admin/v1/fault/panic", { signal: patience() });
  assert.equal(answer.status, 500);
  assert.equal(answer.json().message, "Internal server error");
  assert.ok(answer.headers.get("x-request-id"));

  await finish();
  const { data, error } = await ann.client.auth.getUser();
  assert.equal(error, null);
  assert.equal(data.user.email, ann.email);
  assert.ok(logs.some((line) => line.includes("a handler panics on purpose")), "the panic's place is in the log");
});

test("a Durable Object that panics answers, and the others do their work", async (t) => {
  const { url } = await worker(t);
  const ann = await signUp(url, "ann");
  const finish = await signInsUnderWay(url, ann);

  const wrong = { email: ann.email, password: "panic in the Durable Object" };
  const answer = await raw(url, "/auth/v1/token?grant_type=password", post(wrong));
  assert.equal(answer.status, 500);
  assert.equal(answer.json().code, 500);
  assert.doesNotMatch(answer.text, /panic|Durable/, "the cause is for the log");

  await finish();
  const { error } = await visitor(url).auth.signInWithPassword({ email: ann.email, password: ann.password });
  assert.equal(error, null);
});

test("a bucket that throws fails the upload alone", async (t) => {
  const { url, vars } = await worker(t, { broken: ["BUCKET"] });
  const ann = await signUp(url, "ann");
  const key = vars.SERVICE_ROLE_KEY;
  const made = await raw(url, "/storage/v1/bucket", { key, ...post({ name: "pictures" }), headers: { authorization: `Bearer ${key}`, "content-type": "application/json" } });
  assert.equal(made.status, 200);
  const finish = await signInsUnderWay(url, ann);

  const upload = { method: "POST", body: "bytes", headers: { "content-type": "text/plain" }, signal: patience() };
  const answer = await raw(url, "/storage/v1/object/pictures/one.txt", { key, ...upload });
  assert.equal(answer.status, 500);
  assert.doesNotMatch(answer.text, /is not a function/, "the cause is for the log");
  await finish();

  // Nothing is half done: there is no object without bytes.
  const listed = await raw(url, "/storage/v1/object/list/pictures", { key, ...post({ prefix: "" }), headers: { authorization: `Bearer ${key}`, "content-type": "application/json" } });
  assert.deepEqual(listed.json(), []);
});

test("a database that throws is a 500 in the API's own words", async (t) => {
  const { url } = await worker(t, { broken: ["DB"] });
  const answer = await raw(url, "/auth/v1/signup", post({ email: "ann@example.com", password: "long enough" }));
  assert.equal(answer.status, 500);
  assert.equal(answer.json().error_code, "unexpected_failure");
  assert.equal((await raw(url, "/health", { signal: patience() })).status, 200);
});

test("a hasher that throws makes no account", async (t) => {
  const { url, mf } = await worker(t, { broken: ["HASHER"] });
  const answer = await raw(url, "/auth/v1/signup", post({ email: "ann@example.com", password: "long enough" }));
  assert.equal(answer.status, 500);
  const database = await mf.getD1Database("DB");
  assert.equal(await database.prepare('SELECT count(*) AS users FROM "auth.users"').first("users"), 0);
});

test("sessions work without KV, which only ends them sooner", async (t) => {
  const { url } = await worker(t, { broken: ["SESSIONS"] });
  const ann = await signUp(url, "ann");
  const { data, error } = await ann.client.auth.getUser();
  assert.equal(error, null);
  assert.equal(data.user.email, ann.email);
});

test("a rate limiter that throws limits nobody", async (t) => {
  const { url } = await worker(t, { broken: ["RATE_LIMITER"], vars: { RATE_LIMITS: "true" } });
  await signUp(url, "ann");
});
