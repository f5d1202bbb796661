// `npm run bench`: Edgeward beside a Worker written by hand for the same job, on one workerd, in turns.
//
//   npm run bench [-- --quick] [--only PART]     --quick: fewer rounds, and no builds; --only: this part, the others as they were
//
// Figures of one machine say little; the ratios, taken from neighbouring runs, say what the product costs. Prints a table and
// writes bench/results.json.

import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { build } from "../scripts/build.mjs";
import { buildExample } from "../scripts/build-example.mjs";
import { sizesOf } from "../scripts/size.mjs";
import { runMain, say, Stop } from "../scripts/terminal.mjs";
import { root } from "../scripts/toolchain.mjs";
import { authSpeeds } from "./auth.mjs";
import { buildTimes } from "./build-times.mjs";
import { coldStarts } from "./cold-start.mjs";
import { memory } from "./memory.mjs";
import { report } from "./report.mjs";
import { storage } from "./storage.mjs";
import { throughput } from "./throughput.mjs";
import { leaveUnheard } from "./unheard.mjs";

const file = join(root, "bench", "results.json");

/** What is measured, and how; `quick` is the short way. */
const parts = {
  throughput: { says: "throughput, in turns", measure: (quick) => throughput(shortTurns(quick)) },
  auth: { says: "sign-ins, refreshes and tokens, in turns", measure: (quick) => authSpeeds(turns(quick)) },
  storage: { says: "files in and out, in turns", measure: (quick) => storage(turns(quick)) },
  memory: { says: "the memory of a large page", measure: () => memory() },
  coldStart: { says: "first requests of fresh processes, in turns", measure: (quick) => coldStarts({ rounds: quick ? 4 : 9 }) },
  size: { says: "sizes", measure: (_, folder) => sizes(folder) },
  build: { says: "builds (minutes)", measure: (quick) => (quick ? undefined : buildTimes()) },
};

await runMain(async () => {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false }, only: { type: "string" } } });
  if (values.only && !parts[values.only]) throw new Stop(`the parts are ${Object.keys(parts).join(", ")}`);
  const { folder } = await build({ profile: "release" });
  await buildExample();
  leaveUnheard();
  const measured = {};
  for (const [name, { says, measure }] of Object.entries(parts)) {
    if (values.only && values.only !== name) continue;
    say(says);
    measured[name] = await measure(values.quick, folder);
  }
  report(measured);
  const others = values.only ? JSON.parse(readFileSync(file, "utf8")) : {};
  const results = { ...others, machine: machine(), versions: versions(), ...measured };
  writeFileSync(file, `${JSON.stringify(results, rounded, 2)}\n`);
});

function turns(quick) {
  return { rounds: quick ? 3 : 7, seconds: quick ? 1 : 2 };
}

/**
 * Many and short: a machine's speed drifts, and both sides of a turn shall meet the same. Warm before: V8 optimises a function of a
 * module only when it was called some thousand times, and until then our side takes 3 % more processor time for a row.
 */
function shortTurns(quick) {
  return { rounds: quick ? 9 : 31, seconds: 1, warm: quick ? 5 : 10 };
}

function sizes(folder) {
  return Object.fromEntries(sizesOf(folder).map(({ name, raw, gzip }) => [name, { raw, gzip }]));
}

function machine() {
  return { cores: cpus().length, model: cpus()[0].model.trim(), node: process.version };
}

function versions() {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.fromEntries(["workerd", "miniflare"].map((name) => [name, packages[`node_modules/${name}`].version]));
}

/** Two decimals are more than the figures are good for. */
function rounded(_, value) {
  return typeof value === "number" ? Math.round(value * 100) / 100 : value;
}
