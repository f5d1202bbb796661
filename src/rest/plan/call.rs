//! A call of a function: which one is meant, and its arguments read by their types.

use serde_json::value::RawValue;

use super::Planner;
use super::closest::{LIKE_ENOUGH, LIKE_NAMES, closest};
use super::literal::stored;
use crate::rest::error::RestError;
use crate::rest::request::Arguments;
use crate::schema::{
    Argument, ArgumentMode, Catalog, Column, DataType, Returns, Routine, RoutineType, Table,
};

/// A call of a function.
#[derive(Debug)]
pub struct Call<'c> {
    /// The function.
    pub routine: &'c Routine,
    /// One for each of its inputs; `None` for its default.
    pub arguments: Vec<Option<Value>>,
    /// How its rows go out.
    pub shape: Shape,
    /// POST; by GET and HEAD a function changes nothing.
    pub is_post: bool,
}

/// An argument.
#[derive(Debug, PartialEq)]
pub enum Value {
    /// In its stored form; `None` is NULL.
    Plain(Option<String>, DataType),
    /// A row's columns, the same way.
    Row(Vec<(Option<String>, DataType)>),
}

/// How a function's rows go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An array of rows.
    Rows,
    /// An array of bare values.
    Values,
    /// The one row.
    Row,
    /// The one bare value.
    Value,
    /// Nothing.
    Nothing,
}

impl Shape {
    /// Whether what goes out is a bare value rather than a row's object.
    pub fn is_bare(self) -> bool {
        matches!(self, Self::Value | Self::Values)
    }

    /// Whether one goes out rather than an array.
    pub fn is_single(self) -> bool {
        matches!(self, Self::Value | Self::Row | Self::Nothing)
    }
}

/// A requested call.
#[derive(Debug)]
pub struct Called {
    /// What it gives.
    pub arguments: Arguments,
    /// POST; GET and HEAD change nothing.
    pub is_post: bool,
}

/// Finds the function by its name and the names of the arguments (PGRST202, PGRST203).
pub fn find<'c>(
    catalog: &'c Catalog,
    schema: &str,
    name: &str,
    called: &Called,
) -> Result<&'c Routine, RestError> {
    let names = called.arguments.names();
    let overloads: Vec<&Routine> =
        catalog.routines_named(schema, name).filter(|routine| is_callable(routine)).collect();
    let mut fitting: Vec<&Routine> =
        overloads.iter().copied().filter(|routine| takes(routine, &names, &called.arguments)).collect();
    if fitting.is_empty() && called.is_post {
        fitting =
            overloads.iter().copied().filter(|routine| takes_body(routine, &called.arguments)).collect();
    }
    match fitting.as_slice() {
        [one] => Ok(one),
        [] => Err(RestError::NoFunction {
            schema: schema.to_string(),
            name: name.to_string(),
            closest: meant(catalog, schema, name, &names, &overloads),
            body: called.is_post.then_some(match &called.arguments {
                Arguments::Json { .. } => "json/jsonb",
                Arguments::Text(_) => "text",
                Arguments::Bytes(_) => "bytea",
                Arguments::None | Arguments::Texts(_) => "",
            }),
            arguments: names,
        }),
        several => {
            // Upstream has them by the number of their parameters.
            let mut several = several.to_vec();
            several.sort_by_key(|routine| (routine.inputs().count(), routine.key()));
            Err(RestError::AmbiguousFunction { candidates: several.into_iter().map(described).collect() })
        }
    }
}

/// `public.f(a => integer)`.
fn described(routine: &Routine) -> String {
    let parameter = |argument: &Argument| {
        let name = argument.name.as_deref().unwrap_or_default();
        format!("{name} => {}", argument.data_type.display_name())
    };
    let parameters: Vec<String> = routine.inputs().map(parameter).collect();
    format!("{}.{}({})", routine.schema, routine.name, parameters.join(", "))
}

/// Whether all required parameters are given and nothing else but optional ones.
fn takes(routine: &Routine, names: &[String], arguments: &Arguments) -> bool {
    if routine.inputs().next().is_none() {
        return names.is_empty() && !matches!(arguments, Arguments::Text(_) | Arguments::Bytes(_));
    }
    let name = |argument: &Argument| argument.name.clone().unwrap_or_default();
    let required = |argument: &&Argument| argument.default.is_none();
    routine.inputs().filter(required).all(|argument| names.contains(&name(argument)))
        && names.iter().all(|given| routine.inputs().any(|argument| name(argument) == *given))
}

/// Whether the whole body is its single unnamed parameter.
fn takes_body(routine: &Routine, arguments: &Arguments) -> bool {
    let mut inputs = routine.inputs();
    let (Some(Argument { name: None, data_type: RoutineType::Value(of), .. }), None) =
        (inputs.next(), inputs.next())
    else {
        return false;
    };
    matches!(
        (arguments, of),
        (Arguments::Json { .. }, DataType::Json | DataType::Jsonb)
            | (Arguments::Text(_), DataType::Text)
            | (Arguments::Bytes(_), DataType::Bytea)
    )
}

/// Whether requests can name a function's arguments, or send the only one as their body.
fn is_callable(routine: &Routine) -> bool {
    if routine.returns == Returns::Trigger {
        return false;
    }
    match routine.inputs().filter(|argument| argument.name.is_none()).count() {
        0 => true,
        1 => matches!(
            routine.inputs().next().map(|argument| &argument.data_type),
            Some(RoutineType::Value(DataType::Bytea | DataType::Json | DataType::Jsonb | DataType::Text))
        ),
        _ => false,
    }
}

/// The function, or the parameters of one of that name, which may have been meant.
fn meant(
    catalog: &Catalog,
    schema: &str,
    name: &str,
    names: &[String],
    overloads: &[&Routine],
) -> Option<String> {
    if overloads.is_empty() {
        let all =
            catalog.routines.values().filter(|routine| routine.schema == schema && is_callable(routine));
        let found = closest(name, all.map(|routine| routine.name.as_str()), LIKE_NAMES);
        return found.first().map(|(_, found)| format!("{schema}.{found}"));
    }
    let list = |mut names: Vec<String>| {
        names.sort();
        format!("({})", names.join(", "))
    };
    let parameters = |routine: &&Routine| {
        list(routine.inputs().map(|argument| argument.name.clone().unwrap_or_default()).collect())
    };
    let lists: Vec<String> = overloads.iter().map(parameters).collect();
    let found = closest(&list(names.to_vec()), lists.iter().map(String::as_str), LIKE_ENOUGH);
    found.first().map(|(_, found)| format!("{schema}.{name}{found}"))
}

impl<'c> Planner<'c> {
    /// A call of a function with its arguments read.
    pub(super) fn call(&self, routine: &'c Routine, called: &Called) -> Result<Call<'c>, RestError> {
        let mut arguments = Vec::new();
        for argument in routine.inputs() {
            arguments.push(self.argument(argument, &called.arguments)?);
        }
        let shape = match &routine.returns {
            Returns::Void | Returns::Trigger => Shape::Nothing,
            // A parameter that comes out makes it a row of one column.
            Returns::One(RoutineType::Value(_)) if routine.single_output().is_some() => Shape::Row,
            Returns::Set(RoutineType::Value(_)) if routine.single_output().is_some() => Shape::Rows,
            Returns::One(RoutineType::Value(_)) => Shape::Value,
            Returns::Set(RoutineType::Value(_)) => Shape::Values,
            Returns::Set(RoutineType::Row(_)) | Returns::Columns { is_set: true, .. } => Shape::Rows,
            Returns::One(RoutineType::Row(_)) | Returns::Columns { .. } => Shape::Row,
        };
        Ok(Call { routine, arguments, shape, is_post: called.is_post })
    }

    /// The column that a function of a table's rows is, called by its name: `full_name(users)`.
    pub(super) fn computed_column(&self, table: &Table, name: &str) -> Option<&'c Column> {
        let is_it = |routine: &&Routine| {
            let mut inputs = routine.inputs();
            let is_of_row = match inputs.next().map(|argument| &argument.data_type) {
                Some(RoutineType::Row(of)) => self
                    .catalog
                    .row_type(of)
                    .is_some_and(|of| of.schema == table.schema && of.name == table.name),
                _ => false,
            };
            is_of_row
                && inputs.next().is_none()
                && matches!(routine.returns, Returns::One(RoutineType::Value(_)))
        };
        let routine = self.catalog.routines_named(self.schema, name).find(is_it)?;
        let mut computed = self.computed.borrow_mut();
        if !computed.iter().any(|other| std::ptr::eq(*other, routine)) {
            computed.push(routine);
        }
        routine.face.as_ref()?.columns.first()
    }

    /// What the answer's columns are looked up in.
    pub(super) fn face(&self, routine: &'c Routine) -> Result<&'c Table, RestError> {
        self.catalog
            .rows_of(routine)
            .ok_or_else(|| RestError::Internal(format!("the function {} has no rows", routine.display())))
    }

    fn argument(&self, argument: &Argument, given: &Arguments) -> Result<Option<Value>, RestError> {
        let name = argument.name.as_deref().unwrap_or_default();
        let data_type = &argument.data_type;
        match given {
            Arguments::None => Ok(None),
            Arguments::Texts(texts) => {
                let own: Vec<&str> =
                    texts.iter().filter(|(of, _)| of == name).map(|(_, text)| text.as_str()).collect();
                self.of_texts(argument, &own)
            }
            Arguments::Json { values, whole } => match values.get(name) {
                Some(value) => self.of_json(data_type, value).map(Some),
                None if argument.name.is_none() => self.of_text(data_type, whole).map(Some),
                None => Ok(None),
            },
            Arguments::Text(text) => self.of_text(data_type, text).map(Some),
            Arguments::Bytes(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                Ok(Some(Value::Plain(Some(hex), DataType::Bytea)))
            }
        }
    }

    /// The last of a name counts; all of a variadic one's.
    fn of_texts(&self, argument: &Argument, texts: &[&str]) -> Result<Option<Value>, RestError> {
        let Some(last) = texts.last() else { return Ok(None) };
        if argument.mode == ArgumentMode::Variadic {
            let array = serde_json::value::to_raw_value(texts)
                .map_err(|error| RestError::Internal(error.to_string()))?;
            return self.of_json(&argument.data_type, array.get()).map(Some);
        }
        self.of_text(&argument.data_type, last).map(Some)
    }

    fn of_text(&self, of: &RoutineType, text: &str) -> Result<Value, RestError> {
        match of {
            RoutineType::Value(of) => {
                let text = stored(of, self.read(of, text)?);
                Ok(Value::Plain(Some(bytes_without_mark(of, text)), of.clone()))
            }
            RoutineType::Row(_) => {
                let json: &RawValue = serde_json::from_str(text).map_err(|_| {
                    RestError::NotImplemented(
                        "rows in Postgres' text form are not supported; send JSON".into(),
                    )
                })?;
                self.of_json(of, json.get())
            }
        }
    }

    fn of_json(&self, of: &RoutineType, json: &str) -> Result<Value, RestError> {
        match of {
            RoutineType::Value(of) => self.plain(of, json).map(|value| Value::Plain(value, of.clone())),
            RoutineType::Row(table) => {
                let columns =
                    self.catalog.row_type(table).map(|table| table.columns.as_slice()).unwrap_or_default();
                let values: indexmap::IndexMap<String, &RawValue> = match json {
                    "null" => indexmap::IndexMap::new(),
                    text => serde_json::from_str(text).map_err(|_| {
                        RestError::postgres("22P02", format!("malformed record literal: \"{text}\""))
                    })?,
                };
                let cell = |column: &Column| {
                    let value =
                        values.get(&column.name).map(|value| self.plain(&column.data_type, value.get()));
                    Ok((value.transpose()?.flatten(), column.data_type.clone()))
                };
                columns.iter().map(cell).collect::<Result<_, RestError>>().map(Value::Row)
            }
        }
    }

    fn plain(&self, of: &DataType, json: &str) -> Result<Option<String>, RestError> {
        // A parameter of type json is given `null` as JSON, not as nothing.
        let text = self.read_json(of, json)?;
        Ok(text.map(|text| bytes_without_mark(of, stored(of, text.into_text()))))
    }
}

/// `unhex` takes the digits alone.
fn bytes_without_mark(of: &DataType, text: String) -> String {
    match of {
        DataType::Bytea => text.strip_prefix("\\x").map(str::to_string).unwrap_or(text),
        _ => text,
    }
}
