// PostgREST's specs → cases: each `it` with its requests, in order, and what is expected of the answers. What cannot be
// read is counted and named, never left out in silence.

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { ROLE_OF_ID, withOurNames, withOurRoles } from "./names.mjs";
import { declarations, Unreadable } from "./parse.mjs";

/** Where the specs' tokens count from: the time of the app that is asked. */
const NOW = 1_800_000_000;

/** The secret of the specs' base configuration. */
export const SECRET = "reallyreallyreallyreallyverysafe";

/** All cases of a spec file: `{ file, name, settings, steps, unreadable }`. */
export function casesOf(checkout, file) {
  const specs = join(checkout, "test", "spec");
  const reader = new Reader(file, (name) => readFileSync(join(specs, "fixtures", name)));
  reader.read(readFileSync(join(specs, "Feature", file), "utf8"));
  return reader.cases;
}

const EMPTY = Symbol("mempty");

/** A value that stands for a part of an answer that is yet to come. */
class Answer {
  constructor(step, part = "whole", at = []) {
    Object.assign(this, { step, part, at });
  }
}

class Action {
  constructor(run) {
    this.run = run;
  }
}

class Matcher {
  constructor(fields) {
    Object.assign(this, { status: 200, headers: [], ...fields });
  }
}

class Json {
  constructor(text) {
    this.text = text;
  }
}

const HEADER_NAMES = {
  hContentType: "Content-Type", hContentLength: "Content-Length", hLocation: "Location", hAccept: "Accept", hAuthorization: "Authorization",
  hAllow: "Allow", hOrigin: "Origin", hRange: "Range", hCacheControl: "Cache-Control",
};

const STATUSES = { ok200: 200, status200: 200, created201: 201, noContent204: 204, badRequest400: 400, notFound404: 404, internalServerError500: 500 };

const CONTENT_TYPES = {
  matchContentTypeJson: "application/json; charset=utf-8",
  matchContentTypeSingular: "application/vnd.pgrst.object+json; charset=utf-8",
  matchCTArrayStrip: "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
  matchCTSingularStrip: "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
};

class Reader {
  constructor(file, fixture) {
    Object.assign(this, { file, fixture, cases: [], path: [], settings: {}, current: undefined });
    this.builtins = builtins(this);
  }

  read(text) {
    const top = this.scope(declarations(text), undefined);
    for (const [name, { node }] of top.names) {
      if (!node.parameters?.includes("withConfig")) continue;
      const known = { withConfig: this.builtins.withConfig, actualPgVersion: 170_000 };
      let spec = this.look(name, top, node.line);
      try {
        for (const parameter of node.parameters) spec = apply(spec, known[parameter]);
        this.perform(spec, node.line);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        this.miss(node.line, error.message);
      }
    }
  }

  scope(list, outer) {
    const env = { names: new Map(), outer };
    for (const declaration of list) {
      const names = typeof declaration.name === "string" ? [declaration.name] : (declaration.name?.parts ?? []);
      for (const name of names) env.names.set(name, { node: declaration, env });
    }
    return env;
  }

  look(name, env, line) {
    for (let scope = env; scope; scope = scope.outer) {
      const found = scope.names.get(name);
      if (!found) continue;
      if (!found.node) return found.value;
      if (found.node.unreadable) throw new Unreadable(found.node.unreadable);
      if (typeof found.node.name !== "string") throw new Unreadable(`line ${line}: ${name} is a part of a value`);
      return this.lambda(found.node.parameters, found.node.body, found.env);
    }
    const bare = name.split(".").at(-1);
    if (bare in this.builtins) return this.builtins[bare];
    throw new Unreadable(name);
  }

  lambda(parameters, body, env) {
    if (parameters.length === 0) return this.value(body, env);
    const [first, ...rest] = parameters;
    return (argument) => this.lambda(rest, body, { names: new Map([[first, { value: argument }]]), outer: env });
  }

  value(node, env) {
    switch (node.kind) {
      case "string":
      case "number":
        return node.value;
      case "name":
        return this.look(node.value, env, node.line);
      case "quote":
        return this.quote(node, env);
      case "list":
        return node.items.map((item) => this.value(item, env));
      case "tuple":
        return { tuple: node.items.map((item) => this.value(item, env)) };
      case "negated":
        return -this.value(node.of, env);
      case "call":
        return node.parameters.reduce((called, parameter) => this.applied(called, parameter, env), this.value(node.called, env));
      case "binary":
        return this.binary(node, env);
      case "section":
        return this.section(node, env);
      case "lambda":
        return this.lambda(node.parameters, node.body, env);
      case "let":
        return this.value(node.body, this.scope(node.declarations, env));
      case "if":
        return this.value(this.value(node.condition, env) ? node.then : node.otherwise, env);
      case "update":
        return this.update(node, env);
      case "do":
        return new Action(() => this.statements(node, env));
      default:
        throw new Unreadable(node.why ?? node.kind);
    }
  }

  /** What names a group of cases gets its contents unread, so that what is wrong with them is said of it. */
  applied(called, parameter, env) {
    if (called?.isLazy) return called(() => this.value(parameter, env));
    return apply(called, this.value(parameter, env));
  }

  quote({ name, text }, env) {
    if (name === "str") return text.replace(/\n[ \t]*\|/g, "\n").replace(/\n[ \t]*$/, "\n");
    if (name !== "json" && name !== "aesonQQ") throw new Unreadable(`[${name}|`);
    const whole = strict(text.replace(/#\{(\w+)\}/g, (_, variable) => JSON.stringify(this.look(variable, env)))).trim();
    try {
      JSON.parse(whole);
    } catch (error) {
      throw new Unreadable(`JSON: ${error.message}`);
    }
    return new Json(whole);
  }

  binary(node, env) {
    const { operator } = node;
    if (operator === "$") return this.applied(this.value(node.left, env), node.right, env);
    if (operator in OPERATORS) return OPERATORS[operator](this.value(node.left, env), this.value(node.right, env), this);
    const called = this.look(operator, env, node.line);
    return apply(apply(called, this.value(node.left, env)), this.value(node.right, env));
  }

  section({ operator, left, right }, env) {
    const apply2 = (one, two) => {
      if (operator in OPERATORS) return OPERATORS[operator](one, two, this);
      return apply(apply(this.look(operator, env), one), two);
    };
    if (left) return (two) => apply2(this.value(left, env), two);
    if (right) return named((one) => apply2(one, this.value(right, env)), `${operator} …`);
    return (one) => (two) => apply2(one, two);
  }

  update(node, env) {
    const of = this.value(node.of, env);
    const fields = node.fields.map(([name, value]) => [name, value]);
    if (of && of.config) {
      const set = Object.fromEntries(fields.map(([name, value]) => [name, settingOf(() => this.value(value, env))]));
      return { config: { ...of.config, ...set } };
    }
    if (of === "Status") return this.value(fields.find(([name]) => name === "statusCode")[1], env);
    const matcher = new Matcher({ ...(of === "ResponseMatcher" ? {} : matcherOf(of)) });
    for (const [name, value] of fields) {
      if (name === "matchStatus") matcher.status = this.value(value, env);
      else if (name === "matchHeaders") matcher.headers = listOf(this.value(value, env));
      else if (name === "matchBody") {
        if (JSON.stringify(value).includes('"bodyEquals"')) matcher.body = bodyOf(this.value(value, env));
      } else throw new Unreadable(`the field ${name}`);
    }
    return matcher;
  }

  /** Runs an action; what it gives. */
  perform(action, line) {
    if (!(action instanceof Action)) throw new Unreadable(`${describe(action)} is no action`);
    this.line = line;
    return action.run();
  }

  statements(block, outer) {
    let env = { names: new Map(), outer };
    let last;
    for (const statement of block.statements) {
      try {
        if (statement.kind === "let") {
          env = this.scope(statement.declarations, env);
          continue;
        }
        if (statement.kind === "unreadable") throw new Unreadable(statement.why);
        const result = this.perform(this.value(statement.action, env), statement.line);
        last = result;
        if (statement.kind === "bind") {
          const names = typeof statement.pattern === "string" ? [[statement.pattern, result]] : statement.pattern.parts.map((part) => [part, undefined]);
          env = { names: new Map(names.map(([name, value]) => [name, { value }])), outer: env };
        }
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        this.miss(statement.line, error.message);
        last = undefined;
      }
    }
    return last;
  }

  miss(line, why) {
    const missed = { line, why };
    if (this.current) this.current.unreadable.push(missed);
    else this.cases.push({ file: this.file, name: [...this.path].join(" / "), settings: this.settings, steps: [], unreadable: [missed] });
  }

  case(name, action) {
    this.current = { file: this.file, name: [...this.path, name].join(" / "), settings: this.settings, steps: [], unreadable: [] };
    this.cases.push(this.current);
    try {
      this.perform(action(), this.line);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      this.miss(this.line, error.message);
    }
    this.current = undefined;
  }

  request(method, path, headers, body) {
    return new Action(() => {
      if (this.current.isPending) throw new Unreadable("pending");
      const step = { line: this.line, method, path: addressed(path), headers: headersOf(headers), ...sent(body), headersExpected: [], values: [] };
      this.current.steps.push(step);
      return new Answer(step);
    });
  }
}

function builtins(reader) {
  const inside = (contents) => {
    try {
      reader.perform(contents(), reader.line);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      reader.miss(reader.line, error.message);
    }
  };
  const within = (name) => lazy((contents) => new Action(() => {
    reader.path.push(name);
    inside(contents);
    reader.path.pop();
  }));
  const simple = (method) => (path) => reader.request(method, path, [], "");
  const withBody = (method) => (path) => (body) => {
    // Wai's helpers say that what they post is JSON only if the specs do: PostgREST takes JSON by default.
    return reader.request(method, path, [], body);
  };
  const expect = (check) => (left) => (right) => new Action(() => check(left, right));
  const names = {
    describe: within,
    context: within,
    it: (name) => lazy((contents) => new Action(() => reader.case(name, contents))),
    withConfig: ({ config }) => lazy((contents) => new Action(() => {
      const outer = reader.settings;
      reader.settings = config;
      inside(contents);
      reader.settings = outer;
    })),
    baseCfg: { config: {} },
    get: simple("GET"),
    options: simple("OPTIONS"),
    delete: simple("DELETE"),
    post: withBody("POST"),
    put: withBody("PUT"),
    patch: withBody("PATCH"),
    request: (method) => (path) => (headers) => (body) => reader.request(method, path, headers, body),
    shouldRespondWith: (action) => (matcher) => new Action(() => {
      const answer = reader.perform(action, reader.line);
      if (!(answer instanceof Answer)) throw new Unreadable("what should respond is no request");
      const { status, headers, body } = matcherOf(matcher);
      const { isRenamed, ...expected } = body ?? {};
      // An answer with another name in it is as long as that name makes it.
      const isItsLength = ({ kind, name }) => isRenamed && kind === "equals" && name.toLowerCase() === "content-length";
      Object.assign(answer.step, { status, headersExpected: headers.filter((header) => !isItsLength(header)), ...expected });
      return answer;
    }),
    "<:>": (name) => (value) => ({ kind: "equals", name, value }),
    matchHeaderAbsent: (name) => ({ kind: "absent", name }),
    matchHeaderValuePresent: (name) => (value) => ({ kind: "contains", name, value }),
    matchServerTimingHasTiming: (metric) => ({ kind: "matches", name: "Server-Timing", value: `${metric};dur=[0-9]+.[0-9]+` }),
    matchHeader: (name) => (value) => ({ kind: "matches", name, value }),
    notZeroContentLength: { kind: "differs", name: "Content-Length", value: "0" },
    noProfileHeader: { kind: "absent", name: "Content-Profile" },
    shouldBe: expect(equals(false)),
    shouldNotBe: expect(equals(true)),
    shouldSatisfy: expect((answer, predicate) => {
      if (!(answer instanceof Answer) || answer.part !== "headers" || !predicate?.kind) throw new Unreadable(`shouldSatisfy ${describe(predicate)}`);
      answer.step.headersExpected.push(predicate);
    }),
    shouldContain: expect((answer, pairs) => {
      if (!(answer instanceof Answer) || answer.part !== "headers") throw new Unreadable("shouldContain");
      for (const { tuple } of pairs) answer.step.headersExpected.push({ kind: "equals", name: tuple[0], value: tuple[1] });
    }),
    elem: ({ tuple }) => ({ kind: "equals", name: tuple[0], value: tuple[1] }),
    key: (name) => ({ lens: [name] }),
    nth: (index) => ({ lens: [index] }),
    simpleBody: part("body"),
    simpleHeaders: part("headers"),
    simpleStatus: part("status"),
    pendingWith: (why) => new Action(() => {
      reader.current.isPending = true;
      throw new Unreadable(`pending: ${why}`);
    }),
    liftIO: (action) => action,
    void: (action) => action,
    return: (value) => new Action(() => value),
    pure: (value) => new Action(() => value),
    relativeSeconds: (seconds) => new Action(() => NOW + seconds),
    acceptHdrs: (value) => [{ tuple: ["Accept", value] }],
    planHdr: { tuple: ["Accept", "application/vnd.pgrst.plan+json"] },
    rangeHdrs: (range) => rangeHeaders(range),
    rangeHdrsWithCount: (range) => [{ tuple: ["Prefer", "count=exact"] }, ...rangeHeaders(range)],
    rangeUnit: { tuple: ["Range-Unit", "items"] },
    ByteRangeFromTo: (from) => (to) => `${from}-${to}`,
    ByteRangeFrom: (from) => `${from}-`,
    authHeaderJWT: (token) => ({ tuple: ["Authorization", `Bearer ${token}`] }),
    authHeader: (type) => (credentials) => ({ tuple: ["Authorization", `${type} ${credentials}`] }),
    generateJWT: (claims) => signed(claims.text ?? claims, SECRET),
    generateJWTWithSecret: (claims) => (secret) => signed(claims.text ?? claims, secret),
    map: (mapping) => (list) => listOf(list).map((item) => apply(mapping, item)),
    empty: EMPTY,
    noBlankHeader: { kind: "any" },
    getInsertDataForTiobePlsTable: (rows) =>
      new Json(JSON.stringify(Array.from({ length: rows + 1 }, (_, index) => ({ name: `Lang ${index + 20}`, rank: index + 20 })))),
    readFixtureFile: (name) => ({ bytes: reader.fixture(name).toString("base64") }),
    bodyEquals: (body) => body,
    Just: (value) => ({ just: value }),
    Nothing: { nothing: true },
    Number: (value) => value,
    Bool: (value) => value,
    String: (value) => value,
    QualifiedIdentifier: (schema) => (name) => `${schema === EMPTY ? "" : schema}.${name}`,
    fromList: (list) => list,
    encodeUtf8: (text) => text,
    toS: (text) => text,
    mk: (text) => text,
    mempty: EMPTY,
    ResponseMatcher: "ResponseMatcher",
    Status: "Status",
    OADisabled: "disabled",
    OAIgnorePriv: "ignore-privileges",
    Minimal: "minimal",
    True: true,
    False: false,
    not: (value) => !value,
    pgVersion190: 190_000,
    pgVersion180: 180_000,
    when: (condition) => (action) => new Action(() => (condition ? reader.perform(action, reader.line) : undefined)),
    replicate: (count) => (text) => text.repeat(count),
    show: (value) => String(value),
    subtract: (one) => (other) => other - one,
  };
  for (const [name, value] of Object.entries(HEADER_NAMES)) names[name] = value;
  for (const [name, value] of Object.entries(STATUSES)) names[name] = value;
  for (const [name, value] of Object.entries(CONTENT_TYPES)) names[name] = { kind: "equals", name: "Content-Type", value };
  for (const method of ["Get", "Head", "Post", "Put", "Patch", "Delete", "Options"]) names[`method${method}`] = method.toUpperCase();
  return names;
}

const OPERATORS = {
  "<>": (left, right) => concatenated(left, right),
  "++": (left, right) => concatenated(left, right),
  ":": (head, tail) => [head, ...listOf(tail)],
  "<:>": (name, value) => ({ kind: "equals", name, value: value === EMPTY ? "" : value }),
  ".": (one, two) => {
    if (one?.lens && two?.lens) return { lens: [...one.lens, ...two.lens] };
    return (value) => apply(one, apply(two, value));
  },
  "^?": (answer, lens) => {
    if (!(answer instanceof Answer) || !lens?.lens) throw new Unreadable("^?");
    return new Answer(answer.step, "value", lens.lens);
  },
  "<$>": (mapping, action, reader) => new Action(() => apply(mapping, reader.perform(action, reader.line))),
  "==": (one, two) => one === two,
  ">=": (one, two) => one >= two,
  "<": (one, two) => {
    if (one instanceof Answer) throw new Unreadable("a comparison");
    return one < two;
  },
  ">": (one, two) => {
    if (one instanceof Answer) throw new Unreadable("a comparison");
    return one > two;
  },
};

/** aeson's quotes may leave out the quotation marks of a key, and end in a comma. */
function strict(text) {
  return text.replace(/"(?:\\.|[^"\\])*"|([{,]\s*)([A-Za-z_]\w*)(\s*:)|,(?=\s*[}\]])/g, (whole, before, name, after) => {
    if (name) return `${before}"${name}"${after}`;
    return whole[0] === '"' ? whole : "";
  });
}

function part(name) {
  return (answer) => {
    if (!(answer instanceof Answer)) throw new Unreadable(`the ${name} of ${describe(answer)}`);
    return new Answer(answer.step, name);
  };
}

/** `shouldBe`, `shouldNotBe` of a part of an answer. */
function equals(negated) {
  return (answer, expected) => {
    if (!(answer instanceof Answer)) throw new Unreadable("what should be is no part of an answer");
    const { step } = answer;
    if (answer.part === "status" && typeof expected === "number" && !negated) step.status = expected;
    else if (answer.part === "body" && !negated) Object.assign(step, bodyOf(expected), { isRenamed: undefined });
    else if (answer.part === "value" && expected?.nothing) step.values.push({ at: answer.at, present: negated });
    else if (answer.part === "value" && "just" in expected && !negated) {
      const { just } = expected;
      step.values.push({ at: answer.at, json: just instanceof Json ? just.text : JSON.stringify(just) });
    } else throw new Unreadable(`shouldBe of the ${answer.part}`);
  };
}

function matcherOf(value) {
  if (value instanceof Matcher) return value;
  if (typeof value === "number") return new Matcher({ status: value });
  return new Matcher({
    body: bodyOf(value),
    headers: value instanceof Json ? [{ kind: "matches", name: "Content-Type", value: "^application/json(;.*)?$" }] : [],
  });
}

function bodyOf(value) {
  if (value instanceof Json) return { json: withOurNames(value.text), isRenamed: withOurNames(value.text) !== value.text };
  if (value === EMPTY) return { text: "" };
  if (typeof value === "string") return { text: withOurNames(value) };
  if (value?.bytes !== undefined) return { bytes: value.bytes };
  throw new Unreadable(`${describe(value)} as a body`);
}

function sent(body) {
  if (body === EMPTY || body === "") return {};
  if (body instanceof Json) return { body: withOurNames(body.text) };
  if (typeof body === "string") return { body: withOurNames(body) };
  if (body?.bytes !== undefined) return { bodyBytes: body.bytes };
  throw new Unreadable(`${describe(body)} as a request's body`);
}

function headersOf(value) {
  return listOf(value).map((pair) => {
    if (!pair?.tuple) throw new Unreadable(`${describe(pair)} as a header`);
    const [name, text] = pair.tuple;
    if (typeof text !== "string") throw new Unreadable(`${describe(text)} as a header's value`);
    return [name, name.toLowerCase() === "authorization" ? authorised(text) : text];
  });
}

/** A valid token of theirs as one of ours: with our role's name, and the role that `switch_role` would give. */
function authorised(value) {
  const [head, payload, signature] = value.replace(/^Bearer /i, "").split(".");
  if (!signature || hmac(`${head}.${payload}`, SECRET) !== signature) return value;
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  if (claims.id in ROLE_OF_ID) claims.role = ROLE_OF_ID[claims.id];
  return `Bearer ${signed(withOurRoles(JSON.stringify(claims)), SECRET)}`;
}

function signed(claims, secret) {
  const encoded = (text) => Buffer.from(text).toString("base64url");
  const signing = `${encoded('{"alg":"HS256","typ":"JWT"}')}.${encoded(JSON.stringify(JSON.parse(claims)))}`;
  return `${signing}.${hmac(signing, secret)}`;
}

function hmac(text, secret) {
  return createHmac("sha256", secret).update(text).digest("base64url");
}

/** As a client sends it: what may not stand in an address is encoded, and it begins with a slash, which hspec does not ask for. */
function addressed(path) {
  const whole = path.startsWith("/") ? path : `/${path}`;
  const { pathname, search } = new URL(`http://localhost${whole.replaceAll("#", "%23").replace(/[\t\n\r]/g, encodeURIComponent)}`);
  return withOurRoles(`${pathname}${search}`);
}

function rangeHeaders(range) {
  return [{ tuple: ["Range-Unit", "items"] }, { tuple: ["Range", range] }];
}

function concatenated(left, right) {
  if (left === EMPTY) return right;
  if (right === EMPTY) return left;
  if (typeof left === "string" && typeof right === "string") return left + right;
  if (Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
  throw new Unreadable(`${describe(left)} <> ${describe(right)}`);
}

function listOf(value) {
  if (value === EMPTY) return [];
  if (!Array.isArray(value)) throw new Unreadable(`${describe(value)} as a list`);
  return value;
}

function apply(called, argument) {
  // `key "a"` of a body is read when it is compared.
  if (typeof called !== "function") throw new Unreadable(`${describe(called)} is called`);
  return called(argument);
}

function lazy(called) {
  return Object.assign(called, { isLazy: true });
}

function named(value, name) {
  return Object.defineProperty(value, "name", { value: name });
}

function settingOf(read) {
  try {
    const value = read();
    return value?.just ?? (value?.nothing ? null : value);
  } catch (error) {
    if (error instanceof Unreadable) return `unreadable: ${error.message}`;
    throw error;
  }
}

function describe(value) {
  if (typeof value === "function") return value.name || "a function";
  if (value instanceof Answer) return `the answer's ${value.part}`;
  return value?.constructor === Object ? Object.keys(value).join(",") : String(value?.constructor?.name ?? value);
}
