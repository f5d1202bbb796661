// The JavaScript half of database.rs.

/** Runs `[[text, [bind, …]], …]` as one D1 batch; a bind that is a number is that one of `long`. Gives D1's results. */
export function batch(database, statements, long) {
  return database.batch(JSON.parse(statements).map(([text, binds]) => prepared(database, text, binds, long)));
}

/** Runs one statement, which needs no batch to take effect as a whole. Gives D1's result. */
export function one(database, text, binds, long) {
  return prepared(database, text, JSON.parse(binds), long).all();
}

function prepared(database, text, binds, long) {
  const statement = database.prepare(text);
  return binds.length ? statement.bind(...binds.map((bind) => (typeof bind === "number" ? long[bind] : bind))) : statement;
}

/** A session of the database, whose first statement is answered by a copy that is at least as new. */
export function session(database, from) {
  return database.withSession(from);
}

/** How new a session's last answer was, or null. */
export function bookmark(session) {
  return session.getBookmark() ?? null;
}

export function rowCount(result) {
  return result.results.length;
}

export function rowsAsJson(result) {
  return JSON.stringify(result.results);
}

/** The first column of every row, each a JSON text, as one JSON array. */
export function jsonArray(result) {
  let text = "[";
  for (const row of result.results) text += (text.length > 1 ? "," : "") + (first(row) ?? "null");
  return text + "]";
}

/** The first column of one row, or null. */
export function text(result, row) {
  const value = row < result.results.length ? first(result.results[row]) : null;
  return value == null ? null : String(value);
}

/** A number of one row, or undefined. */
export function number(result, row, column) {
  const value = result.results[row]?.[column];
  return typeof value === "number" ? value : undefined;
}

/** Rows changed. */
export function changes({ meta }) {
  return meta?.changes ?? 0;
}

/** Rows read, written and changed, and milliseconds. */
export function cost({ meta }) {
  return [meta?.rows_read ?? 0, meta?.rows_written ?? 0, meta?.changes ?? 0, meta?.duration ?? 0];
}

function first(row) {
  for (const name in row) return row[name];
}
