//! `CREATE TABLE … (LIKE other INCLUDING …)`.

use sqlparser::tokenizer::Token;

use super::constraint::{Constraints, chosen_name};
use super::create_index::definition;
use super::create_table::add_column;
use crate::dialect::DialectError;
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::schema::{Column, DataType, Identity, Sequence, Table, Unique};
use crate::sql::physical_name;

/// What is copied besides names, types and NOT NULL.
#[rustfmt::skip]
const OPTIONS: &[&str] = &["defaults", "constraints", "identity", "generated", "indexes", "comments", "storage", "compression", "statistics"];

/// One `LIKE`.
pub struct Like {
    /// How many columns are written before it.
    pub place: usize,
    /// The table that it names.
    pub table: Table,
    options: Vec<&'static str>,
}

impl Like {
    fn takes(&self, option: &str) -> bool {
        self.options.contains(&option)
    }
}

impl Translator {
    /// Reads an element of a definition after `LIKE`.
    pub(super) fn read_like(&self, place: usize, mut element: Reader<'_>) -> Result<Like, DialectError> {
        let (schema, name) = element.qualified_name()?;
        let missing = || DialectError::new("42P01", format!("relation \"{name}\" does not exist"));
        let table = self.catalog.relation(&schema, &name).cloned().ok_or_else(missing)?;
        let mut options: Vec<&'static str> = Vec::new();
        while !element.is_done() {
            let includes = element.takes("INCLUDING");
            if !includes {
                element.wants("EXCLUDING")?;
            }
            let word = element.name()?;
            for option in OPTIONS.iter().filter(|option| **option == word || word == "all") {
                options.retain(|other| other != option);
                if includes {
                    options.push(option);
                }
            }
            if word != "all" && !OPTIONS.contains(&word.as_str()) {
                return Err(element.syntax());
            }
        }
        Ok(Like { place, table, options })
    }

    /// The columns that come of it; their numbers and CHECKs go to `constraints`.
    pub(super) fn like_columns(
        &self,
        like: &Like,
        table: &mut Table,
        constraints: &mut Constraints,
    ) -> Result<(), DialectError> {
        for of in &like.table.columns {
            let mut column = Column { name: of.name.clone(), stored_as: None, ..of.clone() };
            let is_serial = of.identity == Some(Identity::Serial);
            if is_serial && like.takes("defaults") {
                return Err(DialectError::unsupported("LIKE … INCLUDING DEFAULTS of a serial column, whose numbers both tables would take from one sequence")
                    .with_hint("Make it an identity column, or EXCLUDING DEFAULTS."));
            }
            if !like.takes("defaults") {
                column.default = None;
            }
            if !like.takes("identity") || is_serial {
                column.identity = None;
            }
            if !like.takes("generated") {
                column.generated = None;
            }
            if !like.takes("comments") {
                column.comment = None;
            }
            column.sequence = None;
            if column.identity.is_some() {
                constraints.sequences.push((column.name.clone(), self.shape_of(of)));
            }
            add_column(table, column)?;
        }
        if like.takes("constraints") {
            for check in &like.table.checks {
                constraints.copied_check(&check.name, &check.expression);
            }
        }
        Ok(())
    }

    /// How an identity column is numbered: from its sequence, or as SQLite numbers rows.
    fn shape_of(&self, column: &Column) -> Sequence {
        let most = match column.data_type {
            DataType::Int2 => i64::from(i16::MAX),
            DataType::Int4 => i64::from(i32::MAX),
            _ => i64::MAX,
        };
        let plain =
            Sequence { schema: String::new(), name: String::new(), increment: 1, least: 1, most, start: 1 };
        column.sequence.as_ref().and_then(|key| self.catalog.sequences.get(key)).cloned().unwrap_or(plain)
    }

    /// The keys that come of it, named anew.
    pub(super) fn like_keys(&self, like: &Like, table: &mut Table) -> Result<(), DialectError> {
        if !like.takes("indexes") {
            return Ok(());
        }
        if let Some(key) = &like.table.primary_key {
            if table.primary_key.is_some() {
                let message = format!("multiple primary keys for table \"{}\" are not allowed", table.name);
                return Err(DialectError::new("42P16", message));
            }
            let name = chosen_name(&self.catalog, table, &[], "pkey");
            for column in table.columns.iter_mut().filter(|column| key.columns.contains(&column.name)) {
                column.nullable = false;
            }
            table.primary_key = Some(Unique { name, columns: key.columns.clone(), is_constraint: true });
        }
        for unique in like.table.uniques.iter().filter(|unique| unique.is_constraint) {
            let name = chosen_name(&self.catalog, table, &unique.columns, "key");
            table.uniques.push(Unique { name, columns: unique.columns.clone(), is_constraint: true });
        }
        if !like.table.exclusions.is_empty() {
            return Err(DialectError::unsupported(
                "LIKE … INCLUDING INDEXES of a table with EXCLUDE constraints",
            ));
        }
        Ok(())
    }

    /// The indexes that come of it, once the table is there.
    pub(super) fn like_indexes(&mut self, like: &Like, table: &Table) -> Result<(), DialectError> {
        if !like.takes("indexes") {
            return Ok(());
        }
        let key = physical_name(&like.table.schema, &like.table.name);
        let indexes: Vec<_> =
            self.catalog.indexes.values().filter(|index| index.table == key).cloned().collect();
        for index in indexes {
            let mut create = definition(&index)?;
            create.name = None;
            create.if_not_exists = false;
            create.concurrently = false;
            create.table_name = crate::dialect::name::object(&table.schema, &table.name);
            self.create_index(&create)?;
        }
        Ok(())
    }
}

/// Whether an element of a definition is a constraint rather than a column.
pub fn is_constraint(element: &Reader<'_>) -> bool {
    let Some(Token::Word(word)) = element.peek() else { return false };
    word.quote_style.is_none()
        && matches!(
            word.value.to_ascii_uppercase().as_str(),
            "CONSTRAINT" | "PRIMARY" | "UNIQUE" | "CHECK" | "FOREIGN" | "EXCLUDE"
        )
}
