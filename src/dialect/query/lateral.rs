//! LATERAL: SQLite's FROM has no correlated queries, but its table-valued functions take correlated
//! arguments. So the rows of a lateral query travel as one JSON array into `json_each`.

use super::LoweredQuery;
use crate::dialect::expression::{Field, ROW};
use crate::schema::{DataType, Storage};

/// The `json_each(…)` that gives the query's rows, and how its columns are read there.
pub fn rows(lowered: &LoweredQuery) -> (String, Vec<Field>) {
    let mut items = Vec::new();
    let mut fields = Vec::new();
    for (index, (name, data_type)) in lowered.columns.iter().enumerate() {
        items.push(packed(&lowered.column_sql(index, "lateral"), data_type));
        let sql = unpacked(&format!("json_extract({ROW}.value, '$[{index}]')"), data_type);
        fields.push(Field { name: name.clone(), sql, data_type: data_type.clone() });
    }
    // A function takes 32 arguments on D1.
    let chunks: Vec<String> = items
        .chunks(30)
        .map(|chunk| {
            let array = format!("json_array({})", chunk.join(", "));
            format!("substr({array}, 2, length({array}) - 2)")
        })
        .collect();
    let row = match items.len() {
        0..=30 => format!("json_array({})", items.join(", ")),
        _ => format!("json('[' || concat_ws(',', {}) || ']')", chunks.join(", ")),
    };
    (format!("json_each((SELECT json_group_array({row}) FROM ({}) AS \"/lateral\"))", lowered.sql), fields)
}

/// A value that comes out of JSON as it went in.
fn packed(sql: &str, data_type: &DataType) -> String {
    match (data_type.storage(), data_type) {
        (Storage::Real, _) => format!(
            "CASE {sql} WHEN 9e999 THEN '9e999' WHEN -9e999 THEN '-9e999' ELSE CASE WHEN {sql} IS NOT NULL THEN printf('%!.17g', {sql}) END END"
        ),
        (Storage::Blob, _) => format!("CASE WHEN {sql} IS NOT NULL THEN hex({sql}) END"),
        // Concatenation makes plain text of JSON, which would otherwise become a part of the array.
        (_, DataType::Json | DataType::Jsonb | DataType::Array(_)) => format!("({sql} || '')"),
        _ => sql.to_string(),
    }
}

fn unpacked(sql: &str, data_type: &DataType) -> String {
    match data_type.storage() {
        Storage::Real => format!("CAST({sql} AS REAL)"),
        Storage::Blob => format!("unhex({sql})"),
        _ => sql.to_string(),
    }
}
