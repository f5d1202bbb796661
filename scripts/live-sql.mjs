// SQL of another project's suite, sent to a running Worker through the admin API: whole when it can be, else statement by statement.

import { demoVars } from "./local.mjs";

/** Applies a file whole, or else its statements one by one. Gives what was refused and why. */
export async function apply(sql, send) {
  if (!(await send(sql, "00000000000000"))) return [];
  const refused = [];
  for (const [index, statement] of statements(sql).entries()) {
    const reason = await send(statement, String(index + 1).padStart(14, "0"));
    if (reason) refused.push(`${statement.replace(/\s+/g, " ").slice(0, 90)}…: ${reason}`);
  }
  return refused;
}

/** Sends SQL to the admin API. Gives the reason of a refusal, or nothing. */
export async function post(url, path, body) {
  const key = demoVars().SERVICE_ROLE_KEY;
  const headers = { apikey: key, authorization: `Bearer ${key}`, "content-type": "application/json" };
  const answer = await fetch(`${url}/admin/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return answer.ok ? undefined : (await answer.json()).message;
}

/** The statements of a file: semicolons in quotes, dollar quotes and comments part nothing. */
function statements(sql) {
  const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$\w*\$)[\s\S]*?\1|--[^\n]*|\/\*[\s\S]*?\*\/|;/g;
  const found = [];
  let start = 0;
  for (const match of sql.matchAll(token)) {
    if (match[0] !== ";") continue;
    found.push(sql.slice(start, match.index));
    start = match.index + 1;
  }
  const bare = (statement) => statement.replace(/--[^\n]*/g, "").trim();
  return [...found, sql.slice(start)].map((statement) => statement.trim()).filter(bare);
}
