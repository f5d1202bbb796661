//! The steps of `->`, `#>` and `jsonb_set` as a SQLite path.

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{quote_literal, raise};

/// One step into a JSON value.
#[derive(Clone, Debug)]
pub enum Step {
    /// A member's name.
    Key(String),
    /// An item's place; negative from the end.
    Index(i64),
    /// A place in arrays, a name in objects, as steps of paths are.
    Either(i64),
    /// A name known when the statement runs.
    Name(String),
    /// A place known when the statement runs.
    Place(String),
    /// Either, known when the statement runs.
    Unknown(String),
}

impl Step {
    /// The step of `->`: a name or a place by its type.
    pub fn of_arrow(lowering: &mut Lowering<'_>, step: Piece) -> Result<Self, DialectError> {
        match step {
            Piece::Unknown(key) => Ok(Self::Key(key)),
            Piece::Typed(sql, DataType::Int2 | DataType::Int4) => {
                Ok(match sql.trim_matches(['(', ')']).parse::<i64>() {
                    Ok(index) => Self::Index(index),
                    Err(_) => Self::Place(sql),
                })
            }
            Piece::Typed(..) => Ok(Self::Name(lowering.as_text(step)?)),
            Piece::Null => Ok(Self::Name("NULL".to_string())),
        }
    }

    /// The steps of a path: `'{a,0,b}'`, `ARRAY['a', 'b']`.
    pub fn of_path(lowering: &mut Lowering<'_>, path: &Piece) -> Result<Vec<Self>, DialectError> {
        let text = match path {
            Piece::Unknown(text) => {
                let array = DataType::Array(Box::new(DataType::Text));
                crate::schema::canonical(lowering.catalog, &array, text)
                    .map_err(|error| DialectError::new(error.code, error.message))?
            }
            Piece::Typed(sql, DataType::Array(_)) => {
                if let Some(text) = sql.strip_prefix('\'').and_then(|sql| sql.strip_suffix('\'')) {
                    text.replace("''", "'")
                } else if let Some(items) =
                    sql.strip_prefix("json_array(").and_then(|sql| sql.strip_suffix(')'))
                {
                    return items.split(", ").map(|item| Self::of_item(item, path)).collect();
                } else {
                    return Err(no_literal(path));
                }
            }
            _ => return Err(no_literal(path)),
        };
        let steps: Vec<Option<String>> = serde_json::from_str(&text)
            .map_err(|_| DialectError::new("22P02", format!("malformed array literal: \"{text}\"")))?;
        Ok(steps.into_iter().map(|step| step.map_or(Self::Name("NULL".into()), Self::of_text)).collect())
    }

    /// An item of a `json_array(…)` that was written as ARRAY[…].
    fn of_item(item: &str, path: &Piece) -> Result<Self, DialectError> {
        let literal = item.strip_prefix('\'').and_then(|item| item.strip_suffix('\''));
        match literal {
            Some(text) if !text.contains('\'') => Ok(Self::of_text(text.to_string())),
            None if !item.contains(['\'', '(', ' ']) => Ok(Self::Unknown(item.to_string())),
            _ => Err(no_literal(path)),
        }
    }

    /// A step of a path by its text.
    pub fn of_text(text: String) -> Self {
        match text.parse::<i64>() {
            Ok(index) => Self::Either(index),
            Err(_) => Self::Key(text),
        }
    }

    /// This step after `path`, both SQL; `json` is what the path leads into.
    fn after(&self, path: &str, json: &str) -> Result<String, DialectError> {
        let place = |index: i64| if index < 0 { format!("[#{index}]") } else { format!("[{index}]") };
        Ok(match self {
            Self::Key(key) => quote_literal(&key_step(key)?),
            Self::Index(index) => quote_literal(&place(*index)),
            Self::Either(index) => format!(
                "CASE json_type({json}, {path}) WHEN 'array' THEN '{}' ELSE '.\"{index}\"' END",
                place(*index)
            ),
            Self::Name(sql) => name_step(sql),
            Self::Place(sql) => {
                format!("CASE WHEN {sql} < 0 THEN '[#' || {sql} || ']' ELSE '[' || {sql} || ']' END")
            }
            Self::Unknown(sql) => format!(
                "CASE WHEN json_type({json}, {path}) = 'array' AND CAST(CAST({sql} AS INTEGER) AS TEXT) = {sql} \
                 THEN CASE WHEN substr({sql}, 1, 1) = '-' THEN '[#' || {sql} || ']' ELSE '[' || {sql} || ']' END ELSE {} END",
                name_step(sql)
            ),
        })
    }
}

/// The SQL of a path of these steps into `json`.
pub fn path_sql(json: &str, steps: &[Step]) -> Result<String, DialectError> {
    let mut literal = "$".to_string();
    let mut path: Option<String> = None;
    for step in steps {
        let so_far = path.clone().unwrap_or_else(|| quote_literal(&literal));
        match (step, &path) {
            (Step::Key(key), None) => literal.push_str(&key_step(key)?),
            (Step::Index(index), None) if *index < 0 => literal.push_str(&format!("[#{index}]")),
            (Step::Index(index), None) => literal.push_str(&format!("[{index}]")),
            _ => path = Some(format!("({so_far} || {})", step.after(&so_far, json)?)),
        }
    }
    let path = path.unwrap_or_else(|| quote_literal(&literal));
    if path.len() > 20_000 {
        return Err(DialectError::new("54001", "the path is too complex"));
    }
    Ok(path)
}

/// `.key` quoted for a path. SQLite reads no escapes there.
pub fn key_step(key: &str) -> Result<String, DialectError> {
    if key.contains(['"', '\\']) || key.chars().any(char::is_control) {
        return Err(DialectError::unsupported("a JSON key with quotes, backslashes or control characters"));
    }
    Ok(format!(".\"{key}\""))
}

fn name_step(sql: &str) -> String {
    let error = raise("'0A000:a JSON key with quotes or backslashes is not supported'");
    format!("CASE WHEN instr({sql}, '\"') OR instr({sql}, '\\') THEN {error} ELSE '.\"' || {sql} || '\"' END")
}

fn no_literal(_: &Piece) -> DialectError {
    DialectError::unsupported("a JSON path that is no literal").with_hint("Write a chain of -> instead.")
}
