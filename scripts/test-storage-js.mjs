// Runs storage-js' own test suite, unedited, against the Worker.
//
//   npm run test:storage-js [-- FILES OR OPTIONS OF JEST]
//
// STORAGE_JS names a checkout of github.com/supabase/supabase-js; without it one is cloned into build/. Its seed goes through the
// translator: whole when it can, else statement by statement, saying which were refused. The suite has the Supabase CLI's address
// written into it, so the Worker is started in miniflare on that port, which must be free.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { build } from "./build.mjs";
import { apply, post } from "./live-sql.mjs";
import { localPort } from "./local.mjs";
import { run, runMain, say, Stop } from "./terminal.mjs";
import { root } from "./toolchain.mjs";

/** The state of the suite that the figures in docs/COMPAT.md are of. */
const repository = "https://github.com/supabase/supabase-js.git";
const commit = "381bded5";

const packages = ["jest@30.4.2", "ts-jest@29.4.9", "typescript@5.8.3", "tslib@2.8.1", "iceberg-js@0.8.1", "@types/jest@30.0.0", "@types/node@24"];

const folder = join(root, "build", "storage-js");

await runMain(async () => {
  const suite = await checkout();
  await installJest();
  await build({ profile: "dev", features: ["fault-routes"], out: "build/test" });
  const { startWorker } = await import("../tests/e2e/worker.mjs");
  const worker = await startWorker({ port: localPort });
  try {
    await applySeed(worker.url, suite);
    report(await runJest(suite, process.argv.slice(2)));
  } finally {
    await worker.dispose();
  }
});

/** The folder of storage-js. */
async function checkout() {
  const clone = process.env.STORAGE_JS ?? join(folder, "supabase-js");
  if (!existsSync(clone)) {
    await run("git", ["clone", "--quiet", "--filter=blob:none", repository, clone], { why: "cloning supabase-js" });
    await run("git", ["-C", clone, "checkout", "--quiet", commit], { why: "checking out the suite" });
  }
  const suite = [join(clone, "packages", "core", "storage-js"), clone].find((of) => existsSync(join(of, "test", "storageFileApi.test.ts")));
  if (!suite) throw new Stop(`${clone} holds no storage-js suite`);
  return suite;
}

/** Beside the suite and not among the project's own packages: only this command needs them. */
async function installJest() {
  if (existsSync(join(folder, "node_modules", "iceberg-js"))) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  say("installing jest");
  await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...packages], { cwd: folder, why: "npm install" });
}

/** Rows and policies: a migration takes both. */
async function applySeed(url, suite) {
  const seed = readFileSync(join(suite, "test", "supabase", "seed.sql"), "utf8");
  const refused = await apply(seed, (sql, version) => post(url, "migrations", { version, name: "seed", sql }));
  say(refused.length ? `${refused.length} statements of the seed are refused:` : "the seed is applied whole");
  for (const line of refused) console.log(`  ${line}`);
}

/** Gives jest's results and what the set-up noted of each test. Not spawnSync: the Worker's images are made in this process. */
async function runJest(suite, options) {
  const copy = join(folder, "run");
  rmSync(copy, { recursive: true, force: true });
  for (const part of ["src", "test"]) cpSync(join(suite, part), join(copy, part), { recursive: true });
  cpSync(join(root, "tests", "storage-js", "setup.cjs"), join(copy, "setup.cjs"));
  const tsconfig = { module: "CommonJS", target: "ES2022", esModuleInterop: true, skipLibCheck: true, isolatedModules: true };
  const config = {
    testEnvironment: "node",
    transform: { "\\.ts$": ["ts-jest", { diagnostics: false, tsconfig }] },
    testMatch: ["<rootDir>/test/**/*.test.ts", "<rootDir>/test/**/*.spec.ts"],
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
  const child = spawn(process.execPath, args, { cwd: copy, env: { ...process.env, EDGEWARD_RESULTS: notes }, stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  child.stderr.on("data", (data) => (printed += data));
  await once(child, "close");
  if (!existsSync(results)) throw new Stop(`jest did not run:\n${printed}`);
  writeFileSync(join(copy, "log.txt"), printed);
  const noted = readFileSync(notes, "utf8").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return { files: JSON.parse(readFileSync(results, "utf8")).testResults, noted, log: join(copy, "log.txt") };
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
