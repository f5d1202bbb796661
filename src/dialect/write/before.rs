//! BEFORE triggers that change the row: a query around the query of the rows that would be written.

use crate::dialect::plpgsql::{
    Action, LAYER, Machine, Otherwise, Outcome, Returned, Sink, Step, condition, known, row_of_table,
};
use crate::dialect::trigger::{OwnerEnvironment, body_of, trigger_constants};
use crate::dialect::{DialectError, Environment};
use crate::schema::{Catalog, Command, Routine, Table, Timing, Trigger};
use crate::sql::{balanced, physical_name, quote_identifier, quote_literal, raise};

/// The column that is false for a row that a trigger left out.
pub const KEEP: &str = "\"/keep\"";

/// What the columns of the old row start with, in the query of an UPDATE's rows.
pub const OLD_PREFIX: &str = "/old/";

/// The rows as the triggers leave them.
pub struct Before {
    /// A query of all columns of the one that was given, and [`KEEP`].
    pub sql: String,
    /// The columns that triggers may have changed.
    pub changed: Vec<String>,
    /// Whether a trigger looks into the table itself: then each row depends on those before it, and only
    /// one may be written at a time.
    pub reads_itself: bool,
}

/// Whether a trigger is compiled into the statements of a command, rather than one of SQLite's.
pub fn is_compiled(trigger: &Trigger, routine: &Routine, command: Command) -> Result<bool, DialectError> {
    if trigger.timing != Timing::Before || !trigger.is_of_rows() || command == Command::Delete {
        return Ok(false);
    }
    let body = body_of(trigger, routine)?;
    let constants = trigger_constants(trigger, command).values();
    let reached = Reached { constants: &constants, command };
    let changes = reached.changes_row(&body.steps);
    if changes && reached.writes(&body.steps) {
        return Err(DialectError::unsupported(
            "a BEFORE trigger that both changes the row and writes tables",
        )
        .with_hint("Make two triggers of it: one BEFORE for the row, one AFTER for the tables."));
    }
    Ok(changes)
}

/// Whether triggers may change the rows of one of the commands.
pub fn has_before(catalog: &Catalog, table: &Table, commands: &[Command]) -> Result<bool, DialectError> {
    for trigger in catalog.triggers_of(table) {
        let Some(routine) = catalog.routines.get(&trigger.function) else { continue };
        for command in commands.iter().filter(|command| trigger.enabled && trigger.events.contains(command)) {
            if is_compiled(trigger, routine, *command)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The old row's columns as [`proposed`] wants them from an UPDATE's query: `"t"."a" AS "/old/a"`, where
/// `row` is the SQL of the old row. None when no trigger asks for them: SQLite's rows are narrow.
pub fn old_columns(catalog: &Catalog, table: &Table, row: &str) -> Vec<String> {
    if !asks_for_old(catalog, table) {
        return Vec::new();
    }
    let column = |column: &crate::schema::Column| {
        let old = quote_identifier(&format!("{OLD_PREFIX}{}", column.name));
        format!("{row}.{} AS {old}", quote_identifier(&column.name))
    };
    table.columns.iter().map(column).collect()
}

fn asks_for_old(catalog: &Catalog, table: &Table) -> bool {
    let names_old = |text: &String| text.to_ascii_lowercase().contains("old");
    catalog.triggers_of(table).into_iter().any(|trigger| {
        trigger.timing == Timing::Before
            && (trigger.when.as_ref().is_some_and(names_old)
                || catalog.routines.get(&trigger.function).is_some_and(|routine| names_old(&routine.body)))
    })
}

/// The steps of a body that a command may reach.
struct Reached<'a> {
    constants: &'a [(&'static str, String)],
    command: Command,
}

impl Reached<'_> {
    fn changes_row(&self, steps: &[Step]) -> bool {
        let to_new = |target: &Vec<String>| target.first().is_some_and(|name| name == "new");
        steps.iter().any(|step| match &step.action {
            Action::Assign(target, _) | Action::RowCount(target) => to_new(target),
            Action::Select(_, Some(into)) | Action::Write(_, Some(into)) => into.targets.iter().any(to_new),
            // An UPDATE that returns OLD leaves the row as it was; an INSERT that does leaves it out.
            Action::Return(Some(sqlparser::ast::Expr::Identifier(name))) => {
                let name = name.value.to_lowercase();
                name != "new" && (name != "old" || self.command == Command::Update)
            }
            _ => self.within(step).into_iter().any(|steps| self.changes_row(steps)),
        })
    }

    fn writes(&self, steps: &[Step]) -> bool {
        steps.iter().any(|step| match &step.action {
            Action::Write(..) => true,
            _ => self.within(step).into_iter().any(|steps| self.writes(steps)),
        })
    }

    /// The steps inside a step.
    fn within<'s>(&self, step: &'s Step) -> Vec<&'s [Step]> {
        match &step.action {
            Action::Choose(arms, otherwise) => {
                let mut all: Vec<&[Step]> = Vec::new();
                for (condition, steps) in arms {
                    match known(self.constants, condition) {
                        Some(false) => continue,
                        Some(true) => {
                            all.push(steps);
                            return all;
                        }
                        None => all.push(steps),
                    }
                }
                if let Otherwise::Steps(steps) = otherwise {
                    all.push(steps);
                }
                all
            }
            Action::Block(block) => vec![&block.steps],
            Action::ForRows(_, _, steps) | Action::Loop(_, steps) => vec![steps],
            _ => Vec::new(),
        }
    }
}

/// The rows of `source` as a table's BEFORE triggers leave them; `None` when no trigger changes any.
/// `source` gives a column for each of the table's but the generated ones, for an UPDATE besides them the
/// old row's ([`OLD_PREFIX`]), and the columns `carried`. `set` are the columns that an UPDATE sets.
pub fn proposed(
    catalog: &Catalog,
    environment: &mut dyn Environment,
    table: &Table,
    command: Command,
    set: &[&str],
    source: &str,
    carried: &[&str],
) -> Result<Option<Before>, DialectError> {
    let mut before: Option<Before> = None;
    for trigger in catalog.triggers_of(table) {
        let Some(routine) = catalog.routines.get(&trigger.function) else { continue };
        if trigger.timing != Timing::Before
            || !trigger.fires_on(command, set)
            || !is_compiled(trigger, routine, command)?
        {
            continue;
        }
        let so_far = before.as_ref().map_or(source, |before| before.sql.as_str());
        let row = Row { table, command, source: so_far, carried, is_kept: before.is_some() };
        let mut owner;
        let environment: &mut dyn Environment = if routine.security_definer {
            owner = OwnerEnvironment(environment);
            &mut owner
        } else {
            environment
        };
        let mut after = row.under(catalog, environment, trigger, routine)?;
        if let Some(before) = before {
            after.changed.extend(before.changed);
            after.reads_itself |= before.reads_itself;
        }
        before = Some(after);
    }
    Ok(before)
}

struct Row<'a> {
    table: &'a Table,
    command: Command,
    source: &'a str,
    carried: &'a [&'a str],
    /// Whether the source has [`KEEP`].
    is_kept: bool,
}

impl Row<'_> {
    fn under(
        &self,
        catalog: &Catalog,
        environment: &mut dyn Environment,
        trigger: &Trigger,
        routine: &Routine,
    ) -> Result<Before, DialectError> {
        let is_update = self.command == Command::Update;
        let has_old = asks_for_old(catalog, self.table);
        let new = row_of_table("new", self.table, |column| {
            let is_generated = self.table.column(column).is_some_and(|column| column.generated.is_some());
            (!is_generated).then(|| format!("{LAYER}.{}", quote_identifier(column)))
        });
        let old = row_of_table("old", self.table, |column| {
            (is_update && has_old)
                .then(|| format!("{LAYER}.{}", quote_identifier(&format!("{OLD_PREFIX}{column}"))))
        });
        let constants = trigger_constants(trigger, self.command);
        let mut machine =
            Machine::new(catalog, environment, Sink::layers(), vec![constants.relation(), new.clone(), old]);
        machine.constants = constants.values();
        machine.search_path.clone_from(&routine.search_path);
        machine.row_mark = new.columns.first().map(|field| field.sql.clone());
        let kept_before = if self.is_kept { format!("{LAYER}.{KEEP}") } else { "TRUE".to_string() };
        if self.is_kept {
            machine.state.running = machine.state.running.and(&kept_before);
        }
        let mut otherwise = None;
        if let Some(when) = &trigger.when {
            let when = condition(when)?;
            let when = machine.lowered_condition(&when)?;
            let when = machine.settle(format!("({when} IS TRUE)"));
            otherwise = Some(machine.state.running.and(&format!("(NOT {when})")));
            machine.state.running = machine.state.running.and(&when);
        }
        let body = body_of(trigger, routine)?;
        machine.run(&body)?;
        if !machine.state.running.is_never() {
            machine.guard(&raise("'2F005:control reached end of trigger procedure without RETURN'"));
        }
        let mut outcomes = std::mem::take(&mut machine.outcomes);
        if let Some(condition) = otherwise {
            outcomes.push(Outcome { condition, returned: Returned::Row(new.clone()) });
        }
        let (sink, mut guards) =
            (std::mem::replace(&mut machine.sink, Sink::layers()), std::mem::take(&mut machine.guards));
        let Sink::Layers { layers, .. } = sink else {
            return Err(DialectError::unsupported("a BEFORE trigger that writes tables and changes the row"));
        };
        let mut changed = Vec::new();
        let mut list: Vec<String> =
            self.carried.iter().map(|name| format!("{LAYER}.{}", quote_identifier(name))).collect();
        for field in &new.columns {
            let column = quote_identifier(&field.name);
            if is_update && has_old {
                list.push(format!("{LAYER}.{}", quote_identifier(&format!("{OLD_PREFIX}{}", field.name))));
            }
            if self.table.column(&field.name).is_none_or(|column| column.generated.is_some()) {
                continue;
            }
            let value = final_value(&outcomes, &field.name, &field.sql);
            if value != field.sql {
                changed.push(field.name.clone());
            }
            list.push(format!("{value} AS {column}"));
        }
        guards.push(kept_before);
        guards.extend(left_out(&outcomes)?);
        guards.retain(|guard| guard != "TRUE");
        list.push(format!("({}) AS {KEEP}", balanced(guards, " AND ")));
        let sql = nested(self.source, &layers, &list.join(", "));
        let reads_itself = {
            let physical = quote_identifier(&physical_name(&self.table.schema, &self.table.name));
            let inside = sql.replace(self.source, "");
            inside.contains(&format!("FROM {physical}")) || inside.contains(&format!("JOIN {physical}"))
        };
        Ok(Before { sql, changed, reads_itself })
    }
}

/// A column's value in the end.
fn final_value(outcomes: &[Outcome], name: &str, unchanged: &str) -> String {
    let mut value = unchanged.to_string();
    for outcome in outcomes.iter().rev() {
        let Returned::Row(row) = &outcome.returned else { continue };
        let Some(field) = row.columns.iter().find(|field| field.name == name) else { continue };
        if outcome.condition.is_always() {
            value.clone_from(&field.sql);
        } else if value != field.sql {
            value = format!("CASE WHEN {} THEN {} ELSE {value} END", outcome.condition.to_sql(), field.sql);
        }
    }
    value
}

/// That no RETURN NULL was reached.
fn left_out(outcomes: &[Outcome]) -> Result<Option<String>, DialectError> {
    let mut arms = String::new();
    for outcome in outcomes {
        let kept = match &outcome.returned {
            Returned::Null => "FALSE",
            Returned::Row(_) => "TRUE",
            _ => {
                return Err(DialectError::unsupported(
                    "a trigger function that returns anything but NEW, OLD or NULL",
                ));
            }
        };
        if kept == "FALSE" || !arms.is_empty() {
            arms.push_str(&format!(" WHEN {} THEN {kept}", outcome.condition.to_sql()));
        }
    }
    Ok((!arms.is_empty()).then(|| format!("CASE{arms} ELSE TRUE END")))
}

/// Queries around each other, each computed once for a row: two with a LIMIT are never made one. (Common
/// tables would say so, but several of them in one trigger confuse SQLite.)
fn nested(source: &str, layers: &[String], list: &str) -> String {
    let mut query = format!("SELECT * FROM (\n{source}\n) LIMIT -1");
    for layer in layers {
        query = format!("SELECT {LAYER}.*, {layer} FROM (\n{query}\n) AS {LAYER} LIMIT -1");
    }
    format!("SELECT {list}\nFROM (\n{query}\n) AS {LAYER} LIMIT -1")
}

/// What raises when a trigger that looks into its own table would run for several rows at once.
pub fn refuse_several(table: &Table, rows: &str) -> String {
    let message = format!(
        "0A000:a BEFORE trigger of table \"{}\" reads the table, so only one row at a time can be written",
        table.name
    );
    format!(
        "CASE WHEN (SELECT count(*) FROM {rows}) > 1 THEN {} ELSE TRUE END",
        raise(&quote_literal(&message))
    )
}
