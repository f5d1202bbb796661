//! The policy report: who reaches what, and what of it looks like a mistake.
//!
//! Every policy is lowered as a request would lower it, once for each role of requests. What depends on
//! no row is asked of the database, so `true`, `1 = 1` and `auth.uid() is not null` are all found; what
//! does is explained by it, so that what it scans is what requests will scan.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::store::report::{self as store, Answers, Question};
use super::{AdminError, finding::Finding};
use crate::app::App;
use crate::caller::{Caller, Role};
use crate::policy::{self, CallerEnvironment, PolicyError, Predicate};
use crate::schema::{self, Catalog, Command, Policy, Table, View, Written};
use crate::sql::{Bind, Statement, Writer, quote_identifier};

/// What the report says of one table.
pub struct TableReport {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Whether row-level security is on; a view has its own say of that.
    pub row_security: bool,
    /// For each role of requests, what each of [`COMMANDS`] reaches.
    pub roles: Vec<(&'static str, Vec<Reach>)>,
    /// What looks like a mistake, the worst first.
    pub findings: Vec<Finding>,
}

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A table.
    Table,
    /// A view: its query stands for its rows.
    View,
    /// A view whose rows are kept, which no policy guards.
    MaterializedView,
}

/// Which rows a command of a role reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// None: the role lacks the privilege.
    Denied,
    /// None: no policy lets any through.
    Nothing,
    /// Those that the policies say.
    Policy,
    /// All of them.
    Everything,
    /// A request fails: the policies cannot be asked.
    Broken,
}

/// The commands of a report, in its order.
pub const COMMANDS: &[Command] = &[Command::Select, Command::Insert, Command::Update, Command::Delete];

/// The roles that policies bind.
const ROLES: &[&str] = &["anon", "authenticated"];

/// Tables besides the exposed schemas' that a client reaches, by the storage API.
const STORAGE: &[(&str, &str)] = &[("storage", "buckets"), ("storage", "objects")];

/// A user that there is none of.
const SOMEBODY: &str = "00000000-0000-4000-8000-000000000000";

/// How a policy's SQL names the row in question, as no table or alias of a project is named. Its own for
/// each policy: the catalog remembers predicates by it.
fn row_of(place: usize) -> String {
    quote_identifier(&format!("/policy {place}"))
}

/// Reports on the exposed tables and views, in the order of their names.
pub async fn report(app: &App) -> Result<Vec<TableReport>, AdminError> {
    let database = app.ports.database.as_ref();
    let catalog = schema::load(database).await?;
    let mut tables: Vec<&Table> =
        catalog.tables.values().filter(|table| is_reachable(table, &app.config.rest.schemas)).collect();
    // A materialized view's rows are in a table of its name.
    tables.retain(|table| catalog.view(&table.schema, &table.name).is_none());
    let looks: Vec<Look<'_>> = tables.iter().flat_map(|table| looks(&catalog, table)).collect();
    let questions: Vec<Question> =
        looks.iter().flat_map(|look| look.questions.iter().flatten().cloned()).collect();
    let answers = store::ask(database, questions).await?;
    let views = catalog
        .views
        .values()
        .filter(|view| !view.partition && app.config.rest.schemas.contains(&view.table.schema));
    let mut reports: Vec<TableReport> = views.map(|view| view_report(&catalog, view)).collect();
    reports.extend(tables.into_iter().map(|table| table_report(&catalog, table, &looks, &answers)));
    reports.sort_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
    Ok(reports)
}

/// What is reached through a view: everything its owner reaches, unless it asks as the caller.
fn view_report(catalog: &Catalog, view: &View) -> TableReport {
    let reach = |role: &str, command: Command| match (&view.written, command) {
        _ if !view.table.privileges.allows(role, command) => Reach::Denied,
        (_, Command::Insert | Command::Update | Command::Delete) if view.materialized => Reach::Nothing,
        (_, Command::Select) if view.materialized || !view.security_invoker => Reach::Everything,
        (_, Command::Select) => Reach::Policy,
        // Its function decides.
        _ if catalog.instead_of(&view.table, command).is_some() => Reach::Everything,
        (Written::Refused(_), _) => Reach::Nothing,
        (Written::Through(_), _) if view.security_invoker => Reach::Policy,
        (Written::Through(_), _) => Reach::Everything,
    };
    let reaches =
        |role: &&'static str| (*role, COMMANDS.iter().map(|command| reach(role, *command)).collect());
    let roles: Vec<(&'static str, Vec<Reach>)> = ROLES.iter().map(reaches).collect();
    let open: Vec<&'static str> = roles
        .iter()
        .filter(|(_, reaches)| reaches.contains(&Reach::Everything))
        .map(|(role, _)| *role)
        .collect();
    let findings = match view.materialized {
        _ if open.is_empty() => Vec::new(),
        true => vec![Finding::materialized_view(open)],
        false => vec![Finding::owners_view(open)],
    };
    TableReport {
        schema: view.table.schema.clone(),
        name: view.table.name.clone(),
        kind: if view.materialized { Kind::MaterializedView } else { Kind::View },
        row_security: view.security_invoker && !view.materialized,
        roles,
        findings,
    }
}

fn is_reachable(table: &Table, schemas: &[String]) -> bool {
    let is_storage = STORAGE.contains(&(table.schema.as_str(), table.name.as_str()));
    is_storage || (schemas.contains(&table.schema) && !schema::is_builtin(table))
}

/// One policy as one role meets it: its `USING` and its `WITH CHECK`.
struct Look<'a> {
    table: &'a Table,
    policy: &'a Policy,
    role: &'static str,
    row: String,
    /// Of each: the questions about it; none where it has no say.
    questions: [Vec<Question>; 2],
    error: Option<(String, String)>,
}

fn looks<'a>(catalog: &'a Catalog, table: &'a Table) -> Vec<Look<'a>> {
    let mut looks = Vec::new();
    for role in ROLES {
        let applying = table
            .policies
            .iter()
            .enumerate()
            .filter(|(_, policy)| policy.roles.iter().any(|of| of == "public" || of == role));
        for (place, policy) in applying {
            let row = row_of(place);
            let mut look =
                Look { table, policy, role, row, questions: [Vec::new(), Vec::new()], error: None };
            for (half, questions) in Half::BOTH.iter().zip(&mut look.questions) {
                match question(catalog, &look.row, table, policy, role, *half) {
                    Ok(asked) => questions.extend(asked),
                    Err(error) => look.error = Some(error),
                }
            }
            looks.push(look);
        }
    }
    looks
}

/// A half of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Using,
    Check,
}

impl Half {
    const BOTH: [Self; 2] = [Self::Using, Self::Check];

    /// Which half decides whether a command reaches a row.
    fn of(command: Command) -> Self {
        if command == Command::Insert { Self::Check } else { Self::Using }
    }
}

/// What to ask the database of a policy's half: whether it is true, or what it scans.
fn question(
    catalog: &Catalog,
    row: &str,
    table: &Table,
    of: &Policy,
    role: &'static str,
    half: Half,
) -> Result<Option<Question>, (String, String)> {
    let command = match (of.command, half) {
        (Some(Command::Insert), Half::Using) => return Ok(None),
        (Some(Command::Select | Command::Delete), Half::Check) => return Ok(None),
        // Without one of its own it is the other half, which is asked anyway, or everything.
        (_, Half::Check)
            if of.check.is_none() && of.command != Some(Command::Insert) && of.command.is_some() =>
        {
            return Ok(None);
        }
        (None, Half::Using) => Command::Select,
        (None, Half::Check) => Command::Insert,
        (Some(command), _) => command,
    };
    // Alone, permissive, and granted: what it says by itself.
    let alone = Table {
        policies: vec![Policy { permissive: true, ..of.clone() }],
        privileges: schema::Privileges::default(),
        row_security: true,
        ..table.clone()
    };
    let caller = sample(role);
    let mut writer = Writer::default();
    let mut environment = CallerEnvironment::new(catalog, &caller, &mut writer);
    let predicate = match half {
        Half::Using => policy::using(&mut environment, &alone, command, row),
        Half::Check => policy::check(&mut environment, &alone, command, row),
    };
    let predicate = match predicate.map_err(broken)? {
        Predicate::Sql(sql) => sql,
        Predicate::Always | Predicate::Never => return Ok(None),
    };
    let (kind, text) = store::question(table, &predicate, row, half == Half::Check);
    writer.push(&text);
    Ok(Some(Question { kind, statement: writer.finish(), predicate }))
}

fn broken(error: PolicyError) -> (String, String) {
    match error {
        PolicyError::Recursion(name) => {
            ("42P17".into(), format!("infinite recursion detected in policy for relation \"{name}\""))
        }
        PolicyError::Denied(name) => ("42501".into(), format!("permission denied for {name}")),
        PolicyError::Expression(error) => (error.code.into(), error.message),
    }
}

/// A caller of a role as any other.
fn sample(role: &str) -> Caller {
    let mut caller = Caller::with_role(Role::named(role));
    // A policy that asks for it says the same of no two operations.
    caller.operation = Some("any");
    if role == "authenticated" {
        Rc::make_mut(&mut caller.claims).all.insert("sub".into(), SOMEBODY.into());
    }
    caller
}

/// Whether a statement knows no more of the caller than the role, or that there is a user.
fn is_for_all_of(role: &str, statement: &Statement) -> bool {
    statement.binds.iter().all(|bind| match bind {
        Bind::Null => role == "anon",
        Bind::Text(text) => text == role || text == SOMEBODY,
    })
}

/// What a half of a policy says: for everyone of its role, whatever the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Yes,
    No,
    Depends,
}

impl Look<'_> {
    fn says(&self, half: Half, answers: &Answers) -> Says {
        let [using, check] = &self.questions;
        let own = if half == Half::Check && !check.is_empty() { check } else { using };
        let Some(question) = own.first() else { return Says::No };
        match answers.truth(question) {
            Some(truth) if is_for_all_of(self.role, &question.statement) => {
                if truth {
                    Says::Yes
                } else {
                    Says::No
                }
            }
            _ => Says::Depends,
        }
    }

    fn is_for(&self, command: Command) -> bool {
        self.policy.command.is_none_or(|of| of == command)
    }
}

fn table_report(catalog: &Catalog, table: &Table, looks: &[Look<'_>], answers: &Answers) -> TableReport {
    let looks: Vec<&Look<'_>> = looks.iter().filter(|look| std::ptr::eq(look.table, table)).collect();
    let reaches = |role: &'static str| {
        let reach = |command: &Command| reach(table, role, *command, &looks, answers);
        (role, COMMANDS.iter().map(reach).collect::<Vec<_>>())
    };
    let roles: Vec<_> = ROLES.iter().map(|role| reaches(role)).collect();
    let mut findings = row_security_findings(table, &roles);
    for look in &looks {
        findings.extend(look_findings(catalog, look, answers));
    }
    Finding::merge(&mut findings);
    TableReport {
        schema: table.schema.clone(),
        name: table.name.clone(),
        kind: Kind::Table,
        row_security: table.row_security,
        roles,
        findings,
    }
}

fn reach(
    table: &Table,
    role: &'static str,
    command: Command,
    looks: &[&Look<'_>],
    answers: &Answers,
) -> Reach {
    if !table.privileges.allows(role, command) {
        return Reach::Denied;
    }
    if !table.row_security {
        return Reach::Everything;
    }
    let applying: Vec<&&Look<'_>> =
        looks.iter().filter(|look| look.role == role && look.is_for(command)).collect();
    if applying.iter().any(|look| look.error.is_some()) {
        return Reach::Broken;
    }
    let said = |permissive: bool| {
        let of = applying.iter().filter(move |look| look.policy.permissive == permissive);
        of.map(|look| look.says(Half::of(command), answers))
    };
    let lets_through =
        match (said(true).any(|says| says == Says::Yes), said(true).all(|says| says == Says::No)) {
            (true, _) => Reach::Everything,
            (_, true) => Reach::Nothing,
            _ => Reach::Policy,
        };
    match lets_through {
        Reach::Nothing => Reach::Nothing,
        _ if said(false).any(|says| says == Says::No) => Reach::Nothing,
        _ if said(false).any(|says| says == Says::Depends) => Reach::Policy,
        reach => reach,
    }
}

fn row_security_findings(table: &Table, roles: &[(&'static str, Vec<Reach>)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !table.row_security {
        for (role, reaches) in roles {
            let open = COMMANDS.iter().zip(reaches).filter(|(_, reach)| **reach == Reach::Everything);
            let commands: Vec<Command> = open.map(|(command, _)| *command).collect();
            if !commands.is_empty() {
                findings.push(Finding::row_security_off(role, commands));
            }
        }
        if !table.policies.is_empty() {
            findings.push(Finding::policies_without_row_security());
        }
    } else if table.policies.is_empty() && !schema::is_builtin(table) {
        findings.push(Finding::no_policy());
    }
    findings
}

fn look_findings(catalog: &Catalog, look: &Look<'_>, answers: &Answers) -> Vec<Finding> {
    let (policy, role) = (&look.policy.name, look.role);
    if let Some((code, message)) = &look.error {
        return vec![Finding::broken(policy, role, code, message)];
    }
    let mut findings = Vec::new();
    let always = |command: &&Command| {
        look.is_for(**command)
            && look.table.privileges.allows(role, **command)
            && look.says(Half::of(**command), answers) == Says::Yes
    };
    let commands: Vec<Command> = COMMANDS.iter().filter(always).copied().collect();
    if look.policy.permissive && look.table.row_security && !commands.is_empty() {
        findings.push(Finding::always_true(policy, role, commands));
    }
    let mut columns: Vec<String> = Vec::new();
    for question in look.questions.iter().flatten() {
        let more = answers.unindexed(catalog, look.table, question, &look.row);
        columns.extend(more.into_iter().filter(|column| !columns.contains(column)).collect::<Vec<_>>());
    }
    if !columns.is_empty() {
        findings.push(Finding::unindexed(policy, role, columns));
    }
    findings
}

impl TableReport {
    /// As the API answers it.
    pub fn to_json(&self) -> Value {
        let roles: Map<String, Value> = self
            .roles
            .iter()
            .map(|(role, reaches)| {
                let commands = COMMANDS.iter().zip(reaches);
                let commands: Map<String, Value> =
                    commands.map(|(command, reach)| (word(*command).into(), reach.word().into())).collect();
                ((*role).into(), commands.into())
            })
            .collect();
        serde_json::json!({
            "schema": self.schema,
            "name": self.name,
            "kind": self.kind.word(),
            "row_security": self.row_security,
            "roles": roles,
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Kind {
    #[rustfmt::skip]
    fn word(self) -> &'static str {
        match self {
            Self::Table            => "table",
            Self::View             => "view",
            Self::MaterializedView => "materialized view",
        }
    }
}

impl Reach {
    #[rustfmt::skip]
    fn word(self) -> &'static str {
        match self {
            Self::Denied     => "denied",
            Self::Nothing    => "none",
            Self::Policy     => "policy",
            Self::Everything => "all",
            Self::Broken     => "error",
        }
    }
}

/// A command as the report writes it.
#[rustfmt::skip]
pub fn word(command: Command) -> &'static str {
    match command {
        Command::Select => "select",
        Command::Insert => "insert",
        Command::Update => "update",
        Command::Delete => "delete",
        Command::Truncate => "truncate",
    }
}
