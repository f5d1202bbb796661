// Applies a folder of Postgres migrations, as `supabase db push` would.
//
//   npm run db:push -- DIR [--url URL] [--key SERVICE_KEY] [--seed] [--dry-run]
//
// DIR holds supabase/migrations/*.sql, migrations/*.sql or *.sql, each named <version>_<name>.sql, applied in the order of
// their versions. Each file is applied whole or not at all; one that is already there is passed over. The first refusal
// ends the run. --seed runs seed.sql afterwards; --dry-run is db:diff. Without --url and --key it is the local project's.

import { basename } from "node:path";
import { fileURLToPath } from "node:url";

import { diff } from "./db-diff.mjs";
import { commandLine, migrationFiles, Project, seedFile, seedPlaces } from "./migrations.mjs";
import { runMain, say, Stop } from "./terminal.mjs";

/** Applies the migrations of `directory`, then its seed if asked. Gives how many files were applied and how many were there. */
export async function pushDatabase({ directory, project, url, seed = false, quiet = false }) {
  const to = project ?? new Project({ url });
  const count = { applied: 0, present: 0 };
  for (const file of migrationFiles(directory)) {
    const { applied, changed } = await to.push(file);
    count[applied ? "applied" : "present"] += 1;
    const news = applied ? "applied" : changed ? "already there, and edited since (the edit is not applied)" : "already there";
    if (!quiet || changed) say(`${basename(file.path)}: ${news}`);
  }
  if (seed) {
    const path = seedFile(directory);
    if (!path) throw new Stop(`--seed: there is no ${seedPlaces(directory).join(" or ")}`);
    await to.run(path);
    if (!quiet) say(`${basename(path)}: seeded`);
  }
  return count;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    const { directory, project, values } = commandLine({
      usage: "npm run db:push -- DIR [--url URL] [--key SERVICE_KEY] [--seed] [--dry-run]",
      more: { seed: { type: "boolean", default: false }, "dry-run": { type: "boolean", default: false } },
    });
    if (values["dry-run"]) return diff({ directory, project });
    const count = await pushDatabase({ directory, project, seed: values.seed });
    say(`${count.applied} applied, ${count.present} already there`);
  });
}
