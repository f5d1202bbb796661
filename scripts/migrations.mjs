// A Supabase project's folder, and the admin API that takes it: what the db:* commands share.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";

import { demoVars, localUrl } from "./local.mjs";
import { Stop } from "./terminal.mjs";

/** The Worker a command talks to: its address and a key that may. */
export class Project {
  constructor({ url = localUrl, key = demoVars().SERVICE_ROLE_KEY } = {}) {
    this.url = url;
    this.key = key;
  }

  /** Whether it is on this machine. */
  get isLocal() {
    return ["127.0.0.1", "localhost", "[::1]"].includes(new URL(this.url).hostname);
  }

  /** Applies one migration. Gives whether it was applied now, and whether an applied one has been edited since. */
  push({ version, name, path }) {
    return this.call("POST", "/admin/v1/migrations", { version, name, sql: readFileSync(path, "utf8") }, path);
  }

  /** How the files stand, and what those that are not applied would run. */
  async preview(files) {
    const migrations = files.map(({ version, name, path }) => ({ version, name, sql: readFileSync(path, "utf8") }));
    return (await this.call("POST", "/admin/v1/migrations", { dry_run: true, migrations })).migrations;
  }

  /** Runs a file of SQL in one transaction. */
  run(path) {
    return this.call("POST", "/admin/v1/query", { sql: readFileSync(path, "utf8") }, path);
  }

  /** Sends a request and gives the answer's body; a refusal is a `Stop` that names the file, if it is about one. */
  async call(method, path, body, file) {
    let answer;
    try {
      answer = await fetch(`${this.url}${path}`, {
        method,
        headers: { apikey: this.key, authorization: `Bearer ${this.key}`, "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      throw new Stop(`nothing answers at ${this.url} (${error.cause?.code ?? error.message}); is it started?`);
    }
    const text = await answer.text();
    if (answer.ok) return JSON.parse(text);
    let refused;
    try {
      refused = JSON.parse(text);
    } catch {
      throw new Stop(`${file ? `${file}: ` : ""}${answer.status}: ${text.slice(0, 500)}`);
    }
    throw new Stop(refusal(refused, file));
  }
}

/** `file:line: message (code)`, the statement, the hint. */
export function refusal({ code, message, msg, line, statement, hint }, file) {
  const where = [file, line].filter(Boolean).join(":");
  const lines = [`${where ? `${where}: ` : ""}${message ?? msg}${code ? ` (${code})` : ""}`];
  if (statement) lines.push("", ...String(statement).trim().split("\n").map((text) => `    ${text}`), "");
  if (hint) lines.push(`hint: ${hint}`);
  return lines.join("\n");
}

/** The migration files under `directory` — a project, its supabase/ folder, or a folder of files — ordered by version. */
export function migrationFiles(directory) {
  const folder = ["supabase/migrations", "migrations", "."].map((name) => join(directory, name)).find(holdsSql);
  if (!folder) throw new Stop(`no .sql files in ${directory}, its migrations/ or its supabase/migrations/`);
  const names = readdirSync(folder).filter((name) => name.endsWith(".sql") && name !== "seed.sql");
  const files = names.map((file) => {
    const [, version, name] = /^(\d+)_(.+)\.sql$/.exec(file) ?? [];
    if (!version) throw new Stop(`${join(folder, file)}: a migration's name is <version>_<name>.sql, as 20260101000000_init.sql`);
    return { version, name, path: join(folder, file) };
  });
  files.sort((one, other) => (one.version < other.version ? -1 : one.version > other.version ? 1 : 0));
  const twice = files.find((file, index) => file.version === files[index + 1]?.version);
  if (twice) throw new Stop(`${twice.path}: another file has the version ${twice.version} too; each needs its own`);
  return files;
}

function holdsSql(folder) {
  return existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".sql"));
}

/** The project's seed.sql, or `undefined`. */
export function seedFile(directory) {
  return seedPlaces(directory).find(existsSync);
}

/** Where a seed would be, for a message. */
export function seedPlaces(directory) {
  return ["supabase/seed.sql", "seed.sql"].map((name) => relative(process.cwd(), join(directory, name)));
}

/**
 * Reads a command's `DIR` and options: `--url` and `--key` always, `more` besides. `usage` is the line to show; without
 * `wantsDirectory` the command takes none.
 */
export function commandLine({ usage, more = {}, wantsDirectory = true }) {
  const options = { url: { type: "string" }, key: { type: "string" }, ...more };
  let parsed;
  try {
    parsed = parseArgs({ allowPositionals: true, options });
  } catch (error) {
    throw new Stop(`${error.message}\nusage: ${usage}`);
  }
  const { values, positionals } = parsed;
  if (positionals.length !== (wantsDirectory ? 1 : 0)) throw new Stop(`usage: ${usage}`);
  const url = values.url?.replace(/\/+$/, "");
  if (url && url !== localUrl && !values.key) throw new Stop("--url needs --key: the project's service_role or secret key");
  return { directory: wantsDirectory ? resolve(positionals[0]) : undefined, project: new Project({ url, key: values.key }), values };
}
