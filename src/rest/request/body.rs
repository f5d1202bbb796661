//! The body of a write: rows of named cells.

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::csv::csv_rows;

/// The rows of a body. Cells keep their JSON text, so that no digit is lost.
#[derive(Debug, Default)]
pub struct Payload {
    /// The keys of the rows, in the first row's order; with `columns=` those.
    pub columns: Vec<String>,
    /// One for each row; a key may be missing only under `columns=`.
    pub rows: Vec<IndexMap<String, Box<RawValue>>>,
}

/// A body that makes no rows (PGRST102).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// No JSON.
    Json,
    /// An array whose objects differ in their keys, or whose items are no objects.
    Keys,
    /// A content type that no write takes.
    ContentType(String),
    /// CSV that breaks its grammar, or has no line of names.
    CsvSyntax,
    /// CSV lines of different lengths.
    CsvFields,
}

/// Reads a body. `columns` are those of the `columns=` parameter.
pub fn parse_body(
    content_type: Option<&str>,
    bytes: &[u8],
    columns: Option<&[String]>,
) -> Result<Payload, BodyError> {
    let media = content_type.and_then(|of| of.split(';').next()).unwrap_or("application/json").trim();
    let rows = match media.to_ascii_lowercase().as_str() {
        "application/json" | "application/vnd.pgrst.object+json" | "" => json_rows(bytes)?,
        "application/x-www-form-urlencoded" => vec![form_row(bytes)?],
        "text/csv" => csv_rows(bytes)?,
        other => return Err(BodyError::ContentType(other.to_string())),
    };
    if let Some(columns) = columns {
        return Ok(Payload { columns: columns.to_vec(), rows });
    }
    let columns: Vec<String> = rows.first().map(|row| row.keys().cloned().collect()).unwrap_or_default();
    let same = |row: &IndexMap<String, Box<RawValue>>| {
        row.len() == columns.len() && columns.iter().all(|column| row.contains_key(column))
    };
    if rows.iter().all(same) { Ok(Payload { columns, rows }) } else { Err(BodyError::Keys) }
}

/// A scalar is no row at all, as upstream has it.
pub(super) fn json_rows(bytes: &[u8]) -> Result<Vec<IndexMap<String, Box<RawValue>>>, BodyError> {
    let text = std::str::from_utf8(bytes).map_err(|_| BodyError::Json)?;
    match text.trim_start().as_bytes().first() {
        Some(b'{') => Ok(vec![serde_json::from_str(text).map_err(|_| BodyError::Json)?]),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| BodyError::Json)?;
            items
                .into_iter()
                .map(|item| serde_json::from_str(item.get()).map_err(|_| BodyError::Keys))
                .collect()
        }
        _ => serde_json::from_str::<&RawValue>(text).map(|_| Vec::new()).map_err(|_| BodyError::Json),
    }
}

fn form_row(bytes: &[u8]) -> Result<IndexMap<String, Box<RawValue>>, BodyError> {
    let cell = |(key, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
        let value = serde_json::value::to_raw_value(&value).map_err(|_| BodyError::Json)?;
        Ok((key.into_owned(), value))
    };
    form_urlencoded::parse(bytes).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(Vec<String>, usize), BodyError> {
        parse_body(None, body.as_bytes(), None).map(|payload| (payload.columns, payload.rows.len()))
    }

    #[test]
    fn bodies_make_rows() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rows = [
            ("{\"a\":1,\"b\":null}", Ok((names(&["a", "b"]), 1))),
            ("[{\"a\":1,\"b\":2},{\"b\":3,\"a\":4}]", Ok((names(&["a", "b"]), 2))),
            ("[]", Ok((names(&[]), 0))),
            ("{}", Ok((names(&[]), 1))),
            ("7", Ok((names(&[]), 0))),
            ("", Err(BodyError::Json)),
            ("{\"a\":", Err(BodyError::Json)),
            ("[{\"a\":1},{\"b\":1}]", Err(BodyError::Keys)),
            ("[{\"a\":1},{\"a\":1,\"b\":1}]", Err(BodyError::Keys)),
            ("[1]", Err(BodyError::Keys)),
        ];
        for (body, expected) in rows {
            assert_eq!(read(body), expected, "{body}");
        }
    }

    #[test]
    fn cells_keep_their_digits() {
        let payload = parse_body(None, br#"{"a":12345678901234567890.10,"b":"x"}"#, None).unwrap();
        let cells: Vec<_> = payload.rows[0].values().map(|cell| cell.get()).collect();
        assert_eq!(cells, ["12345678901234567890.10", "\"x\""]);
    }
}
