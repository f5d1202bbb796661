// Requests per second of ours and of the bare Worker: same workerd, same rows, same token, runs in turns.

import { join } from "node:path";

import { Miniflare } from "miniflare";

import { demoVars, localHost } from "../scripts/local.mjs";
import { root } from "../scripts/toolchain.mjs";
import { applySystemMigrations, optionsOf } from "../tests/e2e/worker.mjs";
import { median } from "./median.mjs";
import { load } from "./load.mjs";
import { fillBare, fillOurs, keys } from "./todos.mjs";

const select = "select=id,user_id,title,notes,done,priority,due_on,created_at";
const todo = JSON.stringify({ title: "Water the plants", notes: "The ones on the balcony first", priority: 2 });

/** Both sides of each comparison. `row` is the id of a row of the reader's. */
const cases = (row) => [
  {
    name: "read one row under a policy",
    expect: 200,
    ours: `/rest/v1/todos?${select}&id=eq.${row}`,
    bare: `/?id=${row}`,
  },
  {
    name: "read 100 rows",
    expect: 200,
    ours: `/rest/v1/todos?${select}&order=id&limit=100`,
    bare: "/",
  },
  { name: "insert one row", method: "POST", body: todo, expect: 201, ours: "/rest/v1/todos", bare: "/" },
];

/** Gives, for each case, medians of both sides and the median of the rounds' own ratios: of requests per second, and of processor time. */
export async function throughput({ rounds, seconds }) {
  const workers = await bothWorkers();
  try {
    const results = [];
    for (const { name, ours, bare, ...request } of cases(workers.row)) {
      const headers = { ...workers.headers[request.method ?? "GET"] };
      const run = (side, path, time) => load({ ...request, url: workers.urls[side] + path, headers, seconds: time });
      const measured = { ours: [], bare: [] };
      await run("ours", ours, 1);
      await run("bare", bare, 1);
      for (let round = 0; round < rounds; round += 1) {
        const order = round % 2 ? ["bare", "ours"] : ["ours", "bare"];
        for (const side of order) measured[side].push(await run(side, side === "ours" ? ours : bare, seconds));
      }
      const ratios = measured.ours.map(({ rps }, round) => rps / measured.bare[round].rps);
      const cpuRatios = measured.ours.map(({ cpu }, round) => measured.bare[round].cpu / cpu);
      const [ratio, cpuRatio] = [median(ratios), median(cpuRatios)];
      results.push({ name, ours: middle(measured.ours), bare: middle(measured.bare), ratio, cpuRatio });
    }
    return results;
  } finally {
    await workers.dispose();
  }
}

function middle(runs) {
  return Object.fromEntries(["rps", "p50", "p99", "cpu"].map((figure) => [figure, median(runs.map((run) => run[figure]))]));
}

/** Ours and the bare Worker in one workerd, each with its own D1 that holds the same to-dos. */
async function bothWorkers() {
  const { name, assets: _served, ...ours } = optionsOf({ build: "build", vars: { RATE_LIMITS: "false" } });
  const socket = [{ host: localHost, port: 0 }];
  const bare = {
    name: "bare",
    modules: [{ type: "ESModule", path: join(root, "bench", "bare-worker.js") }],
    compatibilityDate: ours.compatibilityDate,
    bindings: { JWT_SECRET: demoVars().JWT_SECRET },
    d1Databases: { DB: "bare" },
    unsafeDirectSockets: socket,
  };
  const mf = new Miniflare({
    workers: [{ ...ours, name: "ours" }, bare],
    host: localHost,
    port: 0,
    handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
  });
  await mf.ready;
  await applySystemMigrations(await mf.getD1Database("DB", "ours"));
  const urls = { ours: (await mf.unsafeGetDirectURL("ours")).origin, bare: (await mf.unsafeGetDirectURL("bare")).origin };
  const { reader, writer, row } = await fillOurs(urls.ours);
  await fillBare(await mf.getD1Database("DB", "bare"), reader.id);
  const headers = {
    GET: keys(reader.token),
    POST: { ...keys(writer.token), "content-type": "application/json", prefer: "return=minimal" },
  };
  return { urls, headers, row, dispose: () => mf.dispose() };
}
