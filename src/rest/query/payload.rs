//! The rows of a body as parameters.

use crate::rest::error::RestError;
use crate::rest::plan::Cell;
use crate::schema::Stored;

/// Bytes of rows in one parameter; D1 takes no value over 2 MB.
const LARGEST_PARAMETER: usize = 1_000_000;

/// The rows as JSON arrays of cells, or texts of such, in parameters of bounded size, each with how many there are in it: a
/// value is a string, NULL is null, and `[]` asks for the default.
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
    let start = chunk.len();
    if write_text(chunk, row).is_some() {
        return Ok(());
    }
    chunk.truncate(start);
    write_array(chunk, row)
}

/// `"['Water the plants',null,'2']"`: `json_each` would make this text of an array, for `->>` to read it again; a tenth of
/// what it takes to insert a row is saved. In these quotes, which SQLite takes from JSON5, most values need no escapes in
/// the two texts around them. `None` where one does.
fn write_text(chunk: &mut Vec<u8>, row: &[Cell<'_>]) -> Option<()> {
    chunk.extend_from_slice(b"\"[");
    for (place, cell) in row.iter().enumerate() {
        if place > 0 {
            chunk.push(b',');
        }
        match cell {
            Cell::Null | Cell::Kept(_) => chunk.extend_from_slice(b"null"),
            Cell::Default => chunk.extend_from_slice(b"[]"),
            Cell::Value(value) if needs_no_escapes(value) => {
                chunk.push(b'\'');
                chunk.extend_from_slice(value.as_str().as_bytes());
                chunk.push(b'\'');
            }
            Cell::Value(_) => return None,
        }
    }
    chunk.extend_from_slice(b"]\"");
    Some(())
}

/// Neither between those quotes nor between a JSON string's.
fn needs_no_escapes(value: &Stored<'_>) -> bool {
    match value {
        Stored::Plain(text) => !text.as_bytes().contains(&b'\''),
        Stored::Text(text) => text.bytes().all(|byte| byte >= b' ' && !matches!(byte, b'\'' | b'"' | b'\\')),
    }
}

fn write_array(chunk: &mut Vec<u8>, row: &[Cell<'_>]) -> serde_json::Result<()> {
    chunk.push(b'[');
    for (place, cell) in row.iter().enumerate() {
        if place > 0 {
            chunk.push(b',');
        }
        match cell {
            Cell::Null | Cell::Kept(_) => chunk.extend_from_slice(b"null"),
            Cell::Default => chunk.extend_from_slice(b"[]"),
            Cell::Value(value) => serde_json::to_writer(&mut *chunk, value.as_str())?,
        }
    }
    chunk.push(b']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_texts_where_nothing_in_them_needs_an_escape() {
        let plain = |text| Cell::Value(Stored::Plain(text));
        let text = |text: &str| Cell::Value(Stored::Text(text.to_string()));
        let rows = [
            (vec![plain("Water"), Cell::Null, Cell::Default, plain("2")], r#"["['Water',null,[],'2']"]"#),
            (vec![plain("don't"), plain("2")], r#"[["don't","2"]]"#),
            (vec![plain("2"), text("2026-12-24")], r#"["['2','2026-12-24']"]"#),
            (vec![plain("2"), text("two\nlines")], r#"[["2","two\nlines"]]"#),
            (vec![plain("2"), text("say \"so\"")], r#"[["2","say \"so\""]]"#),
            (vec![], r#"["[]"]"#),
        ];
        for (row, expected) in rows {
            assert_eq!(chunks(std::iter::once(row.as_slice())).unwrap(), [(expected.to_string(), 1)]);
        }
    }
}
