//! Changing a table where SQLite has no `ALTER TABLE` for it: a new table, the old one's rows, its name.
//!
//! Foreign keys stay enforced on D1, so `DROP TABLE` deletes the rows first, and `ON DELETE CASCADE`
//! would carry that to the tables that refer to it. Their rows are therefore put aside and put back;
//! those of a key without an action stay where they are, since the check waits until all is done.
//! Turning `defer_foreign_keys` off forgets what it counted: keys that are new, or whose values
//! changed, are checked by a statement of their own.

use super::ddl;
use super::existing_rows::unmatched_key;
use crate::dialect::DialectError;
use crate::dialect::translate::Translator;
use crate::schema::{Catalog, ReferentialAction, Table};
use crate::sql::{physical_name, quote_identifier, quote_literal};

/// The new table until it takes the old one's name. No project's name starts with a slash.
const NEW: &str = "/new";

/// A column's new value over a row of the old table.
pub struct Conversion {
    /// The column.
    pub column: String,
    /// SQLite's expression, over unqualified columns.
    pub sql: String,
}

impl Translator {
    /// Makes `before` into `after`: the same table with other columns, keys or conditions. A column
    /// that `before` lacks gets its default, unless `conversions` gives its value.
    pub(super) fn rebuild(
        &mut self,
        before: &Table,
        after: Table,
        conversions: &[Conversion],
    ) -> Result<(), DialectError> {
        self.suspend_triggers()?;
        let physical = physical_name(&before.schema, &before.name);
        self.catalog.tables.insert(physical.clone(), after.clone());
        let endangered = endangered(&self.catalog, before);
        let (columns, values) = copied(before, &after, conversions);

        self.push("PRAGMA defer_foreign_keys = ON".to_string())?;
        let mut source = before.physical();
        let mut selected = values.join(", ");
        if endangered.itself {
            let fields: Vec<String> =
                values.iter().zip(&columns).map(|(value, column)| format!("{value} AS {column}")).collect();
            let kept = kept(before);
            self.push(put_aside(&kept, &fields.join(", "), &source))?;
            (source, selected) = (kept, columns.join(", "));
        }
        for table in &endangered.others {
            self.push(put_aside(&kept(table), &written(table).join(", "), &table.physical()))?;
        }
        for table in &endangered.others {
            self.push(format!("DELETE FROM {}", table.physical()))?;
        }
        let new = quote_identifier(NEW);
        self.push(ddl::create_table_named(&self.catalog, &referring_to_new(&after), &new)?)?;
        if columns.is_empty() {
            return Err(DialectError::unsupported("replacing every column of a table"));
        }
        self.push(format!(
            "INSERT INTO {new} ({})\nSELECT {selected}\nFROM {source}\nORDER BY rowid",
            columns.join(", ")
        ))?;
        self.keep_sequence(before, &after)?;
        self.push(format!("DROP TABLE {}", before.physical()))?;
        self.push(format!("ALTER TABLE {new} RENAME TO {}", before.physical()))?;
        self.create_indexes_again(&physical)?;
        self.create_exclusions(&after)?;
        for table in &endangered.others {
            let columns = written(table).join(", ");
            let kept = kept(table);
            self.push(format!(
                "INSERT INTO {} ({columns})\nSELECT {columns}\nFROM {kept}\nORDER BY rowid",
                table.physical()
            ))?;
            self.push(format!("DROP TABLE {kept}"))?;
        }
        if endangered.itself {
            self.push(format!("DROP TABLE {source}"))?;
        }
        self.check_keys(before, &after, !conversions.is_empty())?;
        self.push("PRAGMA defer_foreign_keys = OFF".to_string())
    }

    /// Identity columns go on where they were, also past rows that were deleted.
    fn keep_sequence(&mut self, before: &Table, after: &Table) -> Result<(), DialectError> {
        if ddl::rowid_column(before).is_none() || ddl::rowid_column(after).is_none() {
            return Ok(());
        }
        let old = quote_literal(&physical_name(&before.schema, &before.name));
        let new = quote_literal(NEW);
        self.push(format!("DELETE FROM sqlite_sequence WHERE name = {new}"))?;
        self.push(format!(
            "INSERT INTO sqlite_sequence (name, seq)\nSELECT {new}, seq\nFROM sqlite_sequence\nWHERE name = {old}"
        ))
    }

    fn create_indexes_again(&mut self, physical: &str) -> Result<(), DialectError> {
        let indexes: Vec<_> =
            self.catalog.indexes.values().filter(|index| index.table == physical).cloned().collect();
        for index in indexes {
            if let Some(sql) = self.index_again(&index)? {
                self.push(sql)?;
            }
        }
        Ok(())
    }

    fn check_keys(
        &mut self,
        before: &Table,
        after: &Table,
        values_changed: bool,
    ) -> Result<(), DialectError> {
        let own =
            after.foreign_keys.iter().filter(|key| values_changed || !before.foreign_keys.contains(key));
        let mut checks: Vec<String> = own.map(|key| unmatched_key(after, key)).collect();
        if values_changed {
            let others = self.catalog.tables.values().filter(|of| of.physical() != after.physical());
            checks.extend(others.flat_map(|of| {
                let to_it = of
                    .foreign_keys
                    .iter()
                    .filter(|key| key.foreign_schema == after.schema && key.foreign_table == after.name);
                to_it.map(|key| unmatched_key(of, key))
            }));
        }
        checks.into_iter().try_for_each(|check| self.push(check))
    }
}

/// Whose rows the deletion of a table's rows would reach.
struct Endangered {
    others: Vec<Table>,
    /// Whether it comes back to the table through another.
    itself: bool,
}

fn endangered(catalog: &Catalog, table: &Table) -> Endangered {
    let refers = |from: &Table, to: &Table| {
        from.foreign_keys.iter().any(|key| {
            let acts = !matches!(key.on_delete, ReferentialAction::NoAction | ReferentialAction::Restrict);
            acts && key.foreign_schema == to.schema && key.foreign_table == to.name
        })
    };
    let same = |one: &Table, other: &Table| one.schema == other.schema && one.name == other.name;
    let mut others: Vec<Table> = Vec::new();
    let mut reached = vec![table.clone()];
    while let Some(to) = reached.pop() {
        for from in catalog.tables.values().filter(|from| refers(from, &to)) {
            if !same(from, table) && !others.iter().any(|known| same(known, from)) {
                others.push(from.clone());
                reached.push(from.clone());
            }
        }
    }
    let current = catalog.tables.get(&physical_name(&table.schema, &table.name)).unwrap_or(table);
    let itself = others.iter().any(|other| refers(table, other) || refers(current, other));
    Endangered { others, itself }
}

/// The quoted columns that are copied and their values over the old row.
fn copied(before: &Table, after: &Table, conversions: &[Conversion]) -> (Vec<String>, Vec<String>) {
    let of = |name: &str| {
        let converted = conversions.iter().find(|conversion| conversion.column == name);
        let unchanged = || before.column(name).map(|_| quote_identifier(name));
        converted.map(|conversion| conversion.sql.clone()).or_else(unchanged)
    };
    let stored = after.columns.iter().filter(|column| column.generated.is_none());
    stored.filter_map(|column| Some((quote_identifier(&column.name), of(&column.name)?))).unzip()
}

/// The quoted columns that an INSERT may name.
fn written(table: &Table) -> Vec<String> {
    let columns = table.columns.iter().filter(|column| column.generated.is_none());
    columns.map(|column| quote_identifier(&column.name)).collect()
}

fn kept(table: &Table) -> String {
    quote_identifier(&format!("/kept/{}", physical_name(&table.schema, &table.name)))
}

fn put_aside(kept: &str, columns: &str, table: &str) -> String {
    format!("CREATE TABLE {kept} AS\nSELECT {columns}\nFROM {table}\nORDER BY rowid")
}

/// The table as it is created: its references to itself name the new table, and follow when that
/// gets the old one's name.
fn referring_to_new(after: &Table) -> Table {
    let mut table = after.clone();
    for key in &mut table.foreign_keys {
        if key.foreign_schema == after.schema && key.foreign_table == after.name {
            (key.foreign_schema, key.foreign_table) = ("public".to_string(), NEW.to_string());
        }
    }
    table
}
