//! The rows of a body as parameters.

use serde::{Serialize, Serializer};

use crate::rest::error::RestError;
use crate::rest::plan::Cell;

/// Bytes of rows in one parameter; D1 takes no value over 2 MB.
const LARGEST_PARAMETER: usize = 1_000_000;

/// The rows as JSON arrays of cells, in parameters of bounded size, each with how many there are in it: a value is a string,
/// NULL is null, and `[]` asks for the default.
pub fn chunks(rows: &[Vec<Cell>]) -> Result<Vec<(String, usize)>, RestError> {
    let mut chunks = Vec::new();
    let (mut chunk, mut count) = (String::from("["), 0);
    for row in rows {
        let text = serde_json::to_string(row).map_err(|error| RestError::Internal(error.to_string()))?;
        if count > 0 && chunk.len() + text.len() > LARGEST_PARAMETER {
            chunk.push(']');
            chunks.push((std::mem::replace(&mut chunk, String::from("[")), count));
            count = 0;
        }
        if count > 0 {
            chunk.push(',');
        }
        chunk.push_str(&text);
        count += 1;
    }
    chunk.push(']');
    chunks.push((chunk, count));
    Ok(chunks)
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null | Self::Kept { .. } => serializer.serialize_none(),
            Self::Default => serializer.collect_seq::<[(); 0]>([]),
            Self::Value(text) => serializer.serialize_str(text),
        }
    }
}
