//! The table of documents and what they come to, and the SQL that asks it.

use crate::ports::{Database, DbError};
use crate::sql::{Statement, raise};

/// What a raised list of documents begins with.
pub const MISSING: &str = "text-search:";

/// The table's name, which every statement that asks it has.
pub const TABLE: &str = "\"edgeward.text_vectors\"";

/// How many characters of documents one failure carries at most, besides the first.
const MOST_CARRIED: u32 = 300_000;

/// How long a document is remembered, in seconds. One that is still in use is then made again.
const REMEMBERED: i64 = 90 * 24 * 3600;

/// Where other documents like the one asked for are: the quoted table and the name its row goes by.
#[derive(Clone, Copy, Debug)]
pub struct Among<'a> {
    /// The table.
    pub table: &'a str,
    /// The quoted name that the document's expression calls its row.
    pub row: &'a str,
}

/// The lexemes of a vector, given as such or as a document. `among` finds what else is missing, so that one
/// failure is enough for many rows.
pub fn vector_of(document: &str, among: Option<Among<'_>>) -> String {
    let missing = missing_with(document, among);
    format!(
        "CASE WHEN substr({document}, 1, 1) = '[' THEN coalesce((SELECT vector FROM {TABLE} WHERE document = {document}), {missing}) ELSE {document} END"
    )
}

/// What raises a document that is not there, and others that its row's table would ask for.
fn missing_with(document: &str, among: Option<Among<'_>>) -> String {
    let others = among.map(|Among { table, row }| {
        format!(
            "\n  UNION ALL\n  SELECT document FROM (\n    SELECT document, sum(length(document)) OVER (ROWS UNBOUNDED PRECEDING) AS size\n    FROM (SELECT DISTINCT {document} AS document FROM {table} AS {row}) AS \"/all\"\n    WHERE substr(document, 1, 1) = '['\n      AND NOT EXISTS (SELECT 1 FROM {TABLE} AS known WHERE known.document = \"/all\".document)\n  )\n  WHERE size < {MOST_CARRIED}"
        )
    });
    raise(&format!(
        "'{MISSING}' || (SELECT json_group_array(document) FROM (SELECT {document} AS document{}))",
        others.unwrap_or_default()
    ))
}

/// A query that raises the documents in a column of `rows`, a query's SQL, which are not there yet.
pub fn missing_of(rows: &str, column: &str) -> String {
    let missing = raise(&format!("'{MISSING}' || json_group_array(document)"));
    format!(
        "SELECT CASE WHEN count(*) > 0 THEN {missing} END
FROM (
  SELECT document, sum(length(document)) OVER (ROWS UNBOUNDED PRECEDING) - length(document) AS size
  FROM (SELECT DISTINCT {column} AS document FROM ({rows})) AS \"/all\"
  WHERE substr(document, 1, 1) = '['
    AND NOT EXISTS (SELECT 1 FROM {TABLE} AS known WHERE known.document = \"/all\".document)
)
WHERE size < {MOST_CARRIED}"
    )
}

/// The clauses of a query, given as such or as a document.
pub fn query_of(document: &str) -> String {
    let missing = raise(&format!("'{MISSING}' || json_array({document})"));
    format!(
        "CASE WHEN substr({document}, 1, 2) = '[\"' THEN coalesce((SELECT vector FROM {TABLE} WHERE document = {document}), {missing}) ELSE {document} END"
    )
}

/// What a document comes to; `among` finds what else is missing, as for a vector.
pub fn looked_up(document: &str, among: Option<Among<'_>>) -> String {
    let missing = missing_with(document, among);
    format!("coalesce((SELECT vector FROM {TABLE} WHERE document = {document}), {missing})")
}

/// `@@`: whether a vector's lexemes fulfil a query's clauses.
pub fn matches(vector: &str, query: &str) -> String {
    let places = |word: &str| {
        let rest = format!("substr(vector, instr(vector, {word}) + length({word}))");
        format!(
            "json_each(CASE WHEN instr(vector, {word}) THEN '[\"' || replace(substr({rest}, 1, instr({rest}, ' ') - 1), ',', '\",\"') || '\"]' ELSE '[]' END)"
        )
    };
    let first = places("\"/test\".value ->> '$.words[0][0]'");
    let each = places("\"/word\".value ->> '$[0]'");
    format!(
        "(WITH \"/search\" AS MATERIALIZED (SELECT ' ' || {vector} || ' ' AS vector, {query} AS query)
  SELECT CASE WHEN vector IS NOT NULL AND query IS NOT NULL THEN NOT EXISTS (
    SELECT 1 FROM json_each(query) AS \"/clause\" WHERE NOT EXISTS (
      SELECT 1 FROM json_each(\"/clause\".value) AS \"/test\" WHERE \"/test\".value ->> 'n' <> CASE
        WHEN \"/test\".value -> 'any' IS NOT NULL THEN EXISTS (
          SELECT 1 FROM json_each(\"/test\".value, '$.any') AS \"/text\" WHERE instr(vector, \"/text\".value))
        ELSE EXISTS (
          SELECT 1 FROM {first} AS \"/start\" WHERE NOT EXISTS (
            SELECT 1 FROM json_each(\"/test\".value, '$.words') AS \"/word\" WHERE NOT EXISTS (
              SELECT 1 FROM {each} AS \"/place\"
              WHERE CAST(\"/place\".value AS INTEGER) = CAST(\"/start\".value AS INTEGER) + (\"/word\".value ->> '$[1]')
                AND instr(\"/word\".value ->> '$[2]', CASE WHEN \"/place\".value GLOB '*[A-C]' THEN substr(\"/place\".value, -1) ELSE 'D' END))))
      END)) END FROM \"/search\")"
    )
}

/// Writes down what documents come to, as pairs in JSON.
pub async fn remember(database: &dyn Database, pairs: &str) -> Result<(), DbError> {
    let sql = format!(
        "INSERT OR IGNORE INTO {TABLE} (document, vector, made_at)
         SELECT value ->> '$[0]', value ->> '$[1]', unixepoch()
         FROM json_each(?1)"
    );
    database.batch(vec![Statement::new(sql).bind(pairs)]).await.map(|_| ())
}

/// Forgets documents that were made long ago.
pub async fn sweep(database: &dyn Database) -> Result<(), DbError> {
    let sql = format!("DELETE FROM {TABLE} WHERE made_at < unixepoch() - CAST(?1 AS INTEGER)");
    database.batch(vec![Statement::new(sql).bind(REMEMBERED)]).await.map(|_| ())
}
