// Public downloads that the edge answers by itself: the real cache before the real Worker, supabase-js, and a double of Cloudflare's
// purge API that can fail. It knows the URLs of what was uploaded and removes those of the tags it is told from Miniflare's cache.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { backEnd } from "./project.mjs";
import { freePort, startWorker } from "./worker.mjs";

let worker;
let files;
let api;
/** What the purge API was asked, and what it answers. */
const asked = [];
let status = 200;

/** What was uploaded, and the tags it is kept with. */
const urls = [];
const tagOf = (bucket, name) => createHash("sha256").update(`${worker.url}\n${bucket}\n${name}`).digest("hex").slice(0, 32);

before(async () => {
  api = createServer((request, response) => {
    let body = "";
    request.on("data", (data) => (body += data)).on("end", async () => {
      asked.push({ method: request.method, url: request.url, authorization: request.headers.authorization, body: JSON.parse(body) });
      const cache = (await worker.mf.getCaches()).default;
      const gone = urls.filter(({ tags }) => status === 200 && tags.some((tag) => JSON.parse(body).tags.includes(tag)));
      for (const { url } of gone) await cache.delete(url);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ success: status === 200, errors: [], result: { id: "zone" } }));
    });
  }).listen(0, "127.0.0.1");
  await once(api, "listening");
  const port = await freePort();
  const vars = {
    EDGE_CACHE_ORIGIN: `http://127.0.0.1:${port}`,
    EDGE_CACHE_ZONE_ID: "zone1",
    EDGE_CACHE_PURGE_TOKEN: "purge-token",
    CLOUDFLARE_API_URL: `http://127.0.0.1:${api.address().port}/client/v4`,
  };
  worker = await startWorker({ port, vars });
  const { storage } = backEnd(worker.url);
  assert.equal((await storage.createBucket("open", { public: true })).error, null);
  assert.equal((await storage.createBucket("closed", { public: false })).error, null);
  files = storage.from("open");
});
after(async () => {
  await worker.dispose();
  api.close();
});

async function upload(name, text, options = {}) {
  const { error } = await files.upload(name, text, { upsert: true, contentType: "text/plain", ...options });
  assert.equal(error, null);
  urls.push({ url: urlOf(name), tags: [tagOf("", ""), tagOf("open", ""), tagOf("open", name)] });
}

const urlOf = (name) => files.getPublicUrl(name).data.publicUrl;

async function get(name, options) {
  const answer = await fetch(urlOf(name), options);
  return { status: answer.status, from: answer.headers.get("cf-cache-status"), text: await answer.text(), headers: answer.headers };
}

/** An answer is kept after it was sent; then, and only then, the row is looked at once more. */
async function untilKept(name) {
  for (let tries = 0; tries < 250; tries += 1) {
    const answer = await get(name);
    if (answer.from === "HIT") return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${name} is not kept`);
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 500));

test("the second time nobody is asked", async () => {
  const text = "hello ".repeat(20_000);
  await upload("a folder/a b.txt", text);
  const first = await get("a folder/a b.txt");
  assert.deepEqual([first.status, first.from, first.text], [200, "MISS", text]);
  const second = await untilKept("a folder/a b.txt");
  assert.deepEqual([second.status, second.text], [200, text]);
  for (const name of ["etag", "content-type", "content-length", "cache-control", "last-modified", "accept-ranges"]) {
    assert.equal(second.headers.get(name), first.headers.get(name), name);
  }
  assert.equal(second.headers.get("access-control-allow-origin"), "*");
  await settled();
  const before = worker.logs.length;
  for (let times = 0; times < 3; times += 1) assert.equal((await get("a folder/a b.txt")).from, "HIT");
  await settled();
  assert.deepEqual(worker.logs.slice(before), [], "the Worker's own code did not run");

  const part = await get("a folder/a b.txt", { headers: { range: "bytes=6-10" } });
  assert.deepEqual([part.status, part.from, part.text, part.headers.get("content-range")], [206, "HIT", "hello", `bytes 6-10/${text.length}`]);
  const known = await get("a folder/a b.txt", { headers: { "if-none-match": first.headers.get("etag") } });
  assert.deepEqual([known.status, known.text], [304, ""]);
  const other = await get("a folder/a b.txt", { headers: { "if-none-match": '"other"' } });
  assert.equal(other.status, 200);
  assert.equal((await (await files.download("a folder/a b.txt")).data.text()), text);
  assert.deepEqual(worker.logs.slice(before).filter((line) => line.includes('"status":5')), []);

  // Whatever else is asked is asked of the row.
  const conditional = await get("a folder/a b.txt", { headers: { range: "bytes=0-1", "if-range": '"other"' } });
  assert.deepEqual([conditional.status, conditional.text], [200, text]);
  const saved = await fetch(files.getPublicUrl("a folder/a b.txt", { download: "b.txt" }).data.publicUrl);
  assert.match(saved.headers.get("content-disposition"), /^attachment; filename=b\.txt/);
  const head = await fetch(urlOf("a folder/a b.txt"), { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, String(text.length)]);
});

test("a change is told before it is answered", async () => {
  await upload("changed", "old");
  await untilKept("changed");
  await settled();
  asked.length = 0;
  await upload("changed", "newer");
  assert.deepEqual(asked, [
    { method: "POST", url: "/client/v4/zones/zone1/purge_cache", authorization: "Bearer purge-token", body: { tags: [tagOf("open", "changed")] } },
  ]);
  assert.equal((await get("changed")).text, "newer");
  assert.equal((await untilKept("changed")).text, "newer");
  await files.remove(["changed"]);
  assert.equal((await get("changed")).status, 400);
  assert.equal(asked.length, 2);
});

test("a write stands when the purge API fails, and it is told after the answer", async () => {
  await upload("failing", "old");
  await untilKept("failing");
  await settled();
  asked.length = 0;
  status = 500;
  await upload("failing", "newer");
  assert.equal(asked.length, 3, "three tries");
  assert.equal((await get("failing")).text, "newer", "here it holds at once");
  status = 200;
  for (let tries = 0; tries < 100 && asked.length < 4; tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(asked.length, 4);
  assert.deepEqual(asked[3].body, asked[0].body);
  await settled();
  const database = await worker.mf.getD1Database("DB");
  assert.deepEqual(await database.prepare('SELECT count(*) AS count FROM "storage.edge_changes"').first(), { count: 0 });
  assert.ok(worker.logs.some((line) => line.includes("the purge API answered 500")));
});

test("a bucket that becomes private is closed at the edge, and nothing private is ever kept", async () => {
  await upload("secret", "was open");
  await untilKept("secret");
  const { storage } = backEnd(worker.url);
  await storage.updateBucket("open", { public: false });
  const refused = await get("secret");
  assert.deepEqual([refused.status, refused.from], [400, null]);
  const { data } = await files.createSignedUrl("secret", 60);
  for (let times = 0; times < 2; times += 1) assert.equal((await fetch(data.signedUrl)).headers.get("cf-cache-status"), "BYPASS");
  await settled();
  assert.equal((await get("secret")).status, 400);
  await storage.updateBucket("open", { public: true });
  assert.equal((await get("secret")).from, "MISS");
});
