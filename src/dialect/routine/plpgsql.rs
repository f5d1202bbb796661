//! A call of a PL/pgSQL function that only reads: one value, or the rows of its RETURN QUERYs.

use crate::dialect::DialectError;
use crate::dialect::expression::{Lowering, VARIABLES};
use crate::dialect::plpgsql::{self, Machine, Returned, Sink};
use crate::dialect::query::{LoweredQuery, column_name};
use crate::schema::{DataType, Returns, Routine, RoutineType};
use crate::sql::quote_identifier;

impl Lowering<'_> {
    /// The body, over the arguments in the innermost scope.
    pub(super) fn plpgsql_body(&mut self, routine: &Routine) -> Result<LoweredQuery, DialectError> {
        self.only_in_queries("a function in plpgsql")?;
        let body = plpgsql::body(&routine.body)?;
        let mut given = self.scopes.pop().map(|scope| scope.relations).unwrap_or_default();
        for relation in given.iter_mut().filter(|relation| relation.merged.is_empty()) {
            relation.schema = Some(VARIABLES.to_string());
        }
        let columns = super::source::out_columns(routine);
        plpgsql::with_out(&mut given, columns);
        let prefix = self.alias();
        let sink = Sink::layers_of(&quote_identifier(&format!("{prefix}/let")));
        let row_mark = self.row_mark.clone();
        let mut machine = Machine::new(self.catalog, self.environment, sink, given);
        machine.row_mark = row_mark;
        machine.out = columns.iter().map(|(name, _)| name.clone()).collect();
        machine.prefix = prefix;
        machine.search_path.clone_from(&self.search_path);
        machine.run(&body)?;
        match &routine.returns {
            Returns::One(RoutineType::Value(to)) => {
                let (value, to) = machine.value(to)?.resolved(self.catalog)?;
                Ok(LoweredQuery {
                    sql: format!("SELECT {value} AS {}", column_name(0)),
                    columns: vec![(routine.name.clone(), to)],
                    is_single: true,
                    value: Some(value),
                })
            }
            Returns::Set(_) | Returns::Columns { is_set: true, .. } => rows(machine, routine),
            Returns::One(RoutineType::Row(_)) | Returns::Columns { .. } => {
                let types = super::inline::result_types(self.catalog, &routine.returns);
                machine.returned_row(&types)
            }
            _ => Err(DialectError::unsupported("a plpgsql function of this result type here")),
        }
    }
}

/// The rows of every RETURN QUERY that is reached, in order.
fn rows(mut machine: Machine<'_>, routine: &Routine) -> Result<LoweredQuery, DialectError> {
    let is_plain = matches!(&machine.sink, Sink::Layers { layers, .. } if layers.is_empty())
        && machine.guards.is_empty();
    if !is_plain {
        return Err(DialectError::unsupported(
            "a set-returning plpgsql function with variables that are read or raise",
        )
        .with_hint("Put them into the query, or write the function in SQL."));
    }
    let types = super::inline::result_types(machine.catalog, &routine.returns);
    let mut parts = Vec::new();
    for outcome in std::mem::take(&mut machine.outcomes) {
        let query = match outcome.returned {
            Returned::Rows(query) => query,
            Returned::Nothing | Returned::Row(_) => continue,
            _ => {
                return Err(DialectError::new(
                    "42804",
                    "RETURN cannot have a parameter in function returning set",
                ));
            }
        };
        parts.push((outcome.condition, query));
    }
    let Some((_, first)) = parts.first() else {
        let columns: Vec<String> =
            types.iter().enumerate().map(|(index, _)| format!("NULL AS {}", column_name(index))).collect();
        let names = types.into_iter().map(|of| (String::new(), of)).collect();
        return Ok(LoweredQuery {
            sql: format!("SELECT {} WHERE FALSE", columns.join(", ")),
            columns: names,
            is_single: true,
            value: None,
        });
    };
    let columns: Vec<(String, DataType)> = first.columns.clone();
    let shape = |query: &LoweredQuery| query.columns.iter().map(|(_, of)| of.clone()).collect::<Vec<_>>();
    if parts.iter().any(|(_, query)| shape(query) != shape(first)) || parts.len() > 5 {
        return Err(DialectError::unsupported("RETURN QUERYs of different types, or more than five"));
    }
    if let [(condition, query)] = parts.as_slice()
        && condition.is_always()
    {
        return Ok(LoweredQuery { value: None, ..query.clone() });
    }
    let sql: Vec<String> = parts
        .iter()
        .map(|(condition, query)| format!("SELECT * FROM ({}) WHERE {}", query.sql, condition.to_sql()))
        .collect();
    Ok(LoweredQuery { sql: sql.join(" UNION ALL "), columns, is_single: false, value: None })
}
