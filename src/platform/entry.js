// The JavaScript half of entry.rs: what the runtime loads. Plain handlers, since the class that worker-build exports would be
// made anew, behind a proxy, for each request. What that saves is within the noise of the bench.
//
// With EDGE_CACHE_ORIGIN, public downloads under their own URLs are looked for in the data centre's cache before anything else: what
// is there was put there, whole, by edge_answer.rs, and goes when its object changes.

import Entrypoint from "./index.js";

export * from "./index.js";

const { fetch, scheduled } = Entrypoint.prototype;

const downloads = "/storage/v1/object/public/";

const answer = (request, env, ctx) => fetch.call({ env, ctx }, request);

/**
 * Whether the edge may have the answer: the cache knows ranges and ETags by itself, and says nothing of If-Range. Every request is asked
 * this: what most are not is asked first, and as little as can be of the runtime.
 */
function isKept(request, origin) {
  const { url } = request;
  if (!url.startsWith(downloads, origin.length) || !url.startsWith(origin)) return false;
  return request.method === "GET" && !url.includes("?") && !request.headers.has("if-range");
}

/** A cache that fails has nothing. */
function fromEdge(request, env, ctx) {
  return caches.default.match(request).then((kept) => kept ?? answer(request, env, ctx), () => answer(request, env, ctx));
}

function serve(request, env, ctx) {
  const origin = env.EDGE_CACHE_ORIGIN;
  return origin && isKept(request, origin) ? fromEdge(request, env, ctx) : answer(request, env, ctx);
}

export default { fetch: serve, scheduled: (event, env, ctx) => scheduled.call({ env, ctx }, event) };
