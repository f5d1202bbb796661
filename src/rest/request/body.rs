//! The body of a write: rows of named cells.

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::csv::csv_rows;
use super::json_rows::json_rows;

/// A row's cells, one for each column; each keeps its JSON text, so that no digit is lost.
pub type Cells = Vec<Option<Box<RawValue>>>;

/// The rows of a body.
#[derive(Debug, Default)]
pub struct Payload {
    /// The keys of the rows, in the first row's order; with `columns=` those.
    pub columns: Vec<String>,
    /// A cell is missing only under `columns=`.
    pub rows: Vec<Cells>,
}

impl Payload {
    /// The same rows under other columns.
    fn under(mut self, columns: &[String]) -> Self {
        let places: Vec<Option<usize>> =
            columns.iter().map(|name| self.columns.iter().position(|of| of == name)).collect();
        for row in &mut self.rows {
            *row = places.iter().map(|place| row.get_mut((*place)?)?.take()).collect();
        }
        Self { columns: columns.to_vec(), rows: self.rows }
    }
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
    let payload = match media.to_ascii_lowercase().as_str() {
        "application/json" | "application/vnd.pgrst.object+json" | "" => return json_rows(bytes, columns),
        "application/x-www-form-urlencoded" => form_row(bytes)?,
        "text/csv" => csv_rows(bytes)?,
        other => return Err(BodyError::ContentType(other.to_string())),
    };
    Ok(match columns {
        Some(columns) => payload.under(columns),
        None => payload,
    })
}

/// The rows in a cell of a body: an object's, an array's, none of null.
pub fn nested_rows(text: &str) -> Result<Payload, BodyError> {
    match text {
        "null" => Ok(Payload::default()),
        text if text.starts_with(['{', '[']) => json_rows(text.as_bytes(), None),
        _ => Err(BodyError::Keys),
    }
}

/// A name that comes twice has its last value.
fn form_row(bytes: &[u8]) -> Result<Payload, BodyError> {
    let mut fields = IndexMap::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        let value = serde_json::value::to_raw_value(&value).map_err(|_| BodyError::Json)?;
        fields.insert(name.into_owned(), Some(value));
    }
    let (columns, row) = fields.into_iter().unzip();
    Ok(Payload { columns, rows: vec![row] })
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
            ("[{\"a\":1,\"a\":2}]", Ok((names(&["a"]), 1))),
            ("[1]", Err(BodyError::Keys)),
            ("[{\"a\":1},[{}],\"b\",null,true,-1,1.5]", Err(BodyError::Keys)),
            ("[1,", Err(BodyError::Json)),
            ("[{\"a\":1}] 2", Err(BodyError::Json)),
            ("{} {}", Err(BodyError::Json)),
        ];
        for (body, expected) in rows {
            assert_eq!(read(body), expected, "{body}");
        }
    }

    #[test]
    fn only_the_named_columns_count() {
        let columns = ["b".to_string(), "c".to_string()];
        let bodies =
            [("application/json", "[{\"a\":1,\"b\":\"2\"},{\"d\":1}]"), ("text/csv", "a,b\n1,2\n3,NULL\n")];
        for (content_type, body) in bodies {
            let payload = parse_body(Some(content_type), body.as_bytes(), Some(&columns)).unwrap();
            assert_eq!(payload.columns, columns);
            let cell = |row: usize, column: usize| payload.rows[row][column].as_ref().map(|cell| cell.get());
            assert_eq!((cell(0, 0), cell(0, 1), cell(1, 1)), (Some("\"2\""), None, None), "{body}");
        }
    }

    #[test]
    fn cells_keep_their_digits() {
        let payload = parse_body(None, br#"{"a":12345678901234567890.10,"b":"x"}"#, None).unwrap();
        let cells: Vec<_> = payload.rows[0].iter().flatten().map(|cell| cell.get()).collect();
        assert_eq!(cells, ["12345678901234567890.10", "\"x\""]);
    }
}
