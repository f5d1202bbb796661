//! `app_metadata` and `user_metadata`: JSON objects that change key by key.

use serde_json::{Map, Value};

/// A JSON object of an account.
pub type Metadata = Map<String, Value>;

/// The object in a column; anything that is no object counts as empty.
pub fn read(column: &str) -> Metadata {
    serde_json::from_str(column).unwrap_or_default()
}

/// Applies changes to a column: a key replaces the whole old value (nested objects are not merged),
/// null deletes it. Without changes the column's text stays as it is.
pub fn merge(column: &mut String, changes: &Metadata) {
    if changes.is_empty() {
        return;
    }
    let mut metadata = read(column);
    for (key, value) in changes {
        if value.is_null() {
            metadata.shift_remove(key);
        } else {
            metadata.insert(key.clone(), value.clone());
        }
    }
    *column = Value::Object(metadata).to_string();
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_replace_and_null_deletes() {
        let rows = [
            (r#"{"a":1}"#, json!({"b": 2}), r#"{"a":1,"b":2}"#),
            (r#"{"a":{"x":1}}"#, json!({"a": {"y": 2}}), r#"{"a":{"y":2}}"#),
            (r#"{ "a": 1 }"#, json!({}), r#"{ "a": 1 }"#),
            (r#"{"a":1,"b":2}"#, json!({"a": null, "c": null}), r#"{"b":2}"#),
        ];
        for (column, changes, expected) in rows {
            let mut column = column.to_string();
            merge(&mut column, changes.as_object().unwrap());
            assert_eq!(column, expected);
        }
    }
}
