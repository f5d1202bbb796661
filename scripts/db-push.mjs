// Applies a folder of Postgres migrations, as `supabase db push` would.
//
//   npm run db:push -- DIR [--url URL] [--key SERVICE_KEY] [--seed]
//
// DIR holds supabase/migrations/*.sql, migrations/*.sql or *.sql, each named <version>_<name>.sql, applied in the order of
// their versions. Each file is applied whole or not at all; one that is already there is passed over. The first refusal
// ends the run. --seed runs seed.sql afterwards. Without --url and --key it is the local project's.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { demoVars, localUrl } from "./local.mjs";
import { runMain, say, Stop } from "./terminal.mjs";

/** Applies the migrations of `directory`, then its seed if asked. Gives how many files were applied and how many were there. */
export async function pushDatabase({ directory, url = localUrl, key = demoVars().SERVICE_ROLE_KEY, seed = false, quiet = false }) {
  const files = migrationFiles(directory);
  const count = { applied: 0, present: 0 };
  for (const file of files) {
    const migration = { version: file.version, name: file.name, sql: readFileSync(file.path, "utf8") };
    const { applied } = await post(`${url}/admin/v1/migrations`, key, migration, file.path);
    count[applied ? "applied" : "present"] += 1;
    if (!quiet) say(`${applied ? "applied" : "already there"}: ${basename(file.path)}`);
  }
  if (seed) {
    const path = seedFile(directory);
    await post(`${url}/admin/v1/query`, key, { sql: readFileSync(path, "utf8") }, path);
    if (!quiet) say(`seeded: ${basename(path)}`);
  }
  return count;
}

/** The migration files under `directory`, ordered by version. */
function migrationFiles(directory) {
  const folder = ["supabase/migrations", "migrations", "."].map((name) => join(directory, name)).find(holdsSql);
  if (!folder) throw new Stop(`no .sql files in ${directory}, its migrations/ or its supabase/migrations/`);
  const names = readdirSync(folder).filter((name) => name.endsWith(".sql") && name !== "seed.sql");
  const files = names.map((file) => {
    const [, version, name] = /^(\d+)_(.+)\.sql$/.exec(file) ?? [];
    if (!version) throw new Stop(`${join(folder, file)}: a migration's name is <version>_<name>.sql, as 20260101000000_init.sql`);
    return { version, name, path: join(folder, file) };
  });
  return files.sort((one, other) => (one.version < other.version ? -1 : one.version > other.version ? 1 : 0));
}

function holdsSql(folder) {
  return existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".sql"));
}

function seedFile(directory) {
  const places = ["supabase/seed.sql", "seed.sql"].map((name) => join(directory, name));
  const path = places.find(existsSync);
  if (!path) throw new Stop(`--seed: there is no ${places.map((place) => relative(process.cwd(), place)).join(" or ")}`);
  return path;
}

async function post(address, key, body, path) {
  let answer;
  try {
    answer = await fetch(address, {
      method: "POST",
      headers: { apikey: key, authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch (error) {
    throw new Stop(`nothing answers at ${new URL(address).origin} (${error.cause?.code ?? error.message}); is it started?`);
  }
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text);
  throw new Stop(refusal(path, answer.status, text));
}

/** `file:line: message`, the statement, the hint. */
function refusal(path, status, text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    return `${path}: ${status}: ${text.slice(0, 500)}`;
  }
  const where = body.line ? `${path}:${body.line}` : path;
  const lines = [`${where}: ${body.message ?? body.msg ?? text}${body.code ? ` (${body.code})` : ""}`];
  if (body.statement) lines.push("", ...String(body.statement).trim().split("\n").map((line) => `    ${line}`), "");
  if (body.hint) lines.push(`hint: ${body.hint}`);
  return lines.join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { url: { type: "string" }, key: { type: "string" }, seed: { type: "boolean", default: false } },
    });
    if (positionals.length !== 1) throw new Stop("usage: npm run db:push -- DIR [--url URL] [--key SERVICE_KEY] [--seed]");
    const url = values.url?.replace(/\/+$/, "");
    if (url && url !== localUrl && !values.key) throw new Stop("--url needs --key: the project's service_role or secret key");
    const count = await pushDatabase({ directory: resolve(positionals[0]), url, key: values.key, seed: values.seed });
    say(`${count.applied} applied, ${count.present} already there`);
  });
}
