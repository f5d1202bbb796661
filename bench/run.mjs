// `npm run bench`: Edgeward beside a Worker written by hand for the same job, on one workerd, in turns.
//
//   npm run bench [-- --quick] [--only storage]     --quick: fewer rounds, and no builds; --only: one part, the others as they were
//
// Figures of one machine say little; the ratios, taken from neighbouring runs, say what the product costs. Prints a table and
// writes bench/results.json.

import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { build } from "../scripts/build.mjs";
import { sizesOf } from "../scripts/size.mjs";
import { runMain, say, Stop } from "../scripts/terminal.mjs";
import { root } from "../scripts/toolchain.mjs";
import { buildTimes } from "./build-times.mjs";
import { coldStarts } from "./cold-start.mjs";
import { storage } from "./storage.mjs";
import { throughput } from "./throughput.mjs";

/** What is good enough, beside the ratios of throughput.mjs. */
const mostColdMilliseconds = 40;
const mostGzip = 900_000;

const file = join(root, "bench", "results.json");

/** What is measured, and how: `quick` is the short way. */
const parts = {
  throughput: { says: "throughput, in turns", measure: (quick) => throughput({ rounds: quick ? 3 : 7, seconds: quick ? 1 : 2 }) },
  storage: { says: "files in and out, in turns", measure: (quick) => storage({ rounds: quick ? 3 : 7, seconds: quick ? 1 : 2 }) },
  coldStart: { says: "first requests of fresh processes, in turns", measure: (quick) => coldStarts({ rounds: quick ? 4 : 9 }) },
  size: { says: "sizes", measure: (_, folder) => sizes(folder) },
  build: { says: "builds (minutes)", measure: (quick) => (quick ? undefined : buildTimes()) },
};

await runMain(async () => {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false }, only: { type: "string" } } });
  if (values.only && !parts[values.only]) throw new Stop(`the parts are ${Object.keys(parts).join(", ")}`);
  const { folder } = await build({ profile: "release" });
  const measured = {};
  for (const [name, { says, measure }] of Object.entries(parts)) {
    if (values.only && values.only !== name) continue;
    say(says);
    measured[name] = await measure(values.quick, folder);
  }
  report(measured);
  const others = values.only ? JSON.parse(readFileSync(file, "utf8")) : {};
  const results = { machine: machine(), versions: versions(), ...others, ...measured };
  writeFileSync(file, `${JSON.stringify(results, rounded, 2)}\n`);
});

function sizes(folder) {
  return Object.fromEntries(sizesOf(folder).map(({ name, raw, gzip }) => [name, { raw, gzip }]));
}

function report({ throughput = [], storage = { speed: [], memory: [] }, coldStart = [], size = {}, build = {} }) {
  const row = (name, ...cells) => console.log(name.padEnd(32) + cells.map((cell) => String(cell).padStart(11)).join(""));
  const table = (...heads) => {
    console.log();
    row("", ...heads);
  };
  const mark = (good) => (good ? "" : "  below the mark");
  const milliseconds = (time) => `${time.toFixed(2)} ms`;
  const mebibytes = (bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  if (throughput.length) table("ours rps", "bare rps", "ratio", "mark", "ours p50", "ours p99", "ours cpu", "bare cpu", "ratio");
  for (const { name, least, ours, bare, ratio, cpuRatio } of throughput) {
    const times = [ours.p50, ours.p99, ours.cpu, bare.cpu].map(milliseconds);
    row(name, ours.rps.toFixed(0), bare.rps.toFixed(0), ratio.toFixed(2), `≥ ${least}`, ...times, cpuRatio.toFixed(2) + mark(ratio >= least));
  }
  if (storage.speed.length) table("ours", "bare", "", "ratio", "mark", "ours cpu", "bare cpu", "ratio");
  for (const { name, least, unit, ours, bare, ratio, cpuRatio } of storage.speed) {
    const times = [ours.cpu, bare.cpu].map(milliseconds);
    row(name, ours.rps.toFixed(0), bare.rps.toFixed(0), unit, ratio.toFixed(2), least ? `≥ ${least}` : "", ...times, cpuRatio.toFixed(2) + mark(!least || ratio >= least));
  }
  if (storage.memory.length) table("isolate", "mark", "bare", "process", "bare");
  for (const { name, most, ours, bare } of storage.memory) {
    const all = [mebibytes(bare.isolate), mebibytes(ours.process), mebibytes(bare.process)];
    row(`memory, ${name}`, mebibytes(ours.isolate), `≤ ${mebibytes(most)}`, ...all, mark(Math.max(ours.isolate, ours.process - bare.process) <= most));
  }
  if (coldStart.length) table("ours", "empty", "more", "mark");
  for (const { name, ours, empty, more } of coldStart) {
    row(name, `${ours.toFixed(1)} ms`, `${empty.toFixed(1)} ms`, `${more.toFixed(1)} ms`, `≤ ${mostColdMilliseconds} ms`, mark(more <= mostColdMilliseconds));
  }
  if (Object.keys(size).length) table("raw KB", "gzip KB", "mark");
  for (const [name, { raw, gzip }] of Object.entries(size)) {
    row(name, (raw / 1000).toFixed(1), (gzip / 1000).toFixed(1), ...(name.endsWith(".wasm") ? [`≤ ${mostGzip / 1000}`, mark(gzip <= mostGzip)] : []));
  }
  console.log();
  for (const [name, seconds] of Object.entries(build ?? {})) row(`build, ${name}`, `${seconds.toFixed(0)} s`);
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
