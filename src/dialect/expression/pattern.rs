//! LIKE, ILIKE and simple regular expressions, case and all.
//!
//! A pattern that is a literal is [`LikePattern`]'s; one that is known only when the statement runs
//! is rewritten to GLOB there.

use sqlparser::ast::Expr;

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{
    DanglingEscape, LikePattern, RegularExpressionError, matches_regular_expression, quote_literal, raise,
};

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
        let letters = raise("'0A000:an ILIKE pattern of letters outside ASCII is not supported here'");
        let folding = if folds {
            format!(" WHEN length({{0}}) <> octet_length({{0}}) THEN {letters}")
        } else {
            String::new()
        };
        let glob = self.once(pattern, |pattern| {
            let folding = folding.replace("{0}", pattern);
            format!(
                "CASE WHEN instr({pattern}, '\\') THEN {error}{folding} ELSE \
                 replace(replace(replace(replace(replace({fold}({pattern}), '[', '[[]'), '*', '[*]'), '?', '[?]'), '%', '*'), '_', '?') END"
            )
        })?;
        Ok(format!("({value} GLOB {glob})"))
    }

    /// `~` with a pattern that SQLite can match exactly; others are refused.
    pub(super) fn regular_expression(
        &mut self,
        value: &Expr,
        pattern: &Expr,
        negated: bool,
    ) -> Result<Piece, DialectError> {
        self.regular_expression_of(value, pattern, false, negated)
    }

    /// `~`, or `~*` in any case.
    pub(super) fn regular_expression_of(
        &mut self,
        value: &Expr,
        pattern: &Expr,
        any_case: bool,
        negated: bool,
    ) -> Result<Piece, DialectError> {
        let value = self.lower(value)?;
        let Piece::Unknown(pattern) = self.lower(pattern)? else {
            return Err(DialectError::unsupported("a regular expression that is no literal"));
        };
        self.matched(value, &pattern, any_case, negated)
    }

    /// `SIMILAR TO`: a regular expression of the whole text in which `%` and `_` stand for others.
    pub(super) fn similar(
        &mut self,
        value: &Expr,
        pattern: &Expr,
        escape: Option<&Expr>,
        negated: bool,
    ) -> Result<Piece, DialectError> {
        let value = self.lower(value)?;
        let pattern = match self.lower(pattern)? {
            Piece::Unknown(pattern) => pattern,
            Piece::Null => return Ok(Piece::Null),
            Piece::Typed(..) => {
                return Err(DialectError::unsupported("a SIMILAR TO pattern that is no literal"));
            }
        };
        if escape.is_some() {
            return Err(DialectError::unsupported("SIMILAR TO … ESCAPE"));
        }
        let mut regular = "^(".to_string();
        let mut letters = pattern.chars();
        let mut in_class = false;
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => {
                    regular.push('\\');
                    regular.extend(letters.next());
                }
                '[' | ']' => {
                    in_class = letter == '[';
                    regular.push(letter);
                }
                letter if in_class => regular.push(letter),
                '%' => regular.push_str(".*"),
                '_' => regular.push('.'),
                '.' | '^' | '$' => {
                    regular.push('\\');
                    regular.push(letter);
                }
                letter => regular.push(letter),
            }
        }
        regular.push_str(")$");
        self.matched(value, &regular, false, negated)
    }

    fn matched(
        &mut self,
        value: Piece,
        pattern: &str,
        any_case: bool,
        negated: bool,
    ) -> Result<Piece, DialectError> {
        if value == Piece::Null {
            return Ok(Piece::Null);
        }
        if value.data_type().is_some_and(|of| super::family(of) != super::Family::Text) {
            return Err(super::compare::no_operator(&value, "~", &Piece::Unknown(String::new())));
        }
        let any_case = any_case || value.data_type() == Some(&DataType::Citext);
        const VALUE: &str = "\"/matched\"";
        let value = self.as_text(value)?;
        let sql =
            matches_regular_expression(VALUE, pattern, any_case, &mut quote_literal).map_err(|error| {
                match error {
                    RegularExpressionError::Invalid(words) => {
                        DialectError::new("2201B", format!("invalid regular expression: {words}"))
                    }
                    RegularExpressionError::Unsupported => DialectError::unsupported(format!(
                        "the regular expression '{pattern}'"
                    ))
                    .with_hint(
                        "Characters, '.', '.*', alternatives, and classes with counts, each of which what follows it \
                         ends, such as '^[^@ ]+@[a-z0-9.-]+[.][a-z]{2,}$', are supported.",
                    ),
                }
            })?;
        let sql = self.once(value, |value| sql.replace(VALUE, value))?;
        Ok(Piece::bool(if negated { format!("(NOT {sql})") } else { sql }))
    }
}
