// Begins a database anew: removes the project's tables, accounts and files, applies its migrations and runs its seed.
//
//   npm run db:reset -- DIR [--no-seed]
//   npm run db:reset -- DIR --url URL --key SERVICE_KEY --confirm HOST     a deployed one, all of whose data goes
//
// A file that is refused ends it with those before it applied, as db:push does.

import { pushDatabase } from "./db-push.mjs";
import { commandLine, migrationFiles, seedFile } from "./migrations.mjs";
import { runMain, say, Stop } from "./terminal.mjs";

await runMain(async () => {
  const { directory, project, values } = commandLine({
    usage: "npm run db:reset -- DIR [--no-seed] [--url URL --key SERVICE_KEY --confirm HOST]",
    more: { "no-seed": { type: "boolean", default: false }, confirm: { type: "string" } },
  });
  const { host } = new URL(project.url);
  if (!project.isLocal && values.confirm !== host) {
    throw new Stop(`${host} is not on this machine, and a reset removes all of its data: --confirm ${host} if that is meant`);
  }
  migrationFiles(directory);
  const { tables_dropped: tables } = await project.call("POST", "/admin/v1/reset", { confirm: host });
  say(`removed ${tables} ${tables === 1 ? "table" : "tables"}, all accounts and all files`);
  const seed = !values["no-seed"] && seedFile(directory) !== undefined;
  const { applied } = await pushDatabase({ directory, project, seed });
  say(`${applied} applied${seed ? ", seeded" : ""}`);
});
