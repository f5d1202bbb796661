// The parts of a WebAssembly module that the build looks at: its sections, its functions' bodies and their names.

/** The module's sections in order: `{ id, start, content, end }`, `start` to `end` the section whole and `content` past its size. */
export function sections(module) {
  const found = [];
  for (let at = 8; at < module.length; ) {
    const size = unsigned(module, at + 1);
    const end = size.end + size.value;
    found.push({ id: module[at], start: at, content: size.end, end });
    at = end;
  }
  return found;
}

/** The bodies of the module's own functions, in order. */
export function functionBodies(module) {
  const code = sections(module).find((section) => section.id === 10);
  const count = unsigned(module, code.content);
  const bodies = [];
  for (let at = count.end; bodies.length < count.value; ) {
    const size = unsigned(module, at);
    at = size.end + size.value;
    bodies.push(module.subarray(size.end, at));
  }
  return bodies;
}

/** How many functions the module imports; they have the first indices. */
export function importedFunctions(module) {
  const imports = sections(module).find((section) => section.id === 2);
  if (!imports) return 0;
  const count = unsigned(module, imports.content);
  let functions = 0;
  for (let at = count.end, left = count.value; left > 0; left--) {
    at = text(module, text(module, at).end).end;
    const kind = module[at];
    // What a kind's description takes: a function's type; a table's or memory's limits; a global's type; a tag's.
    if (kind === 0) functions++;
    if (kind === 0) at = unsigned(module, at + 1).end;
    else if (kind === 1) at = limitsEnd(module, at + 2);
    else if (kind === 2) at = limitsEnd(module, at + 1);
    else if (kind === 3) at += 3;
    else at = unsigned(module, at + 2).end;
  }
  return functions;
}

/** The names of all functions by their index: the imported ones come first. */
export function functionNames(module) {
  const names = new Map();
  const section = sections(module).find((section) => isNames(module, section));
  for (let at = section ? text(module, section.content).end : Infinity; at < section?.end; ) {
    const size = unsigned(module, at + 1);
    if (module[at] === 1) {
      const count = unsigned(module, size.end);
      for (let entry = count.end, left = count.value; left > 0; left--) {
        const index = unsigned(module, entry);
        const name = text(module, index.end);
        names.set(index.value, name.value);
        entry = name.end;
      }
    }
    at = size.end + size.value;
  }
  return names;
}

/** The module with these names of functions and no others. */
export function withFunctionNames(module, names) {
  const entries = [...names].sort(([a], [b]) => a - b).map(([index, name]) => Buffer.concat([encoded(index), sized(Buffer.from(name))]));
  const map = sized(Buffer.concat([encoded(entries.length), ...entries]));
  const content = Buffer.concat([sized(Buffer.from("name")), Buffer.from([1]), map]);
  return Buffer.concat([withoutNames(module), Buffer.from([0]), sized(content)]);
}

/** The module without its custom section `name`. (`strip = true` would take more than that: wasm-bindgen reads the rest.) */
export function withoutNames(module) {
  const kept = sections(module).filter((section) => !isNames(module, section));
  return Buffer.concat([module.subarray(0, 8), ...kept.map((section) => module.subarray(section.start, section.end))]);
}

function isNames(module, section) {
  return section.id === 0 && text(module, section.content).value === "name";
}

function limitsEnd(module, at) {
  const least = unsigned(module, at + 1);
  return module[at] & 1 ? unsigned(module, least.end).end : least.end;
}

function text(module, at) {
  const length = unsigned(module, at);
  const end = length.end + length.value;
  return { value: module.toString("utf8", length.end, end), end };
}

/** An unsigned LEB128 number, and where it ends. */
function unsigned(module, at) {
  for (let value = 0, shift = 0; ; shift += 7) {
    const byte = module[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, end: at };
  }
}

function encoded(number) {
  const bytes = [];
  for (; number > 0x7f; number >>>= 7) bytes.push((number & 0x7f) | 0x80);
  return Buffer.from([...bytes, number]);
}

function sized(content) {
  return Buffer.concat([encoded(content.length), content]);
}
