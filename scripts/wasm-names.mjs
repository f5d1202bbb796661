// Takes the names of functions out of a WebAssembly module: a quarter of its bytes, for nothing but readable stacks.

import { readFileSync, renameSync, writeFileSync } from "node:fs";

/** Leaves `path` without names, and the module as it was beside it, as `<path without .wasm>.named.wasm`. */
export function stripNames(path) {
  const module = readFileSync(path);
  renameSync(path, path.replace(/\.wasm$/, ".named.wasm"));
  writeFileSync(path, withoutNames(module));
}

/** The module without its custom section `name`. (`strip = true` would take more than that: wasm-bindgen reads the rest.) */
function withoutNames(module) {
  const header = 8;
  const kept = [module.subarray(0, header)];
  for (let at = header; at < module.length; ) {
    const size = unsigned(module, at + 1);
    const end = size.end + size.value;
    if (module[at] !== 0 || customName(module, size.end) !== "name") kept.push(module.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}

function customName(module, at) {
  const length = unsigned(module, at);
  return module.toString("utf8", length.end, length.end + length.value);
}

/** An unsigned LEB128 number, and where it ends. */
function unsigned(module, at) {
  for (let value = 0, shift = 0; ; shift += 7) {
    const byte = module[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, end: at };
  }
}
