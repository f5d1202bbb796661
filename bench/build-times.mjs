// How long the Worker takes to build: from nothing, after a change, and for the tests.

import { mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build } from "../scripts/build.mjs";
import { root } from "../scripts/toolchain.mjs";

/** Seconds of each kind of build, in a target folder of their own. */
export async function buildTimes() {
  const folder = mkdtempSync(join(tmpdir(), "edgeward-build-"));
  process.env.EDGEWARD_WASM_TARGET_DIR = folder;
  try {
    const out = join("build", "timed");
    const timed = async (profile) => {
      // The stamp goes, and the compiler is made to look again.
      rmSync(join(root, out), { recursive: true, force: true });
      const now = new Date();
      utimesSync(join(root, "src", "lib.rs"), now, now);
      return (await build({ profile, out })).seconds;
    };
    return {
      "release, from nothing": await timed("release"),
      "release, after a change": await timed("release"),
      "dev, from nothing": await timed("dev"),
      "dev, after a change": await timed("dev"),
    };
  } finally {
    delete process.env.EDGEWARD_WASM_TARGET_DIR;
    rmSync(folder, { recursive: true, force: true });
  }
}
