//! LIKE, ILIKE and simple regular expressions, case and all.
//!
//! A pattern that is a literal is [`LikePattern`]'s; one that is known only when the statement runs
//! is rewritten to GLOB there.

use sqlparser::ast::Expr;

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{DanglingEscape, LONGEST_GLOB, LikePattern, quote_literal, raise};

impl Lowering<'_> {
    pub(super) fn like(
        &mut self,
        value: &Expr,
        pattern: &Expr,
        escape: Option<&Expr>,
        folds: bool,
        negated: bool,
    ) -> Result<Piece, DialectError> {
        if escape.is_some() {
            return Err(DialectError::unsupported("LIKE … ESCAPE").with_hint("The backslash escapes."));
        }
        let (value, pattern) = (self.lower(value)?, self.lower(pattern)?);
        self.like_piece(value, pattern, folds, negated).map(Piece::bool)
    }

    /// The SQL of a match of lowered pieces.
    pub(super) fn like_piece(
        &mut self,
        value: Piece,
        pattern: Piece,
        folds: bool,
        negated: bool,
    ) -> Result<String, DialectError> {
        if value == Piece::Null || pattern == Piece::Null {
            return Ok("NULL".to_string());
        }
        let is_text = |piece: &Piece| {
            piece.data_type().is_none_or(|of| matches!(of, DataType::Text | DataType::Varchar(_)))
        };
        if !is_text(&value) || !is_text(&pattern) {
            return Err(super::compare::no_operator(&value, if folds { "~~*" } else { "~~" }, &pattern));
        }
        let value = self.as_text(value)?;
        let sql = match pattern {
            Piece::Unknown(pattern) => self.constant_pattern(&value, &pattern, folds)?,
            pattern => {
                let pattern = self.as_text(pattern)?;
                self.dynamic_pattern(&value, pattern, folds)?
            }
        };
        Ok(if negated { format!("(NOT {sql})") } else { sql })
    }

    fn constant_pattern(&self, value: &str, pattern: &str, folds: bool) -> Result<String, DialectError> {
        let read = LikePattern::parse(pattern, folds)
            .map_err(|_| DialectError::new("22025", DanglingEscape::MESSAGE))?;
        read.matches(value, &mut quote_literal).ok_or_else(|| {
            DialectError::unsupported(format!("the LIKE pattern '{pattern}'"))
                .with_hint("D1 matches patterns of up to 50 bytes; split it into several.")
        })
    }

    /// A pattern known only when the statement runs: rewritten to GLOB there. One with a backslash,
    /// or (for D1) of over 50 bytes, raises.
    fn dynamic_pattern(&mut self, value: &str, pattern: String, folds: bool) -> Result<String, DialectError> {
        let (value, fold) =
            if folds { (format!("lower({value})"), "lower") } else { (value.to_string(), "") };
        let error = raise("'0A000:a LIKE pattern with a backslash is not supported here'");
        let glob = self.once(pattern, |pattern| {
            format!(
                "CASE WHEN instr({pattern}, '\\') THEN {error} ELSE \
                 replace(replace(replace(replace(replace({fold}({pattern}), '[', '[[]'), '*', '[*]'), '?', '[?]'), '%', '*'), '_', '?') END"
            )
        })?;
        Ok(format!("({value} GLOB {glob})"))
    }

    /// `~` with `^[class]+$` and its like, the shape that CHECK constraints use; other patterns are
    /// refused.
    pub(super) fn regular_expression(
        &mut self,
        value: &Expr,
        pattern: &Expr,
        negated: bool,
    ) -> Result<Piece, DialectError> {
        let value = self.lower(value)?;
        let value = self.as_text(value)?;
        let Piece::Unknown(pattern) = self.lower(pattern)? else {
            return Err(DialectError::unsupported("a regular expression that is no literal"));
        };
        let sql = class_pattern(&value, &pattern).ok_or_else(|| {
            DialectError::unsupported(format!("the regular expression '{pattern}'"))
                .with_hint("One character class with a count, such as '^[a-z0-9_]{3,20}$', is supported.")
        })?;
        Ok(Piece::bool(if negated { format!("(NOT {sql})") } else { sql }))
    }
}

/// `^[a-z0-9_]{3,20}$` → no character outside the class, and the length between 3 and 20.
fn class_pattern(value: &str, pattern: &str) -> Option<String> {
    let inside = pattern.strip_prefix("^[")?.strip_suffix('$')?;
    let (class, count) = inside.split_once(']')?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || " _-.@+/:,!#$%&=".contains(letter);
    // A hyphen is plain at the ends and a range between alphanumerics; elsewhere Postgres refuses or differs.
    let middle = class.get(1..class.len().checked_sub(1)?).unwrap_or_default();
    let ranges_are_plain = class.char_indices().filter(|(at, letter)| *letter == '-' && *at > 0 && *at + 1 < class.len()).all(|(at, _)| {
        let before = class.get(..at).and_then(|text| text.chars().next_back());
        let after = class.get(at + 1..).and_then(|text| text.chars().next());
        matches!((before, after), (Some(low), Some(high))
            if low <= high && low.is_ascii_alphanumeric() && high.is_ascii_alphanumeric()
                && low.is_ascii_digit() == high.is_ascii_digit() && low.is_ascii_lowercase() == high.is_ascii_lowercase())
    });
    if class.is_empty() || !class.chars().all(plain) || !ranges_are_plain || middle.contains("--") {
        return None;
    }
    let (least, most) = match count {
        "" => (1, Some(1)),
        "+" => (1, None),
        "*" => (0, None),
        "?" => (0, Some(1)),
        braces => {
            let (least, most) = braces.strip_prefix('{')?.strip_suffix('}').map(|count| {
                count.split_once(',').map_or((count, Some(count)), |(least, most)| {
                    (least, Some(most).filter(|most| !most.is_empty()))
                })
            })?;
            (least.parse::<u32>().ok()?, most.map(str::parse::<u32>).transpose().ok()?)
        }
    };
    let glob = format!("*[^{class}]*");
    if glob.len() > LONGEST_GLOB {
        return None;
    }
    let length = match most {
        Some(most) => format!("length({value}) BETWEEN {least} AND {most}"),
        None => format!("length({value}) >= {least}"),
    };
    Some(format!("({value} NOT GLOB {} AND {length})", quote_literal(&glob)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expressions_of_one_class() {
        let sql = class_pattern("x", "^[a-z0-9_]{3,20}$").unwrap();
        assert_eq!(sql, "(x NOT GLOB '*[^a-z0-9_]*' AND length(x) BETWEEN 3 AND 20)");
        for refused in
            ["^a+$", "[a-z]+", "^[a-z]+", "^[^a]+$", r"^[\w]+$", "^[a-z]+[0-9]$", "^[a-Z]+$", "^[]$"]
        {
            assert_eq!(class_pattern("x", refused), None, "{refused}");
        }
    }
}
