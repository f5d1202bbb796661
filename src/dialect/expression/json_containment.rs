//! jsonb's `@>` and `<@` with a literal, as conditions on the value's parts: of queries and of the data API's filters.
//!
//! The literal is known, so its tree becomes the condition's: `{"a":[1]}` contains → an object with
//! a member "a" that is an array with an item 1. Strings compare by their text, numbers by value.

use serde_json::{Number, Value};

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{balanced, quote_identifier, quote_literal};

/// Most values in a literal; each is a condition of its own.
const MOST_VALUES: usize = 150;

/// How deep a literal may nest; each level is a subquery, and D1 takes expressions 100 deep.
const DEEPEST: usize = 6;

/// What a statement has for the literal's parts.
pub trait JsonParts {
    /// A row's name, quoted, that the statement has not had.
    fn row(&mut self) -> String;
    /// A text.
    fn text(&mut self, text: &str) -> String;
    /// A number.
    fn number(&mut self, number: &Number) -> String;
}

/// Whether the jsonb value `json` contains the literal, or is contained by it. The error says why it is too large.
pub fn json_containment(
    parts: &mut dyn JsonParts,
    json: &str,
    literal: &Value,
    is_contained: bool,
) -> Result<String, String> {
    let (size, depth) = measure(literal);
    if size > MOST_VALUES || depth > DEEPEST {
        return Err(format!("containment with JSON of more than {MOST_VALUES} values or {DEEPEST} levels"));
    }
    let root =
        Place { kind: format!("json_type({json})"), atom: format!("{json} ->> '$'"), text: json.to_string() };
    let mut within = Within { parts };
    // At the top alone, an array contains a bare scalar as it would an array of it.
    let condition = match (literal, is_contained) {
        (Value::Array(items), true) => {
            let mut terms = vec![within.is_contained(&root, literal)];
            terms.extend(items.iter().filter(|item| is_scalar(item)).map(|item| within.equals(&root, item)));
            balanced(terms, " OR ")
        }
        (scalar, false) if is_scalar(scalar) => {
            let equal = within.equals(&root, scalar);
            format!("({equal} OR ({} = 'array' AND {}))", root.kind, within.has_item(&root, scalar))
        }
        (_, true) => within.is_contained(&root, literal),
        (_, false) => within.contains(&root, literal),
    };
    Ok(format!("CASE WHEN {json} IS NOT NULL THEN {condition} IS TRUE END"))
}

/// Whether a jsonb value contains the literal.
pub fn contains(lowering: &mut Lowering<'_>, json: String, literal: &str) -> Result<Piece, DialectError> {
    lowering.only_in_queries("@> of jsonb")?;
    let value: Value = serde_json::from_str(literal)
        .map_err(|_| DialectError::new("22P02", "invalid input syntax for type json"))?;
    if has_long_number(literal) {
        let literal = super::piece::literal(lowering.catalog, &DataType::Jsonb, literal)?;
        return super::json_function::contains(lowering, json, literal).map(Piece::bool);
    }
    let mut parts = Written { row: lowering.alias(), rows: 0 };
    let mut refused = None;
    let sql = lowering.once(json, |json| {
        json_containment(&mut parts, json, &value, false).unwrap_or_else(|reason| {
            refused = Some(DialectError::unsupported(reason));
            String::new()
        })
    })?;
    refused.map_or(Ok(Piece::bool(sql)), Err)
}

/// Literals in the SQL itself.
struct Written {
    row: String,
    rows: usize,
}

impl JsonParts for Written {
    fn row(&mut self) -> String {
        self.rows += 1;
        quote_identifier(&format!("{}/{}", self.row, self.rows))
    }

    fn text(&mut self, text: &str) -> String {
        quote_literal(text)
    }

    fn number(&mut self, number: &Number) -> String {
        number.to_string()
    }
}

/// A JSON value in SQL: its `json_type`, its value when it is no container, its text when it is.
struct Place {
    kind: String,
    atom: String,
    text: String,
}

struct Within<'a> {
    parts: &'a mut dyn JsonParts,
}

impl Within<'_> {
    fn contains(&mut self, place: &Place, literal: &Value) -> String {
        let mut terms = vec![json_kind_is(&place.kind, literal)];
        match literal {
            Value::Object(members) => {
                for (key, value) in members {
                    let (row, part) = self.part();
                    let key = self.parts.text(key);
                    let fits = self.contains(&part, value);
                    terms.push(format!(
                        "EXISTS (SELECT 1 FROM json_each({}) AS {row} WHERE {row}.key = {key} AND {fits})",
                        place.text
                    ));
                }
            }
            Value::Array(items) => terms.extend(items.iter().map(|item| self.has_item(place, item))),
            scalar => return self.equals(place, scalar),
        }
        balanced(terms, " AND ")
    }

    fn has_item(&mut self, place: &Place, literal: &Value) -> String {
        let (row, part) = self.part();
        let fits = self.contains(&part, literal);
        format!("EXISTS (SELECT 1 FROM json_each({}) AS {row} WHERE {fits})", place.text)
    }

    fn is_contained(&mut self, place: &Place, literal: &Value) -> String {
        if is_scalar(literal) {
            return self.equals(place, literal);
        }
        let (row, part) = self.part();
        let mut terms = Vec::new();
        match literal {
            Value::Object(members) => {
                for (key, value) in members {
                    let key = self.parts.text(key);
                    terms.push(format!("({row}.key = {key} AND {})", self.is_contained(&part, value)));
                }
            }
            Value::Array(items) => terms.extend(items.iter().map(|item| self.is_contained(&part, item))),
            _ => {}
        }
        let fits = match terms.is_empty() {
            true => "FALSE".to_string(),
            false => format!("({})", balanced(terms, " OR ")),
        };
        format!(
            "({} AND NOT EXISTS (SELECT 1 FROM json_each({}) AS {row} WHERE {fits} IS NOT TRUE))",
            json_kind_is(&place.kind, literal),
            place.text
        )
    }

    fn equals(&mut self, place: &Place, scalar: &Value) -> String {
        let is = json_kind_is(&place.kind, scalar);
        match scalar {
            Value::String(text) => format!("({is} AND {} = {})", place.atom, self.parts.text(text)),
            Value::Number(number) => format!("({is} AND {} = {})", place.atom, self.parts.number(number)),
            _ => is,
        }
    }

    /// A row of a `json_each` of its own.
    fn part(&mut self) -> (String, Place) {
        let row = self.parts.row();
        let place = Place {
            kind: format!("{row}.type"),
            atom: format!("{row}.atom"),
            // `json_each` refuses a text that is no JSON, such as a string item's.
            text: format!("CASE WHEN {row}.type IN ('array', 'object') THEN {row}.value END"),
        };
        (row, place)
    }
}

/// Whether a `json_type` is the literal's.
fn json_kind_is(kind: &str, literal: &Value) -> String {
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
