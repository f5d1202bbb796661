// `npm run bench`: Edgeward beside a Worker written by hand for the same job, on one workerd, in turns.
//
//   npm run bench [-- --quick] [-- --only auth]     --quick: fewer rounds, and no builds; --only: this part alone, the others'
//                                                   figures stay (throughput, auth, coldStart, size, build)
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
import { authSpeeds } from "./auth.mjs";
import { buildTimes } from "./build-times.mjs";
import { coldStarts } from "./cold-start.mjs";
import { throughput } from "./throughput.mjs";

/** What is good enough, beside the ratios of throughput.mjs. */
const mostColdMilliseconds = 40;
const mostGzip = 900_000;

await runMain(async () => {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false }, only: { type: "string" } } });
  const { folder } = await build({ profile: "release" });
  const turns = { rounds: values.quick ? 3 : 7, seconds: values.quick ? 1 : 2 };
  /** Each part: what is said of it, and how its figures come about. */
  const parts = {
    throughput: ["throughput, in turns", () => throughput(turns)],
    auth: ["sign-ins, refreshes and tokens, in turns", () => authSpeeds(turns)],
    coldStart: ["first requests of fresh processes, in turns", () => coldStarts({ rounds: values.quick ? 4 : 9 })],
    size: ["sizes", () => Object.fromEntries(sizesOf(folder).map(({ name, raw, gzip }) => [name, { raw, gzip }]))],
    build: ["builds (minutes)", buildTimes],
  };
  const wanted = values.only ? [values.only] : Object.keys(parts).filter((part) => part !== "build" || !values.quick);
  if (!wanted.every((part) => parts[part])) throw new Stop(`--only takes one of ${Object.keys(parts).join(", ")}`);

  const file = join(root, "bench", "results.json");
  const earlier = values.only ? JSON.parse(readFileSync(file, "utf8")) : {};
  const measured = {};
  for (const part of wanted) {
    const [what, measure] = parts[part];
    say(what);
    measured[part] = await measure();
  }
  report(measured);
  writeFileSync(file, `${JSON.stringify({ ...earlier, machine: machine(), versions: versions(), ...measured }, rounded, 2)}\n`);
});

function report({ throughput = [], auth, coldStart = [], size = {}, build = {} }) {
  const row = (name, ...cells) => console.log(name.padEnd(30) + cells.map((cell) => String(cell).padStart(11)).join(""));
  const mark = (good) => (good ? "" : "  below the mark");
  console.log();
  const both = [...throughput, ...(auth?.compared ?? [])];
  if (both.length) row("", "ours rps", "bare rps", "ratio", "mark", "ours p50", "ours p99", "ours cpu", "bare cpu", "ratio");
  for (const { name, least, ours, bare, ratio, cpuRatio } of both) {
    const times = [ours.p50, ours.p99, ours.cpu, bare.cpu].map((time) => `${time.toFixed(2)} ms`);
    row(name, ours.rps.toFixed(0), bare.rps.toFixed(0), ratio.toFixed(2), `≥ ${least}`, ...times, cpuRatio.toFixed(2) + mark(ratio >= least));
  }
  console.log();
  if (auth) row("", "rps", "p50", "p99", "cpu");
  for (const { name, rps, p50, p99, cpu } of auth?.alone ?? []) {
    row(name, rps.toFixed(0), ...[p50, p99, cpu].map((time) => `${time.toFixed(2)} ms`));
  }
  console.log();
  if (auth) row("a token verified", "cpu", "mark");
  for (const { name, most, microseconds } of auth?.tokens ?? []) {
    row(name, `${microseconds.toFixed(1)} µs`, `≤ ${most} µs`, mark(microseconds <= most));
  }
  console.log();
  if (coldStart.length) row("", "ours", "empty", "more", "mark");
  for (const { name, ours, empty, more } of coldStart) {
    row(name, `${ours.toFixed(1)} ms`, `${empty.toFixed(1)} ms`, `${more.toFixed(1)} ms`, `≤ ${mostColdMilliseconds} ms`, mark(more <= mostColdMilliseconds));
  }
  console.log();
  if (Object.keys(size).length) row("", "raw KB", "gzip KB", "mark");
  for (const [name, { raw, gzip }] of Object.entries(size)) {
    row(name, (raw / 1000).toFixed(1), (gzip / 1000).toFixed(1), ...(name.endsWith(".wasm") ? [`≤ ${mostGzip / 1000}`, mark(gzip <= mostGzip)] : []));
  }
  console.log();
  for (const [name, seconds] of Object.entries(build)) row(`build, ${name}`, `${seconds.toFixed(0)} s`);
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
