// Finds a Rust that can build the Worker, and gets what it lacks.
//
// The Worker is built with `worker-build --panic-unwind`, so that a panic fails its own request alone. That rebuilds the
// standard library for wasm32, which takes the library's source (`rust-src`) and Cargo's `-Z build-std`. worker-build asks
// for a nightly toolchain; a stable one does the same with RUSTC_BOOTSTRAP=1, is the one the native tests use, and does not
// change under us. So three small programs named cargo, rustc and rustup stand in front of PATH while worker-build runs.
//
// Two routes lead to such a Rust: a rustup toolchain (or any `rustc` on PATH) with its `rust-src` component, and where that
// can't be downloaded, Debian's and Ubuntu's packages.

import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

import { chosenRust, oldestRust, root, rustPrograms, rustRecord, rustRecordFormat } from "./toolchain.mjs";
import { ask, attempt, run, say, Stop } from "./terminal.mjs";

const debianPackages = ["rustc-web", "cargo-web", "rust-web-src", "libstd-rust-web-dev", "rust-web-clippy"];

/** Gives the Rust that builds the Worker, after getting it if need be. */
export async function ensureRust() {
  const known = chosenRust();
  if (known) return known;
  const refusals = [];
  const rust = pathRust(refusals) ?? (await debianRust(refusals));
  if (!rust) throw new Stop(cannotGoOn(refusals));
  record(rust);
  say(`the Worker is built with Rust ${rust.version.join(".")} (${rust.rustc})`);
  return rust;
}

/** The `rustc` on PATH, with `rust-src` added by rustup when it has none. */
function pathRust(refusals) {
  const rustc = ask("rustup", ["which", "rustc"], { cwd: root }) ?? ask("sh", ["-c", "command -v rustc"]);
  if (!rustc) return refuse(refusals, "there is no rustc on PATH");
  const sysroot = ask(rustc, ["--print", "sysroot"]);
  if (sysroot && !existsSync(standardLibrary(sysroot)) && ask("rustup", ["which", "rustc"], { cwd: root })) {
    say("adding the standard library's source: rustup component add rust-src");
    const added = attempt("rustup", ["component", "add", "rust-src"], { cwd: root });
    if (!added.ok) refusals.push(`rustup component add rust-src: ${lastLine(added.printed)}`);
  }
  return inspect(rustc, refusals);
}

/** Debian's and Ubuntu's Rust for building web browsers: recent, with the library's source. Installed by apt when allowed. */
async function debianRust(refusals) {
  const rustc = "/usr/bin/rustc";
  const ready = existsSync(rustc) && inspect(rustc, []);
  if (ready) return ready;
  const apt = aptGet();
  if (!apt) return refuse(refusals, "apt-get is not here, or needs a password");
  say(`installing ${debianPackages.join(" ")} with apt-get`);
  try {
    await run(apt[0], [...apt.slice(1), "update", "-qq"]);
    await run(apt[0], [...apt.slice(1), "install", "-y", "-qq", "--no-install-recommends", ...debianPackages]);
    if (!findLinker("/usr", hostOf(rustc))) {
      const lld = newestLld();
      if (lld) await run(apt[0], [...apt.slice(1), "install", "-y", "-qq", "--no-install-recommends", lld]);
    }
  } catch (error) {
    return refuse(refusals, error.message);
  }
  return inspect(rustc, refusals);
}

/** Everything about one `rustc` that building the Worker needs, or `undefined` and the reason among `refusals`. */
function inspect(rustc, refusals) {
  const verbose = ask(rustc, ["-vV"]) ?? "";
  const version = /^release: (\d+)\.(\d+)\.(\d+)/m.exec(verbose)?.slice(1).map(Number);
  if (!version) return refuse(refusals, `${rustc} does not run`);
  if (version[0] === oldestRust[0] && version[1] < oldestRust[1]) {
    return refuse(refusals, `${rustc} is ${version.join(".")}; ${oldestRust.join(".")} or newer is needed (rustup update)`);
  }
  const sysroot = ask(rustc, ["--print", "sysroot"]);
  const source = standardLibrary(sysroot);
  if (!existsSync(source)) return refuse(refusals, `${rustc} has no standard library source (rust-src) at ${source}`);
  const cargo = join(dirname(rustc), "cargo");
  if (!existsSync(cargo)) return refuse(refusals, `there is no cargo beside ${rustc}`);
  const linker = findLinker(sysroot, hostOf(rustc));
  if (linker === undefined) return refuse(refusals, `${rustc} comes without rust-lld, and no wasm-ld (package lld) is on PATH`);
  return { format: rustRecordFormat, rustc, cargo, version, source, linker, changedAt: statSync(rustc).mtimeMs };
}

const standardLibrary = (sysroot) => join(sysroot, "lib", "rustlib", "src", "rust", "library", "Cargo.lock");

const hostOf = (rustc) => /^host: (.+)$/m.exec(ask(rustc, ["-vV"]) ?? "")?.[1] ?? "";

/**
 * The linker for wasm32: `null` when the compiler has its own, else a path, else `undefined`.
 * Distribution packages of Rust leave `rust-lld` out; rustup's is the same program.
 */
function findLinker(sysroot, host) {
  const own = (folder) => join(folder, "lib", "rustlib", host, "bin", "rust-lld");
  if (existsSync(own(sysroot))) return null;
  const rustup = ask("rustup", ["which", "rustc"], { cwd: root });
  const places = rustup ? [own(dirname(dirname(rustup)))] : [];
  for (const folder of process.env.PATH.split(delimiter)) places.push(join(folder, "rust-lld"), join(folder, "wasm-ld"));
  for (const version of installedLlvm()) places.push(`/usr/lib/llvm-${version}/bin/wasm-ld`);
  return places.find(existsSync);
}

/** LLVM versions under /usr/lib, the newest first. */
function installedLlvm() {
  const folders = existsSync("/usr/lib") ? readdirSync("/usr/lib") : [];
  const versions = folders.map((name) => Number(/^llvm-(\d+)$/.exec(name)?.[1])).filter(Boolean);
  return versions.sort((one, other) => other - one);
}

/** The newest `lld-<version>` that apt offers: the linker must know the compiler's LLVM. */
function newestLld() {
  const names = (ask("apt-cache", ["search", "--names-only", "^lld-[0-9]+$"]) ?? "").match(/^lld-\d+/gm) ?? [];
  return names.sort((one, other) => Number(other.slice(4)) - Number(one.slice(4)))[0];
}

/** How to call apt-get here: as root, or through a sudo that asks nothing; `undefined` otherwise. */
export function aptGet() {
  if (!ask("apt-get", ["--version"])) return undefined;
  if (process.getuid?.() === 0) return ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
  return ask("sudo", ["-n", "true"]) === undefined ? undefined : ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
}

/** Writes the three programs that worker-build finds first on PATH, and remembers the choice. */
function record(rust) {
  rmSync(rustPrograms, { recursive: true, force: true });
  mkdirSync(rustPrograms, { recursive: true });
  const program = (name, lines) => writeFileSync(join(rustPrograms, name), `#!/bin/sh\n${lines.join("\n")}\n`, { mode: 0o755 });
  const stable = ['[ "$1" = +nightly ] && shift', "export RUSTC_BOOTSTRAP=1"];
  program("cargo", [...stable, `exec '${rust.cargo}' "$@"`]);
  program("rustc", [
    ...stable,
    "# worker-build asks whether a prebuilt standard library is installed; it is about to build one instead.",
    `[ "$*" = "--target wasm32-unknown-unknown --print target-libdir" ] && exec echo '${rustPrograms}'`,
    `exec '${rust.rustc}' "$@"`,
  ]);
  program("rustup", ["# worker-build asks for the component list.", "echo 'rust-src (installed)'"]);
  // The same toolchain's clippy, where there is one; cargo looks for it on PATH.
  for (const name of ["cargo-clippy", "clippy-driver"]) {
    const installed = join(dirname(rust.cargo), name);
    if (existsSync(installed)) symlinkSync(realpathSync(installed), join(rustPrograms, name));
  }
  writeFileSync(rustRecord, JSON.stringify(rust, null, 2));
}

function refuse(refusals, reason) {
  refusals.push(reason);
  return undefined;
}

const lastLine = (text) => text.split("\n").filter(Boolean).at(-1) ?? "failed";

function cannotGoOn(refusals) {
  return [
    "no Rust here can build the Worker, and none could be installed:",
    ...refusals.map((reason) => `  - ${reason}`),
    "Install Rust with rustup (https://rustup.rs) and run `rustup component add rust-src`,",
    `or on Debian or Ubuntu: apt-get install ${debianPackages.join(" ")} lld`,
  ].join("\n");
}
