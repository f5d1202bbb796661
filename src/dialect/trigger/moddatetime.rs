//! `moddatetime(column)`, the trigger function of the extension of that name: an UPDATE sets the column to now.

use crate::dialect::DialectError;
use crate::schema::{
    Command, DataType, DefaultPrivileges, Language, Returns, Routine, Table, Timing, Trigger, Volatility,
};
use crate::sql::quote_identifier;

/// The extension's name, and its function's.
pub const MODDATETIME: &str = "moddatetime";

/// The function as the catalog has it. What it does each trigger's argument says: see [`moddatetime_body`].
pub fn moddatetime() -> Routine {
    Routine {
        schema: "extensions".to_string(),
        name: MODDATETIME.to_string(),
        arguments: Vec::new(),
        returns: Returns::Trigger,
        language: Language::Plpgsql,
        body: body_text(None),
        volatility: Volatility::Volatile,
        strict: false,
        security_definer: false,
        rows: None,
        search_path: None,
        executors: DefaultPrivileges::default().executors("public"),
        face: None,
    }
}

fn body_text(column: Option<&str>) -> String {
    let set = column.map(|name| format!("NEW.{} := CURRENT_TIMESTAMP; ", quote_identifier(name)));
    format!("BEGIN {}RETURN NEW; END", set.unwrap_or_default())
}

/// Its body for a trigger; `None` for one of any other function.
pub fn moddatetime_body(trigger: &Trigger, routine: &Routine) -> Option<String> {
    (routine.key() == moddatetime().key()).then(|| body_text(trigger.arguments.first().map(String::as_str)))
}

/// Refuses what the extension refuses, though it does so only when the trigger fires.
pub fn check_moddatetime(trigger: &Trigger, table: &Table) -> Result<(), DialectError> {
    if trigger.timing != Timing::Before || trigger.events != [Command::Update] {
        return Err(DialectError::new("09000", "moddatetime: must be fired before and for UPDATE"));
    }
    let [name] = trigger.arguments.as_slice() else {
        return Err(DialectError::new("09000", "moddatetime: A single argument was expected"));
    };
    match table.column(name).map(|column| &column.data_type) {
        Some(DataType::Timestamp | DataType::Timestamptz) => Ok(()),
        Some(_) => Err(DialectError::new(
            "09000",
            format!("attribute \"{name}\" of \"{}\" must be type TIMESTAMP or TIMESTAMPTZ", table.name),
        )),
        None => Err(DialectError::new("09000", format!("\"{}\" has no attribute \"{name}\"", table.name))),
    }
}
