//! D1's double: real SQLite with D1's limits, refusals and number handling.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use async_trait::async_trait;
use edgeward::ports::{Cost, Database, DbError, Freshness, ResultSet, Text};
use edgeward::sql::{Bind, Statement};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, StatementStatus, params_from_iter};

use super::{Fault, one_turn};

/// In-memory SQLite behind D1's rules.
pub struct StrictDatabase {
    connection: RefCell<Connection>,
    /// Fails before anything runs.
    pub fault: Fault,
    /// Loses the answer after the batch took effect.
    pub lost_answer: Fault,
    rows_written: Cell<u64>,
    steps: Cell<u64>,
    /// Strikes before a batch runs, see [`Self::interrupt_at`].
    pub interruption: Fault,
    interrupting: RefCell<String>,
    takes_turns: Cell<bool>,
    last: RefCell<Vec<Statement>>,
    batches: Cell<u64>,
    replica: RefCell<Option<(Rc<StrictDatabase>, u64)>>,
}

/// D1's limits (facts: platform, data-api §0.1).
const LIMITS: &[(Limit, i32)] = &[
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_LENGTH, 2_000_000),
];

/// Functions that D1 refuses or its SQLite is too old for.
const REFUSED_FUNCTIONS: &[&str] = &[
    "sqlite_version",
    "sqlite_source_id",
    "sqlite_log",
    "subtype",
    "json_pretty",
    "json_error_position",
    "power",
    "ceiling",
    "log10",
    "load_extension",
    "regexp",
    "soundex",
    "if",
    "unistr",
    "unistr_quote",
    "median",
    "percentile",
];

impl StrictDatabase {
    /// A fresh database with the system's migrations applied.
    pub fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        for migration in system_migrations() {
            connection.execute_batch(&migration).unwrap_or_else(|error| panic!("{error} in {migration}"));
        }
        for (limit, value) in LIMITS {
            connection.set_limit(*limit, *value).unwrap();
        }
        Self {
            connection: RefCell::new(connection),
            fault: Fault::default(),
            lost_answer: Fault::default(),
            rows_written: Cell::new(0),
            steps: Cell::new(0),
            interruption: Fault::default(),
            interrupting: RefCell::default(),
            takes_turns: Cell::default(),
            last: RefCell::default(),
            batches: Cell::default(),
            replica: RefCell::default(),
        }
    }

    /// From now on there is a read replica, which stays as the database is now.
    pub fn replicate(&self) {
        let path = std::env::temp_dir().join(format!("edgeward-replica-{}-{self:p}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        self.execute(&format!("VACUUM INTO '{}'", path.display()));
        let copy = Self::new();
        copy.connection.replace(Connection::open(&path).unwrap());
        self.replica.replace(Some((Rc::new(copy), self.batches.get())));
        // The open file lives on.
        std::fs::remove_file(&path).unwrap();
    }

    fn bookmark(batches: u64) -> String {
        format!("{batches:08x}-00000000-00000000-{:032x}", 0)
    }

    /// Runs SQL just before the nth batch from now, counted from 1: another request that gets in between.
    pub fn interrupt_at(&self, call: u32, sql: &str) {
        self.interruption.fail_at(call);
        *self.interrupting.borrow_mut() = sql.to_string();
    }

    /// The same before every batch from now on.
    pub fn interrupt_always(&self, sql: &str) {
        self.interruption.fail_always();
        *self.interrupting.borrow_mut() = sql.to_string();
    }

    /// From now on lets other requests go before each batch.
    pub fn take_turns(&self) {
        self.takes_turns.set(true);
    }

    /// Rows written so far (each table row once; SQLite does not count index entries natively).
    pub fn rows_written(&self) -> u64 {
        self.rows_written.get()
    }

    /// Batches run so far.
    pub fn batches(&self) -> u64 {
        self.batches.get()
    }

    /// SQLite's own steps in the batches since this was last asked: each row it looks at takes some.
    pub fn count_steps(&self) -> u64 {
        self.steps.replace(0)
    }

    /// Makes this database what a file holds.
    pub fn open(&self, path: &std::path::Path) {
        let from = Connection::open(path).unwrap();
        copy(&from, &mut self.connection.borrow_mut());
    }

    /// Makes this database what the other is.
    pub fn restore(&self, other: &Self) {
        copy(&other.connection.borrow(), &mut self.connection.borrow_mut());
    }

    /// Runs SQL outside the product, for a test's set-up.
    pub fn execute(&self, sql: &str) {
        self.connection.borrow().execute_batch(sql).unwrap_or_else(|error| panic!("{error} in {sql}"));
    }

    /// The first column of every row, read outside the product, as text.
    pub fn values(&self, sql: &str) -> Vec<String> {
        let connection = self.connection.borrow();
        let mut prepared = connection.prepare(sql).unwrap_or_else(|error| panic!("{error} in {sql}"));
        let rows = prepared.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error} in {sql}"))
    }

    /// How SQLite runs the last batch's statements: the lines of EXPLAIN QUERY PLAN.
    pub fn explained(&self) -> Vec<String> {
        let connection = self.connection.borrow();
        let mut lines = Vec::new();
        for statement in self.last.borrow().iter() {
            let explain = Statement {
                text: format!("EXPLAIN QUERY PLAN {}", statement.text).into(),
                ..statement.clone()
            };
            let rows = run(&connection, &explain).unwrap();
            lines.extend(rows.values.iter().map(|row| match row.last() {
                Some(Value::Text(line)) => line.clone(),
                other => format!("{other:?}"),
            }));
        }
        lines
    }

    /// One value read outside the product, as text; `None` for NULL or no row.
    pub fn value(&self, sql: &str) -> Option<String> {
        let connection = self.connection.borrow();
        let read = |row: &rusqlite::Row<'_>| row.get::<_, Value>(0);
        match connection.query_row(sql, [], read) {
            Ok(Value::Null) | Err(rusqlite::Error::QueryReturnedNoRows) => None,
            Ok(Value::Integer(number)) => Some(number.to_string()),
            Ok(Value::Real(number)) => Some(number.to_string()),
            Ok(Value::Text(text)) => Some(text),
            Ok(Value::Blob(bytes)) => Some(format!("{bytes:?}")),
            Err(error) => panic!("{error} in {sql}"),
        }
    }
}

#[async_trait(?Send)]
impl Database for StrictDatabase {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Box<dyn ResultSet>>, DbError> {
        if self.takes_turns.get() {
            one_turn().await;
        }
        if self.fault.strikes() {
            return Err(DbError::Overloaded("D1 DB is overloaded. (on purpose)".into()));
        }
        assert!(!statements.is_empty(), "D1 refuses an empty batch");
        if self.interruption.strikes() {
            self.execute(&self.interrupting.borrow());
        }
        self.last.replace(statements.clone());
        let mut connection = self.connection.borrow_mut();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        connection.authorizer(Some(authorize)).unwrap();
        let outcome: Result<Vec<Rows>, String> =
            statements.iter().map(|statement| run(&connection, statement)).collect();
        connection.authorizer::<fn(AuthContext<'_>) -> Authorization>(None).unwrap();
        let outcome = outcome.and_then(|results| match connection.execute_batch("COMMIT") {
            Ok(()) => Ok(results),
            Err(error) => Err(message_of(&error)),
        });
        let results = outcome.map_err(|message| {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK").unwrap();
            }
            DbError::classify(&message)
        })?;
        self.batches.set(self.batches.get() + 1);
        let written: u64 = results.iter().map(|result| result.cost.changes).sum();
        self.steps.set(self.steps.get() + results.iter().map(|result| result.steps).sum::<u64>());
        self.rows_written.set(self.rows_written.get() + written);
        if self.lost_answer.strikes() {
            return Err(DbError::Overloaded(
                "Network connection lost. (on purpose, after the commit)".into(),
            ));
        }
        Ok(results.into_iter().map(|result| Box::new(result) as Box<dyn ResultSet>).collect())
    }

    async fn batch_from(
        &self,
        freshness: Freshness<'_>,
        statements: Vec<Statement>,
    ) -> Result<(Vec<Box<dyn ResultSet>>, Option<String>), DbError> {
        let replica = self.replica.borrow().clone();
        if let Some((replica, batches)) = replica {
            let suits = match freshness {
                Freshness::Any => true,
                Freshness::Newest => false,
                Freshness::SinceBookmark(bookmark) => bookmark <= Self::bookmark(batches).as_str(),
            };
            if suits {
                let results = replica.batch(statements).await?;
                return Ok((results, Some(Self::bookmark(batches))));
            }
        }
        let results = self.batch(statements).await?;
        Ok((results, Some(Self::bookmark(self.batches.get()))))
    }
}

fn copy(from: &Connection, into: &mut Connection) {
    let backup = Backup::new(from, into).unwrap();
    assert_eq!(backup.step(-1).unwrap(), StepResult::Done);
}

fn run(connection: &Connection, statement: &Statement) -> Result<Rows, String> {
    let mut prepared = connection.prepare(&statement.text).map_err(|error| message_of(&error))?;
    if prepared.parameter_count() != statement.binds.len() {
        return Err(format!(
            "Wrong number of parameter bindings for SQL query: {} for {}",
            statement.binds.len(),
            statement.text
        ));
    }
    let names: Vec<String> = prepared.column_names().map(ToString::to_string).collect();
    let before = connection.total_changes();
    let binds = statement.binds.iter().map(|bind| match bind {
        Bind::Null => Value::Null,
        Bind::Text(text) => Value::Text(text.clone()),
    });
    let mut values = Vec::new();
    let mut rows = prepared.query(params_from_iter(binds)).map_err(|error| message_of(&error))?;
    while let Some(row) = rows.next().map_err(|error| message_of(&error))? {
        values.push((0..names.len()).map(|column| row.get::<_, Value>(column).unwrap()).collect());
    }
    drop(rows);
    let steps = prepared.get_status(StatementStatus::VmStep).unsigned_abs().into();
    let changes = connection.total_changes() - before;
    Ok(Rows { names, values, steps, cost: Cost { changes, ..Cost::default() } })
}

fn message_of(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        // As D1 says it: where, and not the statement, whose text might be taken for a raised message.
        rusqlite::Error::SqlInputError { msg, offset, .. } => format!("{msg} at offset {offset}"),
        other => other.to_string(),
    }
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => Authorization::Deny,
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => Authorization::Deny,
        AuthAction::CreateTempTable { .. } | AuthAction::CreateTempTrigger { .. } => Authorization::Deny,
        AuthAction::Function { function_name } if REFUSED_FUNCTIONS.contains(&function_name) => {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }
}

fn system_migrations() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

struct Rows {
    steps: u64,
    names: Vec<String>,
    values: Vec<Vec<Value>>,
    cost: Cost,
}

impl Rows {
    fn first_column(&self, row: usize) -> Option<String> {
        match self.values.get(row)?.first()? {
            Value::Text(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(json(other).to_string()),
        }
    }
}

impl ResultSet for Rows {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn to_json(&self) -> String {
        let object = |row: &Vec<Value>| -> serde_json::Value {
            self.names.iter().cloned().zip(row.iter().map(json)).collect::<serde_json::Map<_, _>>().into()
        };
        serde_json::Value::Array(self.values.iter().map(object).collect()).to_string()
    }

    fn json_array(&self) -> Box<dyn Text> {
        let rows: Vec<String> = (0..self.values.len())
            .map(|row| self.first_column(row).unwrap_or_else(|| "null".into()))
            .collect();
        Box::new(OwnedText(format!("[{}]", rows.join(","))))
    }

    fn text(&self, row: usize) -> Option<Box<dyn Text>> {
        self.first_column(row).map(|text| Box::new(OwnedText(text)) as Box<dyn Text>)
    }

    fn number(&self, row: usize, column: &str) -> Option<u64> {
        let place = self.names.iter().position(|name| name == column)?;
        match self.values.get(row)?.get(place)? {
            Value::Integer(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    fn cost(&self) -> Cost {
        self.cost
    }
}

/// As JavaScript sees SQLite's values: every number a double.
fn json(value: &Value) -> serde_json::Value {
    const EXACT: i64 = 1 << 53;
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(number) if (-EXACT..=EXACT).contains(number) => (*number).into(),
        Value::Integer(number) => (*number as f64).into(),
        Value::Real(number) if number.fract() == 0.0 && number.abs() < EXACT as f64 => {
            (*number as i64).into()
        }
        Value::Real(number) => (*number).into(),
        Value::Text(text) => text.clone().into(),
        Value::Blob(bytes) => bytes.clone().into(),
    }
}

/// Text that stands for the platform's own.
pub struct OwnedText(pub String);

impl Text for OwnedText {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn read(&self) -> String {
        self.0.clone()
    }
}
