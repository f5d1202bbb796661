//! Whoever a batch runs for, as SQLite's triggers meet them: no binds, so the caller's values are read
//! from the batch's own row, and the policies are those of every role, one of which it names.

use super::environment::CallerEnvironment;
use super::predicate::{PolicyError, Predicate, check, permit, using};
use crate::caller::{Caller, Role};
use crate::dialect::{CallerValue, Calls, DialectError, Environment, stored_caller_value};
use crate::schema::{CALLER_TABLE, Catalog, Command, Routine, Table, View};
use crate::sql::{Writer, quote_identifier, quote_literal, raise};

/// The environment of a trigger's function that runs with the rights of whoever fires it.
pub fn stored_caller(catalog: &Catalog) -> Box<dyn Environment + '_> {
    Box::new(StoredCaller { catalog, calls: Calls::default() })
}

struct StoredCaller<'a> {
    catalog: &'a Catalog,
    calls: Calls,
}

type Predicates = fn(&mut CallerEnvironment<'_>, &Table, Command, &str) -> Result<Predicate, PolicyError>;

impl StoredCaller<'_> {
    /// What a row must be, by the caller's role; `None` when any will do for everyone. The system, and
    /// the service role, are bound by nothing; a role that nothing can be granted to sees nothing.
    fn by_role(
        &self,
        table: &Table,
        command: Command,
        row: &str,
        predicates: Predicates,
    ) -> Result<Option<String>, DialectError> {
        if self.calls.reads_as_owner() {
            return Ok(None);
        }
        let mut arms = String::new();
        let mut is_free = true;
        for role in [Role::Anon, Role::Authenticated] {
            let name = quote_literal(role.name());
            let caller = Caller::with_role(role);
            let mut writer = Writer::default();
            let mut environment = CallerEnvironment::of_stored_caller(self.catalog, &caller, &mut writer);
            let sql = match predicates(&mut environment, table, command, row) {
                Ok(predicate) => {
                    is_free &= predicate == Predicate::Always;
                    predicate.to_sql()
                }
                Err(PolicyError::Denied(table)) => {
                    is_free = false;
                    raise(&quote_literal(&format!("42501:permission denied for table {table}")))
                }
                // As in Postgres it is found when somebody comes upon it: migrations mend such policies later.
                Err(PolicyError::Recursion(table)) => {
                    is_free = false;
                    let message = format!("infinite recursion detected in policy for relation \"{table}\"");
                    raise(&quote_literal(&format!("42P17:{message}")))
                }
                Err(PolicyError::Expression(error)) => return Err(error),
            };
            arms.push_str(&format!(" WHEN {name} THEN {sql}"));
        }
        if is_free {
            return Ok(None);
        }
        let role = format!("(SELECT role FROM {})", quote_identifier(CALLER_TABLE));
        Ok(Some(format!(
            "CASE coalesce({role}, 'postgres'){arms} WHEN 'service_role' THEN TRUE WHEN 'postgres' THEN TRUE ELSE FALSE END"
        )))
    }
}

impl Environment for StoredCaller<'_> {
    fn caller_value(&mut self, value: CallerValue) -> Result<String, DialectError> {
        Ok(match value {
            CallerValue::CurrentUser if self.calls.is_owners() => "'postgres'".to_string(),
            value => stored_caller_value(value),
        })
    }

    fn row_filter(&mut self, table: &Table, row: &str) -> Result<Option<String>, DialectError> {
        self.by_role(table, Command::Select, row, using)
    }

    fn command_filter(
        &mut self,
        table: &Table,
        command: Command,
        row: &str,
    ) -> Result<Option<String>, DialectError> {
        self.by_role(table, command, row, using)
    }

    fn new_row_check(
        &mut self,
        table: &Table,
        command: Command,
        row: &str,
    ) -> Result<Option<String>, DialectError> {
        self.by_role(table, command, row, check)
    }

    /// Who will call is not known: what some may not execute is refused.
    fn enter_routine(&mut self, routine: &Routine) -> Result<(), DialectError> {
        let everyone = ["anon", "authenticated"].iter().all(|role| routine.allows(role));
        if !everyone && !self.calls.is_owners() {
            let what = format!("calling {}, which not everyone may execute, in a trigger", routine.display());
            return Err(
                DialectError::unsupported(what).with_hint("Make the trigger's function SECURITY DEFINER.")
            );
        }
        self.calls.enter(routine)
    }

    fn leave_routine(&mut self) {
        self.calls.leave();
    }

    fn may_read_view(&mut self, view: &View) -> Result<(), DialectError> {
        let everyone = [Role::Anon, Role::Authenticated]
            .into_iter()
            .all(|role| permit(self.catalog, &Caller::with_role(role), &view.table, Command::Select).is_ok());
        if everyone || self.calls.reads_as_owner() {
            return Ok(());
        }
        let what = format!("reading {}, which not everyone may, in a trigger", view.table.name);
        Err(DialectError::unsupported(what).with_hint("Make the trigger's function SECURITY DEFINER."))
    }

    fn enter_view(&mut self, view: &View) {
        self.calls.enter_view(view);
    }

    fn leave_view(&mut self) {
        self.calls.leave_view();
    }
}
