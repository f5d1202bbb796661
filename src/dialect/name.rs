//! Names as Postgres reads them: folded, cut, split into schema and object.

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use super::DialectError;

/// Postgres' NAMEDATALEN - 1, in bytes.
pub const LONGEST: usize = 63;

/// A name as Postgres stores it: folded to lower case unless quoted, cut at 63 bytes.
pub fn folded(name: &Ident) -> String {
    let mut name = if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
    let mut end = LONGEST.min(name.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name
}

/// A dotted name's parts, folded.
pub fn parts(name: &ObjectName) -> Result<Vec<String>, DialectError> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(name) => Ok(folded(name)),
            ObjectNamePart::Function(_) => Err(DialectError::unsupported(format!("the name {part}"))),
        })
        .collect()
}

/// Schema and name; the schema is `public` when none is written.
pub fn qualified(name: &ObjectName) -> Result<(String, String), DialectError> {
    let mut parts = parts(name)?;
    match (parts.pop(), parts.pop(), parts.is_empty()) {
        (Some(name), None, true) => Ok(("public".to_string(), name)),
        (Some(name), Some(schema), true) => Ok((schema, name)),
        _ => Err(DialectError::new("42601", format!("improper qualified name: {name}"))),
    }
}

/// The syntax of a name.
pub fn object(schema: &str, name: &str) -> ObjectName {
    ObjectName::from(vec![Ident::with_quote('"', schema), Ident::with_quote('"', name)])
}

/// A single name where no schema may stand.
pub fn single(name: &ObjectName) -> Result<String, DialectError> {
    let mut parts = parts(name)?;
    match (parts.pop(), parts.is_empty()) {
        (Some(name), true) => Ok(name),
        _ => Err(DialectError::new("42601", format!("improper name: {name}"))),
    }
}
