// Whether a build's result is still the one its sources would give.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";

import { root } from "./toolchain.mjs";

/** A hash of `options` and of every file under the `sources`, paths from the project's folder; `except` names folders to leave out. */
export function fingerprintOf(options, sources, except = []) {
  const hash = createHash("sha256").update(JSON.stringify(options));
  for (const path of sources.flatMap((source) => filesUnder(join(root, source), except))) {
    hash.update(`\0${relative(root, path)}\0`).update(readFileSync(path));
  }
  return hash.digest("hex");
}

/** Whether the file `stamp` holds `fingerprint`. */
export function isStamped(stamp, fingerprint) {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint;
}

function filesUnder(path, except) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => !except.includes(name));
  return names.sort().flatMap((name) => filesUnder(join(path, name), except));
}
