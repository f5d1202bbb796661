// The to-do app as people use it: examples/todos, as built and served by the Worker, in a real browser.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import { chromium } from "playwright-core";

import { browserPath } from "../../scripts/browser.mjs";
import { pushDatabase } from "../../scripts/db-push.mjs";
import { root } from "../../scripts/toolchain.mjs";
import { visitor } from "./project.mjs";
import { startWorker } from "./worker.mjs";

const patience = 15_000;
const password = "correct horse battery";

const switches = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let worker;
let browser;

before(async () => {
  // Everybody here comes from one address.
  worker = await startWorker({ vars: { RATE_LIMITS: "false" } });
  await pushDatabase({ directory: join(root, "examples", "todos"), url: worker.url, quiet: true });
  browser = await chromium.launch({ executablePath: browserPath(), args: switches });
});

after(async () => {
  await browser?.close();
  await worker?.dispose();
});

test("two people keep to-dos that the other doesn't see", async (t) => {
  const ann = await visit(t);
  await ann.signUp("Ann", "ann.two@example.com");
  await ann.sees("list-empty", /Nothing to do yet/);
  await ann.add("Water the tomatoes");
  await ann.add("Book the train to Lisbon");
  await until(ann.titles, ["Book the train to Lisbon", "Water the tomatoes"]);
  await ann.sees("count", /^2 of 2 to do$/);

  const bob = await visit(t);
  await bob.signUp("Bob", "bob.two@example.com");
  await bob.sees("list-empty", /Nothing to do yet/);
  assert.deepEqual(await bob.titles(), []);
  await bob.add("Feed the cat");
  await until(bob.titles, ["Feed the cat"]);

  await ann.reload();
  await until(ann.titles, ["Book the train to Lisbon", "Water the tomatoes"]);

  // Nor does somebody who isn't signed in.
  const { data, error } = await visitor(worker.url).from("todos").select();
  assert.deepEqual({ data, error }, { data: [], error: null });
});

test("to-dos are ticked off, renamed, deleted and filtered, and stay so after a reload", async (t) => {
  const ann = await visit(t);
  await ann.signUp("Ann", "ann.list@example.com");
  for (const title of ["one", "two", "three"]) await ann.add(title);
  await until(ann.titles, ["three", "two", "one"]);

  await ann.row("two").getByTestId("todo-done").check();
  await ann.row("three").hover();
  await ann.row("three").getByTestId("todo-edit").click();
  await ann.at("todo-edit-title").first().fill("'; DROP TABLE todos; -- “drei” 🌱");
  await ann.page.keyboard.press("Enter");
  await ann.row("one").hover();
  await ann.row("one").getByTestId("todo-remove").click();
  await ann.saved();

  await ann.reload();
  await until(ann.titles, ["'; DROP TABLE todos; -- “drei” 🌱", "two"]);
  assert.deepEqual(await ann.ticks(), [false, true]);
  await ann.sees("count", /^1 of 2 to do$/);

  await ann.at("filter-open").check();
  await until(ann.titles, ["'; DROP TABLE todos; -- “drei” 🌱"]);
  await ann.at("filter-done").check();
  await until(ann.titles, ["two"]);
  await ann.at("todo-done").click(); // and off it goes
  await ann.sees("list-empty", /Nothing done yet/);
  await ann.at("filter-all").check();
  await until(ann.ticks, [false, false]);
  await ann.saved();
});

test("the list is used with the keyboard alone", async (t) => {
  const ann = await visit(t);
  await ann.signUp("Ann", "ann.keys@example.com");
  const press = async (...keys) => {
    for (const key of keys) await ann.page.keyboard.press(key);
  };
  const focused = () => ann.page.evaluate(() => document.activeElement.dataset.testid);

  await ann.at("new-todo").focus();
  await ann.page.keyboard.type("write");
  await press("Enter");
  await until(ann.titles, ["write"]);
  await ann.page.keyboard.type("send");
  await press("Enter");
  await until(ann.titles, ["send", "write"]);

  await press("Tab", "Tab"); // over the button, to the filters
  assert.equal(await focused(), "filter-all");
  await press("ArrowRight", "ArrowLeft", "Tab");
  assert.equal(await focused(), "todo-done");
  await press("Space");
  await until(ann.ticks, [true, false]);

  await press("Tab", "Enter"); // edit
  assert.equal(await focused(), "todo-edit-title");
  await ann.page.keyboard.type("post"); // over the selected title
  await press("Enter");
  await until(ann.titles, ["post", "write"]);
  assert.equal(await focused(), "todo-edit");

  await press("Enter");
  await ann.page.keyboard.type("never mind");
  await press("Escape");
  await until(ann.titles, ["post", "write"]);

  await press("Tab", "Enter"); // delete; the focus goes on to the next to-do
  await until(ann.titles, ["write"]);
  assert.equal(await focused(), "todo-done");
  await ann.saved();
});

test("the form says what is wrong", async (t) => {
  const ann = await visit(t);
  await ann.signUp("Ann", "ann.form@example.com");
  await ann.signOut();

  await ann.signIn("ann.form@example.com", "wrong password");
  await ann.sees("auth-error", /^Wrong e-mail or password\.$/);
  await ann.signIn("nobody.form@example.com", password);
  await ann.sees("auth-error", /^Wrong e-mail or password\.$/);

  await ann.at("auth-switch").click();
  await ann.sees("auth-error", /^$/);
  await ann.signIn("ann.form@example.com", password);
  await ann.sees("auth-error", /already an account with this e-mail/);

  await ann.at("auth-switch").click();
  await ann.signIn("ann.form@example.com", password);
  await ann.sees("greeting", /^Hello, Ann$/);
});

test("a picture is uploaded, shown, kept and replaced", async (t) => {
  const ann = await visit(t);
  await ann.signUp("Ann", "ann.picture@example.com");
  await ann.sees("avatar-initial", /^A$/);

  await ann.choosePicture("teal");
  await until(ann.pictureWidth, 256);
  const first = await ann.pictureAddress();
  const answer = await fetch(first);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "image/webp");

  await ann.reload();
  await until(ann.pictureWidth, 256);
  assert.equal(await ann.pictureAddress(), first);

  await ann.choosePicture("orange");
  await until(async () => (await ann.pictureAddress()) !== first, true);
  await until(ann.pictureWidth, 256);
  await until(async () => (await fetch(first)).ok, false);

  for (const title of ["Return the library books", "Send Bob the photos", "Book the train", "Water the tomatoes"]) {
    await ann.add(title);
  }
  await ann.row("Book the train").getByTestId("todo-done").check();
  await ann.saved();
  await ann.page.mouse.move(0, 0);
  await sleep(400); // the ticks and buttons fade
  const artifacts = join(root, "tests", "e2e", "artifacts");
  mkdirSync(artifacts, { recursive: true });
  await ann.page.screenshot({ path: join(artifacts, "todos.png") });
});

test("a file that is no picture is refused in words", async (t) => {
  const ann = await visit(t);
  await ann.signUp("Ann", "ann.file@example.com");
  await ann.chooseFile({ name: "notes.png", mimeType: "image/png", buffer: Buffer.from("not a picture") });
  await ann.sees("failure", /not a picture your browser can read/);
  assert.equal(await ann.at("avatar-image").isVisible(), false);
});

test("signing out shows the form, in every tab and after a reload, and leaves nothing behind", async (t) => {
  const ann = await visit(t);
  await ann.signUp("Ann", "ann.out@example.com");
  await ann.add("mine");
  await until(ann.titles, ["mine"]);
  const other = await ann.newTab();
  await until(other.titles, ["mine"]);

  await ann.signOut();
  await other.at("signed-out").waitFor();
  for (const tab of [ann, other]) assert.deepEqual(await tab.titles(), []);
  await ann.reload();
  await ann.at("signed-out").waitFor();
  assert.deepEqual(await ann.page.evaluate(() => Object.keys(localStorage)), []);
});

test("a session ended on another device leads back to the form", async (t) => {
  const email = "ann.revoked@example.com";
  const ann = await visit(t);
  await ann.signUp("Ann", email);
  await ann.sees("list-empty", /Nothing to do yet/);

  const phone = visitor(worker.url);
  assert.equal((await phone.auth.signInWithPassword({ email, password })).error, null);
  assert.equal((await phone.auth.signOut({ scope: "global" })).error, null);

  await ann.type("Water the tomatoes");
  await ann.at("signed-out").waitFor();
  await ann.sees("failure", /Your session has ended/);
});

test("a list that can't be loaded says so, and loads when asked again", async (t) => {
  const ann = await visit(t);
  await ann.signUp("Ann", "ann.failing@example.com");
  await ann.add("still there");

  const todos = "**/rest/v1/todos?*";
  await ann.page.route(todos, (route) => route.fulfill({ status: 500, json: { message: "The database is away." } }));
  await ann.reload();
  await ann.sees("list-failed", /could not be loaded.*The database is away/s);
  assert.equal(await ann.at("add-todo").isDisabled(), true);
  await ann.page.unroute(todos);
  await ann.at("list-retry").click();
  await until(ann.titles, ["still there"]);

  // And a change that can't be saved is taken back.
  await ann.page.route(todos, (route) => route.fulfill({ status: 500, json: { message: "The database is away." } }));
  await ann.at("todo-done").click();
  await ann.sees("failure", /The database is away/);
  await until(ann.ticks, [false]);
});

test("the page comes with a content policy, its assets with a long life", async () => {
  const page = await fetch(worker.url);
  assert.match(page.headers.get("content-type"), /^text\/html/);
  assert.match(page.headers.get("content-security-policy"), /default-src 'none'; script-src 'self'/);
  assert.doesNotMatch(page.headers.get("cache-control") ?? "", /immutable/);

  const assets = [...(await page.text()).matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path);
  assert.deepEqual(assets.map((path) => path.split(".").at(-1)).sort(), ["css", "js"]);
  for (const path of assets) {
    const asset = await fetch(`${worker.url}${path}`);
    assert.equal(asset.status, 200);
    assert.equal(asset.headers.get("cache-control"), "public, max-age=31536000, immutable");
  }

  // Not the page under the asset's name, kept for a year.
  const gone = await fetch(`${worker.url}/assets/of-an-earlier-build.js`);
  assert.equal(gone.status, 404);
});

/** Opens the app as somebody on a device of their own. */
async function visit(t) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 }, colorScheme: "light" });
  context.setDefaultTimeout(patience);
  const complaints = [];
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, [], "what the pages complained of");
  });
  return open(context, complaints);
}

/** A tab of the app, and what a person does in it. `complaints` takes its uncaught errors and what its policy blocked. */
async function open(context, complaints) {
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
  });
  await page.goto(worker.url);

  const at = (id) => page.getByTestId(id);
  const tab = {
    page,
    at,
    row: (title) => at("todo-item").filter({ has: page.getByText(title, { exact: true }) }),
    titles: () => at("todo-title").allTextContents(),
    ticks: () => at("todo-done").evaluateAll((boxes) => boxes.map((box) => box.checked)),
    sees: (id, text) =>
      at(id)
        .filter({ hasText: text })
        .waitFor({ state: text.test("") ? "attached" : "visible" }),
    newTab: () => open(context, complaints),
    reload: () => page.reload(),

    /** Waits until the list is loaded and every change is in the database. */
    saved: () => page.locator('[data-testid=todos][aria-busy="false"]').waitFor(),

    async signUp(name, email) {
      await at("auth-switch").click();
      await at("auth-name").fill(name);
      await tab.signIn(email, password);
      await tab.sees("greeting", new RegExp(`^Hello, ${name}$`));
      await tab.saved();
    },
    async signIn(email, password) {
      await at("auth-email").fill(email);
      await at("auth-password").fill(password);
      await at("auth-submit").click();
    },
    async signOut() {
      await at("sign-out").click();
      await at("signed-out").waitFor();
    },

    async type(title) {
      await at("new-todo").fill(title);
      await at("add-todo").click();
    },
    async add(title) {
      await tab.type(title);
      await tab.row(title).waitFor();
    },

    async choosePicture(colour) {
      const bytes = await page.evaluate(drawPicture, colour);
      await tab.chooseFile({ name: `${colour}.png`, mimeType: "image/png", buffer: Buffer.from(bytes) });
    },
    async chooseFile(file) {
      await page.locator("[data-testid=avatar-input]:enabled").waitFor({ state: "attached" });
      await at("avatar-input").setInputFiles(file);
    },
    pictureWidth: () => at("avatar-image").evaluate((image) => (image.checkVisibility() ? image.naturalWidth : 0)),
    pictureAddress: () => at("avatar-image").evaluate((image) => image.src),
  };
  return tab;
}

/** Runs in the page: a PNG's bytes, of a landscape somebody could have photographed. */
async function drawPicture(colour) {
  const canvas = new OffscreenCanvas(640, 480);
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 640, 480);
  context.fillStyle = "moccasin";
  context.arc(320, 190, 110, 0, 7);
  context.fill();
  context.fillStyle = "rebeccapurple";
  context.fillRect(140, 340, 360, 140);
  return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
}

/** Waits until `read` gives `expected`; when it doesn't, fails with what it gave last. */
async function until(read, expected) {
  const end = Date.now() + patience;
  let found = await read();
  while (!isDeepStrictEqual(found, expected) && Date.now() < end) {
    await sleep(50);
    found = await read();
  }
  assert.deepEqual(found, expected);
}
