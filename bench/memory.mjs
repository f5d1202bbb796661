// How much memory a page of 50,000 rows takes in the Worker's isolate: its JavaScript heap and everything that hangs on it
// outside (array buffers, wasm's memory, long strings), as the inspector's Runtime.getHeapUsage says, asked again and again
// while the page is made. The database's isolate, which miniflare runs in the same process, is not in it, and garbage that
// was not collected yet is. Idle is after some small pages and a collection.

import { setTimeout as pause } from "node:timers/promises";

import { post } from "../scripts/live-sql.mjs";
import { startWorker } from "../tests/e2e/worker.mjs";
import { keys } from "./todos.mjs";

const rows = 50_000;
const megabyte = 2 ** 20;
const pages = [
  { name: "50,000 rows", accept: "application/json" },
  { name: "50,000 rows, again", accept: "application/json" },
  { name: "50,000 rows as CSV", accept: "text/csv" },
];

/** Of each page its megabytes, and the most there was above idle while it was made, of the heap and of wasm's memory. */
export async function memory() {
  const worker = await startWorker({ build: "build", vars: { MAX_ROWS: String(rows), RATE_LIMITS: "false" }, inspected: true });
  const isolate = await inspected(worker.mf);
  try {
    await fill(worker.url);
    const path = "/rest/v1/pages?select=id,title,body,done&order=id";
    for (let warm = 0; warm < 20; warm += 1) await read(worker, `${path}&limit=1`);
    const results = [];
    for (const { name, accept } of pages) {
      const idle = await isolate.settled();
      const watch = isolate.watch();
      const bytes = await read(worker, path, accept);
      const most = await watch.most();
      results.push({ name, page: bytes / megabyte, heap: most.heap - idle.heap, wasm: most.wasm - idle.wasm });
    }
    return results;
  } finally {
    isolate.close();
    await worker.dispose();
  }
}

/** The inspector of the Worker's own isolate. */
async function inspected(mf) {
  const { host } = await mf.getInspectorURL();
  const targets = await (await fetch(`http://${host}/json`)).json();
  const target = targets.find(({ id }) => id.startsWith("core:user:"));
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  const waiting = new Map();
  let contextId;
  socket.onmessage = ({ data }) => {
    const { id, result, method, params } = JSON.parse(data);
    if (method === "Runtime.executionContextCreated") contextId = params.context.id;
    waiting.get(id)?.(result);
    waiting.delete(id);
  };
  let sent = 0;
  const ask = (method, params) =>
    new Promise((resolve) => {
      waiting.set((sent += 1), resolve);
      socket.send(JSON.stringify({ id: sent, method, params }));
    });
  const heap = async () => {
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = await ask("Runtime.getHeapUsage");
    return (usedSize + embedderHeapUsedSize + backingStorageSize) / megabyte;
  };
  /** Wasm's memory, which never shrinks. Asking collects garbage. */
  const wasm = async () => {
    await ask("Runtime.enable");
    const { result } = await ask("Runtime.evaluate", { expression: "WebAssembly.Memory.prototype", contextId });
    const { objects } = await ask("Runtime.queryObjects", { prototypeObjectId: result.objectId });
    const sum = "function () { return this.reduce((sum, memory) => sum + memory.buffer.byteLength, 0); }";
    const called = await ask("Runtime.callFunctionOn", { objectId: objects.objectId, functionDeclaration: sum, returnByValue: true });
    return called.result.value / megabyte;
  };
  return {
    async settled() {
      await pause(1000);
      const ofWasm = await wasm();
      return { heap: await heap(), wasm: ofWasm };
    },
    watch() {
      let most = 0;
      let watching = true;
      const watched = (async () => {
        while (watching) most = Math.max(most, await heap());
      })();
      return {
        async most() {
          watching = false;
          await watched;
          return { heap: most, wasm: await wasm() };
        },
      };
    },
    close: () => socket.close(),
  };
}

async function fill(url) {
  const sql = "CREATE TABLE pages (id int PRIMARY KEY, title text, body text, done boolean); ALTER TABLE pages DISABLE ROW LEVEL SECURITY;";
  const send = async (path, body) => {
    const refusal = await post(url, path, body);
    if (refusal) throw new Error(refusal);
  };
  await send("migrations", { version: "1", name: "pages", sql });
  for (let from = 0; from < rows; from += 5000) {
    const some = `INSERT INTO pages SELECT n, 'Page ' || n, repeat('words ', 20), n % 2 = 0 FROM generate_series(${from + 1}, ${from + 5000}) AS n`;
    await send("query", { sql: some });
  }
}

/** Reads an answer whole, without keeping it; gives its bytes. */
async function read({ url, vars }, path, accept = "application/json") {
  const answer = await fetch(url + path, { headers: { ...keys(vars.ANON_KEY), accept } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  let bytes = 0;
  for await (const chunk of answer.body) bytes += chunk.length;
  return bytes;
}
