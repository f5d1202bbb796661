// Signing in through a real OpenID server, with the unmodified supabase-js on the real Worker; and with passkeys in a real browser.

import assert from "node:assert/strict";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { createClient } from "@supabase/supabase-js";
import Provider from "oidc-provider";
import { chromium } from "playwright-core";

import { browserPath } from "../../scripts/browser.mjs";
import { demoVars, localHost } from "../../scripts/local.mjs";
import { backEnd, raw, signUp } from "./project.mjs";
import { startWorker } from "./worker.mjs";

const { ANON_KEY, SERVICE_ROLE_KEY } = demoVars();
const app = "http://127.0.0.1:3000/in";

let identity, worker, url;

/** The data of an answer that must have gone well. */
function ok({ data, error }) {
  assert.equal(error, null, JSON.stringify(error));
  return data;
}

/** An OpenID server where everyone who says a name is that person. Its paths are Keycloak's, so that it can be taken for one. */
async function startIdentityServer() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, localHost, resolve));
  const issuer = `http://${localHost}:${server.address().port}`;
  const path = (name) => `/protocol/openid-connect/${name}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "our-id", client_secret: "our secret", redirect_uris: ["http://127.0.0.1/auth/v1/callback"], grant_types: ["authorization_code"] }],
    routes: { authorization: path("auth"), token: path("token"), userinfo: path("userinfo"), jwks: path("certs") },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
    conformIdTokenClaims: false,
    jwks: { keys: [{ ...generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }), kid: "first", use: "sig", alg: "ES256" }] },
    clientDefaults: { id_token_signed_response_alg: "ES256" },
    cookies: { keys: ["for the tests"] },
    pkce: { required: (_, client) => client.clientId === "strict-id" },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@work.example`, email_verified: id !== "unverified", name: id.toUpperCase(), groups: ["staff"] }),
    }),
  });
  // The Worker's port is known only later; on loopback any port will do.
  provider.Client.prototype.redirectUriAllowed = (uri) => new URL(uri).pathname === "/auth/v1/callback" && new URL(uri).hostname === localHost;
  server.on("request", provider.callback());
  return { issuer, dispose: () => new Promise((resolve) => server.close(resolve)) };
}

/** A browser without pages: follows redirects, keeps cookies, signs in with a name wherever it is asked and agrees to everything. */
async function browse(start, name) {
  const cookies = new Map();
  let next = { url: start };
  for (let step = 0; step < 20; step += 1) {
    if (next.url.startsWith(app)) return new URL(next.url);
    const origin = new URL(next.url).origin;
    const jar = cookies.get(origin) ?? new Map();
    cookies.set(origin, jar);
    const headers = { cookie: [...jar].map(([key, value]) => `${key}=${value}`).join("; "), ...next.headers };
    const answer = await fetch(next.url, { method: next.method, body: next.body, headers, redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) {
      const [, key, value] = /^([^=]+)=([^;]*)/.exec(line);
      jar.set(key, value);
    }
    const location = answer.headers.get("location");
    if (location) {
      next = { url: new URL(location, next.url).href };
      continue;
    }
    const page = await answer.text();
    const form = /<form[^>]*action="([^"]+)"/.exec(page);
    assert.ok(form, `${answer.status} ${next.url}: ${page.slice(0, 400)}`);
    const prompt = /name="prompt" value="(\w+)"/.exec(page)[1];
    const body = new URLSearchParams(prompt === "login" ? { prompt, login: name, password: "x" } : { prompt });
    next = { url: new URL(form[1], next.url).href, method: "POST", body, headers: { "content-type": "application/x-www-form-urlencoded" } };
  }
  throw new Error("too many redirects");
}

/** supabase-js as in a browser, with a storage of its own. */
function client(flowType) {
  const items = new Map();
  const storage = { getItem: (key) => items.get(key) ?? null, setItem: (key, value) => items.set(key, value), removeItem: (key) => items.delete(key) };
  return createClient(url, ANON_KEY, { auth: { flowType, storage, autoRefreshToken: false, detectSessionInUrl: false } });
}

before(async () => {
  identity = await startIdentityServer();
  worker = await startWorker({
    vars: {
      RATE_LIMITS: "false",
      MAILER_AUTOCONFIRM: "false",
      EXTERNAL_KEYCLOAK_ENABLED: "true",
      EXTERNAL_KEYCLOAK_CLIENT_ID: "our-id",
      EXTERNAL_KEYCLOAK_SECRET: "our secret",
      EXTERNAL_KEYCLOAK_URL: identity.issuer,
      CUSTOM_OAUTH_ALLOW_LOOPBACK: "true",
      SECURITY_MANUAL_LINKING_ENABLED: "true",
    },
  });
  url = worker.url;
});

after(async () => {
  await worker?.dispose();
  await identity?.dispose();
});

describe("an OpenID server", () => {
  test("signs people in by code (PKCE), with its tokens", async () => {
    const supabase = client("pkce");
    const { url: start } = ok(await supabase.auth.signInWithOAuth({ provider: "keycloak", options: { redirectTo: app, scopes: "openid,email", skipBrowserRedirect: true } }));
    const end = await browse(start, "ann");
    const code = end.searchParams.get("code");
    assert.ok(code, end.href);
    const { session, user } = ok(await supabase.auth.exchangeCodeForSession(code));
    assert.equal(user.email, "ann@work.example");
    assert.deepEqual(user.app_metadata, { provider: "keycloak", providers: ["keycloak"] });
    assert.ok(session.provider_token);
    // The provider's token is good at the provider.
    const profile = await fetch(`${identity.issuer}/protocol/openid-connect/userinfo`, { headers: { authorization: `Bearer ${session.provider_token}` } });
    assert.equal((await profile.json()).sub, "ann");
    assert.deepEqual(ok(await supabase.auth.getUser()).user.identities[0].identity_data.custom_claims, { groups: ["staff"] });
    assert.equal((await client("pkce").auth.exchangeCodeForSession(code)).data.session, null);
    assert.ok(ok(await supabase.auth.refreshSession()).session);
  });

  test("signs people in by fragment", async () => {
    const supabase = client("implicit");
    const { url: start } = ok(await supabase.auth.signInWithOAuth({ provider: "keycloak", options: { redirectTo: app, scopes: "openid,email", skipBrowserRedirect: true } }));
    const members = new URLSearchParams((await browse(start, "bob")).hash.slice(1));
    const tokens = { access_token: members.get("access_token"), refresh_token: members.get("refresh_token") };
    assert.equal(ok(await supabase.auth.setSession(tokens)).user.email, "bob@work.example");
    assert.ok(members.get("provider_token"));
  });

  test("vouches for nobody it has not verified", async () => {
    const supabase = client("pkce");
    const { url: start } = ok(await supabase.auth.signInWithOAuth({ provider: "keycloak", options: { redirectTo: app, scopes: "openid,email", skipBrowserRedirect: true } }));
    const end = await browse(start, "unverified");
    assert.equal(end.searchParams.get("error_code"), "provider_email_needs_verification");
  });

  test("is added by an administrator, and its id tokens are verified with its keys", async () => {
    const body = JSON.stringify({
      provider_type: "oidc", identifier: "custom:work", name: "Work", client_id: "our-id", client_secret: "our secret",
      issuer: identity.issuer, scopes: ["openid", "email", "profile"], custom_claims_allowlist: ["groups"],
    });
    const headers = { "content-type": "application/json" };
    const created = await raw(url, "/auth/v1/admin/custom-providers", { key: SERVICE_ROLE_KEY, method: "POST", body, headers });
    assert.equal(created.status, 201, created.text);
    const supabase = client("pkce");
    const { url: start } = ok(await supabase.auth.signInWithOAuth({ provider: "custom:work", options: { redirectTo: app, skipBrowserRedirect: true } }));
    const { user } = ok(await supabase.auth.exchangeCodeForSession((await browse(start, "cid")).searchParams.get("code")));
    assert.equal(user.email, "cid@work.example");
    const data = user.identities[0].identity_data;
    assert.deepEqual([data.iss, data.name, data.custom_claims], [identity.issuer, "CID", { groups: ["staff"] }]);
    // The same person by the other way in is the same user: the address is verified.
    const again = client("pkce");
    const other = ok(await again.auth.signInWithOAuth({ provider: "keycloak", options: { redirectTo: app, scopes: "openid,email", skipBrowserRedirect: true } }));
    const joined = ok(await again.auth.exchangeCodeForSession((await browse(other.url, "cid")).searchParams.get("code")));
    assert.equal(joined.user.id, user.id);
    assert.deepEqual(joined.user.app_metadata.providers, ["custom:work", "keycloak"]);
  });

  test("is linked to an account, and unlinked", async () => {
    const admin = backEnd(url).auth.admin;
    const password = randomUUID();
    ok(await admin.createUser({ email: "dan@example.com", password, email_confirm: true }));
    const supabase = client("pkce");
    ok(await supabase.auth.signInWithPassword({ email: "dan@example.com", password }));
    const { url: start } = ok(await supabase.auth.linkIdentity({ provider: "keycloak", options: { redirectTo: app, scopes: "openid,email", skipBrowserRedirect: true } }));
    const { user } = ok(await supabase.auth.exchangeCodeForSession((await browse(start, "daniel")).searchParams.get("code")));
    assert.deepEqual(user.identities.map(({ provider }) => provider), ["email", "keycloak"]);
    const { identities } = ok(await supabase.auth.getUserIdentities());
    ok(await supabase.auth.unlinkIdentity(identities.find(({ provider }) => provider === "keycloak")));
    assert.equal(ok(await supabase.auth.getUserIdentities()).identities.length, 1);
  });
});

describe("in a browser, with an authenticator of its own", () => {
  let page, browser, site, keys;

  before(async () => {
    site = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<title>app</title>"));
    await new Promise((resolve) => site.listen(0, localHost, resolve));
    const origin = `http://localhost:${site.address().port}`;
    keys = await startWorker({
      vars: { RATE_LIMITS: "false", PASSKEY_ENABLED: "true", MFA_WEB_AUTHN_ENROLL_ENABLED: "true", MFA_WEB_AUTHN_VERIFY_ENABLED: "true", WEBAUTHN_RP_ID: "localhost", WEBAUTHN_RP_DISPLAY_NAME: "The tests", WEBAUTHN_RP_ORIGINS: origin },
    });
    browser = await chromium.launch({ executablePath: browserPath(), args: ["--no-sandbox", "--host-resolver-rules=MAP localhost 127.0.0.1"] });
    page = await browser.newPage();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
    await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
    await page.goto(origin);
  });

  after(async () => {
    await browser?.close();
    await keys?.dispose();
    site?.close();
  });

  /** Makes or uses a credential in the page, as supabase-js does there. */
  const create = (options) => page.evaluate(async (json) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(json);
    return (await navigator.credentials.create({ publicKey })).toJSON();
  }, options);
  const get = (options) => page.evaluate(async (json) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(json);
    return (await navigator.credentials.get({ publicKey })).toJSON();
  }, options);

  test("a passkey signs in by itself", async () => {
    const { session, user } = await signUp(keys.url, "ann");
    const call = async (path, body, token = ANON_KEY) => {
      const answer = await raw(keys.url, `/auth/v1/passkeys${path}`, { method: "POST", token, body: JSON.stringify(body), headers: { "content-type": "application/json" } });
      assert.equal(answer.status, 200, answer.text);
      return answer.json();
    };
    const asked = await call("/registration/options", {}, session.access_token);
    await call("/registration/verify", { challenge_id: asked.challenge_id, credential: await create(asked.options) }, session.access_token);
    for (let time = 0; time < 2; time += 1) {
      const question = await call("/authentication/options", {});
      const signedIn = await call("/authentication/verify", { challenge_id: question.challenge_id, credential: await get(question.options) });
      assert.equal(signedIn.user.id, user.id);
    }
  });

  test("a security key is a second factor", async () => {
    const { client: supabase } = await signUp(keys.url, "bob");
    const { mfa } = supabase.auth;
    const factor = ok(await mfa.enroll({ factorType: "webauthn", friendlyName: "key" }));
    const { session } = ok(await supabase.auth.getSession());
    const call = async (path, body) => {
      const answer = await raw(keys.url, `/auth/v1/factors/${factor.id}${path}`, { method: "POST", token: session.access_token, body: JSON.stringify(body), headers: { "content-type": "application/json" } });
      assert.equal(answer.status, 200, answer.text);
      return answer.json();
    };
    const asked = await call("/challenge", {});
    const credential = await create(asked.webauthn.credential_options.publicKey);
    const raised = await call("/verify", { challenge_id: asked.id, webauthn: { type: "create", credential_response: credential } });
    ok(await supabase.auth.setSession(raised));
    assert.equal(ok(await mfa.getAuthenticatorAssuranceLevel()).currentLevel, "aal2");
  });
});
