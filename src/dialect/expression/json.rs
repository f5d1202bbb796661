//! `json` and `jsonb`: access, keys, comparison with scalars.

use sqlparser::ast::{BinaryOperator, Expr};

use super::lowering::Lowering;
use super::piece::{Piece, literal};
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{balanced, quote_literal};

impl Lowering<'_> {
    /// `->`, `->>`, `#>`, `#>>`.
    pub(super) fn json_access(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Piece, DialectError> {
        let as_text = matches!(operator, BinaryOperator::LongArrow | BinaryOperator::HashLongArrow);
        let left = self.lower(left)?;
        let right = self.lower(right)?;
        let Piece::Typed(json, data_type @ (DataType::Json | DataType::Jsonb)) = left else {
            return Err(super::compare::no_operator(&left, &operator.to_string(), &right));
        };
        let path = match operator {
            BinaryOperator::Arrow | BinaryOperator::LongArrow => self.step(right)?,
            _ => self.path(right)?,
        };
        let (is_end, path) = (path == "$[0]" || path == "$[#-1]", quote_literal(&path));
        // To Postgres a scalar jsonb is its own first and last element.
        let path_in = |json: &str| match is_end && data_type == DataType::Jsonb {
            true => format!("CASE WHEN json_type({json}) IN ('array', 'object') THEN {path} ELSE '$' END"),
            false => path.clone(),
        };
        if !as_text {
            let sql = self.once(json, |json| format!("({json} -> {})", path_in(json)))?;
            return Ok(Piece::Typed(sql, data_type));
        }
        // `->` keeps a number's digits and says true and false as Postgres does; `->>` unescapes strings.
        // Concatenation makes plain text of it, which would otherwise stay JSON inside of JSON.
        let sql = self.once(json, |json| {
            let path = path_in(json);
            format!(
                "CASE json_type({json}, {path}) WHEN 'text' THEN {json} ->> {path} WHEN 'null' THEN NULL ELSE ({json} -> {path}) || '' END"
            )
        })?;
        Ok(Piece::text(sql))
    }

    /// The SQLite path of `'key'` or an index.
    fn step(&mut self, step: Piece) -> Result<String, DialectError> {
        match step {
            Piece::Unknown(key) => key_step(&key).map(|step| format!("${step}")),
            Piece::Typed(sql, DataType::Int2 | DataType::Int4) => {
                match sql.trim_matches(['(', ')']).parse::<i64>() {
                    Ok(index) if index >= 0 => Ok(format!("$[{index}]")),
                    Ok(index) => Ok(format!("$[#{index}]")),
                    Err(_) => Err(DialectError::unsupported("-> with an index that is no literal")),
                }
            }
            _ => Err(DialectError::unsupported("-> with a key that is no literal")),
        }
    }

    /// The SQLite path of `'{a,b,0}'`. A step of digits is an index in arrays and a key in objects,
    /// which SQLite's paths cannot say: refused.
    fn path(&mut self, path: Piece) -> Result<String, DialectError> {
        let Piece::Unknown(text) = path else {
            return Err(DialectError::unsupported("#> with a path that is no literal"));
        };
        let array = DataType::Array(Box::new(DataType::Text));
        let stored = crate::schema::canonical(self.catalog, &array, &text)
            .map_err(|error| DialectError::new(error.code, error.message))?;
        let steps: Vec<String> = serde_json::from_str(&stored)
            .map_err(|_| DialectError::new("22P02", format!("malformed array literal: \"{text}\"")))?;
        let mut path = "$".to_string();
        for step in steps {
            if step.parse::<i64>().is_ok() {
                return Err(
                    DialectError::unsupported("#> with an index").with_hint("Write a chain of -> instead.")
                );
            }
            path.push_str(&key_step(&step)?);
        }
        Ok(path)
    }

    /// `?`, `?|`, `?&` with literal keys.
    pub(super) fn json_has_key(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Piece, DialectError> {
        self.only_in_queries(&operator.to_string())?;
        let Piece::Typed(json, DataType::Jsonb) = self.lower(left)? else {
            return Err(DialectError::new(
                "42883",
                format!("operator does not exist: {left} {operator} {right}"),
            ));
        };
        let keys = match (operator, self.lower(right)?) {
            (BinaryOperator::Question, key) => vec![self.as_text(key)?],
            (_, Piece::Typed(..) | Piece::Null) | (_, Piece::Unknown(_)) => match right {
                Expr::Array(array) => {
                    let mut keys = Vec::new();
                    for element in &array.elem {
                        let element = self.lower(element)?;
                        keys.push(self.as_text(element)?);
                    }
                    keys
                }
                _ => {
                    return Err(DialectError::unsupported(format!(
                        "{operator} with keys that are not ARRAY[…]"
                    )));
                }
            },
        };
        let join = if *operator == BinaryOperator::QuestionAnd { " AND " } else { " OR " };
        let sql = self.once(json, |json| {
            let terms = keys.iter().map(|key| {
                format!(
                    "CASE json_type({json}) WHEN 'object' THEN EXISTS (SELECT 1 FROM json_each({json}) AS \"/entry\" WHERE \"/entry\".key = {key}) \
                     WHEN 'array' THEN EXISTS (SELECT 1 FROM json_each({json}) AS \"/entry\" WHERE \"/entry\".type = 'text' AND \"/entry\".value = {key}) \
                     WHEN 'text' THEN {json} ->> '$' = {key} WHEN NULL THEN NULL ELSE ({json} IS NULL) AND NULL END"
                )
            });
            balanced(terms.collect(), join)
        })?;
        Ok(Piece::bool(sql))
    }

    /// `=` and `<>` of jsonb with a literal that is a scalar or empty; `None` when neither side is
    /// jsonb. Others are refused: equality of jsonb is not equality of text.
    pub(super) fn compare_jsonb(
        &mut self,
        left: &Piece,
        operator: &BinaryOperator,
        right: &Piece,
    ) -> Result<Option<String>, DialectError> {
        let is_jsonb = |piece: &Piece| piece.data_type() == Some(&DataType::Jsonb);
        let (json, constant) = match (is_jsonb(left), is_jsonb(right)) {
            (false, false) => return Ok(None),
            (true, false) => (left, right.clone()),
            (false, true) => (right, left.clone()),
            (true, true) if json_literal(right).is_some() => (left, right.clone()),
            (true, true) => (right, left.clone()),
        };
        let refused = || {
            DialectError::unsupported("comparing jsonb with anything but a scalar literal")
                .with_hint("Compare the text of ->> instead.")
        };
        let text = match &constant {
            Piece::Unknown(text) => {
                literal(self.catalog, &DataType::Jsonb, text)?;
                text.clone()
            }
            other => json_literal(other).ok_or_else(refused)?,
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|_| refused())?;
        let negated = match operator {
            BinaryOperator::Eq => false,
            BinaryOperator::NotEq => true,
            _ => return Err(refused()),
        };
        let json = json.clone().into_sql(self.catalog)?;
        let test = |json: &str| match &value {
            serde_json::Value::Null => Some(format!("json_type({json}) = 'null'")),
            serde_json::Value::Bool(value) => Some(format!("json_type({json}) = '{value}'")),
            serde_json::Value::Number(number) => Some(format!(
                "CASE WHEN json_type({json}) IN ('integer', 'real') THEN {json} ->> '$' = {number} WHEN {json} IS NOT NULL THEN 0 END"
            )),
            serde_json::Value::String(text) => Some(format!(
                "CASE json_type({json}) WHEN 'text' THEN {json} ->> '$' = {} ELSE CASE WHEN {json} IS NOT NULL THEN 0 END END",
                quote_literal(text)
            )),
            serde_json::Value::Array(items) if items.is_empty() => Some(format!("json({json}) = '[]'")),
            serde_json::Value::Object(entries) if entries.is_empty() => {
                Some(format!("json({json}) = '{{}}'"))
            }
            _ => None,
        };
        if test("x").is_none() {
            return Err(refused());
        }
        let sql = self.once(json, |json| test(json).unwrap_or_default())?;
        Ok(Some(if negated { format!("(NOT ({sql}))") } else { format!("({sql})") }))
    }
}

/// The text of a jsonb literal, from its SQL.
fn json_literal(piece: &Piece) -> Option<String> {
    let Piece::Typed(sql, DataType::Jsonb) = piece else { return None };
    let inner = sql.strip_prefix('\'')?.strip_suffix('\'')?;
    let text = inner.replace("''", "'");
    (inner.matches('\'').count() == text.matches('\'').count() * 2).then_some(text)
}

/// `.key` quoted for a path. SQLite reads no escapes there.
fn key_step(key: &str) -> Result<String, DialectError> {
    if key.contains(['"', '\\']) || key.chars().any(char::is_control) {
        return Err(DialectError::unsupported("a JSON key with quotes, backslashes or control characters"));
    }
    Ok(format!(".\"{key}\""))
}
