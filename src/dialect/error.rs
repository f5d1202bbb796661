//! Why SQL was refused.

/// A refusal with its SQLSTATE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialectError {
    /// `42601` syntax, `0A000` not supported here, `42703` unknown column, `42P01` unknown table, ….
    pub code: &'static str,
    /// What is wrong, in Postgres' wording where Postgres would refuse it too.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl DialectError {
    /// A refusal without a hint.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// Something Postgres has and this translator does not: `0A000`.
    pub fn unsupported(what: impl std::fmt::Display) -> Self {
        Self::new("0A000", format!("{what} is not supported"))
    }

    /// The same refusal with a hint.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
