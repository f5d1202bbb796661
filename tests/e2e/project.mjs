// A project on a running Worker: its schema applied, and clients for those who use it.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { createClient } from "@supabase/supabase-js";

import { demoVars } from "../../scripts/local.mjs";

const { ANON_KEY, SERVICE_ROLE_KEY } = demoVars();
const separate = { auth: { persistSession: false, autoRefreshToken: false } };

/** Somebody with the anon key, not signed in. */
export const visitor = (url) => createClient(url, ANON_KEY, separate);

/** The project's back end. */
export const backEnd = (url) => createClient(url, SERVICE_ROLE_KEY, separate);

/** A new user, signed in. Auto-confirm is on. */
export async function signUp(url, name) {
  const client = visitor(url);
  const email = `${name}@example.com`;
  const { data, error } = await client.auth.signUp({ email, password: `${name}'s long password` });
  if (error) throw error;
  return { client, email, password: `${name}'s long password`, user: data.user, session: data.session };
}

/** Applies a folder of Postgres migrations as `npm run db:push` does. */
export async function applyMigrations(url, folder) {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".sql")).sort()) {
    const [, version, name] = file.match(/^(\d+)_(.*)\.sql$/);
    const answer = await fetch(`${url}/admin/v1/migrations`, {
      method: "POST",
      headers: { apikey: SERVICE_ROLE_KEY, "content-type": "application/json" },
      body: JSON.stringify({ version, name, sql: readFileSync(join(folder, file), "utf8") }),
    });
    if (!answer.ok) throw new Error(`${file}: ${await answer.text()}`);
  }
}

/** A request as curl would make it. */
export async function raw(url, path, { key = ANON_KEY, token = key, ...options } = {}) {
  const answer = await fetch(url + path, { ...options, headers: { apikey: key, authorization: `Bearer ${token}`, ...options.headers } });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, json: () => JSON.parse(text) };
}
