// The table that `npm run bench` prints: a part that was not measured is left out, and what misses its mark says so.

/** What is good enough, beside the marks that the parts bring along. */
const mostColdMilliseconds = 40;
const mostPageMegabytes = 64;
const mostGzip = 900_000;

/** Each part's lines. */
const tables = {
  throughput: (cases) => compared(cases),
  auth: ({ compared: cases, alone, tokens }) => {
    compared(cases);
    table("rps", "p50", "p99", "cpu");
    for (const { name, rps, p50, p99, cpu } of alone) row(name, rps.toFixed(0), ...[p50, p99, cpu].map(milliseconds));
    table("cpu", "mark");
    for (const { name, most, microseconds } of tokens) {
      row(`verifying ${name}`, `${microseconds.toFixed(1)} µs`, `≤ ${most} µs`, mark(microseconds <= most));
    }
  },
  storage: ({ speed, memory }) => {
    table("ours", "bare", "", "ratio", "mark", "ours cpu", "bare cpu", "ratio");
    for (const { name, least, unit, ours, bare, ratio, cpuRatio } of speed) {
      const times = [ours.cpu, bare.cpu].map(milliseconds);
      const asked = least ? `≥ ${least}` : "";
      row(name, ours.rps.toFixed(0), bare.rps.toFixed(0), unit, ratio.toFixed(2), asked, ...times, cpuRatio.toFixed(2) + mark(!least || ratio >= least));
    }
    table("isolate", "mark", "bare", "process", "bare");
    for (const { name, most, ours, bare } of memory) {
      const all = [mebibytes(bare.isolate), mebibytes(ours.process), mebibytes(bare.process)];
      const isWithin = Math.max(ours.isolate, ours.process - bare.process) <= most;
      row(`memory, ${name}`, mebibytes(ours.isolate), `≤ ${mebibytes(most)}`, ...all, mark(isWithin));
    }
  },
  memory: (pages) => {
    table("the page", "heap", "wasm", "mark");
    for (const { name, page, heap, wasm } of pages) {
      const cells = [page, heap, wasm].map((megabytes) => `${megabytes.toFixed(1)} MiB`);
      row(`memory, ${name}`, ...cells, `≤ ${mostPageMegabytes} MiB`, mark(heap + wasm <= mostPageMegabytes));
    }
  },
  coldStart: (starts) => {
    table("ours", "empty", "more", "mark");
    for (const { name, ours, empty, more } of starts) {
      const times = [ours, empty, more].map((time) => `${time.toFixed(1)} ms`);
      row(name, ...times, `≤ ${mostColdMilliseconds} ms`, mark(more <= mostColdMilliseconds));
    }
  },
  size: (files) => {
    table("raw KB", "gzip KB", "mark");
    for (const [name, { raw, gzip }] of Object.entries(files)) {
      const asked = name.endsWith(".wasm") ? [`≤ ${mostGzip / 1000}`, mark(gzip <= mostGzip)] : [];
      row(name, (raw / 1000).toFixed(1), (gzip / 1000).toFixed(1), ...asked);
    }
  },
  build: (builds) => {
    table();
    for (const [name, seconds] of Object.entries(builds)) row(`build, ${name}`, `${seconds.toFixed(0)} s`);
  },
};

/** Prints the parts that were measured. */
export function report(measured) {
  for (const [part, print] of Object.entries(tables)) if (measured[part]) print(measured[part]);
}

function compared(cases) {
  table("ours rps", "bare rps", "ratio", "mark", "ours p50", "ours p99", "ours cpu", "bare cpu", "ratio");
  for (const { name, least, ours, bare, ratio, cpuRatio } of cases) {
    const times = [ours.p50, ours.p99, ours.cpu, bare.cpu].map(milliseconds);
    const asked = least ? `≥ ${least}` : "";
    row(name, ours.rps.toFixed(0), bare.rps.toFixed(0), ratio.toFixed(2), asked, ...times, cpuRatio.toFixed(2) + mark(!least || ratio >= least));
  }
}

function table(...heads) {
  console.log();
  row("", ...heads);
}

function row(name, ...cells) {
  console.log(name.padEnd(32) + cells.map((cell) => String(cell).padStart(11)).join(""));
}

function mark(isGood) {
  return isGood ? "" : "  below the mark";
}

function milliseconds(time) {
  return `${time.toFixed(2)} ms`;
}

function mebibytes(bytes) {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
