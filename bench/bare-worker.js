// What Edgeward is compared with: a Worker that somebody wrote by hand for these tables. It verifies the token (HS256, the key
// imported once), asks D1 one question and answers JSON. No policies, no errors worth the name.

import { claimsOf } from "./bare-token.js";

const todo = "id, user_id, title, notes, done, priority, due_on, created_at";

const questions = {
  "/todo": `SELECT ${todo} FROM todos WHERE user_id = ?1 AND id = ?2`,
  "/todos": `SELECT ${todo} FROM todos WHERE user_id = ?1 ORDER BY id LIMIT ?2`,
  "/tasks": `SELECT id, list_id, title, done
               FROM tasks AS t
              WHERE EXISTS (SELECT 1 FROM list_members AS m WHERE m.list_id = t.list_id AND m.user_id = ?1)
              ORDER BY id
              LIMIT ?2`,
  "/lists": `SELECT id, name,
                    (SELECT json_group_array(json_object('id', t.id, 'title', t.title)) FROM tasks AS t WHERE t.list_id = l.id) AS tasks
               FROM lists AS l
              WHERE EXISTS (SELECT 1 FROM list_members AS m WHERE m.list_id = l.id AND m.user_id = ?1)
              ORDER BY id
              LIMIT ?2`,
};

const insertOne = "INSERT INTO todos (user_id, title, notes, priority) VALUES (?1, ?2, ?3, ?4)";

const insertMany = `INSERT INTO todos (user_id, title, notes, priority)
                    SELECT ?1, value ->> 'title', value ->> 'notes', value ->> 'priority' FROM json_each(?2)`;

export default {
  async fetch(request, env) {
    const user = (await claimsOf(request, env))?.sub;
    if (!user) return Response.json({ message: "no" }, { status: 401 });
    if (request.method === "POST") return insert(user, await request.json(), env);
    const { pathname, searchParams } = new URL(request.url);
    const second = searchParams.get("id") ?? searchParams.get("limit");
    const { results } = await env.DB.prepare(questions[pathname]).bind(user, second).all();
    if (pathname === "/lists") for (const list of results) list.tasks = JSON.parse(list.tasks);
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
