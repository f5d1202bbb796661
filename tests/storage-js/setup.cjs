// What the runner adds to storage-js' own suite, inside jest: it counts each test's requests, so that those which reach the
// Worker are known from those with a mock in its place.

const { appendFileSync } = require("node:fs");

const { EDGEWARD_RESULTS } = process.env;
const suiteOrigin = "http://127.0.0.1:54321";

let requests = 0;
beforeEach(() => (requests = 0));
afterEach(() => {
  const { testPath, currentTestName } = expect.getState();
  appendFileSync(EDGEWARD_RESULTS, `${JSON.stringify({ testPath, name: currentTestName, requests })}\n`);
});

const platformFetch = globalThis.fetch;
globalThis.fetch = (input, init) => {
  if (String(input?.url ?? input).startsWith(suiteOrigin)) requests += 1;
  return platformFetch(input, init);
};
