//! What a policy's expression can ask of the caller, and the policies of the tables it looks into.

use super::predicate::{PolicyError, Predicate, check, grantee, permit, using};
use super::template::Slot;
use crate::caller::Caller;
use crate::dialect::{CallerValue, Calls, DialectError, Environment, stored_caller_value};
use crate::schema::{Catalog, Command, Routine, Table, View};
use crate::sql::Writer;

/// Lowers expressions for one caller into one statement: the caller's values become its binds.
pub struct CallerEnvironment<'a> {
    /// The schema.
    pub catalog: &'a Catalog,
    /// The caller.
    pub caller: &'a Caller,
    /// The statement under construction.
    pub writer: &'a mut Writer,
    pub(super) recursion: Option<String>,
    within: Vec<String>,
    calls: Calls,
    /// Whether values of the caller become slots of a template rather than binds.
    pub(super) slots: bool,
    /// Whether the caller's values are those of the batch's own row, instead of binds.
    pub(super) is_stored: bool,
}

impl<'a> CallerEnvironment<'a> {
    /// An environment that binds into `writer`.
    pub fn new(catalog: &'a Catalog, caller: &'a Caller, writer: &'a mut Writer) -> Self {
        Self {
            catalog,
            caller,
            writer,
            recursion: None,
            within: Vec::new(),
            calls: Calls::default(),
            slots: false,
            is_stored: false,
        }
    }

    /// One whose caller is known when the statement runs; `caller` has no more than the role.
    pub(super) fn of_stored_caller(catalog: &'a Catalog, caller: &'a Caller, writer: &'a mut Writer) -> Self {
        Self { is_stored: true, ..Self::new(catalog, caller, writer) }
    }

    /// Whether what is lowered next stands in no policy, view or function's body.
    pub(super) fn is_outermost(&self) -> bool {
        self.within.is_empty() && self.calls.is_outermost()
    }

    /// Notes that a table's policies are being lowered; finding it again inside them is recursion, as in Postgres.
    pub(super) fn enter(&mut self, table: &Table) -> Result<(), PolicyError> {
        let name = table.physical();
        if self.within.contains(&name) {
            return Err(PolicyError::Recursion(table.name.clone()));
        }
        self.within.push(name);
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.within.pop();
    }
}

impl Environment for CallerEnvironment<'_> {
    fn caller_value(&mut self, value: CallerValue) -> Result<String, DialectError> {
        if self.is_stored {
            return Ok(match value {
                CallerValue::CurrentUser if self.calls.is_owners() => "'postgres'".to_string(),
                value => stored_caller_value(value),
            });
        }
        let slot = match value {
            CallerValue::UserId => Slot::UserId,
            CallerValue::CurrentUser if self.calls.is_owners() => Slot::Owner,
            CallerValue::Role | CallerValue::CurrentUser => Slot::Role,
            CallerValue::Email => Slot::Email,
            CallerValue::Claims => Slot::Claims,
            CallerValue::Request(part) => Slot::Request(part),
            CallerValue::Operation => Slot::Operation,
        };
        Ok(match self.slots {
            true => slot.marked(),
            false => self.writer.bind(slot.value(self.caller)),
        })
    }

    fn row_filter(&mut self, table: &Table, row: &str) -> Result<Option<String>, DialectError> {
        if self.calls.reads_as_owner() {
            return Ok(None);
        }
        let predicate = using(self, table, Command::Select, row);
        self.as_filter(predicate)
    }

    fn command_filter(
        &mut self,
        table: &Table,
        command: Command,
        row: &str,
    ) -> Result<Option<String>, DialectError> {
        if self.calls.reads_as_owner() {
            return Ok(None);
        }
        let predicate = using(self, table, command, row);
        self.as_filter(predicate)
    }

    fn new_row_check(
        &mut self,
        table: &Table,
        command: Command,
        row: &str,
    ) -> Result<Option<String>, DialectError> {
        if self.calls.reads_as_owner() {
            return Ok(None);
        }
        let predicate = check(self, table, command, row);
        self.as_filter(predicate)
    }

    fn may_read_view(&mut self, view: &View) -> Result<(), DialectError> {
        if self.calls.reads_as_owner() {
            return Ok(());
        }
        permit(self.catalog, self.caller, &view.table, Command::Select).map_err(|_| {
            DialectError::new("42501", format!("permission denied for view {}", view.table.name))
        })
    }

    fn enter_view(&mut self, view: &View) {
        self.calls.enter_view(view);
    }

    fn leave_view(&mut self) {
        self.calls.leave_view();
    }

    fn enter_routine(&mut self, routine: &Routine) -> Result<(), DialectError> {
        if !self.calls.is_owners() && !routine.allows(grantee(self.caller)) {
            let message = format!("permission denied for function {}", routine.name);
            return Err(DialectError::new("42501", message));
        }
        self.calls.enter(routine)
    }

    fn leave_routine(&mut self) {
        self.calls.leave();
    }
}

impl CallerEnvironment<'_> {
    fn as_filter(
        &mut self,
        predicate: Result<Predicate, PolicyError>,
    ) -> Result<Option<String>, DialectError> {
        match predicate {
            Ok(Predicate::Always) => Ok(None),
            Ok(predicate) => Ok(Some(predicate.to_sql())),
            Err(PolicyError::Expression(error)) => Err(error),
            Err(PolicyError::Denied(name)) => {
                Err(DialectError::new("42501", format!("permission denied for {name}")))
            }
            Err(PolicyError::Recursion(name)) => {
                let message = format!("infinite recursion detected in policy for relation \"{name}\"");
                self.recursion = Some(name);
                Err(DialectError::new("42P17", message))
            }
        }
    }
}
