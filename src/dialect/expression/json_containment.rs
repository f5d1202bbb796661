//! jsonb's `@>` with a literal, as conditions on the value's parts.
//!
//! The literal is known, so its tree becomes the condition's: `{"a":[1]}` → an object with a member
//! "a" that is an array with an item 1.

use serde_json::Value;

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{balanced, quote_identifier, quote_literal};

/// Most values in a literal; each is a condition of its own.
const MOST_VALUES: usize = 150;

/// How deep a literal may nest: each level is a subquery.
const DEEPEST: usize = 6;

/// Whether a jsonb value contains the literal.
pub fn contains(lowering: &mut Lowering<'_>, json: String, literal: &str) -> Result<Piece, DialectError> {
    lowering.only_in_queries("@> of jsonb")?;
    let value: Value = serde_json::from_str(literal)
        .map_err(|_| DialectError::new("22P02", "invalid input syntax for type json"))?;
    let (size, depth) = measure(&value);
    if size > MOST_VALUES || depth > DEEPEST {
        return Err(DialectError::unsupported(format!(
            "@> with more than {MOST_VALUES} values or {DEEPEST} levels"
        )));
    }
    if has_long_number(literal) {
        let literal = super::piece::literal(lowering.catalog, &DataType::Jsonb, literal)?;
        return super::json_function::contains(lowering, json, literal).map(Piece::bool);
    }
    let row = lowering.alias();
    let sql = lowering.once(json, |json| {
        let root = Place {
            kind: format!("json_type({json})"),
            atom: format!("{json} ->> '$'"),
            text: json.to_string(),
        };
        let mut aliases = 0;
        let mut parts = Parts { row: &row, count: &mut aliases };
        // At the top alone, an array contains a bare scalar as it would an array of it.
        let condition = match is_scalar(&value) {
            true => {
                let item = parts.has_item(&root, &value);
                format!("({} OR ({} = 'array' AND {item}))", equals(&root, &value), root.kind)
            }
            false => parts.contains(&root, &value),
        };
        format!("CASE WHEN {json} IS NOT NULL THEN {condition} IS TRUE END")
    })?;
    Ok(Piece::bool(sql))
}

/// A JSON value in SQL: its `json_type`, its value when it is no container, its text when it is.
struct Place {
    kind: String,
    atom: String,
    text: String,
}

/// Gives the rows of `json_each` names of their own.
struct Parts<'a> {
    row: &'a str,
    count: &'a mut usize,
}

impl Parts<'_> {
    fn contains(&mut self, place: &Place, literal: &Value) -> String {
        let mut terms = vec![json_kind_is(&place.kind, literal)];
        match literal {
            Value::Object(members) => {
                for (key, value) in members {
                    let (alias, part) = self.part();
                    let fits = self.contains(&part, value);
                    terms.push(format!(
                        "EXISTS (SELECT 1 FROM json_each({}) AS {alias} WHERE {alias}.key = {} AND {fits})",
                        place.text,
                        quote_literal(key)
                    ));
                }
            }
            Value::Array(items) => {
                for item in items {
                    terms.push(self.has_item(place, item));
                }
            }
            scalar => return equals(place, scalar),
        }
        balanced(terms, " AND ")
    }

    fn has_item(&mut self, place: &Place, literal: &Value) -> String {
        let (alias, part) = self.part();
        let fits = self.contains(&part, literal);
        format!("EXISTS (SELECT 1 FROM json_each({}) AS {alias} WHERE {fits})", place.text)
    }

    fn part(&mut self) -> (String, Place) {
        *self.count += 1;
        let alias = quote_identifier(&format!("{}/{}", self.row, self.count));
        let place = Place {
            kind: format!("{alias}.type"),
            atom: format!("{alias}.atom"),
            // `json_each` refuses a text that is no JSON, such as a string item's.
            text: format!("CASE WHEN {alias}.type IN ('array', 'object') THEN {alias}.value END"),
        };
        (alias, place)
    }
}

fn equals(place: &Place, scalar: &Value) -> String {
    let is = json_kind_is(&place.kind, scalar);
    match scalar {
        Value::String(text) => format!("({is} AND {} = {})", place.atom, quote_literal(text)),
        Value::Number(number) => format!("({is} AND {} = {number})", place.atom),
        _ => is,
    }
}

/// Whether a `json_type` is the literal's.
pub fn json_kind_is(kind: &str, literal: &Value) -> String {
    let kinds = match literal {
        Value::Null => "= 'null'",
        Value::Bool(true) => "= 'true'",
        Value::Bool(false) => "= 'false'",
        Value::Number(_) => "IN ('integer', 'real')",
        Value::String(_) => "= 'text'",
        Value::Array(_) => "= 'array'",
        Value::Object(_) => "= 'object'",
    };
    format!("{kind} {kinds}")
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

/// How many values there are, and how deep they nest.
fn measure(value: &Value) -> (usize, usize) {
    let inside: Vec<(usize, usize)> = match value {
        Value::Array(items) => items.iter().map(measure).collect(),
        Value::Object(members) => members.values().map(measure).collect(),
        _ => Vec::new(),
    };
    (
        1 + inside.iter().map(|(size, _)| size).sum::<usize>(),
        1 + inside.iter().map(|(_, depth)| *depth).max().unwrap_or(0),
    )
}

/// Whether a run of digits is longer than a double keeps.
fn has_long_number(text: &str) -> bool {
    text.split(|letter: char| !letter.is_ascii_digit() && letter != '.').any(|run| run.len() > 15)
}
