// Storage beside a Worker written by hand around an R2 bucket (bare-storage.js): files in and out, and the memory that takes.
// One workerd, the same files, runs in turns.
//
// Memory is the most during a transfer over what there was before the first, sampled every 20 ms. The isolate's is what the runtime's
// inspector tells of V8's heap and the buffers behind it. The process' resident memory has wasm's memory and the runtime's own buffers
// too, and Miniflare's R2: what it has over the bare Worker's, in a process of its own, is ours. The larger of both counts.

import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";

import { Miniflare } from "miniflare";

import { demoVars, localHost } from "../scripts/local.mjs";
import { root } from "../scripts/toolchain.mjs";
import { applySystemMigrations, freePort, optionsOf } from "../tests/e2e/worker.mjs";
import { workerdPids, workerdSeconds } from "./cpu.mjs";
import { load } from "./load.mjs";
import { median } from "./median.mjs";
import { bareModules } from "./throughput.mjs";

const MIB = 1024 * 1024;
const authorization = { authorization: `Bearer ${demoVars().SERVICE_ROLE_KEY}` };

/** What an upload says of its file: without a time to live nothing is kept at the edge. */
const described = { "content-type": "application/octet-stream", "cache-control": "max-age=3600" };

/** Sizes of the files. 100 MB is what Cloudflare lets through in one request. */
const small = 10 * 1024;
const medium = 100 * 1024;
const large = 90 * MIB;

const allFiles = [["closed/small", small], ["open/medium", medium], ["closed/large", large]];

/**
 * Requests as fast as they are answered: both sides' paths, and the least ratio that is good enough. Ours asks D1 before every download,
 * cached or not: who may read it is decided there, and so is what still counts. With EDGE_CACHE_ORIGIN ("told") it does not, since the edge
 * is told what changes.
 */
const requests = [
  { name: "download 10 KiB", least: 0.85, ours: "/storage/v1/object/authenticated/closed/small", bare: "/small", headers: authorization },
  { name: "the same, both ask D1", ours: "/storage/v1/object/authenticated/closed/small", bare: "/row/small", headers: authorization },
  { name: "cached public download 100 KiB, told", least: 0.95, own: "told", ours: "/storage/v1/object/public/open/medium", bare: "/public/medium", headers: {} },
  { name: "cached public download 100 KiB", ours: "/storage/v1/object/public/open/medium", bare: "/public/medium", headers: {} },
  { name: "the same, both ask D1", ours: "/storage/v1/object/public/open/medium", bare: "/public-row/medium", headers: {} },
];

/** One file at a time. */
const transfers = [
  { name: "upload 90 MiB", least: 0.9, method: "PUT", ours: "/storage/v1/object/closed/large", bare: "/large", sent: large },
  { name: "download 90 MiB", least: 0.9, method: "GET", ours: "/storage/v1/object/authenticated/closed/large", bare: "/large", received: large },
];

/** Bytes that a transfer may take. */
const mostMemory = 32 * MIB;

/** Gives medians of both sides and of the rounds' own ratios: of requests or bytes per second, and of processor time; and memory. */
export async function storage({ rounds, seconds, build = "build" }) {
  const workers = await bothWorkers({ build });
  const measured = [];
  try {
    for (const { name, least, headers, own = "ours", ...path } of requests) {
      const origins = { ours: workers.urls[own], bare: workers.urls.bare };
      const run = (side, time) => load({ url: origins[side] + path[side], headers, expect: 200, seconds: time });
      measured.push({ name, least, unit: "requests/s", ...(await inTurns(rounds, (side) => run(side, seconds), (side) => run(side, 1))) });
    }
    for (const { name, least, ...asked } of transfers) {
      const run = (side) => transfer(workers.urls[side] + asked[side], asked);
      measured.push({ name, least, unit: "MB/s", ...(await inTurns(rounds, run, run)) });
    }
  } finally {
    await workers.dispose();
  }
  return { speed: measured, memory: await memory({ build, rounds }) };
}

/** Both sides of every round, once one side first and once the other. */
async function inTurns(rounds, run, warm) {
  const runs = { ours: [], bare: [] };
  for (const side of ["ours", "bare"]) await warm(side);
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 ? ["bare", "ours"] : ["ours", "bare"]) runs[side].push(await run(side));
  }
  const ratios = runs.ours.map(({ rps }, round) => rps / runs.bare[round].rps);
  const cpuRatios = runs.ours.map(({ cpu }, round) => runs.bare[round].cpu / cpu);
  const middle = (side) => Object.fromEntries(["rps", "cpu"].map((figure) => [figure, median(runs[side].map((one) => one[figure]))]));
  return { ours: middle("ours"), bare: middle("bare"), ratio: median(ratios), cpuRatio: median(cpuRatios) };
}

/** One file in or out; its megabytes per second, and milliseconds of workerd's processor time. */
async function transfer(url, { method, sent, received }) {
  const busyBefore = workerdSeconds();
  const started = performance.now();
  const length = await call(url, { method, sent });
  const elapsed = (performance.now() - started) / 1000;
  if (received && length !== received) throw new Error(`${method} ${url}: ${length} bytes instead of ${received}`);
  return { rps: (sent ?? received) / 1e6 / elapsed, cpu: (workerdSeconds() - busyBefore) * 1000 };
}

/** The most memory of each transfer over what there was before the first of its rounds, in bytes. Each side in a process of its own. */
async function memory({ build, rounds }) {
  const sides = {};
  for (const side of ["ours", "bare"]) {
    // Files of the size in question have not gone through this process yet.
    const workers = await bothWorkers({ build, inspectorPort: 0, files: [] });
    try {
      const heap = await heapOf(workers.inspector, side);
      sides[side] = [];
      for (const asked of transfers) sides[side].push(await riseOf(() => call(workers.urls[side] + asked[side], asked), rounds, heap));
    } finally {
      await workers.dispose();
    }
  }
  return transfers.map(({ name }, at) => ({ name, most: mostMemory, ours: sides.ours[at], bare: sides.bare[at] }));
}

async function riseOf(pass, rounds, heap) {
  const now = async () => ({ isolate: await heap(), process: residentBytes() });
  // Whatever came before has left by then.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const idle = await now();
  const most = { ...idle };
  for (let round = 0; round < rounds; round += 1) {
    let isUnderWay = true;
    const passed = pass().finally(() => (isUnderWay = false));
    while (isUnderWay) {
      const seen = await now();
      for (const what of ["isolate", "process"]) most[what] = Math.max(most[what], seen[what]);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await passed;
  }
  return { isolate: most.isolate - idle.isolate, process: most.process - idle.process };
}

/** A function that tells the bytes V8 holds for a side's isolate. */
async function heapOf(inspector, side) {
  const targets = await (await fetch(`http://${inspector.host}/json`)).json();
  const socket = new WebSocket(targets.find(({ id }) => id.endsWith(side)).webSocketDebuggerUrl);
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  return async () => {
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await ask(socket, "Runtime.getHeapUsage");
    return usedSize + embedderHeapUsedSize + backingStorageSize;
  };
}

let asked = 0;

function ask(socket, method) {
  const id = (asked += 1);
  return new Promise((resolve) => {
    const heard = ({ data }) => {
      const message = JSON.parse(data);
      if (message.id !== id) return;
      socket.removeEventListener("message", heard);
      resolve(message.result);
    };
    socket.addEventListener("message", heard);
    socket.send(JSON.stringify({ id, method }));
  });
}

function residentBytes() {
  const bytesOf = (pid) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
  return workerdPids().reduce((sum, pid) => sum + bytesOf(pid), 0);
}

/**
 * Ours and the bare Worker in one workerd, each with a bucket of its own that holds the same files; and ours once more, on the same
 * stores, as a Worker that answers from the edge without asking.
 */
async function bothWorkers({ build, inspectorPort, files = allFiles }) {
  const vars = { FILE_SIZE_LIMIT: String(100 * MIB), RATE_LIMITS: "false" };
  const { name, assets: _served, ...ours } = optionsOf({ build, vars });
  const port = await freePort();
  const edge = { EDGE_CACHE_ORIGIN: `http://${localHost}:${port}`, EDGE_CACHE_ZONE_ID: "none", EDGE_CACHE_PURGE_TOKEN: "none" };
  const { assets: _alike, ...told } = optionsOf({ build, port, vars: { ...vars, ...edge } });
  const bare = {
    name: "bare",
    ...bareModules("bare-storage.js"),
    compatibilityDate: ours.compatibilityDate,
    bindings: { JWT_SECRET: demoVars().JWT_SECRET },
    r2Buckets: { BUCKET: "bare" },
    d1Databases: { DB: "bare" },
    unsafeDirectSockets: [{ host: localHost, port: 0 }],
  };
  const mf = new Miniflare({
    workers: [{ ...ours, name: "ours" }, { ...told, name: "told" }, bare],
    host: localHost,
    port: 0,
    inspectorPort,
    handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
  });
  await mf.ready;
  await applySystemMigrations(await mf.getD1Database("DB", "ours"));
  const urls = {};
  for (const side of ["ours", "told", "bare"]) urls[side] = (await mf.unsafeGetDirectURL(side)).origin;
  await fill(urls, files, await mf.getD1Database("DB", "bare"));
  return { urls, inspector: inspectorPort === undefined ? undefined : await mf.getInspectorURL(), dispose: () => mf.dispose() };
}

async function fill(urls, files, database) {
  await database.exec("CREATE TABLE files (name TEXT PRIMARY KEY, version TEXT NOT NULL, metadata TEXT NOT NULL) STRICT");
  const json = { ...authorization, "content-type": "application/json" };
  for (const [name, isPublic] of [["closed", false], ["open", true]]) {
    const made = await fetch(`${urls.ours}/storage/v1/bucket`, { method: "POST", headers: json, body: JSON.stringify({ name, public: isPublic }) });
    if (!made.ok) throw new Error(`the bucket ${name}: ${await made.text()}`);
  }
  for (const [path, sent] of files) {
    await call(`${urls.ours}/storage/v1/object/${path}`, { method: "PUT", sent });
    const name = path.split("/")[1];
    await call(`${urls.bare}/${name}`, { method: "PUT", sent });
    await database.prepare("INSERT INTO files VALUES (?1, ?1, ?2)").bind(name, JSON.stringify(described)).run();
  }
}

const piece = Buffer.alloc(64 * 1024, "a file's bytes ");

/** Sends `sent` bytes, piece by piece as they are taken; gives how many come back. */
function call(url, { method, sent = 0 }) {
  return new Promise((resolve, reject) => {
    const headers = { ...authorization, ...(sent ? { ...described, "content-length": sent } : {}) };
    // A connection of its own: the runtime closes those that wait for long.
    const call = request(url, { agent: false, method, headers }, (answer) => {
      let received = 0;
      answer.on("error", reject).on("data", (data) => (received += data.length)).on("end", () => {
        if (answer.statusCode === 200) resolve(received);
        else reject(new Error(`${method} ${url}: ${answer.statusCode}`));
      });
    });
    call.on("error", reject);
    let left = sent;
    const write = () => {
      while (left > 0) {
        const next = piece.subarray(0, Math.min(left, piece.length));
        left -= next.length;
        if (!call.write(next)) return call.once("drain", write);
      }
      call.end();
    };
    write();
  });
}
