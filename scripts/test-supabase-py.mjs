// The test suites of supabase-py's packages, unedited, against the Worker: the Python clients of auth, the data API and storage.
//
//   npm run test:supabase-py [-- OPTIONS OF PYTEST]
//
// SUPABASE_PY names a checkout of github.com/supabase/supabase-py; without it one is cloned into build/. Python 3.9 or newer makes
// an environment of its own there. The suites have their servers' ports written into them (3000, 9996 to 9999), which must be free.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { build } from "./build.mjs";
import { gotrueServers, serveUnder } from "./client-servers.mjs";
import { apply, post } from "./live-sql.mjs";
import { demoVars } from "./local.mjs";
import { run, runMain, say, Stop } from "./terminal.mjs";
import { root } from "./toolchain.mjs";

/** The state of the suites that the figures in docs/COMPAT.md are of. */
const repository = "https://github.com/supabase/supabase-py.git";
const commit = "602765fb";

/** What the suites need beside the packages themselves. */
const packages = ["pytest", "pytest-asyncio", "pytest-cov", "pytest-depends", "pytest-mock", "python-dotenv", "faker", "respx", "pyotp"];

const folder = join(root, "build", "supabase-py");

/** The suites: a package's folder, and how the servers are started that it asks. */
const suites = [
  { name: "postgrest", serve: servePostgrest },
  { name: "auth",      serve: serveAuth },
  { name: "storage",   serve: serveStorage },
];

await runMain(async () => {
  const copy = await copyOfCheckout();
  const python = await environment(copy);
  await build({ profile: "dev", features: ["fault-routes"], out: "build/test" });
  for (const { name, serve } of suites) {
    const { servers, variables = {} } = await serve(join(copy, name));
    try {
      await runSuite(python, name, join(copy, name), variables);
    } finally {
      await servers.dispose();
    }
  }
});

/** A fresh copy of the packages, since pytest writes beside them. */
async function copyOfCheckout() {
  const clone = process.env.SUPABASE_PY ?? join(folder, "checkout");
  if (!existsSync(clone)) {
    await run("git", ["clone", "--quiet", "--filter=blob:none", repository, clone], { why: "cloning supabase-py" });
    await run("git", ["-C", clone, "checkout", "--quiet", commit], { why: "checking out the suites" });
  }
  if (!existsSync(join(clone, "src", "auth", "tests"))) throw new Stop(`${clone} holds no checkout of supabase-py`);
  const copy = join(folder, "run");
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(clone, "src"), copy, { recursive: true });
  return copy;
}

/** A Python environment with the packages under test. Gives its interpreter. */
async function environment(copy) {
  const python = join(folder, "environment", "bin", "python");
  if (!existsSync(python)) await run("python3", ["-m", "venv", join(folder, "environment")], { why: "a Python environment" });
  say("installing the Python packages");
  const ours = ["auth", "functions", "postgrest", "realtime", "storage", "supabase"].map((name) => join(copy, name));
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages, ...ours], { why: "pip install" });
  return python;
}

/** A PostgREST alone, whose anonymous role may do everything. */
async function servePostgrest(suite) {
  const key = demoVars().SERVICE_ROLE_KEY;
  const vars = { EXPOSED_SCHEMAS: "public,personal", DB_PLAN_ENABLED: "true", DB_TX_END: "commit-allow-override" };
  const servers = await serveUnder("/rest/v1", [{ port: 3000, vars, headers: { apikey: key, authorization: `Bearer ${key}` } }]);
  await applyFile(servers.urls[0], join(suite, "infra", "init.sql"));
  return { servers };
}

async function serveAuth(suite) {
  return { servers: await serveUnder("/auth/v1", gotrueServers(join(suite, "infra", "docker-compose.yml"))) };
}

/** As the service role: the suite empties its buckets, which is that role's alone since storage 1.35. */
async function serveStorage(suite) {
  const { startWorker } = await import("../tests/e2e/worker.mjs");
  const worker = await startWorker({ vars: { RATE_LIMITS: "false" } });
  const migrations = join(suite, "infra", "supabase", "migrations");
  for (const file of readdirSync(migrations).sort()) await applyFile(worker.url, join(migrations, file));
  return { servers: worker, variables: { SUPABASE_TEST_URL: `${worker.url}/storage/v1/`, SUPABASE_TEST_KEY: demoVars().SERVICE_ROLE_KEY } };
}

async function applyFile(url, path) {
  const refused = await apply(readFileSync(path, "utf8"), (sql, version) => post(url, "migrations", { version, name: "suite", sql }));
  say(refused.length ? `${path}: ${refused.length} statements are refused:` : `${path} is applied whole`);
  for (const line of refused) console.log(`  ${line}`);
}

/** Not spawnSync: the Worker is this process' child, and whoever waits without reading its log stops it. */
async function runSuite(python, name, suite, variables) {
  const log = join(folder, `${name}.log`);
  const options = ["-m", "pytest", "tests", "--no-header", "--tb=short", "-rfEs", "-q", ...process.argv.slice(2)];
  say(`running the suite of ${name}`);
  const child = spawn(python, options, { cwd: suite, env: { ...process.env, ...variables }, stdio: ["ignore", openSync(log, "w"), "inherit"] });
  await once(child, "close");
  const lines = readFileSync(log, "utf8").trim().split("\n");
  for (const line of lines.filter((line) => /^(FAILED|ERROR|SKIPPED) /.test(line))) console.log(`  ${line}`);
  say(`${name}: ${lines.at(-1)} (${log})`);
  if (child.exitCode !== 0) process.exitCode = 1;
}
