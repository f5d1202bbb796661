// Builds the example app into examples/todos/dist, which wrangler.toml serves. Does nothing when nothing changed.

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { fingerprintOf, isStamped } from "./fingerprint.mjs";
import { run, runMain, say } from "./terminal.mjs";
import { npmProgram, root } from "./toolchain.mjs";

const example = join(root, "examples", "todos");

/** Builds unless `dist` is already of these sources. */
export async function buildExample() {
  const sources = ["examples/todos", "package-lock.json"];
  const { VITE_SUPABASE_URL: url = "", VITE_SUPABASE_ANON_KEY: key = "" } = process.env;
  const fingerprint = fingerprintOf({ url, key }, sources, ["dist", "node_modules", "supabase"]);
  const stamp = join(root, "node_modules", ".edgeward-example");
  if (isStamped(stamp, fingerprint) && existsSync(join(example, "dist", "index.html"))) return;
  say("building the example app");
  await run(npmProgram("vite"), ["build", "--logLevel", "warn"], { cwd: example, why: "building examples/todos" });
  writeFileSync(stamp, fingerprint);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(buildExample);
