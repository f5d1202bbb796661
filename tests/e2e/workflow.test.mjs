// The db:* commands as a developer runs them, on a Supabase project's folder and the real Worker.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { demoVars } from "../../scripts/local.mjs";
import { root } from "../../scripts/toolchain.mjs";
import { backEnd } from "./project.mjs";
import { startWorker } from "./worker.mjs";

let worker;
let folder;

before(async () => {
  worker = await startWorker({ vars: { RATE_LIMITS: "false" } });
  folder = mkdtempSync(join(tmpdir(), "edgeward-workflow-"));
  mkdirSync(join(folder, "supabase", "migrations"), { recursive: true });
  writeFileSync(join(folder, "supabase", "config.toml"), 'project_id = "app"\n');
  migration("20260101000000_notes", "create table notes (id int primary key, body text not null);\n");
  writeFileSync(join(folder, "supabase", "seed.sql"), "insert into notes values (1, 'from the seed');\n");
});

after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await worker?.dispose();
});

test("a project is previewed, pushed, changed and begun anew", async () => {
  assert.match((await command("status")).out, /20260101000000 +notes +pending/);
  const diff = await command("diff");
  assert.match(diff.out, /^CREATE TABLE "notes"/m);
  assert.match((await command("status")).out, /pending/, "a preview applies nothing");

  assert.match((await command("push", "--seed")).out, /1 applied, 0 already there/);
  assert.match((await command("push")).out, /0 applied, 1 already there/);
  assert.match((await command("diff")).out, /nothing to apply/);
  const { data } = await backEnd(worker.url).from("notes").select("body");
  assert.deepEqual(data, [{ body: "from the seed" }]);

  // The supabase/ folder itself will do as well.
  migration("20260102000000_broken", "create table more (id int);\n\nselect nothing;\n");
  for (const name of ["push", "diff"]) {
    const refused = await command(name, { directory: join(folder, "supabase") });
    assert.equal(refused.code, 1);
    assert.match(refused.out, /20260102000000_broken\.sql:3: .*"nothing" does not exist \(42703\)/);
    assert.match(refused.out, /select nothing/);
  }
  assert.match((await command("status")).out, /20260102000000 +broken +pending, would be refused at line 3/);

  migration("20260102000000_broken", "create table more (id int);\n");
  migration("20260101000000_notes", "create table notes (id int primary key, body text);\n");
  assert.match((await command("status")).out, /20260101000000 +notes +applied, and edited since/);
  assert.match((await command("push")).out, /edited since[\s\S]*1 applied, 1 already there/);

  await backEnd(worker.url).from("notes").insert({ id: 2, body: null }).throwOnError().then(
    () => assert.fail("the edit was applied"),
    () => {},
  );
  assert.match((await command("reset")).out, /removed 2 tables[\s\S]*2 applied, seeded/);
  await backEnd(worker.url).from("notes").insert({ id: 2, body: null }).throwOnError();
});

test("what makes no sense is refused before anything is asked of the Worker", async () => {
  const elsewhere = { url: "https://example.com", key: "x" };
  assert.match((await command("reset", elsewhere)).out, /--confirm example\.com/);
  assert.match((await command("push", { url: "https://example.com", key: undefined })).out, /--url needs --key/);
  migration("20260102000000_twice", "select 1;\n");
  assert.match((await command("status")).out, /another file has the version 20260102000000/);
});

function migration(name, sql) {
  writeFileSync(join(folder, "supabase", "migrations", `${name}.sql`), sql);
}

/** Runs `npm run db:<name>`. Gives its exit code and all it printed. */
function command(name, ...more) {
  const flags = more.filter((one) => typeof one === "string");
  const settings = more.find((one) => typeof one === "object") ?? {};
  const { directory, url, key } = { directory: folder, url: worker.url, key: demoVars().SERVICE_ROLE_KEY, ...settings };
  const words = [join(root, "scripts", `db-${name}.mjs`), directory, "--url", url, ...(key ? ["--key", key] : []), ...flags];
  return new Promise((resolve) => {
    execFile(process.execPath, words, { cwd: root, env: { ...process.env, NO_COLOR: "1" } }, (error, out, err) => {
      resolve({ code: error?.code ?? 0, out: `${out}${err}` });
    });
  });
}
