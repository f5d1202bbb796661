// Codes and links by mail with the unmodified supabase-js on the real Worker, read in the local mailbox.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { createClient } from "@supabase/supabase-js";

import { backEnd, raw, visitor } from "./project.mjs";
import { startWorker } from "./worker.mjs";

const password = "a long enough password";
const site = "http://127.0.0.1:3000";

let worker, url;

before(async () => {
  worker = await startWorker({
    vars: {
      RATE_LIMITS: "false",
      MAILER_AUTOCONFIRM: "false",
      SMTP_MAX_FREQUENCY: "0",
      EXTERNAL_ANONYMOUS_USERS_ENABLED: "true",
      URI_ALLOW_LIST: "https://app.example.com/**",
    },
  });
  url = worker.url;
});

after(() => worker?.dispose());

/** The data of an answer that must have gone well. */
function ok({ data, error }) {
  assert.equal(error, null, JSON.stringify(error));
  return data;
}

/** The newest mail to an address, with its code and its link. */
async function mailTo(email) {
  const found = await (await fetch(`${url}/api/v1/search?query=${encodeURIComponent(`to:"${email}"`)}`)).json();
  assert.ok(found.messages.length, `a mail to ${email}`);
  const mail = await (await fetch(`${url}/api/v1/message/${found.messages[0].ID}`)).json();
  return { subject: mail.Subject, code: /\b\d{6}\b/.exec(mail.Text)[0], link: /http\S+verify\?\S+/.exec(mail.Text)?.[0] };
}

/** Where a link leads. */
async function follow(link) {
  const answer = await fetch(link, { redirect: "manual" });
  assert.equal(answer.status, 303, await answer.text());
  return new URL(answer.headers.get("location"));
}

const fragment = (target) => new URLSearchParams(target.hash.slice(1));

/** Takes the tokens of a followed link, as the browser's client does. */
async function signInWith(client, target) {
  const members = fragment(target);
  assert.equal(members.get("error"), null, target.href);
  return ok(await client.auth.setSession({ access_token: members.get("access_token"), refresh_token: members.get("refresh_token") }));
}

/** Someone whose browser keeps a PKCE verifier. */
function pkceVisitor() {
  return createClient(url, worker.vars.ANON_KEY, { auth: { flowType: "pkce", persistSession: false, autoRefreshToken: false } });
}

/** A confirmed account, signed in. */
async function account(name) {
  const email = `${name}@example.com`;
  ok(await backEnd(url).auth.admin.createUser({ email, password, email_confirm: true }));
  const client = visitor(url);
  ok(await client.auth.signInWithPassword({ email, password }));
  return { client, email };
}

describe("signing up", () => {
  test("is confirmed by the code", async () => {
    const client = visitor(url);
    const { user, session } = ok(await client.auth.signUp({ email: "ann@example.com", password, options: { data: { name: "Ann" } } }));
    assert.equal(session, null);
    assert.equal(user.identities.length, 1);
    const early = await client.auth.signInWithPassword({ email: "ann@example.com", password });
    assert.equal(early.error.code, "email_not_confirmed");
    const { code } = await mailTo("ann@example.com");
    const wrong = await client.auth.verifyOtp({ type: "email", email: "ann@example.com", token: code === "000000" ? "000001" : "000000" });
    assert.equal(wrong.error.code, "otp_expired");
    const verified = ok(await client.auth.verifyOtp({ type: "email", email: "ann@example.com", token: code }));
    assert.equal(verified.user.user_metadata.name, "Ann");
    assert.ok(ok(await client.auth.getUser()).user.email_confirmed_at);
    const again = await visitor(url).auth.verifyOtp({ type: "email", email: "ann@example.com", token: code });
    assert.equal(again.error.status, 403);
  });

  test("is confirmed by the link, which leads where the app asked", async () => {
    const client = visitor(url);
    const emailRedirectTo = "https://app.example.com/welcome?plan=pro";
    ok(await client.auth.signUp({ email: "bob@example.com", password, options: { emailRedirectTo } }));
    const target = await follow((await mailTo("bob@example.com")).link);
    assert.equal(target.origin + target.pathname + target.search, emailRedirectTo);
    const { user } = await signInWith(client, target);
    assert.equal(user.email, "bob@example.com");
    ok(await client.auth.signInWithPassword({ email: "bob@example.com", password }));
  });

  test("sends the mail again when asked", async () => {
    const client = visitor(url);
    ok(await client.auth.signUp({ email: "cat@example.com", password }));
    const first = await mailTo("cat@example.com");
    ok(await client.auth.resend({ type: "signup", email: "cat@example.com" }));
    const second = await mailTo("cat@example.com");
    const expired = await follow(first.link);
    assert.equal(fragment(expired).get("error_code"), "otp_expired");
    ok(await client.auth.verifyOtp({ type: "signup", email: "cat@example.com", token: second.code }));
  });
});

describe("signing in without a password", () => {
  test("by code and by link", async () => {
    const { email } = await account("otp");
    for (const way of ["code", "link"]) {
      const client = visitor(url);
      ok(await client.auth.signInWithOtp({ email }));
      const mail = await mailTo(email);
      if (way === "code") ok(await client.auth.verifyOtp({ type: "email", email, token: mail.code }));
      else await signInWith(client, await follow(mail.link));
      assert.equal(ok(await client.auth.getUser()).user.email, email);
    }
  });

  test("makes an account, unless that is not wanted", async () => {
    const client = visitor(url);
    const refused = await client.auth.signInWithOtp({ email: "new@example.com", options: { shouldCreateUser: false } });
    assert.equal(refused.error.code, "otp_disabled");
    ok(await client.auth.signInWithOtp({ email: "new@example.com" }));
    const { code } = await mailTo("new@example.com");
    const { user } = ok(await client.auth.verifyOtp({ type: "email", email: "new@example.com", token: code }));
    assert.ok(user.email_confirmed_at);
  });

  test("by a PKCE link, in the browser that asked", async () => {
    const { email } = await account("pkce");
    const [asking, other] = [pkceVisitor(), pkceVisitor()];
    ok(await asking.auth.signInWithOtp({ email }));
    const target = await follow((await mailTo(email)).link);
    const code = target.searchParams.get("code");
    assert.ok(code, target.href);
    assert.equal(target.hash, "");
    assert.notEqual((await other.auth.exchangeCodeForSession(code)).error, null);
    const { user } = ok(await asking.auth.exchangeCodeForSession(code));
    assert.equal(user.email, email);
    const spent = await raw(url, "/auth/v1/token?grant_type=pkce", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ auth_code: code, code_verifier: "x".repeat(50) }),
    });
    assert.equal(spent.status, 404);
  });
});

test("a forgotten password is replaced", async () => {
  const { email } = await account("forgetful");
  const client = visitor(url);
  ok(await client.auth.resetPasswordForEmail(email));
  await signInWith(client, await follow((await mailTo(email)).link));
  ok(await client.auth.updateUser({ password: "another long password" }));
  ok(await visitor(url).auth.signInWithPassword({ email, password: "another long password" }));
  const { data, error } = await client.auth.resetPasswordForEmail("nobody@example.com");
  assert.deepEqual([data, error], [{}, null], "nobody is told whether there is such an account");
});

test("an address changes once both mailboxes agree", async () => {
  const { client, email } = await account("mover");
  const { user } = ok(await client.auth.updateUser({ email: "moved@example.com" }));
  assert.deepEqual([user.email, user.new_email], [email, "moved@example.com"]);
  const half = await follow((await mailTo(email)).link);
  assert.match(fragment(half).get("message"), /confirm link sent to the other email/);
  assert.equal(ok(await client.auth.getUser()).user.email, email);
  const { code } = await mailTo("moved@example.com");
  ok(await visitor(url).auth.verifyOtp({ type: "email_change", email: "moved@example.com", token: code }));
  assert.equal(ok(await client.auth.getUser()).user.email, "moved@example.com");
  ok(await visitor(url).auth.signInWithPassword({ email: "moved@example.com", password }));
});

test("an anonymous user becomes a permanent one", async () => {
  const client = visitor(url);
  const { user } = ok(await client.auth.signInAnonymously({ options: { data: { theme: "dark" } } }));
  assert.equal(user.is_anonymous, true);
  ok(await client.auth.updateUser({ email: "somebody@example.com" }));
  const { code } = await mailTo("somebody@example.com");
  const { user: known } = ok(await client.auth.verifyOtp({ type: "email_change", email: "somebody@example.com", token: code }));
  assert.deepEqual([known.id, known.is_anonymous, known.user_metadata.theme], [user.id, false, "dark"]);
  ok(await client.auth.updateUser({ password }));
  ok(await visitor(url).auth.signInWithPassword({ email: "somebody@example.com", password }));
});

test("a code shows that it is still the same person", async () => {
  const { client, email } = await account("careful");
  ok(await client.auth.reauthenticate());
  const { code, subject, link } = await mailTo(email);
  assert.equal(subject, `${code} is your code`);
  assert.equal(link, undefined);
  ok(await client.auth.updateUser({ password: "another long password", nonce: code }));
});

test("an administrator invites, and makes links", async () => {
  const admin = backEnd(url).auth.admin;
  const { user } = ok(await admin.inviteUserByEmail("guest@example.com", { data: { team: "red" } }));
  assert.ok(user.invited_at);
  const mail = await mailTo("guest@example.com");
  assert.equal(mail.subject, "You are invited");
  const guest = visitor(url);
  assert.equal((await signInWith(guest, await follow(mail.link))).user.user_metadata.team, "red");

  const link = ok(await admin.generateLink({ type: "magiclink", email: "guest@example.com" }));
  assert.equal(link.properties.redirect_to, site);
  const byHash = ok(await visitor(url).auth.verifyOtp({ type: "magiclink", token_hash: link.properties.hashed_token }));
  assert.equal(byHash.user.id, user.id);
});

describe("at the same moment", () => {
  test("of many uses of one code one succeeds", async () => {
    const { email } = await account("racer");
    ok(await visitor(url).auth.signInWithOtp({ email }));
    const { code } = await mailTo(email);
    const use = () => visitor(url).auth.verifyOtp({ type: "email", email, token: code });
    const answers = await Promise.all(Array.from({ length: 50 }, use));
    const statuses = answers.map(({ error }) => error?.status ?? 200);
    assert.equal(statuses.filter((status) => status === 200).length, 1, statuses.join());
    // Whoever comes after ten wrong codes were counted has to wait; how many do is the machine's to say.
    assert.ok(statuses.every((status) => [200, 403, 429].includes(status)), statuses.join());
    if (statuses.includes(429)) assert.ok(statuses.filter((status) => status === 403).length >= 10, statuses.join());
  });

  test("of many exchanges of one PKCE code one succeeds", async () => {
    const { email } = await account("pkce.racer");
    const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const post = (path, body) =>
      raw(url, path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const challenge = { code_challenge: verifier, code_challenge_method: "plain" };
    assert.equal((await post("/auth/v1/otp", { email, ...challenge })).status, 200);
    const auth_code = (await follow((await mailTo(email)).link)).searchParams.get("code");
    const exchange = () => post("/auth/v1/token?grant_type=pkce", { auth_code, code_verifier: verifier });
    const statuses = (await Promise.all(Array.from({ length: 50 }, exchange))).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 200).length, 1, statuses.join());
    assert.ok(statuses.every((status) => [200, 404].includes(status)), statuses.join());
  });

  test("of many sign-ups of one address all wait for the same account", async () => {
    const email = "popular@example.com";
    const answers = await Promise.all(Array.from({ length: 10 }, () => visitor(url).auth.signUp({ email, password })));
    const went = answers.filter(({ error }) => error === null);
    assert.ok(went.length >= 1);
    assert.ok(answers.every(({ error }) => error === null || error.status === 429), JSON.stringify(answers.map(({ error }) => error)));
    assert.equal(new Set(went.map(({ data }) => data.user.id)).size, 1);
    const { code } = await mailTo(email);
    ok(await visitor(url).auth.verifyOtp({ type: "signup", email, token: code }));
  });
});

test("the mailbox is a page", async () => {
  const page = await fetch(`${url}/mailbox`);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /Confirm your address/);
});
