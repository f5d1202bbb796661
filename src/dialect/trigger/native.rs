//! A trigger as SQLite's.

use super::environment::{AccountsEnvironment, InvokerEnvironment, OwnerEnvironment};
use super::fire::{beside, forgotten, transition_tables};
use super::known::{body_of, trigger_constants};
use crate::dialect::expression::Relation;
use crate::dialect::plpgsql::{
    Machine, Outcome, Returned, Sink, cleared, condition, over_layers, packed_row, qualified, row_of_table,
    unpacked_cell,
};
use crate::dialect::write::{KEEP, is_compiled, old_columns, proposed};
use crate::dialect::{DialectError, Environment};
use crate::schema::{
    CALLER_TABLE, Catalog, Command, FIRED, FIRED_ROWS, ForeignKey, Level, NativeTrigger, ReferentialAction,
    Routine, Table, Timing, Trigger, WrittenTable, is_builtin,
};
use crate::sql::{balanced, physical_name, quote_identifier, quote_literal, raise};

/// What a trigger becomes.
#[derive(Default)]
pub struct Compiled {
    /// SQLite's triggers.
    pub natives: Vec<NativeTrigger>,
    /// What their statements write.
    pub writes: Vec<WrittenTable>,
}

/// Stands for a number that the row has not got yet.
const NO_NUMBER: &str = "\"/number\"";

/// Compiles a trigger.
pub fn compiled(
    catalog: &Catalog,
    trigger: &Trigger,
    invoker: InvokerEnvironment,
) -> Result<Compiled, DialectError> {
    let mut compiled = Compiled::default();
    let table = catalog.relation(&trigger.schema, &trigger.table).ok_or_else(|| {
        DialectError::new("42P01", format!("relation \"{}\" does not exist", trigger.table))
    })?;
    let routine = catalog
        .routines
        .get(&trigger.function)
        .ok_or_else(|| DialectError::new("42883", format!("function {} does not exist", trigger.function)))?;
    if !trigger.enabled {
        return Ok(compiled);
    }
    for command in &trigger.events {
        if is_compiled(trigger, routine, *command)? {
            compiled.natives.extend(compiled_in(catalog, table, trigger, *command, invoker)?);
            continue;
        }
        let run = Run { catalog, table, trigger, routine, command: *command };
        let Some((sql, writes)) = run.native(invoker)? else { continue };
        if trigger.is_of_rows() {
            refuse_unlike(catalog, table, trigger, *command, &sql, invoker)?;
        } else if trigger.level == Level::Statement {
            compiled.natives.extend(beside(catalog, trigger, table, *command)?);
        }
        compiled.natives.push(NativeTrigger { name: trigger.native_name(*command), sql });
        compiled.writes.extend(writes);
    }
    Ok(compiled)
}

/// Refuses what would come out otherwise than in Postgres: a caller that Storage's own statements do not
/// say, and columns that BEFORE triggers change in the statement itself.
fn refuse_unlike(
    catalog: &Catalog,
    table: &Table,
    trigger: &Trigger,
    command: Command,
    sql: &str,
    invoker: InvokerEnvironment,
) -> Result<(), DialectError> {
    if table.schema == "storage" && sql.contains(CALLER_TABLE) {
        return Err(DialectError::unsupported("asking for the caller in a trigger of storage")
            .with_hint("Make the function SECURITY DEFINER, and use NEW.owner instead of auth.uid()."));
    }
    let all: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let mut environment = invoker(catalog);
    let Some(before) = proposed(catalog, environment.as_mut(), table, command, &all, "SELECT 1", &[])? else {
        return Ok(());
    };
    if command == Command::Update
        && let Some(column) = trigger.columns.iter().find(|column| before.changed.contains(column))
    {
        return Err(DialectError::unsupported(format!(
            "UPDATE OF {column}, which a BEFORE trigger changes,"
        ))
        .with_hint("Leave OF out, and use WHEN (OLD.x IS DISTINCT FROM NEW.x)."));
    }
    let reads = |column: &&String| sql.contains(&format!("NEW.{}", quote_identifier(column)));
    if trigger.timing == Timing::Before
        && let Some(column) = before.changed.iter().find(reads)
    {
        for other in catalog.triggers_of(table).into_iter().filter(|other| other.name > trigger.name) {
            let Some(routine) = catalog.routines.get(&other.function) else { continue };
            if other.fires_on(command, &all) && is_compiled(other, routine, command)? {
                return Err(DialectError::unsupported(format!(
                    "a BEFORE trigger that reads {column} before trigger {} changes it",
                    other.name
                ))
                .with_hint("Rename it, so that it comes after the other."));
            }
        }
    }
    Ok(())
}

/// Lowers the condition of a trigger, whose function may not be there yet.
pub fn check_when(
    catalog: &Catalog,
    trigger: &Trigger,
    table: &Table,
    invoker: InvokerEnvironment,
) -> Result<(), DialectError> {
    let Some(when) = &trigger.when else { return Ok(()) };
    let when = condition(when)?;
    let mut environment = invoker(catalog);
    let rows =
        vec![row_of_table("new", table, qualified("NEW")), row_of_table("old", table, qualified("OLD"))];
    Machine::new(catalog, environment.as_mut(), Sink::layers(), rows).lowered_condition(&when).map(|_| ())
}

/// One trigger on one command.
struct Run<'a> {
    catalog: &'a Catalog,
    table: &'a Table,
    trigger: &'a Trigger,
    routine: &'a Routine,
    command: Command,
}

impl Run<'_> {
    /// The statement, and what it writes; `None` when there is nothing to do.
    fn native(
        &self,
        invoker: InvokerEnvironment,
    ) -> Result<Option<(String, Vec<WrittenTable>)>, DialectError> {
        let mut invoker = invoker(self.catalog);
        let (mut owner, mut accounts);
        let environment: &mut dyn Environment = if self.routine.security_definer {
            owner = OwnerEnvironment(invoker.as_mut());
            &mut owner
        } else if self.table.schema == "auth" {
            accounts = AccountsEnvironment::new(invoker.as_mut());
            &mut accounts
        } else {
            invoker.as_mut()
        };
        let prefix = self.trigger.native_name(self.command);
        let constants = trigger_constants(self.trigger, self.command);
        let (new, old) = self.rows();
        let mut machine = Machine::new(
            self.catalog,
            environment,
            Sink::statements(&prefix),
            vec![constants.relation(), new, old],
        );
        machine.constants = constants.values();
        machine.search_path.clone_from(&self.routine.search_path);
        machine.tables = transition_tables(self.trigger, self.table, self.command);
        machine.in_trigger = true;
        let mut when = match &self.trigger.when {
            Some(when) => Some(machine.lowered_condition(&condition(when)?)?),
            None => None,
        };
        if self.trigger.level == Level::Statement
            && let Some(when) = when.take()
        {
            // Its rows are forgotten also when it does not run.
            let when = machine.settle(format!("({when} IS TRUE)"));
            machine.state.running = machine.state.running.and(&when);
        }
        let body = body_of(self.trigger, self.routine)?;
        machine.set_counts(&self.routine.body);
        machine.run(&body)?;
        if machine.writes.is_empty() && self.trigger.is_of_rows() {
            // Nothing is written: what is computed needs no table to stand in.
            let (writes, body) = (Vec::new(), body.clone());
            let (new, old) = self.rows();
            let constants = trigger_constants(self.trigger, self.command);
            machine.restart(Sink::layers(), vec![constants.relation(), new, old]);
            machine.run(&body)?;
            return self.finished(machine, when.as_deref(), writes);
        }
        let writes = std::mem::take(&mut machine.writes);
        self.finished(machine, when.as_deref(), writes)
    }

    fn finished(
        &self,
        mut machine: Machine<'_>,
        when: Option<&str>,
        writes: Vec<WrittenTable>,
    ) -> Result<Option<(String, Vec<WrittenTable>)>, DialectError> {
        if !machine.state.running.is_never() {
            machine.guard(&raise("'2F005:control reached end of trigger procedure without RETURN'"));
        }
        let skipped = self.skipped(&machine.outcomes)?;
        let given = self.given(&machine.outcomes)?;
        let guards = std::mem::take(&mut machine.guards);
        let mut statements = match std::mem::replace(&mut machine.sink, Sink::layers()) {
            Sink::Layers { .. } if guards.is_empty() && skipped.is_none() && self.trigger.is_of_rows() => {
                return Ok(None);
            }
            Sink::Layers { alias, layers } => {
                let skipped = skipped.unwrap_or_else(|| "NULL".to_string());
                let value = match guards.is_empty() {
                    true => skipped,
                    false => format!("CASE WHEN {} THEN {skipped} END", balanced(guards, " AND ")),
                };
                vec![over_layers(&alias, &layers, &value)]
            }
            Sink::Statements { prefix, mut statements, count } => {
                statements.extend(given);
                match skipped {
                    // What is skipped is skipped at once: the values of the last time go first.
                    Some(skipped) => {
                        if count > 0 {
                            statements.insert(0, cleared(&prefix));
                        }
                        statements.push(format!("SELECT {skipped}"));
                    }
                    None if count > 0 => statements.push(cleared(&prefix)),
                    None => {}
                }
                statements
            }
        };
        if self.trigger.level == Level::Statement {
            statements.extend(forgotten(self.trigger, self.command));
        }
        if statements.iter().any(|sql| sql.contains(NO_NUMBER))
            || when.is_some_and(|sql| sql.contains(NO_NUMBER))
        {
            return Err(DialectError::unsupported("the number of a new row in a BEFORE INSERT trigger")
                .with_hint("Make it an AFTER trigger."));
        }
        Ok(Some((self.create(when, &statements), writes)))
    }

    fn create(&self, when: Option<&str>, statements: &[String]) -> String {
        let name = self.trigger.native_name(self.command);
        if !self.trigger.is_of_rows() {
            return on_fired(&name, statements);
        }
        let of: Vec<String> = self.trigger.columns.iter().map(|column| quote_identifier(column)).collect();
        let of = match self.command {
            Command::Update if !of.is_empty() => format!(" OF {}", of.join(", ")),
            _ => String::new(),
        };
        let when = when.map(|when| format!("\nWHEN {when}")).unwrap_or_default();
        format!(
            "CREATE TRIGGER {}\n{} {}{of} ON {}\nFOR EACH ROW{when}\nBEGIN\n{};\nEND",
            quote_identifier(&name),
            self.trigger.timing.words(),
            self.command.word(),
            self.table.physical(),
            statements.join(";\n")
        )
    }

    fn rows(&self) -> (Relation, Relation) {
        if self.trigger.level == Level::Statement {
            return (row_of_table("new", self.table, |_| None), row_of_table("old", self.table, |_| None));
        }
        if self.trigger.timing == Timing::InsteadOf {
            return (
                fired_row("new", self.table, self.command != Command::Delete),
                fired_row("old", self.table, self.command != Command::Insert),
            );
        }
        let is_before = self.trigger.timing == Timing::Before;
        let new = row_of_table("new", self.table, |name| {
            let column = self.table.column(name)?;
            if self.command == Command::Delete || (is_before && column.generated.is_some()) {
                return None;
            }
            if is_before && self.command == Command::Insert && column.identity.is_some() {
                return Some(NO_NUMBER.to_string());
            }
            qualified("NEW")(name)
        });
        let old = row_of_table("old", self.table, |name| {
            if self.command == Command::Insert { None } else { qualified("OLD")(name) }
        });
        (new, old)
    }

    /// What gives back the row of an INSTEAD OF trigger: the one that was returned, or of a DELETE the old one.
    fn given(&self, outcomes: &[Outcome]) -> Result<Vec<String>, DialectError> {
        let mut statements = Vec::new();
        for outcome in outcomes.iter().filter(|_| self.trigger.timing == Timing::InsteadOf) {
            let Returned::Row(row) = &outcome.returned else { continue };
            if !row.columns.iter().map(|field| &field.name).eq(self.table.columns.iter().map(|of| &of.name)) {
                return Err(DialectError::unsupported(
                    "an INSTEAD OF trigger that returns neither NEW nor OLD",
                ));
            }
            let packed = match self.command {
                Command::Delete => "NEW.old".to_string(),
                _ => packed_row(&mut row.columns.iter().map(|field| (&field.data_type, field.sql.clone()))),
            };
            statements.push(format!(
                "INSERT INTO {FIRED_ROWS} (name, new)\nSELECT {}, {packed}\nWHERE {}",
                quote_literal(&self.trigger.native_name(self.command)),
                balanced(vec![outcome.condition.to_sql(), "TRUE".to_string()], " AND ")
            ));
        }
        Ok(statements)
    }

    /// What leaves the row out where RETURN NULL is reached, in a BEFORE trigger.
    fn skipped(&self, outcomes: &[Outcome]) -> Result<Option<String>, DialectError> {
        let mut arms = String::new();
        let mut is_skipped = false;
        for outcome in outcomes {
            let value = match &outcome.returned {
                Returned::Null => {
                    is_skipped = true;
                    "RAISE(IGNORE)"
                }
                Returned::Row(_) => "NULL",
                Returned::Nothing | Returned::Value(_) | Returned::Rows(_) => {
                    return Err(DialectError::unsupported(
                        "a trigger function that returns anything but NEW, OLD or NULL",
                    ));
                }
            };
            arms.push_str(&format!(" WHEN {} THEN {value}", outcome.condition.to_sql()));
        }
        let is_before = self.trigger.is_of_rows() && self.trigger.timing == Timing::Before;
        Ok((is_skipped && is_before).then(|| format!("CASE{arms} END")))
    }
}

/// SQLite's trigger that runs when a name is inserted into the view.
fn on_fired(name: &str, statements: &[String]) -> String {
    format!(
        "CREATE TRIGGER {}\nINSTEAD OF INSERT ON {FIRED}\nFOR EACH ROW\nWHEN NEW.name = {}\nBEGIN\n{};\nEND",
        quote_identifier(name),
        quote_literal(name),
        if statements.is_empty() { "SELECT NULL".to_string() } else { statements.join(";\n") }
    )
}

/// A row of a view as it is inserted beside the trigger's name.
fn fired_row(name: &str, table: &Table, is_there: bool) -> Relation {
    let cells: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| unpacked_cell(&column.data_type, &format!("NEW.{name}"), index))
        .collect();
    row_of_table(name, table, |column| {
        let index = table.columns.iter().position(|of| of.name == column)?;
        cells.get(index).filter(|_| is_there).cloned()
    })
}

/// A trigger that is compiled into the statements. Foreign keys' actions are no statements of ours: for
/// them there is one of SQLite's, which writes the row itself, as the triggers leave it. It knows an
/// action by the row that the key led to, which has gone.
fn compiled_in(
    catalog: &Catalog,
    table: &Table,
    trigger: &Trigger,
    command: Command,
    invoker: InvokerEnvironment,
) -> Result<Vec<NativeTrigger>, DialectError> {
    if is_builtin(table) {
        return Err(DialectError::unsupported(format!(
            "a BEFORE trigger that changes the rows of {}.{}",
            table.schema, table.name
        ))
        .with_hint("Make it an AFTER trigger that writes a table of your own."));
    }
    let mut environment = invoker(catalog);
    let set: Vec<&str> = trigger.columns.iter().map(String::as_str).collect();
    proposed(catalog, environment.as_mut(), table, command, &set, "SELECT 1", &[])?;
    let mut natives = Vec::new();
    if command != Command::Update {
        return Ok(natives);
    }
    for key in &table.foreign_keys {
        let acts = |action: ReferentialAction| {
            !matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict)
        };
        let changes =
            (acts(key.on_delete) && key.on_delete != ReferentialAction::Cascade) || acts(key.on_update);
        let set: Vec<&str> = key.columns.iter().map(String::as_str).collect();
        if !changes || !trigger.fires_on(Command::Update, &set) || !is_first(catalog, table, trigger, &set)? {
            continue;
        }
        let source = old_and_new(catalog, table);
        let Some(before) =
            proposed(catalog, environment.as_mut(), table, Command::Update, &set, &source, &[])?
        else {
            continue;
        };
        let mut columns: Vec<&str> = set.clone();
        columns.extend(before.changed.iter().map(String::as_str));
        columns.dedup();
        let assignments: Vec<String> = columns
            .iter()
            .map(|name| quote_identifier(name))
            .map(|name| format!("{name} = \"/new\".{name}"))
            .collect();
        let name =
            format!("{}/{}/key/{}", physical_name(&trigger.schema, &trigger.table), trigger.name, key.name);
        let sql = format!(
            "CREATE TRIGGER {}\nBEFORE UPDATE OF {} ON {}\nFOR EACH ROW\nWHEN {}\nBEGIN\nUPDATE {}\nSET {}\nFROM ({}) AS \"/new\"\nWHERE {}.rowid = OLD.rowid AND \"/new\".{KEEP};\nSELECT RAISE(IGNORE);\nEND",
            quote_identifier(&name),
            set.iter().map(|name| quote_identifier(name)).collect::<Vec<_>>().join(", "),
            table.physical(),
            is_action(key),
            table.physical(),
            assignments.join(", "),
            before.sql,
            table.physical(),
        );
        natives.push(NativeTrigger { name, sql });
    }
    Ok(natives)
}

/// Whether a trigger is the first of those that change the row on an update of these columns: it stands for all.
fn is_first(catalog: &Catalog, table: &Table, trigger: &Trigger, set: &[&str]) -> Result<bool, DialectError> {
    for other in catalog.triggers_of(table) {
        let Some(routine) = catalog.routines.get(&other.function) else { continue };
        if other.fires_on(Command::Update, set) && is_compiled(other, routine, Command::Update)? {
            return Ok(other.name == trigger.name);
        }
    }
    Ok(false)
}

fn old_and_new(catalog: &Catalog, table: &Table) -> String {
    let mut list = old_columns(catalog, table, "OLD");
    for column in table.columns.iter().filter(|column| column.generated.is_none()) {
        let name = quote_identifier(&column.name);
        list.push(format!("NEW.{name} AS {name}"));
    }
    format!("SELECT {}", list.join(", "))
}

/// Whether an update is the action of a key.
fn is_action(key: &ForeignKey) -> String {
    let target = quote_identifier(&physical_name(&key.foreign_schema, &key.foreign_table));
    let (mut changes, mut present, mut equal) = (Vec::new(), Vec::new(), Vec::new());
    for (column, foreign) in key.columns.iter().zip(&key.foreign_columns) {
        let (column, foreign) = (quote_identifier(column), quote_identifier(foreign));
        changes.push(format!("OLD.{column} IS NOT NEW.{column}"));
        present.push(format!("OLD.{column} IS NOT NULL"));
        equal.push(format!("\"/to\".{foreign} = OLD.{column}"));
    }
    format!(
        "({}) AND {} AND NOT EXISTS (SELECT 1 FROM {target} AS \"/to\" WHERE {})",
        changes.join(" OR "),
        present.join(" AND "),
        equal.join(" AND ")
    )
}

/// What stands for a trigger whose function names what is not there: it fails when it runs, as in Postgres.
pub fn failing(trigger: &Trigger, table: &Table, error: &DialectError) -> Vec<NativeTrigger> {
    let native = |command: &Command| {
        let name = trigger.native_name(*command);
        let payload = quote_literal(&format!("{}:{}", error.code, error.message));
        let failure = format!("SELECT {}", raise(&payload));
        let sql = match trigger.is_of_rows() {
            false => on_fired(&name, &[failure]),
            true => format!(
                "CREATE TRIGGER {}\n{} {} ON {}\nFOR EACH ROW\nBEGIN\n{failure};\nEND",
                quote_identifier(&name),
                trigger.timing.words(),
                command.word(),
                table.physical(),
            ),
        };
        NativeTrigger { name, sql }
    };
    trigger.events.iter().map(native).collect()
}
