// Reads the part of Haskell that PostgREST's specs are written in: declarations, `do` blocks, `let`, records, quasi quotes.
// A file becomes a list of declarations; what stands in it is a tree of `{ kind, …, line }`.

/** Text that is no part of what is read here. */
export class Unreadable extends Error {}

const BLOCK_OPENERS = new Set(["do", "let", "where", "of"]);
const KEYWORDS = new Set([...BLOCK_OPENERS, "in", "if", "then", "else", "case", "module", "import", "data", "instance", "type"]);
const SYMBOL = /[!#$%&*+./<=>?@\\^|~:-]/;
const ESCAPES = { n: "\n", t: "\t", r: "\r", "\\": "\\", '"': '"', "'": "'", 0: "\0" };

/** Operators: how tightly they bind, and to which side. What is not here binds as Haskell's default, 9 to the left. */
const FIXITIES = {
  $: [0, "right"], ">>=": [1, "left"], ">>": [1, "left"], "=<<": [1, "right"], "&": [1, "left"], "||": [2, "right"], "&&": [3, "right"],
  "==": [4, "left"], "/=": [4, "left"], "<": [4, "left"], ">": [4, "left"], "<=": [4, "left"], ">=": [4, "left"], "=~": [4, "left"],
  "<$>": [4, "left"], "<*>": [4, "left"], elem: [4, "left"], ":": [5, "right"], "++": [5, "right"], "<>": [6, "right"], "+": [6, "left"],
  "-": [6, "left"], "*": [7, "left"], "/": [7, "left"], "^?": [8, "left"], ".": [9, "right"],
  shouldRespondWith: [1, "left"], shouldBe: [1, "left"], shouldNotBe: [1, "left"], shouldSatisfy: [1, "left"], shouldContain: [1, "left"],
};

/** The file's text → its tokens. */
export function tokens(text) {
  const found = [];
  let at = 0;
  let line = 1;
  let lineStart = 0;
  let lastLine = 0;
  const push = (kind, value, start, startLine, startColumn) => {
    found.push({ kind, value, line: startLine, column: startColumn, first: startLine !== lastLine, tight: start > 0 && !/\s/.test(text[start - 1]) });
    lastLine = startLine;
  };
  const advance = (to) => {
    for (; at < to; at++) {
      if (text[at] === "\n") {
        line++;
        lineStart = at + 1;
      }
    }
  };
  while (at < text.length) {
    const rest = text.slice(at, at + 400);
    const start = at;
    const [startLine, startColumn] = [line, at - lineStart];
    let match;
    if ((match = /^\s+/.exec(rest))) {
      advance(at + match[0].length);
    } else if (/^--+(?![!#$%&*+./<=>?@\\^|~:])/.test(rest)) {
      advance(text.indexOf("\n", at) < 0 ? text.length : text.indexOf("\n", at));
    } else if (rest.startsWith("{-")) {
      advance(text.indexOf("-}", at) + 2);
    } else if ((match = /^\[([a-zA-Z]+)\|/.exec(rest)) && text.indexOf("|]", at) > 0) {
      const from = at + match[0].length;
      const to = text.indexOf("|]", from);
      advance(to + 2);
      push("quote", { name: match[1], text: text.slice(from, to) }, start, startLine, startColumn);
    } else if (rest[0] === '"') {
      const [value, to] = stringAt(text, at);
      advance(to);
      push("string", value, start, startLine, startColumn);
    } else if ((match = /^'(?:\\.|[^'\\])'/.exec(rest))) {
      advance(at + match[0].length);
      push("string", match[0][1] === "\\" ? (ESCAPES[match[0][2]] ?? match[0][2]) : match[0][1], start, startLine, startColumn);
    } else if ((match = /^\d[\d_]*(?:\.\d+)?(?:e-?\d+)?/.exec(rest))) {
      advance(at + match[0].length);
      push("number", Number(match[0].replaceAll("_", "")), start, startLine, startColumn);
    } else if ((match = /^(?:[A-Z]\w*\.)*[A-Za-z_][\w']*/.exec(rest))) {
      advance(at + match[0].length);
      push(KEYWORDS.has(match[0]) ? "keyword" : "name", match[0], start, startLine, startColumn);
    } else if ((match = /^`([\w'.]+)`/.exec(rest))) {
      advance(at + match[0].length);
      push("operator", match[1].split(".").at(-1), start, startLine, startColumn);
    } else if (/^[()[\],;{}]/.test(rest)) {
      advance(at + 1);
      push("mark", rest[0], start, startLine, startColumn);
    } else if (SYMBOL.test(rest[0])) {
      let to = at;
      while (to < text.length && SYMBOL.test(text[to])) to++;
      advance(to);
      push("operator", text.slice(start, to), start, startLine, startColumn);
    } else {
      throw new Unreadable(`line ${line}: ${rest.slice(0, 20)}`);
    }
  }
  return found;
}

function stringAt(text, start) {
  let value = "";
  let at = start + 1;
  while (text[at] !== '"') {
    if (text[at] !== "\\") {
      value += text[at++];
      continue;
    }
    const number = /^\\(\d+)/.exec(text.slice(at, at + 10));
    const gap = /^\\\s+\\/.exec(text.slice(at, at + 400));
    if (gap) at += gap[0].length;
    else if (number) {
      value += String.fromCodePoint(Number(number[1]));
      at += number[0].length;
    } else {
      if (text[at + 1] !== "&") value += ESCAPES[text[at + 1]] ?? text[at + 1];
      at += 2;
    }
  }
  return [value, at + 1];
}

/** The file's text → its declarations: `{ name, parameters, body, line }`. */
export function declarations(text) {
  const all = tokens(text);
  // What comes before the first declaration: the module's head and its imports.
  let at = all.findIndex((token) => token.kind === "keyword" && token.value === "where") + 1;
  while (all[at]?.kind === "keyword" && all[at].value === "import") {
    at++;
    while (all[at] && !(all[at].first && all[at].column === 0)) at++;
  }
  return new Parser(all.slice(at)).declarationsAt(0);
}

class Parser {
  constructor(all) {
    this.all = all;
    this.at = 0;
    this.indents = [-1];
    this.item = -1;
  }

  /** The next token of the innermost block's current item. */
  peek(ahead = 0) {
    const token = this.all[this.at + ahead];
    if (!token) return undefined;
    for (let index = this.at; index <= this.at + ahead; index++) {
      const passed = this.all[index];
      if (passed.first && index !== this.item && passed.column <= this.indents.at(-1)) return undefined;
    }
    return token;
  }

  is(value, kind) {
    const token = this.peek();
    return token !== undefined && token.value === value && (kind === undefined ? token.kind !== "string" : token.kind === kind);
  }

  take() {
    const token = this.peek();
    if (!token) throw new Unreadable(`line ${this.all[this.at]?.line ?? "last"}: the expression ends early`);
    this.at++;
    return token;
  }

  expect(value) {
    const token = this.take();
    if (token.value !== value) throw new Unreadable(`line ${token.line}: ${value} expected, not ${token.value}`);
  }

  /** Each item of the block that begins here, as `read` has it. An item that cannot be read is what `failed` makes of the reason. */
  block(read, failed, column) {
    const first = this.peek();
    if (column === undefined && !first) return [];
    const indent = column ?? first.column;
    this.indents.push(indent);
    const outer = this.item;
    const items = [];
    while (this.all[this.at] && (this.all[this.at].column === indent || items.length === 0)) {
      const before = this.at;
      const start = this.all[this.at];
      if (items.length > 0 && !start.first) break;
      this.item = this.at;
      try {
        const item = read(start);
        if (item) items.push(item);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        while (this.peek()) this.at++;
        items.push(failed(start, error.message));
      }
      // What is left of the item was not understood, unless something around it closes here.
      const left = this.peek();
      if (left && ([")", "]", ",", "}"].includes(left.value) || ["in", "then", "else"].includes(left.value))) break;
      if (left) {
        if (column === undefined) {
          while (this.peek()) this.at++;
          items.push(failed(start, `line ${left.line}: ${left.value}`));
        } else {
          while (this.peek()) this.at++;
        }
      }
      if (this.at === before) break;
    }
    this.indents.pop();
    this.item = outer;
    return items;
  }

  declarationsAt(column) {
    return this.block(() => this.declaration(), (start, why) => ({ name: undefined, unreadable: why, line: start.line }), column);
  }

  declaration() {
    const start = this.peek();
    if (start.kind === "keyword") {
      while (this.peek()) this.at++;
      return undefined;
    }
    const names = [this.pattern()];
    while (!this.is("=", "operator")) {
      if (this.is("::", "operator") || this.is(",", "mark")) {
        while (this.peek()) this.at++;
        return undefined;
      }
      if (this.is("|", "operator")) throw new Unreadable(`line ${start.line}: guards`);
      names.push(this.pattern());
    }
    this.take();
    let body = this.expression();
    if (this.is("where")) {
      this.take();
      body = { kind: "let", declarations: this.declarationsAt(this.peek()?.column), body, line: start.line };
    }
    const [name, ...parameters] = names;
    return { name, parameters, body, line: start.line };
  }

  pattern() {
    const token = this.take();
    if (token.kind === "name") return token.value;
    if (token.value === "(") {
      const parts = [];
      while (!this.is(")", "mark")) {
        parts.push(this.pattern());
        if (this.is(",", "mark")) this.take();
      }
      this.take();
      return { parts };
    }
    throw new Unreadable(`line ${token.line}: the pattern ${token.value}`);
  }

  expression() {
    const line = this.peek()?.line;
    const parts = [this.operand()];
    while (this.peek()?.kind === "operator" && !["=", "->", "<-", "|"].includes(this.peek().value)) {
      if (this.is("::", "operator")) {
        this.skipType();
        continue;
      }
      parts.push(this.take());
      // A section: `(subtract 1 .)`.
      if (!this.peek() || this.is(")", "mark")) return { kind: "section", left: resolve(parts.slice(0, -1)), operator: parts.at(-1).value, line };
      parts.push(this.operand());
    }
    return resolve(parts);
  }

  skipType() {
    this.take();
    let depth = 0;
    while (this.peek()) {
      const { value } = this.peek();
      if (depth === 0 && [")", "]", ",", "}", "="].includes(value)) return;
      if (["(", "["].includes(value)) depth++;
      if ([")", "]"].includes(value)) depth--;
      this.at++;
    }
  }

  operand() {
    const token = this.peek();
    if (token?.value === "-" && token.kind === "operator") {
      this.take();
      return { kind: "negated", of: this.operand(), line: token.line };
    }
    const called = this.argument();
    const parameters = [];
    while (this.startsArgument()) parameters.push(this.argument());
    return parameters.length === 0 ? called : { kind: "call", called, parameters, line: called.line };
  }

  startsArgument() {
    const token = this.peek();
    if (!token) return false;
    if (["string", "number", "name", "quote"].includes(token.kind)) return true;
    if (token.kind === "mark") return token.value === "(" || token.value === "[";
    return (token.kind === "keyword" && token.value === "do") || (token.kind === "operator" && token.value === "\\");
  }

  argument() {
    let value = this.atom();
    while (this.is("{", "mark")) value = this.update(value);
    return value;
  }

  update(of) {
    const { line } = this.take();
    const fields = [];
    while (!this.is("}", "mark")) {
      const name = this.take().value;
      this.expect("=");
      fields.push([name, this.expression()]);
      if (this.is(",", "mark")) this.take();
    }
    this.take();
    return { kind: "update", of, fields, line };
  }

  atom() {
    const token = this.take();
    const { line } = token;
    switch (token.kind) {
      case "string":
      case "number":
      case "name":
        return { kind: token.kind, value: token.value, line };
      case "quote":
        return { kind: "quote", ...token.value, line };
      case "keyword":
        return this.keyword(token);
      case "operator":
        if (token.value === "\\") return this.lambda(line);
        break;
      case "mark":
        if (token.value === "(") return this.parenthesised(line);
        if (token.value === "[") return { kind: "list", items: this.items("]"), line };
    }
    throw new Unreadable(`line ${line}: ${token.value}`);
  }

  keyword({ value, line }) {
    if (value === "do") {
      return { kind: "do", statements: this.block(() => this.statement(), (start, why) => ({ kind: "unreadable", why, line: start.line })), line };
    }
    if (value === "let") {
      const declarations = this.block(() => this.declaration(), (start, why) => ({ name: undefined, unreadable: why, line: start.line }));
      this.expect("in");
      return { kind: "let", declarations, body: this.expression(), line };
    }
    if (value === "if") {
      const condition = this.expression();
      this.expect("then");
      const then = this.expression();
      this.expect("else");
      return { kind: "if", condition, then, otherwise: this.expression(), line };
    }
    throw new Unreadable(`line ${line}: ${value}`);
  }

  lambda(line) {
    const parameters = [];
    while (!this.is("->", "operator")) parameters.push(this.pattern());
    this.take();
    return { kind: "lambda", parameters, body: this.expression(), line };
  }

  parenthesised(line) {
    if (this.peek()?.kind === "operator" && this.peek().value !== "\\" && this.peek().value !== "-") {
      const operator = this.take().value;
      const right = this.is(")", "mark") ? undefined : this.expression();
      this.expect(")");
      return { kind: "section", operator, right, line };
    }
    const items = this.items(")");
    return items.length === 1 ? items[0] : { kind: "tuple", items, line };
  }

  items(end) {
    const items = [];
    while (!this.is(end, "mark")) {
      items.push(this.expression());
      if (this.is(",", "mark")) this.take();
      else if (!this.is(end, "mark")) throw new Unreadable(`line ${this.all[this.at]?.line}: ${this.all[this.at]?.value}`);
    }
    this.take();
    return items;
  }

  statement() {
    const { line } = this.peek();
    if (this.is("let", "keyword")) {
      this.take();
      return {
        kind: "let",
        declarations: this.block(() => this.declaration(), (start, why) => ({ name: undefined, unreadable: why, line: start.line })),
        line,
      };
    }
    let bound = 0;
    for (let depth = 0, ahead = 0; this.peek(ahead); ahead++) {
      const token = this.peek(ahead);
      if (token.kind === "mark") depth += "([{".includes(token.value) ? 1 : ")]}".includes(token.value) ? -1 : 0;
      if (depth === 0 && token.kind === "operator" && token.value === "<-") bound = ahead;
      if (token.kind === "keyword" || (bound === 0 && ahead > 6)) break;
    }
    if (bound === 0) return { kind: "run", action: this.expression(), line };
    // `Just body <- …`: the constructor goes.
    if (this.is("Just", "name")) this.take();
    const pattern = this.pattern();
    this.expect("<-");
    return { kind: "bind", pattern, action: this.expression(), line };
  }
}

/** Operands and operators in turn → a tree. */
function resolve(parts) {
  if (parts.length === 1) return parts[0];
  let lowest = Infinity;
  for (let index = 1; index < parts.length; index += 2) lowest = Math.min(lowest, fixity(parts[index])[0]);
  const places = [];
  for (let index = 1; index < parts.length; index += 2) if (fixity(parts[index])[0] === lowest) places.push(index);
  const place = fixity(parts[places[0]])[1] === "right" ? places[0] : places.at(-1);
  const operator = parts[place];
  return { kind: "binary", operator: operator.value, left: resolve(parts.slice(0, place)), right: resolve(parts.slice(place + 1)), line: operator.line };
}

function fixity({ value }) {
  return FIXITIES[value] ?? [9, "left"];
}
