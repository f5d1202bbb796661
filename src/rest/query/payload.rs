//! The rows of a body as parameters.

use crate::rest::plan::Cell;

/// Bytes of rows in one parameter; D1 takes no value over 2 MB.
const LARGEST_PARAMETER: usize = 1_000_000;

/// The rows as JSON arrays of cells, in parameters of bounded size: a value is a string, NULL is
/// null, and `[]` asks for the default.
pub fn chunks(rows: &[Vec<Cell>]) -> Vec<(String, usize)> {
    let mut chunks = vec![(String::from("["), 0)];
    for row in rows {
        let cells: Vec<serde_json::Value> = row
            .iter()
            .map(|cell| match cell {
                Cell::Null => serde_json::Value::Null,
                Cell::Default => serde_json::Value::Array(Vec::new()),
                Cell::Value(value) => serde_json::Value::from(value.as_str()),
            })
            .collect();
        let text = serde_json::Value::Array(cells).to_string();
        if chunks
            .last()
            .is_some_and(|(chunk, _)| chunk.len() > 1 && chunk.len() + text.len() > LARGEST_PARAMETER)
        {
            chunks.push((String::from("["), 0));
        }
        if let Some((chunk, count)) = chunks.last_mut() {
            *count += 1;
            if chunk.len() > 1 {
                chunk.push(',');
            }
            chunk.push_str(&text);
        }
    }
    for (chunk, _) in &mut chunks {
        chunk.push(']');
    }
    chunks
}
