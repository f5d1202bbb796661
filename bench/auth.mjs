// What accounts cost: sign-ins and refreshes a second, who the caller is beside a bare Worker, and what verifying a token takes.
//
// A Worker's clock stands still while it computes, so a verification is timed from outside: the same request with the token where it
// is verified and where nobody looks at it, in turns, by workerd's processor time for each.

import { createHmac, generateKeyPairSync, sign } from "node:crypto";

import { demoVars } from "../scripts/local.mjs";
import { load } from "./load.mjs";
import { median } from "./median.mjs";
import { bothWorkers, compare, middle } from "./throughput.mjs";
import { keys } from "./todos.mjs";

const connections = 16;
const password = "correct horse battery";

/** `compared` with the bare Worker, `alone`, and `tokens` in microseconds of processor time each. */
export async function authSpeeds({ rounds, seconds, build }) {
  const signer = elliptic();
  const workers = await bothWorkers({ build, vars: { JWT_KEYS: JSON.stringify([shared(), signer.jwk]), AUDIT_LOG: "off" } });
  try {
    const sessions = await Promise.all(Array.from({ length: connections }, (_, at) => signUp(workers.urls.ours, at)));
    await fillBareUser(await workers.bareDatabase(), sessions[0]);
    const turns = { rounds, seconds };
    const request = { method: "GET", expect: 200, headers: keys(sessions[0].access_token) };
    const whoAmI = { name: "who the caller is", least: 0.8, ours: "/auth/v1/user", bare: "/user", request };
    return {
      compared: [await compare(workers.urls, whoAmI, turns)],
      alone: [await signIns(workers.urls.ours, turns), await refreshes(workers.urls.ours, sessions, turns)],
      tokens: await verifications(workers.urls.ours, signer, turns),
    };
  } finally {
    await workers.dispose();
  }
}

/** Each connection signs its own user in, again and again. */
async function signIns(url, turns) {
  const body = (connection) => JSON.stringify({ email: address(connection), password });
  return repeated("password sign-in", turns, { ...posted(url, "password"), body });
}

/** Each connection goes on with the token it was given last. */
async function refreshes(url, sessions, turns) {
  const tokens = sessions.map((session) => session.refresh_token);
  const body = (connection) => JSON.stringify({ refresh_token: tokens[connection] });
  const answered = (text, connection) => (tokens[connection] = JSON.parse(text).refresh_token);
  return repeated("refresh", turns, { ...posted(url, "refresh_token"), body, answered });
}

async function repeated(name, { rounds, seconds }, request) {
  const runs = [];
  await load({ ...request, seconds: 1 });
  for (let round = 0; round < rounds; round += 1) runs.push(await load({ ...request, seconds }));
  return { name, ...middle(runs) };
}

function posted(url, grant) {
  const headers = { apikey: demoVars().ANON_KEY, "content-type": "application/json" };
  return { url: `${url}/auth/v1/token?grant_type=${grant}`, method: "POST", headers, expect: 200, connections };
}

/** Requests that differ in one header alone: a token where none is looked for, one that is known, and ones that nobody has seen. */
async function verifications(url, signer, { rounds, seconds }) {
  const known = hs256({ role: "anon", jti: "known" });
  const fresh = { HS256: hs256, ES256: signer.token };
  const sides = {
    none: () => ({ xpikey: known }),
    hit: () => ({ apikey: known }),
    HS256: fromPool("HS256"),
    ES256: fromPool("ES256"),
  };
  let pool = [];
  function fromPool() {
    return () => ({ apikey: pool.pop() ?? fail("a faster machine needs more tokens") });
  }
  const measured = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
  for (let round = -1; round < rounds; round += 1) {
    for (const side of inTurn(Object.keys(sides), round)) {
      // Signed before the clock runs.
      pool = fresh[side] ? Array.from({ length: seconds * mostPerSecond }, (_, at) => fresh[side]({ role: "anon", jti: `${round}-${at}` })) : [];
      const { cpu } = await load({ url: `${url}/auth/v1/health`, headers: sides[side], expect: 200, seconds, connections });
      if (round >= 0) measured[side].push(cpu);
    }
  }
  const more = (side, than) => median(measured[side].map((cpu, round) => (cpu - measured[than][round]) * 1000));
  return [
    { name: "ES256, never seen", most: 60, microseconds: more("ES256", "none") },
    { name: "HS256, never seen", most: 20, microseconds: more("HS256", "none") },
    { name: "known", most: 3, microseconds: more("hit", "none") },
  ];
}

/** Tokens to have ready for a second of the fastest requests. */
const mostPerSecond = 12_000;

function inTurn(sides, round) {
  return round % 2 ? [...sides].reverse() : sides;
}

function fail(why) {
  throw new Error(why);
}

/** The project's secret as the key that signs, so that the bare Worker can verify what ours signs. */
function shared() {
  return { kty: "oct", kid: "shared", alg: "HS256", k: Buffer.from(demoVars().JWT_SECRET).toString("base64url"), key_ops: ["sign", "verify"] };
}

/** A key pair: its public half for ours, and tokens signed with the other. */
function elliptic() {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "pair", alg: "ES256", key_ops: ["verify"] };
  const signature = (text) => sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return { jwk, token: (claims) => token({ alg: "ES256", kid: "pair", typ: "JWT" }, claims, signature) };
}

function hs256(claims) {
  const signature = (text) => createHmac("sha256", demoVars().JWT_SECRET).update(text).digest();
  return token({ alg: "HS256", typ: "JWT" }, claims, signature);
}

/** With what an access token says besides, so that it is as long as one. */
function token(header, claims, signature) {
  const now = Math.floor(Date.now() / 1000);
  const all = { ...usual, ...claims, iat: now, exp: now + 3600 };
  const message = [header, all].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${message}.${signature(message).toString("base64url")}`;
}

const usual = {
  iss: "http://127.0.0.1:54321/auth/v1",
  sub: "2f7d9a4e-6b1c-4f7e-9d27-0c5a4b3e2f10",
  aud: "authenticated",
  email: "somebody@example.com",
  phone: "",
  app_metadata: { provider: "email", providers: ["email"] },
  user_metadata: { email: "somebody@example.com", email_verified: true, phone_verified: false },
  aal: "aal1",
  amr: [{ method: "password", timestamp: 1_800_000_000 }],
  session_id: "4a3c0e52-8d7b-4e19-b6a2-91f08d2c7e35",
  is_anonymous: false,
};

function address(connection) {
  return `user-${connection}@example.com`;
}

async function signUp(url, connection) {
  const answer = await fetch(`${url}/auth/v1/signup`, {
    method: "POST",
    headers: { apikey: demoVars().ANON_KEY, "content-type": "application/json" },
    body: JSON.stringify({ email: address(connection), password }),
  });
  if (!answer.ok) throw new Error(`sign-up: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** The same user, identity and session for the bare Worker, among as many others. */
async function fillBareUser(database, { access_token, user }) {
  const session = JSON.parse(Buffer.from(access_token.split(".")[1], "base64url").toString()).session_id;
  await database.batch(bareSchema.map((statement) => database.prepare(statement)));
  for (let at = 0; at < connections; at += 1) {
    const [id, own] = at ? [crypto.randomUUID(), crypto.randomUUID()] : [user.id, session];
    const metadata = [user.app_metadata, user.user_metadata].map((one) => JSON.stringify(one));
    const moments = [user.email_confirmed_at, user.last_sign_in_at, user.created_at, user.updated_at];
    const identity = JSON.stringify(user.identities[0].identity_data);
    await database.batch([
      database
        .prepare("INSERT INTO users VALUES (?1, 'authenticated', 'authenticated', ?2, '', ?3, ?4, ?5, ?6, ?7, ?8)")
        .bind(id, address(at), moments[0], moments[1], ...metadata, moments[2], moments[3]),
      database.prepare("INSERT INTO identities VALUES (?1, ?2, 'email', ?2, ?3, ?4)").bind(crypto.randomUUID(), id, identity, moments[2]),
      database.prepare("INSERT INTO sessions VALUES (?1, ?2)").bind(own, id),
    ]);
  }
}

const bareSchema = [
  `CREATE TABLE users (
    id TEXT PRIMARY KEY, aud TEXT, role TEXT, email TEXT UNIQUE, phone TEXT, email_confirmed_at TEXT, last_sign_in_at TEXT,
    raw_app_meta_data TEXT, raw_user_meta_data TEXT, created_at TEXT, updated_at TEXT
  ) STRICT`,
  `CREATE TABLE identities (
    id TEXT PRIMARY KEY, user_id TEXT, provider TEXT, provider_id TEXT, identity_data TEXT, created_at TEXT
  ) STRICT`,
  "CREATE INDEX identities_user_id_idx ON identities (user_id)",
  "CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id TEXT) STRICT",
];
