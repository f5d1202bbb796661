//! `like` and `ilike` filters: the pattern's texts are bound.

use crate::rest::error::RestError;
use crate::sql::{DanglingEscape, LikePattern, Writer};

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
