//! Writes that BEFORE triggers have a say in: each row is made whole first, as the triggers leave it.

use super::proposed::{PROPOSED, ROWID, given, plain_columns};
use super::{Builder, where_clause};
use crate::dialect::{self, Before, KEEP};
use crate::policy::Predicate;
use crate::rest::error::RestError;
use crate::rest::plan::Insert;
use crate::schema::{Column, Command, Table};
use crate::sql::{quote_identifier, quote_literal, raise};

impl Builder<'_> {
    /// The update half of an upsert.
    pub(super) fn do_update(&mut self, table: &Table, insert: &Insert<'_>) -> Result<(), RestError> {
        let excluded =
            |column: &&Column| (column.name.clone(), format!("excluded.{}", quote_identifier(&column.name)));
        let set: Vec<(String, String)> = insert.columns.iter().map(excluded).collect();
        let (catalog, mut terms) = (self.catalog, Vec::new());
        let assignments =
            dialect::updated_on_conflict(catalog, &mut self.environment(), table, &set, &mut terms)?;
        let target = insert.conflict_target();
        let sql = format!("\nON CONFLICT ({target}) DO UPDATE\nSET {assignments}{}", where_clause(terms));
        self.writer.push(&sql);
        Ok(())
    }

    /// An update of rows that BEFORE triggers have changed: of each the whole row is made first.
    pub(super) fn update_through_triggers(
        &mut self,
        table: &Table,
        values: Vec<(&str, String)>,
        terms: Vec<String>,
        checks: &[(Predicate, String)],
    ) -> Result<String, RestError> {
        let name = table.physical();
        let set: Vec<&str> = values.iter().map(|(of, _)| *of).collect();
        let given = |column: &Column| {
            let value = values.iter().find(|(of, _)| *of == column.name).map(|(_, value)| value.clone());
            value.unwrap_or_else(|| format!("{name}.{}", quote_identifier(&column.name)))
        };
        let row = plain_columns(table).map(|column| (column, given(column))).collect();
        let source = format!("\nFROM {name}{}", where_clause(terms));
        let (proposed, is_kept) = self.updated_row(table, row, &set, &name, &source, &[ROWID])?;
        let left_out =
            if is_kept { format!("\n  WHEN NOT {PROPOSED}.{KEEP} THEN FALSE") } else { String::new() };
        let arm = |(predicate, error): &(Predicate, String)| {
            format!("\n  WHEN ({}) IS NOT TRUE THEN {error}", predicate.to_sql())
        };
        let arms: String = checks.iter().map(arm).collect();
        let written: Vec<String> = self
            .written_on_update(table, &set)?
            .iter()
            .map(|column| quote_identifier(column))
            .map(|column| format!("{column} = {PROPOSED}.{column}"))
            .collect();
        let several = self.refuse_several(table, &set)?;
        Ok(format!(
            "WITH {PROPOSED} AS MATERIALIZED (\n{proposed}\n)\nUPDATE {name}\nSET {}\nFROM {PROPOSED}\nWHERE {name}.rowid = {PROPOSED}.\"{ROWID}\"\n  AND CASE{several}{left_out}\n  WHEN {PROPOSED}.\"{ROWID}\" IS NULL THEN FALSE{arms}\n  ELSE TRUE\nEND",
            written.join(", "),
        ))
    }

    /// A query for a new row as BEFORE triggers leave it, and whether one may leave it out ([`KEEP`]).
    pub(super) fn inserted_row(
        &mut self,
        table: &Table,
        values: Vec<(&Column, String)>,
        source: &str,
    ) -> Result<(String, bool), RestError> {
        let given = given(values, source);
        let catalog = self.catalog;
        let before =
            dialect::proposed(catalog, &mut self.environment(), table, Command::Insert, &[], &given, &[])?;
        let is_kept = before.is_some();
        Ok((self.with_generated(table, before.map_or(given, |before| before.sql))?, is_kept))
    }

    /// The same for a row that is there under the name `old` and whose columns `set` an update sets.
    pub(super) fn updated_row(
        &mut self,
        table: &Table,
        values: Vec<(&Column, String)>,
        set: &[&str],
        old: &str,
        source: &str,
        carried: &[&str],
    ) -> Result<(String, bool), RestError> {
        let catalog = self.catalog;
        let mut also: Vec<String> = carried.iter().map(|name| format!("{old}.rowid AS \"{name}\"")).collect();
        also.extend(dialect::old_columns(catalog, table, old));
        also.push(String::new());
        let given = given(values, source).replacen("SELECT ", &format!("SELECT {}", also.join(", ")), 1);
        let environment = &mut self.environment();
        let before = dialect::proposed(catalog, environment, table, Command::Update, set, &given, carried)?;
        let is_kept = before.is_some();
        Ok((self.with_generated(table, before.map_or(given, |before| before.sql))?, is_kept))
    }

    /// The columns that an update of `set` writes, those of triggers among them.
    pub(super) fn written_on_update(
        &mut self,
        table: &Table,
        set: &[&str],
    ) -> Result<Vec<String>, RestError> {
        let changed = self.triggers_alone(table, Command::Update, set)?.map(|before| before.changed);
        let changed = changed.unwrap_or_default();
        let is_written =
            |column: &&Column| set.contains(&column.name.as_str()) || changed.contains(&column.name);
        Ok(plain_columns(table).filter(is_written).map(|column| column.name.clone()).collect())
    }

    /// An arm that raises when a trigger would have to see, in its own table, the rows before its own.
    pub(super) fn refuse_several(&mut self, table: &Table, set: &[&str]) -> Result<String, RestError> {
        let reads =
            self.triggers_alone(table, Command::Update, set)?.is_some_and(|before| before.reads_itself);
        if !reads {
            return Ok(String::new());
        }
        let message = format!(
            "0A000:a BEFORE trigger of table \"{}\" reads the table, so only one row at a time can be written",
            table.name
        );
        let error = raise(&quote_literal(&message));
        Ok(format!("\n  WHEN (SELECT count(*) FROM {PROPOSED}) > 1 THEN {error}"))
    }

    /// Whether a BEFORE trigger looks into the table itself, so that rows are written one by one.
    pub(super) fn reads_itself(&mut self, table: &Table, insert: &Insert<'_>) -> Result<bool, RestError> {
        let set: Vec<&str> = insert.columns.iter().map(|column| column.name.as_str()).collect();
        let reads = |before: Option<Before>| before.is_some_and(|before| before.reads_itself);
        Ok(reads(self.triggers_alone(table, Command::Insert, &[])?)
            || (insert.conflict.is_some() && reads(self.triggers_alone(table, Command::Update, &set)?)))
    }

    fn triggers_alone(
        &mut self,
        table: &Table,
        command: Command,
        set: &[&str],
    ) -> Result<Option<Before>, RestError> {
        // Its binds are of no use here.
        let mut builder = Builder::new(self.catalog, self.caller);
        let catalog = self.catalog;
        Ok(dialect::proposed(catalog, &mut builder.environment(), table, command, set, "SELECT 1", &[])?)
    }
}
