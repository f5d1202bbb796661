//! Where values go that are computed once and used later.
//!
//! A function that only reads is one expression, its values columns of queries around each other. One
//! that writes is a list of statements, its values rows of the frame's table.

use super::condition::Condition;
use crate::dialect::password::has_hash;
use crate::dialect::query::{LoweredQuery, column_name};
use crate::schema::{DataType, Storage};
use crate::sql::{quote_identifier, quote_literal};

/// The alias of each query of an expression's values.
pub const LAYER: &str = "\"/let\"";

/// The table of a running function's values.
pub const FRAME: &str = "\"edgeward.frame\"";

/// What is put aside. Names count up, so that no value is ever overwritten within a run.
pub enum Sink {
    /// A query around the one before, for each value.
    Layers {
        /// The alias of each of the queries, quoted; unlike those of any function around.
        alias: String,
        /// In order.
        layers: Vec<String>,
    },
    /// The statements so far.
    Statements {
        /// What its names start with; unlike those of any function that may run inside.
        prefix: String,
        /// In order.
        statements: Vec<String>,
        /// How many values there are.
        count: usize,
    },
}

impl Sink {
    /// For an expression.
    pub fn layers() -> Self {
        Self::layers_of(LAYER)
    }

    /// The same, with an alias of its own.
    pub fn layers_of(alias: &str) -> Self {
        Self::Layers { alias: alias.to_string(), layers: Vec::new() }
    }

    /// For statements.
    pub fn statements(prefix: &str) -> Self {
        Self::Statements { prefix: prefix.to_string(), statements: Vec::new(), count: 0 }
    }

    /// Puts a value aside: the SQL that gives it from now on.
    pub fn keep(&mut self, sql: &str) -> String {
        match self {
            Self::Layers { alias, layers } => {
                let name = quote_identifier(&format!("/{}", layers.len() + 1));
                layers.push(format!("{sql} AS {name}"));
                format!("{alias}.{name}")
            }
            Self::Statements { .. } => {
                let name = self.slot();
                self.push(format!(
                    "INSERT INTO {FRAME} (name, value)\nVALUES ({name}, {sql})\nON CONFLICT (name) DO UPDATE SET value = excluded.value"
                ));
                slot_sql(&name)
            }
        }
    }

    /// Puts several values aside at once: for an expression's.
    pub fn keep_together(&mut self, values: &[String]) -> Vec<String> {
        let Self::Layers { alias, layers } = self else {
            return values.iter().map(|sql| self.keep(sql)).collect();
        };
        let name = |index: usize| quote_identifier(&format!("/{}.{index}", layers.len() + 1));
        let names: Vec<String> = (0..values.len()).map(name).collect();
        let list: Vec<String> =
            values.iter().zip(&names).map(|(sql, name)| format!("{sql} AS {name}")).collect();
        layers.push(list.join(", "));
        names.into_iter().map(|name| format!("{alias}.{name}")).collect()
    }

    /// The same unless the value is as cheap, and as much the same, when it is computed again.
    pub fn settle(&mut self, sql: String) -> String {
        let is_random = sql.contains("random") || has_hash(&sql);
        let again = match self {
            Self::Layers { .. } => sql.len() <= 200,
            Self::Statements { .. } => sql.len() <= 2_000 && !reads_tables(&sql),
        };
        if again && !is_random { sql } else { self.keep(&sql) }
    }

    /// Puts the columns of a query's first row aside, NULLs when it has none or does not run.
    pub fn keep_row(&mut self, query: &str, columns: &[String], runs: &str) -> Vec<String> {
        let slots: Vec<String> = columns.iter().map(|_| self.slot()).collect();
        let arms = slots.iter().zip(columns).map(|(slot, column)| format!(" WHEN {slot} THEN {column}"));
        let names: Vec<String> = slots.iter().map(|slot| format!("({slot})")).collect();
        self.push(format!(
            "INSERT INTO {FRAME} (name, value)\nSELECT \"/slot\".column1, CASE \"/slot\".column1{} END\nFROM (VALUES {}) AS \"/slot\"\nLEFT JOIN ({query}) AS \"/row\" ON {runs}\nWHERE TRUE\nON CONFLICT (name) DO UPDATE SET value = excluded.value",
            arms.collect::<String>(),
            names.join(", "),
        ));
        slots.iter().map(|slot| slot_sql(slot)).collect()
    }

    /// Puts all rows of a query aside where `runs` holds, none where it does not: a query of them.
    pub fn keep_rows(&mut self, query: &LoweredQuery, runs: &Condition) -> LoweredQuery {
        let columns = || query.columns.iter().enumerate();
        let cells = columns().map(|(index, (_, of))| (of, format!("\"/row\".{}", column_name(index))));
        let rows = format!(
            "(SELECT json_group_array({}) FROM (SELECT * FROM ({}) LIMIT -1) AS \"/row\")",
            packed_row(&mut cells.into_iter()),
            query.sql
        );
        let kept = self.keep(&runs.guarding(&rows));
        let unpacked: Vec<String> = columns()
            .map(|(index, (_, of))| {
                format!("{} AS {}", unpacked_cell(of, "\"/kept\".value", index), column_name(index))
            })
            .collect();
        LoweredQuery {
            sql: format!("SELECT {} FROM json_each({kept}) AS \"/kept\"", unpacked.join(", ")),
            columns: query.columns.clone(),
            is_single: false,
            value: None,
        }
    }

    /// Takes the last value back.
    pub fn forget_last(&mut self) {
        match self {
            Self::Layers { layers, .. } => layers.truncate(layers.len().saturating_sub(1)),
            Self::Statements { statements, count, .. } => {
                statements.truncate(statements.len().saturating_sub(1));
                *count = count.saturating_sub(1);
            }
        }
    }

    /// Adds a statement.
    pub fn push(&mut self, sql: String) {
        if let Self::Statements { statements, .. } = self {
            statements.push(sql);
        }
    }

    /// Whether it is for statements.
    pub fn takes_statements(&self) -> bool {
        matches!(self, Self::Statements { .. })
    }

    /// A new name in the frame, as a literal.
    fn slot(&mut self) -> String {
        let Self::Statements { prefix, count, .. } = self else { return "NULL".to_string() };
        *count += 1;
        quote_literal(&format!("{prefix}/{count}"))
    }
}

/// How many arguments SQLite's functions take at most, and some to spare.
const CELLS: usize = 30;

/// A row as one JSON text that keeps its values whole; of each column its type and SQL.
pub fn packed_row(cells: &mut dyn Iterator<Item = (&DataType, String)>) -> String {
    let cells: Vec<String> = cells.map(|(of, sql)| packed(of, &sql)).collect();
    let cells: Vec<String> =
        cells.chunks(CELLS).map(|cells| format!("json_array({})", cells.join(", "))).collect();
    format!("json_array({})", cells.join(", "))
}

/// The value of a column of [`packed_row`].
pub fn unpacked_cell(of: &DataType, row: &str, index: usize) -> String {
    unpacked(of, &format!("{row} ->> '$[{}][{}]'", index / CELLS, index % CELLS))
}

/// A value as JSON keeps it whole.
fn packed(of: &DataType, sql: &str) -> String {
    match of.storage() {
        Storage::Integer => sql.to_string(),
        Storage::Real => format!("CASE WHEN {sql} IS NOT NULL THEN printf('%!.17g', {sql}) END"),
        Storage::Blob => format!("CASE WHEN {sql} IS NOT NULL THEN hex({sql}) END"),
        // Plain text of it, were it JSON.
        Storage::Text => format!("({sql} || '')"),
    }
}

/// The value of [`packed`] again.
fn unpacked(of: &DataType, cell: &str) -> String {
    match of.storage() {
        Storage::Integer | Storage::Text => format!("({cell})"),
        Storage::Real => {
            format!("CASE {cell} WHEN 'Inf' THEN 9e999 WHEN '-Inf' THEN -9e999 ELSE CAST({cell} AS REAL) END")
        }
        Storage::Blob => format!("unhex({cell})"),
    }
}

fn slot_sql(name: &str) -> String {
    format!("(SELECT value FROM {FRAME} WHERE name = {name})")
}

/// Whether SQL looks into a table of the project's, which a later statement may have changed.
pub fn reads_tables(sql: &str) -> bool {
    let sql = sql.replace(&format!("FROM {FRAME}"), "").replace("FROM \"edgeward.caller\"", "");
    sql.contains("FROM \"") || sql.contains("JOIN \"")
}

/// What removes a function's values when it is done.
pub fn cleared(prefix: &str) -> String {
    format!(
        "DELETE FROM {FRAME}\nWHERE name >= {} AND name < {}",
        quote_literal(&format!("{prefix}/")),
        quote_literal(&format!("{prefix}0"))
    )
}

/// A query that gives `value`, which may use the layers' values.
pub fn over_layers(alias: &str, layers: &[String], value: &str) -> String {
    let mut source = String::new();
    for layer in layers {
        source = match source.as_str() {
            "" => format!("SELECT {layer}"),
            inner => format!("SELECT {alias}.*, {layer} FROM ({inner}) AS {alias}"),
        };
    }
    if source.is_empty() {
        format!("SELECT {value}")
    } else {
        format!("SELECT {value} FROM ({source}) AS {alias}")
    }
}
