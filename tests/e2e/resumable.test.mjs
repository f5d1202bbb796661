// Resumable uploads as people make them: tus-js-client in Node, Uppy in a browser, both unmodified, with the chunks that Supabase
// tells them to send, and with others; and what an app does with the files after that.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { build } from "esbuild";
import { chromium } from "playwright-core";
import { Upload } from "tus-js-client";

import { browserPath } from "../../scripts/browser.mjs";
import { root } from "../../scripts/toolchain.mjs";
import { bytes, hashOf, largest, MIB, sha256, sizes } from "./files.mjs";
import { backEnd } from "./project.mjs";
import { startWorker } from "./worker.mjs";

let worker;
before(async () => {
  worker = await startWorker({ vars: { FILE_SIZE_LIMIT: String(400 * MIB) } });
  await backEnd(worker.url).storage.createBucket("files");
});
after(() => worker.dispose());

const endpoint = () => `${worker.url}/storage/v1/upload/resumable`;
const authorization = () => ({ authorization: `Bearer ${worker.vars.SERVICE_ROLE_KEY}` });

/** Uploads to the end; `onProgress` sees the client and the bytes sent. */
function upload(name, file, options = {}) {
  return new Promise((resolve, reject) => {
    const client = new Upload(file, {
      endpoint: endpoint(),
      headers: authorization(),
      retryDelays: [0, 1000, 3000, 5000],
      chunkSize: 6 * MIB,
      metadata: { bucketName: "files", objectName: name, contentType: "application/octet-stream", cacheControl: "60" },
      ...options,
      onError: reject,
      onSuccess: () => resolve(client),
      onChunkComplete: (size, accepted) => options.onChunk?.(client, accepted, resolve),
    });
    client.start();
  });
}

const download = (name) => fetch(`${worker.url}/storage/v1/object/files/${name}`, { headers: authorization() });

async function assertStored(name, file) {
  const answer = await download(name);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-length"), String(file.length));
  assert.equal(await hashOf(answer), sha256(file));
}

/** What TUS cannot do with a file that was uploaded by it: a range, a list, a copy and a removal, as an app does them. */
async function assertUsable(folder, name, file) {
  const storage = backEnd(worker.url).storage.from("files");
  if (file.length > 0) {
    const [first, last] = [file.length >> 1, Math.min((file.length >> 1) + 999, file.length - 1)];
    const range = { ...authorization(), range: `bytes=${first}-${last}` };
    const part = await fetch(`${worker.url}/storage/v1/object/files/${folder}/${name}`, { headers: range });
    assert.equal(part.status, 206);
    assert.ok(Buffer.from(await part.arrayBuffer()).equals(file.subarray(first, last + 1)), "a range");
  }
  const listed = await storage.list(folder);
  assert.equal(listed.data.find((entry) => entry.name === name).metadata.size, file.length);
  assert.ifError((await storage.copy(`${folder}/${name}`, `${folder}/copy`)).error);
  await assertStored(`${folder}/copy`, file);
  const removed = await storage.remove([`${folder}/${name}`, `${folder}/copy`]);
  assert.equal(removed.data.length, 2);
  assert.equal((await download(`${folder}/${name}`)).status, 400);
}

for (const [size, length] of Object.entries({ ...sizes, "300 MiB": largest })) {
  test(`tus-js-client uploads ${size}`, async () => {
    const file = bytes(length);
    await upload(`sized/${length}`, file);
    await assertStored(`sized/${length}`, file);
    await assertUsable("sized", String(length), file);
  });
}

test("tus-js-client ends an upload that is not wanted any more", async () => {
  const client = await upload("unwanted", bytes(9 * MIB), {
    onChunk: (client, accepted, resolve) => client.abort().then(() => resolve(client)),
  });
  await Upload.terminate(client.url, { headers: authorization() });
  const head = await fetch(client.url, { method: "HEAD", headers: { ...authorization(), "tus-resumable": "1.0.0" } });
  assert.ok([404, 410].includes(head.status), `still ${head.status}`);
  assert.equal((await download("unwanted")).status, 400);
});

test("tus-js-client uploads with chunks of any size, and with none", async () => {
  const file = bytes(20 * MIB + 3);
  for (const chunkSize of [MIB + 1, 5 * MIB + 7, 11 * MIB, Number.POSITIVE_INFINITY]) {
    const name = `chunks/${chunkSize}`;
    await upload(name, file, { chunkSize });
    await assertStored(name, file);
  }
});

test("tus-js-client sends the first bytes with the creation, and the length at the end", async () => {
  const file = bytes(9 * MIB);
  await upload("with-creation", file, { uploadDataDuringCreation: true });
  await assertStored("with-creation", file);
});

test("an upload that was broken off goes on where it was", async () => {
  const file = bytes(20 * MIB);
  let url;
  await upload("broken", file, {
    chunkSize: 4 * MIB,
    onChunk: (client, accepted, resolve) => {
      if (accepted < 8 * MIB) return;
      url = client.url;
      client.abort().then(resolve);
    },
  });
  const head = await fetch(url, { method: "HEAD", headers: { ...authorization(), "tus-resumable": "1.0.0" } });
  assert.equal(head.headers.get("upload-offset"), String(8 * MIB));
  assert.equal((await download("broken")).status, 400, "nothing is there yet");
  await upload("broken", file, { uploadUrl: url });
  await assertStored("broken", file);
});

test("a connection that breaks in a chunk keeps what has arrived", async () => {
  const file = bytes(13 * MIB);
  const metadata = `bucketName ${btoa("files")},objectName ${btoa("cut")}`;
  const tus = { ...authorization(), "tus-resumable": "1.0.0" };
  const begun = await fetch(endpoint(), { method: "POST", headers: { ...tus, "upload-length": String(file.length), "upload-metadata": metadata } });
  const url = begun.headers.get("location");
  const cut = new AbortController();
  let sent = 0;
  const body = new ReadableStream({
    async pull(controller) {
      if (sent >= 8 * MIB) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        cut.abort();
        return;
      }
      controller.enqueue(file.subarray(sent, (sent += MIB)));
    },
  });
  const patch = { ...tus, "upload-offset": "0", "content-type": "application/offset+octet-stream" };
  await assert.rejects(fetch(url, { method: "PATCH", headers: patch, body, duplex: "half", signal: cut.signal }));
  // The Worker notices a moment later; a client would be told 423 until then, and try again.
  let kept = 0;
  for (let tries = 0; tries < 40 && kept < 6 * MIB; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    kept = Number((await fetch(url, { method: "HEAD", headers: tus })).headers.get("upload-offset"));
  }
  assert.ok(kept >= 6 * MIB, `only ${kept} bytes are kept`);
  await upload("cut", file, { uploadUrl: url });
  await assertStored("cut", file);
});

/** A file in pieces, made alike here and in the page: no page takes 300 MiB as an argument. */
function piecesOf(length) {
  const pieces = [];
  for (let at = 0; at < length; at += 1 << 20) {
    const piece = new Uint8Array(Math.min(1 << 20, length - at));
    for (let place = 0; place < piece.length; place += 1) piece[place] = (at >> 20) * 31 + place * 7 + (place >> 8);
    pieces.push(piece);
  }
  return pieces;
}

test("Uppy uploads every size from a page elsewhere", async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        import Uppy from "@uppy/core";
        import Tus from "@uppy/tus";
        ${piecesOf}
        window.send = async (endpoint, headers, files) => {
          const uppy = new Uppy({ autoProceed: false }).use(Tus, { endpoint, headers, chunkSize: 6 * 1024 * 1024,
            allowedMetaFields: ["bucketName", "objectName", "contentType", "cacheControl"] });
          for (const { name, length } of files) {
            const meta = { bucketName: "files", objectName: name, contentType: "text/plain", cacheControl: "60" };
            uppy.addFile({ name, type: "text/plain", data: new Blob(piecesOf(length)), meta });
          }
          const { successful, failed } = await uppy.upload();
          return { successful: successful.length, failed: failed.map(({ error }) => error) };
        };`,
      resolveDir: root,
    },
    bundle: true,
    write: false,
    format: "iife",
  });
  const browser = await chromium.launch({ executablePath: browserPath(), args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: outputFiles[0].text });
    for (const length of [...Object.values(sizes), 20 * MIB, largest]) {
      const file = { name: `uppy/${length}`, length };
      const outcome = await page.evaluate(([url, headers, list]) => window.send(url, headers, list), [endpoint(), authorization(), [file]]);
      assert.deepEqual(outcome, { successful: 1, failed: [] }, `${length} bytes`);
      const content = Buffer.concat(piecesOf(length));
      await assertStored(file.name, content);
      await assertUsable("uppy", String(length), content);
    }
  } finally {
    await browser.close();
  }
});
