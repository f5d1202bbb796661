// Makes a fresh machine able to build, run and test the project: `npm start`, `npm test` and their kin run it first.
// Everything it gets is kept: a second run only looks, and takes well under a second. Run it as often as you like.
//
//   node scripts/setup.mjs [--browser] [--postgres]
//     --browser    also a Chromium, for the end-to-end tests
//     --postgres   also a PostgreSQL, for the differential tests

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { arch, platform, tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { ensureBrowser } from "./browser.mjs";
import { ensurePostgres } from "./postgres.mjs";
import { ensureRust } from "./rust.mjs";
import { ask, attempt, run, runMain, say, Stop } from "./terminal.mjs";
import { cache, root, toolPath, wasmBindgen, workerBuild } from "./toolchain.mjs";

/** What wasm-bindgen's project calls each machine it publishes for. */
const wasmBindgenTargets = {
  "darwin-arm64": "aarch64-apple-darwin",
  "darwin-x64": "x86_64-apple-darwin",
  "linux-arm64": "aarch64-unknown-linux-musl",
  "linux-x64": "x86_64-unknown-linux-musl",
};

await runMain(async () => {
  supportedMachine();
  await ensureNodePackages();
  await ensureRust();
  await ensureTool(wasmBindgen, downloadWasmBindgen);
  await ensureTool(workerBuild);
  if (process.argv.includes("--browser")) await ensureBrowser();
  if (process.argv.includes("--postgres")) await ensurePostgres();
});

function supportedMachine() {
  if (platform() === "win32") throw new Stop("the build's programs are for Linux and macOS; on Windows use WSL.");
  const [major] = process.versions.node.split(".").map(Number);
  if (major < 18) throw new Stop(`Node ${process.versions.node} is too old to start with; 18 or newer is needed.`);
}

/** `npm ci` when the lock file is not the one last installed from. */
async function ensureNodePackages() {
  const lock = createHash("sha256").update(readFileSync(join(root, "package-lock.json"))).digest("hex");
  const stamp = join(root, "node_modules", ".edgeward-installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  say("installing the node packages (about half a minute)");
  // `npm run` hands its own settings down as npm_config_*; a script's npm starts afresh, with what is on disk.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?!config_(registry|cache|userconfig)$)/i.test(name)));
  // Errors only: on a Node older than the packages want, npm warns about each; the one they run on is among the packages.
  await run("npm", ["ci", "--loglevel=error", "--no-fund", "--no-audit"], { cwd: root, env, why: "npm ci" });
  const node = ask(join(root, "node_modules", ".bin", "node"), ["--version"]);
  if (!node) throw new Stop("npm ci left no working node in node_modules/.bin (are install scripts switched off? npm config get ignore-scripts)");
  writeFileSync(stamp, lock);
}

/** One of the two cargo tools, at its pinned version, for all clones on this machine. */
async function ensureTool(tool, download) {
  const path = toolPath(tool);
  if (existsSync(path)) return;
  if (download && (await download(path))) return;
  say(`building ${tool.crate} ${tool.version} (some minutes, once for this machine)`);
  const folder = dirname(dirname(path));
  const staged = `${folder}.${process.pid}`;
  const { CARGO_TARGET_DIR: _shared, ...env } = process.env;
  await run("cargo", ["install", `${tool.crate}@${tool.version}`, "--locked", "--root", staged], { cwd: tmpdir(), env });
  rmSync(folder, { recursive: true, force: true });
  renameSync(staged, folder);
}

/** wasm-bindgen as its project publishes it. Gives `false` where that can't be had, and cargo builds it instead. */
async function downloadWasmBindgen(path) {
  const target = wasmBindgenTargets[`${platform()}-${arch()}`];
  if (!target) return false;
  const { version, program } = wasmBindgen;
  const name = `wasm-bindgen-${version}-${target}`;
  const address = `https://github.com/wasm-bindgen/wasm-bindgen/releases/download/${version}/${name}.tar.gz`;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "download-"));
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(60_000) });
    if (!answer.ok) return false;
    const archive = join(folder, "wasm-bindgen.tar.gz");
    writeFileSync(archive, Buffer.from(await answer.arrayBuffer()));
    if (!attempt("tar", ["xzf", archive, "-C", folder]).ok) return false;
    const unpacked = join(folder, name, program);
    if (ask(unpacked, ["--version"]) !== `wasm-bindgen ${version}`) return false;
    mkdirSync(dirname(path), { recursive: true });
    renameSync(unpacked, path);
    say(`downloaded wasm-bindgen ${version}`);
    return true;
  } catch {
    return false; // no way to the network, or not to that part of it
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
