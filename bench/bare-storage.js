// What storage is compared with: a Worker that somebody wrote by hand around an R2 bucket. It verifies the token (HS256, the key
// imported once) and pipes. Names are keys, so it asks no database: it has no policies, no limits, and nothing to replace in one step.
// Under /row/ and /public-row/ it first asks D1 for a row, as whoever wants to know whose file it is, or that it is still the same, has to.

import { claimsOf } from "./bare-token.js";

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/public/")) return fromCache(request, pathname.slice("/public/".length), env, context);
    if (pathname.startsWith("/public-row/")) return fromCache(request, await keyOf(pathname.slice("/public-row/".length), env), env, context);
    if (!(await claimsOf(request, env))) return Response.json({ message: "no" }, { status: 401 });
    const key = pathname.slice(1);
    if (key.startsWith("row/")) return download(await keyOf(key.slice("row/".length), env), env);
    if (request.method !== "PUT") return download(key, env);
    const stored = await env.BUCKET.put(key, request.body, { httpMetadata: request.headers });
    return Response.json({ key, etag: stored.etag });
  },
};

async function keyOf(name, env) {
  const row = await env.DB.prepare("SELECT version, metadata FROM files WHERE name = ?1").bind(name).first();
  return row.version;
}

async function fromCache(request, key, env, context) {
  const kept = await caches.default.match(request);
  if (kept) return kept;
  const answer = await download(key, env);
  context.waitUntil(caches.default.put(request, answer.clone()));
  return answer;
}

async function download(key, env) {
  const object = await env.BUCKET.get(key);
  if (!object) return Response.json({ message: "not found" }, { status: 404 });
  const headers = new Headers({ etag: object.httpEtag, "accept-ranges": "bytes" });
  object.writeHttpMetadata(headers);
  return new Response(object.body, { headers });
}
