// Makes the generated JavaScript between the runtime and the module cheaper to cross: a request crosses it two dozen times.
//
// As wasm-bindgen writes it for modules that unwind, every call of an import makes a closure and an `arguments` object before it
// does anything, and every step of a future goes through the runtime's `queueMicrotask`, which costs several times what a
// settled promise's `then` does. One row by key takes 4 to 7 % less processor time without both.

import { readFileSync, writeFileSync } from "node:fs";

import { Stop } from "./terminal.mjs";

/** Rewrites the file at `path`. A shape that is not the one known here stops the build: a new wasm-bindgen has to be looked at. */
export function cheapenGlue(path) {
  writeFileSync(path, guardedOnce(withoutQueueMicrotask(readFileSync(path, "utf8"))));
}

/** `name:function(){return guard(function(a,b){…},arguments)}` becomes `name:guardOnce(function(a,b){…})`. */
function guardedOnce(text) {
  const [, guard] = /function (\w+)\((\w+),(\w+)\)\{try\{return \2\.apply\(this,\3\)\}catch/.exec(text) ?? [];
  const opening = new RegExp(`:function\\(\\)\\{return ${escaped(guard ?? "")}\\(function\\(([\\w$,]*)\\)`, "g");
  const arities = [...text.matchAll(opening)].map(([, list]) => list.split(",").length);
  const ends = text.split("},arguments)}").length - 1;
  if (!guard || !arities.length || arities.length !== ends) throw new Stop("the generated JavaScript guards its imports in a way scripts/glue.mjs does not know");
  const list = Array.from({ length: Math.max(...arities) }, (_, at) => `a${at}`).join(",");
  const once = `function guardOnce(run){return function(${list}){try{return run(${list})}catch(thrown){return ${guard}(function(){throw thrown},[])}}}`;
  return `${text.replace(opening, (_, taken) => `:guardOnce(function(${taken})`).replaceAll("},arguments)}", "})")}\n${once}\n`;
}

/** A step of a future is scheduled by a promise that is settled already. */
function withoutQueueMicrotask(text) {
  const call = /\{queueMicrotask\((\w+)\)\}/;
  if (!call.test(text)) throw new Stop("the generated JavaScript schedules futures in a way scripts/glue.mjs does not know");
  return `var settled=Promise.resolve();${text.replace(call, "{settled.then($1)}")}`;
}

function escaped(name) {
  return name.replace(/\$/g, "\\$&");
}
