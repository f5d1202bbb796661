// What the scripts share about being run by a person: saying what happens, running a program, stopping with a reason.
// Runs on Node 18 and needs no package: setup starts here before there is a node_modules.

import { spawn, spawnSync } from "node:child_process";

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);

export const bold = (text) => paint(1, text);
export const dim = (text) => paint(2, text);

/** Says one step of the work: `edgeward: <text>`. */
export function say(text) {
  console.log(`${paint("1;36", "edgeward:")} ${text}`);
}

/** A failure a person can do something about: printed without a stack. */
export class Stop extends Error {}

/** Runs `main`; a `Stop` ends the process with its message alone, anything else with its stack. */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    console.error(`\n${paint("1;31", "edgeward:")} ${error instanceof Stop ? error.message : error.stack}`);
    process.exitCode = 1;
  }
}

/** Runs a program with its output shown; rejects with a `Stop` when it fails. */
export function run(program, args, { cwd, env, why } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", (error) => reject(new Stop(`${why ?? program}: ${error.message}`)));
    child.on("exit", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Stop(`${why ?? `${program} ${args.join(" ")}`}: failed (${signal ?? `exit ${code}`})`));
    });
  });
}

/** Runs a program quietly. Gives its trimmed standard output, or `undefined` when it is absent, fails or takes too long. */
export function ask(program, args, { cwd, env, timeout = 60_000 } = {}) {
  const answer = spawnSync(program, args, { cwd, env, timeout, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return answer.status === 0 ? answer.stdout.trim() : undefined;
}

/** Runs a program quietly. Gives whether it succeeded, and what it printed, for a message. */
export function attempt(program, args, { cwd, env, timeout = 600_000 } = {}) {
  const answer = spawnSync(program, args, { cwd, env, timeout, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const printed = `${answer.stdout ?? ""}${answer.stderr ?? ""}`.trim();
  return { ok: answer.status === 0, printed: printed || answer.error?.message || "" };
}
