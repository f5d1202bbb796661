// Reconciles the rows of stored objects with the bytes in R2, page by page: reports, and repairs what it is told to.
//
//   npm run storage:check [-- --url URL --key SERVICE_KEY] [--repair bytes] [--repair rows] [--json]
//
// --repair bytes deletes bytes older than a day that no row names; --repair rows removes rows whose bytes are gone. Fails when
// something is wrong and stays so.

import { commandLine } from "./migrations.mjs";
import { bold, runMain, say, Stop } from "./terminal.mjs";

const kinds = {
  stray_bytes: "bytes that no row names",
  missing_bytes: "rows whose bytes are gone",
  wrong_sizes: "rows that say another size",
};

await runMain(async () => {
  const { project, values } = commandLine({
    usage: "npm run storage:check [-- --url URL --key SERVICE_KEY] [--repair bytes|rows] [--json]",
    more: { json: { type: "boolean", default: false }, repair: { type: "string", multiple: true, default: [] } },
    wantsDirectory: false,
  });
  if (values.repair.some((what) => !["bytes", "rows"].includes(what))) throw new Stop("--repair takes bytes or rows");
  const sum = { keys: 0, rows: 0, stray_bytes: [], missing_bytes: [], wrong_sizes: [], rows_without_version: 0, repaired: 0 };
  for (let after; ; ) {
    const page = await project.call("POST", "/admin/v1/storage/check", { repair: values.repair, ...(after && { after }) });
    for (const key of Object.keys(sum)) sum[key] = Array.isArray(sum[key]) ? [...sum[key], ...page[key]] : sum[key] + page[key];
    if (!page.next) break;
    after = page.next;
  }
  if (values.json) console.log(JSON.stringify(sum, null, 2));
  else print(sum);
  const wrong = Object.keys(kinds).reduce((count, kind) => count + sum[kind].length, 0);
  if (wrong > sum.repaired) process.exitCode = 1;
});

function print(sum) {
  for (const [kind, meaning] of Object.entries(kinds)) {
    if (sum[kind].length) console.log(`${bold(meaning)}: ${sum[kind].length}`);
    for (const one of sum[kind]) console.log(`  ${one.version ?? one}${one.name === undefined ? "" : `  ${one.bucket}/${one.name}`}`);
  }
  if (sum.rows_without_version) console.log(`rows without a version, such as a seed writes: ${sum.rows_without_version}`);
  say(`${sum.keys} versions in the store, ${sum.rows} rows; ${sum.repaired} repaired`);
}
