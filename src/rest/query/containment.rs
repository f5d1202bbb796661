//! jsonb's `@>` and `<@` with a literal, as conditions on the value's parts.
//!
//! The literal is known, so its tree becomes the condition's: `{"a":[1]}` contains → an object with
//! a member "a" that is an array with an item 1. Strings compare by their text, numbers by value.

use serde_json::Value;

use super::Builder;
use crate::dialect::json_kind_is;
use crate::rest::error::RestError;
use crate::rest::plan::Containment;
use crate::sql::balanced;

/// Most values in a literal; each is a condition of its own.
const MOST_VALUES: usize = 150;

/// How deep a literal may nest; each level is a subquery, and D1 takes expressions 100 deep.
const DEEPEST: usize = 6;

/// A JSON value in SQL: its `json_type`, its value when it is no container, its text when it is.
struct Place {
    kind: String,
    atom: String,
    text: String,
}

impl Builder<'_> {
    /// Whether the jsonb value `json` contains the literal, or is contained by it.
    pub fn json_containment(
        &mut self,
        json: &str,
        containment: Containment,
        literal: &str,
    ) -> Result<String, RestError> {
        let literal: Value =
            serde_json::from_str(literal).map_err(|error| RestError::Internal(error.to_string()))?;
        if size(&literal) > MOST_VALUES || depth(&literal) > DEEPEST {
            return Err(RestError::NotImplemented(format!(
                "containment with JSON of more than {MOST_VALUES} values or {DEEPEST} levels is not supported"
            )));
        }
        let root = Place {
            kind: format!("json_type({json})"),
            atom: format!("{json} ->> '$'"),
            text: json.to_string(),
        };
        // At the top alone, an array contains a bare scalar as it would an array of it.
        let condition = match (&literal, containment) {
            (Value::Array(items), Containment::ContainedBy) => {
                let scalars = items.iter().filter(|item| is_scalar(item));
                let mut terms = vec![self.is_contained(&root, &literal)?];
                for item in scalars {
                    terms.push(self.equals(&root, item));
                }
                balanced(terms, " OR ")
            }
            (scalar, Containment::Contains) if is_scalar(scalar) => {
                let equal = self.equals(&root, scalar);
                let item = self.has_item(&root, scalar)?;
                format!("({equal} OR ({} = 'array' AND {item}))", root.kind)
            }
            (literal, Containment::ContainedBy) => self.is_contained(&root, literal)?,
            (literal, _) => self.contains(&root, literal)?,
        };
        Ok(format!("CASE WHEN {json} IS NOT NULL THEN {condition} IS TRUE END"))
    }

    fn contains(&mut self, place: &Place, literal: &Value) -> Result<String, RestError> {
        let mut terms = vec![json_kind_is(&place.kind, literal)];
        match literal {
            Value::Object(members) => {
                for (key, value) in members {
                    let member = self.part();
                    let key = self.writer.bind(key);
                    let fits = self.contains(&member.place, value)?;
                    terms.push(format!(
                        "EXISTS (SELECT 1 FROM json_each({}) AS {} WHERE {}.key = {key} AND {fits})",
                        place.text, member.alias, member.alias
                    ));
                }
            }
            Value::Array(items) => {
                for item in items {
                    terms.push(self.has_item(place, item)?);
                }
            }
            scalar => return Ok(self.equals(place, scalar)),
        }
        Ok(balanced(terms, " AND "))
    }

    fn has_item(&mut self, place: &Place, literal: &Value) -> Result<String, RestError> {
        let item = self.part();
        let fits = self.contains(&item.place, literal)?;
        Ok(format!("EXISTS (SELECT 1 FROM json_each({}) AS {} WHERE {fits})", place.text, item.alias))
    }

    fn is_contained(&mut self, place: &Place, literal: &Value) -> Result<String, RestError> {
        let part = self.part();
        let fits = match literal {
            Value::Object(members) => {
                let mut terms = Vec::new();
                for (key, value) in members {
                    let key = self.writer.bind(key);
                    let fits = self.is_contained(&part.place, value)?;
                    terms.push(format!("({}.key = {key} AND {fits})", part.alias));
                }
                any(terms)
            }
            Value::Array(items) => {
                let mut terms = Vec::new();
                for item in items {
                    terms.push(self.is_contained(&part.place, item)?);
                }
                any(terms)
            }
            scalar => return Ok(self.equals(place, scalar)),
        };
        Ok(format!(
            "({} AND NOT EXISTS (SELECT 1 FROM json_each({}) AS {} WHERE {fits} IS NOT TRUE))",
            json_kind_is(&place.kind, literal),
            place.text,
            part.alias
        ))
    }

    fn equals(&mut self, place: &Place, scalar: &Value) -> String {
        let is = json_kind_is(&place.kind, scalar);
        match scalar {
            Value::String(text) => format!("({is} AND {} = {})", place.atom, self.writer.bind(text)),
            Value::Number(number) => {
                let bound = self.writer.bind(number.to_string());
                format!("({is} AND {} = CAST({bound} AS NUMERIC))", place.atom)
            }
            _ => is,
        }
    }

    /// A row of a `json_each` of its own.
    fn part(&mut self) -> Part {
        let alias = self.alias();
        let place = Place {
            kind: format!("{alias}.type"),
            atom: format!("{alias}.atom"),
            // `json_each` refuses a text that is no JSON, such as a string item's.
            text: format!("CASE WHEN {alias}.type IN ('array', 'object') THEN {alias}.value END"),
        };
        Part { alias, place }
    }
}

struct Part {
    alias: String,
    place: Place,
}

fn any(terms: Vec<String>) -> String {
    if terms.is_empty() { "FALSE".to_string() } else { format!("({})", balanced(terms, " OR ")) }
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        _ => 0,
    }
}

fn depth(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
