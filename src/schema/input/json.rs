//! JSON and jsonb. Numbers keep their digits, so values are walked as raw text.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::{InputError, number};

/// How deep a value may nest.
const DEEPEST: usize = 64;

/// That the text is JSON.
pub fn check(text: &str) -> Result<(), InputError> {
    parse(text, "json").map(|_| ())
}

/// jsonb's form: no spaces, keys by length and then bytes, the last of equal keys.
pub fn normalise(text: &str) -> Result<String, InputError> {
    let mut out = String::with_capacity(text.len());
    write(parse(text, "json")?, 0, &mut out)?;
    Ok(out)
}

/// A JSON string's text; any other JSON as it stands.
pub fn text_of(json: &str) -> Result<Cow<'_, str>, InputError> {
    match json.as_bytes() {
        // Valid JSON without an escape is its own text, and has no NUL.
        [b'"', inside @ .., b'"'] if !inside.contains(&b'\\') => {
            Ok(Cow::Borrowed(json.get(1..=inside.len()).unwrap_or_default()))
        }
        [b'"', ..] => string(json).map(Cow::Owned),
        _ => Ok(Cow::Borrowed(json)),
    }
}

fn parse<'a>(text: &'a str, name: &str) -> Result<&'a RawValue, InputError> {
    serde_json::from_str(text).map_err(|_| invalid(name))
}

fn invalid(name: &str) -> InputError {
    InputError::new("22P02", format!("invalid input syntax for type {name}"))
}

fn string(json: &str) -> Result<String, InputError> {
    let text: String = serde_json::from_str(json).map_err(|_| invalid("json"))?;
    if text.contains('\0') {
        return Err(InputError::new("22P05", "unsupported Unicode escape sequence"));
    }
    Ok(text)
}

fn write(value: &RawValue, depth: usize, out: &mut String) -> Result<(), InputError> {
    let text = value.get();
    if depth > DEEPEST {
        return Err(InputError::new("54001", "json nests too deeply"));
    }
    match text.as_bytes().first() {
        Some(b'{') => write_object(text, depth, out),
        Some(b'[') => write_array(text, depth, out),
        Some(b'"') => {
            out.push_str(&quoted(&string(text)?));
            Ok(())
        }
        Some(b'-' | b'0'..=b'9') => {
            out.push_str(&number::numeric(text, None)?);
            Ok(())
        }
        _ => {
            out.push_str(text);
            Ok(())
        }
    }
}

fn write_object(text: &str, depth: usize, out: &mut String) -> Result<(), InputError> {
    let mut members: IndexMap<String, &RawValue> = serde_json::from_str(text).map_err(|_| invalid("json"))?;
    members.sort_by(|one, _, other, _| (one.len(), one).cmp(&(other.len(), other)));
    out.push('{');
    for (index, (key, value)) in members.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&quoted(key));
        out.push(':');
        write(value, depth + 1, out)?;
    }
    out.push('}');
    Ok(())
}

fn write_array(text: &str, depth: usize, out: &mut String) -> Result<(), InputError> {
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| invalid("json"))?;
    out.push('[');
    for (index, value) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(value, depth + 1, out)?;
    }
    out.push(']');
    Ok(())
}

/// A JSON string literal.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
