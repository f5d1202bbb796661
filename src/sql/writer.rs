//! Builds one statement's text while numbering its binds.

use super::{Bind, Statement};

/// A statement under construction. Equal texts share one placeholder, which keeps policies that
/// name the caller in many places under D1's 100 binds.
#[derive(Default)]
pub struct Writer {
    text: String,
    binds: Vec<Bind>,
}

impl Writer {
    /// Appends SQL text as it stands.
    pub fn push(&mut self, sql: &str) -> &mut Self {
        self.text.push_str(sql);
        self
    }

    /// The placeholder for a value: `?3`. A value bound before keeps its number.
    pub fn bind(&mut self, value: impl Into<Bind>) -> String {
        let value = value.into();
        let index = self.binds.iter().position(|bound| *bound == value).unwrap_or_else(|| {
            self.binds.push(value);
            self.binds.len() - 1
        });
        format!("?{}", index + 1)
    }

    /// The finished statement.
    pub fn finish(self) -> Statement {
        Statement { text: self.text.into(), binds: self.binds }
    }
}
