//! `DELETE`.

use sqlparser::ast::{Delete, FromTable, TableFactor};

use super::{Written, written_table};
use crate::dialect::DialectError;
use crate::dialect::expression::Lowering;
use crate::dialect::name::folded;
use crate::dialect::plpgsql::Condition;
use crate::dialect::statement::write::target_scope;
use crate::schema::Command;
use crate::sql::balanced;

/// Lowers a DELETE.
pub fn delete(
    lowering: &mut Lowering<'_>,
    delete: &Delete,
    guard: &Condition,
) -> Result<Written, DialectError> {
    let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
    let is_plain = delete.tables.is_empty() && delete.using.is_none() && delete.limit.is_none();
    let refused = || DialectError::unsupported("this form of DELETE").with_hint("Use WHERE … IN (SELECT …).");
    let ([target], true) = (tables.as_slice(), is_plain) else { return Err(refused()) };
    let TableFactor::Table { name: object, alias, args: None, .. } = &target.relation else {
        return Err(refused());
    };
    let table = written_table(lowering, object)?;
    let alias = alias.as_ref().map(|alias| folded(&alias.name));
    let row = table.physical();
    let scopes = lowering.scopes.len();
    lowering.scopes.push(target_scope(&table, alias.as_deref()));
    let selection = delete.selection.as_ref().map(|selection| lowering.condition(selection)).transpose();
    lowering.scopes.truncate(scopes);
    let mut terms = Vec::new();
    if !guard.is_always() {
        terms.push(guard.to_sql());
    }
    terms.extend(lowering.environment.command_filter(&table, Command::Delete, &row)?);
    terms.extend(lowering.environment.row_filter(&table, &row)?);
    terms.extend(selection?);
    let condition = balanced(terms, " AND ");
    Ok(Written {
        sql: format!("DELETE FROM {row}\nWHERE {condition}"),
        alias,
        command: Command::Delete,
        columns: Vec::new(),
        updates_on_conflict: false,
        from: row,
        condition,
        table,
    })
}
