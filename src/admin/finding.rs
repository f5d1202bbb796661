//! What the policy report finds fault with. The codes are those of Supabase's database advisors where
//! they have one.

use serde_json::{Value, json};

use super::report::word;
use crate::schema::Command;

/// How bad it is, as the advisors grade it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Everyone can do what they should not.
    Error,
    /// Probably not what was meant, or slow.
    Warn,
    /// Worth knowing.
    Info,
}

/// One finding about one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    level: Level,
    code: &'static str,
    policy: Option<String>,
    roles: Vec<&'static str>,
    commands: Vec<Command>,
    columns: Vec<String>,
    message: String,
}

impl Finding {
    fn new(level: Level, code: &'static str, message: impl Into<String>) -> Self {
        let (policy, roles, commands, columns) = (None, Vec::new(), Vec::new(), Vec::new());
        Self { level, code, policy, roles, commands, columns, message: message.into() }
    }

    /// Reachable without any policy.
    pub fn row_security_off(role: &'static str, commands: Vec<Command>) -> Self {
        let message = "Row-level security is off: these roles reach every row. ALTER TABLE … ENABLE ROW LEVEL SECURITY turns it on.";
        let finding = Self::new(Level::Error, "rls_disabled_in_public", message);
        Self { roles: vec![role], commands, ..finding }
    }

    /// Policies that do nothing.
    pub fn policies_without_row_security() -> Self {
        let message = "The table has policies, and none is asked: row-level security is off.";
        Self::new(Level::Error, "policy_exists_rls_disabled", message)
    }

    /// Nobody but the service key reaches it.
    pub fn no_policy() -> Self {
        let message = "No policy: nobody but the service key sees or changes a row.";
        Self::new(Level::Info, "rls_enabled_no_policy", message)
    }

    /// A view that shows what its owner sees, past the policies of the tables below.
    pub fn owners_view(roles: Vec<&'static str>) -> Self {
        let message = "The view reads as its owner, past the policies of its tables. WITH (security_invoker = true) makes it ask as the caller.";
        Self { roles, ..Self::new(Level::Error, "security_definer_view", message) }
    }

    /// A materialized view that requests reach.
    pub fn materialized_view(roles: Vec<&'static str>) -> Self {
        let message = "No policy guards a materialized view's rows. REVOKE, or read it in a function.";
        Self { roles, ..Self::new(Level::Warn, "materialized_view_in_api", message) }
    }

    /// A policy that lets everyone of a role do something to every row.
    pub fn always_true(policy: &str, role: &'static str, commands: Vec<Command>) -> Self {
        // Reading is often for everyone; changing seldom is.
        let level = if commands == [Command::Select] { Level::Info } else { Level::Warn };
        let message = "The policy is true for everyone with these roles, whatever the row.";
        let finding = Self::new(level, "rls_policy_always_true", message);
        Self { policy: Some(policy.to_string()), roles: vec![role], commands, ..finding }
    }

    /// A policy that cannot be asked; every request that needs it fails.
    pub fn broken(policy: &str, role: &'static str, code: &str, message: &str) -> Self {
        let finding =
            Self::new(Level::Error, "policy_fails", format!("Requests fail with {code}: {message}"));
        Self { policy: Some(policy.to_string()), roles: vec![role], ..finding }
    }

    /// A policy that reads whole tables; `columns` are `schema.table.column`.
    pub fn unindexed(policy: &str, role: &'static str, columns: Vec<String>) -> Self {
        let message =
            "The policy compares these columns, no index begins with them, and the table is read whole.";
        let finding = Self::new(Level::Warn, "unindexed_policy_columns", message);
        Self { policy: Some(policy.to_string()), roles: vec![role], columns, ..finding }
    }

    /// Makes one of those that differ by their roles only, and sorts the worst first.
    pub fn merge(findings: &mut Vec<Self>) {
        let mut merged: Vec<Self> = Vec::new();
        for finding in findings.drain(..) {
            let same =
                |other: &&mut Self| Self { roles: finding.roles.clone(), ..(*other).clone() } == finding;
            match merged.iter_mut().find(same) {
                Some(other) => other.roles.extend(
                    finding
                        .roles
                        .iter()
                        .filter(|role| !other.roles.contains(role))
                        .copied()
                        .collect::<Vec<_>>(),
                ),
                None => merged.push(finding),
            }
        }
        merged.sort_by_key(|finding| finding.level);
        *findings = merged;
    }

    /// As the API answers it.
    #[rustfmt::skip]
    pub fn to_json(&self) -> Value {
        let level = match self.level {
            Level::Error => "ERROR",
            Level::Warn  => "WARN",
            Level::Info  => "INFO",
        };
        let commands: Vec<&str> = self.commands.iter().map(|command| word(*command)).collect();
        json!({
            "level": level,
            "code": self.code,
            "policy": self.policy,
            "roles": self.roles,
            "commands": commands,
            "columns": self.columns,
            "message": self.message,
        })
    }
}
