//! What a function's variables stand for at a point of it.

use super::condition::Condition;
use super::syntax::VariableType;
use crate::dialect::expression::{Field, Relation, Scope, VARIABLES, named_type};
use crate::dialect::{DialectError, name};
use crate::schema::{Catalog, DataType, Table};
use crate::sql::quote_identifier;

/// The variables and their present values.
#[derive(Clone, Debug)]
pub struct State {
    /// One for each block around, the innermost last; in the first are what the function was given.
    pub scopes: Vec<Scope>,
    /// Whether this point is reached.
    pub running: Condition,
    /// `FOUND`.
    pub found: String,
    /// `ROW_COUNT`.
    pub row_count: String,
}

/// A variable's place in a [`State`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    scope: usize,
    relation: usize,
    /// `None` for a whole row.
    field: Option<usize>,
}

impl Place {
    /// The row that a field is of.
    pub fn whole(self) -> Self {
        Self { field: None, ..self }
    }
}

impl State {
    /// What stands at a place: a field, or all of a row's.
    pub fn columns_at(&self, place: Place) -> &[Field] {
        let columns = self.relation(place).map(|of| of.columns.as_slice()).unwrap_or_default();
        match place.field {
            None => columns,
            Some(field) => columns.get(field..=field).unwrap_or_default(),
        }
    }

    /// The value of one of those.
    pub fn at(&self, place: Place, index: usize) -> String {
        self.columns_at(place).get(index).map_or("NULL".to_string(), |field| field.sql.clone())
    }

    /// Puts a value into one of those.
    pub fn set_at(&mut self, place: Place, index: usize, sql: String) {
        let index = place.field.unwrap_or(index);
        if let Some(field) = self.relation_mut(place).and_then(|relation| relation.columns.get_mut(index)) {
            field.sql = sql;
        }
    }

    /// Over what a function is given.
    pub fn over(given: Vec<Relation>) -> Self {
        Self {
            scopes: vec![Scope { relations: given }],
            running: Condition::always(),
            found: "0".to_string(),
            row_count: "0".to_string(),
        }
    }

    /// The scopes that an expression sees.
    pub fn visible(&self) -> Vec<Scope> {
        let found = Field { name: "found".into(), sql: self.found.clone(), data_type: DataType::Bool };
        let mut scopes = vec![Scope { relations: vec![variables("", vec![found])] }];
        scopes.extend(self.scopes.iter().cloned());
        scopes
    }

    /// The place of a dotted name: `42703` when there is no such variable.
    pub fn place(&self, names: &[String]) -> Result<Place, DialectError> {
        for (scope, of) in self.scopes.iter().enumerate().rev() {
            for (relation, of) in of.relations.iter().enumerate() {
                let field_of = |name: &String| of.columns.iter().position(|field| field.name == *name);
                let is_variables = of.schema.as_deref() == Some(VARIABLES);
                let field = match names {
                    [name] if is_variables => field_of(name),
                    [name] if of.name == *name => return Ok(Place { scope, relation, field: None }),
                    [row, name] if of.name == *row => Some(field_of(name).ok_or_else(|| {
                        DialectError::new("42703", format!("record \"{row}\" has no field \"{name}\""))
                    })?),
                    _ => None,
                };
                if field.is_some() {
                    return Ok(Place { scope, relation, field });
                }
            }
        }
        Err(DialectError::new("42601", format!("\"{}\" is not a known variable", names.join("."))))
    }

    /// What stands at a place.
    pub fn relation(&self, place: Place) -> Option<&Relation> {
        self.scopes.get(place.scope)?.relations.get(place.relation)
    }

    /// The same, to be changed.
    pub fn relation_mut(&mut self, place: Place) -> Option<&mut Relation> {
        self.scopes.get_mut(place.scope)?.relations.get_mut(place.relation)
    }

    /// The field at a place; `None` for a whole row.
    pub fn field(&self, place: Place) -> Option<&Field> {
        self.relation(place)?.columns.get(place.field?)
    }

    /// Puts a value into a field.
    pub fn set(&mut self, place: Place, sql: String) {
        let Some(field) = place.field else { return };
        if let Some(field) = self.relation_mut(place).and_then(|relation| relation.columns.get_mut(field)) {
            field.sql = sql;
        }
    }

    /// Puts a row's fields into a whole row.
    pub fn set_row(&mut self, place: Place, columns: Vec<Field>) {
        if let Some(relation) = self.relation_mut(place) {
            relation.merged = columns.iter().map(|field| field.name.clone()).collect();
            relation.columns = columns;
        }
    }

    /// What holds after a choice: `then` where `condition` is true, `otherwise` elsewhere. A side that
    /// never gets here has no say.
    pub fn merged(before: &Self, condition: &str, then: Self, otherwise: Self) -> Self {
        if then.running.is_never() {
            return otherwise;
        }
        if otherwise.running.is_never() {
            return then;
        }
        let either = |one: &str, other: &str| match one == other {
            true => one.to_string(),
            false => format!("CASE WHEN {condition} THEN {one} ELSE {other} END"),
        };
        let went_on = then.running == before.running.and(condition)
            && otherwise.running == before.running.and(&negated(condition));
        let running = if went_on { before.running.clone() } else { then.running.or(&otherwise.running) };
        let mut after = otherwise.clone();
        after.running = running;
        after.found = either(&then.found, &otherwise.found);
        after.row_count = either(&then.row_count, &otherwise.row_count);
        for (scope, of) in then.scopes.into_iter().enumerate() {
            for (relation, one) in of.relations.into_iter().enumerate() {
                let place = Place { scope, relation, field: None };
                let Some(other) = after.relation(place).cloned() else { continue };
                after.set_columns(place, merged_columns(&one, &other, &either));
            }
        }
        after
    }

    fn set_columns(&mut self, place: Place, columns: Vec<Field>) {
        if let Some(relation) = self.relation_mut(place) {
            if relation.schema.as_deref() != Some(VARIABLES) {
                relation.merged = columns.iter().map(|field| field.name.clone()).collect();
            }
            relation.columns = columns;
        }
    }
}

/// A record may have got its columns on one side only.
fn merged_columns(one: &Relation, other: &Relation, either: &dyn Fn(&str, &str) -> String) -> Vec<Field> {
    let longer = if one.columns.len() >= other.columns.len() { one } else { other };
    let of = |relation: &Relation, name: &str| {
        relation
            .columns
            .iter()
            .find(|field| field.name == name)
            .map_or("NULL".to_string(), |field| field.sql.clone())
    };
    let column = |field: &Field| Field {
        sql: either(&of(one, &field.name), &of(other, &field.name)),
        ..field.clone()
    };
    longer.columns.iter().map(column).collect()
}

/// The other side of a condition that is never NULL.
pub fn negated(condition: &str) -> String {
    format!("(NOT {condition})")
}

/// Variables that stand for themselves, under a block's label or a function's name.
pub fn variables(name: &str, columns: Vec<Field>) -> Relation {
    Relation {
        schema: Some(VARIABLES.to_string()),
        name: name.to_string(),
        row: String::new(),
        columns,
        merged: Vec::new(),
    }
}

/// A row variable: its fields are named through it only.
pub fn row(name: &str, columns: Vec<Field>) -> Relation {
    Relation {
        schema: None,
        name: name.to_string(),
        row: String::new(),
        merged: columns.iter().map(|field| field.name.clone()).collect(),
        columns,
    }
}

/// A table's row whose columns the SQL has under a qualifier; NULLs without one.
pub fn row_of_table(name: &str, table: &Table, sql: impl Fn(&str) -> Option<String>) -> Relation {
    let field = |column: &crate::schema::Column| Field {
        name: column.name.clone(),
        sql: sql(&column.name).unwrap_or_else(|| "NULL".to_string()),
        data_type: column.data_type.clone(),
    };
    row(name, table.columns.iter().map(field).collect())
}

/// `NEW."title"`.
pub fn qualified(row: &str) -> impl Fn(&str) -> Option<String> {
    let row = row.to_string();
    move |column| Some(format!("{row}.{}", quote_identifier(column)))
}

/// What a declaration makes: a value of a type, or a row with its columns.
pub enum Shape {
    /// A value.
    Value(DataType),
    /// A row.
    Row(Vec<Field>),
}

/// What a variable of a type holds at first.
pub fn shape(catalog: &Catalog, state: &State, of: &VariableType) -> Result<Shape, DialectError> {
    let table_of = |names: &[String]| match names {
        [table] => catalog.table("public", table),
        [schema, table] => catalog.table(schema, table),
        _ => None,
    };
    let empty = |table: &Table| Shape::Row(row_of_table("", table, |_| None).columns);
    let missing = |names: &[String]| {
        DialectError::new("42P01", format!("relation \"{}\" does not exist", names.join(".")))
    };
    match of {
        VariableType::Record => Ok(Shape::Row(Vec::new())),
        VariableType::RowOf(names) => table_of(names).map(empty).ok_or_else(|| missing(names)),
        VariableType::TypeOf(names) => {
            if let Ok(place) = state.place(names) {
                return Ok(match (state.field(place), state.relation(place)) {
                    (Some(field), _) => Shape::Value(field.data_type.clone()),
                    (None, relation) => Shape::Row(relation.map(|of| of.columns.clone()).unwrap_or_default()),
                });
            }
            let (column, table) = names.split_last().ok_or_else(|| missing(names))?;
            let table = table_of(table).ok_or_else(|| missing(table))?;
            let column = table.column(column).ok_or_else(|| {
                DialectError::new(
                    "42703",
                    format!("column \"{column}\" of relation \"{}\" does not exist", table.name),
                )
            })?;
            Ok(Shape::Value(column.data_type.clone()))
        }
        VariableType::Named(data_type) => match named_type(catalog, data_type) {
            Ok(data_type) => Ok(Shape::Value(data_type)),
            Err(error) => {
                let sqlparser::ast::DataType::Custom(object, _) = data_type else { return Err(error) };
                let (schema, table) = name::qualified(object)?;
                catalog.table(&schema, &table).map(empty).ok_or(error)
            }
        },
    }
}
