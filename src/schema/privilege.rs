//! Who may do what with a table at all: `GRANT` and `REVOKE`. Which rows is for policies to say.

use serde::{Deserialize, Serialize};

use super::Command;

/// The roles of requests, each of which Supabase grants everything on a new table.
pub(super) const API_ROLES: &[&str] = &["anon", "authenticated", "service_role"];

/// The commands that tables are granted for.
pub(super) const COMMANDS: &[Command] = &[Command::Select, Command::Insert, Command::Update, Command::Delete];

/// A table's grants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Privileges {
    grants: Vec<Grant>,
}

/// One command for one role, `public` being all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Grant {
    role: String,
    command: Command,
    /// On these columns only; `None` is the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<String>>,
}

/// What a new table has: everything, for the roles of requests.
impl Default for Privileges {
    fn default() -> Self {
        let grant = |role: &&str, command: &Command| Grant {
            role: (*role).to_string(),
            command: *command,
            columns: None,
        };
        let grants =
            API_ROLES.iter().flat_map(|role| COMMANDS.iter().map(move |command| grant(role, command)));
        Self { grants: grants.collect() }
    }
}

impl Privileges {
    /// What nobody but its owner has anything of.
    pub fn none() -> Self {
        Self { grants: Vec::new() }
    }

    /// Whether nothing was granted or revoked.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Grants a command on the table, or on some columns besides those granted before.
    pub fn grant(&mut self, role: &str, command: Command, columns: Option<&[String]>) {
        if self.of(role, command).any(|grant| grant.columns.is_none()) {
            return;
        }
        if columns.is_none() {
            self.grants.retain(|grant| grant.role != role || grant.command != command);
        }
        let columns = columns.map(<[String]>::to_vec);
        self.grants.push(Grant { role: role.to_string(), command, columns });
    }

    /// Takes a command away, on the table and all its columns. What is granted on the table cannot
    /// be taken away from some columns only: Postgres accepts that, and it changes nothing.
    pub fn revoke(&mut self, role: &str, command: Command, columns: Option<&[String]>) {
        let Some(columns) = columns else {
            self.grants.retain(|grant| grant.role != role || grant.command != command);
            return;
        };
        for grant in self.grants.iter_mut().filter(|grant| grant.role == role && grant.command == command) {
            if let Some(granted) = &mut grant.columns {
                granted.retain(|column| !columns.contains(column));
            }
        }
        self.grants.retain(|grant| grant.columns.as_ref().is_none_or(|columns| !columns.is_empty()));
    }

    /// Whether a role may use a command on the table, or on one of its columns at least.
    pub fn allows(&self, role: &str, command: Command) -> bool {
        self.held(role, command).next().is_some()
    }

    /// Whether a role may use a command on every one of these columns.
    pub fn allows_columns<'a>(
        &self,
        role: &str,
        command: Command,
        mut columns: impl Iterator<Item = &'a String>,
    ) -> bool {
        let covers = |column: &String| {
            self.held(role, command)
                .any(|grant| grant.columns.as_ref().is_none_or(|columns| columns.contains(column)))
        };
        self.allows(role, command) && columns.all(covers)
    }

    /// Carries a column's new name along.
    pub fn rename_column(&mut self, old: &str, new: &str) {
        let columns = self.grants.iter_mut().filter_map(|grant| grant.columns.as_mut()).flatten();
        for column in columns.filter(|column| *column == old) {
            *column = new.to_string();
        }
    }

    /// Forgets a column, so that a later one of its name is not granted.
    pub fn drop_column(&mut self, name: &str) {
        for columns in self.grants.iter_mut().filter_map(|grant| grant.columns.as_mut()) {
            columns.retain(|column| column != name);
        }
        self.grants.retain(|grant| grant.columns.as_ref().is_none_or(|columns| !columns.is_empty()));
    }

    fn of(&self, role: &str, command: Command) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(move |grant| grant.role == role && grant.command == command)
    }

    fn held(&self, role: &str, command: Command) -> impl Iterator<Item = &Grant> {
        self.of(role, command).chain(self.of("public", command))
    }
}
