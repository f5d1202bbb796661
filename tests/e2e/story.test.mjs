// The whole story with the unmodified supabase-js on the real Worker: two people who cannot see each other, and a stranger.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { applyMigrations, backEnd, raw, signUp, visitor } from "./project.mjs";
import { startWorker } from "./worker.mjs";

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));

let worker, url, ann, bob;

before(async () => {
  worker = await startWorker();
  url = worker.url;
  await applyMigrations(url, folder("../../examples/todos/supabase/migrations"));
  await applyMigrations(url, folder("./story"));
  ann = await signUp(url, "ann");
  bob = await signUp(url, "bob");
});

after(() => worker?.dispose());

/** The data of an answer that must have gone well. */
function ok({ data, error, ...rest }) {
  assert.equal(error, null, JSON.stringify(error));
  return rest.count === undefined || rest.count === null ? data : { data, count: rest.count };
}

describe("accounts", () => {
  test("a new user has a session and is themself", async () => {
    assert.equal(ann.session.token_type, "bearer");
    assert.equal(ann.user.email, "ann@example.com");
    assert.deepEqual(ann.user.app_metadata, { provider: "email", providers: ["email"] });
    assert.equal(ok(await ann.client.auth.getUser()).user.id, ann.user.id);
  });

  test("the same address cannot sign up twice, nor in capitals", async () => {
    for (const email of ["ann@example.com", "ANN@Example.com"]) {
      const { error } = await visitor(url).auth.signUp({ email, password: "another password" });
      assert.equal(error.code, "user_already_exists");
      assert.equal(error.status, 422);
    }
  });

  test("a wrong password and an unknown address are told the same", async () => {
    for (const email of ["ann@example.com", "nobody@example.com"]) {
      const { error } = await visitor(url).auth.signInWithPassword({ email, password: "wrong password" });
      assert.deepEqual([error.status, error.code, error.message], [400, "invalid_credentials", "Invalid login credentials"]);
    }
  });

  test("a weak password says why", async () => {
    const { error } = await visitor(url).auth.signUp({ email: "weak@example.com", password: "abc" });
    assert.equal(error.code, "weak_password");
    assert.deepEqual(error.reasons, ["length"]);
  });

  test("a refresh gives new tokens; an old refresh token ends the session", async () => {
    const eve = await signUp(url, "eve");
    const first = eve.session.refresh_token;
    const second = ok(await eve.client.auth.refreshSession()).session.refresh_token;
    assert.notEqual(second, first);
    // The token before the current one answers with the current one: two tabs may race.
    const again = ok(await visitor(url).auth.refreshSession({ refresh_token: first }));
    assert.equal(again.session.refresh_token, second);
    const { error } = await visitor(url).auth.refreshSession({ refresh_token: "not-a-token-at-all" });
    assert.equal(error.code, "validation_failed");
  });

  test("a user changes their data and password", async () => {
    const dan = await signUp(url, "dan");
    const changed = ok(await dan.client.auth.updateUser({ data: { nickname: "D" } })).user;
    assert.equal(changed.user_metadata.nickname, "D");
    ok(await dan.client.auth.updateUser({ password: "a new long password" }));
    const { error } = await visitor(url).auth.signInWithPassword({ email: dan.email, password: dan.password });
    assert.equal(error.code, "invalid_credentials");
    ok(await visitor(url).auth.signInWithPassword({ email: dan.email, password: "a new long password" }));
  });

  test("sign-out ends the session everywhere at once here", async () => {
    const fay = await signUp(url, "fay");
    const token = fay.session.access_token;
    const other = visitor(url);
    ok(await other.auth.signInWithPassword({ email: fay.email, password: fay.password }));
    assert.equal((await fay.client.auth.signOut({ scope: "local" })).error, null);
    assert.equal((await raw(url, "/auth/v1/user", { token })).status, 403);
    assert.equal((await raw(url, "/rest/v1/todos", { token })).status, 401);
    // The other session lives until the global sign-out.
    ok(await other.auth.getUser());
    assert.equal((await other.auth.signOut({ scope: "global" })).error, null);
  });

  test("administrators manage users, nobody else does", async () => {
    const admin = backEnd(url).auth.admin;
    const { user } = ok(await admin.createUser({ email: "made@example.com", password: "long enough", email_confirm: true }));
    ok(await visitor(url).auth.signInWithPassword({ email: "made@example.com", password: "long enough" }));
    assert.ok(ok(await admin.listUsers()).users.some(({ id }) => id === user.id));
    ok(await admin.updateUserById(user.id, { app_metadata: { plan: "pro" } }));
    assert.equal(ok(await admin.getUserById(user.id)).user.app_metadata.plan, "pro");
    ok(await admin.deleteUser(user.id));
    assert.equal((await admin.getUserById(user.id)).error.code, "user_not_found");
    assert.equal((await visitor(url).auth.admin.listUsers()).error.status, 403);
    assert.equal((await ann.client.auth.admin.listUsers()).error.status, 403);
  });
});

describe("tokens that are no good", () => {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const sign = (header, claims, secret) => {
    const text = `${encode(header)}.${encode(claims)}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  };
  const now = Math.floor(Date.now() / 1000);
  const claims = { role: "service_role", exp: now + 3600 };
  const rows = [
    ["forged", () => sign({ alg: "HS256" }, claims, "another secret of more than thirty-two characters"), "PGRST301"],
    ["expired", () => sign({ alg: "HS256" }, { ...claims, exp: now - 60 }, worker.vars.JWT_SECRET), "PGRST303"],
    ["unsigned", () => `${encode({ alg: "none" })}.${encode(claims)}.`, "PGRST301"],
    ["of another algorithm", () => sign({ alg: "HS384" }, claims, worker.vars.JWT_SECRET), "PGRST301"],
    ["no token", () => "nonsense", "PGRST301"],
  ];
  for (const [name, token, code] of rows) {
    test(`${name}: 401`, async () => {
      const answer = await raw(url, "/rest/v1/todos", { token: token() });
      assert.equal(answer.status, 401);
      assert.equal(answer.json().code, code);
      assert.equal((await raw(url, "/auth/v1/user", { token: token() })).status, 403);
    });
  }
});

describe("rows", () => {
  test("to-dos are their owner's alone", async () => {
    const mine = ok(await ann.client.from("todos").insert([{ title: "Milk" }, { title: "Bread", done: true }], { defaultToNull: false }).select());
    assert.deepEqual(mine.map(({ title, done, user_id }) => [title, done, user_id]), [["Milk", false, ann.user.id], ["Bread", true, ann.user.id]]);
    ok(await bob.client.from("todos").insert({ title: "Bob's" }));

    assert.deepEqual(ok(await ann.client.from("todos").select("title").order("title")), [{ title: "Bread" }, { title: "Milk" }]);
    assert.deepEqual(ok(await bob.client.from("todos").select("title")), [{ title: "Bob's" }]);
    assert.deepEqual(ok(await visitor(url).from("todos").select()), []);
    assert.equal(ok(await backEnd(url).from("todos").select()).length, 3);

    // Another's row can be neither changed, nor deleted, nor made, nor given away.
    assert.deepEqual(ok(await bob.client.from("todos").update({ done: true }).eq("id", mine[0].id).select()), []);
    assert.deepEqual(ok(await bob.client.from("todos").delete().eq("id", mine[0].id).select()), []);
    const theft = await bob.client.from("todos").insert({ title: "x", user_id: ann.user.id });
    assert.deepEqual([theft.status, theft.error.code], [403, "42501"]);
    const gift = await ann.client.from("todos").update({ user_id: bob.user.id }).eq("id", mine[0].id);
    assert.equal(gift.error.code, "42501");
    const stranger = await visitor(url).from("todos").insert({ title: "x" });
    assert.deepEqual([stranger.status, stranger.error.code], [401, "42501"]);
    assert.equal(stranger.error.message, 'new row violates row-level security policy for table "todos"');
  });

  test("types come back as Postgres prints them", async () => {
    const row = { name: "Typed", tags: ["a", "b,c"], settings: { b: 1, a: [true, null] }, budget: 12.5, due: "2026-12-24" };
    const back = ok(await ann.client.from("lists").insert(row).select().single());
    assert.deepEqual([back.tags, back.settings, back.budget, back.due], [row.tags, row.settings, 12.5, row.due]);
    assert.match(back.id, /^[0-9a-f-]{36}$/);
    assert.match(back.created_at, /^\d{4}-\d\d-\d\dT[\d:.]+\+00:00$/);
  });

  test("embeds, filters, order, ranges and counts", async () => {
    const list = ok(await ann.client.from("lists").insert({ name: "Embed" }).select("id").single());
    const items = Array.from({ length: 5 }, (_, n) => ({ list_id: list.id, title: `item ${n}`, position: n, done: n % 2 === 0 }));
    ok(await ann.client.from("items").insert(items));

    const whole = ok(await ann.client.from("lists").select("name, items(title, position)").eq("id", list.id).order("position", { referencedTable: "items", ascending: false }).single());
    assert.deepEqual(whole.items.map(({ position }) => position), [4, 3, 2, 1, 0]);
    const up = ok(await ann.client.from("items").select("title, list:lists!inner(name)").eq("list.name", "Embed").limit(1));
    assert.deepEqual(up, [{ title: "item 0", list: { name: "Embed" } }]);

    const titles = async (query) => ok(await query).map(({ title }) => title);
    const from = () => ann.client.from("items").select("title").eq("list_id", list.id).order("position");
    assert.deepEqual(await titles(from().gt("position", 2)), ["item 3", "item 4"]);
    assert.deepEqual(await titles(from().in("position", [0, 4])), ["item 0", "item 4"]);
    assert.deepEqual(await titles(from().is("done", true)), ["item 0", "item 2", "item 4"]);
    assert.deepEqual(await titles(from().like("title", "%3")), ["item 3"]);
    assert.deepEqual(await titles(from().ilike("title", "ITEM _").limit(1)), ["item 0"]);
    assert.deepEqual(await titles(from().or("position.eq.1,and(done.is.true,position.gt.3)")), ["item 1", "item 4"]);
    assert.deepEqual(await titles(from().not("position", "in", "(0,1,2)")), ["item 3", "item 4"]);
    assert.deepEqual(await titles(from().range(1, 2)), ["item 1", "item 2"]);

    const counted = await ann.client.from("items").select("*", { count: "exact", head: true }).eq("list_id", list.id);
    assert.deepEqual([counted.count, counted.data], [5, null]);
    const none = await bob.client.from("lists").select("*, items(*)", { count: "exact" }).eq("id", list.id);
    assert.deepEqual([none.count, none.data], [0, []]);
  });

  test("upserts, single rows and their errors", async () => {
    const first = ok(await ann.client.from("lists").upsert({ name: "Upsert", budget: 1 }, { onConflict: "owner_id,name" }).select().single());
    const second = ok(await ann.client.from("lists").upsert({ owner_id: ann.user.id, name: "Upsert", budget: 2 }, { onConflict: "owner_id,name" }).select().single());
    assert.deepEqual([second.id, second.budget], [first.id, 2]);
    // Bob cannot overwrite Ann's row through its key.
    const stolen = await bob.client.from("lists").upsert({ id: first.id, name: "Bob's now" });
    assert.equal(stolen.error.code, "42501");

    assert.equal(ok(await ann.client.from("lists").select().eq("name", "no such list").maybeSingle()), null);
    const none = await ann.client.from("lists").select().eq("name", "no such list").single();
    assert.deepEqual([none.status, none.error.code], [406, "PGRST116"]);
    const twice = await ann.client.from("lists").insert({ name: "Upsert" });
    assert.deepEqual([twice.status, twice.error.code], [409, "23505"]);
    const orphan = await ann.client.from("items").insert({ list_id: "00000000-0000-4000-8000-000000000000", title: "x" });
    assert.equal(orphan.error.code, "42501");
    const wrong = await ann.client.from("lists").select().eq("id", "no uuid");
    assert.deepEqual([wrong.status, wrong.error.code], [400, "22P02"]);
    assert.equal((await ann.client.from("nowhere").select()).error.code, "PGRST205");
    assert.equal((await ann.client.from("lists").select("nothing")).error.code, "42703");
  });

  test("SQL in a value is data", async () => {
    const evil = `'); DROP TABLE "todos"; -- ?1 "x" \\`;
    ok(await ann.client.from("todos").insert({ title: evil }));
    assert.equal(ok(await ann.client.from("todos").select("title").eq("title", evil).single()).title, evil);
    assert.deepEqual(ok(await ann.client.from("todos").select("title").ilike("title", `%${evil.replaceAll("\\", "\\\\")}`)), [{ title: evil }]);
    ok(await ann.client.from("todos").delete().eq("title", evil));
  });
});

describe("files", () => {
  const bytes = new Uint8Array(70_000).map((_, n) => n % 251);

  test("a file is its owner's alone", async () => {
    const path = `${ann.user.id}/report.bin`;
    const mine = ann.client.storage.from("documents");
    const uploaded = ok(await mine.upload(path, new Blob([bytes]), { contentType: "application/x-report", metadata: { pages: 3 } }));
    assert.equal(uploaded.path, path);
    assert.deepEqual(new Uint8Array(await ok(await mine.download(path)).arrayBuffer()), bytes);
    const info = ok(await mine.info(path));
    assert.deepEqual([info.size, info.metadata], [bytes.length, { pages: 3 }]);
    assert.equal(ok(await mine.exists(path)), true);
    assert.deepEqual(ok(await mine.list(ann.user.id)).map(({ name }) => name), ["report.bin"]);

    for (const stranger of [bob.client, visitor(url)]) {
      const theirs = stranger.storage.from("documents");
      assert.ok((await theirs.download(path)).error);
      assert.deepEqual(ok(await theirs.list(ann.user.id)), []);
      assert.ok((await theirs.createSignedUrl(path, 60)).error);
      assert.deepEqual(ok(await theirs.remove([path])), []);
      assert.ok((await theirs.upload(path, "x", { upsert: true })).error);
    }
    assert.deepEqual(new Uint8Array(await ok(await mine.download(path)).arrayBuffer()), bytes);
  });

  test("overwriting, moving, copying, removing", async () => {
    const mine = ann.client.storage.from("documents");
    const at = (name) => `${ann.user.id}/${name}`;
    ok(await mine.upload(at("a.txt"), "one"));
    assert.equal((await mine.upload(at("a.txt"), "two")).error.statusCode, "409");
    ok(await mine.update(at("a.txt"), "two"));
    ok(await mine.copy(at("a.txt"), at("b.txt")));
    ok(await mine.move(at("a.txt"), at("c.txt")));
    assert.equal((await mine.download(at("a.txt"))).error !== null, true);
    for (const name of ["b.txt", "c.txt"]) assert.equal(await ok(await mine.download(at(name))).text(), "two");
    assert.equal(ok(await mine.remove([at("b.txt"), at("c.txt"), at("absent")])).length, 2);
  });

  test("signed URLs work for whoever holds them, for what they were made", async () => {
    const path = `${ann.user.id}/signed.txt`;
    const mine = ann.client.storage.from("documents");
    ok(await mine.upload(path, "signed"));
    const { signedUrl } = ok(await mine.createSignedUrl(path, 60));
    assert.equal(await (await fetch(signedUrl)).text(), "signed");
    assert.equal((await fetch(signedUrl.replace("signed.txt", "other.txt"))).status, 400);
    assert.equal((await fetch(`${signedUrl}x`)).status, 400);
    const upload = ok(await mine.createSignedUploadUrl(`${ann.user.id}/later.txt`));
    ok(await visitor(url).storage.from("documents").uploadToSignedUrl(upload.path, upload.token, "later"));
    assert.equal(await ok(await mine.download(upload.path)).text(), "later");
  });

  test("public files, their limits and their ranges", async () => {
    const path = `${ann.user.id}/me.png`;
    const mine = ann.client.storage.from("avatars");
    ok(await mine.upload(path, new Blob([bytes], { type: "image/png" })));
    const { publicUrl } = mine.getPublicUrl(path).data;
    const answer = await fetch(publicUrl, { headers: { range: "bytes=10-19" } });
    assert.equal(answer.status, 206);
    assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), bytes.slice(10, 20));
    assert.equal(answer.headers.get("content-range"), `bytes 10-19/${bytes.length}`);
    const again = await fetch(publicUrl, { headers: { "if-none-match": answer.headers.get("etag") } });
    assert.equal(again.status, 304);
    assert.equal((await mine.upload(`${ann.user.id}/a.txt`, "text")).error.statusCode, "415");
    assert.equal((await mine.upload(`${ann.user.id}/b.png`, new Blob([new Uint8Array(1_100_000)], { type: "image/png" }))).error.statusCode, "413");
    assert.equal((await fetch(publicUrl.replace("avatars", "documents"))).status, 400);
  });

  test("buckets are the back end's to make", async () => {
    const buckets = backEnd(url).storage;
    ok(await buckets.createBucket("reports", { public: false, fileSizeLimit: "1MB" }));
    assert.equal(ok(await buckets.getBucket("reports")).file_size_limit, 1_000_000);
    ok(await buckets.updateBucket("reports", { public: true }));
    ok(await buckets.from("reports").upload("a/b.txt", "x"));
    assert.equal((await buckets.deleteBucket("reports")).error.statusCode, "409");
    ok(await buckets.emptyBucket("reports"));
    ok(await buckets.deleteBucket("reports"));
    assert.ok((await ann.client.storage.createBucket("mine")).error);
    assert.deepEqual(ok(await visitor(url).storage.listBuckets()), []);
  });
});
