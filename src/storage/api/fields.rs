//! A JSON body's fields, taken and refused as upstream's JSON schemas do it: Fastify has values of other types converted where
//! they can be (`"60"` for an integer), as [Ajv's `coerceTypes: "array"`](https://ajv.js.org/coercion.html) says.

use serde_json::{Map, Value};

use crate::http::Context;
use crate::storage::StorageError;

/// The fields of a JSON object.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Reads the whole body.
    pub async fn read(context: &mut Context) -> Result<Self, StorageError> {
        let bytes = std::mem::take(&mut context.body).read(context.body_limit).await?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(invalid("body must be object".to_string())),
            Err(_) if bytes.is_empty() => Err(invalid("body must be object".to_string())),
            Err(_) => Err(invalid("Body is not valid JSON".to_string())),
        }
    }

    /// Whether any of these is there.
    pub fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.0.contains_key(*name))
    }

    /// A field that must be there.
    pub fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, StorageError> {
        value.ok_or_else(|| invalid(format!("body must have required property '{name}'")))
    }

    /// Text, if there.
    pub fn text(&self, name: &str) -> Result<Option<String>, StorageError> {
        self.typed(name, "string", text)
    }

    /// True or false, if there.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, StorageError> {
        self.typed(name, "boolean", flag)
    }

    /// An integer of at least `least`, if there.
    pub fn integer(&self, name: &str, least: i64) -> Result<Option<i64>, StorageError> {
        let number = self.typed(name, "integer", integer)?;
        if number.is_some_and(|number| number < least) {
            return Err(invalid(format!("body/{name} must be >= {least}")));
        }
        Ok(number)
    }

    /// An object's own fields, if there.
    pub fn object(&self, name: &str) -> Result<Option<Self>, StorageError> {
        self.typed(name, "object", |value| value.as_object().cloned().map(Self))
    }

    /// Texts, if there; a value alone is an array of it.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, StorageError> {
        let items = match self.0.get(name) {
            None => return Ok(None),
            Some(Value::Array(items)) => items.as_slice(),
            Some(Value::Object(_)) => return Err(invalid(format!("body/{name} must be array"))),
            Some(alone) => std::slice::from_ref(alone),
        };
        let read = |(index, item)| {
            text(only(item)).ok_or_else(|| invalid(format!("body/{name}/{index} must be string")))
        };
        items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
    }

    /// The value as it is, null included.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    fn typed<T>(
        &self,
        name: &str,
        kind: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, StorageError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        read(only(value)).map(Some).ok_or_else(|| invalid(format!("body/{name} must be {kind}")))
    }
}

/// The value itself, or the one in an array of one.
fn only(value: &Value) -> &Value {
    match value.as_array().map(Vec::as_slice) {
        Some([only]) => only,
        _ => value,
    }
}

/// A string, or what is written as one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => Some(String::new()),
        Value::Bool(_) => Some(value.to_string()),
        Value::Number(number) => {
            Some(integer(value).map_or_else(|| number.to_string(), |whole| whole.to_string()))
        }
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A whole number, or what counts as one.
pub fn integer(value: &Value) -> Option<i64> {
    let whole =
        |number: f64| (number.fract() == 0.0 && number.abs() < 2f64.powi(63)).then_some(number as i64);
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok().or_else(|| whole(text.trim().parse().ok()?)),
        Value::Bool(truth) => Some(i64::from(*truth)),
        Value::Null => Some(0),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => text.parse().ok(),
        Value::Number(_) => integer(value).filter(|number| matches!(number, 0 | 1)).map(|number| number == 1),
        Value::Null => Some(false),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A refusal in schema's words.
pub fn invalid(message: String) -> StorageError {
    StorageError::InvalidRequest(message)
}
