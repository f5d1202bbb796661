// A PostgreSQL for the differential tests: POSTGRES_BIN, one installed on the machine, or Debian's package.

import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

import { aptGet } from "./rust.mjs";
import { run, say, Stop } from "./terminal.mjs";

const folders = ["/usr/lib/postgresql", "/opt/homebrew/opt"];

/** The folder with `initdb` and `postgres`, or `undefined` when there is none. */
export function postgresPrograms() {
  const has = (folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres"));
  if (process.env.POSTGRES_BIN) return has(process.env.POSTGRES_BIN) ? process.env.POSTGRES_BIN : undefined;
  const packaged = folders.filter(existsSync).flatMap((folder) => readdirSync(folder).map((name) => join(folder, name, "bin")));
  return [...packaged, ...process.env.PATH.split(delimiter)].find(has);
}

/** Installs one when there is none. The tests start a server of their own; the package's is not used. */
export async function ensurePostgres() {
  if (postgresPrograms()) return;
  const apt = aptGet();
  if (apt && !process.env.POSTGRES_BIN) {
    say("installing postgresql with apt-get");
    await run(apt[0], [...apt.slice(1), "update", "-qq"]);
    await run(apt[0], [...apt.slice(1), "install", "-y", "-qq", "--no-install-recommends", "postgresql"]);
  }
  if (!postgresPrograms()) {
    throw new Stop(
      "the differential tests compare with a PostgreSQL, and there is none: install PostgreSQL 15 or newer, " +
        "or name the folder of its programs (initdb, postgres) in POSTGRES_BIN.",
    );
  }
}
