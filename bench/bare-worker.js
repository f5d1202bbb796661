// What Edgeward is compared with: a Worker that somebody wrote by hand for one table. It verifies the token (HS256, the key
// imported once), asks D1 one question and answers JSON. No routes, no policies, no errors worth the name.

const columns = "id, user_id, title, notes, done, priority, due_on, created_at";

let key;

export default {
  async fetch(request, env) {
    const user = await subjectOf(request, env);
    if (!user) return Response.json({ message: "no" }, { status: 401 });
    if (request.method === "POST") return insert(user, await request.json(), env);
    const id = new URL(request.url).searchParams.get("id");
    const rows = id
      ? env.DB.prepare(`SELECT ${columns} FROM todos WHERE user_id = ?1 AND id = ?2`).bind(user, id)
      : env.DB.prepare(`SELECT ${columns} FROM todos WHERE user_id = ?1 ORDER BY id LIMIT 100`).bind(user);
    return Response.json((await rows.all()).results);
  },
};

async function insert(user, { title, notes, priority }, env) {
  const statement = "INSERT INTO todos (user_id, title, notes, priority) VALUES (?1, ?2, ?3, ?4)";
  await env.DB.prepare(statement).bind(user, title, notes, priority).run();
  return new Response(null, { status: 201 });
}

async function subjectOf(request, env) {
  const token = request.headers.get("authorization")?.slice("Bearer ".length) ?? "";
  const [header, payload, signature] = token.split(".");
  if (!signature) return undefined;
  const text = new TextEncoder();
  key ??= await crypto.subtle.importKey("raw", text.encode(env.JWT_SECRET), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  if (!(await crypto.subtle.verify("HMAC", key, fromBase64Url(signature), text.encode(`${header}.${payload}`)))) return undefined;
  const claims = JSON.parse(new TextDecoder().decode(fromBase64Url(payload)));
  return claims.exp > Date.now() / 1000 ? claims.sub : undefined;
}

function fromBase64Url(text) {
  const characters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(characters, (character) => character.charCodeAt(0));
}
