//! `json` and `jsonb`: access, keys, comparison with scalars.

use sqlparser::ast::{BinaryOperator, Expr};

use super::json_path::{Step, key_step, path_sql};
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
        let any_spacing = std::mem::take(&mut self.any_spacing);
        let left = self.lower(left)?;
        let right = self.lower(right)?;
        let Piece::Typed(json, data_type @ (DataType::Json | DataType::Jsonb)) = left else {
            return Err(super::compare::no_operator(&left, &operator.to_string(), &right));
        };
        let steps = match operator {
            BinaryOperator::Arrow | BinaryOperator::LongArrow => vec![Step::of_arrow(self, right)?],
            _ => Step::of_path(self, &right)?,
        };
        match as_text && (any_spacing || self.place != super::Place::Query) {
            true => self.json_at_end(json, &steps, &data_type).map(Piece::text),
            false => self.json_at(json, &steps, &data_type, as_text),
        }
    }

    /// Lowers an operand of which only a scalar's text matters: `->>` need not space containers there as
    /// Postgres does, which makes the SQL what an index of it has.
    pub(super) fn lower_scalar(&mut self, operand: &Expr) -> Result<Piece, DialectError> {
        let mut bare = operand;
        while let Expr::Nested(inner) = bare {
            bare = inner;
        }
        self.any_spacing = matches!(
            bare,
            Expr::BinaryOp { op: BinaryOperator::LongArrow | BinaryOperator::HashLongArrow, .. }
        );
        let piece = self.lower(operand);
        self.any_spacing = false;
        piece
    }

    /// `->>` with containers in the form in which they are stored.
    fn json_at_end(
        &mut self,
        json: String,
        steps: &[Step],
        data_type: &DataType,
    ) -> Result<String, DialectError> {
        path_sql("x", steps)?;
        let is_end = matches!(steps, [Step::Index(0 | -1)]) && *data_type == DataType::Jsonb;
        self.once(json, |json| {
            let path = path_sql(json, steps).unwrap_or_default();
            let path = match is_end {
                true => format!("CASE WHEN json_type({json}) IN ('array', 'object') THEN {path} ELSE '$' END"),
                false => path,
            };
            format!(
                "CASE json_type({json}, {path}) WHEN 'text' THEN {json} ->> {path} WHEN 'null' THEN NULL ELSE ({json} -> {path}) || '' END"
            )
        })
    }

    /// The value at the end of a path, as JSON or as text.
    pub fn json_at(
        &mut self,
        json: String,
        steps: &[Step],
        data_type: &DataType,
        as_text: bool,
    ) -> Result<Piece, DialectError> {
        path_sql("x", steps)?;
        // To Postgres a scalar jsonb is its own first and last element.
        let end = match steps {
            [Step::Index(0 | -1)] if *data_type == DataType::Jsonb => Some("TRUE".to_string()),
            [Step::Place(index)] if *data_type == DataType::Jsonb => Some(format!("{index} IN (0, -1)")),
            _ => None,
        };
        let sql = self.once(json, |json| {
            let path = path_sql(json, steps).unwrap_or_default();
            match &end {
                Some(end) => format!(
                    "({json} -> CASE WHEN json_type({json}) NOT IN ('array', 'object') AND {end} THEN '$' ELSE {path} END)"
                ),
                None => format!("({json} -> {path})"),
            }
        })?;
        match as_text {
            true => self.json_text(sql, data_type).map(Piece::text),
            false => Ok(Piece::Typed(sql, data_type.clone())),
        }
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
                Expr::Value(value) => {
                    let text = value.value.clone().into_string().unwrap_or_default();
                    let array = DataType::Array(Box::new(DataType::Text));
                    let stored = crate::schema::canonical(self.catalog, &array, &text)
                        .map_err(|error| DialectError::new(error.code, error.message))?;
                    let keys: Vec<Option<String>> = serde_json::from_str(&stored).unwrap_or_default();
                    keys.into_iter().flatten().map(|key| quote_literal(&key)).collect()
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
        if matches!(constant, Piece::Typed(_, DataType::Jsonb)) && json_literal(&constant).is_none() {
            return self.equal_jsonb(json, &constant, operator).map(Some);
        }
        let text = match &constant {
            Piece::Unknown(text) => {
                literal(self.catalog, &DataType::Jsonb, text)?;
                text.clone()
            }
            other => json_literal(other)
                .ok_or_else(|| super::compare::no_operator(left, &operator.to_string(), right))?,
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|_| refused())?;
        let negated = match operator {
            BinaryOperator::Eq => false,
            BinaryOperator::NotEq => true,
            _ => return Err(refused()),
        };
        let is_number_beyond = matches!(&value, serde_json::Value::Number(_)) && text.trim().len() > 15;
        let is_container = matches!(&value, serde_json::Value::Array(items) if !items.is_empty())
            || matches!(&value, serde_json::Value::Object(entries) if !entries.is_empty());
        if is_number_beyond || is_container {
            let constant = Piece::Typed(literal(self.catalog, &DataType::Jsonb, &text)?, DataType::Jsonb);
            return self.equal_jsonb(json, &constant, operator).map(Some);
        }
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

    fn equal_jsonb(
        &mut self,
        left: &Piece,
        right: &Piece,
        operator: &BinaryOperator,
    ) -> Result<String, DialectError> {
        let not = match operator {
            BinaryOperator::Eq => "",
            BinaryOperator::NotEq => "NOT ",
            _ => return Err(DialectError::unsupported("ordering jsonb")),
        };
        let (left, right) = (left.clone().into_sql(self.catalog)?, right.clone().into_sql(self.catalog)?);
        let sql = super::json_function::equal(self, left, right)?;
        Ok(format!("({not}({sql}))"))
    }
}

/// The text of a jsonb literal, from its SQL.
fn json_literal(piece: &Piece) -> Option<String> {
    let Piece::Typed(sql, DataType::Jsonb) = piece else { return None };
    literal_text(sql)
}

/// The text of a SQL literal; `None` when it is anything more.
pub(super) fn literal_text(sql: &str) -> Option<String> {
    let inner = sql.strip_prefix('\'')?.strip_suffix('\'')?;
    let text = inner.replace("''", "'");
    (inner.matches('\'').count() == text.matches('\'').count() * 2).then_some(text)
}

/// The path of an object's member: `$."key"`.
pub(super) fn member_path(key: &str) -> Result<String, DialectError> {
    key_step(key).map(|step| format!("${step}"))
}
