//! Composite values: Postgres' `(a,"b c",)` or a JSON object in, a JSON object of all fields in their order out.

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::array::json_form;
use super::{InputError, canonical, json};
use crate::schema::{Catalog, Table};

/// `(1,"b c",)` → `{"id":1,"name":"b c","note":null}`.
pub fn from_literal(catalog: &Catalog, of: &Table, text: &str) -> Result<String, InputError> {
    let malformed = || InputError::new("22P02", format!("malformed record literal: \"{text}\""));
    let inside =
        text.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).ok_or_else(malformed)?;
    let mut fields: Vec<Option<String>> = Vec::new();
    let (mut field, mut is_quoted, mut was_quoted) = (String::new(), false, false);
    let mut letters = inside.chars().peekable();
    loop {
        match letters.next() {
            Some('"') if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            Some('"') => (is_quoted, was_quoted) = (!is_quoted, true),
            Some('\\') => field.push(letters.next().ok_or_else(malformed)?),
            Some('(' | ')') if !is_quoted => return Err(malformed()),
            None if is_quoted => return Err(malformed()),
            end @ (None | Some(',')) if !is_quoted => {
                let text = std::mem::take(&mut field);
                fields.push((was_quoted || !text.is_empty()).then_some(text));
                was_quoted = false;
                if end.is_none() {
                    break;
                }
            }
            Some(letter) => field.push(letter),
            None => break,
        }
    }
    if fields.len() != of.columns.len() {
        return Err(malformed());
    }
    let mut forms = Vec::new();
    for (column, text) in of.columns.iter().zip(fields) {
        let stored = text.map(|text| canonical(catalog, &column.data_type, &text)).transpose()?;
        forms.push(stored.map(|stored| json_form(&column.data_type, &stored)));
    }
    Ok(object(of, forms))
}

/// As `json_populate_record` reads it: what is missing is NULL, what is no field is left out.
pub fn from_json(catalog: &Catalog, of: &Table, json: &str) -> Result<String, InputError> {
    let malformed = |_| InputError::new("22P02", "malformed record");
    let members: IndexMap<String, &RawValue> = serde_json::from_str(json).map_err(malformed)?;
    let mut forms = Vec::new();
    for column in &of.columns {
        let stored = match members.get(&column.name) {
            Some(value) => super::from_json(catalog, &column.data_type, value.get())?,
            None => None,
        };
        forms.push(stored.map(|stored| json_form(&column.data_type, stored.as_str())));
    }
    Ok(object(of, forms))
}

fn object(of: &Table, forms: Vec<Option<String>>) -> String {
    let members = of.columns.iter().zip(forms).map(|(column, form)| {
        format!("{}:{}", json::quoted(&column.name), form.as_deref().unwrap_or("null"))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}
