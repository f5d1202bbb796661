//! What names mean: the relations that are visible at a point, innermost first.

use crate::dialect::DialectError;
use crate::schema::{DataType, Table};
use crate::sql::quote_identifier;

/// What stands for the relation's row in a field's expression: no SQL has it otherwise.
pub const ROW: &str = "\u{6}";

/// The schema of a function's variables: a column of a query within it may not have a variable's name.
pub const VARIABLES: &str = "/variables";

/// The relations of one FROM clause, or the row a policy is about.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// In order of appearance.
    pub relations: Vec<Relation>,
}

/// Something with columns that can be named.
#[derive(Clone, Debug)]
pub struct Relation {
    /// The schema, when a qualified name may name it too.
    pub schema: Option<String>,
    /// The alias or table name.
    pub name: String,
    /// How the SQLite text names it, quoted; empty where columns must stand alone.
    pub row: String,
    /// The columns, in order.
    pub columns: Vec<Field>,
    /// Columns that a USING took from another relation: named by the relation only.
    pub merged: Vec<String>,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// How queries name it.
    pub name: String,
    /// How the SQLite text names it, quoted, without its relation; or an expression in which [`ROW`]
    /// stands for the relation.
    pub sql: String,
    /// Its type.
    pub data_type: DataType,
}

impl Relation {
    /// A table's row, under the table's own name.
    pub fn of_table(table: &Table, row: &str) -> Self {
        let columns = table.columns.iter().map(|column| Field {
            name: column.name.clone(),
            sql: quote_identifier(&column.name),
            data_type: column.data_type.clone(),
        });
        Self {
            schema: Some(table.schema.clone()),
            name: table.name.clone(),
            row: row.to_string(),
            columns: columns.collect(),
            merged: Vec::new(),
        }
    }

    /// A field's SQL, qualified.
    pub fn sql_of(&self, field: &Field) -> String {
        if field.sql.contains(ROW) {
            return field.sql.replace(ROW, &self.row);
        }
        if self.row.is_empty() {
            return field.sql.clone();
        }
        format!("{}.{}", self.row, field.sql)
    }

    /// Whether SQL names this relation's row.
    pub fn is_named_in(&self, sql: &str) -> bool {
        match self.row.is_empty() {
            true => self.columns.iter().any(|field| sql.contains(&field.sql)),
            false => sql.contains(&format!("{}.", self.row)),
        }
    }

    /// A column's SQL and type, or `None`.
    pub fn column(&self, name: &str) -> Option<(String, DataType)> {
        let field = self.columns.iter().find(|field| field.name == name)?;
        Some((self.sql_of(field), field.data_type.clone()))
    }
}

/// A column by its bare name, searched from the innermost scope outwards.
pub fn bare_column(scopes: &[Scope], name: &str) -> Result<(String, DataType), DialectError> {
    for (depth, scope) in scopes.iter().enumerate().rev() {
        let named = |relation: &&Relation| !relation.merged.iter().any(|merged| merged == name);
        let mut found = scope.relations.iter().filter(named).filter_map(|relation| relation.column(name));
        if let Some(column) = found.next() {
            return match found.next() {
                None if hides_variable(scopes, depth, name) => {
                    let message = format!("column reference \"{name}\" is ambiguous");
                    Err(DialectError::new("42702", message)
                        .with_hint("It could refer to either a PL/pgSQL variable or a table column."))
                }
                None => Ok(column),
                Some(_) => {
                    Err(DialectError::new("42702", format!("column reference \"{name}\" is ambiguous")))
                }
            };
        }
    }
    Err(DialectError::new("42703", format!("column \"{name}\" does not exist")))
}

/// Whether a name that a query's table has is also that of a variable around the query.
fn hides_variable(scopes: &[Scope], depth: usize, name: &str) -> bool {
    let is_variable = |relation: &Relation| relation.schema.as_deref() == Some(VARIABLES);
    let (outer, inner) = scopes.split_at(depth.min(scopes.len()));
    let is_column = inner.first().is_some_and(|scope| !scope.relations.iter().any(is_variable));
    let mut outer = outer.iter().flat_map(|scope| &scope.relations);
    is_column && outer.any(|relation| is_variable(relation) && relation.column(name).is_some())
}

/// The relation of a name, searched from the innermost scope outwards.
pub fn relation<'a>(
    scopes: &'a [Scope],
    schema: Option<&str>,
    name: &str,
) -> Result<&'a Relation, DialectError> {
    let matches = |relation: &&Relation| {
        relation.name == name && schema.is_none_or(|schema| relation.schema.as_deref() == Some(schema))
    };
    scopes
        .iter()
        .rev()
        .find_map(|scope| scope.relations.iter().find(matches))
        .ok_or_else(|| DialectError::new("42P01", format!("missing FROM-clause entry for table \"{name}\"")))
}

/// A column of a named relation.
pub fn qualified_column(
    scopes: &[Scope],
    schema: Option<&str>,
    table: &str,
    name: &str,
) -> Result<(String, DataType), DialectError> {
    let relation = relation(scopes, schema, table)?;
    relation
        .column(name)
        .ok_or_else(|| DialectError::new("42703", format!("column {table}.{name} does not exist")))
}
