//! `like`, `ilike`, `match` and `imatch` filters: the pattern's texts are bound.

use crate::rest::error::RestError;
use crate::sql::{DanglingEscape, LikePattern, RegularExpressionError, Writer, matches_regular_expression};

/// `value LIKE pattern` as a SQL expression; `%`, `_` and `\` as in Postgres.
pub fn like(writer: &mut Writer, value: &str, pattern: &str, any_case: bool) -> Result<String, RestError> {
    let pattern = LikePattern::parse(pattern, any_case)
        .map_err(|_| RestError::postgres("22025", DanglingEscape::MESSAGE))?;
    let mut bind = |text: &str| writer.bind(text);
    let sql = pattern.matches(value, &mut bind).or_else(|| pattern.matches_in_order(value, &mut bind));
    sql.ok_or_else(|| {
        let what = "patterns over 50 bytes with \"_\", with letters outside ASCII in any case, or with more than 8 parts, are not supported";
        RestError::NotImplemented(what.into())
    })
}

/// `value ~ pattern` as a SQL expression.
pub fn regular_expression(
    writer: &mut Writer,
    value: &str,
    pattern: &str,
    any_case: bool,
) -> Result<String, RestError> {
    let sql = matches_regular_expression(value, pattern, any_case, &mut |text| writer.bind(text));
    sql.map_err(|error| match error {
        RegularExpressionError::Invalid(words) => {
            RestError::postgres("2201B", format!("invalid regular expression: {words}"))
        }
        RegularExpressionError::Unsupported => RestError::NotImplemented(
            "regular expressions of characters, \".\", \".*\", \".+\", classes, groups and alternatives are supported, up to 50 bytes"
                .into(),
        ),
    })
}
