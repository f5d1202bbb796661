//! For whom a trigger's function runs.

use crate::dialect::{CallerValue, Calls, DialectError, Environment};
use crate::schema::{CALLER_TABLE, Catalog, Command, Routine, Table, View};
use crate::sql::quote_identifier;

/// Makes the environment of whoever's statement fires a SQLite trigger: the policies of any caller.
pub type InvokerEnvironment = for<'c> fn(&'c Catalog) -> Box<dyn Environment + 'c>;

/// The caller of another environment, with the owner's rights: no policy binds a `SECURITY DEFINER` function.
pub struct OwnerEnvironment<'e>(pub &'e mut dyn Environment);

impl Environment for OwnerEnvironment<'_> {
    fn caller_value(&mut self, value: CallerValue) -> Result<String, DialectError> {
        match value {
            CallerValue::CurrentUser => Ok("'postgres'".to_string()),
            value => self.0.caller_value(value),
        }
    }

    fn row_filter(&mut self, _: &Table, _: &str) -> Result<Option<String>, DialectError> {
        Ok(None)
    }

    fn command_filter(&mut self, _: &Table, _: Command, _: &str) -> Result<Option<String>, DialectError> {
        Ok(None)
    }

    fn new_row_check(&mut self, _: &Table, _: Command, _: &str) -> Result<Option<String>, DialectError> {
        Ok(None)
    }

    fn enter_routine(&mut self, routine: &Routine) -> Result<(), DialectError> {
        self.0.enter_routine(routine)
    }

    fn leave_routine(&mut self) {
        self.0.leave_routine();
    }

    fn enter_view(&mut self, view: &View) {
        self.0.enter_view(view);
    }

    fn leave_view(&mut self) {
        self.0.leave_view();
    }
}

/// A value of the caller for whom the batch runs; NULL when the system does.
pub fn stored_caller_value(value: CallerValue) -> String {
    let table = quote_identifier(CALLER_TABLE);
    let column = match value {
        CallerValue::UserId => "user_id",
        CallerValue::Role | CallerValue::CurrentUser => {
            return format!("coalesce((SELECT role FROM {table}), 'postgres')");
        }
        CallerValue::Email => "email",
        CallerValue::Claims => "claims",
        CallerValue::Request(part) => {
            return format!("(SELECT request ->> '$.{}' FROM {table})", part.name());
        }
        // Triggers run for a row, whoever's operation wrote it.
        CallerValue::Operation => return "NULL".to_string(),
    };
    format!("(SELECT {column} FROM {table})")
}

/// The caller's values, and nobody's policies: for a translation that ends before triggers are made.
#[derive(Default)]
pub struct SystemInvoker(Calls);

impl Environment for SystemInvoker {
    fn caller_value(&mut self, value: CallerValue) -> Result<String, DialectError> {
        Ok(stored_caller_value(value))
    }

    fn row_filter(&mut self, _: &Table, _: &str) -> Result<Option<String>, DialectError> {
        Ok(None)
    }

    fn enter_routine(&mut self, routine: &Routine) -> Result<(), DialectError> {
        self.0.enter(routine)
    }

    fn leave_routine(&mut self) {
        self.0.leave();
    }
}
