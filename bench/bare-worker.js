// What Edgeward is compared with: a Worker that somebody wrote by hand for these tables. It verifies the token (HS256, the key
// imported once), asks D1 one question and answers JSON. No policies, no errors worth the name.

import { claimsOf } from "./bare-token.js";

const todo = "id, user_id, title, notes, done, priority, due_on, created_at";

/** Lists with their tasks. Whether each task is the reader's is asked as of each list, as policies of two tables do; or not. */
const listsWith = (asked) =>
  `SELECT id, name,
          (SELECT json_group_array(json_object('id', t.id, 'title', t.title)) FROM tasks AS t WHERE t.list_id = l.id ${asked}) AS tasks
     FROM lists AS l
    WHERE EXISTS (SELECT 1 FROM list_members AS m WHERE m.list_id = l.id AND m.user_id = ?1)
    ORDER BY id
    LIMIT ?2`;

const questions = {
  "/todo": `SELECT ${todo} FROM todos WHERE user_id = ?1 AND id = ?2`,
  "/todos": `SELECT ${todo} FROM todos WHERE user_id = ?1 ORDER BY id LIMIT ?2`,
  "/tasks": `SELECT id, list_id, title, done
               FROM tasks AS t
              WHERE EXISTS (SELECT 1 FROM list_members AS m WHERE m.list_id = t.list_id AND m.user_id = ?1)
              ORDER BY id
              LIMIT ?2`,
  "/lists": listsWith("AND EXISTS (SELECT 1 FROM list_members AS m WHERE m.list_id = t.list_id AND m.user_id = ?1)"),
  "/lists-unasked": listsWith(""),
};

const insertOne = "INSERT INTO todos (user_id, title, notes, priority) VALUES (?1, ?2, ?3, ?4)";

const insertMany = `INSERT INTO todos (user_id, title, notes, priority)
                    SELECT ?1, value ->> 'title', value ->> 'notes', value ->> 'priority' FROM json_each(?2)`;

const whoever = `SELECT u.id, u.aud, u.role, u.email, u.phone, u.email_confirmed_at, u.last_sign_in_at,
                        u.raw_app_meta_data AS app_metadata, u.raw_user_meta_data AS user_metadata,
                        (SELECT json_group_array(json_object('identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id,
                                  'identity_data', json(i.identity_data), 'provider', i.provider, 'created_at', i.created_at))
                           FROM identities AS i WHERE i.user_id = u.id) AS identities,
                        u.created_at, u.updated_at
                   FROM users AS u
                   JOIN sessions AS s ON s.user_id = u.id
                  WHERE u.id = ?1 AND s.id = ?2`;

export default {
  async fetch(request, env) {
    const { sub: user, session_id: session } = (await claimsOf(request, env)) ?? {};
    if (!user) return Response.json({ message: "no" }, { status: 401 });
    if (request.url.endsWith("/user")) return userOf(user, session, env);
    if (request.method === "POST") return insert(user, await request.json(), env);
    const { pathname, searchParams } = new URL(request.url);
    const second = searchParams.get("id") ?? searchParams.get("limit");
    const { results } = await env.DB.prepare(questions[pathname]).bind(user, second).all();
    if (pathname.startsWith("/lists")) for (const list of results) list.tasks = JSON.parse(list.tasks);
    return Response.json(results);
  },
};

async function insert(user, body, env) {
  const statement = Array.isArray(body)
    ? env.DB.prepare(insertMany).bind(user, JSON.stringify(body))
    : env.DB.prepare(insertOne).bind(user, body.title, body.notes, body.priority);
  await statement.run();
  return new Response(null, { status: 201 });
}

/** Who the caller is by now, if the session still stands. */
async function userOf(user, session, env) {
  const row = await env.DB.prepare(whoever).bind(user, session).first();
  if (!row) return Response.json({ message: "no" }, { status: 403 });
  for (const name of ["app_metadata", "user_metadata", "identities"]) row[name] = JSON.parse(row[name]);
  return Response.json(row);
}
