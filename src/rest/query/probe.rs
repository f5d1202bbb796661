//! What a write that failed had violated. SQLite says of a foreign key only that there is one, and of a unique key no value,
//! so the rows are looked for again, after the failure: a query for each constraint that can be meant.

use super::output::cast;
use super::payload::chunks;
use super::write::stored;
use super::{Builder, where_clause};
use crate::caller::Caller;
use crate::rest::error::RestError;
use crate::rest::plan::{Change, Insert, Suspect, Write};
use crate::schema::{Catalog, Column, Command, DataType, ForeignKey, Stored, Table};
use crate::sql::{Statement, physical_name, quote_identifier};

/// For each suspect the query of the first row that violates it: its place in the body as `row`, the values of the key as a
/// JSON array of texts as `key`. `None` for one that cannot be looked for.
pub fn probes(
    catalog: &Catalog,
    caller: &Caller,
    write: &Write<'_>,
    suspects: &[Suspect<'_>],
) -> Result<Vec<Option<Statement>>, RestError> {
    let probe = |suspect: &Suspect<'_>| {
        let mut builder = Builder::new(catalog, caller);
        let sql = match &write.change {
            Change::Insert(insert) => builder.inserted(write, insert, suspect),
            Change::Update(assignments, condition) => {
                let terms = builder.touched(write, Command::Update, condition)?;
                builder.updated(write, assignments, terms, suspect)
            }
            Change::Delete(condition) => {
                let terms = builder.touched(write, Command::Delete, condition)?;
                deleted(write, terms, suspect)
            }
            Change::Nothing => None,
        };
        Ok(sql.map(|sql| {
            builder.writer.push(&sql);
            builder.finish()
        }))
    };
    suspects.iter().map(probe).collect()
}

/// A column of a key, and the SQL of its value in the row at hand.
type Value<'c> = (&'c Column, String);

impl Builder<'_> {
    fn inserted(&mut self, write: &Write<'_>, insert: &Insert<'_>, suspect: &Suspect<'_>) -> Option<String> {
        let rows = chunks(insert.rows.iter()).ok()?;
        let [(payload, _)] = rows.as_slice() else { return None };
        let payload = self.writer.bind(payload);
        let values = |names: &[String], alias: &str| -> Option<Vec<Value<'_>>> {
            let value = |name: &String| {
                let index = insert.columns.iter().position(|column| column.name == *name)?;
                let column = insert.columns.get(index)?;
                Some((*column, stored(column, &format!("{alias}.value ->> '$[{index}]'"))))
            };
            names.iter().map(value).collect()
        };
        let earlier = |names: &[String], condition: &str, equal: &[Value<'_>]| {
            let other = values(names, "\"other\"")?;
            let equalities: Vec<String> =
                other.iter().zip(equal).map(|((_, one), (_, other))| format!("{one} = {other}")).collect();
            let equalities = equalities.join(" AND ");
            Some(format!(
                "EXISTS (SELECT 1 FROM json_each({payload}) AS \"other\" WHERE {condition}{equalities})"
            ))
        };
        let mut terms;
        let key = match suspect {
            Suspect::Missing(key) => {
                let own = values(&key.columns, "\"payload\"")?;
                terms = not_null(&own);
                terms.push(format!("NOT {}", is_there(key, &own)));
                if (key.foreign_schema.as_str(), key.foreign_table.as_str())
                    == (write.table.schema.as_str(), write.table.name.as_str())
                {
                    // A row may refer to another of the same body.
                    terms.extend(earlier(&key.foreign_columns, "", &own).map(|sql| format!("NOT {sql}")));
                }
                own
            }
            Suspect::Duplicate(columns) => {
                let own = values(columns, "\"payload\"")?;
                terms = not_null(&own);
                let before = earlier(columns, "\"other\".key < \"payload\".key AND ", &own)?;
                terms.push(format!("({} OR {before})", has_equal(write.table, &own, "")));
                own
            }
            Suspect::Referenced(..) => return None,
        };
        Some(format!(
            "SELECT \"payload\".key AS row, {} AS key\nFROM json_each({payload}) AS \"payload\"{}\nORDER BY \"payload\".key\nLIMIT 1",
            texts(&key),
            where_clause(terms)
        ))
    }

    fn updated(
        &mut self,
        write: &Write<'_>,
        assignments: &[(&Column, Option<Stored<'_>>)],
        mut terms: Vec<String>,
        suspect: &Suspect<'_>,
    ) -> Option<String> {
        let name = write.table.physical();
        let mut new = |names: &[String]| -> Option<Vec<Value<'_>>> {
            let mut values = Vec::new();
            for of in names {
                let column = write.table.column(of)?;
                let assigned =
                    assignments.iter().find(|(column, _)| column.name == *of).map(|(_, cell)| cell);
                values.push((
                    column,
                    match assigned {
                        Some(cell) => self.assigned(column, cell),
                        None => format!("{name}.{}", quote_identifier(of)),
                    },
                ));
            }
            Some(values)
        };
        let key = match suspect {
            Suspect::Missing(key) => {
                let own = new(&key.columns)?;
                terms.extend(not_null(&own));
                terms.push(format!("NOT {}", is_there(key, &own)));
                own
            }
            Suspect::Duplicate(columns) => {
                let own = new(columns)?;
                terms.push(has_equal(write.table, &own, &format!("\"there\".rowid <> {name}.rowid AND ")));
                own
            }
            Suspect::Referenced(child, key) => {
                let changed: Vec<String> = new(&key.foreign_columns)?
                    .iter()
                    .map(|(column, sql)| format!("{sql} IS NOT {name}.{}", quote_identifier(&column.name)))
                    .collect();
                terms.push(format!("({})", changed.join(" OR ")));
                let old = old(write.table, key)?;
                terms.push(is_referenced(child, key, &old));
                old
            }
        };
        Some(first_of(write.table, &key, terms))
    }
}

fn deleted(write: &Write<'_>, mut terms: Vec<String>, suspect: &Suspect<'_>) -> Option<String> {
    let Suspect::Referenced(child, key) = suspect else { return None };
    // Rows of the same table may go together.
    if (&child.schema, &child.name) == (&write.table.schema, &write.table.name) {
        return None;
    }
    let old = old(write.table, key)?;
    terms.push(is_referenced(child, key, &old));
    Some(first_of(write.table, &old, terms))
}

fn old<'c>(table: &'c Table, key: &ForeignKey) -> Option<Vec<Value<'c>>> {
    let value = |name: &String| {
        Some((table.column(name)?, format!("{}.{}", table.physical(), quote_identifier(name))))
    };
    key.foreign_columns.iter().map(value).collect()
}

fn first_of(table: &Table, key: &[Value<'_>], terms: Vec<String>) -> String {
    let name = table.physical();
    format!("SELECT 0 AS row, {} AS key\nFROM {name}{}\nLIMIT 1", texts(key), where_clause(terms))
}

fn texts(key: &[Value<'_>]) -> String {
    let texts = key.iter().map(|(column, sql)| cast(&column.data_type, &DataType::Text, sql));
    format!("json_array({})", texts.collect::<Vec<_>>().join(", "))
}

fn not_null(values: &[Value<'_>]) -> Vec<String> {
    values.iter().map(|(_, sql)| format!("{sql} IS NOT NULL")).collect()
}

/// Whether the row that a key refers to is there.
fn is_there(key: &ForeignKey, values: &[Value<'_>]) -> String {
    let parent = quote_identifier(&physical_name(&key.foreign_schema, &key.foreign_table));
    let equal = key.foreign_columns.iter().zip(values);
    let equal: Vec<String> =
        equal.map(|(column, (_, sql))| format!("\"there\".{} = {sql}", quote_identifier(column))).collect();
    format!("EXISTS (SELECT 1 FROM {parent} AS \"there\" WHERE {})", equal.join(" AND "))
}

/// Whether a row of another table refers to the one at hand.
fn is_referenced(child: &Table, key: &ForeignKey, values: &[Value<'_>]) -> String {
    let equal = key.columns.iter().zip(values);
    let equal: Vec<String> =
        equal.map(|(column, (_, sql))| format!("\"there\".{} = {sql}", quote_identifier(column))).collect();
    format!("EXISTS (SELECT 1 FROM {} AS \"there\" WHERE {})", child.physical(), equal.join(" AND "))
}

/// Whether the table has a row with these values.
fn has_equal(table: &Table, values: &[Value<'_>], besides: &str) -> String {
    let equal: Vec<String> = values
        .iter()
        .map(|(column, sql)| format!("\"there\".{} = {sql}", quote_identifier(&column.name)))
        .collect();
    format!("EXISTS (SELECT 1 FROM {} AS \"there\" WHERE {besides}{})", table.physical(), equal.join(" AND "))
}
