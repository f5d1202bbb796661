//! What a trigger's function knows when it is compiled.

use std::rc::Rc;

use super::moddatetime::moddatetime_body;
use crate::dialect::DialectError;
use crate::dialect::expression::{Field, Relation};
use crate::dialect::plpgsql::{self, Block, variables};
use crate::schema::{Command, DataType, Level, Routine, Trigger};
use crate::sql::quote_literal;

/// `TG_OP` and its like.
pub struct Known(Vec<(&'static str, String)>);

/// What the function of a trigger knows of why it runs.
pub fn trigger_constants(trigger: &Trigger, command: Command) -> Known {
    Known(vec![
        ("tg_op", command.word().to_string()),
        ("tg_table_name", trigger.table.clone()),
        ("tg_relname", trigger.table.clone()),
        ("tg_table_schema", trigger.schema.clone()),
        ("tg_name", trigger.name.clone()),
        ("tg_when", trigger.timing.words().to_string()),
        ("tg_level", if trigger.level == Level::Row { "ROW" } else { "STATEMENT" }.to_string()),
        ("tg_nargs", trigger.arguments.len().to_string()),
    ])
}

impl Known {
    /// As the function's variables.
    pub fn relation(&self) -> Relation {
        let field = |(name, value): &(&'static str, String)| match *name {
            "tg_nargs" => Field { name: (*name).to_string(), sql: value.clone(), data_type: DataType::Int4 },
            _ => Field { name: (*name).to_string(), sql: quote_literal(value), data_type: DataType::Text },
        };
        variables("", self.0.iter().map(field).collect())
    }

    /// The same as texts, for conditions that are decided by them.
    pub fn values(self) -> Vec<(&'static str, String)> {
        self.0
    }
}

/// A trigger's function, with the trigger's arguments in the place of `TG_ARGV[0]`….
pub fn body_of(trigger: &Trigger, routine: &Routine) -> Result<Rc<Block>, DialectError> {
    const ARGUMENTS: &str = "tg_argv";
    if let Some(body) = moddatetime_body(trigger, routine) {
        return plpgsql::body(&body);
    }
    let lower = routine.body.to_ascii_lowercase();
    if !lower.contains(ARGUMENTS) {
        return plpgsql::body(&routine.body);
    }
    let refused = || DialectError::unsupported("TG_ARGV with anything but a number in its brackets");
    let (mut text, mut at) = (String::new(), 0);
    while let Some(found) = lower.get(at..).and_then(|rest| rest.find(ARGUMENTS)).map(|found| at + found) {
        text.push_str(routine.body.get(at..found).unwrap_or_default());
        let after = routine.body.get(found + ARGUMENTS.len()..).unwrap_or_default();
        let inside = after.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (index, rest) = inside.ok_or_else(refused)?;
        let index: usize = index.trim().parse().map_err(|_| refused())?;
        text.push_str(
            &trigger.arguments.get(index).map_or("NULL".to_string(), |argument| quote_literal(argument)),
        );
        at = routine.body.len() - rest.len();
    }
    text.push_str(routine.body.get(at..).unwrap_or_default());
    plpgsql::body(&text)
}
