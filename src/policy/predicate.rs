//! Combines the policies that apply to a caller and a command.

use super::{CallerEnvironment, template};
use crate::caller::{Caller, Role};
use crate::dialect::{self, DialectError, Expression};
use crate::schema::{Catalog, Command, Policy, Table};
use crate::sql::balanced;

/// What a table's policies say of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// Every row: row-level security is off or the caller bypasses it.
    Always,
    /// No row: no permissive policy applies.
    Never,
    /// The rows for which this SQL expression is true.
    Sql(String),
}

/// Why no predicate could be made of a policy.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyError {
    /// A policy's subquery leads back to its own table (42P17): the table's name.
    Recursion(String),
    /// The caller's role lacks the privilege for the command (42501): `table todos`, `view open_todos`.
    Denied(String),
    /// An expression that could be compiled when it was created and cannot now.
    Expression(DialectError),
}

impl Predicate {
    /// As a SQL expression that is 1 for the rows in question.
    pub fn to_sql(&self) -> String {
        match self {
            Self::Always => "TRUE".to_string(),
            Self::Never => "FALSE".to_string(),
            Self::Sql(sql) => sql.clone(),
        }
    }

    /// Both must hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Always, other) | (other, Self::Always) => other,
            (Self::Sql(one), Self::Sql(other)) => Self::Sql(format!("({one} AND {other})")),
        }
    }
}

/// The rows of `table` that are there for the caller's `command`: the policies' `USING`.
///
/// `row` is how SQL names the row's table or alias, quoted. Postgres asks for the SELECT policies
/// besides those of UPDATE and DELETE when the statement reads the rows; the caller combines them
/// with [`Predicate::and`].
pub fn using(
    environment: &mut CallerEnvironment<'_>,
    table: &Table,
    command: Command,
    row: &str,
) -> Result<Predicate, PolicyError> {
    predicate(environment, table, command, row, Side::Using)
}

/// The rows of `table` that the caller's `command` may bring into being: the policies' `WITH CHECK`,
/// which is `USING` where a policy has none of its own.
pub fn check(
    environment: &mut CallerEnvironment<'_>,
    table: &Table,
    command: Command,
    row: &str,
) -> Result<Predicate, PolicyError> {
    predicate(environment, table, command, row, Side::Check)
}

/// Refuses a caller whose role was not granted the command on the table. Asked wherever the table's
/// rows are, so that no way to them goes without.
pub fn permit(
    catalog: &Catalog,
    caller: &Caller,
    table: &Table,
    command: Command,
) -> Result<(), PolicyError> {
    if table.privileges.allows(grantee(caller), command) {
        return Ok(());
    }
    Err(denied(catalog, table))
}

fn denied(catalog: &Catalog, table: &Table) -> PolicyError {
    let kind = match catalog.view(&table.schema, &table.name) {
        None => "table",
        Some(view) if view.materialized => "materialized view",
        Some(_) => "view",
    };
    PolicyError::Denied(format!("{kind} {}", table.name))
}

/// Refuses a caller who was not granted the command on every one of the columns that it writes.
pub fn permit_columns<'a>(
    catalog: &Catalog,
    caller: &Caller,
    table: &Table,
    command: Command,
    columns: impl Iterator<Item = &'a String>,
) -> Result<(), PolicyError> {
    if table.privileges.allows_columns(grantee(caller), command, columns) {
        return Ok(());
    }
    Err(denied(catalog, table))
}

/// The role whose privileges a caller has: a role that nothing can be granted to has those of nobody
/// in particular.
pub fn grantee(caller: &Caller) -> &str {
    match &caller.role {
        Role::Other(_) => Role::Anon.name(),
        role => role.name(),
    }
}

/// Which of a policy's expressions is asked for.
#[derive(Clone, Copy)]
enum Side {
    Using,
    Check,
}

impl Side {
    fn of(self, policy: &Policy) -> Option<&str> {
        match self {
            Self::Using => policy.using.as_deref(),
            Self::Check => policy.check.as_deref().or(policy.using.as_deref()),
        }
    }
}

/// The predicate, from the catalog's memory when it was made for this role before: lowering it would be a third of
/// the cost of preparing a read of one row.
fn predicate(
    environment: &mut CallerEnvironment<'_>,
    table: &Table,
    command: Command,
    row: &str,
    side: Side,
) -> Result<Predicate, PolicyError> {
    permit(environment.catalog, environment.caller, table, command)?;
    if !table.row_security || environment.caller.bypasses_row_security() {
        return Ok(Predicate::Always);
    }
    // What is remembered is for binds.
    if environment.is_stored || !environment.is_outermost() {
        return combine(environment, table, command, row, side);
    }
    let (catalog, caller) = (environment.catalog, environment.caller);
    let key = memory_key(table, command, caller.role.name(), row, side);
    if let Some(marked) = catalog.memory.get(&key)
        && let Some(sql) = template::fill(&marked, caller, environment.writer)
    {
        return Ok(Predicate::Sql(sql));
    }
    environment.slots = true;
    let combined = combine(environment, table, command, row, side);
    environment.slots = false;
    let Predicate::Sql(marked) = combined? else { return Ok(Predicate::Never) };
    let Some(sql) = template::fill(&marked, caller, environment.writer) else {
        return combine(environment, table, command, row, side);
    };
    catalog.memory.insert(key, &marked);
    Ok(Predicate::Sql(sql))
}

fn memory_key(table: &Table, command: Command, role: &str, row: &str, side: Side) -> String {
    let place = match (side, command) {
        (Side::Using, Command::Select) => "using for select",
        (Side::Using, Command::Insert) => "using for insert",
        (Side::Using, Command::Update) => "using for update",
        (Side::Using, Command::Delete) => "using for delete",
        (Side::Check, Command::Select) => "check for select",
        (Side::Check, Command::Insert) => "check for insert",
        (Side::Check, Command::Update) => "check for update",
        (Side::Check, Command::Delete) => "check for delete",
        // No policy is for it.
        (_, Command::Truncate) => "truncate",
    };
    [place, &table.schema, &table.name, role, row].join("\0")
}

fn combine(
    environment: &mut CallerEnvironment<'_>,
    table: &Table,
    command: Command,
    row: &str,
    side: Side,
) -> Result<Predicate, PolicyError> {
    let role = environment.caller.role.name().to_string();
    let mut applied = Vec::new();
    let mut looks_into_tables = false;
    for policy in table.policies.iter().filter(|policy| applies(policy, command, &role)) {
        // A policy without the expression asked for has no say: it lets nothing in and keeps nothing out.
        let Some(text) = side.of(policy) else { continue };
        for text in policy.using.iter().chain(&policy.check) {
            looks_into_tables |= Expression::parse(text).map_err(PolicyError::Expression)?.has_query();
        }
        applied.push((policy.permissive, text));
    }
    if !applied.iter().any(|(is_permissive, _)| *is_permissive) {
        return Ok(Predicate::Never);
    }
    // As in Postgres: a table may be met again inside its own policies if those it has there are plain.
    if looks_into_tables {
        environment.enter(table)?;
    }
    let (mut permissive, mut restrictive) = (Vec::new(), Vec::new());
    for (is_permissive, text) in applied {
        let sql = lower(environment, table, row, text)?;
        if is_permissive { permissive.push(sql) } else { restrictive.push(sql) }
    }
    if looks_into_tables {
        environment.leave();
    }
    restrictive.push(balanced(permissive, " OR "));
    Ok(Predicate::Sql(balanced(restrictive, " AND ")))
}

fn applies(policy: &Policy, command: Command, role: &str) -> bool {
    policy.command.is_none_or(|of| of == command)
        && policy.roles.iter().any(|of| of == "public" || of == role)
}

fn lower(
    environment: &mut CallerEnvironment<'_>,
    table: &Table,
    row: &str,
    text: &str,
) -> Result<String, PolicyError> {
    let expression = Expression::parse(text).map_err(PolicyError::Expression)?;
    let catalog = environment.catalog;
    dialect::lower_condition(&expression, table, row, catalog, environment).map_err(|error| {
        environment.recursion.take().map_or(PolicyError::Expression(error), PolicyError::Recursion)
    })
}
