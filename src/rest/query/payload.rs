//! The rows of a body as parameters.

use crate::rest::error::RestError;
use crate::rest::plan::{Cell, Row};

/// Bytes of rows in one parameter; D1 takes no value over 2 MB.
const LARGEST_PARAMETER: usize = 1_000_000;

/// The rows as JSON arrays of cells, or texts of such, in parameters of bounded size, each with how many there are in it: a
/// value is a string, NULL is null, and `[]` asks for the default.
pub fn chunks<'a>(rows: impl Iterator<Item = Row<'a>>) -> Result<Vec<(String, usize)>, RestError> {
    let failed = |error: &dyn std::fmt::Display| RestError::Internal(error.to_string());
    let mut chunks = Vec::new();
    // Bytes: to push one is cheaper than a character.
    let (mut chunk, mut count) = (vec![b'['], 0);
    for row in rows {
        let before = chunk.len();
        if count > 0 {
            chunk.push(b',');
        }
        let start = chunk.len();
        if write_text(&mut chunk, row).is_none() {
            chunk.truncate(start);
            write_array(&mut chunk, row).map_err(|error| failed(&error))?;
        }
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

/// `"['Water the plants',null,'2']"`: `json_each` would make this text of an array, for `->>` to read it again; a tenth of
/// what it takes to insert a row is saved. In these quotes, which SQLite takes from JSON5, most values need no escapes in
/// the two texts around them. `None` where one does.
fn write_text(chunk: &mut Vec<u8>, row: Row<'_>) -> Option<()> {
    chunk.push(b'"');
    chunk.push(b'[');
    for (place, cell) in row.iter().enumerate() {
        if place > 0 {
            chunk.push(b',');
        }
        match cell {
            Cell::Null | Cell::Kept(_) => chunk.extend_from_slice(b"null"),
            Cell::Default => chunk.extend_from_slice(b"[]"),
            Cell::Plain(text) if row.may_have_apostrophes() && text.contains('\'') => return None,
            Cell::Text(text) if needs_escapes(text) => return None,
            Cell::Plain(text) | Cell::Text(text) => {
                chunk.push(b'\'');
                chunk.extend_from_slice(text.as_bytes());
                chunk.push(b'\'');
            }
        }
    }
    chunk.push(b']');
    chunk.push(b'"');
    Some(())
}

/// Between those quotes, or between a JSON string's.
fn needs_escapes(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' || matches!(byte, b'\'' | b'"' | b'\\'))
}

fn write_array(chunk: &mut Vec<u8>, row: Row<'_>) -> serde_json::Result<()> {
    chunk.push(b'[');
    for (place, cell) in row.iter().enumerate() {
        if place > 0 {
            chunk.push(b',');
        }
        match cell {
            Cell::Null | Cell::Kept(_) => chunk.extend_from_slice(b"null"),
            Cell::Default => chunk.extend_from_slice(b"[]"),
            Cell::Plain(text) | Cell::Text(text) => serde_json::to_writer(&mut *chunk, text)?,
        }
    }
    chunk.push(b']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::plan::cell::Rows;
    use crate::schema::Stored;

    #[test]
    fn rows_are_texts_where_nothing_in_them_needs_an_escape() {
        let plain = |text| Some(Stored::Plain(text));
        let text = |text: &str| Some(Stored::Text(text.to_string()));
        let rows = [
            (vec![plain("Water"), None, plain("2")], r#"["['Water',null,'2']"]"#),
            (vec![plain("don't"), plain("2")], r#"[["don't","2"]]"#),
            (vec![plain("2"), text("2026-12-24")], r#"["['2','2026-12-24']"]"#),
            (vec![plain("2"), text("two\nlines")], r#"[["2","two\nlines"]]"#),
            (vec![plain("2"), text("say \"so\"")], r#"[["2","say \"so\""]]"#),
            (vec![plain("2"), text("don't")], r#"[["2","don't"]]"#),
            (vec![], r#"["[]"]"#),
        ];
        for (cells, expected) in rows {
            let mut rows = Rows::of_width(cells.len(), 1);
            cells.into_iter().for_each(|cell| rows.push(cell));
            rows.end_row();
            assert_eq!(chunks(rows.iter()).unwrap(), [(expected.to_string(), 1)]);
        }
    }

    #[test]
    fn a_default_is_asked_for_by_an_empty_array() {
        let mut rows = Rows::of_width(2, 1);
        rows.push_default();
        rows.push(Some(Stored::Plain("don't")));
        rows.end_row();
        rows.push_default();
        rows.push(Some(Stored::Plain("do")));
        rows.end_row();
        assert_eq!(chunks(rows.iter()).unwrap(), [(r#"[[[],"don't"],"[[],'do']"]"#.to_string(), 2)]);
    }
}
