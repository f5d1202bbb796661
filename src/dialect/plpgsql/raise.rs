//! `RAISE`: the error that comes out, with its SQLSTATE, detail and hint.

use super::condition::Condition;
use super::machine::Machine;
use super::syntax::Raise;
use crate::dialect::DialectError;
use crate::sql::{RAISE_SEPARATOR, quote_literal, raise};

/// The conditions that a function may raise by name.
#[rustfmt::skip]
const CONDITIONS: &[(&str, &str)] = &[
    ("raise_exception",                    "P0001"),
    ("no_data_found",                      "P0002"),
    ("too_many_rows",                      "P0003"),
    ("assert_failure",                     "P0004"),
    ("integrity_constraint_violation",     "23000"),
    ("restrict_violation",                 "23001"),
    ("not_null_violation",                 "23502"),
    ("foreign_key_violation",              "23503"),
    ("unique_violation",                   "23505"),
    ("check_violation",                    "23514"),
    ("exclusion_violation",                "23P01"),
    ("data_exception",                     "22000"),
    ("string_data_right_truncation",       "22001"),
    ("numeric_value_out_of_range",         "22003"),
    ("null_value_not_allowed",             "22004"),
    ("invalid_datetime_format",            "22007"),
    ("datetime_field_overflow",            "22008"),
    ("division_by_zero",                   "22012"),
    ("invalid_parameter_value",            "22023"),
    ("invalid_text_representation",        "22P02"),
    ("insufficient_privilege",             "42501"),
    ("syntax_error",                       "42601"),
    ("duplicate_object",                   "42710"),
    ("duplicate_table",                    "42P07"),
    ("duplicate_column",                   "42701"),
    ("duplicate_schema",                   "42P06"),
    ("duplicate_function",                 "42723"),
    ("invalid_table_definition",           "42P16"),
    ("invalid_schema_name",                "3F000"),
    ("dependent_objects_still_exist",      "2BP01"),
    ("undefined_object",                   "42704"),
    ("undefined_table",                    "42P01"),
    ("undefined_column",                   "42703"),
    ("undefined_function",                 "42883"),
    ("invalid_authorization_specification","28000"),
    ("invalid_password",                   "28P01"),
    ("feature_not_supported",              "0A000"),
    ("object_not_in_prerequisite_state",   "55000"),
    ("object_in_use",                      "55006"),
    ("lock_not_available",                 "55P03"),
    ("query_canceled",                     "57014"),
    ("serialization_failure",              "40001"),
    ("triggered_action_exception",         "09000"),
    ("case_not_found",                     "20000"),
    ("cardinality_violation",              "21000"),
    ("program_limit_exceeded",             "54000"),
    ("insufficient_resources",             "53000"),
];

impl Machine<'_> {
    pub(super) fn raise(&mut self, of: &Raise) -> Result<(), DialectError> {
        if !of.is_exception {
            return Ok(());
        }
        let mut code = match &of.condition {
            Some(condition) => quote_literal(sqlstate(condition)?),
            None => quote_literal("P0001"),
        };
        let mut message = match (&of.format, &of.condition) {
            (Some(format), _) => self.message(format, of)?,
            (None, Some(condition)) => quote_literal(condition),
            (None, None) => code.clone(),
        };
        let (mut details, mut hint) = (None, None);
        for (option, value) in &of.options {
            match option.as_str() {
                "ERRCODE" => {
                    let given = match value {
                        sqlparser::ast::Expr::Value(text) => text.value.clone().into_string(),
                        _ => None,
                    };
                    code = match given {
                        Some(given) => quote_literal(sqlstate(&given)?),
                        None => self.text(value)?,
                    };
                }
                "MESSAGE" if of.format.is_none() => message = self.text(value)?,
                "DETAIL" => details = Some(self.text(value)?),
                "HINT" => hint = Some(self.text(value)?),
                "COLUMN" | "CONSTRAINT" | "DATATYPE" | "TABLE" | "SCHEMA" => {}
                other => {
                    return Err(DialectError::new(
                        "42601",
                        format!("unrecognized RAISE statement option \"{other}\""),
                    ));
                }
            }
        }
        let mut payload = format!("{code} || ':' || coalesce({message}, '<NULL>')");
        if details.is_some() || hint.is_some() {
            let separator = quote_literal(RAISE_SEPARATOR);
            for part in [details, hint] {
                let part = part.map_or("''".to_string(), |sql| format!("coalesce({sql}, '')"));
                payload.push_str(&format!(" || {separator} || {part}"));
            }
        }
        self.guard(&raise(&format!("({payload})")));
        self.state.running = Condition::never();
        Ok(())
    }

    /// The format with its values: `%` is the next one, `%%` a percent sign.
    fn message(&mut self, format: &str, of: &Raise) -> Result<String, DialectError> {
        let mut parts = Vec::new();
        let mut arguments = of.arguments.iter();
        let mut text = String::new();
        let mut letters = format.chars().peekable();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                text.push(letter);
            } else if letters.next_if_eq(&'%').is_some() {
                text.push('%');
            } else if let Some(argument) = arguments.next() {
                parts.push(quote_literal(&std::mem::take(&mut text)));
                parts.push(format!("coalesce({}, '<NULL>')", self.text(argument)?));
            }
        }
        parts.push(quote_literal(&text));
        parts.retain(|part| part != "''");
        Ok(match parts.is_empty() {
            true => "''".to_string(),
            false => parts.join(" || "),
        })
    }

    /// A value as its type prints it.
    fn text(&mut self, value: &sqlparser::ast::Expr) -> Result<String, DialectError> {
        self.lowered(|lowering| {
            let piece = lowering.lower(value)?;
            lowering.printed(piece)
        })
    }
}

/// The SQLSTATE of a condition's name, or of itself; `None` when it is none.
pub fn condition_code(given: &str) -> Option<&str> {
    sqlstate(given).ok()
}

/// A SQLSTATE or the name of a condition.
fn sqlstate(given: &str) -> Result<&str, DialectError> {
    if let Some((_, code)) = CONDITIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(given)) {
        return Ok(code);
    }
    let is_code =
        given.len() == 5 && given.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    if is_code {
        return Ok(given);
    }
    Err(DialectError::new("42704", format!("unrecognized exception condition \"{given}\"")))
}
