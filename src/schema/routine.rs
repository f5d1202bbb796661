//! `CREATE FUNCTION`: a function's signature, and its body as written.
//!
//! A body has no SQL of its own in the database: it is lowered into every statement that calls it.

use serde::{Deserialize, Serialize};

use super::DataType;
use super::catalog::{Catalog, Column, Table};
use crate::sql::physical_name;

/// What the one column of a function that gives values is called, as upstream.
pub const SCALAR_COLUMN: &str = "pgrst_scalar";

/// A function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Routine {
    /// `public` or the project's own.
    pub schema: String,
    /// As written, folded to lower case unless quoted.
    pub name: String,
    /// In order, those that only come out included; the columns of `RETURNS TABLE` are not.
    pub arguments: Vec<Argument>,
    /// What it gives.
    pub returns: Returns,
    /// What its body is written in.
    pub language: Language,
    /// The body's text. Of `RETURN expression` it is `SELECT expression`.
    pub body: String,
    /// What the author promised of its effects.
    pub volatility: Volatility,
    /// NULL for NULL, without looking at the body: `STRICT`.
    pub strict: bool,
    /// Runs with the owner's rights, whom no policy binds: `SECURITY DEFINER`.
    pub security_definer: bool,
    /// `ROWS n`; of a set of one row a computed relationship is to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// `SET search_path`: where its unqualified names are looked up; `None` is `public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_path: Option<Vec<String>>,
    /// The roles that may execute it; `public` is everyone.
    pub executors: Vec<String>,
    /// What it gives as a relation, where that is no table's or view's row: see [`Catalog::rows_of`].
    #[serde(skip)]
    pub face: Option<Box<Table>>,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Argument {
    /// `None` when only its position names it, `$1`.
    pub name: Option<String>,
    /// Which way its value goes.
    pub mode: ArgumentMode,
    /// Its type; of a variadic one that of the array.
    pub data_type: RoutineType,
    /// The domain that its values must be of, by its physical name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The Postgres expression for a call that leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// Which way a parameter's value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArgumentMode {
    /// The caller gives it.
    In,
    /// It is a column of the result.
    Out,
    /// Both.
    InOut,
    /// The rest of the caller's values, as an array.
    Variadic,
}

/// A type that a function takes or gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RoutineType {
    /// A type of values.
    Value(DataType),
    /// A row of the table with this physical name.
    Row(String),
}

/// What a function gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Returns {
    /// `void`.
    Void,
    /// `trigger`: it is for CREATE TRIGGER.
    Trigger,
    /// One value or row.
    One(RoutineType),
    /// `SETOF` values or rows.
    Set(RoutineType),
    /// `TABLE (…)`, or the parameters that come out.
    Columns {
        /// Names and types.
        columns: Vec<(String, DataType)>,
        /// Whether there may be any number of rows.
        is_set: bool,
    },
}

/// What a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// SQL statements.
    Sql,
    /// PL/pgSQL.
    Plpgsql,
}

/// What the author promised of a function's effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Volatility {
    /// The same result for the same arguments, for ever.
    Immutable,
    /// The same within a statement; changes nothing.
    Stable,
    /// Anything.
    Volatile,
}

impl Routine {
    /// What tells it from every other function: `is_member(uuid)`, `private.add(int4,int4)`.
    pub fn key(&self) -> String {
        let types: Vec<String> = self.inputs().map(|argument| argument.data_type.short_name()).collect();
        format!("{}({})", physical_name(&self.schema, &self.name), types.join(","))
    }

    /// Its parameters that callers give values for, in order.
    pub fn inputs(&self) -> impl Iterator<Item = &Argument> {
        self.arguments.iter().filter(|argument| argument.mode != ArgumentMode::Out)
    }

    /// As messages name it: `is_member(uuid)`.
    pub fn display(&self) -> String {
        let types: Vec<String> = self.inputs().map(|argument| argument.data_type.display_name()).collect();
        format!("{}({})", physical_name(&self.schema, &self.name), types.join(","))
    }

    /// Whether a role may execute it.
    pub fn allows(&self, role: &str) -> bool {
        self.executors.iter().any(|of| of == "public" || of == role)
    }

    /// The one parameter that comes out, of a function that gives its value.
    pub fn single_output(&self) -> Option<&Argument> {
        let comes_out =
            |argument: &&Argument| matches!(argument.mode, ArgumentMode::Out | ArgumentMode::InOut);
        self.arguments.iter().find(comes_out)
    }

    /// A parameter that comes out names its column; a function of one row is a column of it, by its own name.
    fn scalar_name(&self) -> String {
        if let Some(name) = self.single_output().and_then(|argument| argument.name.clone()) {
            return name;
        }
        let mut inputs = self.inputs();
        match (inputs.next().map(|argument| &argument.data_type), inputs.next()) {
            (Some(RoutineType::Row(_)), None) => self.name.clone(),
            _ => SCALAR_COLUMN.to_string(),
        }
    }

    fn own_face(&self) -> Option<Table> {
        let columns = match &self.returns {
            Returns::One(RoutineType::Value(of)) | Returns::Set(RoutineType::Value(of)) => {
                vec![(self.scalar_name(), of.clone())]
            }
            Returns::Columns { columns, .. } => columns.clone(),
            _ => return None,
        };
        let column = |(name, data_type)| Column::new(name, data_type);
        Some(Table {
            columns: columns.into_iter().map(column).collect(),
            ..Table::new(self.schema.clone(), self.name.clone())
        })
    }

    /// Every type in its signature.
    pub fn types(&self) -> impl Iterator<Item = &RoutineType> {
        let returned = match &self.returns {
            Returns::One(of) | Returns::Set(of) => Some(of),
            _ => None,
        };
        self.arguments.iter().map(|argument| &argument.data_type).chain(returned)
    }
}

impl RoutineType {
    /// The short name: `int4`, `todos`.
    pub fn short_name(&self) -> String {
        match self {
            Self::Value(data_type) => data_type.short_name(),
            Self::Row(table) => table.clone(),
        }
    }

    /// The name in messages: `integer`, `todos`.
    pub fn display_name(&self) -> String {
        match self {
            Self::Value(data_type) => data_type.display_name(),
            Self::Row(table) => table.clone(),
        }
    }
}

impl Returns {
    /// Whether any number of rows may come.
    pub fn is_set(&self) -> bool {
        matches!(self, Self::Set(_) | Self::Columns { is_set: true, .. })
    }
}

impl Catalog {
    /// Adds a function, or replaces the one with its key.
    pub fn insert_routine(&mut self, mut routine: Routine) {
        routine.face = routine.own_face().map(Box::new);
        self.routines.insert(routine.key(), routine);
    }

    /// The table, view or composite type whose rows a row type is of.
    pub fn row_type(&self, physical: &str) -> Option<&Table> {
        let view = || self.views.get(physical).map(|view| &view.table);
        self.tables.get(physical).or_else(view).or_else(|| self.composites.get(physical))
    }

    /// What a function gives as a relation; `None` when it gives nothing.
    pub fn rows_of<'a>(&'a self, routine: &'a Routine) -> Option<&'a Table> {
        match &routine.returns {
            Returns::One(RoutineType::Row(of)) | Returns::Set(RoutineType::Row(of)) => self.row_type(of),
            _ => routine.face.as_deref(),
        }
    }

    /// The functions of a name, in order of creation.
    pub fn routines_named<'a, 'n>(
        &'a self,
        schema: &'n str,
        name: &'n str,
    ) -> impl Iterator<Item = &'a Routine> + use<'a, 'n> {
        self.routines.values().filter(move |routine| routine.schema == schema && routine.name == name)
    }
}
