// Runs storage-js' own test suite, unedited, against the Worker.
//
//   npm run test:storage-js [-- FILES OR OPTIONS OF JEST]
//
// STORAGE_JS names a checkout of github.com/supabase/supabase-js; without it one is cloned into build/. Its seed goes through the
// translator: whole when it can, else statement by statement, saying which were refused. The suite has the Supabase CLI's address
// written into it, so the Worker is started in miniflare on that port, which must be free.

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { build } from "./build.mjs";
import { checkout, copyOf, install, runJest } from "./client-suite.mjs";
import { apply, post } from "./live-sql.mjs";
import { localPort } from "./local.mjs";
import { runMain, say } from "./terminal.mjs";

const packages = ["jest@30.4.2", "ts-jest@29.4.9", "typescript@5.8.3", "tslib@2.8.1", "iceberg-js@0.8.1", "@types/jest@30.0.0", "@types/node@24"];

const name = "storage-js";

await runMain(async () => {
  const suite = await checkout({ name, variable: "STORAGE_JS", proof: "storageFileApi.test.ts" });
  await install(name, packages);
  await build({ profile: "dev", features: ["fault-routes"], out: "build/test" });
  const { startWorker } = await import("../tests/e2e/worker.mjs");
  const worker = await startWorker({ port: localPort });
  try {
    await applySeed(worker.url, suite);
    report(await runSuite(suite, process.argv.slice(2)));
  } finally {
    await worker.dispose();
  }
});

/** Rows and policies: a migration takes both. */
async function applySeed(url, suite) {
  const seed = readFileSync(join(suite, "test", "supabase", "seed.sql"), "utf8");
  const refused = await apply(seed, (sql, version) => post(url, "migrations", { version, name: "seed", sql }));
  say(refused.length ? `${refused.length} statements of the seed are refused:` : "the seed is applied whole");
  for (const line of refused) console.log(`  ${line}`);
}

async function runSuite(suite, options) {
  const config = {
    testMatch: ["<rootDir>/test/**/*.test.ts", "<rootDir>/test/**/*.spec.ts"],
    setupFilesAfterEnv: ["<rootDir>/setup.cjs"],
    maxWorkers: 1,
    testTimeout: 30_000,
  };
  return runJest(name, copyOf(name, suite, ["tests/storage-js/setup.cjs"]), { config, options });
}

/** Prints the figures of each file, the names of the tests that fail, and the sums. A test that the suite skips is no test. */
function report({ files, noted, log }) {
  const sum = { live: 0, passed: 0, offline: 0, offlinePassed: 0, skipped: 0 };
  const failed = [];
  for (const { name: path, assertionResults } of files) {
    const notes = noted.filter((note) => note.testPath === path);
    const own = { live: 0, passed: 0 };
    const ran = assertionResults.filter(({ status }) => status !== "pending" && status !== "todo");
    sum.skipped += assertionResults.length - ran.length;
    // Several tests bear one name, so they are paired in their order.
    ran.forEach(({ status, fullName }, index) => {
      const passed = status === "passed";
      if (!passed) failed.push(`${basename(path)}: ${fullName}`);
      if (!notes[index]?.requests) {
        sum.offline += 1;
        sum.offlinePassed += passed;
        return;
      }
      own.live += 1;
      own.passed += passed;
    });
    for (const key of Object.keys(own)) sum[key] += own[key];
    if (own.live) console.log(`  ${String(own.passed).padStart(3)} of ${String(own.live).padStart(3)}  ${basename(path)}`);
  }
  for (const name of failed) console.log(`  failed  ${name}`);
  say(`${sum.passed} of ${sum.live} live tests pass; ${sum.offlinePassed} of ${sum.offline} others; the suite itself skips ${sum.skipped}`);
  say(`the differences are in ${log}`);
  if (failed.length || !sum.live) process.exitCode = 1;
}
