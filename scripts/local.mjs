// The local project: where it is served, and its well-known keys (local/demo.vars).

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "./toolchain.mjs";

/** The Supabase CLI's address for a local project. */
export const localHost = "127.0.0.1";
export const localPort = 54321;
export const localUrl = `http://${localHost}:${localPort}`;

export const demoVarsFile = join(root, "local", "demo.vars");

/** The variables of local/demo.vars, by name. */
export function demoVars() {
  const lines = readFileSync(demoVarsFile, "utf8").split("\n");
  return Object.fromEntries(lines.map((line) => /^(\w+)="(.*)"$/.exec(line)?.slice(1)).filter(Boolean));
}
