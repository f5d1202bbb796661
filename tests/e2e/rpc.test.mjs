// Functions, triggers and views of a project, through supabase-js on the real Worker.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { applyMigrations, signUp, visitor } from "./project.mjs";
import { startWorker } from "./worker.mjs";

const project = `
create table public.profiles (id uuid primary key references auth.users on delete cascade, name text, visits int not null default 0);
create policy "own profile" on public.profiles for all to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));

create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, name) values (new.id, split_part(new.email, '@', 1));
  return new;
end;
$$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();

create function public.add_them(a int, b int default 1) returns int language sql immutable as $$ select a + b $$;
create function public.member_count() returns bigint language sql stable security definer set search_path = '' as $$ select count(*) from public.profiles $$;
create function public.names() returns setof public.profiles language sql stable as $$ select * from public.profiles $$;
create function public.visit() returns void language plpgsql as $$
begin
  if auth.uid() is null then
    raise exception 'sign in first' using errcode = 'P0001', hint = 'auth.signInWithPassword()';
  end if;
  update public.profiles set visits = visits + 1 where id = auth.uid();
end;
$$;
create view public.visitors with (security_invoker = on) as select id, name, visits from public.profiles where visits > 0;
`;

let worker;
let ann;
let ben;

before(async () => {
  worker = await startWorker({ vars: { RATE_LIMITS: "false" } });
  const folder = mkdtempSync(join(tmpdir(), "edgeward-rpc-"));
  writeFileSync(join(folder, "20260101000000_project.sql"), project);
  await applyMigrations(worker.url, folder);
  rmSync(folder, { recursive: true });
  ann = await signUp(worker.url, "ann");
  ben = await signUp(worker.url, "ben");
});

after(() => worker?.dispose());

test("signing up makes a profile that its owner alone sees", async () => {
  const { data, error } = await ann.client.from("profiles").select("id, name");
  assert.deepEqual([error, data], [null, [{ id: ann.user.id, name: "ann" }]]);
});

test("functions are called with their arguments, and obey policies unless they are their owner's", async () => {
  assert.deepEqual((await ann.client.rpc("add_them", { a: 2, b: 3 })).data, 5);
  assert.deepEqual((await ann.client.rpc("add_them", { a: 2 }, { get: true })).data, 3);
  assert.equal((await ann.client.rpc("member_count")).data, 2);
  assert.deepEqual((await ben.client.rpc("names").select("name").single()).data, { name: "ben" });
  assert.deepEqual((await visitor(worker.url).rpc("names")).data, []);
});

test("a function that writes changes what its caller may, and its exception reaches the client", async () => {
  assert.equal((await ann.client.rpc("visit")).error, null);
  assert.deepEqual((await ann.client.from("visitors").select("name, visits")).data, [{ name: "ann", visits: 1 }]);
  assert.deepEqual((await ben.client.from("visitors").select("name")).data, []);
  const { error, status } = await visitor(worker.url).rpc("visit");
  assert.deepEqual([status, error.code, error.message, error.hint], [400, "P0001", "sign in first", "auth.signInWithPassword()"]);
});

test("a function that is not there is said to be missing", async () => {
  const { error, status } = await ann.client.rpc("add_then", { a: 1 });
  assert.deepEqual([status, error.code], [404, "PGRST202"]);
});
