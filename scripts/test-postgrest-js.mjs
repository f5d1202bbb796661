// Runs postgrest-js' own test suite, unedited, against the Worker.
//
//   npm run test:postgrest-js [-- --url URL] [FILES OR OPTIONS OF JEST]
//
// POSTGREST_JS names a checkout of github.com/supabase/supabase-js; without it one is cloned into build/. The suite's schema and
// seed go through the translator: whole when they can, else statement by statement, saying which were refused. The suite
// calls without keys and expects full grants and no policies, so row-level security is switched off for its tables.
// With --url the Worker there is used, which must be empty and have the settings below; else one is started in miniflare.

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

import { build } from "./build.mjs";
import { buildExample } from "./build-example.mjs";
import { checkout, copyOf, install, runJest } from "./client-suite.mjs";
import { apply, post } from "./live-sql.mjs";
import { runMain, say } from "./terminal.mjs";

/** What the suite's schema sets for its PostgREST, and its config.toml. */
const settings = {
  EXPOSED_SCHEMAS: "public,personal,graphql_public",
  MAX_ROWS: "1000",
  DB_AGGREGATES_ENABLED: "true",
  DB_PLAN_ENABLED: "true",
  DB_TX_END: "commit-allow-override",
};

const packages = ["jest@30.4.2", "ts-jest@29.4.9", "typescript@5.8.3", "zod@3.25.76", "type-fest@4.32.0", "tslib@2.8.1", "@types/jest@30.0.0", "@types/node@24"];

const name = "postgrest-js";

await runMain(async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, strict: false, options: { url: { type: "string" } } });
  const suite = await checkout({ name, variable: "POSTGREST_JS", proof: "basic.test.ts" });
  await install(name, packages);
  const worker = values.url ? { url: values.url.replace(/\/+$/, ""), dispose() {} } : await ownWorker();
  try {
    await applySchema(worker.url, suite);
    report(await runSuite(worker.url, suite, positionals));
  } finally {
    await worker.dispose();
  }
});

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

async function runSuite(url, suite, options) {
  const config = {
    testMatch: ["<rootDir>/test/*.test.ts"],
    testSequencer: "<rootDir>/test/testSequencer.js",
    setupFilesAfterEnv: ["<rootDir>/setup.cjs"],
    maxWorkers: 1,
    testTimeout: 30_000,
  };
  const copy = copyOf(name, suite, ["tests/postgrest-js/setup.cjs"]);
  return runJest(name, copy, { config, options, env: { EDGEWARD_URL: url } });
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
