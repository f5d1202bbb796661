//! The SQL of the policy report: what a predicate says of no row in particular, and what it scans.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::ports::{Database, DbError};
use crate::schema::{Catalog, Table};
use crate::sql::{Statement, physical_name, quote_identifier};

/// What is asked of the database about a predicate.
#[derive(Clone, Debug)]
pub struct Question {
    /// What the answer is about.
    pub kind: Kind,
    /// How it is asked.
    pub statement: Statement,
    /// The predicate, whose columns the answer is about.
    pub predicate: String,
}

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whether it is true: it looks at no row.
    Truth,
    /// Which tables it reads whole.
    Plan {
        /// The row is at hand, so that only the tables it looks into count.
        row_is_known: bool,
    },
}

/// The question about a predicate over a row that it names `row`, and its SQL.
pub fn question(table: &Table, predicate: &str, row: &str, row_is_known: bool) -> (Kind, String) {
    if !predicate.contains(row) && !predicate.contains("FROM") {
        return (Kind::Truth, format!("SELECT coalesce(({predicate}), 0) <> 0 AS truth"));
    }
    let sql = format!("EXPLAIN QUERY PLAN\nSELECT 1\nFROM {} AS {row}\nWHERE {predicate}", table.physical());
    (Kind::Plan { row_is_known }, sql)
}

/// What the database answered.
pub struct Answers {
    truths: HashMap<String, bool>,
    /// The names of what each plan reads whole.
    scans: HashMap<String, Vec<String>>,
    /// Physical table and column.
    indexed: HashSet<(String, String)>,
}

/// The most statements of a batch.
const BATCH: usize = 400;

/// Asks all of them, each once.
pub async fn ask(database: &dyn Database, mut questions: Vec<Question>) -> Result<Answers, DbError> {
    let mut seen = HashSet::new();
    questions.retain(|question| seen.insert(key(question)));
    let mut answers =
        Answers { truths: HashMap::new(), scans: HashMap::new(), indexed: indexed(database).await? };
    for some in questions.chunks(BATCH) {
        let batch = some.iter().map(|question| question.statement.clone()).collect();
        for (question, rows) in some.iter().zip(database.batch(batch).await?) {
            match question.kind {
                Kind::Truth => {
                    #[derive(Deserialize)]
                    struct Row {
                        truth: u8,
                    }
                    let row: Option<Row> = rows.first()?;
                    answers.truths.insert(key(question), row.is_some_and(|row| row.truth != 0));
                }
                Kind::Plan { .. } => {
                    #[derive(Deserialize)]
                    struct Row {
                        detail: String,
                    }
                    let scanned = rows.decode::<Row>()?.into_iter().filter_map(|row| scanned(&row.detail));
                    answers.scans.insert(key(question), scanned.collect());
                }
            }
        }
    }
    Ok(answers)
}

/// Questions whose answers are the same have the same.
fn key(question: &Question) -> String {
    match question.kind {
        Kind::Truth => format!("{}{:?}", question.statement.text, question.statement.binds),
        Kind::Plan { .. } => question.statement.text.to_string(),
    }
}

/// What may follow a table's name in a plan.
const HOW: &[&str] = &[" USING ", " EXISTS", " LEFT-JOIN", " RIGHT-JOIN"];

/// `SCAN rm` and `SCAN rm USING COVERING INDEX i` → `rm`; `None` for a search, and for a scan of what
/// is no table.
fn scanned(detail: &str) -> Option<String> {
    let name = detail.strip_prefix("SCAN ")?;
    let name = HOW.iter().fold(name, |name, how| name.split(how).next().unwrap_or(name));
    let is_table =
        !name.contains("VIRTUAL TABLE") && !name.contains("CONSTANT ROW") && !name.starts_with('(');
    is_table.then(|| name.to_string())
}

/// The columns that an index begins with.
async fn indexed(database: &dyn Database) -> Result<HashSet<(String, String)>, DbError> {
    #[derive(Deserialize)]
    struct Row {
        table: String,
        column: String,
    }
    let statement = Statement::new(
        "SELECT of.tbl_name AS \"table\", part.name AS \"column\"
         FROM sqlite_master AS of
         JOIN pragma_index_info(of.name) AS part
         WHERE of.type = 'index' AND part.seqno = 0 AND part.name IS NOT NULL",
    );
    let results = database.batch(vec![statement]).await?;
    let rows = results.first().map_or(Ok(Vec::new()), |rows| rows.decode::<Row>())?;
    Ok(rows.into_iter().map(|row| (row.table, row.column)).collect())
}

impl Answers {
    /// Whether a predicate that looks at no row is true; `None` for one that does.
    pub fn truth(&self, question: &Question) -> Option<bool> {
        self.truths.get(&key(question)).copied()
    }

    /// The columns, as `schema.table.column`, that a predicate compares in tables that it reads whole,
    /// and no index begins with.
    pub fn unindexed(&self, catalog: &Catalog, of: &Table, question: &Question, row: &str) -> Vec<String> {
        let Kind::Plan { row_is_known } = question.kind else { return Vec::new() };
        let mut columns = Vec::new();
        for name in self.scans.get(&key(question)).into_iter().flatten() {
            let alias = quote_identifier(name);
            let table = match alias == row {
                true if row_is_known => continue,
                true => Some(of),
                false => named(catalog, &question.predicate, &alias),
            };
            let Some(table) = table else { continue };
            let physical = physical_name(&table.schema, &table.name);
            for column in &table.columns {
                let is_compared =
                    question.predicate.contains(&format!("{alias}.{}", quote_identifier(&column.name)));
                let is_indexed = table.primary_key_columns().first() == Some(&column.name)
                    || self.indexed.contains(&(physical.clone(), column.name.clone()));
                let full = format!("{}.{}.{}", table.schema, table.name, column.name);
                if is_compared && !is_indexed && !columns.contains(&full) {
                    columns.push(full);
                }
            }
        }
        columns
    }
}

/// The table that SQL calls `alias`.
fn named<'a>(catalog: &'a Catalog, sql: &str, alias: &str) -> Option<&'a Table> {
    catalog.tables.values().find(|table| sql.contains(&format!("{} AS {alias}", table.physical())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_are_told_from_searches() {
        let rows = [
            ("SCAN /row", Some("/row")),
            ("SCAN rm USING COVERING INDEX rm_idx", Some("rm")),
            ("SCAN /row/1 EXISTS", Some("/row/1")),
            ("SEARCH rm USING INDEX rm_idx (room_id=?)", None),
            ("SCAN tag VIRTUAL TABLE INDEX 1:", None),
            ("SCAN CONSTANT ROW", None),
            ("SCAN (subquery-2)", None),
            ("CORRELATED SCALAR SUBQUERY 1", None),
        ];
        for (detail, expected) in rows {
            assert_eq!(scanned(detail).as_deref(), expected, "{detail}");
        }
    }
}
