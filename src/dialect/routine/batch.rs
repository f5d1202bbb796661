//! A call of a function that writes, from outside of SQL: statements of one batch, then the query of
//! its answer.

use sqlparser::ast::{Insert, SelectItem, SetExpr, Statement};

use super::call::{CallArgument, as_given};
use super::inline::{argument_relations, result_types};
use super::response_setting::{response_setting, said_of_response, set_response};
use super::{body, source};
use crate::dialect::expression::{Lowering, Piece, Place, Scope, VARIABLES};
use crate::dialect::plpgsql::{self, Condition, Machine, Returned, Sink, cleared};
use crate::dialect::query::column_name;
use crate::dialect::write::{self, Written};
use crate::dialect::{DialectError, Environment};
use crate::schema::{
    Catalog, Command, DataType, Language, Returns, Routine, RoutineType, Storage, WrittenTable,
};
use crate::sql::{quote_identifier, quote_literal, raise};

/// What the names of the batch's values start with, and its aliases.
pub const CALL: &str = "/call";

/// A call that writes.
pub struct RoutineBatch {
    /// In order. The values that the environment bound are numbered across all of them.
    pub statements: Vec<String>,
    /// What gives the answer's rows after them, in parentheses, its columns by their names.
    pub answer: String,
    /// What removes the function's variables at the end.
    pub cleared: String,
    /// What is written.
    pub writes: Vec<WrittenTable>,
    /// What gives the one row of `status` and `headers` that it set of the response; `None` when it sets neither.
    pub response: Option<String>,
}

/// The batch of a call; `arguments` as for [`super::routine_source`].
pub fn routine_batch(
    routine: &Routine,
    arguments: &[Option<CallArgument>],
    catalog: &Catalog,
    environment: &mut dyn Environment,
) -> Result<RoutineBatch, DialectError> {
    let elsewhere = |path: &Vec<String>| path.iter().any(|schema| schema != "public");
    if routine.search_path.as_ref().is_some_and(elsewhere) {
        return Err(DialectError::unsupported("writing in a function with a search_path other than public")
            .with_hint("Write the tables' schemas, and SET search_path = ''."));
    }
    environment.enter_routine(routine)?;
    let batch = lowered(routine, arguments, catalog, environment);
    environment.leave_routine();
    batch
}

fn lowered(
    routine: &Routine,
    arguments: &[Option<CallArgument>],
    catalog: &Catalog,
    environment: &mut dyn Environment,
) -> Result<RoutineBatch, DialectError> {
    let mut sink = Sink::statements(CALL);
    let given = {
        let mut lowering = Lowering::beside_row(catalog, environment, &quote_identifier(CALL));
        let mut given = Vec::new();
        for (input, argument) in routine.inputs().zip(arguments) {
            let argument = argument.as_ref().map(|argument| as_given(catalog, &input.data_type, argument));
            given.push(lowering.settled_argument(input, argument, &mut sink)?);
        }
        argument_relations(catalog, routine, given)
    };
    if routine.strict && lacks_one(arguments) {
        return answered(catalog, routine, Vec::new(), "SELECT NULL".to_string(), Vec::new());
    }
    match routine.language {
        Language::Sql => sql_batch(routine, catalog, environment, sink, Scope { relations: given }),
        Language::Plpgsql => {
            let mut given = given;
            for relation in given.iter_mut().filter(|relation| relation.merged.is_empty()) {
                relation.schema = Some(VARIABLES.to_string());
            }
            let mut machine = Machine::new(catalog, environment, sink, given);
            machine.prefix = CALL.to_string();
            machine.search_path.clone_from(&routine.search_path);
            machine.set_counts(&routine.body);
            machine.run(&plpgsql::body(&routine.body)?)?;
            let answer = machine_answer(&mut machine, routine)?;
            let writes = std::mem::take(&mut machine.writes);
            let Sink::Statements { statements, .. } = machine.sink else {
                return Err(DialectError::unsupported("this function"));
            };
            answered(catalog, routine, statements, answer, writes)
        }
    }
}

fn lacks_one(arguments: &[Option<CallArgument>]) -> bool {
    let is_null =
        |argument: &Option<CallArgument>| *argument == Some(CallArgument::Value("NULL".to_string()));
    arguments.iter().any(is_null)
}

fn answered(
    catalog: &Catalog,
    routine: &Routine,
    statements: Vec<String>,
    answer: String,
    writes: Vec<WrittenTable>,
) -> Result<RoutineBatch, DialectError> {
    let answer = match routine.returns {
        Returns::Void => "(SELECT 1)".to_string(),
        _ => source::named(catalog, routine, &answer),
    };
    let response = said_of_response(&statements);
    Ok(RoutineBatch { statements, answer, cleared: cleared(CALL), writes, response })
}

/// The query of what a PL/pgSQL function returned.
fn machine_answer(machine: &mut Machine<'_>, routine: &Routine) -> Result<String, DialectError> {
    match &routine.returns {
        Returns::Void => Ok(String::new()),
        Returns::One(RoutineType::Value(to)) => {
            let value = machine.returned(to)?;
            Ok(format!("SELECT {value} AS {}", column_name(0)))
        }
        Returns::One(RoutineType::Row(_)) => {
            let mut outcomes = std::mem::take(&mut machine.outcomes).into_iter();
            let (Some(outcome), None) = (outcomes.next(), outcomes.next()) else {
                return Err(DialectError::unsupported("several RETURNs of rows in a function that writes"));
            };
            let Returned::Row(row) = outcome.returned else {
                return Err(DialectError::unsupported("RETURN of other than a row variable here"));
            };
            let columns = row.columns.iter().enumerate();
            let list: Vec<String> = columns
                .map(|(index, field)| format!("{} AS {}", row.sql_of(field), column_name(index)))
                .collect();
            Ok(format!("SELECT {} WHERE {}", list.join(", "), outcome.condition.to_sql()))
        }
        _ => Err(DialectError::unsupported("RETURN QUERY in a function that writes")
            .with_hint("Write it in SQL, with the query as the last statement.")),
    }
}

fn sql_batch(
    routine: &Routine,
    catalog: &Catalog,
    environment: &mut dyn Environment,
    mut sink: Sink,
    scope: Scope,
) -> Result<RoutineBatch, DialectError> {
    let statements = body::statements(&routine.body)?;
    let mut writes = Vec::new();
    let mut answer = String::new();
    for (index, statement) in statements.iter().enumerate() {
        let is_last = index + 1 == statements.len() && routine.returns != Returns::Void;
        let prefix = quote_identifier(&format!("{CALL}/{index}"));
        let mut lowering = Lowering::beside_row(catalog, environment, &prefix);
        lowering.scopes = vec![scope.clone()];
        match statement {
            Statement::Query(query) if response_setting(query).is_some() && !is_last => {
                if let Some((kept, value)) = response_setting(query) {
                    let piece = lowering.lower(value)?;
                    let value = lowering.as_text(piece)?;
                    sink.push(set_response(kept, &value, &Condition::always()));
                }
            }
            Statement::Query(query) => {
                lowering.targets = if is_last { result_types(catalog, &routine.returns) } else { Vec::new() };
                let query = lowering.subquery(query)?;
                match is_last {
                    true => answer = lowering.answer_rows(routine, query)?,
                    false => sink.push(query.sql),
                }
            }
            statement => {
                let (written, items) = write_of(&mut lowering, statement)?;
                let mut after = None;
                if is_last {
                    let returned =
                        returned_rows(&mut lowering, routine, statement, &written, items, &mut sink)?;
                    (answer, after) = returned;
                }
                let table = crate::sql::physical_name(&written.table.schema, &written.table.name);
                if written.updates_on_conflict {
                    let columns = written.columns.clone();
                    writes.push(WrittenTable { table: table.clone(), command: Command::Update, columns });
                }
                writes.push(WrittenTable { table, command: written.command, columns: written.columns });
                sink.push(written.sql);
                if let Some(after) = after {
                    sink.push(after);
                }
            }
        }
    }
    let Sink::Statements { statements, .. } = sink else {
        return Err(DialectError::unsupported("this function"));
    };
    answered(catalog, routine, statements, answer, writes)
}

type Items<'s> = Option<&'s Vec<SelectItem>>;

fn write_of<'s>(
    lowering: &mut Lowering<'_>,
    statement: &'s Statement,
) -> Result<(Written, Items<'s>), DialectError> {
    let always = Condition::always();
    match statement {
        Statement::Insert(of) => Ok((write::insert(lowering, of, &always, None)?, of.returning.as_ref())),
        Statement::Update(of) => Ok((write::update(lowering, of, &always)?, of.returning.as_ref())),
        Statement::Delete(of) => Ok((write::delete(lowering, of, &always)?, of.returning.as_ref())),
        _ => Err(DialectError::unsupported("this statement in a function")),
    }
}

/// The rows for the last statement's RETURNING, and a statement to run after it.
fn returned_rows(
    lowering: &mut Lowering<'_>,
    routine: &Routine,
    statement: &Statement,
    written: &Written,
    items: Items<'_>,
    sink: &mut Sink,
) -> Result<(String, Option<String>), DialectError> {
    let refused = || {
        DialectError::unsupported("a function that ends with this statement")
            .with_hint("End it with a SELECT of what it gives; INSERT of one row may have RETURNING.")
    };
    let Some(items) = items else { return Err(refused()) };
    lowering.scopes.push(write::target_scope(&written.table, written.alias.as_deref()));
    let outputs = lowering.outputs(items, &[])?;
    lowering.scopes.pop();
    let name = written.table.physical();
    let (query, after, is_single) = match statement {
        Statement::Insert(insert) if is_of_one_row(insert) => {
            let list = named_outputs(outputs.iter().map(|output| output.sql.clone()));
            (format!("SELECT {list} FROM {name} WHERE {name}.rowid = last_insert_rowid()"), None, true)
        }
        Statement::Update(_) if keeps_row_ids(written) => {
            let list = named_outputs(outputs.iter().map(|output| output.sql.clone()));
            let touched = sink.keep(&format!(
                "(SELECT json_group_array({name}.rowid) FROM {} WHERE {})",
                written.from, written.condition
            ));
            let query = format!(
                "SELECT {list} FROM json_each({touched}) AS {TOUCHED} CROSS JOIN {name} ON {name}.rowid = {TOUCHED}.value"
            );
            (query, Some(all_were_written(&touched)), false)
        }
        // The rows are gone when the answer is made, so it is made of what they were.
        Statement::Delete(_) if written.from == name && outputs.len() <= MOST_ARGUMENTS => {
            let texts: Vec<String> =
                outputs.iter().map(|output| as_text(&output.data_type, &output.sql)).collect();
            let touched = sink.keep(&format!(
                "(SELECT json_group_array(json_array({})) FROM {} WHERE {})",
                texts.join(", "),
                written.from,
                written.condition
            ));
            let values = outputs.iter().enumerate().map(|(index, output)| {
                from_text(&output.data_type, &format!("{TOUCHED}.value ->> '$[{index}]'"))
            });
            let list = named_outputs(values);
            let query = format!("SELECT {list} FROM json_each({touched}) AS {TOUCHED}");
            (query, Some(all_were_written(&touched)), false)
        }
        _ => return Err(refused()),
    };
    let columns: Vec<(String, DataType)> =
        outputs.into_iter().map(|output| (output.name, output.data_type)).collect();
    let query = crate::dialect::query::LoweredQuery { sql: query, columns, is_single, value: None };
    Ok((lowering.answer_rows(routine, query)?, after))
}

/// D1's limit on a function's arguments.
const MOST_ARGUMENTS: usize = 32;

/// The rows that an UPDATE or DELETE touched.
const TOUCHED: &str = "\"/touched\"";

fn named_outputs(outputs: impl Iterator<Item = String>) -> String {
    let named = outputs.enumerate().map(|(index, sql)| format!("{sql} AS {}", column_name(index)));
    named.collect::<Vec<_>>().join(", ")
}

/// Whether an UPDATE's rows can be found again by their row ids, and are no more than the table's.
fn keeps_row_ids(written: &Written) -> bool {
    let key = written.table.primary_key_columns();
    written.from == written.table.physical() && !written.columns.iter().any(|column| key.contains(column))
}

/// A BEFORE trigger may leave rows out, and which is not known afterwards.
fn all_were_written(touched: &str) -> String {
    let error = raise(&quote_literal("0A000:RETURNING of rows that a trigger left out is not supported"));
    format!("SELECT CASE WHEN changes() <> json_array_length({touched}) THEN {error} END")
}

/// A value as JSON keeps it to the digit.
fn as_text(of: &DataType, sql: &str) -> String {
    match of.storage() {
        Storage::Real => format!("CASE WHEN {sql} IS NOT NULL THEN printf('%!.17g', {sql}) END"),
        Storage::Blob => format!("CASE WHEN {sql} IS NOT NULL THEN hex({sql}) END"),
        Storage::Integer | Storage::Text => format!("CAST({sql} AS TEXT)"),
    }
}

/// The same read back.
fn from_text(of: &DataType, text: &str) -> String {
    match of.storage() {
        Storage::Real => format!("CAST({text} AS REAL)"),
        Storage::Blob => format!("unhex({text})"),
        Storage::Integer => format!("CAST({text} AS INTEGER)"),
        Storage::Text => format!("({text})"),
    }
}

fn is_of_one_row(insert: &Insert) -> bool {
    let one = |query: &sqlparser::ast::Query| match query.body.as_ref() {
        SetExpr::Values(values) => values.rows.len() == 1,
        _ => false,
    };
    insert.on.is_none() && insert.source.as_deref().is_none_or(one)
}

impl Lowering<'_> {
    /// The rows of the last statement, with the declared types.
    fn answer_rows(
        &mut self,
        routine: &Routine,
        query: crate::dialect::query::LoweredQuery,
    ) -> Result<String, DialectError> {
        let columns = source::result_columns(self.catalog, routine);
        let inlined =
            super::inline::Inlined { query, bound: Vec::new(), alias: String::new(), needed: Vec::new() };
        self.as_rows(routine, &inlined, &columns)
    }

    /// An argument as the statements name it: by its own SQL when that is short and plain.
    fn settled_argument(
        &mut self,
        input: &crate::schema::Argument,
        given: Option<super::resolve::Given>,
        sink: &mut Sink,
    ) -> Result<super::resolve::Given, DialectError> {
        use super::resolve::Given;
        let RoutineType::Value(to) = &input.data_type else {
            return Ok(given.unwrap_or(Given::Value(Piece::Null)));
        };
        self.place = Place::Query;
        let sql = self.argument_value(given.as_ref(), input.default.as_deref(), to)?;
        let is_plain = !sql.contains('(') || super::inline::is_cast_of_bind(&sql);
        let sql = if is_plain { sql } else { sink.keep(&sql) };
        Ok(Given::Value(Piece::Typed(sql, to.clone())))
    }
}
