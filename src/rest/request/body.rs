//! The body of a write: rows of named cells.

use bytes::Bytes;
use indexmap::IndexMap;

use super::csv::csv_rows;
use super::json_rows::json_rows;

/// Where a cell stands in the text. One that is missing is empty, as no JSON is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
    pub form: Form,
}

/// What is known of a cell without looking at it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// A string without escapes.
    String,
    /// Digits.
    Number,
    /// Any JSON.
    #[default]
    Other,
}

impl Span {
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// The JSON of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<'p> {
    /// Its text, so that no digit is lost.
    pub text: &'p str,
    form: Form,
}

impl<'p> Json<'p> {
    /// What is between the quotes of a string without escapes; a number's digits.
    pub fn plain(self) -> Option<&'p str> {
        match self.form {
            Form::String => self.text.get(1..self.text.len().saturating_sub(1)),
            Form::Number => Some(self.text),
            Form::Other => None,
        }
    }
}

/// The rows of a body.
#[derive(Debug, Default)]
pub struct Payload {
    /// The keys of the rows, in the first row's order; with `columns=` those.
    pub columns: Vec<String>,
    /// What the cells are parts of: they are as many as nothing else is, so none is a text of its own.
    text: String,
    /// Row after row, one for each column.
    cells: Vec<Span>,
    /// How many rows there are, also of no column.
    count: usize,
}

/// A row's cells, one for each column.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'p> {
    text: &'p str,
    spans: &'p [Span],
}

impl Payload {
    /// Rows whose cells stand in a text.
    pub(super) fn of_spans(columns: Vec<String>, text: String, cells: Vec<Span>, count: usize) -> Self {
        Self { columns, text, cells, count }
    }

    /// The same without rows.
    pub(super) fn of_columns(columns: Vec<String>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// Adds a row of texts, one for each column; `None` is null.
    pub(super) fn push<'t>(&mut self, texts: impl Iterator<Item = Option<&'t str>>) {
        for text in texts {
            let start = self.text.len();
            self.text.push_str(&serde_json::Value::from(text).to_string());
            self.cells.push(Span { start, end: self.text.len(), form: Form::Other });
        }
        self.count += 1;
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is an apostrophe in any cell; there may be also where none is.
    pub fn has_apostrophes(&self) -> bool {
        self.text.contains('\'')
    }

    /// The rows. A cell is missing only under `columns=`.
    pub fn rows(&self) -> impl Iterator<Item = Cells<'_>> {
        let width = self.columns.len();
        (0..self.count).map(move |row| Cells {
            text: &self.text,
            spans: self.cells.get(row * width..(row + 1) * width).unwrap_or_default(),
        })
    }

    /// The same rows under other columns.
    fn under(self, columns: &[String]) -> Self {
        let places: Vec<Option<usize>> =
            columns.iter().map(|name| self.columns.iter().position(|of| of == name)).collect();
        let cell = |row: Cells<'_>, place: &Option<usize>| row.spans.get((*place)?).copied();
        let cells = self.rows().flat_map(|row| places.iter().map(move |place| cell(row, place)));
        let cells = cells.map(Option::unwrap_or_default).collect();
        Self { columns: columns.to_vec(), cells, ..self }
    }
}

impl<'p> Cells<'p> {
    /// The JSON of each cell.
    pub fn iter(self) -> impl Iterator<Item = Option<Json<'p>>> {
        self.spans.iter().map(move |span| self.at(span))
    }

    /// That of one cell.
    pub fn get(self, place: usize) -> Option<Json<'p>> {
        self.at(self.spans.get(place)?)
    }

    fn at(self, span: &Span) -> Option<Json<'p>> {
        let text = self.text.get(span.start..span.end).filter(|text| !text.is_empty())?;
        Some(Json { text, form: span.form })
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
    bytes: Bytes,
    columns: Option<&[String]>,
) -> Result<Payload, BodyError> {
    let media = content_type.and_then(|of| of.split(';').next()).unwrap_or("application/json").trim();
    let payload = match media.to_ascii_lowercase().as_str() {
        "application/json" | "application/vnd.pgrst.object+json" | "" => {
            return json_rows(bytes.into(), columns);
        }
        "application/x-www-form-urlencoded" => form_row(&bytes),
        "text/csv" => csv_rows(&bytes)?,
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
        text if text.starts_with(['{', '[']) => json_rows(text.into(), None),
        _ => Err(BodyError::Keys),
    }
}

/// A name that comes twice has its last value.
fn form_row(bytes: &[u8]) -> Payload {
    let fields: IndexMap<_, _> = form_urlencoded::parse(bytes).collect();
    let mut payload = Payload::of_columns(fields.keys().map(ToString::to_string).collect());
    payload.push(fields.values().map(|value| Some(value.as_ref())));
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(Vec<String>, usize), BodyError> {
        parse_body(None, Bytes::copy_from_slice(body.as_bytes()), None)
            .map(|payload| (payload.columns.clone(), payload.len()))
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
            (" [ {\"a\" : 1 , \"b\":2}\n,\t{\"b\":3,\"a\":4}\r] ", Ok((names(&["a", "b"]), 2))),
            ("[{\"a\":1},{\"\\u0061\":2}]", Ok((names(&["a"]), 2))),
            ("[{\"a\":1,}]", Err(BodyError::Json)),
            ("[{\"a\":1},]", Err(BodyError::Json)),
            ("[{\"a\":1}{\"a\":1}]", Err(BodyError::Json)),
            ("[{\"a\" 1}]", Err(BodyError::Json)),
            ("[{a:1}]", Err(BodyError::Json)),
            ("[{1:1}]", Err(BodyError::Json)),
            ("{\"a\":1 2}", Err(BodyError::Json)),
            ("{\"a\":1]", Err(BodyError::Json)),
            ("\u{a0}{}", Err(BodyError::Json)),
        ];
        for (body, expected) in rows {
            assert_eq!(read(body), expected, "{body}");
        }
    }

    #[test]
    fn a_key_is_the_same_however_it_stands() {
        let rows = [
            r#"{"a":1,"ab":2,"c\"":3}"#,
            r#"{"a":1,"ab":2,"c\"":3}"#,
            r#"{"ab":2,"a":1,"c\"":3}"#,
            r#"{ "a" : 1 , "ab" :2,"c\u0022":3 }"#,
            r#"{"\u0061":1,"a\u0062":2,"c\"":3}"#,
            r#"{"a":0,"ab":2,"c\"":3,"a":1}"#,
        ];
        for first in rows {
            let body = format!("[{first},{}]", rows.join(","));
            let payload = parse_body(None, Bytes::from(body), None).unwrap();
            assert_eq!(payload.len(), 1 + rows.len(), "{first}");
            for row in payload.rows() {
                let expected = payload.columns.iter().map(|name| match name.as_str() {
                    "a" => "1",
                    "ab" => "2",
                    _ => "3",
                });
                let cells = row.iter().map(|json| json.unwrap().text);
                assert!(cells.eq(expected), "{first}");
            }
        }
    }

    #[test]
    fn only_the_named_columns_count() {
        let columns = ["b".to_string(), "c".to_string()];
        let bodies =
            [("application/json", "[{\"a\":1,\"b\":\"2\"},{\"d\":1}]"), ("text/csv", "a,b\n1,2\n3,NULL\n")];
        for (content_type, body) in bodies {
            let payload =
                parse_body(Some(content_type), Bytes::from_static(body.as_bytes()), Some(&columns)).unwrap();
            assert_eq!(payload.columns, columns);
            let cell = |row: usize, column: usize| {
                payload.rows().nth(row).unwrap().get(column).map(|json| json.text)
            };
            assert_eq!((cell(0, 0), cell(0, 1), cell(1, 1)), (Some("\"2\""), None, None), "{body}");
        }
    }

    #[test]
    fn cells_keep_their_digits() {
        let payload = parse_body(None, Bytes::from_static(br#"{"a":12345678901234567890.10,"b":"x"}"#), None);
        let payload = payload.unwrap();
        let cells: Vec<_> = payload.rows().flat_map(Cells::iter).flatten().map(|json| json.text).collect();
        assert_eq!(cells, ["12345678901234567890.10", "\"x\""]);
    }

    #[test]
    fn a_cell_is_any_json_and_nothing_else() {
        let good = ["0", "-1", "-0", "10", "1.50", "0.5", "1e5", "9E-2", "true", "false", "null"];
        let texts = [
            "",
            "x",
            "seven77",
            "eight888",
            "nine99999",
            "ü 🌱",
            "\\\"",
            "eight888\\n",
            "\u{7f}'",
            "\\u0000",
        ];
        let nested = ["[]", "{}", "[1, {\"a\": \"]\"}]", "{\"a\": {\"b\": null}}"];
        let texts = texts.map(|text| format!("\"{text}\""));
        for cell in good.iter().chain(&nested).copied().chain(texts.iter().map(String::as_str)) {
            for body in [format!("[{{\"a\":{cell}}}]"), format!("{{ \"a\" : {cell} , \"b\" : {cell} }}")] {
                let payload = parse_body(None, Bytes::from(body.clone()), None).unwrap();
                let plain = match cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')) {
                    Some(text) => (!text.contains('\\')).then_some(text),
                    None => cell.bytes().all(|byte| byte.is_ascii_digit()).then_some(cell),
                };
                for json in payload.rows().flat_map(Cells::iter) {
                    assert_eq!(json.map(|json| (json.text, json.plain())), Some((cell, plain)), "{body}");
                }
            }
        }
        let bad = [
            "", "01", "1.", ".5", "-", "1e", "+1", "nul", "nullx", "True", "'x'", "\"x", "x\"", "[1",
            "{\"a\"}", "[1,]",
        ];
        let broken =
            ["\"a line\nand another\"", "\"a line and\tanother\"", "\"\\x\"", "\"\\\"", "\"eight888\u{1f}\""];
        for cell in bad.iter().chain(&broken) {
            assert_eq!(read(&format!("[{{\"a\":{cell}}}]")), Err(BodyError::Json), "{cell}");
        }
    }
}
