// What only the real runtime can show of images, the edge and R2: the Images binding, the Cache API, bodies that are both sent and
// kept, events on their way out, and checksums on the way in.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import sharp from "sharp";

import { startWorker } from "./worker.mjs";

let worker;
let headers;
before(async () => {
  worker = await startWorker();
  headers = { authorization: `Bearer ${worker.vars.SERVICE_ROLE_KEY}` };
  for (const [name, isPublic] of [["open", true], ["closed", false]]) {
    const body = JSON.stringify({ name, public: isPublic });
    await ask("bucket", { method: "POST", headers: { ...headers, "content-type": "application/json" }, body });
  }
});
after(() => worker.dispose());

function ask(path, options = { headers }) {
  return fetch(`${worker.url}/storage/v1/${path}`, options);
}

async function put(path, body) {
  const answer = await ask(`object/${path}`, { method: "PUT", headers: { ...headers, "cache-control": "max-age=60" }, body });
  assert.equal(answer.status, 200, await answer.text());
}

/** Whether an answer came from the cache, and its bytes. */
async function get(path, options) {
  const answer = await ask(path, options);
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.equal(Number(answer.headers.get("content-length")), bytes.length, path);
  return { status: answer.status, from: answer.headers.get("cf-cache-status"), bytes, headers: answer.headers };
}

const photo = () => sharp({ create: { width: 400, height: 300, channels: 3, background: "teal" } }).jpeg().toBuffer();

test("a private object, asked for while its row is, is what the row says", async () => {
  const path = "object/authenticated/closed/read-ahead";
  // Larger than what a stream hands over at once, so that one that is let go is not at its end.
  for (const letter of "abcdef") {
    const bytes = Buffer.alloc(3_000_000, letter);
    await put("closed/read-ahead", bytes);
    for (const _ of "12") {
      const whole = await get(path);
      assert.deepEqual([whole.from, whole.bytes.equals(bytes)], ["BYPASS", true]);
    }
    const part = await get(path, { headers: { ...headers, range: "bytes=-7" } });
    assert.deepEqual([part.status, part.bytes.toString()], [206, letter.repeat(7)]);
  }
  const parts = await Promise.all([...Array(20).keys()].map((at) => get(path, { headers: { ...headers, range: `bytes=${at}-${2 * at}` } })));
  assert.deepEqual(parts.map(({ bytes }) => bytes.length), parts.map((_, at) => at + 1));
  assert.equal((await ask("object/closed/read-ahead", { method: "DELETE", headers })).status, 200);
  for (const _ of "12") assert.equal((await get(path)).status, 400);
});

for (const [size, name] of [[11, "small"], [300_000, "medium"], [9_000_000, "large"]]) {
  test(`a public object is sent and kept at once, and comes from the cache then: ${name}`, async () => {
    const bytes = Buffer.alloc(size, name);
    await put(`open/${name}`, bytes);
    const first = await get(`object/public/open/${name}`);
    assert.deepEqual([first.from, first.bytes.equals(bytes)], ["MISS", true]);
    const second = await get(`object/public/open/${name}`);
    assert.deepEqual([second.from, second.bytes.equals(bytes)], ["HIT", true]);
    assert.equal(first.headers.get("etag"), second.headers.get("etag"));
    const part = await get(`object/public/open/${name}`, { headers: { range: "bytes=3-6" } });
    assert.deepEqual([part.status, part.from, part.bytes.equals(bytes.subarray(3, 7))], [206, "HIT", true]);
    await put(`open/${name}`, Buffer.from("newer"));
    const newer = await get(`object/public/open/${name}`);
    assert.deepEqual([newer.from, newer.bytes.toString()], ["MISS", "newer"]);
  });
}

test("images are made by the binding: sizes, formats, and kept when public", async () => {
  await put("open/a.jpg", await photo());
  await put("closed/a.jpg", await photo());
  const dimensions = async ({ bytes }) => (({ width, height, format }) => ({ width, height, format }))(await sharp(bytes).metadata());
  const accept = (type) => ({ headers: { ...headers, accept: type } });
  const contained = await get("render/image/public/open/a.jpg?width=200&height=200&resize=contain");
  assert.deepEqual(await dimensions(contained), { width: 200, height: 150, format: "jpeg" });
  const covered = await get("render/image/public/open/a.jpg?width=200&height=200");
  assert.deepEqual(await dimensions(covered), { width: 200, height: 200, format: "jpeg" });
  assert.equal(covered.from, "MISS");
  const again = await get("render/image/public/open/a.jpg?width=200&height=200");
  assert.deepEqual([again.from, again.bytes.equals(covered.bytes)], ["HIT", true]);
  const webp = await get("render/image/public/open/a.jpg?width=40", accept("image/webp,*/*"));
  assert.deepEqual(await dimensions(webp), { width: 40, height: 30, format: "webp" });
  const secret = await get("render/image/authenticated/closed/a.jpg?width=40", { headers });
  assert.deepEqual([secret.from, secret.headers.get("cache-control")], ["BYPASS", "private, max-age=60"]);
  assert.deepEqual(await dimensions(secret), { width: 40, height: 30, format: "jpeg" });
});

test("what only looks like an image is refused", async () => {
  await put("open/broken.jpg", Buffer.from([0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 30, 0, 40, 3, 1, 2, 3]));
  const answer = await ask("render/image/public/open/broken.jpg?width=10");
  assert.equal(answer.status, 400);
  assert.equal((await answer.json()).message, "The source image is invalid or unsupported for rendering");
});

test("a purge is obeyed", async () => {
  await put("open/purged", Buffer.from("kept"));
  await get("object/public/open/purged");
  assert.equal((await get("object/public/open/purged")).from, "HIT");
  const answer = await ask("cdn/open/purged", { method: "DELETE", headers });
  assert.deepEqual(await answer.json(), { message: "success", statusCode: "200" });
  assert.equal((await get("object/public/open/purged")).from, "MISS");
});

function admin(method, path, body) {
  const sent = { ...headers, "content-type": "application/json" };
  return fetch(`${worker.url}/admin/v1/storage/${path}`, { method, headers: sent, body: body && JSON.stringify(body) });
}

test("a webhook is told of an object that is there already, signed", async () => {
  const told = Promise.withResolvers();
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (data) => (body += data)).on("end", () => {
      response.end();
      told.resolve({ headers: request.headers, body });
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${server.address().port}/`;
  const target = await (await admin("PUT", "event-targets/hook", { events: ["ObjectCreated:*"], bucket: "closed", url })).json();
  await put("closed/told", Buffer.from("hello"));
  const { headers: sent, body } = await told.promise;
  const { event } = JSON.parse(body);
  assert.deepEqual([event.type, event.payload.bucketId, event.payload.name], ["ObjectCreated:Put", "closed", "told"]);
  const key = Buffer.from(target.secret.slice("whsec_".length), "base64");
  const signed = createHmac("sha256", key).update(`${sent["webhook-id"]}.${sent["webhook-timestamp"]}.${body}`).digest("base64");
  assert.equal(sent["webhook-signature"], `v1,${signed}`);
  await admin("DELETE", "event-targets/hook");
  server.close();
});

test("a checksum that does not match keeps R2 empty of the bytes", async () => {
  const sum = (algorithm, text) => createHash(algorithm).update(text).digest("base64");
  for (const [header, algorithm] of [["content-md5", "md5"], ["x-amz-checksum-sha256", "sha256"]]) {
    const upload = (text) => ask("object/closed/summed", { method: "PUT", headers: { ...headers, [header]: sum(algorithm, "right") }, body: text });
    const refused = await upload("wrong");
    assert.equal((await refused.json()).code, "InvalidChecksum");
    assert.equal((await upload("right")).status, 200);
  }
});

test("rows and R2 agree after all that, and what does not is found and mended", async () => {
  const bucket = await worker.mf.getR2Bucket("BUCKET");
  const page = async (body) => (await admin("POST", "check", body)).json();
  const clean = await page({});
  assert.ok(clean.keys > 5 && clean.rows > 5, JSON.stringify(clean));
  assert.deepEqual([clean.missing_bytes, clean.wrong_sizes, clean.next], [[], [], null]);
  const { objects } = await bucket.list({ limit: 1 });
  await bucket.delete(objects[0].key);
  const found = await page({});
  assert.deepEqual(found.missing_bytes.map(({ version }) => version), [objects[0].key]);
  assert.equal((await page({ repair: ["rows"] })).repaired, 1);
  assert.deepEqual((await page({})).missing_bytes, []);
});
