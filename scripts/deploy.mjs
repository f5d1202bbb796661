// Puts the project on the Cloudflare account wrangler is signed in to: database, its migrations, app and Worker.
//
//   npm run deploy [-- OPTIONS OF wrangler deploy]     e.g. --dry-run, which stops before anything leaves the machine

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { unstable_readConfig as readConfig } from "wrangler";

import { ask, attempt, run, runMain, say, Stop } from "./terminal.mjs";
import { npmProgram, root } from "./toolchain.mjs";

const wrangler = npmProgram("wrangler");

await runMain(async () => {
  const options = process.argv.slice(2);
  if (!options.includes("--dry-run")) await migrate();
  // wrangler compiles first ([build]), and creates or finds by name what wrangler.toml binds.
  await run(wrangler, ["deploy", ...options], { cwd: root });
  if (!options.includes("--dry-run")) remindOfSecrets();
});

/** Creates the database on the first deploy, then brings its tables up to date before the code that expects them. */
async function migrate() {
  const [database] = readConfig({ config: join(root, "wrangler.toml") }).d1_databases;
  let id = databaseId(database.database_name);
  if (!id) {
    say(`creating the D1 database ${database.database_name}`);
    await run(wrangler, ["d1", "create", database.database_name], { cwd: root });
    id = databaseId(database.database_name);
  }
  // wrangler wants the id for this one command; the project's own file names no account's ids.
  const folder = join(root, ".wrangler", "deploy-migrations");
  mkdirSync(folder, { recursive: true });
  const config = { name: "edgeward", d1_databases: [{ ...database, database_id: id, migrations_dir: join(root, "migrations") }] };
  writeFileSync(join(folder, "wrangler.json"), JSON.stringify(config));
  const options = ["d1", "migrations", "apply", database.binding, "--remote", "--config", join(folder, "wrangler.json")];
  await run(wrangler, options, { cwd: root, env: { ...process.env, CI: "1" }, why: "applying the system's migrations" });
}

function databaseId(name) {
  const listed = attempt(wrangler, ["d1", "list", "--json"], { cwd: root });
  const start = listed.printed.indexOf("[");
  if (!listed.ok || start < 0) throw new Stop(`wrangler can't list the account's databases (signed in? \`npx wrangler login\`):\n${listed.printed}`);
  return JSON.parse(listed.printed.slice(start, listed.printed.lastIndexOf("]") + 1)).find((one) => one.name === name)?.uuid;
}

function remindOfSecrets() {
  const secrets = ask(wrangler, ["secret", "list", "--format", "json"], { cwd: root }) ?? "";
  if (!secrets.includes('"JWT_SECRET"')) say("one thing is left: `npx wrangler secret put JWT_SECRET` (32 random characters or more)");
}
