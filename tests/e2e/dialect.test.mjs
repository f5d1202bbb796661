// What Postgres SQL becomes, on the database that will run it: D1's SQLite is older than the native tests' and allows less.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { demoVars } from "../../scripts/local.mjs";
import { root } from "../../scripts/toolchain.mjs";
import { applyMigrations, raw } from "./project.mjs";
import { startWorker } from "./worker.mjs";

const projects = join(root, "tests", "fixtures", "schemas");

/** Runs `work` on a fresh Worker. */
async function onWorker(work) {
  const worker = await startWorker({ vars: { RATE_LIMITS: "false" } });
  try {
    await work(worker.url);
  } finally {
    await worker.dispose();
  }
}

/** Runs SQL as `npm run db:push` runs a seed. */
function run(url, sql) {
  const headers = { "content-type": "application/json" };
  return raw(url, "/admin/v1/query", { method: "POST", key: demoVars().SERVICE_ROLE_KEY, headers, body: JSON.stringify({ sql }) });
}

for (const name of readdirSync(projects)) {
  test(`the project ${name} applies to D1`, () =>
    onWorker(async (url) => {
      await applyMigrations(url, join(projects, name, "migrations"));
      const seed = join(projects, name, "seed.sql");
      if (!existsSync(seed)) return;
      const answer = await run(url, readFileSync(seed, "utf8"));
      assert.equal(answer.status, 200, answer.text);
    }));
}

test("D1 runs each statement that is compared with PostgreSQL", () =>
  onWorker(async (url) => {
    const [schema, statements] = readFileSync(join(root, "tests", "differential", "queries.sql"), "utf8").split("-- queries\n");
    const folder = mkdtempSync(join(tmpdir(), "edgeward-dialect-"));
    writeFileSync(join(folder, "20260101000000_schema.sql"), schema);
    await applyMigrations(url, folder);
    rmSync(folder, { recursive: true });
    let answered = 0;
    for (const sql of statements.split(";\n").map((text) => text.trim()).filter(Boolean)) {
      const answer = await run(url, sql);
      // What D1 itself will not run comes out as a failure of ours; a refusal has a code of Postgres'.
      assert.ok(answer.status === 200 || (answer.status === 400 && answer.json().code !== "XX000"), `${sql}: ${answer.text}`);
      if (answer.status === 200) answered += 1;
    }
    assert.ok(answered > 200, `${answered} statements were answered`);
  }));
