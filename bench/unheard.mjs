// A runtime whose log nobody reads. Miniflare reads it through a pipe into the very process that asks the questions here, which would
// count each line of a Worker's log twice or thrice over: on Cloudflare nobody does that on the same machine.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import workerd from "workerd";

/** Has Miniflare start the runtime so, until this process ends. */
export function leaveUnheard() {
  const folder = mkdtempSync(join(tmpdir(), "edgeward-bench-"));
  const program = join(folder, "workerd");
  writeFileSync(program, `#!/bin/sh\nexec '${process.env.MINIFLARE_WORKERD_PATH ?? workerd.default ?? workerd}' "$@" > /dev/null\n`, { mode: 0o755 });
  process.env.MINIFLARE_WORKERD_PATH = program;
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
}
