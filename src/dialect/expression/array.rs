//! Arrays, which are stored as JSON arrays: literals, subscripts, ANY and ALL, containment.

use sqlparser::ast::{AccessExpr, BinaryOperator, Expr, FunctionArguments, Subscript};

use super::lowering::Lowering;
use super::piece::Piece;
use super::type_name::{Family, family};
use crate::dialect::DialectError;
use crate::schema::{DataType, canonical};
use crate::sql::balanced;
use crate::text_search::vector_of;

impl Lowering<'_> {
    /// `ARRAY[…]`.
    pub(super) fn array(&mut self, elements: &[Expr]) -> Result<Piece, DialectError> {
        self.array_of(elements, None)
    }

    /// `ARRAY[…]::type`; without a cast the elements decide.
    pub(super) fn array_of(
        &mut self,
        elements: &[Expr],
        to: Option<&DataType>,
    ) -> Result<Piece, DialectError> {
        let element = match to {
            Some(DataType::Array(element)) => Some(element.as_ref().clone()),
            Some(other) => {
                return Err(DialectError::unsupported(format!("ARRAY[…]::{}", other.short_name())));
            }
            None if elements.is_empty() => {
                return Err(DialectError::new("42P18", "cannot determine type of empty array")
                    .with_hint("Explicitly cast to the desired type, for example ARRAY[]::integer[]."));
            }
            None => None,
        };
        let pieces: Result<Vec<Piece>, DialectError> =
            elements.iter().map(|element| self.lower(element)).collect();
        let (sql, element) = match element {
            Some(element) => {
                let sql: Result<Vec<String>, DialectError> =
                    pieces?.into_iter().map(|piece| self.implicit(piece, &element)).collect();
                (sql?, element)
            }
            None => self.unify("ARRAY", pieces?)?,
        };
        let mut parts = Vec::new();
        for sql in sql {
            parts.push(json_element(&sql, &element)?);
        }
        Ok(Piece::Typed(json_array(&parts), DataType::Array(Box::new(element))))
    }

    /// `x[1]`, which counts from 1 and is NULL outside.
    pub(super) fn access(&mut self, root: &Expr, chain: &[AccessExpr]) -> Result<Piece, DialectError> {
        if let Some(piece) = self.field_of_row(root, chain)? {
            return Ok(piece);
        }
        if let Some(piece) = self.field_of_composite(root, chain)? {
            return Ok(piece);
        }
        if let [AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride: None })] = chain {
            return self.slice(root, lower_bound.as_ref(), upper_bound.as_ref());
        }
        let [AccessExpr::Subscript(Subscript::Index { index })] = chain else {
            return Err(DialectError::unsupported("this subscript or field access"));
        };
        let (array, data_type) = self.lower(root)?.resolved(self.catalog)?;
        let DataType::Array(element) = data_type else {
            return match data_type {
                DataType::Jsonb => {
                    Err(DialectError::unsupported("subscripting jsonb").with_hint("Use -> or ->>."))
                }
                other => Err(DialectError::new(
                    "42804",
                    format!(
                        "cannot subscript type {} because it does not support subscripting",
                        other.display_name()
                    ),
                )),
            };
        };
        let index = self.lower(index)?;
        if !matches!(index.data_type(), Some(DataType::Int2 | DataType::Int4)) {
            return Err(DialectError::new("42804", "array subscript must have type integer"));
        }
        let index = index.into_sql(self.catalog)?;
        if array == "'[]'" {
            return Ok(Piece::Typed("NULL".to_string(), *element));
        }
        let path = match index.parse::<i64>() {
            Ok(index) if index >= 1 => format!("'$[{}]'", index - 1),
            Ok(_) => return Ok(Piece::Typed("NULL".to_string(), *element)),
            Err(_) => format!("CASE WHEN {index} >= 1 THEN '$[' || ({index} - 1) || ']' END"),
        };
        let sql = match element.as_ref() {
            DataType::Numeric(_) | DataType::Json | DataType::Jsonb => format!("({array} -> {path})"),
            DataType::Bytea | DataType::Array(_) => {
                return Err(DialectError::unsupported(format!("elements of {}", element.display_name())));
            }
            _ => format!("json_extract({array}, {path})"),
        };
        Ok(Piece::Typed(sql, *element))
    }

    /// `x[2:3]`, whose bounds may be left out and lie outside.
    fn slice(&mut self, root: &Expr, from: Option<&Expr>, to: Option<&Expr>) -> Result<Piece, DialectError> {
        self.only_in_queries("a slice of an array")?;
        let Piece::Typed(array, data_type @ DataType::Array(_)) = self.lower(root)? else {
            return Err(DialectError::unsupported("a slice of anything but an array"));
        };
        let mut bound = |expression: Option<&Expr>, missing: &str| -> Result<String, DialectError> {
            let Some(expression) = expression else { return Ok(missing.to_string()) };
            let piece = self.lower(expression)?;
            self.implicit(piece, &DataType::Int4)
        };
        let (from, to) = (bound(from, "1")?, bound(to, "2147483647")?);
        let item = super::json_function::item("\"/item\"");
        let sql = self.bound(vec![array, from, to], |names| match names {
            [array, from, to] => format!(
                "CASE WHEN {array} IS NOT NULL AND {from} IS NOT NULL AND {to} IS NOT NULL THEN (SELECT json_group_array(json({item})) FROM json_each({array}) AS \"/item\" WHERE \"/item\".key + 1 BETWEEN {from} AND {to}) END"
            ),
            _ => String::new(),
        })?;
        Ok(Piece::Typed(sql, data_type))
    }

    /// `x op ANY (…)`.
    pub(super) fn any(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Piece, DialectError> {
        if *operator == BinaryOperator::Eq {
            if let Some(query) = subquery(right) {
                return self.in_subquery(left, query, false);
            }
            return self.in_array(left, right, false);
        }
        self.each(left, operator, right, " OR ")
    }

    /// `x op ALL (…)`.
    pub(super) fn all(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Piece, DialectError> {
        if *operator == BinaryOperator::NotEq {
            if let Some(query) = subquery(right) {
                return self.in_subquery(left, query, true);
            }
            return self.in_array(left, right, true);
        }
        self.each(left, operator, right, " AND ")
    }

    fn in_array(&mut self, left: &Expr, right: &Expr, negated: bool) -> Result<Piece, DialectError> {
        let left = self.lower(left)?;
        if let Some(elements) = self.constant_elements(right, &left)? {
            return self.in_pieces(left, elements, negated);
        }
        let (array, element) = self.element_array(right, &left)?;
        let left = self.implicit(left, &element)?;
        let (left, not) = match element {
            DataType::Numeric(_) => (format!("CAST({left} AS NUMERIC)"), if negated { "NOT " } else { "" }),
            _ => (left, if negated { "NOT " } else { "" }),
        };
        let sql = self.once(array, |array| {
            format!(
                "CASE WHEN {array} IS NOT NULL THEN {left} {not}IN (SELECT value FROM json_each({array})) END"
            )
        })?;
        self.only_in_queries("= ANY over an array that is no constant")?;
        Ok(Piece::bool(sql))
    }

    /// The elements of an array written out, so that no subquery is needed.
    fn constant_elements(&mut self, array: &Expr, left: &Piece) -> Result<Option<Vec<Piece>>, DialectError> {
        match array {
            Expr::Nested(inner) => self.constant_elements(inner, left),
            Expr::Array(array) => {
                array.elem.iter().map(|element| self.lower(element)).collect::<Result<_, _>>().map(Some)
            }
            Expr::Cast { expr, data_type, .. } if matches!(strip(expr), Expr::Array(_)) => {
                let DataType::Array(element) = super::type_name::named_type(self.catalog, data_type)? else {
                    return Ok(None);
                };
                let Some(pieces) = self.constant_elements(expr, left)? else { return Ok(None) };
                let typed = pieces
                    .into_iter()
                    .map(|piece| Ok(Piece::Typed(self.implicit(piece, &element)?, element.as_ref().clone())));
                typed.collect::<Result<_, _>>().map(Some)
            }
            Expr::Value(value) => {
                let Some(text) = value.value.clone().into_string() else { return Ok(None) };
                let element = left.data_type().cloned().unwrap_or(DataType::Text);
                let array = DataType::Array(Box::new(element));
                let stored = canonical(self.catalog, &array, &text)
                    .map_err(|error| DialectError::new(error.code, error.message))?;
                let elements: Vec<serde_json::Value> = serde_json::from_str(&stored).map_err(|_| {
                    DialectError::new("22P02", format!("malformed array literal: \"{text}\""))
                })?;
                Ok(Some(elements.into_iter().map(element_piece).collect()))
            }
            _ => Ok(None),
        }
    }

    fn element_array(&mut self, array: &Expr, left: &Piece) -> Result<(String, DataType), DialectError> {
        match self.lower(array)? {
            Piece::Typed(sql, DataType::Array(element)) => Ok((sql, *element)),
            Piece::Null => Ok(("NULL".to_string(), left.data_type().cloned().unwrap_or(DataType::Text))),
            _ => Err(DialectError::new("42809", "op ANY/ALL (array) requires array on right side")),
        }
    }

    /// A comparison with each element of a constant array.
    fn each(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
        join: &str,
    ) -> Result<Piece, DialectError> {
        let piece = self.lower(left)?;
        let Some(elements) = self.constant_elements(right, &piece)? else {
            return self.each_row(piece, operator, right, join);
        };
        if elements.is_empty() {
            return Ok(Piece::bool(if join == " OR " { "FALSE" } else { "TRUE" }));
        }
        let mut terms = Vec::new();
        for element in elements {
            terms.push(match operator {
                BinaryOperator::PGLikeMatch => self.like_piece(piece.clone(), element, false, false)?,
                BinaryOperator::PGNotLikeMatch => self.like_piece(piece.clone(), element, false, true)?,
                BinaryOperator::PGILikeMatch => self.like_piece(piece.clone(), element, true, false)?,
                BinaryOperator::PGNotILikeMatch => self.like_piece(piece.clone(), element, true, true)?,
                operator => self.compare(piece.clone(), operator, element)?,
            });
        }
        Ok(Piece::bool(balanced(terms, join)))
    }

    /// The same with each row of a query, or each element of an array that is no constant.
    fn each_row(
        &mut self,
        left: Piece,
        operator: &BinaryOperator,
        right: &Expr,
        join: &str,
    ) -> Result<Piece, DialectError> {
        self.only_in_queries("ANY or ALL over rows")?;
        let (rows, item, is_there) = match subquery(right) {
            Some(query) => {
                let lowered = self.subquery(query)?;
                let [(_, data_type)] = lowered.columns.as_slice() else {
                    return Err(DialectError::new("42601", "subquery has too many columns"));
                };
                let item = Piece::Typed(lowered.column_sql(0, "each"), data_type.clone());
                (format!("({}) AS \"/each\"", lowered.sql), item, None)
            }
            None => {
                let (array, element) = self.element_array(right, &left)?;
                let value = match element {
                    DataType::Numeric(_) | DataType::Json | DataType::Jsonb => {
                        "(\"/each\".json -> ('$[' || \"/each\".key || ']'))"
                    }
                    _ => "\"/each\".value",
                };
                (format!("json_each({array}) AS \"/each\""), Piece::Typed(value.into(), element), Some(array))
            }
        };
        let test = match operator {
            BinaryOperator::PGLikeMatch => self.like_piece(left, item, false, false)?,
            BinaryOperator::PGNotLikeMatch => self.like_piece(left, item, false, true)?,
            BinaryOperator::PGILikeMatch => self.like_piece(left, item, true, false)?,
            BinaryOperator::PGNotILikeMatch => self.like_piece(left, item, true, true)?,
            operator => self.compare(left, operator, item)?,
        };
        // One that decides, else NULL when one is not known, else what holds for no rows.
        let (decides, decided, otherwise) = if join == " OR " { ("max", 1, 0) } else { ("min", 0, 1) };
        let verdict = format!(
            "(SELECT CASE WHEN {decides}(\"/test\".test) = {decided} THEN {decided} WHEN count(*) > count(\"/test\".test) THEN NULL ELSE {otherwise} END FROM (SELECT {test} AS test FROM {rows}) AS \"/test\")"
        );
        Ok(Piece::bool(match is_there {
            Some(array) => format!("CASE WHEN {array} IS NOT NULL THEN {verdict} END"),
            None => verdict,
        }))
    }

    /// `left @> right`: every element of the right one is in the left one.
    pub(super) fn contains(&mut self, left: &Expr, right: &Expr) -> Result<Piece, DialectError> {
        if let Some(piece) = self.json_contains(left, right)? {
            return Ok(piece);
        }
        let (left, right, _) = self.two_arrays(left, right, "@>")?;
        // An element that is NULL is contained in nothing.
        let sql = self.bound(vec![left, right], |names| match names {
            [left, right] => format!(
            "CASE WHEN {left} IS NOT NULL AND {right} IS NOT NULL THEN NOT EXISTS (\
             SELECT 1 FROM json_each({right}) AS \"/wanted\" WHERE coalesce(\"/wanted\".value NOT IN (\
             SELECT \"/had\".value FROM json_each({left}) AS \"/had\" WHERE \"/had\".value IS NOT NULL), TRUE)) END"
        ),
            _ => String::new(),
        })?;
        Ok(Piece::bool(sql))
    }

    /// `left @> right` of jsonb; `None` when neither is.
    fn json_contains(&mut self, left: &Expr, right: &Expr) -> Result<Option<Piece>, DialectError> {
        let (left, right) = (self.lower(left)?, self.lower(right)?);
        let is_jsonb = |piece: &Piece| piece.data_type() == Some(&DataType::Jsonb);
        if !is_jsonb(&left) && !is_jsonb(&right) {
            return Ok(None);
        }
        if [&left, &right].iter().any(|piece| piece.data_type().is_some_and(|of| *of != DataType::Jsonb)) {
            return Err(super::compare::no_operator(&left, "@>", &right));
        }
        let (left, right) = (self.implicit(left, &DataType::Jsonb)?, self.implicit(right, &DataType::Jsonb)?);
        if let Some(literal) = super::json::literal_text(&right) {
            return super::json_containment::contains(self, left, &literal).map(Some);
        }
        super::json_function::contains(self, left, right).map(|sql| Some(Piece::bool(sql)))
    }

    /// `left && right`: they share an element.
    pub(super) fn overlaps(&mut self, left: &Expr, right: &Expr) -> Result<Piece, DialectError> {
        let (left, right, _) = self.two_arrays(left, right, "&&")?;
        let sql = self.bound(vec![left, right], |names| match names {
            [left, right] => format!(
                "CASE WHEN {left} IS NOT NULL AND {right} IS NOT NULL THEN EXISTS (\
             SELECT 1 FROM json_each({right}) AS \"/wanted\" WHERE \"/wanted\".value IN (\
             SELECT \"/had\".value FROM json_each({left}) AS \"/had\" WHERE \"/had\".value IS NOT NULL)) END"
            ),
            _ => String::new(),
        })?;
        Ok(Piece::bool(sql))
    }

    fn two_arrays(
        &mut self,
        left: &Expr,
        right: &Expr,
        sign: &str,
    ) -> Result<(String, String, DataType), DialectError> {
        self.only_in_queries(sign)?;
        let (left, right) = (self.lower(left)?, self.lower(right)?);
        let common = match (left.data_type(), right.data_type()) {
            (Some(DataType::Jsonb), _) | (_, Some(DataType::Jsonb)) => {
                return Err(DialectError::unsupported(format!("{sign} of jsonb")));
            }
            (Some(array @ DataType::Array(_)), None) | (None, Some(array @ DataType::Array(_))) => {
                Some(array.clone())
            }
            (Some(one @ DataType::Array(_)), Some(other)) => super::type_name::common_type(one, other),
            _ => None,
        };
        let Some(common @ DataType::Array(_)) = common else {
            return Err(super::compare::no_operator(&left, sign, &right));
        };
        if left == Piece::Null || right == Piece::Null {
            return Ok(("NULL".into(), "NULL".into(), common));
        }
        Ok((self.implicit(left, &common)?, self.implicit(right, &common)?, common))
    }

    /// `array || array`, `array || element`, `element || array`.
    pub(super) fn concatenate_arrays(&mut self, left: Piece, right: Piece) -> Result<Piece, DialectError> {
        self.only_in_queries("|| of arrays")?;
        let array = match (left.data_type(), right.data_type()) {
            (Some(array @ DataType::Array(_)), _) | (_, Some(array @ DataType::Array(_))) => array.clone(),
            _ => return Err(super::compare::no_operator(&left, "||", &right)),
        };
        let DataType::Array(element) = &array else {
            return Err(super::compare::no_operator(&left, "||", &right));
        };
        let mut sides = Vec::new();
        for piece in [left, right] {
            let is_element = piece.data_type().is_some_and(|of| !matches!(of, DataType::Array(_)));
            sides.push(if is_element {
                let sql = self.implicit(piece, element)?;
                json_array(&[json_element(&sql, element)?])
            } else {
                self.implicit(piece, &array)?
            });
        }
        // Both are JSON arrays: the inside of one, a comma unless one is empty, the inside of the other.
        let sql = self.bound(sides, |names| match names {
            [left, right] => format!(
                "CASE WHEN {left} IS NULL THEN {right} WHEN {right} IS NULL THEN {left} ELSE ('[' || substr({left}, 2, length({left}) - 2) || CASE WHEN {left} = '[]' OR {right} = '[]' THEN '' ELSE ',' END || substr({right}, 2, length({right}) - 2) || ']') END"
            ),
            _ => String::new(),
        })?;
        Ok(Piece::Typed(sql, array))
    }
}

fn strip(expression: &Expr) -> &Expr {
    match expression {
        Expr::Nested(inner) => strip(inner),
        other => other,
    }
}

/// The query of `ANY (SELECT …)` and `ANY (ARRAY(SELECT …))`.
fn subquery(expression: &Expr) -> Option<&sqlparser::ast::Query> {
    match expression {
        Expr::Nested(inner) => subquery(inner),
        Expr::Subquery(query) => Some(query),
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("array") => {
            match &function.args {
                FunctionArguments::Subquery(query) => Some(query),
                _ => None,
            }
        }
        _ => None,
    }
}

fn element_piece(value: serde_json::Value) -> Piece {
    match value {
        serde_json::Value::Null => Piece::Null,
        serde_json::Value::String(text) => Piece::Unknown(text),
        other => Piece::Unknown(other.to_string()),
    }
}

/// A JSON array of JSON texts, in calls of at most 30 arguments.
pub(super) fn json_array(parts: &[String]) -> String {
    if parts.is_empty() {
        return "'[]'".to_string();
    }
    if parts.len() <= 30 {
        return format!("json_array({})", parts.join(", "));
    }
    let chunks: Vec<String> = parts
        .chunks(30)
        .map(|chunk| {
            let array = format!("json_array({})", chunk.join(", "));
            format!("substr({array}, 2, length({array}) - 2)")
        })
        .collect();
    format!("('[' || concat_ws(',', {}) || ']')", chunks.join(", "))
}

/// An element's value as an argument of `json_array`.
pub fn json_element(sql: &str, data_type: &DataType) -> Result<String, DialectError> {
    match family(data_type) {
        Family::Number(3) | Family::Json | Family::Array => Ok(format!("json({sql})")),
        Family::Number(4..) => Ok(crate::schema::json_value(data_type, sql)),
        _ if *data_type == DataType::Bool => {
            Ok(format!("json(CASE {sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)"))
        }
        _ if *data_type == DataType::Tsvector => Ok(vector_of(sql, None)),
        _ if *data_type == DataType::Tsquery => Err(DialectError::unsupported("a tsquery inside of JSON")),
        _ if *data_type == DataType::Bytea => Err(DialectError::unsupported("arrays of bytea")),
        _ => Ok(sql.to_string()),
    }
}
