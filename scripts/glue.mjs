// Makes the generated JavaScript between the runtime and the module cheaper to cross: a request crosses it two dozen times.
//
// As wasm-bindgen writes it for modules that unwind, every call of an import makes a closure and an `arguments` object before it
// does anything, and every step of a future goes through the runtime's `queueMicrotask`, which costs several times what a
// settled promise's `then` does. One row by key takes 4 to 7 % less processor time without both.

import { readFileSync, writeFileSync } from "node:fs";

import { Stop } from "./terminal.mjs";

/** Rewrites the file at `path`. A shape that is not the one known here stops the build: a new wasm-bindgen has to be looked at. */
export function cheapenGlue(path) {
  writeFileSync(path, guardedInPlace(withoutQueueMicrotask(readFileSync(path, "utf8"))));
}

/** `name:function(){return guard(function(a,b){…},arguments)}` becomes `name:function(a,b){try{…}catch(thrown){return guard(…)}}`. */
function guardedInPlace(text) {
  const [, guard] = /function (\w+)\((\w+),(\w+)\)\{try\{return \2\.apply\(this,\3\)\}catch/.exec(text) ?? [];
  const opening = new RegExp(`:function\\(\\)\\{return ${escaped(guard ?? "")}\\(function\\(([\\w$,]*)\\)\\{`, "g");
  const [openings, ends] = [text.match(opening)?.length, text.split("},arguments)}").length - 1];
  if (!guard || !openings || openings !== ends) throw new Stop("the generated JavaScript guards its imports in a way scripts/glue.mjs does not know");
  const rethrown = `function rethrown(thrown){return ${guard}(function(){throw thrown},[])}`;
  return `${text.replace(opening, (_, taken) => `:function(${taken}){try{`).replaceAll("},arguments)}", "}catch(thrown){return rethrown(thrown)}}")}\n${rethrown}\n`;
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
