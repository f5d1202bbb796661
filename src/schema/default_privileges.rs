//! `ALTER DEFAULT PRIVILEGES`: who has what of the owner's tables and functions to come.
//!
//! As in Postgres there are those of all schemas and those of one, which are added to them: what one schema's take away is only
//! what that schema's had given.

use serde::{Deserialize, Serialize};

use super::Command;
use super::privilege::{API_ROLES, COMMANDS, Privileges};

/// What differs from a new project on hosted Supabase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DefaultPrivileges(Vec<Difference>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Difference {
    privilege: DefaultPrivilege,
    is_granted: bool,
}

/// One privilege of one role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefaultPrivilege {
    /// In that schema; `None` in all.
    pub schema: Option<String>,
    /// On tables and views; `None` is EXECUTE on functions.
    pub command: Option<Command>,
    /// `public` being all.
    pub role: String,
}

impl DefaultPrivilege {
    /// Whether a new project has it: functions are everybody's, those of `public` the API's roles' besides, and so are tables.
    fn is_usual(&self) -> bool {
        match (&self.schema, self.command) {
            (None, None) => self.role == "public",
            (None, Some(_)) => false,
            (Some(schema), None) => schema == "public" && API_ROLES.contains(&self.role.as_str()),
            (Some(_), Some(_)) => API_ROLES.contains(&self.role.as_str()),
        }
    }
}

impl DefaultPrivileges {
    /// Grants or revokes.
    pub fn set(&mut self, privilege: DefaultPrivilege, is_granted: bool) {
        self.0.retain(|of| of.privilege != privilege);
        if privilege.is_usual() != is_granted {
            self.0.push(Difference { privilege, is_granted });
        }
    }

    /// Who may execute a new function.
    pub fn executors(&self, schema: &str) -> Vec<String> {
        self.roles(schema, None)
    }

    /// The privileges on a new table.
    pub fn of_table(&self, schema: &str) -> Privileges {
        if self.0.is_empty() {
            return Privileges::default();
        }
        let mut privileges = Privileges::none();
        for command in COMMANDS {
            for role in self.roles(schema, Some(*command)) {
                privileges.grant(&role, *command, None);
            }
        }
        privileges
    }

    fn roles(&self, schema: &str, command: Option<Command>) -> Vec<String> {
        let usual = |role: &&str| {
            let of = |schema: Option<String>| DefaultPrivilege { schema, command, role: (*role).to_string() };
            [of(None), of(Some(schema.to_string()))]
        };
        let has = |privilege: &DefaultPrivilege| match self.0.iter().find(|of| of.privilege == *privilege) {
            Some(difference) => difference.is_granted,
            None => privilege.is_usual(),
        };
        let named = self.0.iter().map(|of| of.privilege.role.as_str());
        let mut roles: Vec<String> = Vec::new();
        for role in ["public"].into_iter().chain(API_ROLES.iter().copied()).chain(named) {
            if !roles.iter().any(|of| of == role) && usual(&role).iter().any(has) {
                roles.push(role.to_string());
            }
        }
        roles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execute(schema: Option<&str>, role: &str) -> DefaultPrivilege {
        DefaultPrivilege { schema: schema.map(str::to_string), command: None, role: role.to_string() }
    }

    #[test]
    fn a_schema_only_takes_back_what_it_gave() {
        let mut defaults = DefaultPrivileges::default();
        assert_eq!(defaults.executors("public"), ["public", "anon", "authenticated", "service_role"]);
        assert_eq!(defaults.executors("private"), ["public"]);
        assert_eq!(defaults.of_table("private"), Privileges::default());
        defaults.set(execute(Some("private"), "public"), false);
        assert_eq!(defaults, DefaultPrivileges::default());
        defaults.set(execute(None, "public"), false);
        assert_eq!(defaults.executors("public"), API_ROLES);
        assert!(defaults.executors("private").is_empty());
        defaults.set(execute(Some("public"), "anon"), false);
        defaults.set(execute(Some("private"), "service_role"), true);
        assert_eq!(defaults.executors("public"), ["authenticated", "service_role"]);
        assert_eq!(defaults.executors("private"), ["service_role"]);
        let select = DefaultPrivilege { command: Some(Command::Select), ..execute(Some("public"), "anon") };
        defaults.set(select.clone(), false);
        assert!(!defaults.of_table("public").allows("anon", Command::Select));
        assert!(defaults.of_table("public").allows("anon", Command::Insert));
        for (privilege, is_granted) in [
            (select, true),
            (execute(None, "public"), true),
            (execute(Some("public"), "anon"), true),
            (execute(Some("private"), "service_role"), false),
        ] {
            defaults.set(privilege, is_granted);
        }
        assert_eq!(defaults, DefaultPrivileges::default());
    }
}
