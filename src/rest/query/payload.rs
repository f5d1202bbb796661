//! The rows of a body as parameters.

use serde::{Serialize, Serializer};

use crate::rest::error::RestError;
use crate::rest::plan::Cell;

/// Bytes of rows in one parameter; D1 takes no value over 2 MB.
const LARGEST_PARAMETER: usize = 1_000_000;

/// The rows as JSON arrays of cells, in parameters of bounded size, each with how many there are in it: a value is a string,
/// NULL is null, and `[]` asks for the default.
pub fn chunks(rows: &[Vec<Cell>]) -> Result<Vec<(String, usize)>, RestError> {
    let failed = |error: &dyn std::fmt::Display| RestError::Internal(error.to_string());
    let mut chunks = Vec::new();
    let (mut chunk, mut count) = (vec![b'['], 0);
    for row in rows {
        let before = chunk.len();
        if count > 0 {
            chunk.push(b',');
        }
        let start = chunk.len();
        serde_json::to_writer(&mut chunk, row).map_err(|error| failed(&error))?;
        count += 1;
        if count > 1 && chunk.len() > LARGEST_PARAMETER {
            let next = [b"[", chunk.get(start..).unwrap_or_default()].concat();
            chunk.truncate(before);
            chunks.push((std::mem::replace(&mut chunk, next), count - 1));
            count = 1;
        }
    }
    chunks.push((chunk, count));
    let closed = |(mut chunk, count): (Vec<u8>, usize)| {
        chunk.push(b']');
        String::from_utf8(chunk).map(|text| (text, count)).map_err(|error| failed(&error))
    };
    chunks.into_iter().map(closed).collect()
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
