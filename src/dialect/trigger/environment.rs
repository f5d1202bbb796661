//! For whom a trigger's function runs.

use crate::dialect::plpgsql::FRAME;
use crate::dialect::{CallerValue, Calls, DialectError, Environment};
use crate::schema::{CALLER_TABLE, Catalog, Command, Routine, Table, View};
use crate::sql::{quote_identifier, quote_literal, raise};

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

/// For a function that an account's change fires and that is not SECURITY DEFINER: where nobody calls, it is the auth API
/// that writes, whose role `supabase_auth_admin` has no rights beyond its own schema unless they are granted.
pub struct AccountsEnvironment<'e> {
    /// That of any other caller.
    inner: &'e mut dyn Environment,
    calls: Calls,
}

/// The auth API's role.
const AUTH_ADMIN: &str = "supabase_auth_admin";

/// Notes in the frame that SQL of the owner's writes accounts.
pub const BY_OWNER: &str = "'/postgres'";

impl<'e> AccountsEnvironment<'e> {
    /// Around another.
    pub fn new(inner: &'e mut dyn Environment) -> Self {
        Self { inner, calls: Calls::default() }
    }

    fn unless_admin(
        &self,
        table: &Table,
        command: Command,
        others: Option<String>,
    ) -> Result<Option<String>, DialectError> {
        if self.calls.reads_as_owner() || table.schema == "auth" {
            return Ok(others);
        }
        let allowed = match table.privileges.allows(AUTH_ADMIN, command) {
            true if table.row_security => {
                let what = format!("policies of {} for {AUTH_ADMIN} in a trigger", table.name);
                return Err(DialectError::unsupported(what).with_hint("Make the function SECURITY DEFINER."));
            }
            true => "TRUE".to_string(),
            false => raise(&quote_literal(&format!("42501:permission denied for table {}", table.name))),
        };
        let others = others.unwrap_or_else(|| "TRUE".to_string());
        Ok(Some(format!("CASE WHEN {} THEN {allowed} ELSE {others} END", is_admin())))
    }
}

/// Whether it is the auth API that writes.
fn is_admin() -> String {
    let caller = quote_identifier(CALLER_TABLE);
    format!(
        "(NOT EXISTS (SELECT 1 FROM {caller}) AND NOT EXISTS (SELECT 1 FROM {FRAME} WHERE name = {BY_OWNER}))"
    )
}

impl Environment for AccountsEnvironment<'_> {
    fn caller_value(&mut self, value: CallerValue) -> Result<String, DialectError> {
        let others = self.inner.caller_value(value)?;
        Ok(match value {
            CallerValue::CurrentUser if !self.calls.is_owners() => {
                format!("CASE WHEN {} THEN '{AUTH_ADMIN}' ELSE {others} END", is_admin())
            }
            _ => others,
        })
    }

    fn row_filter(&mut self, table: &Table, row: &str) -> Result<Option<String>, DialectError> {
        let others = self.inner.row_filter(table, row)?;
        self.unless_admin(table, Command::Select, others)
    }

    fn command_filter(
        &mut self,
        table: &Table,
        command: Command,
        row: &str,
    ) -> Result<Option<String>, DialectError> {
        let others = self.inner.command_filter(table, command, row)?;
        self.unless_admin(table, command, others)
    }

    fn new_row_check(
        &mut self,
        table: &Table,
        command: Command,
        row: &str,
    ) -> Result<Option<String>, DialectError> {
        let others = self.inner.new_row_check(table, command, row)?;
        self.unless_admin(table, command, others)
    }

    fn may_read_view(&mut self, view: &View) -> Result<(), DialectError> {
        self.inner.may_read_view(view)?;
        if self.calls.reads_as_owner() || view.table.privileges.allows(AUTH_ADMIN, Command::Select) {
            return Ok(());
        }
        let what = format!("reading {}, which {AUTH_ADMIN} may not, in a trigger", view.table.name);
        Err(DialectError::unsupported(what).with_hint("Make the trigger's function SECURITY DEFINER."))
    }

    fn enter_routine(&mut self, routine: &Routine) -> Result<(), DialectError> {
        self.inner.enter_routine(routine)?;
        self.calls.enter(routine)
    }

    fn leave_routine(&mut self) {
        self.inner.leave_routine();
        self.calls.leave();
    }

    fn enter_view(&mut self, view: &View) {
        self.inner.enter_view(view);
        self.calls.enter_view(view);
    }

    fn leave_view(&mut self) {
        self.inner.leave_view();
        self.calls.leave_view();
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
