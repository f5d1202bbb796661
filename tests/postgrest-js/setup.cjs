// What the runner adds to postgrest-js' own suite, inside jest: requests go to our Worker, and a snapshot fits also when
// the rows of an unordered list come in another order. Both are noted per test, so that the strict figure is known too.

const { appendFileSync } = require("node:fs");
const { format, plugins } = require("pretty-format");

const { EDGEWARD_URL, EDGEWARD_RESULTS } = process.env;
const suiteOrigin = "http://localhost:54321";

let noted = {};
beforeEach(() => (noted = { requests: 0, strict: true }));
afterEach(() => {
  const { testPath, currentTestName } = expect.getState();
  appendFileSync(EDGEWARD_RESULTS, `${JSON.stringify({ testPath, name: currentTestName, ...noted })}\n`);
});

const platformFetch = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const url = String(input?.url ?? input);
  if (!url.startsWith(suiteOrigin)) return platformFetch(input, init);
  noted.requests += 1;
  return platformFetch(EDGEWARD_URL + url.slice(suiteOrigin.length), init);
};

expect.extend({
  /** jest's own matcher, but for the order of lists; it never writes. */
  toMatchInlineSnapshot(received, ...rest) {
    const snapshot = withoutIndentation(rest.pop() ?? "");
    const [properties] = rest;
    if (properties && !fits(received, properties, this.equals)) {
      return { pass: false, message: () => `the properties differ:\n${printed(received)}` };
    }
    const text = printed(properties ? merged(received, properties) : received);
    if (text === snapshot) return { pass: true, message: () => "" };
    noted.strict = false;
    const pass = unordered(text) === unordered(snapshot);
    return { pass, message: () => `expected:\n${snapshot}\nreceived:\n${text}` };
  },
});

/** As jest prints snapshots. */
function printed(value) {
  const options = { escapeRegex: true, escapeString: false, indent: 2, printBasicPrototype: false, printFunctionName: false };
  return format(value, { ...options, plugins: [plugins.AsymmetricMatcher] });
}

function withoutIndentation(snapshot) {
  const lines = snapshot.split("\n");
  if (lines.length < 3 || lines[0].trim() || lines.at(-1).trim()) return snapshot;
  const indentation = /^[ \t]*/.exec(lines[1])[0];
  return lines
    .slice(1, -1)
    .map((line) => (line.startsWith(indentation) ? line.slice(indentation.length) : line))
    .join("\n");
}

function fits(value, properties, equals) {
  if (properties?.asymmetricMatch || typeof properties !== "object" || properties === null) return equals(value, properties);
  return Object.keys(properties).every((key) => fits(value?.[key], properties[key], equals));
}

function merged(value, properties) {
  if (properties?.asymmetricMatch) return properties;
  if (Array.isArray(properties)) return value.map((item, index) => (index in properties ? merged(item, properties[index]) : item));
  if (typeof properties !== "object" || properties === null) return value;
  return { ...value, ...Object.fromEntries(Object.keys(properties).map((key) => [key, merged(value[key], properties[key])])) };
}

/** The text with the items of every list, and the lines of every CSV, sorted. */
function unordered(text) {
  const lines = text.split("\n");
  let at = 0;
  const block = (indentation) => {
    const items = [];
    while (at < lines.length && !lines[at].startsWith(`${indentation}}`) && !lines[at].startsWith(`${indentation}]`)) {
      const line = lines[at++];
      if (!/[[{]$/.test(line)) {
        items.push(line);
        continue;
      }
      const inner = /^ */.exec(line)[0];
      const members = block(inner);
      const isList = line.endsWith("[") || /^\s*("data": )?"[^"]*,[^"]*$/.test(line);
      items.push([line, ...(isList ? members.sort() : members), lines[at++]].join("\n"));
    }
    return items;
  };
  return csvSorted(block("").concat(lines.slice(at)).join("\n"));
}

/** `"data": "a,b⏎1,2⏎3,4",` */
function csvSorted(text) {
  return text.replace(/^( *"data": "[^\n"]*\n)([\s\S]*?)(",\n *"error")/m, (_, head, rows, tail) => head + rows.split("\n").sort().join("\n") + tail);
}
