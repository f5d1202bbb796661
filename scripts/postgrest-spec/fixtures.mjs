// PostgREST's fixtures, which are scripts for psql → statements, each with the search path that it stands under.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { withOurNames } from "./names.mjs";

/** In the order in which they are loaded there. The roles are those of a Supabase project, and so is the database. */
const FILES = ["schema.sql", "jwt.sql", "jsonschema.sql", "privileges.sql", "data.sql"];

/** What only psql or the session needs. */
const OF_THE_SESSION = /^(?:SET\s|BEGIN\b|COMMIT\b|ANALYZE\b|DROP SCHEMA\b|CREATE SCHEMA (?:public|extensions)\b)/i;

/** A table as in PostgREST, where nobody asked for row-level security; here every new table has it. */
const NEW_TABLE = /^CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF NOT EXISTS\s+)?((?:"(?:[^"]|"")*"|[^\s(."])+(?:\.(?:"(?:[^"]|"")*"|[^\s(."])+)?)/iu;

/** What the first name of such a statement is: under another search path than the default schema's it needs its schema. */
const NAMED =
  /^((?:CREATE\s+(?:OR REPLACE\s+)?(?:TABLE|FUNCTION|TYPE|VIEW|SEQUENCE)|ALTER\s+TABLE(?:\s+ONLY)?|INSERT\s+INTO|TRUNCATE\s+TABLE|CREATE\s+(?:CONSTRAINT\s+)?TRIGGER\b[^;]*?\bON)\s+)([^\s.(]+)(?=[\s(;])(?!\.)/iu;

/** What is said otherwise, so that the requests that need no more of it can be asked: of which statements, what, and as what. */
const OTHERWISE = [
  [/TABLE (?:menagerie|public\.employees)\b/i, /\bmoney(?=,| NOT)/g, "text"],
  [/TABLE (?:postgrest\.auth|private\.articles)\b/i, /\bname(?= (?:DEFAULT|not null))/gi, "text"],
  [/TABLE postgrest\.auth\b/i, /::name/g, "::text"],
  [/create table schedules/i, /timetz/g, "time"],
  [/^create (?:or replace )?view/i, /\bas table (\S+)$/i, "as select * from $1"],
  [/^comment on/i, /\$\$([\s\S]*)\$\$/, "'$1'"],
  [/TABLE other\.public_orders/i, /references public_consumers/, "references other.public_consumers"],
];

/** Every statement: `{ file, line, sql }`. */
export function fixturesOf(checkout) {
  return FILES.flatMap((file) => {
    const script = withOurNames(readFileSync(join(checkout, "test", "spec", "fixtures", file), "utf8"));
    let schema = "public";
    return statementsOf(copied(script)).flatMap(({ line, sql }) => {
      const path = /^SET\s+search_path\s*(?:=|TO)\s*([^\s,;]+)/iu.exec(sql);
      if (path) schema = path[1];
      if (path || OF_THE_SESSION.test(sql)) return [];
      const named = schema === "public" ? sql : sql.replace(NAMED, (_, before, name) => `${before}${schema}.${name}`);
      const statement = OTHERWISE.reduce((before, [of, what, as]) => (of.test(before) ? before.replace(what, as) : before), named);
      const table = NEW_TABLE.exec(statement);
      const found = [{ file, line, sql: statement }];
      if (table) found.push({ file, line, sql: `ALTER TABLE ${table[1]} DISABLE ROW LEVEL SECURITY` });
      return found;
    });
  });
}

/** Rows that are copied → rows that are inserted; the lines stay where they are. */
function copied(script) {
  return script.replace(/^COPY (.*?) FROM STDIN CSV DELIMITER '\|';\n([\s\S]*?)^\\\.$/gm, (_, into, rows) => {
    const values = rows.trimEnd().split("\n").map((row) => `(${row.split("|").map((value) => `'${value.replaceAll("'", "''")}'`).join(", ")})`);
    return `INSERT INTO ${into} VALUES\n${values.join(",\n")};\n`;
  });
}

function statementsOf(script) {
  const found = [];
  let from = 0;
  for (let at = 0; at < script.length; ) {
    const rest = script.slice(at, at + 200);
    const dollar = /^\$(?:[A-Za-z_]\w*)?\$/.exec(rest);
    if (dollar && !/\w/.test(script[at - 1] ?? "")) at = past(script, dollar[0], at + dollar[0].length);
    else if (rest.startsWith("--")) at = past(script, "\n", at);
    else if (rest.startsWith("/*")) at = past(script, "*/", at);
    else if (rest[0] === "'" || rest[0] === '"') at = past(script, rest[0], at + 1);
    else if (rest[0] === ";") {
      found.push(script.slice(from, at));
      from = ++at;
    } else at++;
  }
  let line = 1;
  return found.flatMap((text) => {
    const before = /^(?:\s|--.*\n|\/\*[\s\S]*?\*\/)*/.exec(text)[0];
    const start = line + before.split("\n").length - 1;
    line += text.split("\n").length - 1;
    const sql = text.slice(before.length).trim();
    return sql ? [{ line: start, sql }] : [];
  });
}

function past(script, end, from) {
  const found = script.indexOf(end, from);
  return found < 0 ? script.length : found + end.length;
}
