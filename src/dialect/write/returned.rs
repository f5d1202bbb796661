//! What a statement in a function gives back of the rows it wrote: its `RETURNING`, as a query for after it.

use sqlparser::ast::{self, Insert, SelectItem, SetExpr};

use super::{Written, delete, insert, target_scope, update};
use crate::dialect::DialectError;
use crate::dialect::expression::Lowering;
use crate::dialect::plpgsql::{Condition, Sink};
use crate::dialect::query::{LoweredQuery, column_name};
use crate::dialect::statement::ddl::rowid_column;
use crate::schema::{Catalog, Command, DataType, Table, Timing};
use crate::sql::physical_name;

/// Lowers a statement that writes, which runs where `guard` holds.
pub fn written(
    lowering: &mut Lowering<'_>,
    statement: &ast::Statement,
    guard: &Condition,
) -> Result<Written, DialectError> {
    match statement {
        ast::Statement::Insert(of) => insert(lowering, of, guard, None),
        ast::Statement::Update(of) => update(lowering, of, guard),
        ast::Statement::Delete(of) => delete(lowering, of, guard),
        _ => Err(DialectError::unsupported("this statement in a function")),
    }
}

/// Gives a statement to the sink, and the query of its RETURNING: right until the next statement of the sink but
/// those that keep its rows ([`Sink::keep_rows`]). `None` without a RETURNING.
pub fn returned(
    lowering: &mut Lowering<'_>,
    sink: &mut Sink,
    statement: &ast::Statement,
    guard: &Condition,
) -> Result<(Written, Option<LoweredQuery>), DialectError> {
    let of = written(lowering, statement, guard)?;
    let fires = of.fires(lowering.catalog, guard);
    fires.before.iter().for_each(|sql| sink.push(sql.clone()));
    let rows = written_rows(lowering, sink, statement, &of)?;
    if fires.is_empty() {
        return Ok((of, rows));
    }
    fires.check.into_iter().for_each(|sql| sink.push(sql));
    let rows = rows.map(|rows| sink.keep_rows(&rows, &Condition::always()));
    fires.after.into_iter().for_each(|sql| sink.push(sql));
    Ok((of, rows))
}

fn written_rows(
    lowering: &mut Lowering<'_>,
    sink: &mut Sink,
    statement: &ast::Statement,
    of: &Written,
) -> Result<Option<LoweredQuery>, DialectError> {
    let items = match statement {
        ast::Statement::Insert(of) => of.returning.as_ref(),
        ast::Statement::Update(of) => of.returning.as_ref(),
        ast::Statement::Delete(of) => of.returning.as_ref(),
        _ => None,
    };
    let Some(items) = items else {
        sink.push(of.sql.clone());
        return Ok(None);
    };
    let name = of.table.physical();
    let rows = match statement {
        ast::Statement::Insert(insert) if is_of_one_row(insert) => {
            sink.push(of.sql.clone());
            let made = format!("{name}.rowid = last_insert_rowid() AND changes() > 0");
            outputs(lowering, of, items, &name, &made)?
        }
        ast::Statement::Insert(insert) => {
            refuse_unknown_rows(lowering.catalog, of, insert)?;
            let last = sink.keep(&format!("(SELECT coalesce(max(rowid), 0) FROM {name})"));
            sink.push(of.sql.clone());
            outputs(lowering, of, items, &name, &format!("{name}.rowid > {last}"))?
        }
        ast::Statement::Update(_) => {
            refuse_left_out(lowering.catalog, of)?;
            let rowid = LoweredQuery {
                sql: format!(
                    "SELECT {name}.rowid AS {} FROM {} WHERE {}",
                    column_name(0),
                    of.from,
                    of.condition
                ),
                columns: vec![("rowid".to_string(), DataType::Int8)],
                is_single: false,
                value: None,
            };
            let changed = sink.keep_rows(&rowid, &Condition::always());
            sink.push(of.sql.clone());
            outputs(lowering, of, items, &name, &format!("{name}.rowid IN ({})", changed.sql))?
        }
        _ => {
            refuse_left_out(lowering.catalog, of)?;
            let gone = outputs(lowering, of, items, &of.from, &of.condition)?;
            let kept = sink.keep_rows(&gone, &Condition::always());
            sink.push(of.sql.clone());
            kept
        }
    };
    Ok(Some(rows))
}

/// The outputs over the rows of a condition.
fn outputs(
    lowering: &mut Lowering<'_>,
    of: &Written,
    items: &[SelectItem],
    from: &str,
    condition: &str,
) -> Result<LoweredQuery, DialectError> {
    lowering.scopes.push(target_scope(&of.table, of.alias.as_deref()));
    let outputs = lowering.outputs(items, &[]);
    lowering.scopes.pop();
    let outputs = outputs?;
    let list: Vec<String> = outputs
        .iter()
        .enumerate()
        .map(|(index, output)| format!("{} AS {}", output.sql, column_name(index)))
        .collect();
    Ok(LoweredQuery {
        sql: format!("SELECT {} FROM {from} WHERE {condition}", list.join(", ")),
        columns: outputs.into_iter().map(|output| (output.name, output.data_type)).collect(),
        is_single: false,
        value: None,
    })
}

/// Whether an INSERT makes one row at most.
pub fn is_of_one_row(insert: &Insert) -> bool {
    let one = |query: &ast::Query| match query.body.as_ref() {
        SetExpr::Values(values) => values.rows.len() == 1,
        _ => false,
    };
    insert.on.is_none() && insert.source.as_deref().is_none_or(one)
}

/// New rows are known by their numbers, which come after all that were there.
fn refuse_unknown_rows(catalog: &Catalog, of: &Written, insert: &Insert) -> Result<(), DialectError> {
    let refused = |what: &str| {
        Err(DialectError::unsupported(format!("RETURNING {what} in a function or a query"))
            .with_hint("Read the rows with a SELECT after it."))
    };
    if of.updates_on_conflict {
        return refused("after ON CONFLICT DO UPDATE");
    }
    let numbers = |name: &String| {
        insert
            .columns
            .iter()
            .any(|column| crate::dialect::name::single(column).is_ok_and(|column| column == *name))
    };
    let numbers_all = insert.columns.is_empty() && insert.source.is_some();
    if rowid_column(&of.table).is_some_and(|name| numbers(name) || numbers_all) {
        return refused("of several rows whose key is given");
    }
    let own = physical_name(&of.table.schema, &of.table.name);
    let inserts_again = catalog.triggers_of(&of.table).into_iter().any(|trigger| {
        trigger.writes.iter().any(|write| write.table == own && write.command == Command::Insert)
    });
    if inserts_again { refused("of a table whose triggers insert into it") } else { Ok(()) }
}

/// The rows of an UPDATE or DELETE are those its condition finds, unless a trigger leaves some of them out.
fn refuse_left_out(catalog: &Catalog, of: &Written) -> Result<(), DialectError> {
    let leaves_out = catalog.triggers_of(&of.table).into_iter().any(|trigger| {
        trigger.enabled
            && trigger.is_of_rows()
            && trigger.timing == Timing::Before
            && trigger.events.contains(&of.command)
            && catalog.routines.get(&trigger.function).is_some_and(|routine| returns_null(&routine.body))
    });
    if leaves_out {
        return Err(DialectError::unsupported("RETURNING of rows that a BEFORE trigger may leave out"));
    }
    let is_renumbered = |table: &Table| rowid_column(table).is_some_and(|key| of.columns.contains(key));
    if of.command == Command::Update && is_renumbered(&of.table) {
        return Err(DialectError::unsupported("RETURNING of an UPDATE of the key"));
    }
    if of.condition.contains("random") {
        return Err(DialectError::unsupported("RETURNING of rows that chance chooses"));
    }
    Ok(())
}

/// Whether a body has `RETURN NULL`.
fn returns_null(body: &str) -> bool {
    let lower = body.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.windows(2).any(|pair| pair == ["return", "null"])
}
