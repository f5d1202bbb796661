//! `CREATE TRIGGER`: what runs a function when a table's rows change.

use serde::{Deserialize, Serialize};

use super::catalog::{Catalog, Command, ReferentialAction, Table};
use super::view::{View, WritePath};
use crate::sql::{physical_name, quote_identifier};

/// A trigger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its table's schema, or its view's.
    pub schema: String,
    /// Its table's name, or its view's.
    pub table: String,
    /// Unique among the table's triggers, which run in the order of their names.
    pub name: String,
    /// When it runs.
    pub timing: Timing,
    /// Whether it runs for each row, or once for each statement.
    #[serde(default, skip_serializing_if = "Level::is_row")]
    pub level: Level,
    /// `REFERENCING NEW TABLE AS`: the name that its function knows the new rows by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_table: Option<String>,
    /// The same of the old rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_table: Option<String>,
    /// The commands it runs on; never a SELECT.
    pub events: Vec<Command>,
    /// `UPDATE OF`: it runs only on an UPDATE that sets one of these; on any when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// `WHEN`, a Postgres expression over NEW and OLD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The [`super::Routine::key`] of its function.
    pub function: String,
    /// `TG_ARGV`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Whether it runs at all.
    pub enabled: bool,
    /// What it is in SQLite; nothing where it is compiled into the statements that write the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub natives: Vec<NativeTrigger>,
    /// What its function writes: table by physical name, command, and the columns an UPDATE sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<WrittenTable>,
}

/// When a trigger runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timing {
    /// Before the row is written, whose values it may change.
    Before,
    /// After.
    After,
    /// Instead of writing a view's row.
    InsteadOf,
}

impl Timing {
    /// As SQL says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Before => "BEFORE",
            Self::After => "AFTER",
            Self::InsteadOf => "INSTEAD OF",
        }
    }
}

/// How often a trigger runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    /// For each row.
    #[default]
    Row,
    /// Once, however many rows there are.
    Statement,
}

impl Level {
    #[allow(clippy::trivially_copy_pass_by_ref)] // What serde asks for.
    fn is_row(&self) -> bool {
        *self == Self::Row
    }
}

/// A SQLite trigger, as it stands in the database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NativeTrigger {
    /// Not quoted.
    pub name: String,
    /// `CREATE TRIGGER`.
    pub sql: String,
}

/// A table that a trigger's function writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WrittenTable {
    /// Its physical name.
    pub table: String,
    /// How.
    pub command: Command,
    /// The columns that an UPDATE sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

/// Inserting a trigger's [`Trigger::native_name`] into this view, which has no rows, runs a trigger that SQLite has none
/// of its kind for: of a statement, or instead of writing a view's row.
pub const FIRED: &str = "\"edgeward.fired\"";

/// The rows that such triggers look at, or give back, while a batch runs.
pub const FIRED_ROWS: &str = "\"edgeward.rows\"";

/// The one row of this table says for whom a batch runs, to the triggers that ask: SQLite's take no binds.
pub const CALLER_TABLE: &str = "edgeward.caller";

impl Trigger {
    /// Its name in the registry.
    pub fn key(&self) -> String {
        format!("{} on {}", self.name, physical_name(&self.schema, &self.table))
    }

    /// What its SQLite trigger for a command is called.
    pub fn native_name(&self, command: Command) -> String {
        format!(
            "{}/{}/{}",
            physical_name(&self.schema, &self.table),
            self.name,
            command.word().to_lowercase()
        )
    }

    /// Whether it runs for rows of a table; the others are fired by name ([`FIRED`]).
    pub fn is_of_rows(&self) -> bool {
        self.level == Level::Row && self.timing != Timing::InsteadOf
    }

    /// Whether it is of that table.
    pub fn is_of(&self, table: &Table) -> bool {
        self.schema == table.schema && self.table == table.name
    }

    /// Whether a command that sets these columns fires it.
    pub fn fires_on(&self, command: Command, columns: &[&str]) -> bool {
        let is_meant = command != Command::Update
            || self.columns.is_empty()
            || self.columns.iter().any(|column| columns.contains(&column.as_str()));
        self.enabled && self.events.contains(&command) && is_meant
    }

    /// Carries a column's new name into the trigger: its own list, and the condition's `NEW.x` and `OLD.x`.
    pub fn rename_column(&mut self, old: &str, new: &str) {
        for column in self.columns.iter_mut().filter(|column| *column == old) {
            *column = new.to_string();
        }
        let Some(when) = &self.when else { return };
        let mut text = String::new();
        let mut rest = when.as_str();
        while let Some(at) = rest.find('.') {
            let (before, after) = rest.split_at(at + 1);
            let is_row = ["new.", "old."].iter().any(|row| before.to_ascii_lowercase().ends_with(row));
            text.push_str(before);
            rest = after;
            let end =
                after.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(after.len());
            let (word, behind) = after.split_at(end);
            let quoted = quote_identifier(old);
            if is_row && word.to_lowercase() == old {
                text.push_str(&quote_identifier(new));
                rest = behind;
            } else if let Some(behind) = after.strip_prefix(quoted.as_str()).filter(|_| is_row) {
                text.push_str(&quote_identifier(new));
                rest = behind;
            }
        }
        text.push_str(rest);
        self.when = Some(text);
    }

    /// Whether its list or its condition names a column.
    pub fn names_column(&self, column: &str) -> bool {
        let mut renamed = self.clone();
        renamed.rename_column(column, "/gone");
        renamed != *self
    }

    fn asks_for_caller(&self) -> bool {
        self.natives.iter().any(|native| native.sql.contains(CALLER_TABLE))
    }
}

impl Catalog {
    /// A table's triggers, in the order they run in.
    pub fn triggers_of(&self, table: &Table) -> Vec<&Trigger> {
        let mut triggers: Vec<&Trigger> =
            self.triggers.values().filter(|trigger| trigger.is_of(table)).collect();
        triggers.sort_by(|one, other| one.name.cmp(&other.name));
        triggers
    }

    /// What runs instead of a command on a view's rows.
    pub fn instead_of(&self, relation: &Table, command: Command) -> Option<&Trigger> {
        let is_it = |trigger: &&Trigger| {
            trigger.timing == Timing::InsteadOf && trigger.is_of(relation) && trigger.fires_on(command, &[])
        };
        self.triggers.values().find(is_it)
    }

    /// The view on the way of a write to a table whose triggers would run instead.
    pub fn stops_at<'c>(&'c self, path: &WritePath<'c>, command: Command) -> Option<&'c View> {
        path.views.iter().copied().find(|view| self.instead_of(&view.table, command).is_some())
    }

    /// Whether writing a table may run a trigger that asks for the caller, there or in a table that the
    /// write reaches by foreign keys and other triggers.
    pub fn asks_for_caller(&self, table: &Table) -> bool {
        if !self.triggers.values().any(Trigger::asks_for_caller) {
            return false;
        }
        let reached = self.reached_by_writing(vec![physical_name(&table.schema, &table.name)]);
        self.triggers.values().any(|trigger| {
            trigger.asks_for_caller() && reached.contains(&physical_name(&trigger.schema, &trigger.table))
        })
    }

    /// What may be written where these tables and views are, by foreign keys and triggers: physical names, these among them.
    pub fn reached_by_writing(&self, mut reached: Vec<String>) -> Vec<String> {
        let mut at = 0;
        while let Some(name) = reached.get(at).cloned() {
            at += 1;
            let mut next =
                self.tables.get(&name).map(|table| self.reached_by_keys(table)).unwrap_or_default();
            for trigger in self.triggers.values() {
                if physical_name(&trigger.schema, &trigger.table) == name {
                    next.extend(trigger.writes.iter().map(|written| written.table.clone()));
                }
            }
            next.retain(|name| !reached.contains(name));
            reached.extend(next);
        }
        reached
    }

    /// What foreign keys do to other tables where a table is written so.
    pub fn acted_on_by(&self, write: &WrittenTable) -> Vec<WrittenTable> {
        let mut all = Vec::new();
        for (name, other) in &self.tables {
            for key in &other.foreign_keys {
                let action = match write.command {
                    Command::Delete => key.on_delete,
                    Command::Update if key.foreign_columns.iter().any(|of| write.columns.contains(of)) => {
                        key.on_update
                    }
                    _ => continue,
                };
                if physical_name(&key.foreign_schema, &key.foreign_table) != write.table {
                    continue;
                }
                let (command, columns) = match (write.command, action) {
                    (_, ReferentialAction::NoAction | ReferentialAction::Restrict) => continue,
                    (Command::Delete, ReferentialAction::Cascade) => (Command::Delete, Vec::new()),
                    _ => (Command::Update, key.columns.clone()),
                };
                all.push(WrittenTable { table: name.clone(), command, columns });
            }
        }
        all
    }

    /// The same, and what keys do then, and so on.
    pub fn reached_from(&self, write: &WrittenTable) -> Vec<WrittenTable> {
        let mut reached = self.acted_on_by(write);
        let mut at = 0;
        while let Some(next) = reached.get(at).cloned() {
            at += 1;
            let new = self.acted_on_by(&next).into_iter().filter(|of| !reached.contains(of));
            let new: Vec<WrittenTable> = new.collect();
            reached.extend(new);
        }
        reached
    }

    /// The tables whose rows change when a table's rows go or their keys change.
    pub fn reached_by_keys(&self, table: &Table) -> Vec<String> {
        let acts = |action: ReferentialAction| {
            !matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict)
        };
        let refers = |other: &&Table| {
            other.foreign_keys.iter().any(|key| {
                key.foreign_schema == table.schema
                    && key.foreign_table == table.name
                    && (acts(key.on_delete) || acts(key.on_update))
            })
        };
        let referring = self.tables.values().filter(refers);
        referring.map(|other| physical_name(&other.schema, &other.name)).collect()
    }
}
