//! Functions that give rows, in FROM and in a select list: each is a `json_each` over an array.

use sqlparser::ast::{FunctionArg, FunctionArgExpr, TableAlias};

use super::relation::rename;
use crate::dialect::expression::{Family, Field, Lowering, Piece, ROW, Relation, family, named_type};
use crate::dialect::{DialectError, name};
use crate::schema::DataType;
use crate::sql::{quote_identifier, raise};

/// A function that gives rows.
pub struct TableFunction {
    /// Its name.
    pub name: &'static str,
    /// Its arguments, for people.
    pub arguments: &'static str,
    /// Its result, for people.
    pub result: &'static str,
    /// Its rows for lowered arguments.
    lower: Lower,
}

type Lower = fn(&mut Lowering<'_>, Vec<Piece>) -> Result<Rows, DialectError>;

/// Rows: a SQLite table-valued function, and how columns are read from its row.
pub struct Rows {
    source: String,
    columns: Vec<Field>,
}

/// The functions that give rows.
#[rustfmt::skip]
pub const TABLE_FUNCTIONS: &[TableFunction] = &[
    TableFunction { name: "generate_series",           arguments: "integer, integer [, integer]",       result: "SETOF integer",                  lower: generate_series },
    TableFunction { name: "generate_series",           arguments: "timestamp, timestamp, interval",     result: "SETOF timestamp",                lower: generate_series },
    TableFunction { name: "unnest",                    arguments: "anyarray [, …]",                     result: "SETOF anyelement",               lower: unnest },
    TableFunction { name: "string_to_table",           arguments: "text, text",                         result: "SETOF text",                     lower: string_to_table },
    TableFunction { name: "jsonb_array_elements",      arguments: "jsonb",                              result: "SETOF jsonb",                    lower: array_elements::<true> },
    TableFunction { name: "json_array_elements",       arguments: "json",                               result: "SETOF json",                     lower: array_elements::<false> },
    TableFunction { name: "jsonb_array_elements_text", arguments: "jsonb",                              result: "SETOF text",                     lower: array_elements_text },
    TableFunction { name: "json_array_elements_text",  arguments: "json",                               result: "SETOF text",                     lower: array_elements_text },
    TableFunction { name: "jsonb_each",                arguments: "jsonb",                              result: "TABLE(key text, value jsonb)",   lower: each::<true> },
    TableFunction { name: "json_each",                 arguments: "json",                               result: "TABLE(key text, value json)",    lower: each::<false> },
    TableFunction { name: "jsonb_each_text",           arguments: "jsonb",                              result: "TABLE(key text, value text)",    lower: each_text },
    TableFunction { name: "json_each_text",            arguments: "json",                               result: "TABLE(key text, value text)",    lower: each_text },
    TableFunction { name: "jsonb_object_keys",         arguments: "jsonb",                              result: "SETOF text",                     lower: object_keys },
    TableFunction { name: "json_object_keys",          arguments: "json",                               result: "SETOF text",                     lower: object_keys },
    TableFunction { name: "jsonb_to_recordset",        arguments: "jsonb",                              result: "SETOF record",                   lower: array_elements::<true> },
    TableFunction { name: "json_to_recordset",         arguments: "json",                               result: "SETOF record",                   lower: array_elements::<false> },
    TableFunction { name: "jsonb_to_record",           arguments: "jsonb",                              result: "record",                         lower: record::<true> },
    TableFunction { name: "json_to_record",            arguments: "json",                               result: "record",                         lower: record::<false> },
];

/// An item of `json_each` as JSON text, its digits kept.
const ITEM: &str = "CASE \u{6}.type WHEN 'text' THEN json_quote(\u{6}.value) WHEN 'integer' THEN \u{6}.json -> \u{6}.fullkey WHEN 'real' THEN \u{6}.json -> \u{6}.fullkey WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN 'null' ELSE \u{6}.value END";

impl Lowering<'_> {
    /// A function call in FROM, with its alias.
    pub(super) fn function_in_from(
        &mut self,
        called: &str,
        arguments: &[FunctionArg],
        alias: Option<&TableAlias>,
        with_ordinality: bool,
    ) -> Result<String, DialectError> {
        let called = called.strip_prefix("pg_catalog.").unwrap_or(called);
        let mut pieces = Vec::new();
        for argument in arguments {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) = argument else {
                return Err(DialectError::unsupported("this argument of a function in FROM"));
            };
            pieces.push(self.lower(expression)?);
        }
        let mut rows = self.rows_of(called, pieces)?;
        let is_record = called.contains("_to_record");
        if is_record {
            rows.columns = self.record_columns(called, &rows, alias)?;
        }
        if with_ordinality {
            let sql = format!("({ROW}.id_of_row)").replace("id_of_row", ORDINAL);
            rows.columns.push(Field { name: "ordinality".into(), sql, data_type: DataType::Int8 });
        }
        let row = quote_identifier(&self.alias());
        let name = alias.map_or_else(|| called.to_string(), |alias| name::folded(&alias.name));
        if let Some(alias) = alias {
            // The only column of a function is called by the alias, unless the function names it.
            let is_scalar = rows.columns.len() == 1 + usize::from(with_ordinality) && !is_record;
            if let ([first, ..], true) = (rows.columns.as_mut_slice(), is_scalar)
                && first.name == called
            {
                first.name.clone_from(&name);
            }
            if !is_record {
                rename(&mut rows.columns, alias)?;
            }
        }
        // Under this schema the name alone stands for the value, as it does for functions of one.
        let schema = (rows.columns.len() == 1 && !is_record).then(|| FUNCTION_SCHEMA.to_string());
        self.add(Relation { schema, name, row: row.clone(), columns: rows.columns, merged: Vec::new() })?;
        Ok(format!("{} AS {row}", rows.source))
    }

    /// A function that gives rows in a select list: the rows are joined, one value each. `None` when it
    /// is none.
    pub(in crate::dialect) fn set_returning(
        &mut self,
        called: &str,
        pieces: &[Piece],
    ) -> Result<Option<Piece>, DialectError> {
        if !TABLE_FUNCTIONS.iter().any(|function| function.name == called) {
            return Ok(None);
        }
        let refused = |what: &str| {
            Err(DialectError::new("0A000", format!("set-returning functions are not allowed {what}")))
        };
        let Some(sources) = &self.sources else {
            return refused("here").map_err(|error| error.with_hint("Call it in FROM."));
        };
        if !sources.is_empty() {
            return refused("beside another one").map_err(|error| error.with_hint("Call them in FROM."));
        }
        let rows = self.rows_of(called, pieces.to_vec())?;
        let [field] = rows.columns.as_slice() else { return refused("here when they give records") };
        let row = quote_identifier(&self.alias());
        let piece = Piece::Typed(
            if field.sql.contains(ROW) {
                field.sql.replace(ROW, &row)
            } else {
                format!("{row}.{}", field.sql)
            },
            field.data_type.clone(),
        );
        if let Some(sources) = &mut self.sources {
            sources.push(format!("{} AS {row}", rows.source));
        }
        Ok(Some(piece))
    }

    fn rows_of(&mut self, called: &str, pieces: Vec<Piece>) -> Result<Rows, DialectError> {
        self.only_in_queries(called)?;
        let function = TABLE_FUNCTIONS.iter().find(|function| function.name == called);
        let Some(function) = function else {
            let types: Vec<String> = pieces.iter().map(Piece::type_name).collect();
            return Err(DialectError::new(
                "42883",
                format!("function {called}({}) does not exist", types.join(", ")),
            )
            .with_hint("No function of that name gives rows here."));
        };
        (function.lower)(self, pieces)
    }

    /// `AS t(a integer, b text)` over items that are objects.
    fn record_columns(
        &mut self,
        called: &str,
        rows: &Rows,
        alias: Option<&TableAlias>,
    ) -> Result<Vec<Field>, DialectError> {
        let Some(alias) = alias.filter(|alias| !alias.columns.is_empty()) else {
            return Err(DialectError::new(
                "42601",
                "a column definition list is required for functions returning \"record\"",
            ));
        };
        let Some(item) = rows.columns.first() else { return Err(DialectError::unsupported(called)) };
        let mut fields = Vec::new();
        for column in &alias.columns {
            let Some(data_type) = &column.data_type else {
                return Err(DialectError::new(
                    "42601",
                    "a column definition list is required for functions returning \"record\"",
                ));
            };
            let name = name::folded(&column.name);
            let to = named_type(self.catalog, data_type)?;
            let member = Piece::Typed(item.sql.clone(), DataType::Jsonb);
            let sql = self.json_member(member, &name, &to)?;
            fields.push(Field { name, sql, data_type: to });
        }
        Ok(fields)
    }
}

/// What marks the relation of a function whose rows are single values.
pub const FUNCTION_SCHEMA: &str = "pg_catalog";

/// The place of a row of `json_each` over an array, from 1.
const ORDINAL: &str = "key + 1";

fn no_function(name: &str, pieces: &[Piece]) -> DialectError {
    let types: Vec<String> = pieces.iter().map(Piece::type_name).collect();
    DialectError::new("42883", format!("function {name}({}) does not exist", types.join(", "))).with_hint(
        "No function matches the given name and argument types. You might need to add explicit type casts.",
    )
}

fn one_column(name: &str, source: String, sql: &str, data_type: DataType) -> Rows {
    Rows { source, columns: vec![Field { name: name.into(), sql: sql.into(), data_type }] }
}

fn generate_series(lowering: &mut Lowering<'_>, pieces: Vec<Piece>) -> Result<Rows, DialectError> {
    let (first, last, step) = match pieces.as_slice() {
        [first, last] => (first.clone(), last.clone(), None),
        [first, last, step] => (first.clone(), last.clone(), Some(step.clone())),
        _ => return Err(no_function("generate_series", &pieces)),
    };
    let is_time = |piece: &Piece| piece.data_type().is_some_and(|of| family(of).is_time());
    if is_time(&first) || is_time(&last) {
        return series_of_times(lowering, first, last, step, &pieces);
    }
    let types: Vec<&DataType> = pieces.iter().filter_map(Piece::data_type).collect();
    let is_integer = types.iter().all(|of| matches!(family(of), Family::Number(0..=2))) && !types.is_empty();
    if !is_integer {
        return Err(match types.iter().all(|of| family(of).is_number()) && !types.is_empty() {
            true => DialectError::unsupported("generate_series() of anything but integers and timestamps"),
            false => no_function("generate_series", &pieces),
        });
    }
    let data_type = if types.contains(&&DataType::Int8) { DataType::Int8 } else { DataType::Int4 };
    let first = lowering.implicit(first, &data_type)?;
    let last = lowering.implicit(last, &data_type)?;
    let step = step.map_or(Ok("1".to_string()), |step| lowering.implicit(step, &data_type))?;
    let zero = raise("'22023:step size cannot equal zero'");
    let source = format!(
        "json_each((WITH RECURSIVE \"/series\"(value, last, step) AS (\
         SELECT value, last, CASE step WHEN 0 THEN {zero} ELSE step END FROM (SELECT {first} AS value, {last} AS last, {step} AS step) \
         WHERE (step > 0 AND value <= last) OR (step < 0 AND value >= last) OR (step = 0 AND {zero}) \
         UNION ALL SELECT value + step, last, step FROM \"/series\" \
         WHERE (step > 0 AND value + step <= last) OR (step < 0 AND value + step >= last)) \
         SELECT json_group_array(value) FROM \"/series\"))"
    );
    Ok(one_column("generate_series", source, "value", data_type))
}

fn series_of_times(
    lowering: &mut Lowering<'_>,
    first: Piece,
    last: Piece,
    step: Option<Piece>,
    pieces: &[Piece],
) -> Result<Rows, DialectError> {
    let Some(step) = step else { return Err(no_function("generate_series", pieces)) };
    let plain = |piece: &Piece| piece.data_type() == Some(&DataType::Timestamp);
    let data_type = if plain(&first) && (plain(&last) || last.data_type().is_none()) {
        DataType::Timestamp
    } else {
        DataType::Timestamptz
    };
    let first = lowering.implicit(first, &data_type)?;
    let last = lowering.implicit(last, &data_type)?;
    let step = lowering.implicit(step, &DataType::Interval)?;
    let (next, forwards) =
        lowering.stepped(Piece::Typed("\"/series\".value".into(), data_type.clone()), &step)?;
    let compare = if forwards { "<=" } else { ">=" };
    let source = format!(
        "json_each((WITH RECURSIVE \"/series\"(value, last) AS (\
         SELECT value, last FROM (SELECT {first} AS value, {last} AS last) WHERE value {compare} last \
         UNION ALL SELECT {next}, last FROM \"/series\" WHERE {next} {compare} last) \
         SELECT json_group_array(value) FROM \"/series\"))"
    );
    Ok(one_column("generate_series", source, "value", data_type))
}

/// How an element of a stored array is read from its `json_each` row.
fn element_sql(element: &DataType) -> Result<&'static str, DialectError> {
    match element {
        DataType::Numeric(_) | DataType::Json | DataType::Jsonb => {
            Ok("(\u{6}.json -> ('$[' || \u{6}.key || ']'))")
        }
        DataType::Float4 | DataType::Float8 => Ok("CAST(\u{6}.value AS REAL)"),
        DataType::Bytea | DataType::Array(_) => {
            Err(DialectError::unsupported(format!("unnest of {}[]", element.display_name())))
        }
        _ => Ok("value"),
    }
}

fn unnest(lowering: &mut Lowering<'_>, pieces: Vec<Piece>) -> Result<Rows, DialectError> {
    let mut arrays = Vec::new();
    for piece in &pieces {
        let Piece::Typed(sql, DataType::Array(element)) = piece else {
            return Err(no_function("unnest", &pieces));
        };
        arrays.push((sql.clone(), element.as_ref().clone()));
    }
    if let [(array, element)] = arrays.as_slice() {
        return Ok(one_column(
            "unnest",
            format!("json_each({array})"),
            element_sql(element)?,
            element.clone(),
        ));
    }
    // Several arrays side by side: an array of rows as long as the longest.
    let _ = &lowering;
    let mut items = Vec::new();
    let mut columns = Vec::new();
    for (index, (array, element)) in arrays.iter().enumerate() {
        element_sql(element)?;
        let raw = matches!(element, DataType::Numeric(_) | DataType::Json | DataType::Jsonb);
        items.push(match raw {
            true => format!("({array} -> ('$[' || \"/n\".n || ']')) || ''"),
            false => format!("json_extract({array}, '$[' || \"/n\".n || ']')"),
        });
        columns.push(Field {
            name: "unnest".into(),
            sql: format!("json_extract({ROW}.value, '$[{index}]')"),
            data_type: element.clone(),
        });
    }
    let lengths: Vec<String> =
        arrays.iter().map(|(array, _)| format!("coalesce(json_array_length({array}), 0)")).collect();
    let source = format!(
        "json_each((WITH RECURSIVE \"/n\"(n, length) AS (SELECT 0, max({}) UNION ALL SELECT n + 1, length FROM \"/n\" WHERE n + 1 < length) \
         SELECT json_group_array(json_array({})) FROM \"/n\" WHERE length > 0))",
        lengths.join(", "),
        items.join(", ")
    );
    Ok(Rows { source, columns })
}

fn string_to_table(lowering: &mut Lowering<'_>, pieces: Vec<Piece>) -> Result<Rows, DialectError> {
    match lowering.call_by_name("string_to_array", pieces.clone())? {
        Piece::Typed(array, DataType::Array(element)) => {
            Ok(one_column("string_to_table", format!("json_each({array})"), "value", *element))
        }
        _ => Err(no_function("string_to_table", &pieces)),
    }
}

/// The argument, checked to be JSON of a kind; the error's words when it is another.
fn json_of(
    lowering: &mut Lowering<'_>,
    pieces: &[Piece],
    kind: &str,
    otherwise: &str,
) -> Result<String, DialectError> {
    let json = match pieces {
        [Piece::Typed(sql, DataType::Json | DataType::Jsonb)] => sql.clone(),
        [piece @ Piece::Unknown(_)] => lowering.implicit(piece.clone(), &DataType::Jsonb)?,
        [Piece::Null] => "NULL".to_string(),
        _ => return Err(no_function("json function", pieces)),
    };
    let error = raise(&format!("'22023:{otherwise}'"));
    lowering.once(json, |json| {
        format!("CASE WHEN {json} IS NULL OR json_type({json}) = '{kind}' THEN {json} ELSE {error} END")
    })
}

const NO_ELEMENTS: &str = "cannot extract elements from anything but an array";
const NO_OBJECT: &str = "cannot deconstruct anything but an object";

fn array_elements<const BINARY: bool>(
    lowering: &mut Lowering<'_>,
    pieces: Vec<Piece>,
) -> Result<Rows, DialectError> {
    let json = json_of(lowering, &pieces, "array", NO_ELEMENTS)?;
    Ok(one_column("value", format!("json_each({json})"), ITEM, json_type(BINARY)))
}

fn record<const BINARY: bool>(lowering: &mut Lowering<'_>, pieces: Vec<Piece>) -> Result<Rows, DialectError> {
    let json = json_of(lowering, &pieces, "object", NO_OBJECT)?;
    Ok(one_column("value", format!("json_each(json_array(json({json})))"), ITEM, json_type(BINARY)))
}

fn array_elements_text(lowering: &mut Lowering<'_>, pieces: Vec<Piece>) -> Result<Rows, DialectError> {
    let json = json_of(lowering, &pieces, "array", NO_ELEMENTS)?;
    let sql = lowering.json_text(ITEM.to_string(), &DataType::Jsonb)?;
    Ok(one_column("value", format!("json_each({json})"), &sql, DataType::Text))
}

fn each<const BINARY: bool>(lowering: &mut Lowering<'_>, pieces: Vec<Piece>) -> Result<Rows, DialectError> {
    let json = json_of(lowering, &pieces, "object", NO_OBJECT)?;
    let key = Field { name: "key".into(), sql: "key".into(), data_type: DataType::Text };
    let value = Field { name: "value".into(), sql: ITEM.into(), data_type: json_type(BINARY) };
    Ok(Rows { source: format!("json_each({json})"), columns: vec![key, value] })
}

fn each_text(lowering: &mut Lowering<'_>, pieces: Vec<Piece>) -> Result<Rows, DialectError> {
    let json = json_of(lowering, &pieces, "object", NO_OBJECT)?;
    let key = Field { name: "key".into(), sql: "key".into(), data_type: DataType::Text };
    let sql = lowering.json_text(ITEM.to_string(), &DataType::Jsonb)?;
    let value = Field { name: "value".into(), sql, data_type: DataType::Text };
    Ok(Rows { source: format!("json_each({json})"), columns: vec![key, value] })
}

fn object_keys(lowering: &mut Lowering<'_>, pieces: Vec<Piece>) -> Result<Rows, DialectError> {
    let json = json_of(lowering, &pieces, "object", NO_OBJECT)?;
    Ok(one_column("jsonb_object_keys", format!("json_each({json})"), "key", DataType::Text))
}

fn json_type(is_binary: bool) -> DataType {
    if is_binary { DataType::Jsonb } else { DataType::Json }
}
