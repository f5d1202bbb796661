// Other people's apps, which are openid-client, sign in with accounts of a project whose page is supabase-js, on the real Worker.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { createClient } from "@supabase/supabase-js";
import * as oauth from "openid-client";

import { demoVars } from "../../scripts/local.mjs";
import { backEnd, raw, signUp } from "./project.mjs";
import { startWorker } from "./worker.mjs";

const { ANON_KEY, SERVICE_ROLE_KEY } = demoVars();
const callback = "http://127.0.0.1:7777/callback";
const page = "http://127.0.0.1:3000/oauth/consent";
const execute = [oauth.allowInsecureRequests];

let worker, url, ann;

/** The data of an answer that must have gone well. */
function ok({ data, error }) {
  assert.equal(error, null, JSON.stringify(error));
  return data;
}

before(async () => {
  const key = { ...generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }), kid: "first", alg: "ES256", key_ops: ["sign", "verify"] };
  worker = await startWorker({
    vars: {
      RATE_LIMITS: "false",
      JWT_KEYS: JSON.stringify([key]),
      OAUTH_SERVER_ENABLED: "true",
      OAUTH_SERVER_ALLOW_DYNAMIC_REGISTRATION: "true",
      OAUTH_SERVER_AUTHORIZATION_PATH: "/oauth/consent",
    },
  });
  url = worker.url;
  ann = await signUp(url, "ann");
  const sql = `
    CREATE TABLE notes (id int PRIMARY KEY, body text NOT NULL);
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY "not for apps" ON notes FOR SELECT TO authenticated USING ((auth.jwt() ->> 'client_id') IS NULL);
    INSERT INTO notes VALUES (1, 'private');`;
  const body = JSON.stringify({ version: "20260101000000", name: "notes", sql });
  assert.equal((await raw(url, "/admin/v1/migrations", { key: SERVICE_ROLE_KEY, method: "POST", body })).status, 200);
});

after(() => worker?.dispose());

/** openid-client, set up from the discovery document. */
async function appOf(registered) {
  const proof = registered.client_secret ? oauth.ClientSecretBasic(registered.client_secret) : oauth.None();
  const app = await oauth.discovery(new URL(`${url}/auth/v1`), registered.client_id, undefined, proof, { execute });
  oauth.enableNonRepudiationChecks(app);
  return app;
}

/** Sends a browser off to the project's page; what the page is asked, and what the app has to remember. */
async function depart(app, scope = "openid email profile") {
  const checks = { pkceCodeVerifier: oauth.randomPKCECodeVerifier(), expectedState: oauth.randomState(), expectedNonce: oauth.randomNonce() };
  const start = oauth.buildAuthorizationUrl(app, {
    redirect_uri: callback,
    scope,
    state: checks.expectedState,
    ...(scope.includes("openid") ? { nonce: checks.expectedNonce } : {}),
    code_challenge: await oauth.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  if (!scope.includes("openid")) delete checks.expectedNonce;
  const answer = await fetch(start, { redirect: "manual" });
  assert.equal(answer.status, 302, await answer.text());
  const shown = new URL(answer.headers.get("location"));
  assert.equal(shown.origin + shown.pathname, page);
  return { id: shown.searchParams.get("authorization_id"), checks };
}

async function signIn(app, user, scope) {
  const { id, checks } = await depart(app, scope);
  const seen = ok(await user.client.auth.oauth.getAuthorizationDetails(id));
  const { redirect_url: back } = seen.redirect_url ? seen : ok(await user.client.auth.oauth.approveAuthorization(id, { skipBrowserRedirect: true }));
  return oauth.authorizationCodeGrant(app, new URL(back), checks);
}

describe("an app", () => {
  test("of an administrator signs in, learns who it is, and refreshes", async () => {
    const admin = backEnd(url).auth.admin.oauth;
    const registered = ok(await admin.createClient({ client_name: "Calendar", redirect_uris: [callback] }));
    assert.equal(ok(await admin.listClients()).clients.length, 1);
    const app = await appOf(registered);
    const { id } = await depart(app);
    const asked = ok(await ann.client.auth.oauth.getAuthorizationDetails(id));
    assert.deepEqual([asked.client.name, asked.user.email, asked.scope], ["Calendar", ann.email, "openid email profile"]);
    const denied = new URL(ok(await ann.client.auth.oauth.denyAuthorization(id, { skipBrowserRedirect: true })).redirect_url);
    assert.equal(denied.searchParams.get("error"), "access_denied");

    const tokens = await signIn(app, ann);
    const { sub, email, email_verified: isVerified } = tokens.claims();
    assert.deepEqual([sub, email, isVerified], [ann.user.id, ann.email, true]);
    const profile = await oauth.fetchUserInfo(app, tokens.access_token, sub);
    assert.deepEqual([profile.email, profile.name], [ann.email, ann.email]);
    const next = await oauth.refreshTokenGrant(app, tokens.refresh_token);
    assert.notEqual(next.refresh_token, tokens.refresh_token);
    assert.equal(JSON.parse(atob(next.access_token.split(".")[1])).client_id, registered.client_id);

    // What it may read is for the policies to say.
    const data = createClient(url, ANON_KEY, { accessToken: async () => next.access_token });
    assert.deepEqual(ok(await data.from("notes").select()), []);
    assert.deepEqual(ok(await ann.client.from("notes").select()), [{ id: 1, body: "private" }]);

    const renewed = ok(await admin.regenerateClientSecret(registered.client_id));
    await assert.rejects(oauth.refreshTokenGrant(app, next.refresh_token), { error: "invalid_client" });
    await oauth.refreshTokenGrant(await appOf(renewed), next.refresh_token);
    ok(await admin.deleteClient(registered.client_id));
    assert.equal((await admin.getClient(registered.client_id)).error.status, 404);
  });

  test("that registers itself is granted, and loses what it has when the user takes it back", async () => {
    const metadata = { client_name: "Agent", redirect_uris: [callback], token_endpoint_auth_method: "none" };
    const registered = await oauth.dynamicClientRegistration(new URL(`${url}/auth/v1`), metadata, undefined, { execute });
    const app = await appOf(registered.clientMetadata());
    const tokens = await signIn(app, ann, "email");
    assert.equal(tokens.id_token, undefined);
    await signIn(app, ann, "email");
    const grants = ok(await ann.client.auth.oauth.listGrants());
    assert.deepEqual(grants.map(({ client, scopes }) => [client.name, scopes]), [["Agent", ["email"]]]);
    ok(await ann.client.auth.oauth.revokeGrant({ clientId: registered.clientMetadata().client_id }));
    await assert.rejects(oauth.refreshTokenGrant(app, tokens.refresh_token), { error: "invalid_grant" });
    assert.deepEqual(ok(await ann.client.auth.oauth.listGrants()), []);
    assert.ok(ok(await ann.client.auth.getUser()).user);
  });

  test("with a secret registers itself as RFC 7591 has it, and a stolen code is worth nothing to it", async () => {
    const registered = await oauth.dynamicClientRegistration(new URL(`${url}/auth/v1`), { redirect_uris: [callback] }, undefined, { execute });
    const app = await appOf(registered.clientMetadata());
    const { id, checks } = await depart(app);
    ok(await ann.client.auth.oauth.getAuthorizationDetails(id));
    const back = new URL(ok(await ann.client.auth.oauth.approveAuthorization(id, { skipBrowserRedirect: true })).redirect_url);
    const thief = { ...checks, pkceCodeVerifier: oauth.randomPKCECodeVerifier() };
    await assert.rejects(oauth.authorizationCodeGrant(app, back, thief), { error: "invalid_grant" });
    const once = await oauth.authorizationCodeGrant(app, back, checks);
    assert.ok(once.id_token);
    await assert.rejects(oauth.authorizationCodeGrant(app, back, checks), { error: "invalid_grant" });
    const document = await raw(url, "/.well-known/oauth-authorization-server/auth/v1");
    assert.equal(document.json().registration_endpoint, `${url}/auth/v1/oauth/clients/register`);
  });
});
