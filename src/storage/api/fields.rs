//! A JSON body's fields, refused in the words of upstream's JSON schema.

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
    pub fn text(&self, name: &str) -> Result<Option<&str>, StorageError> {
        self.typed(name, "string", Value::as_str)
    }

    /// True or false, if there.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, StorageError> {
        self.typed(name, "boolean", Value::as_bool)
    }

    /// An integer of at least `least`, if there.
    pub fn integer(&self, name: &str, least: i64) -> Result<Option<i64>, StorageError> {
        let number = self.typed(name, "integer", Value::as_i64)?;
        if number.is_some_and(|number| number < least) {
            return Err(invalid(format!("body/{name} must be >= {least}")));
        }
        Ok(number)
    }

    /// An object's own fields, if there.
    pub fn object(&self, name: &str) -> Result<Option<Self>, StorageError> {
        Ok(self.typed(name, "object", Value::as_object)?.map(|fields| Self(fields.clone())))
    }

    /// Texts, if there.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, StorageError> {
        let Some(items) = self.typed(name, "array", Value::as_array)? else { return Ok(None) };
        let text = |(index, item): (usize, &Value)| {
            let text = item.as_str().map(str::to_string);
            text.ok_or_else(|| invalid(format!("body/{name}/{index} must be string")))
        };
        items.iter().enumerate().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// The value as it is, null included.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    fn typed<'a, T>(
        &'a self,
        name: &str,
        kind: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, StorageError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| invalid(format!("body/{name} must be {kind}")))
    }
}

/// A refusal in schema's words.
pub fn invalid(message: String) -> StorageError {
    StorageError::InvalidRequest(message)
}
