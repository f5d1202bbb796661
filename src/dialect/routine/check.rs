//! A new function's body is compiled once, so that one which cannot run is refused at its line.

use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, parse, script};
use crate::schema::{Language, Routine};

impl Translator {
    /// Compiles a function's body, for nobody.
    pub(in crate::dialect) fn check_routine(&self, routine: &Routine) -> Result<(), DialectError> {
        let checked = match routine.language {
            Language::Sql => check_sql(routine),
            Language::Plpgsql => Err(DialectError::unsupported("LANGUAGE plpgsql")),
        };
        checked.map_err(|error| {
            let message = format!("function {}: {}", routine.display(), error.message);
            DialectError { message, ..error }
        })
    }
}

fn check_sql(routine: &Routine) -> Result<(), DialectError> {
    for piece in script::split(&routine.body).map_err(|error| error.error)? {
        parse::statement(piece.tokens)?;
    }
    Ok(())
}
