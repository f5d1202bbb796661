// Puts functions that are alike next to each other, so that the module is smaller compressed: gzip only finds what was said
// within the last 32 KiB, and the compiler leaves thousands of functions that differ in little (one for each type, one for each
// table row) far apart. A tenth of the compressed module; the code is the same.

import { readFileSync, rmSync, writeFileSync } from "node:fs";

import { run } from "./terminal.mjs";
import { npmProgram } from "./toolchain.mjs";
import { functionBodies, functionNames, importedFunctions, withFunctionNames } from "./wasm-module.mjs";

/** Orders the functions of the module at `path`; their names stay with them. */
export async function orderFunctions(path) {
  const module = readFileSync(path);
  const names = functionNames(module);
  const bodies = functionBodies(module);
  const imported = importedFunctions(module);
  const ranked = new Map(names);
  nextToTheirLike(bodies).forEach((which, rank) => {
    const index = imported + which;
    ranked.set(index, `${String(rank).padStart(6, "0")}:${names.get(index) ?? ""}`);
  });
  // Binaryen moves a function and all that names its index; it sorts by name, so that the names say the order.
  const ranking = `${path}.ranked`;
  writeFileSync(ranking, withFunctionNames(module, ranked));
  await run(npmProgram("wasm-opt"), [ranking, "--debuginfo", "--reorder-functions-by-name", "--output", ranking], { why: "ordering the module's functions" });
  const ordered = readFileSync(ranking);
  rmSync(ranking);
  const plain = [...functionNames(ordered)].map(([index, name]) => [index, name.replace(/^\d{6}:/, "")]);
  writeFileSync(path, withFunctionNames(ordered, plain));
}

/** How long a piece of code must be to count as shared, in bytes; and how many bytes back gzip still finds it. */
const PIECE = 8;
const WINDOW = 30_000;

/** The bodies' indices in an order in which each shares as much as can be found with those before it, for its length. */
function nextToTheirLike(bodies) {
  const pieces = bodies.map(piecesOf);
  const holders = holdersOf(pieces);
  const left = new Set(bodies.keys());
  const shared = new Float64Array(bodies.length);
  const weight = bodies.map((body) => (body.length + 50) ** 0.7);
  const near = { count: new Map(), bodies: [], bytes: 0 };
  const order = [];

  const change = (which, step) => {
    for (const piece of pieces[which]) {
      const sharing = holders.get(piece);
      if (!sharing) continue;
      const before = near.count.get(piece) ?? 0;
      near.count.set(piece, before + step);
      if (before === 0 || before + step === 0) for (const other of sharing) shared[other] += step;
    }
    near.bytes += step * bodies[which].length;
  };

  for (let next = 0; left.size > 0; ) {
    left.delete(next);
    order.push(next);
    near.bodies.push(next);
    change(next, 1);
    while (near.bytes > WINDOW && near.bodies.length > 1) change(near.bodies.shift(), -1);
    let best = -1;
    for (const which of left) {
      const gain = shared[which] / weight[which];
      if (gain > best) [best, next] = [gain, which];
    }
  }
  return order;
}

/** Hashes of every second piece of a body, chosen by the hash so that equal code gives equal choices. */
function piecesOf(body) {
  const found = new Set();
  for (let at = 0; at + PIECE <= body.length; at++) {
    let hash = 2166136261;
    for (let step = 0; step < PIECE; step++) hash = Math.imul(hash ^ body[at + step], 16777619) >>> 0;
    hash = (hash ^ (hash >>> 15)) >>> 0;
    if (hash % 2 === 0) found.add(hash);
  }
  return found;
}

/** Which bodies have a piece, for the pieces that tell something: not one body's own, and not everybody's. */
function holdersOf(pieces) {
  const holders = new Map();
  pieces.forEach((own, which) => own.forEach((piece) => holders.get(piece)?.push(which) ?? holders.set(piece, [which])));
  for (const [piece, sharing] of holders) if (sharing.length < 2 || sharing.length > 400) holders.delete(piece);
  return holders;
}
