//! `INSERT`, `UPDATE` and `DELETE` in a function, and what comes back of their rows.

use sqlparser::ast::{self, SelectItem};

use super::machine::Machine;
use super::sink::Sink;
use super::syntax::Into;
use crate::dialect::name::folded;
use crate::dialect::query::Output;
use crate::dialect::statement::insert::inserted_columns;
use crate::dialect::statement::write::{assigned, is_default};
use crate::dialect::trigger::Fires;
use crate::dialect::view::system_query;
use crate::dialect::write::{self, Written, refuse_written, run_with, taken_apart};
use crate::dialect::{CallerValue, DialectError};
use crate::schema::{Column, Command, DataType, WrittenTable};
use crate::sql::{balanced, physical_name, quote_identifier, quote_literal, raise};

impl Machine<'_> {
    pub(super) fn write(
        &mut self,
        statement: &ast::Statement,
        into: Option<&Into>,
    ) -> Result<(), DialectError> {
        if !self.sink.takes_statements() {
            return Err(DialectError::new("0A000", "a function that writes cannot stand in an expression")
                .with_hint("Call it by rpc, or in a trigger."));
        }
        match (statement, into) {
            (ast::Statement::Query(_), None) => self.write_after_with(statement),
            (_, None) => {
                let written = self.written(statement, None)?;
                let after = self.push_write(written)?;
                self.count()?;
                after.into_iter().for_each(|sql| self.sink.push(sql));
                Ok(())
            }
            (ast::Statement::Insert(insert), Some(into)) => {
                let items = insert.returning.clone().unwrap_or_default();
                let written = self.written(statement, None)?;
                if written.updates_on_conflict {
                    return self.upsert_into(insert, written, &items, into);
                }
                let outputs = self.outputs(&written, &items)?;
                let last = format!("{}.rowid = last_insert_rowid()", written.table.physical());
                let after = self.push_write(written.clone())?;
                self.take_row(&written, &outputs, &last, "changes() > 0", into)?;
                after.into_iter().for_each(|sql| self.sink.push(sql));
                Ok(())
            }
            (ast::Statement::Update(update), Some(into)) => {
                let items = update.returning.clone().unwrap_or_default();
                let written = self.written(statement, None)?;
                let outputs = self.outputs(&written, &items)?;
                let row = self.keep_running(&only_row(&written));
                let is_it = format!("{}.rowid = {row}", written.table.physical());
                let after = self.push_write(written.clone())?;
                self.take_row(&written, &outputs, &is_it, "changes() > 0", into)?;
                after.into_iter().for_each(|sql| self.sink.push(sql));
                Ok(())
            }
            (ast::Statement::Delete(delete), Some(into)) => {
                let items = delete.returning.clone().unwrap_or_default();
                let written = self.written(statement, None)?;
                let outputs = self.outputs(&written, &items)?;
                let row = self.keep_running(&only_row(&written));
                let is_it = format!("{}.rowid = {row}", written.table.physical());
                self.take_row(&written, &outputs, &is_it, "TRUE", into)?;
                let after = self.push_write(written)?;
                after.into_iter().for_each(|sql| self.sink.push(sql));
                Ok(())
            }
            _ => Err(DialectError::unsupported("this statement in a function")),
        }
    }

    /// `INSERT … ON CONFLICT DO UPDATE … RETURNING … INTO`: the row is found by the key that would be in conflict.
    fn upsert_into(
        &mut self,
        insert: &ast::Insert,
        written: Written,
        items: &[SelectItem],
        into: &Into,
    ) -> Result<(), DialectError> {
        let name = written.table.physical();
        let mut keys = Vec::new();
        for (column, value) in conflict_key(insert, &written)? {
            let sql = self.lowered(|lowering| {
                let piece = lowering.lower(value)?;
                assigned(lowering, piece, &column)
            })?;
            keys.push((format!("{name}.{}", quote_identifier(&column.name)), self.keep_running(&sql)));
        }
        let nulls: Vec<String> = keys.iter().map(|(_, key)| format!("{key} IS NULL")).collect();
        let equal: Vec<String> = keys.iter().map(|(column, key)| format!("{column} = {key}")).collect();
        let is_it = format!(
            "CASE WHEN {} THEN {name}.rowid = last_insert_rowid() ELSE {} END",
            balanced(nulls, " OR "),
            balanced(equal, " AND ")
        );
        let outputs = self.outputs(&written, items)?;
        let after = self.push_write(written.clone())?;
        self.take_row(&written, &outputs, &is_it, "changes() > 0", into)?;
        after.into_iter().for_each(|sql| self.sink.push(sql));
        let lost = raise("'0A000:RETURNING … INTO of a row whose key a trigger changed is not supported'");
        let (rows, found) = (self.state.row_count.clone(), self.state.found.clone());
        self.guard(&format!("CASE WHEN {rows} > 0 AND NOT {found} THEN {lost} ELSE TRUE END"));
        Ok(())
    }

    /// A statement after its WITH queries.
    fn write_after_with(&mut self, statement: &ast::Statement) -> Result<(), DialectError> {
        let guard = self.state.running.clone();
        let mut sink = std::mem::replace(&mut self.sink, Sink::layers());
        let written = self.lowered(|lowering| {
            let (with, statement) = taken_apart(statement);
            let mut written = Vec::new();
            if let Some(with) = with {
                run_with(lowering, &mut sink, &with, &guard, &mut written)?;
            }
            let of = write::written(lowering, &statement, &guard)?;
            refuse_written(&of.sql, &written)?;
            Ok((written, of))
        });
        self.sink = sink;
        let (written, of) = written?;
        self.writes.extend(written.into_iter().flat_map(Written::into_tables));
        let after = self.push_write(of)?;
        self.count()?;
        after.into_iter().for_each(|sql| self.sink.push(sql));
        Ok(())
    }

    /// An INSERT for each row of a source.
    pub(super) fn insert_each(
        &mut self,
        statement: &ast::Statement,
        source: &str,
    ) -> Result<(), DialectError> {
        let ast::Statement::Insert(_) = statement else {
            return Err(DialectError::unsupported("a loop of anything but one INSERT")
                .with_hint("Write one statement for all the rows."));
        };
        if !self.sink.takes_statements() {
            return Err(DialectError::new("0A000", "a function that writes cannot stand in an expression"));
        }
        let written = self.written(statement, Some(source))?;
        if source.contains(&format!("FROM {}", written.table.physical())) {
            return Err(DialectError::unsupported("a loop over the table that it writes"));
        }
        if !self.fires(&written)?.is_empty() {
            return Err(DialectError::unsupported(
                "a loop of INSERTs into a table with statement-level triggers",
            )
            .with_hint("Write one INSERT … SELECT."));
        }
        self.push_write(written)?;
        self.count()
    }

    /// `REFRESH MATERIALIZED VIEW`: its owner's, whose policies are nobody's.
    pub(super) fn refresh(&mut self, (schema, name): &(String, String)) -> Result<(), DialectError> {
        if !self.sink.takes_statements() {
            return Err(DialectError::new("0A000", "a function that writes cannot stand in an expression"));
        }
        let missing = || DialectError::new("42P01", format!("relation \"{name}\" does not exist"));
        let catalog = self.catalog;
        let view = catalog.view(schema, name).ok_or_else(missing)?;
        if !view.materialized {
            return Err(DialectError::new("0A000", format!("\"{name}\" is not a materialized view")));
        }
        let user = self.environment.caller_value(CallerValue::CurrentUser)?;
        if user != "'postgres'" {
            let error = raise(&quote_literal(&format!("42501:must be owner of materialized view {name}")));
            self.guard(&format!("CASE WHEN {user} = 'postgres' THEN TRUE ELSE {error} END"));
        }
        let columns: Vec<String> =
            view.table.columns.iter().map(|column| quote_identifier(&column.name)).collect();
        let query = system_query(catalog, &view.definition)?;
        let (table, running) = (view.table.physical(), self.state.running.clone());
        let clause =
            if running.is_always() { String::new() } else { format!("\nWHERE {}", running.to_sql()) };
        self.sink.push(format!("DELETE FROM {table}{clause}"));
        self.sink
            .push(format!("INSERT INTO {table} ({})\nSELECT *\nFROM ({query}){clause}", columns.join(", ")));
        for command in [Command::Delete, Command::Insert] {
            let table = physical_name(schema, name);
            self.writes.push(WrittenTable { table, command, columns: Vec::new() });
        }
        Ok(())
    }

    /// The statement-level triggers of a write here.
    fn fires(&self, written: &Written) -> Result<Fires, DialectError> {
        let fires = written.fires(self.catalog, &self.state.running);
        if fires.follows_keys && self.in_trigger {
            return Err(DialectError::unsupported(format!(
                "a trigger's function that writes \"{}\", whose foreign keys reach a table with statement-level triggers,",
                written.table.name
            )));
        }
        Ok(fires)
    }

    fn written(&mut self, statement: &ast::Statement, each: Option<&str>) -> Result<Written, DialectError> {
        let guard = self.state.running.clone();
        self.lowered(|lowering| match statement {
            ast::Statement::Insert(insert) => write::insert(lowering, insert, &guard, each),
            ast::Statement::Update(update) => write::update(lowering, update, &guard),
            ast::Statement::Delete(delete) => write::delete(lowering, delete, &guard),
            _ => Err(DialectError::unsupported("this statement in a function")),
        })
    }

    /// Gives what runs after it, once nobody asks for its `changes()` any more.
    fn push_write(&mut self, written: Written) -> Result<Vec<String>, DialectError> {
        let fires = self.fires(&written)?;
        let sql = written.sql.clone();
        self.writes.extend(written.into_tables());
        for sql in fires.before.into_iter().chain([sql]).chain(fires.check) {
            self.sink.push(sql);
        }
        Ok(fires.after)
    }

    /// `FOUND` and `ROW_COUNT` of the statement just pushed.
    fn count(&mut self) -> Result<(), DialectError> {
        if !self.counts {
            return Ok(());
        }
        let count = self.sink.keep("changes()");
        self.state.found = format!("({count} > 0)");
        self.state.row_count = count;
        Ok(())
    }

    fn outputs(&mut self, written: &Written, items: &[SelectItem]) -> Result<Vec<Output>, DialectError> {
        let scope = write::target_scope(&written.table, written.alias.as_deref());
        self.lowered(|lowering| {
            lowering.scopes.push(scope);
            lowering.outputs(items, &[])
        })
    }

    /// Puts the outputs over the one row into the targets.
    fn take_row(
        &mut self,
        written: &Written,
        outputs: &[Output],
        is_it: &str,
        runs: &str,
        into: &Into,
    ) -> Result<(), DialectError> {
        let targets = self.targets(into)?;
        let list: Vec<String> = outputs
            .iter()
            .enumerate()
            .map(|(index, output)| format!("{} AS \"{}\"", output.sql, index + 1))
            .collect();
        let query = format!(
            "SELECT {}, 1 AS \"/found\" FROM {} WHERE {is_it}",
            list.join(", "),
            written.table.physical()
        );
        let mut columns: Vec<String> =
            (1..=outputs.len()).map(|index| format!("\"/row\".\"{index}\"")).collect();
        columns.push("\"/row\".\"/found\"".to_string());
        columns.push("changes()".to_string());
        let many = raise("'P0003:query returned more than one row'");
        let runs = match written.command {
            Command::Insert => format!("CASE WHEN changes() > 1 THEN {many} ELSE {runs} END"),
            _ => runs.to_string(),
        };
        let runs = self.state.running.and(&runs).to_sql();
        let mut values = self.sink.keep_row(&query, &columns, &runs);
        self.state.row_count = values.pop().unwrap_or_default();
        let found = values.pop().unwrap_or_default();
        self.state.found = format!("({found} IS NOT NULL)");
        let columns: Vec<(String, DataType)> =
            outputs.iter().map(|output| (output.name.clone(), output.data_type.clone())).collect();
        if into.is_strict {
            let none = raise("'P0002:query returned no rows'");
            self.guard(&format!("CASE WHEN {found} IS NULL THEN {none} ELSE TRUE END"));
        }
        self.fill(&targets, &columns, values)
    }
}

/// The columns of an upsert's key, and the values that its one row gives them.
fn conflict_key<'i>(
    insert: &'i ast::Insert,
    written: &Written,
) -> Result<Vec<(Column, &'i ast::Expr)>, DialectError> {
    let refused = |why: &str| {
        DialectError::unsupported(format!("RETURNING … INTO after ON CONFLICT DO UPDATE {why}"))
            .with_hint("Read the row with SELECT … INTO.")
    };
    let table = &written.table;
    let Some(ast::OnInsert::OnConflict(conflict)) = &insert.on else { return Err(refused("here")) };
    let names: Vec<String> = match &conflict.conflict_target {
        Some(ast::ConflictTarget::Columns(columns)) => columns.iter().map(folded).collect(),
        Some(ast::ConflictTarget::OnConstraint(name)) => {
            let name = crate::dialect::name::single(name)?;
            let keys = table.primary_key.iter().chain(&table.uniques);
            keys.into_iter().find(|key| key.name == name).map(|key| key.columns.clone()).unwrap_or_default()
        }
        None => Vec::new(),
    };
    let row = match insert.source.as_ref().map(|source| source.body.as_ref()) {
        Some(ast::SetExpr::Values(values)) => match values.rows.as_slice() {
            [row] => row.content.as_slice(),
            _ => return Err(refused("of several rows")),
        },
        _ => return Err(refused("of a query's rows")),
    };
    let given = inserted_columns(table, &insert.columns)?;
    let mut key = Vec::new();
    for name in &names {
        let place = given.iter().position(|column| column.name == *name);
        let value = place.and_then(|place| Some((given.get(place)?.clone(), row.get(place)?)));
        match value.filter(|(_, value)| !is_default(value)) {
            Some(value) if !written.columns.contains(name) => key.push(value),
            _ => return Err(refused("that gives no value to the key, or sets it")),
        }
    }
    if key.is_empty() { Err(refused("without a key")) } else { Ok(key) }
}

/// The rowid of the one row that an UPDATE or DELETE touches.
fn only_row(written: &Written) -> String {
    let many = raise("'P0003:query returned more than one row'");
    let name = written.table.physical();
    format!(
        "(SELECT CASE WHEN count(*) > 1 THEN {many} ELSE max({name}.rowid) END FROM {} WHERE {})",
        written.from, written.condition
    )
}
