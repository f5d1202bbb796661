// Runs the project's checks and tests, stopping at the first part that fails.
//
//   npm test                 everything, in the order below
//   node scripts/test.mjs check|native|e2e [ARGUMENTS OF cargo test, OR TEST FILES]
//   node scripts/test.mjs differential [STAGE]    a part of native alone; DIFFERENTIAL_CASES=2000 for a long run

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { build } from "./build.mjs";
import { buildExample } from "./build-example.mjs";
import { run, runMain, say, Stop } from "./terminal.mjs";
import { chosenRust, root, rustPrograms, wasmEnvironment } from "./toolchain.mjs";

const everything = [check, native, e2e];
const parts = { check, native, differential, e2e };

await runMain(async () => {
  const [name, ...rest] = process.argv.slice(2);
  if (name && !parts[name]) throw new Stop(`the parts are ${Object.keys(parts).join(", ")}`);
  for (const part of name ? [parts[name]] : everything) {
    const started = Date.now();
    await part(name ? rest : []);
    say(`${part.name}: done in ${((Date.now() - started) / 1000).toFixed(0)} s`);
  }
});

/** Formatting and lints, of the core natively and of the whole crate as it is deployed. */
async function check() {
  say("cargo fmt and clippy");
  await run("cargo", ["fmt", "--check"], { cwd: root, why: "cargo fmt --check (cargo fmt mends it)" });
  await run("cargo", ["clippy", "--all-targets", "--", "-D", "warnings"], { cwd: root, why: "clippy" });
  if (!existsSync(join(rustPrograms, "cargo-clippy"))) {
    say("the Rust that builds the Worker comes without clippy: src/platform is not linted here");
    return;
  }
  // As worker-build --panic-unwind compiles.
  const env = { ...wasmEnvironment(chosenRust()), RUSTFLAGS: `${process.env.RUSTFLAGS ?? ""} -Cpanic=unwind`.trim() };
  const target = ["--target", "wasm32-unknown-unknown", "-Z", "build-std=std,panic_unwind"];
  for (const features of [[], ["--features", "fault-routes"]]) {
    await run(join(rustPrograms, "cargo"), ["clippy", "--lib", ...features, ...target, "--", "-D", "warnings"], { cwd: root, env, why: "clippy for wasm32" });
  }
}

/** The real router on real SQLite, and the pure parts. */
async function native(options) {
  say("cargo test");
  await run("cargo", ["test", ...options], { cwd: root, why: "cargo test" });
}

/** The product against a real PostgreSQL. */
async function differential(stages) {
  say("cargo test --test differential");
  await run("cargo", ["test", "--test", "differential", "--", ...stages], { cwd: root, why: "the differential tests" });
}

/** supabase-js and a real browser against the real Worker. */
async function e2e(files) {
  await build({ profile: "dev", features: ["fault-routes"], out: "build/test" });
  await buildExample();
  say("node --test tests/e2e");
  const folder = join(root, "tests", "e2e");
  const all = readdirSync(folder).filter((name) => name.endsWith(".test.mjs")).map((name) => join("tests", "e2e", name));
  await run(process.execPath, ["--test", "--test-reporter=spec", ...(files.length ? files : all)], { cwd: root, why: "node --test" });
}
