//! Policies that call `VOLATILE` functions. Postgres lets such a function see what its statement has written before, SQLite
//! shows it the tables as they were: where that could decide otherwise, rows are written one by one, or only one is.

use std::collections::HashSet;

use crate::caller::Caller;
use crate::rest::plan::{Change, Write};
use crate::schema::{Catalog, Command, Routine, Table, Volatility};
use crate::sql::{quote_literal, raise};

/// The function by which a policy of the table could see rows that the same insert wrote before.
pub fn sees_inserted<'c>(catalog: &'c Catalog, caller: &Caller, table: &Table) -> Option<&'c Routine> {
    reader(catalog, caller, table, &[Command::Insert, Command::Update, Command::Select], &|_| true)
}

/// What raises when the write was of several rows that a policy could have seen change. An update that sets nothing such a
/// function names is none.
pub fn too_many(catalog: &Catalog, caller: &Caller, write: &Write<'_>) -> Option<String> {
    let table = write.table;
    let routine = match &write.change {
        Change::Delete(_) => reader(catalog, caller, table, &[Command::Delete, Command::Select], &|_| true),
        Change::Update(assignments, _) => {
            let set = |text: &str| {
                text.replace("count(*)", "").contains('*')
                    || assignments.iter().any(|(column, _)| mentions(text, &column.name))
            };
            reader(catalog, caller, table, &[Command::Update, Command::Select], &set)
        }
        Change::Insert(_) | Change::Nothing => None,
    }?;
    Some(raise(&quote_literal(&format!(
        "0A000:function {}() in a policy of table \"{}\" reads the table and is VOLATILE, so only one row at a time can be written; declare it STABLE",
        routine.name, table.name
    ))))
}

/// A function called by the table's policies for these commands, itself or through others, that is `VOLATILE` or called by one,
/// and whose text names the table and passes `is_affected`.
fn reader<'c>(
    catalog: &'c Catalog,
    caller: &Caller,
    table: &Table,
    commands: &[Command],
    is_affected: &dyn Fn(&str) -> bool,
) -> Option<&'c Routine> {
    if caller.bypasses_row_security() || !table.row_security {
        return None;
    }
    let applies = |command: Option<Command>| command.is_none_or(|command| commands.contains(&command));
    let policies = table.policies.iter().filter(|policy| applies(policy.command));
    let texts = policies.flat_map(|policy| policy.using.iter().chain(&policy.check));
    let mut reached: Vec<(&str, Option<&'c Routine>)> = texts.map(|text| (text.as_str(), None)).collect();
    let mut seen = HashSet::new();
    while let Some((text, volatile)) = reached.pop() {
        let text = &text.to_lowercase();
        if volatile.is_some() && mentions(text, &table.name) && is_affected(text) {
            return volatile;
        }
        for routine in catalog.routines.values().filter(|routine| mentions(text, &routine.name)) {
            let volatile = volatile.or((routine.volatility == Volatility::Volatile).then_some(routine));
            if seen.insert((routine.body.as_str(), volatile.is_some())) {
                reached.push((&routine.body, volatile));
            }
        }
        for view in catalog.views.values().filter(|view| mentions(text, &view.table.name)) {
            if seen.insert((view.definition.as_str(), volatile.is_some())) {
                reached.push((&view.definition, volatile));
            }
        }
    }
    None
}

/// Whether SQL in lower case names something, as a word of its own. A word in a string counts too: too often is safe here.
fn mentions(sql: &str, name: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let name = name.to_lowercase();
    sql.match_indices(&name).any(|(at, _)| {
        let before = sql.get(..at).and_then(|text| text.chars().next_back());
        let after = sql.get(at + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}
