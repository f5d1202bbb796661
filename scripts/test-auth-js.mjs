// Runs auth-js' own test suites, unedited: the default one against the Worker at the Supabase CLI's address, and the one for four
// servers of different settings, each a Worker of its own. With options only the default one runs.
//
//   npm run test:auth-js [-- FILES OR OPTIONS OF JEST]
//
// AUTH_JS names a checkout of github.com/supabase/supabase-js; without it one is cloned into build/. The Worker has the settings of
// the suite's config.toml and signs with the key pair that the suite generates.

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { build } from "./build.mjs";
import { buildExample } from "./build-example.mjs";
import { gotrueServers, serveUnder } from "./client-servers.mjs";
import { checkout, copyOf, folderOf, install, runJest } from "./client-suite.mjs";
import { localPort } from "./local.mjs";
import { run, runMain, say } from "./terminal.mjs";

/** The suite's test/supabase/config.toml, in our names. Its rate limits are raised beyond what it asks. */
const settings = {
  SITE_URL: "http://127.0.0.1:3000",
  URI_ALLOW_LIST: "https://127.0.0.1:3000,http://localhost:5173",
  MAILER_AUTOCONFIRM: "true",
  SMTP_MAX_FREQUENCY: "1",
  EXTERNAL_ANONYMOUS_USERS_ENABLED: "true",
  EXTERNAL_PHONE_ENABLED: "true",
  SMS_AUTOCONFIRM: "true",
  SMS_MAX_FREQUENCY: "1",
  SMS_TEST_OTP: "1234567890:123456",
  MFA_PHONE_ENROLL_ENABLED: "true",
  MFA_PHONE_VERIFY_ENABLED: "true",
  MFA_PHONE_MAX_FREQUENCY: "1",
  MFA_WEB_AUTHN_ENROLL_ENABLED: "true",
  MFA_WEB_AUTHN_VERIFY_ENABLED: "true",
  PASSKEY_ENABLED: "true",
  WEBAUTHN_RP_ID: "localhost",
  WEBAUTHN_RP_DISPLAY_NAME: "auth-js tests",
  WEBAUTHN_RP_ORIGINS: "http://localhost:5173",
  SMS_MAILBOX: "false",
  OAUTH_SERVER_ENABLED: "true",
  OAUTH_SERVER_ALLOW_DYNAMIC_REGISTRATION: "true",
  OAUTH_SERVER_AUTHORIZATION_PATH: "/oauth/consent",
  EXTERNAL_GOOGLE_ENABLED: "true",
  EXTERNAL_GOOGLE_SECRET: "env(SUPABASE_AUTH_EXTERNAL_GOOGLE_SECRET)",
  EXTERNAL_GOOGLE_SKIP_NONCE_CHECK: "true",
  RATE_LIMITS: "false",
};

const packages = ["jest@30.4.2", "jest-environment-jsdom@30.4.1", "ts-jest@29.4.9", "typescript@5.8.3", "tslib@2.8.1", "prettier@2.8.8", "@faker-js/faker@9.9.0", "jest-mock-server@0.1.0", "jsonwebtoken@9.0.2", "@types/jest@30.0.0", "@types/node@24"];

const name = "auth-js";

await runMain(async () => {
  const suite = await checkout({ name, variable: "AUTH_JS", proof: "passkey.e2e.test.ts" });
  await install(name, packages);
  const copy = copyOf(name, suite);
  await run(process.execPath, [join(copy, "test", "generate-signing-keys.js")], { cwd: copy, why: "the suite's signing keys" });
  const keys = readFileSync(join(copy, "test", "supabase", "signing_keys.json"), "utf8");
  await build({ profile: "dev", features: ["fault-routes"], out: "build/test" });
  await buildExample();
  const { startWorker } = await import("../tests/e2e/worker.mjs");
  const worker = await startWorker({ vars: { ...settings, EXTERNAL_GOOGLE_CLIENT_ID: googleClient(copy), JWT_KEYS: keys }, port: localPort });
  try {
    report(await runSuite(copy, ["<rootDir>/test/*.test.ts", "<rootDir>/test/lib/*.test.ts"], process.argv.slice(2)));
  } finally {
    await worker.dispose();
  }
  if (process.argv.length > 2) return;
  const servers = await serveUnder("/auth/v1", gotrueServers(join(suite, "infra", "docker-compose.yml")));
  try {
    report(await runSuite(copy, ["<rootDir>/test/docker-tests/*.test.ts"], []));
  } finally {
    await servers.dispose();
  }
});

async function runSuite(copy, testMatch, options) {
  const prettierPath = join(folderOf(name), "node_modules", "prettier");
  return runJest(name, copy, { config: { testMatch, silent: true, prettierPath }, options });
}

/** The client id that the suite's config.toml has for Google. */
function googleClient(copy) {
  const config = readFileSync(join(copy, "test", "supabase", "config.toml"), "utf8");
  return /\[auth\.external\.google\][^[]*?client_id = "([^"]+)"/.exec(config)?.[1];
}

/** Prints the figures of each file, the names of the tests that fail, and the sums. */
function report({ files, log }) {
  const sum = { passed: 0, all: 0 };
  const failed = [];
  for (const { name, assertionResults, message } of files) {
    const passed = assertionResults.filter(({ status }) => status === "passed").length;
    sum.passed += passed;
    sum.all += assertionResults.length;
    console.log(`  ${String(passed).padStart(3)} of ${String(assertionResults.length).padStart(3)}  ${basename(name)}`);
    if (!assertionResults.length) failed.push(`${basename(name)} did not run: ${message.slice(0, 300)}`);
    const names = assertionResults.filter(({ status }) => status !== "passed").map(({ fullName }) => fullName);
    failed.push(...names.map((fullName) => `${basename(name, ".test.ts")}: ${fullName}`));
  }
  for (const name of failed) console.log(`  failed  ${name}`);
  say(`${sum.passed} of ${sum.all} tests pass; what the others say is in ${log}`);
  if (failed.length) process.exitCode = 1;
}
