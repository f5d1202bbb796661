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

/// How many bytes of a message are told: some repeat what the statement says, which may be a megabyte of one word.
const LONGEST_MESSAGE: usize = 4_000;

impl DialectError {
    /// A refusal without a hint.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > LONGEST_MESSAGE {
            let end = (0..=LONGEST_MESSAGE).rev().find(|end| message.is_char_boundary(*end));
            message.truncate(end.unwrap_or_default());
            message.push('…');
        }
        Self { code, message, hint: None }
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
