//! Putting written rows in order. SQLite gives back the rows of a write as it writes them, whatever
//! `order` or the body says; such an answer is read and arranged here, the only one that is.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::error::RestError;
use super::plan::{Insert, Order};
use crate::ports::{Body, ResultSet};

type Rows = dyn ResultSet;

#[derive(Deserialize)]
struct Keyed {
    j: String,
    k: String,
}

/// An upsert gives back first the rows that were there and then the new ones; the answer has them
/// in the body's order, so that a client can pair them with what it sent.
pub fn as_in_the_body(insert: &Insert<'_>, sets: &[&Rows]) -> Result<Body, RestError> {
    let keys = insert.rows.iter().map(|row| insert.key(row));
    let places: HashMap<Vec<&str>, usize> =
        keys.enumerate().filter_map(|(place, key)| Some((key?, place))).collect();
    let mut rows: Vec<(usize, String)> = Vec::new();
    for set in sets {
        for row in set.decode::<Keyed>().map_err(internal)? {
            let key: Vec<Option<String>> = serde_json::from_str(&row.k).map_err(internal)?;
            let key: Vec<&str> = key.iter().map(|value| value.as_deref().unwrap_or_default()).collect();
            rows.push((places.get(&key).copied().unwrap_or(usize::MAX), row.j));
        }
    }
    rows.sort_by_key(|(place, _)| *place);
    Ok(array(rows.into_iter().map(|(_, row)| row)))
}

#[derive(Deserialize)]
struct Ordered {
    j: String,
    o: String,
}

/// The rows as `order` asks.
pub fn as_ordered(order: &[Order<'_>], sets: &[&Rows]) -> Result<Body, RestError> {
    let mut rows: Vec<(Vec<Value>, String)> = Vec::new();
    for set in sets {
        for row in set.decode::<Ordered>().map_err(internal)? {
            rows.push((serde_json::from_str(&row.o).map_err(internal)?, row.j));
        }
    }
    rows.sort_by(|(one, _), (other, _)| compare(order, one, other));
    Ok(array(rows.into_iter().map(|(_, row)| row)))
}

fn compare(order: &[Order<'_>], one: &[Value], other: &[Value]) -> Ordering {
    let keys = order.iter().zip(one.iter().zip(other));
    let by_key = |(order, (one, other)): (&Order<'_>, (&Value, &Value))| {
        let first = if order.nulls_first { Ordering::Less } else { Ordering::Greater };
        match (one.is_null(), other.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => first,
            (false, true) => first.reverse(),
            (false, false) if order.descending => compare_values(other, one),
            (false, false) => compare_values(one, other),
        }
    };
    keys.map(by_key).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}

/// As SQLite compares: integers exactly, other numbers as doubles, numbers before texts, texts by their bytes.
fn compare_values(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::String(_), _) => Ordering::Greater,
        (_, Value::String(_)) => Ordering::Less,
        (one, other) => match (one.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => {
                let (one, other) = (one.as_f64().unwrap_or(f64::MAX), other.as_f64().unwrap_or(f64::MAX));
                one.total_cmp(&other)
            }
        },
    }
}

fn array(rows: impl Iterator<Item = String>) -> Body {
    let rows: Vec<String> = rows.collect();
    Body::from(format!("[{}]", rows.join(",")))
}

fn internal(error: impl std::fmt::Debug) -> RestError {
    RestError::Internal(format!("{error:?}"))
}
