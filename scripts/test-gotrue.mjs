// Compares the auth API with the real GoTrue: builds it from the checkout that GOTRUE_SOURCE names (with Go), starts it on
// a PostgreSQL of its own, and sends both the same requests. Nothing of GoTrue is part of this repository.

import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ensurePostgres } from "./postgres.mjs";
import { run, runMain, say, Stop } from "./terminal.mjs";
import { root } from "./toolchain.mjs";

await runMain(async () => {
  const source = process.env.GOTRUE_SOURCE;
  if (!source || !existsSync(join(source, "main.go"))) {
    throw new Stop("GOTRUE_SOURCE must name a checkout of https://github.com/supabase/auth.");
  }
  await ensurePostgres();
  const folder = mkdtempSync(join(tmpdir(), "edgeward-gotrue-"));
  try {
    const program = join(folder, "gotrue");
    say("building GoTrue");
    await run("go", ["build", "-o", program, "."], { cwd: source, why: "go build" });
    cpSync(join(source, "migrations"), join(folder, "migrations"), { recursive: true });
    await run("cargo", ["test", "--test", "gotrue"], { cwd: root, env: { ...process.env, GOTRUE_PROGRAM: program }, why: "the comparison" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
