//! `GRANT` and `REVOKE`.
//!
//! A new table is open to the roles of requests, as Supabase's default privileges make it. What is
//! granted and revoked on tables is kept with them, and asked for wherever policies are. Privileges
//! on what a request cannot reach (sequences, schemas) are taken note of by nobody.

use sqlparser::ast::{self, Action, Grant, GrantObjects, Grantee, Ident, ObjectName, Revoke};

use crate::dialect::name::folded;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name};
use crate::schema::{Command, Privileges, Table, is_builtin};
use crate::sql::physical_name;

/// What to write instead of a REVOKE that cannot be had.
const REVOKE_HINT: &str = "Revoke on its tables and functions: REVOKE … ON ALL TABLES IN SCHEMA … FROM …";

const GRANTEES: &[&str] = &[
    "public",
    "anon",
    "authenticated",
    "service_role",
    "postgres",
    "supabase_auth_admin",
    "supabase_storage_admin",
    "supabase_admin",
    "supabase_functions_admin",
    "supabase_realtime_admin",
    "supabase_replication_admin",
    "supabase_read_only_user",
    "dashboard_user",
    "authenticator",
];

/// A command, and the columns when it is for some only.
type Privilege = (Command, Option<Vec<String>>);

impl Translator {
    pub(in crate::dialect) fn grant(&mut self, grant: &Grant) -> Result<(), DialectError> {
        let objects = grant.objects.as_ref().ok_or_else(|| DialectError::unsupported("GRANT of a role"))?;
        let roles = roles(&grant.grantees)?;
        let Some(tables) = self.tables_of(objects)? else { return Ok(()) };
        let privileges = privileges(&grant.privileges);
        for table in tables.iter().filter(|table| !is_builtin(table)) {
            let mut changed = table.privileges.clone();
            for (role, (command, columns)) in pairs(&roles, &privileges) {
                let is_select_of_columns = *command == Command::Select && columns.is_some();
                if is_select_of_columns && !changed.allows(role, *command) {
                    return Err(DialectError::unsupported("GRANT SELECT on columns")
                        .with_hint("Put the columns into a table of their own."));
                }
                changed.grant(role, *command, known_columns(table, columns.as_deref())?);
            }
            self.keep_privileges(table, changed);
        }
        Ok(())
    }

    pub(in crate::dialect) fn revoke(&mut self, revoke: &Revoke) -> Result<(), DialectError> {
        let objects = revoke.objects.as_ref().ok_or_else(|| DialectError::unsupported("REVOKE of a role"))?;
        let roles = roles(&revoke.grantees)?;
        if matches!(objects, GrantObjects::Sequences(_) | GrantObjects::AllSequencesInSchema { .. }) {
            return Ok(());
        }
        if let GrantObjects::Schemas(schemas) = objects
            && is_nobodys(revoke, &roles)
        {
            return schemas.iter().try_for_each(|schema| self.existing_schema(&name::single(schema)?));
        }
        let tables = self.tables_of(objects)?.ok_or_else(|| {
            DialectError::unsupported(format!("REVOKE ON {objects}")).with_hint(REVOKE_HINT)
        })?;
        if revoke.grant_option_for {
            return Ok(());
        }
        let privileges = privileges(&revoke.privileges);
        for table in &tables {
            if is_builtin(table) {
                let message = format!("permission denied for table {}", table.name);
                return Err(DialectError::new("42501", message));
            }
            let mut changed = table.privileges.clone();
            for (role, (command, columns)) in pairs(&roles, &privileges) {
                changed.revoke(role, *command, known_columns(table, columns.as_deref())?);
            }
            self.keep_privileges(table, changed);
        }
        Ok(())
    }

    fn keep_privileges(&mut self, table: &Table, changed: Privileges) {
        let physical = physical_name(&table.schema, &table.name);
        if let Some(of) = self.catalog.tables.get_mut(&physical) {
            of.privileges = changed;
        } else if let Some(view) = self.catalog.views.get_mut(&physical).filter(|view| !view.partition) {
            view.table.privileges = changed;
        }
    }

    fn granted_relation(&self, object: &ObjectName) -> Result<Table, DialectError> {
        let (schema, name) = name::qualified(object)?;
        match self.catalog.inlined_view(&schema, &name) {
            Some(view) => Ok(view.table.clone()),
            None => self.any_table(object),
        }
    }

    /// The tables and views that are meant; `None` when it is no tables.
    fn tables_of(&self, objects: &GrantObjects) -> Result<Option<Vec<Table>>, DialectError> {
        let of = |object: &ObjectName| self.granted_relation(object);
        Ok(match objects {
            GrantObjects::Tables(names) => Some(names.iter().map(of).collect::<Result<_, _>>()?),
            GrantObjects::AllTablesInSchema { schemas } => {
                let schemas = schemas.iter().map(name::single).collect::<Result<Vec<_>, _>>()?;
                let tables = self.catalog.relations().filter(|table| schemas.contains(&table.schema));
                Some(tables.cloned().collect())
            }
            _ => None,
        })
    }
}

/// Whether none of the API's roles has by it what a REVOKE on schemas takes away: none may create anything, and what they may use
/// they may by name, not as PUBLIC.
fn is_nobodys(revoke: &Revoke, roles: &[String]) -> bool {
    let only_create = match &revoke.privileges {
        ast::Privileges::All { .. } => false,
        ast::Privileges::Actions(actions) => {
            actions.iter().all(|action| matches!(action, Action::Create { .. }))
        }
    };
    only_create
        || roles.iter().all(|role| !["anon", "authenticated", "service_role"].contains(&role.as_str()))
}

fn pairs<'a>(
    roles: &'a [String],
    privileges: &'a [Privilege],
) -> impl Iterator<Item = (&'a String, &'a Privilege)> {
    roles.iter().flat_map(move |role| privileges.iter().map(move |privilege| (role, privilege)))
}

/// The commands named; other privileges are on what no request does.
fn privileges(of: &ast::Privileges) -> Vec<Privilege> {
    let columns = |columns: &Option<Vec<Ident>>| {
        columns.as_ref().map(|columns| columns.iter().map(folded).collect::<Vec<_>>())
    };
    match of {
        ast::Privileges::All { .. } => {
            [Command::Select, Command::Insert, Command::Update, Command::Delete].map(|of| (of, None)).to_vec()
        }
        ast::Privileges::Actions(actions) => actions
            .iter()
            .filter_map(|action| match action {
                Action::Select { columns: of } => Some((Command::Select, columns(of))),
                Action::Insert { columns: of } => Some((Command::Insert, columns(of))),
                Action::Update { columns: of } => Some((Command::Update, columns(of))),
                Action::Delete => Some((Command::Delete, None)),
                _ => None,
            })
            .collect(),
    }
}

fn known_columns<'a>(
    table: &Table,
    columns: Option<&'a [String]>,
) -> Result<Option<&'a [String]>, DialectError> {
    match columns.unwrap_or_default().iter().find(|column| table.column(column).is_none()) {
        Some(column) => Err(DialectError::new(
            "42703",
            format!("column \"{column}\" of relation \"{}\" does not exist", table.name),
        )),
        None => Ok(columns),
    }
}

fn roles(grantees: &[Grantee]) -> Result<Vec<String>, DialectError> {
    grantees
        .iter()
        .map(|grantee| {
            let name = grantee.to_string();
            known_role(name.trim_matches('"'))
        })
        .collect()
}

/// A role that something can be granted to.
pub(super) fn known_role(name: &str) -> Result<String, DialectError> {
    let known = GRANTEES.iter().find(|role| name.eq_ignore_ascii_case(role));
    known.map(|role| (*role).to_string()).ok_or_else(|| {
        DialectError::new("42704", format!("role \"{name}\" does not exist"))
            .with_hint("The roles are anon, authenticated and service_role.")
    })
}
