//! A new function's body is compiled once, so that one which cannot run is refused at its line.

use sqlparser::ast::{Query, Statement};

use super::batch::routine_batch;
use super::body;
use super::call::CallArgument;
use super::resolve::{Given, Resolved};
use super::response_setting::response_setting;
use crate::dialect::DialectError;
use crate::dialect::expression::{Lowering, Piece, Place, Relation};
use crate::dialect::translate::{SystemEnvironment, Translator};
use crate::dialect::write;
use crate::schema::{Language, Routine, RoutineType};
use crate::sql::quote_identifier;

/// What stands for arguments in SQL that never runs.
const ARGUMENT: &str = "\"/argument\"";

impl Translator {
    /// Compiles a function's body, for nobody.
    pub(in crate::dialect) fn check_routine(&self, routine: &Routine) -> Result<(), DialectError> {
        let checked = match routine.language {
            Language::Sql => self.check_sql(routine),
            Language::Plpgsql => crate::dialect::plpgsql::body(&routine.body).map(|_| ()),
        };
        checked.map_err(|error| {
            let name = format!("function {}: ", routine.display());
            let message = match error.message.starts_with(&name) {
                true => error.message,
                false => format!("{name}{}", error.message),
            };
            DialectError { message, ..error }
        })
    }

    fn check_sql(&self, routine: &Routine) -> Result<(), DialectError> {
        let mut environment = SystemEnvironment::default();
        let statements = body::statements(&routine.body)?;
        let says = |query: &Query| response_setting(query).is_some();
        let is_query = matches!(statements.as_slice(), [] | [Statement::Query(_)])
            && !statements.iter().any(|of| matches!(of, Statement::Query(query) if says(query)));
        if !is_query || statements.iter().any(write::is_write) {
            let arguments: Vec<_> = routine.inputs().map(|of| Some(self.anything(&of.data_type))).collect();
            return routine_batch(routine, &arguments, &self.catalog, &mut environment).map(|_| ());
        }
        let mut lowering = Lowering::new(&self.catalog, &mut environment, Place::Query);
        let given = routine.inputs().map(|argument| Some(self.something(&argument.data_type))).collect();
        lowering.check_call(Resolved { routine, given })
    }

    /// The same for a call from outside of SQL.
    fn anything(&self, of: &RoutineType) -> CallArgument {
        let row = match of {
            RoutineType::Value(_) => return CallArgument::Value(ARGUMENT.to_string()),
            RoutineType::Row(table) => self.catalog.row_type(table),
        };
        let columns = row.map(|table| table.columns.as_slice()).unwrap_or_default().iter();
        CallArgument::Row(
            columns.map(|column| format!("{ARGUMENT}.{}", quote_identifier(&column.name))).collect(),
        )
    }

    /// An argument of a type, for a call that never runs.
    fn something(&self, of: &RoutineType) -> Given {
        match of {
            RoutineType::Value(of) => Given::Value(Piece::Typed(ARGUMENT.to_string(), of.clone())),
            RoutineType::Row(table) => match self.catalog.row_type(table) {
                Some(table) => Given::Row(Relation::of_table(table, ARGUMENT)),
                None => Given::Value(Piece::Null),
            },
        }
    }
}
