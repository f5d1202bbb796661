// The real Worker in a fresh Miniflare: its own empty D1, KV, R2 and Durable Objects as wrangler.toml binds them, the
// system's migrations applied, the local demo keys set. Ready in well under a second, so a test file has its own.

import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions as workerOptionsOf, unstable_splitSqlQuery as splitSql } from "wrangler";

import { demoVars, localHost } from "../../scripts/local.mjs";
import { root } from "../../scripts/toolchain.mjs";

/** The test build: unoptimised, with the fault routes. */
const testBuild = "build/test";

/**
 * Starts the Worker.
 *
 * `build` is the folder of the compiled Worker, `vars` are settings on top of the demo ones (`undefined` takes one away),
 * `broken` names bindings that are objects without methods, so that every call of them throws; `port` is one that others know;
 * `inspected` opens the inspector, `more` are Miniflare's options for bindings that wrangler.toml leaves out.
 *
 * Gives `url` (the Worker with the example's assets before it, as in production; not through Miniflare's own proxy, which
 * costs twice the Worker's time), `vars`, `logs` (the lines the Worker wrote), `mf` (to reach the bindings from outside) and
 * `dispose()`.
 */
export async function startWorker({ build = testBuild, vars = {}, broken = [], port = 0, inspected = false, more = {} } = {}) {
  const options = { ...breakBindings(optionsOf({ build, vars, port }), broken), ...more };
  const logs = [];
  const mf = new Miniflare({
    ...options,
    ...(inspected ? { inspectorPort: 0 } : {}),
    host: localHost,
    port: 0,
    handleRuntimeStdio: (...streams) => streams.forEach((stream) => createInterface(stream).on("line", (line) => logs.push(line))),
  });
  try {
    await mf.ready;
    if (options.d1Databases.DB) await applySystemMigrations(await mf.getD1Database("DB"));
    // Without the slash, as supabase-js takes it.
    const url = (await mf.unsafeGetDirectURL()).origin;
    return { url, vars: options.bindings, logs, mf, dispose: () => mf.dispose() };
  } catch (error) {
    await mf.dispose();
    throw error;
  }
}

/** A port that nobody listens at, for settings that name the Worker's own URL. */
export async function freePort() {
  const server = createServer().listen(0, localHost);
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Miniflare's options of the Worker as wrangler.toml describes it, with the settings of {@link startWorker}. */
export function optionsOf({ build = testBuild, vars = {}, port = 0 } = {}) {
  const folder = join(root, build);
  const { workerOptions } = workerOptionsOf(join(root, "wrangler.toml"));
  const settings = Object.entries({ ...demoVars(), ...vars }).filter(([, value]) => value !== undefined);
  return {
    ...workerOptions,
    modulesRoot: folder,
    modules: [
      { type: "ESModule", path: join(folder, "entry.js") },
      { type: "ESModule", path: join(folder, "index.js") },
      { type: "CompiledWasm", path: join(folder, "index_bg.wasm") },
    ],
    bindings: { ...workerOptions.bindings, ...Object.fromEntries(settings) },
    unsafeDirectSockets: [{ host: localHost, port }],
  };
}

function breakBindings(options, names) {
  const intact = (bindings) => Object.fromEntries(Object.entries(bindings).filter(([name]) => !names.includes(name)));
  const kinds = ["d1Databases", "kvNamespaces", "r2Buckets", "durableObjects"];
  const kept = Object.fromEntries(kinds.map((kind) => [kind, intact(options[kind])]));
  return { ...options, ...kept, bindings: { ...options.bindings, ...Object.fromEntries(names.map((name) => [name, {}])) } };
}

/** What `wrangler d1 migrations apply` would run, in one batch per file. */
export async function applySystemMigrations(database) {
  const folder = join(root, "migrations");
  const files = readdirSync(folder).filter((name) => name.endsWith(".sql")).sort();
  for (const file of files) {
    const statements = splitSql(readFileSync(join(folder, file), "utf8"));
    await database.batch(statements.map((statement) => database.prepare(statement)));
  }
}
