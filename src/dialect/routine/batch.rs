//! A call of a function that writes, from outside of SQL: statements of one batch, then the query of
//! its answer.

use sqlparser::ast::Statement;

use super::call::{CallArgument, as_given};
use super::inline::{argument_relations, mismatch, result_types};
use super::response_setting::{response_setting, said_of_response, set_response};
use super::{body, source};
use crate::dialect::expression::{Lowering, Piece, Place, Scope, VARIABLES};
use crate::dialect::plpgsql::{self, Condition, Machine, Returned, Sink, cleared};
use crate::dialect::query::column_name;
use crate::dialect::write::{self, Written};
use crate::dialect::{DialectError, Environment};
use crate::schema::{Catalog, Language, Returns, Routine, RoutineType, WrittenTable};
use crate::sql::quote_identifier;

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
            let columns = source::out_columns(routine);
            plpgsql::with_out(&mut given, columns);
            let mut machine = Machine::new(catalog, environment, sink, given);
            machine.out = columns.iter().map(|(name, _)| name.clone()).collect();
            machine.prefix = CALL.to_string();
            machine.result_types = result_types(catalog, &routine.returns);
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
        Returns::One(RoutineType::Row(_)) | Returns::Columns { is_set: false, .. } => {
            let types = result_types(machine.catalog, &routine.returns);
            Ok(machine.returned_row(&types)?.sql)
        }
        Returns::Set(_) | Returns::Columns { .. } => all_rows(machine, routine),
        Returns::Trigger => {
            Err(DialectError::new("0A000", "trigger functions can only be called as triggers"))
        }
    }
}

/// The rows of every RETURN QUERY and RETURN NEXT that was reached, in order.
fn all_rows(machine: &mut Machine<'_>, routine: &Routine) -> Result<String, DialectError> {
    let mut parts = Vec::new();
    for outcome in std::mem::take(&mut machine.outcomes) {
        match outcome.returned {
            Returned::Rows(rows) => {
                let alias = quote_identifier(CALL);
                let mut lowering = Lowering::beside_row(machine.catalog, machine.environment, &alias);
                parts.push(lowering.answer_rows(routine, rows)?);
            }
            Returned::Nothing | Returned::Row(_) => {}
            Returned::Null | Returned::Value(_) => {
                let message = "RETURN cannot have a parameter in function returning set";
                return Err(DialectError::new("42804", message));
            }
        }
    }
    if parts.is_empty() {
        let count = source::result_columns(machine.catalog, routine).len();
        let nothing: Vec<String> =
            (0..count).map(|index| format!("NULL AS {}", column_name(index))).collect();
        return Ok(format!("SELECT {} WHERE FALSE", nothing.join(", ")));
    }
    // A compound SELECT has five terms at most.
    while parts.len() > 1 {
        let joined = |terms: &[String]| {
            let terms: Vec<String> = terms.iter().map(|sql| format!("SELECT * FROM ({sql})")).collect();
            terms.join(" UNION ALL ")
        };
        parts = parts.chunks(4).map(joined).collect();
    }
    Ok(parts.pop().unwrap_or_default())
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
        lowering.search_path.clone_from(&routine.search_path);
        let (with, statement) = write::taken_apart(statement);
        let mut written = Vec::new();
        if let Some(with) = with {
            write::run_with(&mut lowering, &mut sink, &with, &Condition::always(), &mut written)?;
        }
        match &statement {
            Statement::Query(query) if response_setting(query).is_some() && !is_last => {
                if let Some((kept, value)) = response_setting(query) {
                    let piece = lowering.lower(value)?;
                    let value = lowering.as_text(piece)?;
                    sink.push(set_response(kept, &value, &Condition::always()));
                }
            }
            Statement::Query(query) => {
                lowering.targets = if is_last { result_types(catalog, &routine.returns) } else { Vec::new() };
                let query = write::unwritten(lowering.subquery(query)?, &written)?;
                match is_last {
                    true => answer = lowering.answer_rows(routine, query)?,
                    false => sink.push(query.sql),
                }
            }
            statement => {
                let (of, rows) = write::returned(&mut lowering, &mut sink, statement, &Condition::always())?;
                write::refuse_written(&of.sql, &written)?;
                written.push(of);
                if is_last {
                    let rows = rows.ok_or_else(|| {
                        mismatch(routine, "a value", "Final statement must be SELECT or have RETURNING.")
                    })?;
                    answer = lowering.answer_rows(routine, rows)?;
                }
            }
        }
        writes.extend(written.into_iter().flat_map(Written::into_tables));
    }
    let Sink::Statements { statements, .. } = sink else {
        return Err(DialectError::unsupported("this function"));
    };
    answered(catalog, routine, statements, answer, writes)
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
        let sql = self.argument_value(given.as_ref(), input, to)?;
        let is_plain = !sql.contains('(') || super::inline::is_cast_of_bind(&sql);
        let sql = if is_plain { sql } else { sink.keep(&sql) };
        Ok(Given::Value(Piece::Typed(sql, to.clone())))
    }
}
