//! Arrays: Postgres' `{a,"b c",NULL}` or a JSON array in, a JSON array of the elements' JSON forms out.

use serde_json::value::RawValue;

use super::{InputError, canonical, json};
use crate::schema::{Catalog, DataType};

/// How deep arrays may nest, Postgres' own limit.
const DEEPEST: usize = 6;

/// `{1,2}` → `[1,2]`; `{a,"b c",NULL}` → `["a","b c",null]`.
pub fn from_literal(catalog: &Catalog, element: &DataType, text: &str) -> Result<String, InputError> {
    let mut reader = Reader { catalog, element, text, rest: text.trim() };
    let array = reader.array(1)?;
    let whole = reader.rest.trim().is_empty() && (is_json(element) || is_rectangular(&array));
    if whole { Ok(array) } else { Err(reader.malformed()) }
}

/// A JSON array whose items are read as `json_populate_record` would.
pub fn from_json(catalog: &Catalog, element: &DataType, json: &str) -> Result<String, InputError> {
    let malformed = |_| InputError::new("22P02", "expected JSON array");
    let items: Vec<&RawValue> = serde_json::from_str(json).map_err(malformed)?;
    let items = items.into_iter().map(|item| match item.get() {
        "null" => Ok("null".to_string()),
        text if text.starts_with('[') && !is_json(element) => from_json(catalog, element, text),
        text => match super::from_json(catalog, element, text)? {
            Some(stored) => Ok(json_form(element, stored.as_str())),
            None => Ok("null".to_string()),
        },
    });
    Ok(format!("[{}]", items.collect::<Result<Vec<_>, InputError>>()?.join(",")))
}

/// Whether inner arrays, if there are any, are all of one shape.
fn is_rectangular(array: &str) -> bool {
    fn shape(value: &serde_json::Value) -> Option<Vec<usize>> {
        let serde_json::Value::Array(items) = value else { return Some(Vec::new()) };
        let mut inner = None;
        for item in items {
            let of = shape(item)?;
            if inner.get_or_insert_with(|| of.clone()) != &of {
                return None;
            }
        }
        let mut shape = vec![items.len()];
        shape.extend(inner.unwrap_or_default());
        Some(shape)
    }
    let nests = array.get(1..).is_some_and(|inner| inner.contains('['));
    !nests || serde_json::from_str(array).is_ok_and(|value| shape(&value).is_some())
}

fn is_json(element: &DataType) -> bool {
    matches!(element, DataType::Json | DataType::Jsonb)
}

/// A stored value as it stands inside a JSON array.
pub fn json_form(element: &DataType, stored: &str) -> String {
    match element {
        DataType::Bool => if stored == "1" { "true" } else { "false" }.to_string(),
        DataType::Int2
        | DataType::Int4
        | DataType::Int8
        | DataType::Json
        | DataType::Jsonb
        | DataType::Array(_)
        | DataType::Composite(_) => stored.to_string(),
        DataType::Numeric(_) | DataType::Float4 | DataType::Float8
            if serde_json::from_str::<f64>(stored).is_ok() =>
        {
            stored.to_string()
        }
        DataType::Bytea => json::quoted(&format!("\\x{stored}")),
        _ => json::quoted(stored),
    }
}

struct Reader<'a> {
    catalog: &'a Catalog,
    element: &'a DataType,
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn malformed(&self) -> InputError {
        InputError::new("22P02", format!("malformed array literal: \"{}\"", self.text))
    }

    fn array(&mut self, depth: usize) -> Result<String, InputError> {
        self.rest = self.rest.strip_prefix('{').ok_or_else(|| self.malformed())?.trim_start();
        if depth > DEEPEST {
            return Err(InputError::new(
                "54000",
                "number of array dimensions exceeds the maximum allowed (6)",
            ));
        }
        let mut items = Vec::new();
        if let Some(rest) = self.rest.strip_prefix('}') {
            self.rest = rest;
            return Ok("[]".to_string());
        }
        loop {
            items.push(self.item(depth)?);
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest.trim_start();
                continue;
            }
            self.rest = self.rest.strip_prefix('}').ok_or_else(|| self.malformed())?;
            return Ok(format!("[{}]", items.join(",")));
        }
    }

    fn item(&mut self, depth: usize) -> Result<String, InputError> {
        if self.rest.starts_with('{') {
            return self.array(depth + 1);
        }
        if let Some(rest) = self.rest.strip_prefix('"') {
            let text = self.quoted(rest)?;
            return Ok(json_form(self.element, &canonical(self.catalog, self.element, &text)?));
        }
        let end = self.rest.find([',', '}', '{', '"']).ok_or_else(|| self.malformed())?;
        let (item, rest) = self.rest.split_at(end);
        self.rest = rest;
        let item = item.trim();
        if item.is_empty() {
            return Err(self.malformed());
        }
        if item.eq_ignore_ascii_case("null") {
            return Ok("null".to_string());
        }
        let item = item.replace('\\', "");
        Ok(json_form(self.element, &canonical(self.catalog, self.element, &item)?))
    }

    /// The text up to the closing quote, `\x` being `x`.
    fn quoted(&mut self, rest: &str) -> Result<String, InputError> {
        let mut text = String::new();
        let mut characters = rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    let after = self.rest.len() - rest.len() + at + 1;
                    self.rest = self.rest.get(after..).unwrap_or_default();
                    return Ok(text);
                }
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                other => text.push(other),
            }
        }
        Err(self.malformed())
    }
}
