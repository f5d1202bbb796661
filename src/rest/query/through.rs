//! Writing through a view: its row over the table's, the grants and conditions on the way, and whose policies apply.

use super::Builder;
use super::proposed::{EXISTING, PROPOSED, UPDATED};
use crate::caller::Caller;
use crate::dialect;
use crate::policy::{self, Predicate, permit_columns};
use crate::rest::error::RestError;
use crate::rest::plan::{Change, Condition, Node, Through, Write};
use crate::rest::request::Return;
use crate::schema::{Catalog, CheckOption, Column, Command, View};
use crate::sql::{physical_name, quote_identifier, quote_literal, raise};

/// A view's row while the table's is written.
const SEEN: &str = "\"/seen\"";

/// Refuses a caller who may not do this to the views on the way. Each is asked for by the owner of the view around
/// it, or by the caller when that is `security_invoker`.
pub fn permit(catalog: &Catalog, caller: &Caller, write: &Write<'_>) -> Result<(), RestError> {
    let Some(through) = &write.through else { return Ok(()) };
    let (command, columns) = command(write);
    let reads = write.returns != Return::Minimal
        || match &write.change {
            Change::Insert(insert) => insert.conflict.is_some(),
            Change::Update(..) | Change::Delete(_) => true,
            Change::Nothing => false,
        };
    let table = physical_name(&write.table.schema, &write.table.name);
    let mut is_callers = true;
    for view in &through.path.views {
        if is_callers {
            let names = columns.iter().flat_map(|column| view.columns_of(&table, &column.name));
            let names: Vec<String> = names.map(str::to_string).collect();
            permit_columns(catalog, caller, &view.table, command, names.iter())?;
            if write.merge().is_some() {
                permit_columns(catalog, caller, &view.table, Command::Update, names.iter())?;
            }
            if reads {
                policy::permit(catalog, caller, &view.table, Command::Select)?;
            }
        }
        is_callers = view.security_invoker;
    }
    Ok(())
}

fn command<'c>(write: &Write<'c>) -> (Command, Vec<&'c Column>) {
    match &write.change {
        Change::Insert(insert) => (Command::Insert, insert.columns.clone()),
        Change::Update(assignments, _) => {
            (Command::Update, assignments.iter().map(|(column, _)| *column).collect())
        }
        Change::Delete(_) => (Command::Delete, Vec::new()),
        Change::Nothing => (Command::Select, Vec::new()),
    }
}

impl Builder<'_> {
    /// The rows of the written table that are there for a command.
    pub(super) fn written_using(
        &mut self,
        write: &Write<'_>,
        command: Command,
        row: &str,
    ) -> Result<Predicate, RestError> {
        if write.is_owners() {
            return Ok(Predicate::Always);
        }
        Ok(self.using(write.table, command, row)?)
    }

    /// The rows of the written table that a command may bring into being.
    pub(super) fn written_check(
        &mut self,
        write: &Write<'_>,
        command: Command,
        row: &str,
    ) -> Result<Predicate, RestError> {
        if write.is_owners() {
            return Ok(Predicate::Always);
        }
        Ok(self.check(write.table, command, row)?)
    }

    /// Which of the table's rows the views on the way have, and what the request asks of the view's row.
    pub(super) fn through_terms(&mut self, write: &Write<'_>, row: &str) -> Result<Vec<String>, RestError> {
        let Some(through) = &write.through else { return Ok(Vec::new()) };
        let catalog = self.catalog;
        let seen = dialect::view_row(&through.path, row, &|_| true, catalog, &mut self.environment())?;
        let mut terms: Vec<String> = seen.conditions.into_iter().flatten().collect();
        if through.condition != Condition::All(Vec::new()) {
            let asked =
                |builder: &mut Self, row: &str| builder.term(&through.condition, &write.returning, row);
            terms.push(self.over_written(write, row, asked)?);
        }
        Ok(terms)
    }

    /// SQL over the row that the request sees, with the columns that functions compute of it.
    pub(super) fn over_written(
        &mut self,
        write: &Write<'_>,
        row: &str,
        work: impl FnOnce(&mut Self, &str) -> Result<String, RestError>,
    ) -> Result<String, RestError> {
        self.over_view(write, row, |builder, row| builder.over_computed(&write.returning, row, work))
    }

    /// SQL over a row and what functions compute of it.
    pub(super) fn over_computed(
        &mut self,
        node: &Node<'_>,
        row: &str,
        work: impl FnOnce(&mut Self, &str) -> Result<String, RestError>,
    ) -> Result<String, RestError> {
        if node.computed.is_empty() {
            return work(self, row);
        }
        let seen = self.alias();
        let columns = node.table.columns.iter().map(|column| quote_identifier(&column.name));
        let mut columns: Vec<String> = columns.map(|name| format!("{row}.{name} AS {name}")).collect();
        columns.extend(self.computed_values(node, row)?);
        let sql = work(self, &seen)?;
        Ok(format!("(SELECT {sql} FROM (SELECT {}) AS {seen})", columns.join(", ")))
    }

    /// SQL over the row that the request sees, which is the table's own where no view is.
    pub(super) fn over_view(
        &mut self,
        write: &Write<'_>,
        row: &str,
        work: impl FnOnce(&mut Self, &str) -> Result<String, RestError>,
    ) -> Result<String, RestError> {
        let Some(through) = &write.through else { return work(self, row) };
        let catalog = self.catalog;
        let seen = dialect::view_row(&through.path, row, &|_| false, catalog, &mut self.environment())?;
        let column = |(name, sql, _): &(String, String, _)| format!("{sql} AS {}", quote_identifier(name));
        let columns: Vec<String> = seen.columns.iter().map(column).collect();
        let sql = work(self, SEEN)?;
        Ok(format!("(SELECT {sql} FROM (SELECT {}) AS {SEEN})", columns.join(", ")))
    }

    /// `WITH CHECK OPTION` of the views on the way, the innermost first, and what is raised.
    pub(super) fn check_options(
        &mut self,
        write: &Write<'_>,
        row: &str,
    ) -> Result<Vec<(Predicate, String)>, RestError> {
        let Some(through) = &write.through else { return Ok(Vec::new()) };
        if through.path.views.iter().all(|view| view.check_option.is_none()) {
            return Ok(Vec::new());
        }
        let views = &through.path.views;
        let cascades = |view: &&&View| view.check_option == Some(CheckOption::Cascaded);
        let from = views.iter().position(|view| cascades(&view)).unwrap_or(views.len());
        let is_checked = |of: &View| {
            of.check_option.is_some() || views.iter().skip(from).any(|view| std::ptr::eq(*view, of))
        };
        let catalog = self.catalog;
        let seen = dialect::view_row(&through.path, row, &is_checked, catalog, &mut self.environment())?;
        let mut checks = Vec::new();
        for (view, condition) in views.iter().zip(seen.conditions) {
            if let Some(condition) = condition {
                let message = format!("44000:new row violates check option for view \"{}\"", view.table.name);
                checks.insert(0, (Predicate::Sql(condition), raise(&quote_literal(&message))));
            }
        }
        Ok(checks)
    }

    /// The same of a row that is put together by a query.
    pub(super) fn check_options_of_updated(
        &mut self,
        write: &Write<'_>,
        query: &str,
    ) -> Result<Vec<(Predicate, String)>, RestError> {
        let checks = self.check_options(write, UPDATED)?;
        let asked = |(predicate, error): (Predicate, String)| {
            let sql = format!("(SELECT {} FROM ({query}) AS {UPDATED})", predicate.to_sql());
            (Predicate::Sql(sql), error)
        };
        Ok(checks.into_iter().map(asked).collect())
    }

    /// The same of a row that is inserted, unless one is there with its key: then it is not written.
    pub(super) fn check_options_of_proposed(
        &mut self,
        write: &Write<'_>,
        equal: Option<&str>,
    ) -> Result<Vec<(Predicate, String)>, RestError> {
        let mut checks = self.check_options(write, PROPOSED)?;
        for (predicate, _) in &mut checks {
            let Some(equal) = equal else { continue };
            let table = write.table.physical();
            let there = format!("EXISTS (SELECT 1 FROM {table} AS {EXISTING} WHERE {equal})");
            *predicate = Predicate::Sql(format!("({there} OR {})", predicate.to_sql()));
        }
        Ok(checks)
    }
}

impl<'c> Write<'c> {
    /// Whether the table is written by the owner of a view, whom no policy binds.
    pub fn is_owners(&self) -> bool {
        self.through.as_deref().is_some_and(Through::is_owners)
    }

    /// The relation that the request names.
    pub fn face(&self) -> &'c crate::schema::Table {
        self.through.as_ref().map_or(self.table, |through| through.face)
    }
}
