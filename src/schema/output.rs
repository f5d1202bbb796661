//! How each type goes out: a SQL expression whose value inside `json_object` is what Postgres'
//! `to_json` prints.

use super::DataType;
use crate::sql::raise;
use crate::text_search::vector_of;

/// The JSON of a value in its stored form, as an argument of `json_object` or `json_array`.
#[rustfmt::skip]
pub fn json_value(data_type: &DataType, sql: &str) -> String {
    match data_type {
        DataType::Bool                                         => format!("json(CASE {sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)"),
        DataType::Numeric(_)                                   => format!("json(CASE {sql} WHEN 'NaN' THEN '\"NaN\"' ELSE {sql} END)"),
        DataType::Float4 | DataType::Float8                    => format!("json({})", shortest_digits(sql)),
        DataType::Json | DataType::Jsonb | DataType::Array(_)  => format!("json({sql})"),
        DataType::Tsvector                                     => vector_of(sql, None),
        DataType::Tsquery                                      => raise("'0A000:a tsquery as a result is not supported'"),
        DataType::Geometry(of) if of.is_geography              => format!("{sql} ->> '$[0]'"),
        DataType::Geometry(_)                                  => format!("json({sql} -> '$[1]')"),
        DataType::Bytea                                        => format!("CASE WHEN {sql} IS NOT NULL THEN '\\x' || lower(hex({sql})) END"),
        _                                                      => sql.to_string(),
    }
}

/// The GeoJSON that a feature has of a stored geometry, as text.
pub fn feature_geometry(sql: &str) -> String {
    format!("coalesce(nullif({sql} -> '$[2]', 'null'), {sql} -> '$[1]')")
}

/// The fewest digits that read back as the same double; SQLite itself stops at 15.
fn shortest_digits(sql: &str) -> String {
    format!(
        "CASE {sql} WHEN 9e999 THEN '\"Infinity\"' WHEN -9e999 THEN '\"-Infinity\"' \
         WHEN CAST(printf('%.15g', {sql}) AS REAL) THEN printf('%.15g', {sql}) \
         WHEN CAST(printf('%!.16g', {sql}) AS REAL) THEN printf('%!.16g', {sql}) \
         ELSE CASE WHEN {sql} IS NOT NULL THEN printf('%!.17g', {sql}) END END"
    )
}
