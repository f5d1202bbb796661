//! WITH queries that write: statements of their own, run in order before the one that they stand in.
//!
//! In Postgres all parts of a statement see the tables as they were before it, and each other's rows by RETURNING
//! only. So a part that looks into a table which one before it wrote is refused.

use sqlparser::ast::{Cte, Query, SetExpr, Statement, With};

use super::Written;
use super::returned::returned;
use crate::dialect::DialectError;
use crate::dialect::expression::Lowering;
use crate::dialect::plpgsql::{Condition, Sink};
use crate::dialect::query::{CommonTable, LoweredQuery};

/// A statement that is taken apart: its WITH queries, when one of them writes, and itself without them.
pub fn taken_apart(statement: &Statement) -> (Option<With>, Statement) {
    match statement {
        Statement::Query(query) => of_query(query),
        Statement::Insert(insert) => {
            let mut insert = insert.clone();
            let source = insert.source.as_mut().filter(|source| has_writes(source.with.as_ref()));
            let with = source.and_then(|source| source.with.take());
            (with, Statement::Insert(insert))
        }
        other => (None, other.clone()),
    }
}

fn of_query(query: &Query) -> (Option<With>, Statement) {
    if let SetExpr::Insert(inner) | SetExpr::Update(inner) | SetExpr::Delete(inner) = query.body.as_ref() {
        return (query.with.clone(), inner.clone());
    }
    if !has_writes(query.with.as_ref()) {
        return (None, Statement::Query(Box::new(query.clone())));
    }
    let bare = Query { with: None, ..query.clone() };
    (query.with.clone(), Statement::Query(Box::new(bare)))
}

/// Whether a statement writes, itself or in its WITH queries.
pub fn is_write(statement: &Statement) -> bool {
    let Statement::Query(query) = statement else { return true };
    let writes = matches!(query.body.as_ref(), SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_));
    writes || has_writes(query.with.as_ref())
}

/// Whether one of the WITH queries writes.
pub fn has_writes(with: Option<&With>) -> bool {
    with.is_some_and(|with| with.cte_tables.iter().any(|table| write_in(table).is_some()))
}

fn write_in(table: &Cte) -> Option<&Statement> {
    match table.query.body.as_ref() {
        SetExpr::Insert(of) | SetExpr::Update(of) | SetExpr::Delete(of) => Some(of),
        _ => None,
    }
}

/// Runs WITH queries: their statements go to the sink, and their names stay in the lowering's sight. `so_far` is
/// what the statement wrote, and gets what they write.
pub fn run_with(
    lowering: &mut Lowering<'_>,
    sink: &mut Sink,
    with: &With,
    guard: &Condition,
    so_far: &mut Vec<Written>,
) -> Result<(), DialectError> {
    if with.recursive {
        return Err(DialectError::unsupported("WITH RECURSIVE beside a query that writes"));
    }
    for table in &with.cte_tables {
        let rows = match write_in(table) {
            None => {
                let query = lowering.subquery(&table.query)?;
                refuse_written(&query.sql, so_far)?;
                Some(sink.keep_rows(&query, guard))
            }
            Some(statement) => {
                if table.query.with.is_some() {
                    return Err(DialectError::unsupported("WITH inside of a WITH query that writes"));
                }
                let (written, rows) = returned(lowering, sink, statement, guard)?;
                refuse_written(&written.sql, so_far)?;
                if !written.fires(lowering.catalog, guard).is_empty() {
                    return Err(DialectError::unsupported(format!(
                        "a WITH query that writes \"{}\", which has statement-level triggers,",
                        written.table.name
                    ))
                    .with_hint("Make two statements of it."));
                }
                so_far.push(written);
                rows.map(|rows| sink.keep_rows(&rows, guard))
            }
        };
        if let Some(rows) = rows {
            let sql = format!("({})", rows.sql);
            lowering.common_tables.push(CommonTable::of(&table.alias, &sql, &rows)?);
        }
    }
    Ok(())
}

/// Refuses SQL that would see what an earlier part of the same statement wrote.
pub fn refuse_written(sql: &str, so_far: &[Written]) -> Result<(), DialectError> {
    let reads = |written: &&Written| {
        let name = written.table.physical();
        ["FROM", "JOIN", "INTO", "UPDATE"].iter().any(|word| sql.contains(&format!("{word} {name}")))
    };
    match so_far.iter().find(reads) {
        None => Ok(()),
        Some(written) => Err(DialectError::unsupported(format!(
            "looking into the table \"{}\", which a WITH query of the same statement writes,",
            written.table.name
        ))
        .with_hint("Use the rows of its RETURNING, or make two statements of it.")),
    }
}

/// The rows of a query that is the statement's last part.
pub fn unwritten(query: LoweredQuery, so_far: &[Written]) -> Result<LoweredQuery, DialectError> {
    refuse_written(&query.sql, so_far)?;
    Ok(query)
}
