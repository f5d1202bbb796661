// What Postgres SQL becomes, on the database that will run it: D1's SQLite is older than the native tests' and allows less.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { demoVars } from "../../scripts/local.mjs";
import { root } from "../../scripts/toolchain.mjs";
import { applyMigrations, backEnd, raw, visitor } from "./project.mjs";
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

test("people in a seed sign in", () =>
  onWorker(async (url) => {
    const seed = `
      create table avatars (id uuid primary key references auth.users (id), url text);
      do $$
      declare person record; made uuid;
      begin
        for person in select * from (values ('ann@example.com', 'anns-password'), ('bob@example.com', 'bobs-password')) as p (email, word) loop
          insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
            raw_user_meta_data, created_at, updated_at, confirmation_token, recovery_token, email_change, email_change_token_new)
          values ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated', 'authenticated', person.email,
            crypt(person.word, gen_salt('bf')), now(), '{"provider":"email","providers":["email"]}', '{}', now(), now(), '', '', '', '')
          returning id into made;
          insert into auth.identities (id, user_id, provider_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
          values (gen_random_uuid(), made, made::text, jsonb_build_object('sub', made, 'email', person.email), 'email', now(), now(), now());
          insert into avatars values (made, 'https://example.com/' || md5(person.email));
        end loop;
      end $$;
      select url from avatars join auth.users using (id) where email = 'ann@example.com'`;
    const answer = await run(url, seed);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json().rows, [{ url: `https://example.com/${createHash("md5").update("ann@example.com").digest("hex")}` }]);
    for (const name of ["ann", "bob"]) {
      const email = `${name}@example.com`;
      const wrong = await visitor(url).auth.signInWithPassword({ email, password: "wrong" });
      assert.equal(wrong.error?.code, "invalid_credentials");
      const { data, error } = await visitor(url).auth.signInWithPassword({ email, password: `${name}s-password` });
      assert.equal(error, null);
      assert.equal(data.user.identities[0].identity_data.email, email);
    }
    const { data } = await backEnd(url).auth.admin.listUsers();
    assert.deepEqual(data.users.map((user) => user.email).sort(), ["ann@example.com", "bob@example.com"]);
  }));

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
