//! Comparison: `=` and its like, IN, BETWEEN, DISTINCT FROM, and which operator does what.

use sqlparser::ast::{BinaryOperator, Expr};

use super::distinct::numeric_digits;
use super::lowering::Lowering;
use super::piece::Piece;
use super::type_name::{Family, family};
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{balanced, quote_literal};

impl Lowering<'_> {
    pub(super) fn binary(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Piece, DialectError> {
        use BinaryOperator as Op;
        if let Some(piece) = self.range_operation(left, operator, right)? {
            return Ok(piece);
        }
        match operator {
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => {
                let is_equality = matches!(operator, Op::Eq | Op::NotEq);
                let (left, right) = match (is_scalar_text(left), is_scalar_text(right)) {
                    (true, false) if is_equality => (self.lower(left)?, self.lower_scalar(right)?),
                    (false, true) if is_equality => (self.lower_scalar(left)?, self.lower(right)?),
                    _ => (self.lower(left)?, self.lower(right)?),
                };
                self.compare(left, operator, right).map(Piece::bool)
            }
            Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo => {
                self.arithmetic(left, operator, right)
            }
            Op::StringConcat => self.concatenate(left, right),
            Op::Arrow | Op::LongArrow | Op::HashArrow | Op::HashLongArrow => {
                self.json_access(left, operator, right)
            }
            Op::Question | Op::QuestionPipe | Op::QuestionAnd => self.json_has_key(left, operator, right),
            Op::AtArrow => self.contains(left, right),
            Op::ArrowAt => self.contains(right, left),
            Op::PGOverlap => self.overlaps(left, right),
            Op::HashMinus => {
                let (json, path) = (self.lower(left)?, self.lower(right)?);
                let json = self.implicit(json, &DataType::Jsonb)?;
                super::json_function::without_path(self, json, &path)
            }
            Op::BitwiseAnd
            | Op::BitwiseOr
            | Op::PGBitwiseXor
            | Op::PGBitwiseShiftLeft
            | Op::PGBitwiseShiftRight => self.bits(left, operator, right),
            Op::AtAt => self.search(left, right),
            Op::PGLikeMatch => self.like(left, right, None, false, false),
            Op::PGNotLikeMatch => self.like(left, right, None, false, true),
            Op::PGILikeMatch => self.like(left, right, None, true, false),
            Op::PGNotILikeMatch => self.like(left, right, None, true, true),
            Op::PGRegexMatch => self.regular_expression(left, right, false),
            Op::PGRegexNotMatch => self.regular_expression(left, right, true),
            Op::PGRegexIMatch => self.regular_expression_of(left, right, true, false),
            Op::PGRegexNotIMatch => self.regular_expression_of(left, right, true, true),
            other => Err(DialectError::unsupported(format!("the operator {other}"))),
        }
    }

    /// The SQL of a comparison of two lowered pieces.
    pub fn compare(
        &mut self,
        left: Piece,
        operator: &BinaryOperator,
        right: Piece,
    ) -> Result<String, DialectError> {
        let sign = sign(operator)?;
        if left == Piece::Null || right == Piece::Null {
            return Ok("NULL".to_string());
        }
        if let Some(sql) = self.compare_jsonb(&left, operator, &right)? {
            return Ok(sql);
        }
        if let ("=" | "<>", Some(DataType::Range(crate::schema::Ranged::Numeric))) = (sign, left.data_type())
        {
            let equal = self.range_pieces(left, crate::dialect::RangeOperator::Equals, right, sign)?;
            let equal = equal.into_sql(self.catalog)?;
            return Ok(if sign == "=" { equal } else { format!("(NOT {equal})") });
        }
        let (left, right) = self.comparable(left, sign, right)?;
        Ok(format!("({left} {sign} {right})"))
    }

    /// Both sides of a comparison in a form that SQLite compares as Postgres would.
    pub fn keys(
        &mut self,
        left: Piece,
        operator: &BinaryOperator,
        right: Piece,
    ) -> Result<(String, String), DialectError> {
        self.comparable(left, sign(operator)?, right)
    }

    /// A value in the form that SQLite sorts as Postgres sorts it.
    pub fn order_key(&mut self, piece: Piece) -> Result<String, DialectError> {
        self.key(piece, true)
    }

    /// Both sides in a form that SQLite orders as Postgres orders their common type.
    fn comparable(
        &mut self,
        left: Piece,
        sign: &str,
        right: Piece,
    ) -> Result<(String, String), DialectError> {
        if let Some(sides) = self.fixed_sides(&left, &right)? {
            return Ok(sides);
        }
        let are_short = is_short_number(&left) && is_short_number(&right);
        let (left, right) = self.same_type(left, sign, right)?;
        let order_matters = !matches!(sign, "=" | "<>" | "IS" | "IS NOT");
        if are_short && matches!(left.data_type(), Some(DataType::Numeric(_))) {
            let (left, right) = (left.into_sql(self.catalog)?, right.into_sql(self.catalog)?);
            return Ok((self.once(left, numeric_key)?, self.once(right, numeric_key)?));
        }
        Ok((self.key(left, order_matters)?, self.key(right, order_matters)?))
    }

    /// Brings two pieces to the type Postgres' operator would be chosen for.
    fn same_type(&mut self, left: Piece, sign: &str, right: Piece) -> Result<(Piece, Piece), DialectError> {
        let common = match (left.data_type(), right.data_type()) {
            (None, None) => DataType::Text,
            (Some(one), None) | (None, Some(one)) => of_any_length(one),
            (Some(one), Some(other)) if is_single(one) != is_single(other) && both_numbers(one, other) => {
                DataType::Float8
            }
            (Some(one), Some(other)) => super::type_name::common_type(one, other)
                .filter(|_| family(one) == family(other) || family(one).is_number() || family(one).is_time())
                .ok_or_else(|| no_operator(&left, sign, &right))?,
        };
        let typed = |lowering: &mut Self, piece| -> Result<Piece, DialectError> {
            Ok(Piece::Typed(lowering.implicit(piece, &common)?, common.clone()))
        };
        Ok((typed(self, left)?, typed(self, right)?))
    }

    /// A value in the form in which SQLite's comparison is that of Postgres.
    fn key(&mut self, piece: Piece, order_matters: bool) -> Result<String, DialectError> {
        let Piece::Typed(sql, data_type) = piece else { return piece.into_sql(self.catalog) };
        let refused = || {
            Err(DialectError::unsupported(format!("comparing values of type {}", data_type.display_name())))
        };
        match &data_type {
            DataType::Numeric(Some((..=15, _))) => self.once(sql, numeric_key),
            DataType::Numeric(_) if order_matters => self.decimal_order(sql),
            DataType::Numeric(_) => self.once(sql, numeric_digits),
            DataType::Char(_) => Ok(format!("rtrim({sql}, ' ')")),
            DataType::Enum(name) if order_matters => self.enum_rank(name, &sql),
            // Its CHECK keeps it within ASCII, which NOCASE folds.
            DataType::Citext => Ok(format!("{sql} COLLATE NOCASE")),
            DataType::Interval => self.interval_key(sql),
            DataType::Jsonb => refused(),
            DataType::Json => Err(DialectError::new("42883", "operator does not exist: json = json")),
            DataType::Array(element) => match family(element) {
                Family::Number(rank) if rank >= 3 => refused(),
                Family::Json => refused(),
                _ if order_matters => refused(),
                _ => Ok(sql),
            },
            DataType::Inet | DataType::Cidr if order_matters => refused(),
            DataType::Range(of) => self.range_key(*of, sql, order_matters),
            DataType::Geometry(_) if order_matters => refused(),
            DataType::Tsvector | DataType::Tsquery => refused(),
            _ => Ok(sql),
        }
    }

    /// Enums order by the position of their labels.
    fn enum_rank(&mut self, name: &str, sql: &str) -> Result<String, DialectError> {
        let labels = self.catalog.enums.get(name).map(|of| of.labels.clone()).unwrap_or_default();
        let arms = labels
            .iter()
            .enumerate()
            .map(|(rank, label)| format!(" WHEN {} THEN {rank}", quote_literal(label)))
            .collect::<String>();
        Ok(format!("CASE {sql}{arms} END"))
    }

    pub(super) fn distinct(&mut self, left: &Expr, right: &Expr, sign: &str) -> Result<Piece, DialectError> {
        if let Some(piece) = self.distinct_rows(left, right, sign)? {
            return Ok(piece);
        }
        let (left, right) = (self.lower(left)?, self.lower(right)?);
        self.distinct_values(left, right, sign)
    }

    pub(super) fn distinct_values(
        &mut self,
        left: Piece,
        right: Piece,
        sign: &str,
    ) -> Result<Piece, DialectError> {
        let operator = if sign == "IS" { BinaryOperator::Eq } else { BinaryOperator::NotEq };
        if let Some(sql) = self.compare_jsonb(&left, &operator, &right)? {
            return Ok(Piece::bool(format!("coalesce({sql}, {})", i32::from(sign != "IS"))));
        }
        let (left, right) = self.comparable(left, sign, right)?;
        Ok(Piece::bool(format!("({left} {sign} {right})")))
    }

    pub(super) fn between(
        &mut self,
        value: &Expr,
        negated: bool,
        low: &Expr,
        high: &Expr,
    ) -> Result<Piece, DialectError> {
        let (at_least, at_most) = if negated {
            (BinaryOperator::Lt, BinaryOperator::Gt)
        } else {
            (BinaryOperator::GtEq, BinaryOperator::LtEq)
        };
        let (value, low, high) = (self.lower(value)?, self.lower(low)?, self.lower(high)?);
        let low = self.compare(value.clone(), &at_least, low)?;
        let high = self.compare(value, &at_most, high)?;
        Ok(Piece::bool(format!("({low} {} {high})", if negated { "OR" } else { "AND" })))
    }

    pub(super) fn in_list(
        &mut self,
        value: &Expr,
        list: &[Expr],
        negated: bool,
    ) -> Result<Piece, DialectError> {
        let value = match list.iter().all(is_scalar_text) {
            true => self.lower_scalar(value)?,
            false => self.lower(value)?,
        };
        let items: Result<Vec<Piece>, DialectError> = list.iter().map(|item| self.lower(item)).collect();
        self.in_pieces(value, items?, negated)
    }

    /// `IN` as comparisons when types differ or order needs keys, else as SQLite's own `IN`.
    pub(super) fn in_pieces(
        &mut self,
        value: Piece,
        items: Vec<Piece>,
        negated: bool,
    ) -> Result<Piece, DialectError> {
        let plain = |data_type: &DataType| {
            !matches!(family(data_type), Family::Json | Family::Array | Family::Other)
                && !matches!(data_type, DataType::Numeric(_) | DataType::Char(_))
        };
        let common = value.data_type().filter(|data_type| plain(data_type)).map(of_any_length);
        if let Some(common) = common.filter(|common| {
            items.iter().all(|item| item.data_type().is_none_or(|of| family(of) == family(common)))
        }) {
            let items: Result<Vec<String>, DialectError> =
                items.into_iter().map(|item| self.implicit(item, &common)).collect();
            let value = self.implicit(value, &common)?;
            let not = if negated { "NOT " } else { "" };
            return Ok(Piece::bool(format!("({value} {not}IN ({}))", items?.join(", "))));
        }
        let (operator, join) =
            if negated { (BinaryOperator::NotEq, " AND ") } else { (BinaryOperator::Eq, " OR ") };
        let terms: Result<Vec<String>, DialectError> =
            items.into_iter().map(|item| self.compare(value.clone(), &operator, item)).collect();
        Ok(Piece::bool(balanced(terms?, join)))
    }
}

/// Whether an expression is a text that no JSON container has: a literal without a bracket, a uuid.
fn is_scalar_text(expression: &Expr) -> bool {
    match expression {
        Expr::Nested(inner) => is_scalar_text(inner),
        Expr::Value(value) => {
            value.value.clone().into_string().is_some_and(|text| !text.starts_with(['{', '[']))
        }
        Expr::Cast { expr, .. } => match expr.as_ref() {
            Expr::Function(function) => function.name.to_string() == "auth.uid",
            inner => is_scalar_text(inner),
        },
        _ => false,
    }
}

/// What an untyped literal becomes beside a value of a type: what is too long for the type is
/// different, not an error.
fn of_any_length(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Varchar(_) => DataType::Text,
        other => other.clone(),
    }
}

/// Whether a number has 15 digits at most, which a double tells from all others.
/// `real`, which meets any other number as a double.
pub fn is_single(data_type: &DataType) -> bool {
    *data_type == DataType::Float4
}

/// Whether both are numbers.
pub fn both_numbers(one: &DataType, other: &DataType) -> bool {
    family(one).is_number() && family(other).is_number()
}

fn is_short_number(piece: &Piece) -> bool {
    match piece {
        Piece::Unknown(text) => text.len() <= 16,
        Piece::Typed(_, DataType::Int2 | DataType::Int4 | DataType::Numeric(Some((..=15, _)))) => true,
        Piece::Typed(sql, DataType::Numeric(None)) => sql.starts_with('\'') && sql.len() <= 17,
        _ => false,
    }
}

/// A numeric's text as a number that SQLite compares. NaN is the greatest, and equals itself.
fn numeric_key(sql: &str) -> String {
    let number = format!("CAST({sql} AS NUMERIC)");
    let is_finite_literal = sql.starts_with('\'') && sql != "'NaN'";
    if is_finite_literal { number } else { format!("CASE {sql} WHEN 'NaN' THEN 9e999 ELSE {number} END") }
}

/// SQLite's sign for a comparison operator.
fn sign(operator: &BinaryOperator) -> Result<&'static str, DialectError> {
    Ok(match operator {
        BinaryOperator::Eq => "=",
        BinaryOperator::NotEq => "<>",
        BinaryOperator::Lt => "<",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Gt => ">",
        BinaryOperator::GtEq => ">=",
        other => return Err(DialectError::unsupported(format!("the operator {other} here"))),
    })
}

/// Postgres' refusal of an operator between two types.
pub fn no_operator(left: &Piece, sign: &str, right: &Piece) -> DialectError {
    let (left, right) = (left.type_name(), right.type_name());
    let sign = match sign {
        "IS" | "IS NOT" => "=",
        sign => sign,
    };
    DialectError::new("42883", format!("operator does not exist: {left} {sign} {right}")).with_hint(
        "No operator matches the given name and argument types. You might need to add explicit type casts.",
    )
}
