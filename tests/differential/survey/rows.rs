//! Made-up rows for a project's tables: the same every time, plausible to its constraints, and some of them the callers' own.

use std::collections::BTreeMap;

use super::usage::{Column, Table};

/// The two users.
pub const ANN: &str = "aaaaaaaa-0000-4000-8000-000000000000";
pub const BEN: &str = "bbbbbbbb-0000-4000-8000-000000000000";

/// What rows were made of, for those that refer to them.
#[derive(Default)]
pub struct Maker {
    /// The literals by `schema.table` and column.
    made: BTreeMap<(String, String), Vec<String>>,
}

impl Maker {
    /// Literals for the columns of a table's `row`th row; `place` tells tables apart. `None` when it refers to what has no rows.
    pub fn row(&self, place: usize, table: &Table, row: usize) -> Option<BTreeMap<String, String>> {
        let mut values = BTreeMap::new();
        for (index, column) in table.columns.iter().enumerate().filter(|(_, column)| !column.is_made) {
            // Every other row shows the defaults, but for those of chance and of the time.
            let is_left_out =
                column.has_default && row % 2 == 1 && !column.is_key && column.refers_to.is_none();
            if is_left_out && !["uuid", "timestamp with time zone"].contains(&column.data_type.as_str()) {
                continue;
            }
            let value = match &column.refers_to {
                Some(other) => self.reference(other, row),
                None => value(place, table, index, column, row),
            };
            match value {
                Some(value) => {
                    values.insert(column.name.clone(), value);
                }
                None if column.is_required && !column.has_default => return None,
                None => {}
            }
        }
        Some(values)
    }

    fn reference(&self, (table, column): &(String, String), row: usize) -> Option<String> {
        if table == "auth.users" {
            return Some(user(row));
        }
        let made = self.made.get(&(table.clone(), column.clone()))?;
        made.get(row % made.len().max(1)).cloned()
    }

    /// Remembers a row that is there.
    pub fn keep(&mut self, table: &Table, values: &BTreeMap<String, String>) {
        for (column, value) in values {
            self.made
                .entry((format!("public.{}", table.name), column.clone()))
                .or_default()
                .push(value.clone());
        }
    }

    /// A column that an update sets, and to what.
    pub fn change(&self, table: &Table) -> Option<(String, String)> {
        let plain = |column: &&Column| {
            column.data_type == "text"
                && !column.is_key
                && !column.is_made
                && column.refers_to.is_none()
                && column.labels.is_none()
        };
        let column = table.columns.iter().find(plain)?;
        let value = choices(table, &column.name).first().cloned().unwrap_or_else(|| "changed".to_string());
        Some((column.name.clone(), quoted(&value)))
    }
}

fn user(row: usize) -> String {
    quoted(if row.is_multiple_of(2) { ANN } else { BEN })
}

/// Words in the names of columns that hold a user's id without saying so.
const USERS: &[&str] =
    &["user", "owner", "author", "created_by", "profile", "sender", "member", "host", "admin", "uploaded_by"];

fn value(place: usize, table: &Table, index: usize, column: &Column, row: usize) -> Option<String> {
    if let Some(labels) = &column.labels {
        return labels.get((row + index) % labels.len()).map(|label| quoted(label));
    }
    let day = format!("{}-01-0{}", if row.is_multiple_of(2) { 2040 } else { 2020 }, row + 1);
    let data_type = column.data_type.split('(').next().unwrap_or_default();
    let text = match data_type {
        "uuid" if !column.is_key && USERS.iter().any(|word| column.name.contains(word)) => {
            return Some(user(row));
        }
        "uuid" => format!("{place:04x}{index:04x}-0000-4000-8000-{row:012}"),
        "text" | "character varying" | "character" | "citext" => text(place, table, column, row),
        "boolean" => return Some(if (row + index).is_multiple_of(2) { "TRUE" } else { "FALSE" }.to_string()),
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => {
            return Some((row + 1).to_string());
        }
        "timestamp with time zone" | "timestamp without time zone" => format!("{day}T10:00:00+00:00"),
        "date" => day,
        "time without time zone" => format!("1{row}:00:00"),
        "interval" => "01:00:00".to_string(),
        "json" | "jsonb" => "{}".to_string(),
        array if array.ends_with("[]") => "{}".to_string(),
        _ => return None,
    };
    Some(quoted(&text))
}

fn text(place: usize, table: &Table, column: &Column, row: usize) -> String {
    let choices = choices(table, &column.name);
    if !choices.is_empty() {
        return choices[row % choices.len()].clone();
    }
    let name = &column.name;
    let text = match () {
        () if name.contains("email") && row < 2 => format!("{}@example.com", ["ann", "ben"][row]),
        () if name.contains("email") => format!("p{place}r{row}@example.com"),
        () if name.contains("url") => format!("https://example.com/{row}"),
        () if name.contains("phone") => format!("+4912345678{row}"),
        () if name.contains("color") => "#aabbcc".to_string(),
        () => format!("t{place}-{}-{row}", name.replace('_', "-")),
    };
    match column.data_type.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')?.parse().ok()) {
        Some(length) if text.len() > length => text[text.len() - length..].to_string(),
        _ => text,
    }
}

/// The words that a CHECK allows a column: those of `(status = ANY (ARRAY['open'::text, 'shut'::text]))`.
fn choices(table: &Table, column: &str) -> Vec<String> {
    let names = |check: &&String| {
        let check = check.replace('"', "");
        check.contains(&format!("({column} = ANY")) || check.contains(&format!("(({column})::text = ANY"))
    };
    let Some(check) = table.checks.iter().find(names) else { return Vec::new() };
    let Some((_, list)) = check.split_once("ARRAY[") else { return Vec::new() };
    let list = list.split(']').next().unwrap_or_default();
    list.split('\'').skip(1).step_by(2).map(str::to_string).collect()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
