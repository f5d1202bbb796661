//! The database port on D1.

use async_trait::async_trait;
use js_sys::{Array, JsString, Promise};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::exception::message_of;
use super::promise::settled;
use super::response::PlatformText;
use crate::ports::{Cost, Database, DbError, Freshness, ResultSet, Text};
use crate::sql::{Bind, Statement};

#[wasm_bindgen(module = "/src/platform/database.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn batch(database: &JsValue, statements: &str, long: &Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn one(database: &JsValue, text: &str, binds: &str, long: &Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn session(database: &JsValue, from: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    fn bookmark(session: &JsValue) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(catch, js_name = rowCount)]
    fn row_count(result: &JsValue) -> Result<u32, JsValue>;
    #[wasm_bindgen(catch, js_name = rowsAsJson)]
    fn rows_as_json(result: &JsValue) -> Result<String, JsValue>;
    #[wasm_bindgen(catch, js_name = jsonArray)]
    fn json_array(result: &JsValue) -> Result<JsString, JsValue>;
    #[wasm_bindgen(catch)]
    fn text(result: &JsValue, row: u32) -> Result<Option<JsString>, JsValue>;
    #[wasm_bindgen(catch)]
    fn number(result: &JsValue, row: u32, column: &str) -> Result<Option<f64>, JsValue>;
    #[wasm_bindgen(catch)]
    fn changes(result: &JsValue) -> Result<f64, JsValue>;
    #[wasm_bindgen(catch)]
    fn cost(result: &JsValue) -> Result<Array, JsValue>;
}

/// A D1 binding.
pub struct D1(pub JsValue);

#[async_trait(?Send)]
impl Database for D1 {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Box<dyn ResultSet>>, DbError> {
        run(&self.0, &statements).await
    }

    async fn batch_from(
        &self,
        freshness: Freshness<'_>,
        statements: Vec<Statement>,
    ) -> Result<(Vec<Box<dyn ResultSet>>, Option<String>), DbError> {
        let from = match freshness {
            Freshness::Any => "first-unconstrained",
            Freshness::Newest => "first-primary",
            Freshness::SinceBookmark(bookmark) => bookmark,
        };
        let session = session(&self.0, from).map_err(|thrown| DbError::classify(&message_of(&thrown)))?;
        let results = run(&session, &statements).await?;
        Ok((results, bookmark(&session).ok().flatten()))
    }
}

/// Runs statements on the database or a session of it.
async fn run(database: &JsValue, statements: &[Statement]) -> Result<Vec<Box<dyn ResultSet>>, DbError> {
    let failed = |thrown: JsValue| DbError::classify(&message_of(&thrown));
    let long = Array::new();
    if let [statement] = statements {
        let binds = as_json(&sent(statement, &long))?;
        let answer = one(database, &statement.text, &binds, &long).map_err(failed)?;
        return Ok(vec![Rows::of(settled(&answer).await.map_err(failed)?)?]);
    }
    let all: Vec<(&str, Vec<Sent<'_>>)> =
        statements.iter().map(|statement| (statement.text.as_ref(), sent(statement, &long))).collect();
    let answer = batch(database, &as_json(&all)?, &long).map_err(failed)?;
    let results: Array = settled(&answer).await.map_err(failed)?.unchecked_into();
    if results.length() as usize != statements.len() {
        let asked = statements.len();
        return Err(DbError::Other(format!("D1 gave {} results for {asked} statements", results.length())));
    }
    results.iter().map(Rows::of).collect()
}

/// Bytes from which a bind crosses by itself: writing it as JSON and reading it again would cost more than a crossing.
const LONG: usize = 1024;

/// A statement's binds. A number among them is the place of a bind among the long ones.
fn sent<'a>(statement: &'a Statement, long: &Array) -> Vec<Sent<'a>> {
    statement.binds.iter().map(|bind| Sent::of(bind, long)).collect()
}

/// `["a",null,0]`, or `[["SELECT …",["a",null,0]],…]`: whatever there is crosses into JavaScript as one string.
fn as_json(value: &impl Serialize) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Other(error.to_string()))
}

/// A bind on its way.
#[derive(Serialize)]
#[serde(untagged)]
enum Sent<'a> {
    Null,
    Text(&'a str),
    Long(u32),
}

impl<'a> Sent<'a> {
    fn of(bind: &'a Bind, long: &Array) -> Self {
        match bind {
            Bind::Null => Self::Null,
            Bind::Text(text) if text.len() < LONG => Self::Text(text),
            Bind::Text(text) => Self::Long(long.push(&JsValue::from_str(text)) - 1),
        }
    }
}

/// One statement's result, in JavaScript's memory.
struct Rows {
    result: JsValue,
    count: usize,
}

impl Rows {
    fn of(result: JsValue) -> Result<Box<dyn ResultSet>, DbError> {
        let count = row_count(&result).map_err(|thrown| DbError::Other(message_of(&thrown)))?;
        Ok(Box::new(Self { result, count: count as usize }))
    }
}

impl ResultSet for Rows {
    fn len(&self) -> usize {
        self.count
    }

    fn to_json(&self) -> String {
        rows_as_json(&self.result).unwrap_or_default()
    }

    fn json_array(&self) -> Box<dyn Text> {
        Box::new(PlatformText(json_array(&self.result).unwrap_or_default()))
    }

    fn text(&self, row: usize) -> Option<Box<dyn Text>> {
        let text = text(&self.result, u32::try_from(row).ok()?).ok()??;
        Some(Box::new(PlatformText(text)))
    }

    fn number(&self, row: usize, column: &str) -> Option<u64> {
        let number = number(&self.result, u32::try_from(row).ok()?, column).ok()??;
        (number >= 0.0).then_some(number as u64)
    }

    fn cost(&self) -> Cost {
        let Ok(figures) = cost(&self.result) else { return Cost::default() };
        let exact = |at| figures.get(at).as_f64().unwrap_or_default();
        let figure = |at| exact(at) as u64;
        Cost { rows_read: figure(0), rows_written: figure(1), changes: figure(2), milliseconds: exact(3) }
    }

    fn changes(&self) -> u64 {
        changes(&self.result).unwrap_or_default() as u64
    }
}
