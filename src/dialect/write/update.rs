//! `UPDATE`.

use sqlparser::ast::{TableFactor, Update, UpdateTableFromKind};

use super::before::{KEEP, old_columns, proposed, refuse_several};
use super::{NEW, Written, checked, written_table};
use crate::dialect::DialectError;
use crate::dialect::expression::{Lowering, Relation, Scope};
use crate::dialect::name::folded;
use crate::dialect::plpgsql::Condition;
use crate::dialect::statement::write::{assigned_values, target_scope};
use crate::schema::{Command, Table};
use crate::sql::{balanced, quote_identifier};

/// The row as it is, in the query of the rows as they will be.
const TARGET: &str = "\"/target\"";

/// Lowers an UPDATE.
pub fn update(
    lowering: &mut Lowering<'_>,
    update: &Update,
    guard: &Condition,
) -> Result<Written, DialectError> {
    let TableFactor::Table { name: object, alias, args: None, .. } = &update.table.relation else {
        return Err(DialectError::unsupported("UPDATE of this"));
    };
    if !update.table.joins.is_empty() || update.limit.is_some() || !update.order_by.is_empty() {
        return Err(DialectError::unsupported("this form of UPDATE"));
    }
    let catalog = lowering.catalog;
    let table = written_table(lowering, object)?;
    let alias = alias.as_ref().map(|alias| folded(&alias.name));
    let plainly =
        lowered(lowering, update, &table, target_scope(&table, alias.as_deref()), &table.physical(), guard)?;
    let names: Vec<String> = plainly.set.iter().map(|(name, _)| name.clone()).collect();
    let set: Vec<&str> = names.iter().map(String::as_str).collect();
    let check = lowering.environment.new_row_check(&table, Command::Update, NEW)?;
    let visible = if check.is_some() { lowering.environment.row_filter(&table, NEW)? } else { None };

    let mut relation = Relation::of_table(&table, TARGET);
    relation.name = alias.clone().unwrap_or_else(|| table.name.clone());
    let over = lowered(lowering, update, &table, Scope { relations: vec![relation] }, TARGET, guard)?;
    let mut list = vec![format!("{TARGET}.rowid AS \"/rowid\"")];
    list.extend(old_columns(catalog, &table, TARGET));
    for column in table.columns.iter().filter(|column| column.generated.is_none()) {
        let name = quote_identifier(&column.name);
        let given = over.set.iter().find(|(of, _)| *of == column.name).map(|(_, sql)| sql.clone());
        list.push(format!("{} AS {name}", given.unwrap_or_else(|| format!("{TARGET}.{name}"))));
    }
    let source = if over.from.is_empty() { String::new() } else { format!(" CROSS JOIN {}", over.from) };
    let rows = format!(
        "SELECT {}\nFROM {} AS {TARGET}{source}\nWHERE {}",
        list.join(", "),
        table.physical(),
        over.condition
    );
    let before = proposed(catalog, lowering.environment, &table, Command::Update, &set, &rows, &["/rowid"])?;
    let mut columns = names.clone();
    let sql = if before.is_none() && check.is_none() {
        let from = if plainly.from.is_empty() { String::new() } else { format!("\nFROM {}", plainly.from) };
        let assignments: Vec<String> =
            plainly.set.iter().map(|(name, sql)| format!("{} = {sql}", quote_identifier(name))).collect();
        format!(
            "UPDATE {}\nSET {}{from}\nWHERE {}",
            table.physical(),
            assignments.join(", "),
            plainly.condition
        )
    } else {
        let mut terms = vec![format!("{}.rowid = {NEW}.\"/rowid\"", table.physical())];
        let query = match before {
            None => format!("{rows}\nLIMIT -1"),
            Some(before) => {
                if before.reads_itself {
                    terms.push(refuse_several(&table, &format!("({rows})")));
                }
                terms.push(format!("{NEW}.{KEEP}"));
                columns.extend(before.changed);
                before.sql
            }
        };
        for check in check.into_iter().chain(visible) {
            terms.push(checked(&check, &table));
        }
        columns.sort();
        columns.dedup();
        let assignments: Vec<String> = columns
            .iter()
            .map(|name| quote_identifier(name))
            .map(|name| format!("{name} = {NEW}.{name}"))
            .collect();
        format!(
            "UPDATE {}\nSET {}\nFROM ({query}) AS {NEW}\nWHERE {}",
            table.physical(),
            assignments.join(", "),
            balanced(terms, " AND ")
        )
    };
    let from = if plainly.from.is_empty() {
        table.physical()
    } else {
        format!("{} CROSS JOIN {}", table.physical(), plainly.from)
    };
    Ok(Written {
        sql,
        alias,
        command: Command::Update,
        columns: names,
        updates_on_conflict: false,
        from,
        condition: plainly.condition,
        table,
    })
}

struct Parts {
    set: Vec<(String, String)>,
    /// The tables besides the target; empty for none.
    from: String,
    condition: String,
}

fn lowered(
    lowering: &mut Lowering<'_>,
    update: &Update,
    table: &Table,
    scope: Scope,
    row: &str,
    guard: &Condition,
) -> Result<Parts, DialectError> {
    let sources = match &update.from {
        None => &[],
        Some(UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables)) => {
            tables.as_slice()
        }
    };
    let scopes = lowering.scopes.len();
    lowering.scopes.push(scope);
    let parts = (|| {
        let from = lowering.sources_of_update(sources)?;
        let set = assigned_values(lowering, table, &update.assignments)?;
        let mut terms = Vec::new();
        if !guard.is_always() {
            terms.push(guard.to_sql());
        }
        terms.extend(from.filters);
        terms.extend(lowering.environment.command_filter(table, Command::Update, row)?);
        terms.extend(lowering.environment.row_filter(table, row)?);
        if let Some(selection) = &update.selection {
            terms.push(lowering.condition(selection)?);
        }
        Ok(Parts { set, from: from.sql, condition: balanced(terms, " AND ") })
    })();
    lowering.scopes.truncate(scopes);
    parts
}
