// Prints what each role reaches of each exposed table, and what of it looks like a mistake.
//
//   npm run db:report [-- --url URL --key SERVICE_KEY] [--json] [--strict]
//
// --json prints the report as the Worker gives it; --strict fails when there is an ERROR, for a pipeline.

import { commandLine } from "./migrations.mjs";
import { bold, dim, runMain, say } from "./terminal.mjs";

const commands = ["select", "insert", "update", "delete"];

await runMain(async () => {
  const { project, values } = commandLine({
    usage: "npm run db:report [-- --url URL --key SERVICE_KEY] [--json] [--strict]",
    more: { json: { type: "boolean", default: false }, strict: { type: "boolean", default: false } },
    wantsDirectory: false,
  });
  const report = await project.call("GET", "/admin/v1/policies/report");
  if (values.json) console.log(JSON.stringify(report, null, 2));
  else print(report.tables);
  const findings = report.tables.flatMap((table) => table.findings);
  if (values.strict && findings.some(({ level }) => level === "ERROR")) process.exitCode = 1;
});

function print(tables) {
  const name = ({ schema, name }) => `${schema}.${name}`;
  const width = Math.max(5, ...tables.map((table) => name(table).length)) + 2;
  console.log(bold("table".padEnd(width) + "role".padEnd(15) + commands.map((command) => command.padEnd(8)).join("")));
  for (const table of tables) {
    Object.entries(table.roles).forEach(([role, reach], row) => {
      console.log((row ? "" : name(table)).padEnd(width) + role.padEnd(15) + commands.map((command) => reach[command].padEnd(8)).join(""));
    });
  }
  for (const level of ["ERROR", "WARN", "INFO"]) {
    for (const table of tables) {
      for (const finding of table.findings.filter((one) => one.level === level)) {
        const about = [finding.policy && `"${finding.policy}"`, finding.commands.join(", "), finding.columns.join(", "), finding.roles.join(", ")];
        console.log(`\n${bold(level)} ${name(table)} ${dim(finding.code)}  ${about.filter(Boolean).join("; ")}\n  ${finding.message}`);
      }
    }
  }
  const count = (level) => tables.flatMap((table) => table.findings).filter((one) => one.level === level).length;
  say(`${tables.length} tables; ${count("ERROR")} errors, ${count("WARN")} warnings, ${count("INFO")} notes`);
}
