//! Rows as CSV, in the text forms that Postgres prints values of each type in.
//!
//! As upstream: the first line has the keys of the first row, so no rows make an empty first line;
//! NULL is nothing between two commas, and the empty text is `""`.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::schema::DataType;

/// A JSON array of rows as CSV; `types` are those of the rows' keys, in order.
pub fn from_json(types: &[DataType], rows: &str) -> serde_json::Result<String> {
    let rows: Vec<Row> = serde_json::from_str(rows)?;
    let keys = rows.first().map(|row| row.0.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>());
    let lines = rows.iter().map(|row| {
        let fields = row.0.iter().zip(types).map(|((_, value), of)| field(of, value.get()));
        Ok(fields.collect::<serde_json::Result<Vec<_>>>()?.join(","))
    });
    let lines = lines.collect::<serde_json::Result<Vec<_>>>()?;
    Ok(format!("{}\n{}", keys.unwrap_or_default().join(","), lines.join("\n")))
}

/// A row with its keys in order, equal ones too.
struct Row(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Row;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Row(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// A field as a composite value's output function quotes it.
fn field(of: &DataType, json: &str) -> serde_json::Result<String> {
    let Some(text) = text(of, json)? else { return Ok(String::new()) };
    let special = |letter: char| matches!(letter, '"' | '\\' | '(' | ')' | ',') || is_space(letter);
    if !text.is_empty() && !text.contains(special) {
        return Ok(text);
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\"")))
}

/// Postgres' `isspace`.
fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}

/// What the type's output function prints for a value in its JSON form; `None` for NULL. JSON comes
/// as a string with its text, which tells JSON's null from NULL.
fn text(of: &DataType, json: &str) -> serde_json::Result<Option<String>> {
    if json == "null" {
        return Ok(None);
    }
    let plain = || if json.starts_with('"') { serde_json::from_str(json) } else { Ok(json.to_string()) };
    Ok(Some(match of {
        DataType::Bool => if json == "true" { "t" } else { "f" }.to_string(),
        DataType::Timestamp => plain()?.replace('T', " "),
        DataType::Timestamptz => {
            let text = plain()?.replace('T', " ");
            text.strip_suffix(":00").filter(|text| text.len() >= 22).map(str::to_string).unwrap_or(text)
        }
        DataType::Jsonb => spaced(&plain()?),
        DataType::Array(of) => array(of, json)?,
        _ => plain()?,
    }))
}

/// `["a b",null]` → `{"a b",NULL}`.
fn array(of: &DataType, json: &str) -> serde_json::Result<String> {
    let items: Vec<&RawValue> = serde_json::from_str(json)?;
    let items = items.into_iter().map(|item| element(of, item.get()));
    Ok(format!("{{{}}}", items.collect::<serde_json::Result<Vec<_>>>()?.join(",")))
}

fn element(of: &DataType, json: &str) -> serde_json::Result<String> {
    if json.starts_with('[') {
        return array(of, json);
    }
    let Some(text) = text(of, json)? else { return Ok("NULL".to_string()) };
    let special = |letter: char| matches!(letter, '"' | '\\' | '{' | '}' | ',') || is_space(letter);
    if !text.is_empty() && !text.eq_ignore_ascii_case("NULL") && !text.contains(special) {
        return Ok(text);
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// jsonb's text: `{"a":[1,2]}` → `{"a": [1, 2]}`.
fn spaced(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 8);
    let (mut quoted, mut escaped) = (false, false);
    for letter in json.chars() {
        out.push(letter);
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            ',' | ':' if !quoted => out.push(' '),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_prints_as_in_postgres() {
        let list = |of| DataType::Array(Box::new(of));
        #[rustfmt::skip]
        let rows = [
            (DataType::Int8,               "7",                             "7"),
            (DataType::Text,               "null",                          ""),
            (DataType::Text,               r#""""#,                         r#""""#),
            (DataType::Text,               r#""it's""#,                     "it's"),
            (DataType::Text,               r#""a \"b\", (c)\\""#,           r#""a ""b"", (c)\\""#),
            (DataType::Bool,               "false",                         "f"),
            (DataType::Numeric(None),      "\"NaN\"",                       "NaN"),
            (DataType::Timestamptz,        r#""2026-01-02T03:04:05+00:00""#,r#""2026-01-02 03:04:05+00""#),
            (DataType::Bytea,              r#""\\xdead""#,                  r#""\\xdead""#),
            (DataType::Jsonb,              r#""{\"a\":[1,\"x,:y\"]}""#,       r#""{""a"": [1, ""x,:y""]}""#),
            (DataType::Jsonb,              "\"null\"",                      "null"),
            (list(DataType::Text),         r#"["a b",null,"NULL","","c"]"#, r#""{""a b"",NULL,""NULL"","""",c}""#),
            (list(DataType::Bool),         "[true,false]",                  r#""{t,f}""#),
            (list(DataType::Int4),         "[]",                            "{}"),
        ];
        for (of, json, expected) in rows {
            assert_eq!(field(&of, json).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn lines_have_the_first_rows_keys() {
        let types = [DataType::Int4, DataType::Text];
        assert_eq!(from_json(&types, "[]").unwrap(), "\n");
        let rows = r#"[{"id":1,"id":"a"},{"id":2,"id":null}]"#;
        assert_eq!(from_json(&types, rows).unwrap(), "id,id\n1,a\n2,");
    }
}
