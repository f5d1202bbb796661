// Compiles the Worker with worker-build, into build/index.js and build/index_bg.wasm, and puts beside them build/entry.js, which
// the runtime loads. Does nothing when nothing changed.
// A release goes out with its functions in the order that compresses best and without their names (a quarter of the bytes, for
// nothing but readable stacks); index_bg.named.wasm beside it has them.
//
//   node scripts/build.mjs [--release|--dev] [--features a,b] [--out DIR]
//
// Without a profile it is the one in EDGEWARD_BUILD, else release: wrangler's [build] command runs it while `npm start` does.

import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { fingerprintOf, isStamped } from "./fingerprint.mjs";
import { cheapenGlue } from "./glue.mjs";
import { run, runMain, say, Stop } from "./terminal.mjs";
import { chosenRust, root, toolPath, wasmEnvironment, workerBuild } from "./toolchain.mjs";
import { withoutNames } from "./wasm-module.mjs";
import { orderFunctions } from "./wasm-order.mjs";

/** What the compiled Worker depends on, besides the options and the toolchain. */
const sources = ["src", "migrations", "Cargo.toml", "Cargo.lock"];

/** Builds unless `out` already holds this very build. `profile` is "release" or "dev". Gives the folder and the seconds it took. */
export async function build({ profile, features = [], out = "build" }) {
  const rust = chosenRust();
  if (!rust || !existsSync(toolPath(workerBuild))) throw new Stop("this machine isn't set up: run `npm run setup`");
  const folder = join(root, out);
  const stamp = join(folder, ".built-from");
  const fingerprint = fingerprintOf({ layout: 5, profile, features, rust: rust.version, tools: workerBuild.version }, sources);
  if (isStamped(stamp, fingerprint) && existsSync(join(folder, "index_bg.wasm"))) return { folder, seconds: 0 };

  say(`compiling the Worker (${profile}; the first time takes some minutes)`);
  const started = Date.now();
  const options = [`--${profile}`, "--panic-unwind", "--out-dir", out];
  if (features.length) options.push("--features", features.join(","));
  await run(toolPath(workerBuild), options, { cwd: root, env: wasmEnvironment(rust), why: "compiling the Worker" });
  copyFileSync(join(root, "src", "platform", "entry.js"), join(folder, "entry.js"));
  if (profile === "release") {
    cheapenGlue(join(folder, "index.js"));
    await orderFunctions(join(folder, "index_bg.wasm"));
    renameSync(join(folder, "index_bg.wasm"), join(folder, "index_bg.named.wasm"));
    writeFileSync(join(folder, "index_bg.wasm"), withoutNames(readFileSync(join(folder, "index_bg.named.wasm"))));
  }
  writeFileSync(stamp, fingerprint);
  const seconds = (Date.now() - started) / 1000;
  say(`compiled in ${seconds.toFixed(0)} s`);
  return { folder, seconds };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    const { values } = parseArgs({
      options: {
        release: { type: "boolean" },
        dev: { type: "boolean" },
        features: { type: "string", default: "" },
        out: { type: "string", default: "build" },
      },
    });
    const profile = values.dev ? "dev" : values.release ? "release" : process.env.EDGEWARD_BUILD || "release";
    await build({ profile, features: values.features.split(",").filter(Boolean), out: values.out });
  });
}
