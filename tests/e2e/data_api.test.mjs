// What the data API does beyond rows as JSON, through supabase-js on the real Worker: shapes, zones, answers that browsers keep, and
// reads that any copy of the database may answer. Miniflare's D1 has one copy, but takes sessions and bookmarks as the real one does.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createClient } from "@supabase/supabase-js";

import { backEnd, raw, signUp, visitor } from "./project.mjs";
import { startWorker } from "./worker.mjs";

const project = `
create extension if not exists postgis schema extensions;
create table public.shops (id int primary key, name text, place extensions.geometry(point, 4326), area extensions.geography(polygon));
create policy "everyone reads" on public.shops for select using (true);
comment on table public.shops is 'Where to buy. @cache';
create table public.events (id int primary key, user_id uuid default auth.uid(), starts_at timestamptz, day date);
create policy "own events" on public.events for all to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create function public.events_since(moment timestamptz) returns setof public.events language sql stable as $$ select * from public.events where starts_at >= moment order by starts_at $$;
`;

let worker;
let ann;
before(async () => {
  worker = await startWorker({ vars: { READ_REPLICAS: "true" } });
  const applied = await raw(worker.url, "/admin/v1/migrations", {
    key: worker.vars.SERVICE_ROLE_KEY,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ version: "20260101000000", name: "project", sql: project }),
  });
  assert.equal(applied.status, 200, applied.text);
  ann = await signUp(worker.url, "ann");
  const polygon = { type: "Polygon", coordinates: [[[0, 0], [1, 0], [1, 1], [0, 0]]] };
  const { error } = await backEnd(worker.url).from("shops").insert([
    { id: 1, name: "tea", place: "SRID=4326;POINT(13.4 52.5)", area: polygon },
    { id: 2, name: "cake", place: { type: "Point", coordinates: [-71.1, 42.4] }, area: null },
  ]);
  assert.equal(error, null);
});
after(() => worker.dispose());

/** A client that notes what it is answered with, and sends these headers. */
function observed(key, headers = {}) {
  const answers = [];
  const noting = async (...asked) => {
    const answer = await fetch(...asked);
    answers.push(answer);
    return answer;
  };
  const client = createClient(worker.url, key, { auth: { persistSession: false, autoRefreshToken: false }, global: { fetch: noting, headers } });
  return { client, last: (name) => answers.at(-1).headers.get(name), status: () => answers.at(-1).status };
}

const must = ({ data, error }) => {
  assert.equal(error, null);
  return data;
};

test("shapes go in as text or GeoJSON and come out as PostGIS' casts to JSON", async () => {
  const rows = must(await visitor(worker.url).from("shops").select("id, place, area").order("id"));
  assert.deepEqual(rows.map(({ place }) => place), [{ type: "Point", coordinates: [13.4, 52.5] }, { type: "Point", coordinates: [-71.1, 42.4] }]);
  assert.match(rows[0].area, /^0103000020E6100000/);
  assert.equal(rows[1].area, null);
});

test("rows come as features", async () => {
  const { client, last } = observed(worker.vars.ANON_KEY);
  const collection = must(await client.from("shops").select("id, name, place").eq("id", 2).geojson());
  assert.equal(last("content-type"), "application/geo+json; charset=utf-8");
  const geometry = { type: "Point", coordinates: [-71.1, 42.4] };
  assert.deepEqual(collection, { type: "FeatureCollection", features: [{ type: "Feature", geometry, properties: { id: 2, name: "cake" } }] });
  const refused = await backEnd(worker.url).from("events").select().geojson();
  assert.deepEqual([refused.status, refused.error.message], [400, "geometry column is missing"]);
});

test("a shape that is none, or is not the column's, is refused as PostGIS does", async () => {
  const shops = backEnd(worker.url).from("shops");
  const refused = [
    ["POINT(1", 500, "XX000"],
    [{ type: "Feature" }, 500, "XX000"],
    ["LINESTRING(0 0, 1 1)", 400, "22023"],
    ["SRID=3857;POINT(1 1)", 400, "22023"],
  ];
  for (const [place, status, code] of refused) {
    const answer = await shops.insert({ id: 9, place });
    assert.deepEqual([answer.status, answer.error.code], [status, code], JSON.stringify(place));
  }
  assert.deepEqual(must(await visitor(worker.url).from("shops").select("id").eq("id", 9)), []);
});

test("moments are read and shown in the caller's zone", async () => {
  const { client } = ann;
  const inZone = (query, zone, more = "") => query.setHeader("Prefer", `timezone=${zone}${more}`);
  const added = await inZone(client.from("events").insert({ id: 1, starts_at: "2026-07-02 09:00", day: "2026-07-02" }).select(), "America/New_York", ",return=representation");
  assert.deepEqual(must(added).map(({ starts_at }) => starts_at), ["2026-07-02T09:00:00-04:00"]);
  must(await client.from("events").insert({ id: 2, starts_at: "2026-01-01T12:00:00Z" }));
  const shown = must(await inZone(client.from("events").select("id, starts_at, day").order("id"), "Europe/Berlin"));
  assert.deepEqual(shown, [
    { id: 1, starts_at: "2026-07-02T15:00:00+02:00", day: "2026-07-02" },
    { id: 2, starts_at: "2026-01-01T13:00:00+01:00", day: null },
  ]);
  const later = must(await inZone(client.from("events").select("id").gt("starts_at", "2026-07-02T14:59"), "Europe/Berlin"));
  assert.deepEqual(later, [{ id: 1 }], "a moment without an offset is the zone's");
  const called = must(await inZone(client.rpc("events_since", { moment: "2026-07-02T15:00" }), "Europe/Berlin"));
  assert.deepEqual(called.map(({ starts_at }) => starts_at), ["2026-07-02T15:00:00+02:00"]);
  const utc = must(await client.from("events").select("starts_at").eq("id", 1));
  assert.deepEqual(utc, [{ starts_at: "2026-07-02T13:00:00+00:00" }]);
  const strict = await inZone(client.from("events").select(), "Mars/Olympus", ",handling=strict");
  assert.deepEqual([strict.status, strict.error.code], [400, "PGRST122"]);
});

test("a browser asks again for what it keeps, and is answered without a body until it changes", async () => {
  const path = "/rest/v1/shops?select=id,name&order=id";
  const first = await raw(worker.url, path);
  const etag = first.headers.get("etag");
  assert.match(etag, /^"[^"]+"$/);
  assert.equal(first.headers.get("cache-control"), "no-cache");
  const again = await raw(worker.url, path, { headers: { "if-none-match": etag } });
  assert.deepEqual([again.status, again.text, again.headers.get("etag")], [304, "", etag]);
  must(await backEnd(worker.url).from("shops").update({ name: "green tea" }).eq("id", 1));
  const changed = await raw(worker.url, path, { headers: { "if-none-match": etag } });
  assert.deepEqual([changed.status, changed.json()[0].name], [200, "green tea"]);
  assert.notEqual(changed.headers.get("etag"), etag);
  // Nobody else's rows may be kept: a signed-in user's answer says nothing of it.
  const hers = await raw(worker.url, path, { token: ann.session.access_token });
  assert.deepEqual([hers.status, hers.headers.get("etag")], [200, null]);
  // supabase-js reads the same rows.
  assert.deepEqual(must(await visitor(worker.url).from("shops").select("name").order("id")), [{ name: "green tea" }, { name: "cake" }]);
});

test("an answer says how new it is, and another may be asked for that is as new", async () => {
  const reader = observed(worker.vars.ANON_KEY);
  must(await reader.client.from("shops").select("id"));
  const bookmark = reader.last("x-d1-bookmark");
  assert.match(bookmark, /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/);

  const writer = observed(worker.vars.SERVICE_ROLE_KEY);
  must(await writer.client.from("shops").insert({ id: 3, name: "bread" }));
  const written = writer.last("x-d1-bookmark");
  assert.ok(written > bookmark, `${written} after ${bookmark}`);
  const since = observed(worker.vars.ANON_KEY, { "x-d1-bookmark": written });
  assert.deepEqual(must(await since.client.from("shops").select("name").eq("id", 3)), [{ name: "bread" }]);
  assert.ok(since.last("x-d1-bookmark") >= written);

  // What is no bookmark never reaches the database.
  const odd = observed(worker.vars.ANON_KEY, { "x-d1-bookmark": "first-unconstrained'; --" });
  assert.equal(must(await odd.client.from("shops").select("id")).length, 3);
  assert.match(odd.last("access-control-expose-headers") ?? "x-d1-bookmark", /x-d1-bookmark/i);
});

test("whoever wrote reads what they wrote, without a word of bookmarks", async () => {
  const { client } = ann;
  for (let id = 100; id < 110; id += 1) {
    must(await client.from("events").insert({ id, starts_at: "2026-02-02T00:00:00Z" }));
    assert.equal(must(await client.from("events").select("id").eq("id", id)).length, 1);
  }
});
