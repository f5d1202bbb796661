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
const todo = { title: "Water the plants", notes: "The ones on the balcony first", priority: 2 };

/**
 * Both sides of each comparison, and the least ratio that is good enough, where both do the same work in D1. `row` is the id of a row
 * of the reader's.
 */
const cases = (row) => [
  { name: "one row by key", least: 0.85, ours: `/rest/v1/todos?${select}&id=eq.${row}`, bare: `/todo?id=${row}` },
  { name: "100 rows", least: 1, ours: `/rest/v1/todos?${select}&order=id&limit=100`, bare: "/todos?limit=100" },
  { name: "1,000 rows", least: 1.2, ours: `/rest/v1/todos?${select}&order=id&limit=1000`, bare: "/todos?limit=1000" },
  // The policy looks into a second table: at most 1.15 times the time of the same by hand.
  { name: "100 rows, two-table policy", least: 0.87, ours: "/rest/v1/tasks?select=id,list_id,title,done&order=id&limit=100", bare: "/tasks?limit=100" },
  { name: "50 parents with 3 children", least: 1, ours: "/rest/v1/lists?select=id,name,tasks(id,title)&order=id&limit=50", bare: "/lists?limit=50" },
  { name: "the same, tasks unasked by hand", ours: "/rest/v1/lists?select=id,name,tasks(id,title)&order=id&limit=50", bare: "/lists-unasked?limit=50" },
  { name: "insert one row", least: 0.85, body: JSON.stringify(todo), ours: "/rest/v1/todos", bare: "/" },
  { name: "insert 1,000 rows", least: 1, body: JSON.stringify(Array(1000).fill(todo)), ours: "/rest/v1/todos", bare: "/" },
];

/** Gives, for each case, medians of both sides and the median of the rounds' own ratios: of requests per second, and of processor time. */
export async function throughput(turns) {
  const workers = await bothWorkers();
  try {
    const { reader, writer, row } = await fillOurs(workers.urls.ours);
    await fillBare(await workers.bareDatabase());
    const headers = {
      GET: keys(reader.token),
      POST: { ...keys(writer.token), "content-type": "application/json", prefer: "return=minimal" },
    };
    const results = [];
    for (const { body, ...sides } of cases(row)) {
      const request = body ? { method: "POST", body, expect: 201 } : { method: "GET", expect: 200 };
      results.push(await compare(workers.urls, { ...sides, request: { ...request, headers: headers[request.method] } }, turns));
    }
    return results;
  } finally {
    await workers.dispose();
  }
}

/** The same request to both sides, for `warm` seconds each and then in turns: the row that the table shows. */
export async function compare(urls, { name, least, ours, bare, request }, { rounds, seconds, warm = 1 }) {
  const run = (side, time) => load({ ...request, url: urls[side] + (side === "ours" ? ours : bare), seconds: time });
  const measured = { ours: [], bare: [] };
  await run("ours", warm);
  await run("bare", warm);
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 ? ["bare", "ours"] : ["ours", "bare"];
    for (const side of order) measured[side].push(await run(side, seconds));
  }
  const ratios = measured.ours.map(({ rps }, round) => rps / measured.bare[round].rps);
  const cpuRatios = measured.ours.map(({ cpu }, round) => measured.bare[round].cpu / cpu);
  const [ratio, cpuRatio] = [median(ratios), median(cpuRatios)];
  return { name, least, ours: middle(measured.ours), bare: middle(measured.bare), ratio, cpuRatio };
}

/** The median of each figure of some runs. */
export function middle(runs) {
  return Object.fromEntries(["rps", "p50", "p99", "cpu"].map((figure) => [figure, median(runs.map((run) => run[figure]))]));
}

/** Ours and the bare Worker in one workerd, each with its own D1, which of ours has the system's tables. */
export async function bothWorkers({ build = "build", vars = {} } = {}) {
  const { name, assets: _served, ...ours } = optionsOf({ build, vars: { RATE_LIMITS: "false", ...vars } });
  const socket = [{ host: localHost, port: 0 }];
  const bare = {
    name: "bare",
    ...bareModules("bare-worker.js"),
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
  return { urls, bareDatabase: () => mf.getD1Database("DB", "bare"), dispose: () => mf.dispose() };
}

/** A Worker written by hand, with what it takes from the file that verifies tokens. */
export function bareModules(file) {
  const folder = join(root, "bench");
  const module = (name) => ({ type: "ESModule", path: join(folder, name) });
  return { modulesRoot: folder, modules: [module(file), module("bare-token.js")] };
}
