// A server-rendered app with @supabase/ssr, in a real browser: the session lives in cookies. Tokens live a minute, which clients take
// for run out already, so that every page renews them.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { createServerClient, parseCookieHeader, serializeCookieHeader } from "@supabase/ssr";
import { chromium } from "playwright-core";

import { browserPath } from "../../scripts/browser.mjs";
import { demoVars, localHost } from "../../scripts/local.mjs";
import { startWorker } from "./worker.mjs";

const { ANON_KEY } = demoVars();

let worker, app, origin, browser;

/** A request's client: it reads the request's cookies and writes the answer's. */
function clientOf(request, answer) {
  const set = [];
  return createServerClient(worker.url, ANON_KEY, {
    cookies: {
      getAll: () => parseCookieHeader(request.headers.cookie ?? ""),
      setAll(cookies) {
        set.push(...cookies.map(({ name, value, options }) => serializeCookieHeader(name, value, options)));
        answer.setHeader("set-cookie", set);
      },
    },
  });
}

const pages = {
  /** Whoever the cookies say, as the auth server confirms. */
  async "GET /"(supabase) {
    const { data } = await supabase.auth.getUser();
    return data.user ? `<p id="who">${data.user.email}</p><form method="post" action="/sign-out"><button>out</button></form>` : `<p id="who">nobody</p>`;
  },
  async "GET /sign-in"() {
    return `<form method="post"><input name="email"><input name="password" type="password"><button name="how" value="in">in</button><button name="how" value="up">up</button></form>`;
  },
  async "POST /sign-in"(supabase, form) {
    const credentials = { email: form.get("email"), password: form.get("password") };
    const { error } = form.get("how") === "up" ? await supabase.auth.signUp(credentials) : await supabase.auth.signInWithPassword(credentials);
    return error ? `<p id="error">${error.code}</p>` : { to: "/" };
  },
  async "POST /link"(supabase, form) {
    const { error } = await supabase.auth.signInWithOtp({ email: form.get("email"), options: { emailRedirectTo: `${origin}/confirm` } });
    return `<p id="error">${error?.code ?? "sent"}</p>`;
  },
  /** Where the link of a mail comes out: the code is worth something only with the verifier in the cookies. */
  async "GET /confirm"(supabase, _, query) {
    const { error } = await supabase.auth.exchangeCodeForSession(query.get("code"));
    return error ? `<p id="error">${error.code}</p>` : { to: "/" };
  },
  async "POST /sign-out"(supabase) {
    await supabase.auth.signOut();
    return { to: "/" };
  },
};

async function serve(request, answer) {
  const { pathname, searchParams } = new URL(request.url, origin);
  const page = pages[`${request.method} ${pathname}`];
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  if (!page) return answer.writeHead(404).end();
  const shown = await page(clientOf(request, answer), new URLSearchParams(Buffer.concat(chunks).toString()), searchParams);
  if (shown.to) return answer.writeHead(303, { location: shown.to }).end();
  answer.writeHead(200, { "content-type": "text/html" }).end(`<!doctype html>${shown}`);
}

before(async () => {
  app = createServer((request, answer) => void serve(request, answer).catch((error) => answer.writeHead(500).end(String(error))));
  await new Promise((resolve) => app.listen(0, localHost, resolve));
  origin = `http://${localHost}:${app.address().port}`;
  worker = await startWorker({ vars: { SITE_URL: origin, JWT_EXPIRY: "60", RATE_LIMITS: "false" } });
  browser = await chromium.launch({ executablePath: browserPath(), args: ["--no-sandbox"] });
});

after(async () => {
  await browser?.close();
  await worker?.dispose();
  app?.close();
});

const who = (page) => page.locator("#who").textContent();

/** The session in a browser's cookies, over which it may be spread. */
async function sessionOf(context) {
  const cookies = (await context.cookies()).filter(({ name }) => /-auth-token(\.\d+)?$/.test(name));
  const value = cookies.sort((one, other) => one.name.localeCompare(other.name)).map((cookie) => cookie.value).join("");
  return JSON.parse(Buffer.from(value.replace("base64-", ""), "base64url").toString());
}

async function enter(page, how, email, password) {
  await page.goto(`${origin}/sign-in`);
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", password);
  await page.click(`[value=${how}]`);
}

describe("a server-rendered app", () => {
  test("knows its visitor from page to page, until they sign out", async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(origin);
    assert.equal(await who(page), "nobody");
    await enter(page, "up", "ann@example.com", "a long password");
    assert.equal(await who(page), "ann@example.com");
    const cookies = await page.context().cookies();
    assert.ok(cookies.some(({ name }) => /^sb-.*-auth-token/.test(name)), JSON.stringify(cookies.map(({ name }) => name)));
    await page.reload();
    assert.equal(await who(page), "ann@example.com");
    const other = await (await browser.newContext()).newPage();
    await other.goto(origin);
    assert.equal(await who(other), "nobody");
    await enter(other, "in", "ann@example.com", "a wrong password");
    assert.equal(await other.locator("#error").textContent(), "invalid_credentials");
    await enter(other, "in", "ann@example.com", "a long password");
    assert.equal(await who(other), "ann@example.com");
    await page.click("button");
    assert.equal(await who(page), "nobody");
    // Signing out is for everywhere.
    await other.reload();
    assert.equal(await who(other), "nobody");
  });

  test("renews a session whose token runs out, and writes the cookies anew", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await enter(page, "up", "bob@example.com", "a long password");
    const first = await sessionOf(context);
    assert.ok(first.expires_in <= 60);
    await page.reload();
    assert.equal(await who(page), "bob@example.com");
    const second = await sessionOf(context);
    assert.notEqual(second.refresh_token, first.refresh_token);
    assert.equal(second.user.id, first.user.id);
  });

  test("takes a link of a mail by its code, in the browser that asked for it", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(origin);
    await page.evaluate(() => {
      document.body.innerHTML = `<form method="post" action="/link"><input name="email" value="cid@example.com"><button>link</button></form>`;
    });
    await page.click("button");
    assert.equal(await page.locator("#error").textContent(), "sent");
    const { HTML } = await (await fetch(`${worker.url}/api/v1/message/latest`)).json();
    const link = /href="([^"]+)"/.exec(HTML)[1].replaceAll("&amp;", "&");
    await page.goto(link);
    assert.equal(page.url(), `${origin}/`);
    assert.equal(await who(page), "cid@example.com");
  });
});
