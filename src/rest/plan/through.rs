//! Writing through a view: which table's rows and columns are meant, and what Postgres refuses.

use super::condition::Condition;
use super::read::Operand;
use crate::rest::error::{PostgresError, RestError};
use crate::rest::{Action, RestRequest};
use crate::schema::{Catalog, Column, Table, WritePath, WriteStop, is_builtin};

/// The view that a write names.
#[derive(Debug)]
pub struct Through<'c> {
    /// The view as a relation.
    pub face: &'c Table,
    /// The way to the table.
    pub path: WritePath<'c>,
    /// What of the request's condition can only be asked of the view's row.
    pub condition: Condition<'c>,
}

/// What Postgres says of a view that cannot be written to.
#[rustfmt::skip]
const REFUSALS: &[(&str, &str, &str)] = &[
    ("insert", "cannot insert into view", "To enable inserting into the view, provide an INSTEAD OF INSERT trigger or an unconditional ON INSERT DO INSTEAD rule."),
    ("update", "cannot update view",      "To enable updating the view, provide an INSTEAD OF UPDATE trigger or an unconditional ON UPDATE DO INSTEAD rule."),
    ("delete", "cannot delete from view", "To enable deleting from the view, provide an INSTEAD OF DELETE trigger or an unconditional ON DELETE DO INSTEAD rule."),
];

impl<'c> Through<'c> {
    /// The way of a write to a relation; `None` when it is a table.
    pub fn find(
        catalog: &'c Catalog,
        relation: &'c Table,
        request: &'c RestRequest,
    ) -> Result<Option<Self>, RestError> {
        let Some(view) = catalog.view(&relation.schema, &relation.name) else { return Ok(None) };
        if view.materialized {
            let message = format!("cannot change materialized view \"{}\"", relation.name);
            return Err(RestError::postgres("42809", message));
        }
        let columns = match request.action {
            Action::Delete => &[],
            _ => request.payload.columns.as_slice(),
        };
        let unknown = columns.iter().find(|column| relation.column(column).is_none());
        if let Some(column) = unknown {
            return Err(RestError::NoColumn { table: relation.name.clone(), column: column.clone() });
        }
        let path = catalog.write_path(view, columns).map_err(|stop| refused(stop, request.action))?;
        if let Some(inner) = catalog.stops_at(&path, super::write::command(request.action)) {
            let message = format!(
                "writing through a view over \"{}\", which has INSTEAD OF triggers, is not supported",
                inner.table.name
            );
            return Err(RestError::postgres("0A000", message));
        }
        if is_builtin(path.base) {
            let message = format!("permission denied for table {}", path.base.name);
            return Err(RestError::postgres("42501", message));
        }
        Ok(Some(Self { face: relation, path, condition: Condition::All(Vec::new()) }))
    }

    /// The table's column that a column of the view is, or `None`.
    pub fn base_column(&self, name: &str) -> Option<&'c Column> {
        self.path.base_column(name)
    }

    /// Splits a condition on the view's rows: gives what can be asked of the table's rows, where its indexes
    /// help, and keeps the rest.
    pub fn split(&mut self, condition: &Condition<'c>) -> Condition<'c> {
        let members = match condition {
            Condition::All(members) => members.clone(),
            other => vec![other.clone()],
        };
        let (mut based, mut kept) = (Vec::new(), Vec::new());
        for member in members {
            match self.based(&member) {
                Some(condition) => based.push(condition),
                None => kept.push(member),
            }
        }
        self.condition = Condition::All(kept);
        Condition::All(based)
    }

    fn based(&self, condition: &Condition<'c>) -> Option<Condition<'c>> {
        let all = |members: &[Condition<'c>]| -> Option<Vec<Condition<'c>>> {
            members.iter().map(|member| self.based(member)).collect()
        };
        Some(match condition {
            Condition::All(members) => Condition::All(all(members)?),
            Condition::Any(members) => Condition::Any(all(members)?),
            Condition::Not(inner) => Condition::Not(Box::new(self.based(inner)?)),
            Condition::Test(operand, test) => {
                let column = self.base_column(&operand.column.name)?;
                Condition::Test(Operand { column, json_path: operand.json_path.clone() }, test.clone())
            }
            Condition::Related(_) => return None,
        })
    }

    /// Whether the owner writes to the table, whom no policy binds.
    pub fn is_owners(&self) -> bool {
        self.path.views.last().is_some_and(|view| !view.security_invoker)
    }
}

fn refused(stop: WriteStop<'_>, action: Action) -> RestError {
    let (view, reason) = match stop {
        WriteStop::View(view, reason) => (view, reason),
        WriteStop::Column(view, column) => {
            let verb = if action == Action::Update { "update" } else { "insert into" };
            let message = format!("cannot {verb} column \"{column}\" of view \"{}\"", view.table.name);
            let details = "View columns that are not columns of their base relation are not updatable.";
            return RestError::Postgres(PostgresError {
                details: Some(details.to_string()),
                ..PostgresError::new("0A000", message)
            });
        }
    };
    let verb = match action {
        Action::Insert | Action::Put | Action::Read { .. } => "insert",
        Action::Update => "update",
        Action::Delete => "delete",
    };
    let (message, hint) =
        REFUSALS.iter().find(|(of, ..)| *of == verb).map_or(("", ""), |(_, message, hint)| (message, hint));
    RestError::Postgres(PostgresError {
        details: Some(reason.to_string()),
        hint: Some(hint.to_string()),
        ..PostgresError::new("55000", format!("{message} \"{}\"", view.table.name))
    })
}
