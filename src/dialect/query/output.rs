//! Rows on their way out: one JSON object each, with every value as Postgres' `to_json` prints it.

use super::LoweredQuery;
use crate::schema::{DataType, json_value};
use crate::sql::quote_literal;

/// Pairs for each call: SQLite's functions take 32 arguments on D1.
const PAIRS: usize = 15;

/// The object of a row of a query under the alias `answer`.
pub fn row_object(query: &LoweredQuery) -> String {
    let pair = |(index, (name, data_type)): (usize, &(String, DataType))| {
        (name.clone(), query.column_sql(index, "answer"), data_type.clone())
    };
    json_object(query.columns.iter().enumerate().map(pair))
}

/// The JSON object of names, expressions and their types.
pub fn json_object(pairs: impl Iterator<Item = (String, String, DataType)>) -> String {
    let pairs: Vec<(String, String)> =
        pairs.map(|(name, sql, data_type)| (name, json_value(&data_type, &sql))).collect();
    if pairs.len() <= PAIRS {
        let arguments: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{}, {value}", quote_literal(name))).collect();
        return format!("json_object({})", arguments.join(", "));
    }
    let mut comma = "";
    let mut parts = Vec::new();
    for (name, value) in &pairs {
        let key = format!("{comma}{}:", serde_json::Value::from(name.as_str()));
        parts.push(format!("{}, json_quote({value})", quote_literal(&key)));
        comma = ",";
    }
    let chunks: Vec<String> =
        parts.chunks(PAIRS).map(|chunk| format!("concat({})", chunk.join(", "))).collect();
    format!("('{{' || {} || '}}')", chunks.join(" || "))
}
