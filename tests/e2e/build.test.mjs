// What the build does to the compiled module leaves the program as it was.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { npmProgram } from "../../scripts/toolchain.mjs";
import { functionBodies, functionNames, importedFunctions, withoutNames } from "../../scripts/wasm-module.mjs";
import { orderFunctions } from "../../scripts/wasm-order.mjs";

/** Two kinds of long functions, in turns, that call each other, an import and, through the table, one another again. */
function moduleText(pairs) {
  const body = (operator, constant) => Array.from({ length: 20 }, (_, step) => `(i32.${operator} (i32.const ${constant + step})`).join("");
  const function_ = (name, operator, constant, next) =>
    `(func $${name} (param i32) (result i32) ${body(operator, constant)} (call $${next} (local.get 0)) ${")".repeat(20)})`;
  const names = Array.from({ length: pairs }, (_, at) => [`add_${at}`, `xor_${at}`]).flat();
  const functions = names.map((name, at) => function_(name, name.slice(0, 3), name.startsWith("add") ? 100_000 : 9_000_000, names[at + 1] ?? "last"));
  return `(module
    (import "host" "twice" (func $twice (param i32) (result i32)))
    (memory (export "memory") 1)
    (table 2 funcref) (elem (i32.const 0) $add_0 $xor_0)
    (type $one (func (param i32) (result i32)))
    ${functions.join("\n")}
    (func $last (param i32) (result i32) (call $twice (local.get 0)))
    (func $run (export "run") (param i32) (result i32)
      (i32.add (call_indirect (type $one) (local.get 0) (i32.const 0)) (call_indirect (type $one) (local.get 0) (i32.const 1)))))`;
}

test("functions put next to their like do and are called what they did and were called before", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "edgeward-order-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const [text, path] = [join(folder, "module.wat"), join(folder, "module.wasm")];
  writeFileSync(text, moduleText(30));
  execFileSync(npmProgram("wasm-as"), [text, "--debuginfo", "--output", path]);
  const before = readFileSync(path);
  await orderFunctions(path);
  const after = readFileSync(path);

  assert.equal(functionBodies(after).length, functionBodies(before).length);
  assert.equal(importedFunctions(after), 1);
  const kinds = (module) => [...functionNames(module).values()].map((name) => name.slice(0, 3)).filter((kind) => kind === "add" || kind === "xor");
  const turns = (module) => kinds(module).filter((kind, at, all) => kind !== all[at + 1]).length;
  assert.equal(turns(before), 60);
  assert.ok(turns(after) <= 3, `${turns(after)} changes from one kind to the other`);
  assert.deepEqual([...functionNames(after).values()].sort(), [...functionNames(before).values()].sort());

  const run = async (module) => {
    const { instance } = await WebAssembly.instantiate(withoutNames(module), { host: { twice: (number) => 2 * number } });
    return [0, 1, -7, 1 << 30].map((number) => instance.exports.run(number));
  };
  assert.deepEqual(await run(after), await run(before));
});
