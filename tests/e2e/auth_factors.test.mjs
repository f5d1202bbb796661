// Second factors with the unmodified supabase-js on the real Worker, and what a person does with their sessions and data.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { backEnd, raw, signUp, visitor } from "./project.mjs";
import { startWorker } from "./worker.mjs";

let worker, url;

before(async () => {
  worker = await startWorker({ vars: { RATE_LIMITS: "false" } });
  url = worker.url;
});

after(() => worker?.dispose());

/** The data of an answer that must have gone well. */
function ok({ data, error }) {
  assert.equal(error, null, JSON.stringify(error));
  return data;
}

const stepOf = (time = Date.now()) => Math.floor(time / 30_000);

/** What an authenticator app shows (RFC 6238). */
function codeOf(secret, step = stepOf()) {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", key).update(counter).digest();
  const word = mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff;
  return String(word % 1_000_000).padStart(6, "0");
}

/** A code of the step before now. Not just before the next step begins: on arrival it would be two steps old. */
async function previousCodeOf(secret) {
  const left = 30_000 - (Date.now() % 30_000);
  if (left < 3000) await new Promise((resolve) => setTimeout(resolve, left));
  return codeOf(secret, stepOf() - 1);
}

/** A new user with a verified factor, whose code of the step before now is spent. */
async function withFactor(name) {
  const person = await signUp(url, name);
  const factor = ok(await person.client.auth.mfa.enroll({ factorType: "totp", friendlyName: "Phone" }));
  ok(await person.client.auth.mfa.challengeAndVerify({ factorId: factor.id, code: await previousCodeOf(factor.totp.secret) }));
  return { ...person, factor };
}

describe("an authenticator app", () => {
  test("is enrolled, verified, asked for, and given up", async () => {
    const { client, email, password } = await signUp(url, "ann");
    const { mfa } = client.auth;
    assert.deepEqual(ok(await mfa.listFactors()).all, []);
    assert.equal(ok(await mfa.getAuthenticatorAssuranceLevel()).nextLevel, "aal1");

    const factor = ok(await mfa.enroll({ factorType: "totp", friendlyName: "Phone", issuer: "Edgeward" }));
    assert.match(factor.totp.qr_code, /^data:image\/svg\+xml;utf-8,.*<svg .*<\/svg>$/s);
    assert.ok(!factor.totp.qr_code.includes("#"), "a browser would stop reading there");
    assert.equal(new URL(factor.totp.uri).searchParams.get("secret"), factor.totp.secret);
    assert.equal(ok(await mfa.listFactors()).all[0].status, "unverified");
    assert.equal(ok(await mfa.getAuthenticatorAssuranceLevel()).nextLevel, "aal1");

    const wrong = await mfa.challengeAndVerify({ factorId: factor.id, code: codeOf(factor.totp.secret, 1) });
    assert.deepEqual([wrong.error.status, wrong.error.code, wrong.error.message], [422, "mfa_verification_failed", "Invalid TOTP code entered"]);

    // The step before is good as well; the present one is kept for later.
    const code = await previousCodeOf(factor.totp.secret);
    const session = ok(await mfa.challengeAndVerify({ factorId: factor.id, code }));
    assert.equal(session.user.factors[0].status, "verified");
    const level = ok(await mfa.getAuthenticatorAssuranceLevel());
    assert.deepEqual([level.currentLevel, level.nextLevel], ["aal2", "aal2"]);
    assert.deepEqual(level.currentAuthenticationMethods.map(({ method }) => method), ["totp", "password"]);
    assert.equal(ok(await mfa.listFactors()).totp[0].id, factor.id);

    const replay = await mfa.challengeAndVerify({ factorId: factor.id, code });
    assert.equal(replay.error.code, "mfa_verification_failed");

    // Another device has the password only.
    const other = visitor(url);
    ok(await other.auth.signInWithPassword({ email, password }));
    const low = ok(await other.auth.mfa.getAuthenticatorAssuranceLevel());
    assert.deepEqual([low.currentLevel, low.nextLevel], ["aal1", "aal2"]);
    for (const refused of [
      await other.auth.updateUser({ password: "a new long password" }),
      await other.auth.mfa.enroll({ factorType: "totp", friendlyName: "Theirs" }),
      await other.auth.mfa.unenroll({ factorId: factor.id }),
    ]) {
      assert.equal(refused.error.code, "insufficient_aal");
    }
    const { id: challengeId } = ok(await other.auth.mfa.challenge({ factorId: factor.id }));
    ok(await other.auth.mfa.verify({ factorId: factor.id, challengeId, code: codeOf(factor.totp.secret) }));
    assert.equal(ok(await other.auth.mfa.getAuthenticatorAssuranceLevel()).currentLevel, "aal2");

    assert.equal(ok(await mfa.unenroll({ factorId: factor.id })).id, factor.id);
    ok(await client.auth.refreshSession());
    assert.equal(ok(await mfa.getAuthenticatorAssuranceLevel()).currentLevel, "aal1");
    assert.deepEqual(ok(await mfa.listFactors()).all, []);
  });

  test("ends the sessions that did not show it", async () => {
    const { client, email, password } = await signUp(url, "bea");
    const other = visitor(url);
    ok(await other.auth.signInWithPassword({ email, password }));
    const { id, totp } = ok(await client.auth.mfa.enroll({ factorType: "totp" }));
    ok(await client.auth.mfa.challengeAndVerify({ factorId: id, code: codeOf(totp.secret) }));
    ok(await client.auth.getUser());
    assert.equal((await other.auth.refreshSession()).error.code, "refresh_token_not_found");
  });

  test("is the administrator's to list and to remove", async () => {
    const { user, client, factor } = await withFactor("cas");
    const { mfa } = backEnd(url).auth.admin;
    assert.deepEqual(ok(await mfa.listFactors({ userId: user.id })).factors.map(({ id }) => id), [factor.id]);
    assert.equal(ok(await mfa.deleteFactor({ userId: user.id, id: factor.id })).data.id, factor.id);
    ok(await client.auth.refreshSession());
    assert.equal(ok(await client.auth.mfa.getAuthenticatorAssuranceLevel()).currentLevel, "aal1");
    assert.equal((await client.auth.admin.mfa.listFactors({ userId: user.id })).error.code, "not_admin");
  });

  test("phones and security keys are not enrolled yet, and say so", async () => {
    const { client } = await signUp(url, "dee");
    const phone = await client.auth.mfa.enroll({ factorType: "phone", phone: "+491511234567" });
    assert.deepEqual([phone.error.status, phone.error.code], [422, "mfa_phone_enroll_not_enabled"]);
    const key = await client.auth.mfa.enroll({ factorType: "webauthn", friendlyName: "Key" });
    assert.deepEqual([key.error.status, key.error.code], [422, "mfa_webauthn_enroll_not_enabled"]);
  });

  test("of twenty right answers at once one counts", async () => {
    const { session, factor } = await withFactor("eva");
    const token = session.access_token;
    const post = async (act, body) => raw(url, `/auth/v1/factors/${factor.id}/${act}`, { method: "POST", token, body: JSON.stringify(body) });
    const challenges = await Promise.all(Array.from({ length: 20 }, () => post("challenge", {})));
    const code = codeOf(factor.totp.secret);
    const answers = await Promise.all(challenges.map((challenge) => post("verify", { challenge_id: challenge.json().id, code })));
    const statuses = answers.map(({ status }) => status).sort();
    assert.equal(statuses.filter((status) => status === 200).length, 1, String(statuses));
    assert.ok(statuses.every((status) => [200, 409, 422, 429].includes(status)), String(statuses));
  });
});

describe("a person's own", () => {
  test("sessions are listed and ended one by one", async () => {
    const fay = await signUp(url, "fay");
    const other = visitor(url);
    ok(await other.auth.signInWithPassword({ email: fay.email, password: fay.password }));
    const token = fay.session.access_token;
    const { sessions } = (await raw(url, "/auth/v1/sessions", { token })).json();
    assert.equal(sessions.length, 2);
    assert.deepEqual(sessions.map(({ current }) => current).sort(), [false, true]);
    assert.ok(sessions.every(({ user_agent, created_at }) => user_agent && Date.parse(created_at)));

    const { id } = sessions.find(({ current }) => !current);
    assert.equal((await raw(url, `/auth/v1/sessions/${id}`, { method: "DELETE", token })).status, 204);
    assert.equal((await other.auth.refreshSession()).error.code, "refresh_token_not_found");
    ok(await fay.client.auth.getUser());
  });

  test("data is theirs to take and to erase", async () => {
    const gus = await signUp(url, "gus");
    const token = gus.session.access_token;
    const exported = await raw(url, "/auth/v1/user/export", { token });
    assert.equal(exported.json().user.email, gus.email);
    assert.doesNotMatch(exported.text, /argon2|hmac/);

    const erase = (body) => raw(url, "/auth/v1/user", { method: "DELETE", token, body: JSON.stringify(body) });
    assert.equal((await erase({ password: "wrong" })).json().error_code, "current_password_invalid");
    assert.equal((await erase({ password: gus.password })).status, 204);
    assert.equal((await raw(url, "/auth/v1/user", { token })).status, 403);
    const { error } = await visitor(url).auth.signInWithPassword({ email: gus.email, password: gus.password });
    assert.equal(error.code, "invalid_credentials");
  });
});
