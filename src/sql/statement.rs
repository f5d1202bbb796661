//! One SQL statement and its binds.

use std::borrow::Cow;

/// A bound value. There is no number: D1 binds every JavaScript number as REAL, so numbers travel
/// as text and the column's affinity or a `CAST` makes them integers again.
#[derive(Clone, Debug, PartialEq)]
pub enum Bind {
    /// SQL NULL.
    Null,
    /// Text, at most 2 MB.
    Text(String),
}

/// A statement ready to run: text with `?1`… placeholders and one bind for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// SQLite's dialect; at most 100 KB.
    pub text: Cow<'static, str>,
    /// At most 100.
    pub binds: Vec<Bind>,
}

impl Statement {
    /// A statement without binds.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), binds: Vec::new() }
    }

    /// The same statement with one more bind: text, a number, a boolean (as 1 or 0), or an option of these.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Bind>) -> Self {
        self.binds.push(value.into());
        self
    }
}

impl From<&str> for Bind {
    fn from(value: &str) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<String> for Bind {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Bind {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<i64> for Bind {
    fn from(value: i64) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<bool> for Bind {
    fn from(value: bool) -> Self {
        Self::Text(if value { "1" } else { "0" }.to_string())
    }
}

impl<T: Into<Bind>> From<Option<T>> for Bind {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
