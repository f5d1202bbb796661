//! The stored form of a JSON value, which mostly is what stands in the JSON: that is not copied, and not looked through twice.

use super::number;
use crate::schema::{Catalog, DataType};

/// What a column stores of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored<'j> {
    /// A text that needs no escapes between a JSON string's quotes.
    Plain(&'j str),
    /// Any other.
    Text(String),
}

impl Stored<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Text(text) => text,
        }
    }

    /// The same, borrowed from nothing.
    pub fn into_owned(self) -> Stored<'static> {
        Stored::Text(self.into_text())
    }

    /// The text by itself.
    pub fn into_text(self) -> String {
        match self {
            Self::Plain(text) => text.to_string(),
            Self::Text(text) => text,
        }
    }
}

/// The stored form of a string without escapes, of a number, of `true` or of `false`, if it can be told without reading it
/// as its type: what is not so may still be a value of the type, in another form, or none.
pub fn at_first_sight<'j>(catalog: &Catalog, data_type: &DataType, json: &'j str) -> Option<&'j str> {
    match json.as_bytes() {
        [b'"', inside @ .., b'"'] if !inside.contains(&b'\\') => {
            as_it_stands(catalog, data_type, json.get(1..=inside.len())?)
        }
        b"null" | [b'"' | b'[' | b'{', ..] => None,
        _ => as_it_stands(catalog, data_type, json),
    }
}

/// The same of what stands between the quotes of a string without escapes, which has no NUL either: that would be one.
pub fn as_it_stands<'j>(catalog: &Catalog, data_type: &DataType, text: &'j str) -> Option<&'j str> {
    let is_stored = match data_type {
        DataType::Bool => match text {
            "true" => return Some("1"),
            "false" => return Some("0"),
            _ => false,
        },
        DataType::Int2 => number::is_short(text, 4),
        DataType::Int4 | DataType::Int8 => number::is_short(text, 9),
        DataType::Text | DataType::Citext | DataType::Varchar(None) => true,
        DataType::Varchar(Some(length)) => text.len() <= *length as usize,
        DataType::Uuid => is_plain_uuid(text),
        DataType::Enum(name) => {
            catalog.enums.get(name).is_some_and(|of| of.labels.iter().any(|of| of == text))
        }
        _ => false,
    };
    is_stored.then_some(text)
}

/// `a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11`
fn is_plain_uuid(text: &str) -> bool {
    let fits = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}
