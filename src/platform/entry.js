// The JavaScript half of entry.rs: what the runtime loads. Plain handlers, since the class that worker-build exports would be
// made anew, behind a proxy, for each request. What that saves is within the noise of the bench.
//
// With EDGE_CACHE_ORIGIN, public downloads under their own URLs are looked for in the data centre's cache before anything else: what
// is there was put there, whole, by edge_answer.rs, and goes when its object changes.

import Entrypoint from "./index.js";

export * from "./index.js";

const { fetch, scheduled } = Entrypoint.prototype;

const answer = (request, env, ctx) => fetch.call({ env, ctx }, request);

/** Whether the edge may have the answer: the cache knows ranges and ETags by itself, and says nothing of If-Range. */
function isKept({ method, url, headers }, origin) {
  const isDownload = method === "GET" && url.startsWith(origin) && url.startsWith("/storage/v1/object/public/", origin.length);
  return isDownload && !url.includes("?") && !headers.has("if-range");
}

/** A cache that fails has nothing. */
function fromEdge(request, env, ctx) {
  return caches.default.match(request).then((kept) => kept ?? answer(request, env, ctx), () => answer(request, env, ctx));
}

export default {
  fetch: (request, env, ctx) =>
    env.EDGE_CACHE_ORIGIN && isKept(request, env.EDGE_CACHE_ORIGIN) ? fromEdge(request, env, ctx) : answer(request, env, ctx),
  scheduled: (event, env, ctx) => scheduled.call({ env, ctx }, event),
};
