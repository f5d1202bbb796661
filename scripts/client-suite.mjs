// The test suites of supabase-js' packages, unedited: fetched, copied beside what they need, run by jest. Nothing of them is
// committed. Each `scripts/test-*-js.mjs` says what its suite wants of the Worker.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { run, say, Stop } from "./terminal.mjs";
import { root } from "./toolchain.mjs";

/** The state of the suites that the figures in docs/COMPAT.md are of. */
const repository = "https://github.com/supabase/supabase-js.git";
const commit = "381bded5";

/** Where everything of a suite goes: `name` is the package's. */
export function folderOf(name) {
  return join(root, "build", name);
}

/**
 * The package's folder in a checkout of supabase-js: the one that the environment's `variable` names, else one cloned into build/.
 * `proof` is a file of the suite.
 */
export async function checkout({ name, variable, proof }) {
  const clone = process.env[variable] ?? join(folderOf(name), "supabase-js");
  if (!existsSync(clone)) {
    await run("git", ["clone", "--quiet", "--filter=blob:none", repository, clone], { why: "cloning supabase-js" });
    await run("git", ["-C", clone, "checkout", "--quiet", commit], { why: "checking out the suite" });
  }
  const suite = [join(clone, "packages", "core", name), clone].find((of) => existsSync(join(of, "test", proof)));
  if (!suite) throw new Stop(`${clone} holds no ${name} suite`);
  return suite;
}

/** Installs what the suite needs beside it, and not among the project's own packages: only its command needs them. */
export async function install(name, packages) {
  const stamp = join(folderOf(name), ".installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === packages.join(" ")) return;
  mkdirSync(folderOf(name), { recursive: true });
  writeFileSync(join(folderOf(name), "package.json"), '{ "private": true }\n');
  say("installing jest");
  await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...packages], { cwd: folderOf(name), why: "npm install" });
  writeFileSync(stamp, packages.join(" "));
}

/** A fresh copy of the suite, with `more` files (paths in the project) beside it. */
export function copyOf(name, suite, more = []) {
  const copy = join(folderOf(name), "run");
  rmSync(copy, { recursive: true, force: true });
  for (const part of ["src", "test"]) cpSync(join(suite, part), join(copy, part), { recursive: true });
  for (const path of more) cpSync(join(root, path), join(copy, path.split("/").at(-1)));
  return copy;
}

/**
 * Runs jest in the copy, with `config` beside what every suite needs. Gives its results file by file, what the set-up noted of each
 * test in the file `EDGEWARD_RESULTS` names, and where the differences are. Not spawnSync: the Worker is this process' child, and
 * whoever waits without reading its log stops it.
 */
export async function runJest(name, copy, { config, options, env = {} }) {
  const tsconfig = { module: "CommonJS", target: "ES2022", esModuleInterop: true, skipLibCheck: true, isolatedModules: true };
  const transform = { "\\.tsx?$": ["ts-jest", { diagnostics: false, tsconfig }] };
  writeFileSync(join(copy, "jest.config.json"), JSON.stringify({ testEnvironment: "node", transform, ...config }));
  const [results, notes, log] = ["results.json", "notes.jsonl", "log.txt"].map((file) => join(copy, file));
  writeFileSync(notes, "");
  const jest = join(folderOf(name), "node_modules", "jest", "bin", "jest.js");
  const args = [jest, "--ci", "--runInBand", "--forceExit", "--json", `--outputFile=${results}`, "--config=jest.config.json", ...options];
  say("running the suite");
  const stdio = ["ignore", "ignore", openSync(log, "w")];
  const child = spawn(process.execPath, args, { cwd: copy, env: { ...process.env, ...env, EDGEWARD_RESULTS: notes }, stdio });
  await once(child, "close");
  if (!existsSync(results)) throw new Stop(`jest did not run: see ${log}`);
  const noted = readFileSync(notes, "utf8").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return { files: JSON.parse(readFileSync(results, "utf8")).testResults, noted, log };
}
