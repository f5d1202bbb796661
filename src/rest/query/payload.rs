//! The rows of a body as parameters.

use crate::rest::error::RestError;
use crate::rest::plan::Cell;
use crate::schema::Stored;

/// Bytes of rows in one parameter; D1 takes no value over 2 MB.
const LARGEST_PARAMETER: usize = 1_000_000;

/// The rows as JSON arrays of cells, in parameters of bounded size, each with how many there are in it: a value is a string,
/// NULL is null, and `[]` asks for the default.
pub fn chunks<'a, 'r: 'a>(
    rows: impl Iterator<Item = &'a [Cell<'r>]>,
) -> Result<Vec<(String, usize)>, RestError> {
    let failed = |error: &dyn std::fmt::Display| RestError::Internal(error.to_string());
    let mut chunks = Vec::new();
    let (mut chunk, mut count) = (vec![b'['], 0);
    for row in rows {
        let before = chunk.len();
        if count > 0 {
            chunk.push(b',');
        }
        let start = chunk.len();
        write_row(&mut chunk, row).map_err(|error| failed(&error))?;
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

fn write_row(chunk: &mut Vec<u8>, row: &[Cell<'_>]) -> serde_json::Result<()> {
    chunk.push(b'[');
    for (place, cell) in row.iter().enumerate() {
        if place > 0 {
            chunk.push(b',');
        }
        match cell {
            Cell::Null | Cell::Kept(_) => chunk.extend_from_slice(b"null"),
            Cell::Default => chunk.extend_from_slice(b"[]"),
            Cell::Value(Stored::Plain(text)) => {
                chunk.push(b'"');
                chunk.extend_from_slice(text.as_bytes());
                chunk.push(b'"');
            }
            Cell::Value(Stored::Text(text)) => serde_json::to_writer(&mut *chunk, text)?,
        }
    }
    chunk.push(b']');
    Ok(())
}
