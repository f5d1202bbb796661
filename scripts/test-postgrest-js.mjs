// Runs postgrest-js' own test suite, unedited, against the Worker.
//
//   npm run test:postgrest-js [-- --url URL] [FILES OR OPTIONS OF JEST]
//
// POSTGREST_JS names a checkout of github.com/supabase/supabase-js; without it one is cloned into build/. The suite's schema and
// seed go through the translator: whole when they can, else statement by statement, saying which were refused. The suite
// calls without keys and expects full grants and no policies, so row-level security is switched off for its tables.
// With --url the Worker there is used, which must be empty and have the settings below; else one is started in miniflare.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

import { build } from "./build.mjs";
import { buildExample } from "./build-example.mjs";
import { apply, post } from "./live-sql.mjs";
import { run, runMain, say, Stop } from "./terminal.mjs";
import { root } from "./toolchain.mjs";

/** The state of the suite that the figures in docs/COMPAT.md are of. */
const repository = "https://github.com/supabase/supabase-js.git";
const commit = "381bded5";

/** What the suite's schema sets for its PostgREST, and its config.toml. */
const settings = {
  EXPOSED_SCHEMAS: "public,personal,graphql_public",
  MAX_ROWS: "1000",
  DB_AGGREGATES_ENABLED: "true",
  DB_PLAN_ENABLED: "true",
  DB_TX_END: "commit-allow-override",
};

const packages = ["jest@30.4.2", "ts-jest@29.4.9", "typescript@5.8.3", "zod@3.25.76", "type-fest@4.32.0", "tslib@2.8.1", "@types/jest@30.0.0", "@types/node@24"];

const folder = join(root, "build", "postgrest-js");

await runMain(async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, strict: false, options: { url: { type: "string" } } });
  const suite = await checkout();
  await installJest();
  const worker = values.url ? { url: values.url.replace(/\/+$/, ""), dispose() {} } : await ownWorker();
  try {
    await applySchema(worker.url, suite);
    report(runJest(worker.url, suite, positionals));
  } finally {
    await worker.dispose();
  }
});

/** The folder of postgrest-js. */
async function checkout() {
  const clone = process.env.POSTGREST_JS ?? join(folder, "supabase-js");
  if (!existsSync(clone)) {
    await run("git", ["clone", "--quiet", "--filter=blob:none", repository, clone], { why: "cloning supabase-js" });
    await run("git", ["-C", clone, "checkout", "--quiet", commit], { why: "checking out the suite" });
  }
  const suite = [join(clone, "packages", "core", "postgrest-js"), clone].find((of) => existsSync(join(of, "test", "basic.test.ts")));
  if (!suite) throw new Stop(`${clone} holds no postgrest-js suite`);
  return suite;
}

/** Beside the suite and not among the project's own packages: only this command needs them. */
async function installJest() {
  if (existsSync(join(folder, "node_modules", "ts-jest"))) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  say("installing jest");
  await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...packages], { cwd: folder, why: "npm install" });
}

async function ownWorker() {
  await buildExample();
  await build({ profile: "dev", features: ["fault-routes"], out: "build/test" });
  const { startWorker } = await import("../tests/e2e/worker.mjs");
  return startWorker({ vars: settings });
}

async function applySchema(url, suite) {
  const read = (...path) => readFileSync(join(suite, "test", "supabase", ...path), "utf8");
  const schema = read("migrations", "00000000000000_schema.sql");
  const migrate = (sql, version) => post(url, "migrations", { version, name: "schema", sql });
  const refused = [...(await apply(schema, migrate)), ...(await apply(read("seed.sql"), (sql) => post(url, "query", { sql })))];
  const tables = [...schema.matchAll(/create table (?:if not exists )?([\w."]+)/gi)].map(([, name]) => name);
  for (const [index, name] of tables.entries()) {
    await migrate(`ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY`, `9${String(index).padStart(13, "0")}`);
  }
  say(refused.length ? `${refused.length} statements of the schema and seed are refused:` : "the schema and the seed are applied whole");
  for (const line of refused) console.log(`  ${line}`);
}

/** Gives jest's results and what the set-up noted of each test. */
function runJest(url, suite, options) {
  const copy = join(folder, "run");
  rmSync(copy, { recursive: true, force: true });
  for (const part of ["src", "test"]) cpSync(join(suite, part), join(copy, part), { recursive: true });
  cpSync(join(root, "tests", "postgrest-js", "setup.cjs"), join(copy, "setup.cjs"));
  const tsconfig = { module: "CommonJS", target: "ES2022", esModuleInterop: true, skipLibCheck: true, isolatedModules: true };
  const config = {
    testEnvironment: "node",
    transform: { "\\.ts$": ["ts-jest", { diagnostics: false, tsconfig }] },
    testMatch: ["<rootDir>/test/*.test.ts"],
    testSequencer: "<rootDir>/test/testSequencer.js",
    setupFilesAfterEnv: ["<rootDir>/setup.cjs"],
    maxWorkers: 1,
    testTimeout: 30_000,
  };
  writeFileSync(join(copy, "jest.config.json"), JSON.stringify(config));
  const [results, notes] = [join(copy, "results.json"), join(copy, "notes.jsonl")];
  writeFileSync(notes, "");
  const jest = join(folder, "node_modules", "jest", "bin", "jest.js");
  const args = [jest, "--ci", "--runInBand", "--json", `--outputFile=${results}`, "--config=jest.config.json", ...options];
  say("running the suite");
  const env = { ...process.env, EDGEWARD_URL: url, EDGEWARD_RESULTS: notes };
  const outcome = spawnSync(process.execPath, args, { cwd: copy, env, encoding: "utf8", maxBuffer: 1 << 28 });
  if (!existsSync(results)) throw new Stop(`jest did not run:\n${outcome.stderr}`);
  writeFileSync(join(copy, "log.txt"), outcome.stderr);
  const noted = readFileSync(notes, "utf8").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return { files: JSON.parse(readFileSync(results, "utf8")).testResults, noted, log: join(copy, "log.txt") };
}

/** Prints the figures of each file, the names of the live tests that fail, and the sums. */
function report({ files, noted, log }) {
  const sum = { live: 0, passed: 0, strict: 0, offline: 0, offlinePassed: 0 };
  const failed = [];
  for (const { name: path, assertionResults } of files) {
    // Several tests bear one name, so they are paired in their order.
    const notes = noted.filter((note) => note.testPath === path);
    const own = { live: 0, passed: 0, strict: 0 };
    assertionResults.forEach(({ status, fullName }, index) => {
      const note = notes[index] ?? { requests: 0, strict: false };
      const passed = status === "passed";
      if (!note.requests) {
        sum.offline += 1;
        sum.offlinePassed += passed;
        return;
      }
      own.live += 1;
      own.passed += passed;
      own.strict += passed && note.strict;
      if (!passed) failed.push(`${basename(path, ".test.ts")}: ${fullName}`);
    });
    for (const key of Object.keys(own)) sum[key] += own[key];
    if (own.live) console.log(`  ${String(own.passed).padStart(3)} of ${String(own.live).padStart(3)} (${own.strict} in order)  ${basename(path)}`);
  }
  for (const name of failed) console.log(`  failed  ${name}`);
  say(`${sum.passed} of ${sum.live} live tests pass, ${sum.strict} with every row in Postgres' order; ${sum.offlinePassed} of ${sum.offline} others`);
  say(`the differences are in ${log}`);
  if (failed.length) process.exitCode = 1;
}
