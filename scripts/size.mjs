// Prints how big the Worker is: `npm run size`.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "./build.mjs";
import { runMain } from "./terminal.mjs";

const parts = ["index_bg.wasm", "index.js", "entry.js"];

/** Bytes of each part of the build in `folder`, as it is and compressed. */
export function sizesOf(folder) {
  return parts.map((name) => {
    const bytes = readFileSync(join(folder, name));
    return { name, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    const { folder } = await build({ profile: "release" });
    const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} KB`.padStart(12);
    console.log(`${"".padEnd(16)}${"raw".padStart(12)}${"gzip".padStart(12)}`);
    for (const { name, raw, gzip } of sizesOf(folder)) console.log(`${name.padEnd(16)}${kilobytes(raw)}${kilobytes(gzip)}`);
  });
}
