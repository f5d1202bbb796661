// `npm start`: the whole project on this machine, at the Supabase CLI's address, with the example app on it.
//
//   npm start [-- --dev] [--port PORT]     --dev: compile without optimising, for work on the Worker itself
//
// Data stays in .wrangler/state; delete that folder to begin anew. A change under src/ is compiled and loaded at once.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { build } from "./build.mjs";
import { buildExample } from "./build-example.mjs";
import { pushDatabase } from "./db-push.mjs";
import { demoVars, demoVarsFile, localHost, localPort } from "./local.mjs";
import { attempt, bold, dim, runMain, Stop } from "./terminal.mjs";
import { npmProgram, root } from "./toolchain.mjs";

const example = join(root, "examples", "todos");
const quiet = { WRANGLER_SEND_METRICS: "false", CI: "1" };

await runMain(async () => {
  const { values } = parseArgs({ options: { dev: { type: "boolean" }, port: { type: "string" } } });
  const port = Number(values.port ?? localPort);
  const url = `http://${localHost}:${port}`;
  await portIsFree(port);
  process.env.EDGEWARD_BUILD = values.dev ? "dev" : "release";
  await build({ profile: process.env.EDGEWARD_BUILD });
  await buildExample();
  applySystemMigrations();
  const server = serve(port);
  try {
    await healthy(url, server);
    await pushDatabase({ directory: example, url, quiet: true });
    greet(url);
    server.show();
    await server.ended;
  } finally {
    server.stop();
  }
});

function portIsFree(port) {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error) => {
      const reason = error.code === "EADDRINUSE" ? "is taken: stop what runs there (a `supabase start`?)" : `can't be used (${error.code}): stop what runs there`;
      reject(new Stop(`port ${port} ${reason}, or choose another with \`npm start -- --port 54421\``));
    });
    probe.listen(port, localHost, () => probe.close(resolve));
  });
}

/** The system's own tables, in the local D1. */
function applySystemMigrations() {
  const wrangler = ["d1", "migrations", "apply", "DB", "--local"];
  const done = attempt(npmProgram("wrangler"), wrangler, { cwd: root, env: { ...process.env, ...quiet } });
  if (!done.ok) throw new Stop(`the system's migrations could not be applied to the local database:\n${done.printed}`);
}

/**
 * Starts `wrangler dev`, silent until `show()`. It ends with this process: on a signal, or when `stop()` is called.
 * `said` holds what it printed, for when it does not come up.
 */
function serve(port) {
  const options = ["dev", "--ip", localHost, "--port", String(port), "--show-interactive-dev-session=false", "--env-file", demoVarsFile];
  const own = join(root, ".dev.vars");
  if (existsSync(own)) options.push("--env-file", own);
  const child = spawn(npmProgram("wrangler"), options, { cwd: root, env: { ...process.env, ...quiet }, stdio: ["ignore", "pipe", "pipe"] });

  const server = { said: "", shown: false, over: false, stopping: false };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      if (server.shown) process.stdout.write(data);
      else server.said += data;
    });
  }
  server.show = () => (server.shown = true);
  server.stop = () => {
    server.stopping = true;
    child.kill("SIGTERM");
  };
  server.ended = new Promise((resolve) => {
    child.on("exit", (code) => {
      server.over = true;
      if (code && !server.stopping) process.exitCode = 1;
      resolve();
    });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, server.stop);
  return server;
}

/** Waits until the Worker answers. */
async function healthy(url, server) {
  for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    if (server.over) throw new Stop(`the local server did not start:\n${server.said}`);
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    if (answer?.ok) return;
  }
  throw new Stop(`the local server is up but not healthy:\n${server.said}`);
}

function greet(url) {
  const { ANON_KEY, SERVICE_ROLE_KEY } = demoVars();
  console.log(`
  ${bold("Edgeward is running.")}

     app and API        ${bold(url)}
     anon key           ${ANON_KEY}
     service_role key   ${SERVICE_ROLE_KEY}

  ${dim("The keys are the Supabase CLI's demo keys: for this machine only.")}
  Apply your own migrations with ${bold("npm run db:push -- DIR")}. Stop with Ctrl-C.
`);
}
