// The rows both sides hold: 1,000 to-dos of the reader's and 900 of others', 50 lists with 3 tasks each that the reader is a
// member of, and as many of others'.

import { demoVars } from "../scripts/local.mjs";

const own = 1000;
const others = 900;
const lists = 50;

/** The accounts, the same on both sides: where a row goes in an index on its owner depends on who else has rows. */
const accounts = {
  reader: "3f0c9a52-5d0e-4c1b-8f43-6a1de0c2b701",
  writer: "8b5e71d4-02c6-4f9a-9d1e-57c3f2a8e902",
  other: "d41a6f3b-9c77-4e25-a0b8-1e94d7f5c303",
};

/** To-dos of eight columns, seen by their owner alone; lists and their tasks, seen by the list's members. */
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

create table public.lists (
  id bigint primary key,
  name text not null
);
create table public.list_members (
  list_id bigint not null references public.lists (id),
  user_id uuid not null,
  primary key (list_id, user_id)
);
create table public.tasks (
  id bigint primary key,
  list_id bigint not null references public.lists (id),
  title text not null,
  done boolean not null default false
);
create index tasks_list_id_idx on public.tasks (list_id);
alter table public.lists enable row level security;
alter table public.list_members enable row level security;
alter table public.tasks enable row level security;
create policy "own memberships" on public.list_members for select to authenticated using (user_id = (select auth.uid()));
create policy "lists of members" on public.lists for select to authenticated
  using (exists (select 1 from public.list_members m where m.list_id = lists.id and m.user_id = (select auth.uid())));
create policy "tasks of members" on public.tasks for select to authenticated
  using (exists (select 1 from public.list_members m where m.list_id = tasks.list_id and m.user_id = (select auth.uid())));
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
  "CREATE TABLE lists (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT",
  `CREATE TABLE list_members (
    list_id INTEGER NOT NULL REFERENCES lists (id),
    user_id TEXT NOT NULL,
    PRIMARY KEY (list_id, user_id)
  ) STRICT`,
  `CREATE TABLE tasks (
    id      INTEGER PRIMARY KEY,
    list_id INTEGER NOT NULL REFERENCES lists (id),
    title   TEXT NOT NULL,
    done    INTEGER NOT NULL DEFAULT 0
  ) STRICT`,
  "CREATE INDEX tasks_list_id_idx ON tasks (list_id)",
];

/** The headers supabase-js sends for a signed-in user. */
export function keys(token) {
  return { apikey: demoVars().ANON_KEY, authorization: `Bearer ${token}` };
}

/** Makes the table, three accounts and their to-dos through the API. Gives the reader, the writer and a row of the reader's. */
export async function fillOurs(url) {
  const service = keys(demoVars().SERVICE_ROLE_KEY);
  await post(`${url}/admin/v1/migrations`, service, { version: "20260101000000", name: "todos", sql: schema });
  const [reader, writer, other] = await Promise.all(Object.keys(accounts).map((name) => signIn(url, name)));
  await post(`${url}/rest/v1/todos`, service, todos(other.id, others / 2));
  await post(`${url}/rest/v1/todos`, service, todos(reader.id, own));
  await post(`${url}/rest/v1/todos`, service, todos(other.id, others / 2));
  for (const [table, rows] of Object.entries(shared(reader.id, other.id))) await post(`${url}/rest/v1/${table}`, service, rows);
  const rows = await (await fetch(`${url}/rest/v1/todos?select=id&limit=1&offset=50`, { headers: keys(reader.token) })).json();
  return { reader, writer, row: rows[0].id };
}

/** The same rows for the bare Worker, in the same order and so under the same ids. */
export async function fillBare(database) {
  await database.batch(bareSchema.map((statement) => database.prepare(statement)));
  const insert = database.prepare(
    `INSERT INTO todos (user_id, title, notes, priority, due_on)
     SELECT value ->> 'user_id', value ->> 'title', value ->> 'notes', value ->> 'priority', value ->> 'due_on' FROM json_each(?1)`,
  );
  const { reader, other } = accounts;
  const rows = [...todos(other, others / 2), ...todos(reader, own), ...todos(other, others / 2)];
  await insert.bind(JSON.stringify(rows)).run();
  for (const [table, rows] of Object.entries(shared(reader, other))) {
    const columns = Object.keys(rows[0]);
    const values = columns.map((column) => `value ->> '${column}'`).join(", ");
    const statement = `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${values} FROM json_each(?1)`;
    await database.prepare(statement).bind(JSON.stringify(rows)).run();
  }
}

/** The rows of the shared tables: every second list is the reader's. */
function shared(reader, other) {
  const ids = Array.from({ length: 2 * lists }, (_, at) => at + 1);
  return {
    lists: ids.map((id) => ({ id, name: `List number ${id}` })),
    list_members: ids.map((id) => ({ list_id: id, user_id: id % 2 ? reader : other })),
    tasks: ids.flatMap((id) => [0, 1, 2].map((nth) => ({ id: 3 * id + nth, list_id: id, title: `Task ${nth} of list ${id}` }))),
  };
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

async function signIn(url, name) {
  const body = { email: `${name}@example.com`, password: "correct horse battery" };
  const user = { ...body, id: accounts[name], email_confirm: true };
  await post(`${url}/auth/v1/admin/users`, keys(demoVars().SERVICE_ROLE_KEY), user);
  const answer = await post(`${url}/auth/v1/token?grant_type=password`, keys(demoVars().ANON_KEY), body);
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
