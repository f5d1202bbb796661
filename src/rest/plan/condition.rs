//! Filters with their columns found and their values read.

use super::Planner;
use super::literal::no_operator;
use super::read::{Embed, Operand, OperandKind};
use crate::dialect::RangeOperator;
use crate::rest::error::RestError;
use crate::rest::request::{Logic, Operation, Operator, Quantifier, Truth};
use crate::schema::{DataType, Ranged, Table};
use crate::text_search::{Configuration, SearchError, Syntax, clauses};

/// A condition on the rows of one relation.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition<'c> {
    /// All hold; true when there is none.
    All(Vec<Condition<'c>>),
    /// One holds; false when there is none.
    Any(Vec<Condition<'c>>),
    /// It does not hold (and is not unknown).
    Not(Box<Condition<'c>>),
    /// A column, or JSON in it, compared.
    Test(Operand<'c>, Test),
    /// The embed of that index has rows.
    Related(usize),
}

impl Condition<'_> {
    /// Whether it holds for one value of the column alone.
    pub fn is_equality_of(&self, column: &str) -> bool {
        match self {
            Self::All(all) => all.iter().any(|condition| condition.is_equality_of(column)),
            Self::Test(operand, Test::Compare(Comparison::Equal, _)) => {
                operand.column.name == column && operand.json_path.is_empty()
            }
            _ => false,
        }
    }
}

/// What a column is compared with. Values are in their stored form.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// With one value.
    Compare(Comparison, String),
    /// With each of a list.
    In(Vec<String>),
    /// With a truth value.
    Is(Truth),
    /// With a pattern of `%`, `_` and `\`.
    Like {
        /// The pattern.
        pattern: String,
        /// `ilike`.
        any_case: bool,
    },
    /// With a regular expression.
    RegularExpression {
        /// The expression.
        pattern: String,
        /// `imatch`.
        any_case: bool,
    },
    /// An array with an array, which is a JSON text.
    Array(Containment, String),
    /// jsonb with jsonb, in its stored form.
    Json(Containment, String),
    /// A range with a range, in its stored form.
    Range(RangeOperator, String),
    /// A text or a vector of lexemes with the clauses of a query.
    Search(Configuration, String),
    /// With null, which is never true and never false.
    Unknown,
}

/// Comparing two values of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Distinct,
}

/// Comparing two arrays as sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Containment {
    /// `@>`: the column has every element.
    Contains,
    /// `<@`: the column has no other element.
    ContainedBy,
    /// `&&`: one element in common.
    Overlaps,
}

impl<'c> Planner<'c> {
    /// All filters of one relation as one condition.
    pub(super) fn conditions<'q>(
        &self,
        table: &'c Table,
        depth: usize,
        embeds: &[Embed<'c>],
        filters: impl Iterator<Item = &'q Logic>,
    ) -> Result<Condition<'c>, RestError> {
        filters
            .map(|logic| self.condition(table, depth, embeds, logic))
            .collect::<Result<_, _>>()
            .map(Condition::All)
    }

    fn condition(
        &self,
        table: &'c Table,
        depth: usize,
        embeds: &[Embed<'c>],
        logic: &Logic,
    ) -> Result<Condition<'c>, RestError> {
        let (condition, negated) = match logic {
            Logic::Group { negated, any, members } => {
                let members = members
                    .iter()
                    .map(|member| self.condition(table, depth, embeds, member))
                    .collect::<Result<Vec<_>, _>>()?;
                (if *any { Condition::Any(members) } else { Condition::All(members) }, *negated)
            }
            Logic::Filter { field, negated, operation } => {
                let embed = embeds
                    .iter()
                    .position(|embed| field.json_path.is_empty() && embed.is_called(&field.name));
                let condition = match (embed, operation) {
                    (Some(index), Operation::Is(Truth::NotNull)) => Condition::Related(index),
                    (Some(index), Operation::Is(Truth::Null)) => {
                        Condition::Not(Box::new(Condition::Related(index)))
                    }
                    _ => self.test(self.operand(table, depth, field)?, operation)?,
                };
                (condition, *negated)
            }
        };
        Ok(if negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn test(&self, operand: Operand<'c>, operation: &Operation) -> Result<Condition<'c>, RestError> {
        let test = match operation {
            Operation::Is(truth) => is(&operand, *truth)?,
            Operation::In(values) => {
                comparison(&operand, Operator::Equal)?;
                Test::In(values.iter().map(|value| self.literal(&operand, value)).collect::<Result<_, _>>()?)
            }
            Operation::Search { operator, configuration, query } => {
                search(&operand, *operator, configuration.as_deref(), query)?
            }
            Operation::Compare { operator, quantifier: None, value } => {
                self.compare(&operand, *operator, value)?
            }
            Operation::Compare { operator, quantifier: Some(quantifier), value } => {
                return self.quantified(&operand, *operator, *quantifier, value);
            }
        };
        Ok(Condition::Test(operand, test))
    }

    fn quantified(
        &self,
        operand: &Operand<'c>,
        operator: Operator,
        quantifier: Quantifier,
        value: &str,
    ) -> Result<Condition<'c>, RestError> {
        let one = |item: Option<String>| {
            let test = match item {
                Some(text) => self.compare(operand, operator, &text)?,
                None => Test::Unknown,
            };
            Ok(Condition::Test(operand.clone(), test))
        };
        let members =
            self.literals(operand, value)?.into_iter().map(one).collect::<Result<Vec<_>, RestError>>()?;
        Ok(match quantifier {
            Quantifier::Any => Condition::Any(members),
            Quantifier::All => Condition::All(members),
        })
    }

    fn compare(&self, operand: &Operand<'c>, operator: Operator, value: &str) -> Result<Test, RestError> {
        match operator {
            Operator::Like => like(operand, value, false),
            Operator::LikeAnyCase => like(operand, value, true),
            Operator::Match => regular_expression(operand, value, false),
            Operator::MatchAnyCase => regular_expression(operand, value, true),
            Operator::Contains => self.array(operand, Containment::Contains, value),
            Operator::ContainedBy => self.array(operand, Containment::ContainedBy, value),
            Operator::Overlaps => self.array(operand, Containment::Overlaps, value),
            Operator::StrictlyLeft => self.range(operand, RangeOperator::StrictlyLeft, "<<", value),
            Operator::StrictlyRight => self.range(operand, RangeOperator::StrictlyRight, ">>", value),
            Operator::NotRight => self.range(operand, RangeOperator::NotRight, "&<", value),
            Operator::NotLeft => self.range(operand, RangeOperator::NotLeft, "&>", value),
            Operator::Adjacent => self.range(operand, RangeOperator::Adjacent, "-|-", value),
            // The same bounds may have more zeros.
            Operator::Equal if operand.kind() == OperandKind::Column(&DataType::Range(Ranged::Numeric)) => {
                self.range(operand, RangeOperator::Equals, "=", value)
            }
            _ => Ok(Test::Compare(comparison(operand, operator)?, self.literal(operand, value)?)),
        }
    }

    fn array(&self, operand: &Operand<'c>, containment: Containment, value: &str) -> Result<Test, RestError> {
        let symbol = match containment {
            Containment::Contains => "@>",
            Containment::ContainedBy => "<@",
            Containment::Overlaps => "&&",
        };
        match operand.kind() {
            OperandKind::Column(of @ DataType::Array(_)) => {
                Ok(Test::Array(containment, self.read(of, value)?))
            }
            OperandKind::Column(DataType::Jsonb) | OperandKind::Json
                if containment != Containment::Overlaps =>
            {
                Ok(Test::Json(containment, self.read(&DataType::Jsonb, value)?))
            }
            OperandKind::Column(DataType::Range(_)) => {
                let operator = match containment {
                    Containment::Contains => RangeOperator::Contains,
                    Containment::ContainedBy => RangeOperator::ContainedBy,
                    Containment::Overlaps => RangeOperator::Overlaps,
                };
                self.range(operand, operator, symbol, value)
            }
            _ => Err(no_operator(&operand.type_name(), symbol)),
        }
    }

    /// Untyped, as all values of filters are, the right side is a range too, never an element.
    fn range(
        &self,
        operand: &Operand<'c>,
        operator: RangeOperator,
        symbol: &str,
        value: &str,
    ) -> Result<Test, RestError> {
        match operand.kind() {
            OperandKind::Column(of @ DataType::Range(_)) => Ok(Test::Range(operator, self.read(of, value)?)),
            _ => Err(no_operator(&operand.type_name(), symbol)),
        }
    }
}

/// Without a configuration it is the database's, which is English.
fn search(
    operand: &Operand<'_>,
    operator: Operator,
    configuration: Option<&str>,
    query: &str,
) -> Result<Test, RestError> {
    let syntax = match operator {
        Operator::SearchPlain => Syntax::Plain,
        Operator::SearchPhrase => Syntax::Phrase,
        Operator::SearchWeb => Syntax::Web,
        _ => Syntax::Operators,
    };
    match operand.kind() {
        OperandKind::Column(DataType::Tsvector | DataType::Text | DataType::Varchar(_))
        | OperandKind::JsonText => {}
        OperandKind::Column(DataType::Json | DataType::Jsonb | DataType::Char(_) | DataType::Citext)
        | OperandKind::Json => {
            let what = format!("searching {} is not supported", operand.type_name());
            return Err(RestError::NotImplemented(what));
        }
        OperandKind::Column(_) => return Err(no_operator(&operand.type_name(), "@@")),
    }
    let refused = |error: SearchError| RestError::postgres(error.code, error.message);
    let configuration = Configuration::named(configuration.unwrap_or("english")).map_err(refused)?;
    Ok(Test::Search(configuration, clauses(configuration, syntax, query).map_err(refused)?))
}

/// The comparison behind an operator, if the operand's type has it.
fn comparison(operand: &Operand<'_>, operator: Operator) -> Result<Comparison, RestError> {
    let (comparison, symbol) = match operator {
        Operator::Equal => (Comparison::Equal, "="),
        Operator::NotEqual => (Comparison::NotEqual, "<>"),
        Operator::Greater => (Comparison::Greater, ">"),
        Operator::GreaterOrEqual => (Comparison::GreaterOrEqual, ">="),
        Operator::Less => (Comparison::Less, "<"),
        Operator::LessOrEqual => (Comparison::LessOrEqual, "<="),
        Operator::Distinct => (Comparison::Distinct, "="),
        other => {
            return Err(RestError::NotImplemented(format!(
                "the operator \"{}\" is not supported yet",
                other.word()
            )));
        }
    };
    let orders = !matches!(comparison, Comparison::Equal | Comparison::NotEqual | Comparison::Distinct);
    match operand.kind() {
        OperandKind::Column(DataType::Json) => Err(no_operator("json", symbol)),
        OperandKind::Column(of @ (DataType::Range(Ranged::Numeric) | DataType::Tsvector)) => {
            let what = format!("comparing values of type {} is not supported", of.display_name());
            Err(RestError::NotImplemented(what))
        }
        OperandKind::Column(of) if orders && !has_order(of) => Err(RestError::NotImplemented(format!(
            "comparing values of type {} by size is not supported yet",
            of.display_name()
        ))),
        _ => Ok(comparison),
    }
}

/// Whether the stored form can be put in Postgres' order.
pub(super) fn has_order(data_type: &DataType) -> bool {
    !matches!(
        data_type,
        DataType::Json
            | DataType::Jsonb
            | DataType::Interval
            | DataType::Inet
            | DataType::Cidr
            | DataType::Range(Ranged::Numeric)
            | DataType::Tsvector
            | DataType::Geometry(_)
            | DataType::Array(_)
    )
}

fn is(operand: &Operand<'_>, truth: Truth) -> Result<Test, RestError> {
    let word = match truth {
        Truth::Null | Truth::NotNull => return Ok(Test::Is(truth)),
        Truth::True => "TRUE",
        Truth::False => "FALSE",
        Truth::Unknown => "UNKNOWN",
    };
    if matches!(operand.kind(), OperandKind::Column(DataType::Bool)) {
        return Ok(Test::Is(truth));
    }
    let message = format!("argument of IS {word} must be type boolean, not type {}", operand.type_name());
    Err(RestError::postgres("42804", message))
}

/// `*` stands for `%` on the wire.
fn like(operand: &Operand<'_>, pattern: &str, any_case: bool) -> Result<Test, RestError> {
    let any_case = matched_in_any_case(operand, pattern, any_case, ["~~", "~~*"])?;
    Ok(Test::Like { pattern: pattern.replace('*', "%"), any_case })
}

fn regular_expression(operand: &Operand<'_>, pattern: &str, any_case: bool) -> Result<Test, RestError> {
    if let OperandKind::Column(DataType::Char(_)) = operand.kind() {
        let what = "regular expressions on blank-padded text are not supported";
        return Err(RestError::NotImplemented(what.into()));
    }
    let any_case = matched_in_any_case(operand, pattern, any_case, ["~", "~*"])?;
    Ok(Test::RegularExpression { pattern: pattern.to_string(), any_case })
}

/// Whether a pattern is matched without regard to case, on an operand that patterns are for.
fn matched_in_any_case(
    operand: &Operand<'_>,
    pattern: &str,
    any_case: bool,
    [exact, folded]: [&str; 2],
) -> Result<bool, RestError> {
    let (texts, citext) = match operand.kind() {
        OperandKind::Column(DataType::Text | DataType::Varchar(_) | DataType::Char(_)) => (true, false),
        OperandKind::Column(DataType::Citext) => (true, true),
        OperandKind::JsonText => (true, false),
        _ => (false, false),
    };
    if !texts {
        return Err(no_operator(&operand.type_name(), if any_case { folded } else { exact }));
    }
    if pattern.contains('\0') {
        return Err(RestError::postgres("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    Ok(any_case || citext)
}
