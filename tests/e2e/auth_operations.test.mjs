// What an operator brings along or switches on: hashes of another server, Cloudflare's own mail, an audit log in R2. On the real
// Worker: the cipher is WebCrypto's, the mail goes through the binding, the log's object is in the bucket.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Log, LogLevel } from "miniflare";

import { backEnd, visitor } from "./project.mjs";
import { startWorker } from "./worker.mjs";

let worker;

/** What Miniflare says, such as the mails that its binding took. */
const said = [];

class Noted extends Log {
  log(message) {
    said.push(message);
  }
}

before(async () => {
  worker = await startWorker({
    vars: {
      RATE_LIMITS: "false",
      MAILER_AUTOCONFIRM: "false",
      MAIL_PROVIDER: "cloudflare",
      MAIL_FROM: "To-dos <todos@example.com>",
      MAILER_LANGUAGES: "de",
      MAILER_SUBJECTS_CONFIRMATION_DE: "Adresse bestätigen",
      AUDIT_LOG: "r2",
    },
    more: { log: new Noted(LogLevel.INFO), email: { send_email: [{ name: "MAIL" }] } },
  });
});

after(() => worker?.dispose());

/** Tries until it is there. */
async function eventually(find) {
  for (let tries = 0; tries < 50; tries += 1) {
    const found = await find();
    if (found) return found;
    await sleep(100);
  }
  throw new Error("it never came");
}

test("hashes of Firebase and of PBKDF2 sign in once and are argon2id from then on", async () => {
  const firebase =
    "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
  const pbkdf2 = "$pbkdf2-sha256$1000$c2FsdA$YywoEuRtRgQQK6dhjp1tfS.BKPYma0oDJk0qBGC33LM";
  const database = await worker.mf.getD1Database("DB");
  for (const [email, password, password_hash] of [["fire@example.com", "user1password", firebase], ["lib@example.com", "password", pbkdf2]]) {
    const { error } = await backEnd(worker.url).auth.admin.createUser({ email, password_hash, email_confirm: true });
    assert.equal(error, null);
    const wrong = await visitor(worker.url).auth.signInWithPassword({ email, password: "wrong" });
    assert.equal(wrong.error?.code, "invalid_credentials");
    for (const time of ["first", "second"]) {
      const right = await visitor(worker.url).auth.signInWithPassword({ email, password });
      assert.equal(right.error, null, `${email}, the ${time} time`);
    }
    const row = await database.prepare('SELECT encrypted_password FROM "auth.users" WHERE email = ?1').bind(email).first();
    assert.match(row.encrypted_password, /^\$argon2id\$/);
  }
});

test("mails go through the Worker's own binding, in their reader's language", async () => {
  const { error } = await visitor(worker.url).auth.signUp({ email: "ann@example.com", password: "correct horse battery", options: { data: { language: "de-AT" } } });
  assert.equal(error, null);
  await eventually(() => said.some((line) => line.includes("send_email binding called")));
  const log = said.join("\n");
  assert.match(log, /From: .*todos@example\.com/);
  assert.match(log, /To: ann@example\.com/);
  assert.match(log, /Subject: Adresse bestätigen/);
});

test("acts of a second are an object in R2", async () => {
  await visitor(worker.url).auth.signInWithPassword({ email: "nobody@example.com", password: "wrong" });
  const bucket = await worker.mf.getR2Bucket("BUCKET");
  const acts = await eventually(async () => {
    const { objects } = await bucket.list({ prefix: "audit/" });
    const texts = await Promise.all(objects.map(async ({ key }) => (await bucket.get(key)).text()));
    const lines = texts.flatMap((text) => text.trim().split("\n")).map((line) => JSON.parse(line).auth_audit_event);
    return lines.some((act) => act.actor_username === "nobody@example.com") && lines;
  });
  assert.ok(acts.some((act) => act.action === "login_failed" && act.audit_log_id));
});
