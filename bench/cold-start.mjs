// How much longer the first request of a fresh process takes than with an empty Worker that has the same bindings.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Miniflare } from "miniflare";

import { localHost } from "../scripts/local.mjs";
import { root } from "../scripts/toolchain.mjs";
import { applySystemMigrations, optionsOf } from "../tests/e2e/worker.mjs";
import { median } from "./median.mjs";
import { fillOurs, keys } from "./todos.mjs";

/** Milliseconds of the first request, ours and the empty Worker's, and the median of the rounds' own differences. */
export async function coldStarts({ rounds }) {
  const folder = mkdtempSync(join(tmpdir(), "edgeward-bench-"));
  try {
    const { reader, row } = await prepare(folder);
    const firsts = [
      { name: "first request: /health", path: "/health", headers: {} },
      { name: "first request: one row", path: `/rest/v1/todos?id=eq.${row}`, headers: keys(reader.token) },
    ];
    const results = [];
    for (const first of firsts) {
      const ours = [];
      const empty = [];
      // The first round warms the machine's file cache and is dropped.
      for (let round = 0; round <= rounds; round += 1) {
        ours.push(await firstRequest(folder, undefined, first));
        empty.push(await firstRequest(folder, join(root, "bench", "empty-worker.js"), first));
      }
      const more = ours.map((time, round) => time - empty[round]);
      const middle = (times) => median(times.slice(1));
      results.push({ name: first.name, ours: middle(ours), empty: middle(empty), more: middle(more) });
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A database on disk that every fresh process finds. */
async function prepare(folder) {
  const mf = start(folder);
  try {
    await mf.ready;
    await applySystemMigrations(await mf.getD1Database("DB"));
    return await fillOurs((await mf.unsafeGetDirectURL()).origin);
  } finally {
    await mf.dispose();
  }
}

async function firstRequest(folder, script, { path, headers }) {
  const mf = start(folder, script);
  try {
    await mf.ready;
    const url = (await mf.unsafeGetDirectURL()).origin;
    const started = performance.now();
    const answer = await fetch(url + path, { headers });
    await answer.text();
    const time = performance.now() - started;
    if (!answer.ok) throw new Error(`the first request of ${path}: ${answer.status}`);
    return time;
  } finally {
    await mf.dispose();
  }
}

function start(folder, script) {
  const { assets: _served, ...ours } = optionsOf({ build: "build", vars: { RATE_LIMITS: "false" } });
  const { durableObjects: _objects, modulesRoot: _root, ...bindings } = ours;
  const worker = script ? { ...bindings, modules: [{ type: "ESModule", path: script }] } : ours;
  return new Miniflare({
    ...worker,
    host: localHost,
    port: 0,
    defaultPersistRoot: folder,
    handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
  });
}
