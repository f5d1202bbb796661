// `npm run bench`: Edgeward beside a Worker written by hand for the same job, on one workerd, in turns.
//
//   npm run bench [-- --quick]          --quick: fewer rounds, and no builds
//   npm run bench -- --only memory      how much memory a large page takes, alone
//
// Figures of one machine say little; the ratios, taken from neighbouring runs, say what the product costs. Prints a table and
// writes bench/results.json.

import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { build } from "../scripts/build.mjs";
import { sizesOf } from "../scripts/size.mjs";
import { runMain, say } from "../scripts/terminal.mjs";
import { root } from "../scripts/toolchain.mjs";
import { buildTimes } from "./build-times.mjs";
import { coldStarts } from "./cold-start.mjs";
import { memory } from "./memory.mjs";
import { throughput } from "./throughput.mjs";

/** What is good enough, beside the ratios of throughput.mjs. */
const mostColdMilliseconds = 40;
const mostGzip = 900_000;
const mostMegabytes = 64;

await runMain(async () => {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false }, only: { type: "string" } } });
  const { folder } = await build({ profile: "release" });
  if (values.only === "memory") return reportMemory(await memory());
  const results = { machine: machine(), versions: versions() };

  say("throughput, in turns");
  results.throughput = await throughput({ rounds: values.quick ? 3 : 7, seconds: values.quick ? 1 : 2 });
  say("first requests of fresh processes, in turns");
  results.coldStart = await coldStarts({ rounds: values.quick ? 4 : 9 });
  say("the memory of a large page");
  results.memory = await memory();
  results.size = Object.fromEntries(sizesOf(folder).map(({ name, raw, gzip }) => [name, { raw, gzip }]));
  if (!values.quick) {
    say("builds (minutes)");
    results.build = await buildTimes();
  }

  report(results);
  writeFileSync(join(root, "bench", "results.json"), `${JSON.stringify(results, rounded, 2)}\n`);
});

const row = (name, ...cells) => console.log(name.padEnd(30) + cells.map((cell) => String(cell).padStart(11)).join(""));
const mark = (good) => (good ? "" : "  below the mark");

function reportMemory(pages) {
  console.log();
  row("memory above idle, MB", "the page", "heap", "wasm", "mark");
  for (const { name, page, heap, wasm } of pages) {
    const cells = [page, heap, wasm].map((megabytes) => megabytes.toFixed(1));
    row(name, ...cells, `≤ ${mostMegabytes}`, mark(heap + wasm <= mostMegabytes));
  }
}

function report({ throughput, coldStart, memory, size, build }) {
  console.log();
  row("", "ours rps", "bare rps", "ratio", "mark", "ours p50", "ours p99", "ours cpu", "bare cpu", "ratio");
  for (const { name, least, ours, bare, ratio, cpuRatio } of throughput) {
    const times = [ours.p50, ours.p99, ours.cpu, bare.cpu].map((time) => `${time.toFixed(2)} ms`);
    row(name, ours.rps.toFixed(0), bare.rps.toFixed(0), ratio.toFixed(2), `≥ ${least}`, ...times, cpuRatio.toFixed(2) + mark(ratio >= least));
  }
  console.log();
  row("", "ours", "empty", "more", "mark");
  for (const { name, ours, empty, more } of coldStart) {
    row(name, `${ours.toFixed(1)} ms`, `${empty.toFixed(1)} ms`, `${more.toFixed(1)} ms`, `≤ ${mostColdMilliseconds} ms`, mark(more <= mostColdMilliseconds));
  }
  reportMemory(memory);
  console.log();
  row("", "raw KB", "gzip KB", "mark");
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
