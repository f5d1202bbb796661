// A Chromium for the end-to-end tests: CHROMIUM_PATH, one installed on the machine, or Debian's package.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

import { aptGet } from "./rust.mjs";
import { run, say, Stop } from "./terminal.mjs";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const macApplications = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** The browser's program, or `undefined` when there is none. */
export function browserPath() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  const folders = process.env.PATH.split(delimiter);
  return [...folders.flatMap((folder) => names.map((name) => join(folder, name))), ...macApplications].find(existsSync);
}

/** Installs one when there is none. */
export async function ensureBrowser() {
  if (browserPath()) return;
  const apt = aptGet();
  if (apt) {
    say("installing chromium with apt-get");
    await run(apt[0], [...apt.slice(1), "update", "-qq"]);
    await run(apt[0], [...apt.slice(1), "install", "-y", "-qq", "--no-install-recommends", "chromium"]);
  }
  if (!browserPath()) {
    throw new Stop("the end-to-end tests drive a Chromium, and there is none: install Chrome or Chromium, or name one in CHROMIUM_PATH.");
  }
}
