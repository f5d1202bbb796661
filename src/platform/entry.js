// The JavaScript half of entry.rs: what the runtime loads. Plain handlers, since the class that worker-build exports would be
// made anew, behind a proxy, for each request. What that saves is within the noise of the bench.

import Entrypoint from "./index.js";

export * from "./index.js";

const { fetch, scheduled } = Entrypoint.prototype;

export default {
  fetch: (request, env, ctx) => fetch.call({ env, ctx }, request),
  scheduled: (event, env, ctx) => scheduled.call({ env, ctx }, event),
};
