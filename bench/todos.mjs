// The to-dos both sides hold: 100 of the reader's, 900 of others'.

import { demoVars } from "../scripts/local.mjs";

const own = 100;
const others = 900;

/** Eight columns, seen by their owner alone. */
const schema = `
create table public.todos (
  id bigint generated always as identity primary key,
  user_id uuid not null default auth.uid(),
  title text not null,
  notes text,
  done boolean not null default false,
  priority integer not null default 0,
  due_on date,
  created_at timestamptz not null default now()
);
create index todos_user_id_idx on public.todos (user_id);
alter table public.todos enable row level security;
create policy "own to-dos" on public.todos for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
`;

const bareSchema = [
  `CREATE TABLE todos (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    TEXT NOT NULL,
    title      TEXT NOT NULL,
    notes      TEXT,
    done       INTEGER NOT NULL DEFAULT 0,
    priority   INTEGER NOT NULL DEFAULT 0,
    due_on     TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '+00:00')
  ) STRICT`,
  "CREATE INDEX todos_user_id_idx ON todos (user_id)",
];

/** The headers supabase-js sends for a signed-in user. */
export function keys(token) {
  return { apikey: demoVars().ANON_KEY, authorization: `Bearer ${token}` };
}

/** Makes the table, three accounts and their to-dos through the API. Gives the reader, the writer and a row of the reader's. */
export async function fillOurs(url) {
  const service = keys(demoVars().SERVICE_ROLE_KEY);
  await post(`${url}/admin/v1/migrations`, service, { version: "20260101000000", name: "todos", sql: schema });
  const [reader, writer, other] = await Promise.all(["reader", "writer", "other"].map((name) => signUp(url, name)));
  await post(`${url}/rest/v1/todos`, service, todos(other.id, others / 2));
  await post(`${url}/rest/v1/todos`, service, todos(reader.id, own));
  await post(`${url}/rest/v1/todos`, service, todos(other.id, others / 2));
  const rows = await (await fetch(`${url}/rest/v1/todos?select=id&limit=1&offset=50`, { headers: keys(reader.token) })).json();
  return { reader, writer, row: rows[0].id };
}

/** The same rows for the bare Worker, in the same order and so under the same ids. */
export async function fillBare(database, reader) {
  await database.batch(bareSchema.map((statement) => database.prepare(statement)));
  const insert = database.prepare(
    `INSERT INTO todos (user_id, title, notes, priority, due_on)
     SELECT value ->> 'user_id', value ->> 'title', value ->> 'notes', value ->> 'priority', value ->> 'due_on' FROM json_each(?1)`,
  );
  const other = crypto.randomUUID();
  const rows = [...todos(other, others / 2), ...todos(reader, own), ...todos(other, others / 2)];
  await insert.bind(JSON.stringify(rows)).run();
}

function todos(user_id, count) {
  const title = (number) => `To-do number ${number}`;
  return Array.from({ length: count }, (_, number) => ({
    user_id,
    title: title(number),
    notes: "Bread, milk, eggs and whatever else there is to get",
    priority: number % 5,
    due_on: "2026-12-24",
  }));
}

async function signUp(url, name) {
  const body = { email: `${name}@example.com`, password: "correct horse battery" };
  const answer = await post(`${url}/auth/v1/signup`, keys(demoVars().ANON_KEY), body);
  return { id: answer.user.id, token: answer.access_token };
}

async function post(address, headers, body) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`POST ${address}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}
