// The programs that build the Worker: which versions, and where they are. It only looks; setup.mjs puts them there.

import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What this machine keeps for all clones of the project. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "edgeward");

/** `wasm-bindgen` is pinned in Cargo.toml too, to the version this worker-build expects. */
export const workerBuild = { crate: "worker-build", version: "0.8.7", program: "worker-build" };
export const wasmBindgen = { crate: "wasm-bindgen-cli", version: "0.2.129", program: "wasm-bindgen" };

/** The oldest Rust that compiles the crate (Cargo.toml's rust-version). */
export const oldestRust = [1, 91];

/** Where one of the two tools above is, there or not. */
export function toolPath(tool) {
  return join(cache, "tools", `${tool.crate}-${tool.version}`, "bin", tool.program);
}

/** The folder of the programs named `cargo`, `rustc` and `rustup` that worker-build is to find first. See rust.mjs. */
export const rustPrograms = join(cache, "rust", "bin");

const rustRecord = join(cache, "rust", "rust.json");
export { rustRecord };

/** The Rust that setup chose, or `undefined` when there is none or it has changed since. */
export function chosenRust() {
  if (!existsSync(rustRecord)) return undefined;
  const rust = JSON.parse(readFileSync(rustRecord, "utf8"));
  const unchanged = existsSync(rust.rustc) && statSync(rust.rustc).mtimeMs === rust.changedAt;
  const whole = existsSync(rust.cargo) && existsSync(rust.source) && (!rust.linker || existsSync(rust.linker));
  return rust.format === rustRecordFormat && unchanged && whole ? rust : undefined;
}

/** Goes up when what setup writes beside the record changes. */
export const rustRecordFormat = 1;

/** A program of an npm package. */
export const npmProgram = (name) => join(root, "node_modules", ".bin", name);

/** The environment in which worker-build, and cargo for wasm32, run. */
export function wasmEnvironment(rust) {
  const environment = {
    ...process.env,
    PATH: `${rustPrograms}:${process.env.PATH}`,
    CARGO_TARGET_DIR: process.env.EDGEWARD_WASM_TARGET_DIR || join(root, "target", "wasm"),
    WASM_BINDGEN_BIN: toolPath(wasmBindgen),
    ESBUILD_BIN: npmProgram("esbuild"),
    WASM_OPT_BIN: npmProgram("wasm-opt"),
  };
  if (rust.linker) environment.CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER = rust.linker;
  // A person's choice of compiler is for their own builds; these come from the folder put in front of PATH.
  for (const name of ["RUSTC", "CARGO", "RUSTUP_TOOLCHAIN", "CARGO_BUILD_TARGET"]) delete environment[name];
  return environment;
}
