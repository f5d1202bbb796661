//! What depends on a function: it cannot be dropped, renamed or replaced from under it.

use super::reference::{expressions_of, lowered};
use crate::dialect::DialectError;
use crate::dialect::expression::{Expression, Lowering, Place};
use crate::dialect::translate::{SystemEnvironment, Translator};
use crate::dialect::view::resolved;
use crate::schema::{Column, Routine, Table};
use crate::sql::quote_identifier;

/// Something whose expression calls a function.
enum User {
    /// A policy of a table.
    Policy { table: String, name: String },
    /// A column's default.
    Default { table: String, column: String },
    /// A view, by its physical name.
    View(String),
    /// What SQLite has a copy of: a CHECK, a generated column, an index; as messages name it.
    Stored(String),
}

impl User {
    fn display(&self) -> String {
        match self {
            Self::Policy { table, name } => format!("policy {name} on table {table}"),
            Self::Default { table, column } => format!("default value for column {column} of table {table}"),
            Self::View(key) => format!("view {key}"),
            Self::Stored(what) => what.clone(),
        }
    }
}

impl Translator {
    /// Refuses what would leave something without its function, or with `cascade` drops that too.
    pub(super) fn drop_users_of_routine(&mut self, key: &str, cascade: bool) -> Result<(), DialectError> {
        let Some(routine) = self.catalog.routines.get(key).cloned() else { return Ok(()) };
        for user in self.users_of_routine(&routine)? {
            if !cascade {
                let message = format!(
                    "cannot drop function {} because other objects depend on it: {} depends on it",
                    routine.display(),
                    user.display()
                );
                return Err(DialectError::new("2BP01", message)
                    .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
            }
            self.drop_user(user)?;
        }
        Ok(())
    }

    fn drop_user(&mut self, user: User) -> Result<(), DialectError> {
        match user {
            User::Policy { table, name } => {
                if let Some(table) = self.catalog.tables.get_mut(&table) {
                    table.policies.retain(|policy| policy.name != name);
                }
            }
            User::Default { table, column } => {
                let columns = self.catalog.tables.get_mut(&table).map(|table| table.columns.iter_mut());
                for of in columns.into_iter().flatten().filter(|of| of.name == column) {
                    of.default = None;
                }
            }
            User::View(key) => self.drop_view_and_users(&key)?,
            User::Stored(what) => {
                return Err(DialectError::unsupported(format!("DROP FUNCTION … CASCADE to {what}"))
                    .with_hint("Drop it first."));
            }
        }
        Ok(())
    }

    /// Refuses another body where SQLite has a copy of the old one.
    pub(super) fn body_may_change(&self, routine: &Routine) -> Result<(), DialectError> {
        match self.users_of_routine(routine)?.iter().find(|user| matches!(user, User::Stored(_))) {
            Some(user) => Err(DialectError::unsupported(format!(
                "another body of the function {}, which {} uses,",
                routine.display(),
                user.display()
            ))
            .with_hint("Drop that first, and create it again afterwards.")),
            None => Ok(()),
        }
    }

    fn users_of_routine(&self, routine: &Routine) -> Result<Vec<User>, DialectError> {
        let call = quote_identifier(&format!("/{}", routine.key()));
        let name = routine.name.to_lowercase();
        // Most expressions do not even have the word.
        let uses = |key: &str, text: &str| match text.to_lowercase().contains(&name) {
            true => lowered(&self.catalog, key, text).map(|sql| sql.contains(&call)),
            false => Ok(false),
        };
        let mut users = Vec::new();
        for (key, table) in &self.catalog.tables {
            for policy in &table.policies {
                for text in policy.using.iter().chain(&policy.check) {
                    if uses(key, text)? {
                        users.push(User::Policy { table: key.clone(), name: policy.name.clone() });
                        break;
                    }
                }
            }
            for check in &table.checks {
                if uses(key, &check.expression)? {
                    users.push(User::Stored(format!("constraint {} on table {key}", check.name)));
                }
            }
            for column in &table.columns {
                users.extend(self.use_of_column(key, table, column, &call, &uses)?);
            }
        }
        for (key, view) in &self.catalog.views {
            let is_named = view.definition.to_lowercase().contains(&name);
            if is_named && resolved(&self.catalog, &view.definition)?.contains(&call) {
                users.push(User::View(key.clone()));
            }
        }
        for (name, index) in &self.catalog.indexes {
            for text in expressions_of(index)? {
                if uses(&index.table, &text)? {
                    users.push(User::Stored(format!("index {name}")));
                }
            }
        }
        Ok(users)
    }

    fn use_of_column(
        &self,
        key: &str,
        table: &Table,
        column: &Column,
        call: &str,
        uses: &dyn Fn(&str, &str) -> Result<bool, DialectError>,
    ) -> Result<Option<User>, DialectError> {
        if column.generated.as_deref().map_or(Ok(false), |text| uses(key, text))? {
            return Ok(Some(User::Stored(format!("column {} of table {}", column.name, table.name))));
        }
        let Some(default) = &column.default else { return Ok(None) };
        let mut environment = SystemEnvironment::naming_routines();
        let mut lowering = Lowering::new(&self.catalog, &mut environment, Place::Query);
        let sql = lowering.lower(&Expression::parse(default)?.0)?.into_sql(&self.catalog)?;
        let user = || User::Default { table: key.to_string(), column: column.name.clone() };
        Ok(sql.contains(call).then(user))
    }
}
