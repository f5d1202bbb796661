//! `CREATE POLICY`, `ALTER POLICY`, `DROP POLICY`.
//!
//! A policy has no SQL of its own: its expressions are kept in the catalog and lowered into every
//! statement that touches the table. They are compiled here once, so that one which cannot be is
//! refused now, never ignored later.

use sqlparser::ast::{
    AlterPolicy, AlterPolicyOperation, CreatePolicy, CreatePolicyCommand, CreatePolicyType, DropPolicy, Expr,
    ObjectName, Owner,
};

use crate::dialect::DialectError;
use crate::dialect::expression::{Expression, lower_condition};
use crate::dialect::name::folded;
use crate::dialect::translate::{SystemEnvironment, Translator};
use crate::schema::{Command, Policy, Table};
use crate::sql::physical_name;

/// The roles a project has.
const ROLES: &[&str] = &[
    "public",
    "anon",
    "authenticated",
    "service_role",
    "postgres",
    "authenticator",
    "supabase_auth_admin",
    "supabase_storage_admin",
    "dashboard_user",
];

impl Translator {
    pub(in crate::dialect) fn create_policy(&mut self, create: &CreatePolicy) -> Result<(), DialectError> {
        let table = self.policied_table(&create.table_name)?;
        let policy = Policy {
            name: folded(&create.name),
            permissive: !matches!(create.policy_type, Some(CreatePolicyType::Restrictive)),
            command: create.command.as_ref().and_then(command),
            roles: roles(create.to.as_deref())?,
            using: self.expression(&table, create.using.as_ref())?,
            check: self.expression(&table, create.with_check.as_ref())?,
        };
        fitting_clauses(&policy)?;
        if table.policies.iter().any(|other| other.name == policy.name) {
            let message = format!("policy \"{}\" for table \"{}\" already exists", policy.name, table.name);
            return Err(DialectError::new("42710", message));
        }
        if policy.name.is_empty() {
            return Err(DialectError::new("42601", "zero-length delimited identifier"));
        }
        self.policies_of(&table).push(policy);
        Ok(())
    }

    pub(in crate::dialect) fn alter_policy(&mut self, alter: &AlterPolicy) -> Result<(), DialectError> {
        let table = self.policied_table(&alter.table_name)?;
        let name = folded(&alter.name);
        let mut policy = table
            .policies
            .iter()
            .find(|policy| policy.name == name)
            .cloned()
            .ok_or_else(|| missing(&table, &name))?;
        match &alter.operation {
            AlterPolicyOperation::Rename { new_name } => {
                policy.name = folded(new_name);
                if table.policies.iter().any(|other| other.name == policy.name) {
                    let message =
                        format!("policy \"{}\" for table \"{}\" already exists", policy.name, table.name);
                    return Err(DialectError::new("42710", message));
                }
            }
            AlterPolicyOperation::Apply { to, using, with_check } => {
                if to.is_some() {
                    policy.roles = roles(to.as_deref())?;
                }
                policy.using = self.expression(&table, using.as_ref())?.or(policy.using);
                policy.check = self.expression(&table, with_check.as_ref())?.or(policy.check);
                fitting_clauses(&policy)?;
            }
        }
        if let Some(old) = self.policies_of(&table).iter_mut().find(|policy| policy.name == name) {
            *old = policy;
        }
        Ok(())
    }

    pub(in crate::dialect) fn drop_policy(&mut self, drop: &DropPolicy) -> Result<(), DialectError> {
        let table = match self.policied_table(&drop.table_name) {
            Err(error) if drop.if_exists && error.code == "42P01" => return Ok(()),
            table => table?,
        };
        let name = folded(&drop.name);
        if !table.policies.iter().any(|policy| policy.name == name) {
            return if drop.if_exists { Ok(()) } else { Err(missing(&table, &name)) };
        }
        self.policies_of(&table).retain(|policy| policy.name != name);
        Ok(())
    }

    /// The project's tables and those of Storage may have policies.
    fn policied_table(&self, object: &ObjectName) -> Result<Table, DialectError> {
        let table = self.any_table(object)?;
        if table.schema == "storage" { Ok(table) } else { self.own_table(object) }
    }

    fn policies_of(&mut self, table: &Table) -> &mut Vec<Policy> {
        let physical = physical_name(&table.schema, &table.name);
        &mut self.catalog.tables.entry(physical).or_insert_with(|| table.clone()).policies
    }

    /// The text to keep, once it proved to compile to a condition.
    fn expression(
        &mut self,
        table: &Table,
        expression: Option<&Expr>,
    ) -> Result<Option<String>, DialectError> {
        let Some(expression) = expression else { return Ok(None) };
        let text = expression.to_string();
        self.compile_policy(table, &text)?;
        Ok(Some(text))
    }

    /// Lowers a policy's text as requests will.
    pub(super) fn compile_policy(&self, table: &Table, text: &str) -> Result<(), DialectError> {
        let mut environment = SystemEnvironment::default();
        let expression = Expression::parse(text)?;
        lower_condition(&expression, table, &table.physical(), &self.catalog, &mut environment).map(|_| ())
    }
}

fn missing(table: &Table, name: &str) -> DialectError {
    DialectError::new("42704", format!("policy \"{name}\" for table \"{}\" does not exist", table.name))
}

fn command(command: &CreatePolicyCommand) -> Option<Command> {
    match command {
        CreatePolicyCommand::All => None,
        CreatePolicyCommand::Select => Some(Command::Select),
        CreatePolicyCommand::Insert => Some(Command::Insert),
        CreatePolicyCommand::Update => Some(Command::Update),
        CreatePolicyCommand::Delete => Some(Command::Delete),
    }
}

fn fitting_clauses(policy: &Policy) -> Result<(), DialectError> {
    match policy.command {
        Some(Command::Select | Command::Delete) if policy.check.is_some() => {
            Err(DialectError::new("42601", "WITH CHECK cannot be applied to SELECT or DELETE"))
        }
        Some(Command::Insert) if policy.using.is_some() => {
            Err(DialectError::new("42601", "only WITH CHECK expression allowed for INSERT"))
        }
        _ => Ok(()),
    }
}

fn roles(owners: Option<&[Owner]>) -> Result<Vec<String>, DialectError> {
    let Some(owners) = owners else { return Ok(vec!["public".to_string()]) };
    owners
        .iter()
        .map(|owner| match owner {
            Owner::Ident(name) => {
                let name = folded(name);
                if ROLES.contains(&name.as_str()) {
                    return Ok(name);
                }
                Err(DialectError::new("42704", format!("role \"{name}\" does not exist"))
                    .with_hint("The roles are public, anon, authenticated and service_role."))
            }
            other => Err(DialectError::unsupported(format!("TO {other}"))),
        })
        .collect()
}
