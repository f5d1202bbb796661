//! The functions whose result or form depends on their arguments: a row each, with what lowers them.

use sqlparser::ast::BinaryOperator;

use super::call::{in_calls, split_json};
use super::lowering::Lowering;
use super::piece::Piece;
use super::{array_function, bytes, json_function, number_function, text_function};
use crate::dialect::DialectError;
use crate::schema::{DataType, json_value};

/// A function lowered by code.
pub struct Special {
    /// Its name.
    pub name: &'static str,
    /// Its arguments, for people.
    pub arguments: &'static str,
    /// Its result, for people.
    pub result: &'static str,
    /// Its SQL; `None` when it does not take such arguments.
    pub(super) lower: Lower,
}

/// From the name and the arguments to the call's SQL and type.
type Lower = fn(&mut Lowering<'_>, &str, &[Piece]) -> Result<Option<Piece>, DialectError>;

/// The functions lowered by code.
#[rustfmt::skip]
pub const SPECIALS: &[Special] = &[
    Special { name: "coalesce",                arguments: "any, …",                                    result: "any",           lower: coalesce },
    Special { name: "nullif",                  arguments: "any, any",                                  result: "any",           lower: nullif },
    Special { name: "greatest",                arguments: "any, …",                                    result: "any",           lower: extreme },
    Special { name: "least",                   arguments: "any, …",                                    result: "any",           lower: extreme },
    Special { name: "current_setting",         arguments: "text [, boolean]",                          result: "text",          lower: current_setting },
    Special { name: "storage.allow_only_operation", arguments: "text",                            result: "boolean",       lower: allow_only_operation },
    Special { name: "storage.allow_any_operation", arguments: "text[]",                           result: "boolean",       lower: allow_any_operation },
    Special { name: "concat",                  arguments: "any, …",                                    result: "text",          lower: text_function::concat },
    Special { name: "concat_ws",               arguments: "text, any, …",                              result: "text",          lower: text_function::concat_ws },
    Special { name: "format",                  arguments: "text, any, …",                              result: "text",          lower: text_function::format },
    Special { name: "left",                    arguments: "text, integer",                             result: "text",          lower: text_function::template },
    Special { name: "right",                   arguments: "text, integer",                             result: "text",          lower: text_function::template },
    Special { name: "substr",                  arguments: "text, integer [, integer]",                 result: "text",          lower: text_function::substring },
    Special { name: "substring",               arguments: "text, integer [, integer]",                 result: "text",          lower: text_function::substring },
    Special { name: "lpad",                    arguments: "text, integer [, text]",                    result: "text",          lower: text_function::template },
    Special { name: "rpad",                    arguments: "text, integer [, text]",                    result: "text",          lower: text_function::template },
    Special { name: "repeat",                  arguments: "text, integer",                             result: "text",          lower: text_function::template },
    Special { name: "reverse",                 arguments: "text",                                      result: "text",          lower: text_function::template },
    Special { name: "initcap",                 arguments: "text",                                      result: "text",          lower: text_function::template },
    Special { name: "translate",               arguments: "text, text, text",                          result: "text",          lower: text_function::template },
    Special { name: "overlay",                 arguments: "text, text, integer [, integer]",           result: "text",          lower: text_function::template },
    Special { name: "chr",                     arguments: "integer",                                   result: "text",          lower: text_function::template },
    Special { name: "quote_literal",           arguments: "any",                                       result: "text",          lower: text_function::template },
    Special { name: "quote_nullable",          arguments: "any",                                       result: "text",          lower: text_function::template },
    Special { name: "split_part",              arguments: "text, text, integer",                       result: "text",          lower: text_function::split_part },
    Special { name: "string_to_array",         arguments: "text, text [, text]",                       result: "text[]",        lower: text_function::string_to_array },
    Special { name: "regexp_replace",          arguments: "text, text, text [, text]",                 result: "text",          lower: text_function::regexp_replace },
    Special { name: "regexp_split_to_array",   arguments: "text, text",                                result: "text[]",        lower: text_function::regexp_split_to_array },
    Special { name: "md5",                     arguments: "text",                                      result: "text",          lower: super::md5::md5 },
    Special { name: "encode",                  arguments: "bytea, text",                               result: "text",          lower: bytes::encode },
    Special { name: "decode",                  arguments: "text, text",                                result: "bytea",         lower: bytes::decode },
    Special { name: "gen_random_bytes",        arguments: "integer",                                   result: "bytea",         lower: bytes::random },
    Special { name: "timezone",                arguments: "text, timestamp",                           result: "timestamp",     lower: timezone },
    Special { name: "date_trunc",              arguments: "text, timestamp [, text]",                  result: "timestamp",     lower: date_trunc },
    Special { name: "date_part",               arguments: "text, timestamp",                           result: "double precision", lower: date_part },
    Special { name: "age",                     arguments: "timestamp [, timestamp]",                   result: "interval",      lower: age },
    Special { name: "to_timestamp",            arguments: "double precision",                          result: "timestamp with time zone", lower: to_timestamp },
    Special { name: "make_date",               arguments: "integer, integer, integer",                 result: "date",          lower: make_date },
    Special { name: "date",                    arguments: "timestamp",                                 result: "date",          lower: date },
    Special { name: "to_char",                 arguments: "timestamp or number, text",                 result: "text",          lower: super::to_char::to_char },
    Special { name: "round",                   arguments: "numeric [, integer]",                       result: "numeric",       lower: number_function::rounded },
    Special { name: "trunc",                   arguments: "numeric [, integer]",                       result: "numeric",       lower: number_function::rounded },
    Special { name: "floor",                   arguments: "numeric",                                   result: "numeric",       lower: number_function::rounded },
    Special { name: "ceil",                    arguments: "numeric",                                   result: "numeric",       lower: number_function::rounded },
    Special { name: "ceiling",                 arguments: "numeric",                                   result: "numeric",       lower: number_function::rounded },
    Special { name: "sign",                    arguments: "numeric",                                   result: "numeric",       lower: number_function::sign },
    Special { name: "mod",                     arguments: "numeric, numeric",                          result: "numeric",       lower: number_function::modulo },
    Special { name: "div",                     arguments: "numeric, numeric",                          result: "numeric",       lower: number_function::div },
    Special { name: "array_length",            arguments: "anyarray, integer",                         result: "integer",       lower: array_function::array_length },
    Special { name: "array_upper",             arguments: "anyarray, integer",                         result: "integer",       lower: array_function::array_length },
    Special { name: "cardinality",             arguments: "anyarray",                                  result: "integer",       lower: array_function::cardinality },
    Special { name: "array_append",            arguments: "anyarray, anyelement",                      result: "anyarray",      lower: array_function::array_append },
    Special { name: "array_prepend",           arguments: "anyelement, anyarray",                      result: "anyarray",      lower: array_function::array_prepend },
    Special { name: "array_cat",               arguments: "anyarray, anyarray",                        result: "anyarray",      lower: array_function::array_cat },
    Special { name: "array_remove",            arguments: "anyarray, anyelement",                      result: "anyarray",      lower: array_function::array_remove },
    Special { name: "array_replace",           arguments: "anyarray, anyelement, anyelement",          result: "anyarray",      lower: array_function::array_replace },
    Special { name: "array_position",          arguments: "anyarray, anyelement",                      result: "integer",       lower: array_function::array_position },
    Special { name: "array_to_string",         arguments: "anyarray, text [, text]",                   result: "text",          lower: array_function::array_to_string },
    Special { name: "to_json",                 arguments: "any",                                       result: "json",          lower: to_json },
    Special { name: "to_jsonb",                arguments: "any",                                       result: "jsonb",         lower: to_json },
    Special { name: "row_to_json",             arguments: "record",                                    result: "json",          lower: to_json },
    Special { name: "array_to_json",           arguments: "anyarray",                                  result: "json",          lower: to_json },
    Special { name: "json_build_object",       arguments: "any, …",                                    result: "json",          lower: json_function::build_object },
    Special { name: "jsonb_build_object",      arguments: "any, …",                                    result: "jsonb",         lower: json_function::build_object },
    Special { name: "json_build_array",        arguments: "any, …",                                    result: "json",          lower: json_function::build_array },
    Special { name: "jsonb_build_array",       arguments: "any, …",                                    result: "jsonb",         lower: json_function::build_array },
    Special { name: "jsonb_set",               arguments: "jsonb, text[], jsonb [, boolean]",          result: "jsonb",         lower: json_function::set },
    Special { name: "jsonb_strip_nulls",       arguments: "jsonb",                                     result: "jsonb",         lower: json_function::strip_nulls },
    Special { name: "jsonb_extract_path",      arguments: "jsonb, text, …",                            result: "jsonb",         lower: json_function::extract_path },
    Special { name: "json_extract_path",       arguments: "json, text, …",                             result: "json",          lower: json_function::extract_path },
    Special { name: "jsonb_extract_path_text", arguments: "jsonb, text, …",                            result: "text",          lower: json_function::extract_path },
    Special { name: "json_extract_path_text",  arguments: "json, text, …",                             result: "text",          lower: json_function::extract_path },
];

/// `storage.object.upload` and `object.upload` are the same operation.
fn without_prefix(operation: &str) -> String {
    format!(
        "CASE WHEN substr({operation}, 1, 8) = 'storage.' THEN substr({operation}, 9) ELSE {operation} END"
    )
}

fn allow_only_operation(
    lowering: &mut Lowering<'_>,
    name: &str,
    pieces: &[Piece],
) -> Result<Option<Piece>, DialectError> {
    let [expected] = pieces else { return Ok(None) };
    let operation = operation(lowering, name)?;
    let expected = lowering.implicit(expected.clone(), &DataType::Text)?;
    let same = lowering.once(expected, |expected| {
        format!("(coalesce({expected} <> '' AND {operation} = {}, 0))", without_prefix(expected))
    })?;
    Ok(Some(Piece::Typed(same, DataType::Bool)))
}

fn allow_any_operation(
    lowering: &mut Lowering<'_>,
    name: &str,
    pieces: &[Piece],
) -> Result<Option<Piece>, DialectError> {
    let [expected] = pieces else { return Ok(None) };
    let operation = operation(lowering, name)?;
    let texts = DataType::from("text[]".to_string());
    let expected = lowering.implicit(expected.clone(), &texts)?;
    let row = crate::sql::quote_identifier(&lowering.alias());
    let value = without_prefix(&format!("{row}.value"));
    let sql = format!(
        "EXISTS (SELECT 1 FROM json_each({expected}) AS {row} WHERE {row}.value <> '' AND {operation} = {value})"
    );
    Ok(Some(Piece::Typed(sql, DataType::Bool)))
}

/// What the Storage API does, without the prefix.
fn operation(lowering: &mut Lowering<'_>, name: &str) -> Result<String, DialectError> {
    match lowering.call_by_name("storage.operation", Vec::new())? {
        Piece::Typed(operation, _) => Ok(format!("({})", without_prefix(&operation))),
        Piece::Null | Piece::Unknown(_) => Err(DialectError::unsupported(format!("{name}() here"))),
    }
}

fn coalesce(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
    if pieces.is_empty() {
        return Ok(None);
    }
    let (sql, data_type) = lowering.unify("COALESCE", pieces.to_vec())?;
    Ok(Some(Piece::Typed(in_calls("coalesce", &sql), data_type)))
}

fn nullif(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
    let [one, other] = pieces else { return Ok(None) };
    let (sql, data_type) = match (one, other.data_type()) {
        // An untyped literal is what it is compared with.
        (Piece::Unknown(_), Some(of)) => (lowering.implicit(one.clone(), of)?, of.clone()),
        (one, _) => one.clone().resolved(lowering.catalog)?,
    };
    if sql == "NULL" {
        // Postgres does not look at the other when the planner sees that there is no value.
        return Ok(Some(Piece::Typed(sql, data_type)));
    }
    let of = data_type.clone();
    let row = crate::sql::quote_identifier(&lowering.alias());
    let is_long = sql.len() > 64 || sql.contains('(');
    let may_nest = lowering.place == super::Place::Query && !lowering.must_repeat(&sql);
    let (name, outer) = match is_long && may_nest {
        true => {
            (format!("{row}.value"), Some(("(SELECT ", format!(" FROM (SELECT {sql} AS value) AS {row})"))))
        }
        false => (sql.clone(), None),
    };
    let equal = lowering.compare(Piece::Typed(name.clone(), of), &BinaryOperator::Eq, other.clone());
    let body = format!("CASE WHEN {} THEN NULL ELSE {name} END", equal?);
    let sql = match outer {
        Some((before, after)) => format!("{before}{body}{after}"),
        None => body,
    };
    Ok(Some(Piece::Typed(sql, data_type)))
}

fn extreme(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
    if pieces.is_empty() {
        return Ok(None);
    }
    lowering.extreme(name, pieces.to_vec()).map(Some)
}

fn current_setting(
    lowering: &mut Lowering<'_>,
    _: &str,
    pieces: &[Piece],
) -> Result<Option<Piece>, DialectError> {
    let [setting, rest @ ..] = pieces else { return Ok(None) };
    let may_be_missing =
        matches!(rest, [Piece::Typed(sql, DataType::Bool)] if matches!(sql.as_str(), "1" | "TRUE"));
    lowering.current_setting(setting, may_be_missing).map(Some)
}

fn timezone(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
    let [zone, at] = pieces else { return Ok(None) };
    lowering.in_time_zone(zone.clone(), at.clone()).map(Some)
}

fn date_trunc(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
    match pieces {
        [field, at] => lowering.date_trunc(field.clone(), at.clone()).map(Some),
        [field, at, Piece::Unknown(zone)] if matches!(zone.to_lowercase().as_str(), "utc" | "gmt") => {
            lowering.date_trunc(field.clone(), at.clone()).map(Some)
        }
        [_, _, _] => Err(DialectError::unsupported("a time zone other than 'UTC'")),
        _ => Ok(None),
    }
}

fn age(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
    let is_time = |piece: &Piece| piece.data_type().is_none_or(|of| super::family(of).is_time());
    match pieces {
        [earlier] if is_time(earlier) && earlier.data_type().is_some() => {
            lowering.not_stored("age()")?;
            let today = Piece::Typed("date('now')".to_string(), DataType::Date);
            lowering.age(today, earlier.clone()).map(Some)
        }
        [later, earlier] if is_time(later) && is_time(earlier) => {
            lowering.age(later.clone(), earlier.clone()).map(Some)
        }
        _ => Ok(None),
    }
}

fn to_timestamp(
    lowering: &mut Lowering<'_>,
    _: &str,
    pieces: &[Piece],
) -> Result<Option<Piece>, DialectError> {
    match pieces {
        [seconds] if seconds.data_type().is_some_and(|of| super::family(of).is_number()) => {
            let seconds = lowering.implicit(seconds.clone(), &DataType::Float8)?;
            lowering.timestamp_of_epoch(seconds).map(Some)
        }
        [_, _] => Err(DialectError::unsupported("to_timestamp() with a pattern")
            .with_hint("Text of ISO 8601 can be cast: text::timestamptz.")),
        _ => Ok(None),
    }
}

fn make_date(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
    let [_, _, _] = pieces else { return Ok(None) };
    let mut parts = Vec::new();
    for piece in pieces {
        parts.push(lowering.implicit(piece.clone(), &DataType::Int4)?);
    }
    let error = crate::sql::raise("'22008:date field value out of range'");
    let sql = lowering.bound(parts, |names| match names {
        [year, month, day] => {
            let text = format!("printf('%04d-%02d-%02d', {year}, {month}, {day})");
            format!(
                "CASE WHEN {year} IS NULL OR {month} IS NULL OR {day} IS NULL THEN NULL WHEN {year} BETWEEN 1 AND 9999 AND date({text}) = {text} THEN {text} ELSE {error} END"
            )
        }
        _ => String::new(),
    })?;
    Ok(Some(Piece::Typed(sql, DataType::Date)))
}

fn date(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
    let [piece] = pieces else { return Ok(None) };
    if !piece.data_type().is_none_or(|of| super::family(of).is_time()) {
        return Ok(None);
    }
    let sql = lowering
        .implicit(piece.clone(), &DataType::Date)
        .or_else(|_| lowering.assign(piece.clone(), &DataType::Date))?;
    Ok(Some(Piece::Typed(sql, DataType::Date)))
}

fn date_part(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
    let [Piece::Unknown(field), at] = pieces else { return Ok(None) };
    let sql = lowering.extract_field(&field.to_lowercase(), at.clone())?.into_sql(lowering.catalog)?;
    Ok(Some(Piece::Typed(format!("CAST({sql} AS REAL)"), DataType::Float8)))
}

fn to_json(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
    let [value] = pieces else { return Ok(None) };
    let Piece::Typed(sql, data_type) = value.clone() else {
        let message = "could not determine polymorphic type because input has type unknown";
        return Err(DialectError::new("42804", message));
    };
    let to = if name == "to_jsonb" { DataType::Jsonb } else { DataType::Json };
    let is_array = matches!(data_type, DataType::Array(_));
    match (name, &data_type) {
        ("row_to_json", DataType::Json) => return Ok(Some(Piece::Typed(sql, to))),
        ("row_to_json", _) => return Ok(None),
        ("array_to_json", _) if !is_array => return Ok(None),
        (_, DataType::Json | DataType::Jsonb) => return Ok(Some(Piece::Typed(sql, to))),
        _ => {}
    }
    let json = |value: &str| json_value(&data_type, value);
    // `to_json(NULL)` is NULL.
    let sql = lowering
        .once(sql, |value| format!("CASE WHEN {value} IS NOT NULL THEN json_quote({}) END", json(value)))?;
    Ok(Some(Piece::Typed(sql, to)))
}

/// Text split at a literal of punctuation, as JSON; for places that hold no query.
pub fn split_in_place(text: &str, separator: &Piece) -> Result<String, DialectError> {
    split_json(text, separator)
}
