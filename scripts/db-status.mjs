// Says which migrations of a folder are applied, which are not, which were edited after they were applied, and which are
// only in the database.
//
//   npm run db:status -- DIR [--url URL] [--key SERVICE_KEY]

import { commandLine, migrationFiles } from "./migrations.mjs";
import { runMain, say } from "./terminal.mjs";

const words = {
  applied: "applied",
  pending: "pending",
  changed: "applied, and edited since",
  remote: "only in the database",
};

await runMain(async () => {
  const { directory, project } = commandLine({ usage: "npm run db:status -- DIR [--url URL] [--key SERVICE_KEY]" });
  const migrations = await project.preview(migrationFiles(directory));
  const width = (key) => Math.max(...migrations.map((migration) => migration[key].length));
  const [versions, names] = [width("version"), width("name")];
  for (const { version, name, state, error } of migrations) {
    const refused = error ? `, would be refused at line ${error.line ?? "?"}: ${error.message}` : "";
    console.log(`${version.padEnd(versions)}  ${name.padEnd(names)}  ${words[state]}${refused}`);
  }
  const count = (state) => migrations.filter((migration) => migration.state === state).length;
  say(`${count("applied") + count("changed")} applied, ${count("pending")} pending`);
});
