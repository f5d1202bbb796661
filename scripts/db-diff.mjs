// Shows the SQLite SQL of the migrations that are not applied yet, after trying it on the database. Changes nothing.
//
//   npm run db:diff -- DIR [--url URL] [--key SERVICE_KEY]
//
// Standard output is SQL, each statement below the line and the words of the one it comes from. What would be refused is
// said with its file, line, statement and reason, and the command fails.

import { basename } from "node:path";
import { fileURLToPath } from "node:url";

import { commandLine, migrationFiles, refusal } from "./migrations.mjs";
import { runMain, say, Stop } from "./terminal.mjs";

/** Prints what a push of `directory` would run. */
export async function diff({ directory, project }) {
  const files = migrationFiles(directory);
  const pending = (await project.preview(files)).filter(({ state }) => state === "pending");
  for (const { version, statements, error } of pending) {
    const { path } = files.find((file) => file.version === version);
    if (error) throw new Stop(refusal(error, path));
    console.log(`-- ${basename(path)}\n`);
    for (const { line, statement, sqlite } of statements) {
      const [first, ...more] = statement.split("\n");
      console.log(`-- ${line}: ${first}${more.length ? " …" : ""}`);
      for (const sql of sqlite) console.log(`${sql};`);
      console.log();
    }
  }
  if (pending.length === 0) say("nothing to apply");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    // --dry-run is what this always is; the Supabase CLI's users write it.
    const more = { "dry-run": { type: "boolean" } };
    await diff(commandLine({ usage: "npm run db:diff -- DIR [--url URL] [--key SERVICE_KEY]", more }));
  });
}
