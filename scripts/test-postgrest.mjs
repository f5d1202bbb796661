// Compares the data API with what PostgREST's own specs say: reads them and their fixtures from the checkout that
// POSTGREST_SOURCE names, and plays them against the real router. Nothing of PostgREST is part of this repository.
// `POSTGREST_ONLY=Query/InsertSpec` takes the files whose names contain that.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { casesOf, SECRET } from "./postgrest-spec/cases.mjs";
import { fixturesOf } from "./postgrest-spec/fixtures.mjs";
import { run, runMain, say, Stop } from "./terminal.mjs";
import { root } from "./toolchain.mjs";

await runMain(async () => {
  const source = process.env.POSTGREST_SOURCE;
  const features = join(source ?? "", "test", "spec", "Feature");
  if (!source || !existsSync(features)) {
    throw new Stop("POSTGREST_SOURCE must name a checkout of https://github.com/PostgREST/postgrest.");
  }
  const wanted = process.env.POSTGREST_ONLY ?? "";
  const files = readdirSync(features, { recursive: true }).filter((file) => file.endsWith("Spec.hs") && file.includes(wanted)).sort();
  const cases = files.flatMap((file) => casesOf(source, file));
  const steps = cases.flatMap((of) => of.steps).length;
  say(`${files.length} specs: ${cases.length} cases, ${steps} requests`);
  const folder = join(root, "build", "postgrest");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "specs.json");
  writeFileSync(path, JSON.stringify({ secret: SECRET, fixtures: fixturesOf(source), cases }));
  await run("cargo", ["test", "--test", "postgrest"], { cwd: root, env: { ...process.env, POSTGREST_SPECS: path }, why: "the comparison" });
});
