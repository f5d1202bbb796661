//! A call of a function: as the relation that is read, or where it writes as a batch of statements.

use super::read::row_id;
use super::{Batch, Builder, ROLLED_BACK, stored};
use crate::caller::Caller;
use crate::dialect::{CallArgument, RoutineBatch, routine_batch, routine_source, routine_value};
use crate::rest::error::RestError;
use crate::rest::plan::{Call, Node, ReadPlan, Value};
use crate::schema::{self, Catalog, Command, DataType, Routine, Storage, Table, Volatility};
use crate::sql::{Statement, quote_identifier, raise};

/// The statements of a call of a function that writes, or says something of the response: the function's, its rows, what
/// must be true of them, and the end of it.
pub(super) fn compile(
    catalog: &Catalog,
    caller: &Caller,
    plan: &ReadPlan<'_>,
    call: &Call<'_>,
) -> Result<Batch, RestError> {
    let mut batch = Batch::default();
    let mut builder = Builder::new(catalog, caller);
    let written = builder.call_batch(call)?;
    if let Some(first) = written.writes.first() {
        may_write(call, first.command)?;
    }
    batch.push(schema::guard(catalog.version));
    let mut tables = written.writes.iter().filter_map(|of| catalog.tables.get(&of.table));
    let says_caller = tables.any(|table| catalog.asks_for_caller(table));
    if says_caller {
        batch.push(schema::enter_caller(&stored(caller)));
    }
    for statement in written.statements {
        batch.push(builder.writer.statement(statement));
    }
    let rows = builder.called_rows(plan, &written.answer)?;
    if let Some(test) = may_take_effect(plan) {
        let guard = format!("SELECT {test}\nFROM (SELECT count(*) AS count FROM (\n{rows}\n))");
        batch.push(builder.writer.statement(guard));
    }
    let total = match plan.counted {
        true => Some(builder.called_total(plan, &written.answer)?),
        false => None,
    };
    if plan.rolls_back {
        let said = written.response.unwrap_or_else(|| "SELECT NULL AS status, NULL AS headers".to_string());
        let total = total.unwrap_or_else(|| "SELECT NULL".to_string());
        let payload = format!(
            "json_object('total', ({total}), 'status', said.status, 'headers', said.headers, 'rows', json((SELECT json_group_array(json(j)) FROM (\n{rows}\n))))"
        );
        let raised = raise(&format!("'{ROLLED_BACK}' || {payload}"));
        batch.push(builder.writer.statement(format!("SELECT {raised} FROM ({said}) AS said")));
        return Ok(batch);
    }
    let place = batch.push(builder.writer.statement(rows));
    batch.rows.push(place);
    if let Some(total) = total {
        batch.total = Some(batch.push(builder.writer.statement(total)));
    }
    if let Some(said) = written.response {
        batch.said = Some(batch.push(Statement::new(said)));
    }
    batch.push(Statement::new(written.cleared));
    if says_caller {
        batch.push(schema::leave_caller());
    }
    Ok(batch)
}

/// What raises when the rows of a call, `count` of them, are not as many as they must be.
fn may_take_effect(plan: &ReadPlan<'_>) -> Option<String> {
    let not_one = raise("'PGRST116:' || count");
    let too_many = raise("'PGRST124:' || count");
    match plan.affected_limit {
        Some(limit) => Some(format!("CASE WHEN count > {limit} THEN {too_many} END")),
        None if plan.is_object => Some(format!("CASE WHEN count <> 1 THEN {not_one} END")),
        None => None,
    }
}

/// GET and HEAD read only, and so do functions that promised to.
fn may_write(call: &Call<'_>, command: Command) -> Result<(), RestError> {
    let command = command.word();
    if call.routine.volatility != Volatility::Volatile {
        return Err(RestError::postgres(
            "0A000",
            format!("{command} is not allowed in a non-volatile function"),
        ));
    }
    if !call.is_post {
        let message = format!("cannot execute {command} in a read-only transaction");
        return Err(RestError::postgres("25006", message));
    }
    Ok(())
}

impl Builder<'_> {
    /// The rows of a call as a FROM clause has them.
    pub(super) fn call_source(&mut self, call: &Call<'_>, row: &str) -> Result<String, RestError> {
        if let Some(answer) = self.answer.take() {
            return Ok(answer);
        }
        let arguments = self.call_arguments(call);
        let catalog = self.catalog;
        Ok(routine_source(call.routine, &arguments, row, catalog, &mut self.environment())?)
    }

    /// The batch of a call of a function that writes.
    fn call_batch(&mut self, call: &Call<'_>) -> Result<RoutineBatch, RestError> {
        let arguments = self.call_arguments(call);
        let catalog = self.catalog;
        Ok(routine_batch(call.routine, &arguments, catalog, &mut self.environment())?)
    }

    /// The query of the rows of a call that has run.
    fn called_rows(&mut self, plan: &ReadPlan<'_>, answer: &str) -> Result<String, RestError> {
        self.answer = Some(answer.to_string());
        self.select_rows(plan)?;
        Ok(self.writer.take_text())
    }

    /// The query of how many they are without regard to the window.
    fn called_total(&mut self, plan: &ReadPlan<'_>, answer: &str) -> Result<String, RestError> {
        self.answer = Some(answer.to_string());
        self.select_count(plan)?;
        Ok(self.writer.take_text())
    }

    fn call_arguments(&mut self, call: &Call<'_>) -> Vec<Option<CallArgument>> {
        call.arguments.iter().map(|argument| argument.as_ref().map(|of| self.call_argument(of))).collect()
    }

    /// The rows that a function gives for a row of a relation.
    pub(super) fn computed_rows(
        &mut self,
        routine: &Routine,
        of: &Table,
        origin: &str,
        row: &str,
    ) -> Result<String, RestError> {
        let arguments = [Some(CallArgument::Row(columns_of(of, origin)))];
        let catalog = self.catalog;
        Ok(routine_source(routine, &arguments, row, catalog, &mut self.environment())?)
    }

    /// The rows of `from` and, besides their columns, what the node's functions compute of them. SQLite
    /// flattens it: a row's index is used as if it were not there.
    pub(super) fn with_computed(
        &mut self,
        node: &Node<'_>,
        from: String,
        has_row_id: bool,
    ) -> Result<String, RestError> {
        if node.computed.is_empty() {
            return Ok(from);
        }
        let row = self.alias();
        let mut columns = vec![format!("{row}.*")];
        columns
            .extend(row_id(node.table).filter(|_| has_row_id).map(|name| format!("{row}.{name} AS {name}")));
        columns.extend(self.computed_values(node, &row)?);
        Ok(format!("(SELECT {} FROM {from} AS {row})", columns.join(", ")))
    }

    /// What a node's functions compute of one of its rows, named like columns.
    pub(super) fn computed_values(&mut self, node: &Node<'_>, row: &str) -> Result<Vec<String>, RestError> {
        let value = |routine: &&Routine| {
            let argument = CallArgument::Row(columns_of(node.table, row));
            let catalog = self.catalog;
            let value = routine_value(routine, &argument, row, catalog, &mut self.environment())?;
            Ok(format!("{value} AS {}", quote_identifier(&routine.name)))
        };
        node.computed.iter().map(value).collect()
    }

    fn call_argument(&mut self, argument: &Value) -> CallArgument {
        match argument {
            Value::Plain(value, of) => CallArgument::Value(self.typed(value.as_deref(), of)),
            Value::Row(values) => {
                CallArgument::Row(values.iter().map(|(value, of)| self.typed(value.as_deref(), of)).collect())
            }
        }
    }

    fn typed(&mut self, value: Option<&str>, of: &DataType) -> String {
        let Some(value) = value else { return "NULL".to_string() };
        if *of == DataType::Bool {
            return if matches!(value, "true" | "t" | "1") { "1" } else { "0" }.to_string();
        }
        let bound = self.writer.bind(value);
        match of.storage() {
            Storage::Text => bound,
            Storage::Integer => format!("CAST({bound} AS INTEGER)"),
            Storage::Real => format!("CAST({bound} AS REAL)"),
            Storage::Blob => format!("unhex({bound})"),
        }
    }
}

fn columns_of(table: &Table, row: &str) -> Vec<String> {
    table.columns.iter().map(|column| format!("{row}.{}", quote_identifier(&column.name))).collect()
}
