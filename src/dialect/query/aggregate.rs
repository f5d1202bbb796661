//! Aggregates, and Postgres' rule of what may stand beside them.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, Select, SelectItem,
};

use crate::dialect::DialectError;
use crate::dialect::expression::{Family, Lowering, Piece, called_name, family, json_element};
use crate::schema::DataType;

/// What stands in a query that groups.
#[derive(Clone, Debug)]
pub struct Grouping {
    /// The SQL of what is grouped by.
    pub keys: Vec<String>,
    /// How many scopes there are: columns of outer ones are constants here.
    pub depth: usize,
}

const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "bool_and",
    "bool_or",
    "every",
    "string_agg",
    "array_agg",
    "json_agg",
    "jsonb_agg",
];

/// Whether a function is an aggregate, by its name.
pub fn is_aggregate(name: &str) -> bool {
    AGGREGATES.contains(&name)
}

impl Lowering<'_> {
    /// Lowers a call of an aggregate; `None` when it is none.
    pub(in crate::dialect) fn aggregate(
        &mut self,
        name: &str,
        function: &Function,
    ) -> Result<Option<Piece>, DialectError> {
        if !is_aggregate(name) {
            return Ok(None);
        }
        if !self.aggregates_allowed {
            return Err(DialectError::new(
                "42803",
                format!("aggregate functions are not allowed here: {name}"),
            ));
        }
        let FunctionArguments::List(list) = &function.args else {
            return Err(DialectError::unsupported(function));
        };
        // Inside an aggregate every column may stand, and no other aggregate.
        let outside = (std::mem::take(&mut self.aggregates_allowed), self.grouping.take());
        let parts = self.aggregate_parts(list, function);
        (self.aggregates_allowed, self.grouping) = outside;
        let AggregateParts { arguments, order, filter, is_star } = parts?;
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        self.build(name, arguments, is_star, distinct, &order, &filter).map(Some)
    }

    fn aggregate_parts(
        &mut self,
        list: &sqlparser::ast::FunctionArgumentList,
        function: &Function,
    ) -> Result<AggregateParts, DialectError> {
        let mut parts = AggregateParts::default();
        for argument in &list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => parts.is_star = true,
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => {
                    parts.arguments.push(self.lower(expression)?);
                }
                other => return Err(DialectError::unsupported(format!("the argument {other}"))),
            }
        }
        for clause in &list.clauses {
            let FunctionArgumentClause::OrderBy(order) = clause else {
                return Err(DialectError::unsupported(clause));
            };
            parts.order = format!(" ORDER BY {}", self.order_terms(order, &[])?);
        }
        if let Some(filter) = &function.filter {
            parts.filter = format!(" FILTER (WHERE {})", self.condition(filter)?);
        }
        Ok(parts)
    }

    fn build(
        &mut self,
        name: &str,
        arguments: Vec<Piece>,
        is_star: bool,
        distinct: bool,
        order: &str,
        filter: &str,
    ) -> Result<Piece, DialectError> {
        let refused = |what: &str| DialectError::unsupported(format!("{name}() of {what}"));
        let only = if distinct { "DISTINCT " } else { "" };
        if is_star && name == "count" {
            return Ok(Piece::Typed(format!("count(*){filter}"), DataType::Int8));
        }
        let mut arguments = arguments.into_iter();
        let first = arguments
            .next()
            .ok_or_else(|| DialectError::new("42883", format!("function {name}() does not exist")))?;
        let (sql, data_type) = first.resolved(self.catalog)?;
        let of = family(&data_type);
        let rest: Vec<Piece> = arguments.collect();
        let ordered = matches!(of, Family::Number(0..=2 | 5) | Family::Time(_))
            || matches!(data_type, DataType::Text | DataType::Varchar(_) | DataType::Time);
        let call = |function: &str, argument: &str| format!("{function}({only}{argument}{order}){filter}");
        match (name, rest.as_slice()) {
            ("count", []) => Ok(Piece::Typed(call("count", &sql), DataType::Int8)),
            ("min" | "max", []) if ordered => Ok(Piece::Typed(call(name, &sql), data_type)),
            ("sum", []) => match of {
                Family::Number(0 | 1) => Ok(Piece::Typed(call("sum", &sql), DataType::Int8)),
                Family::Number(2) => {
                    Ok(Piece::Typed(format!("CAST({} AS TEXT)", call("sum", &sql)), DataType::Numeric(None)))
                }
                Family::Number(5) => Ok(Piece::Typed(call("sum", &sql), DataType::Float8)),
                _ => Err(refused(&data_type.display_name())),
            },
            ("avg", []) if of == Family::Number(5) => Ok(Piece::Typed(call("avg", &sql), DataType::Float8)),
            ("bool_and" | "every", []) if data_type == DataType::Bool => Ok(Piece::bool(call("min", &sql))),
            ("bool_or", []) if data_type == DataType::Bool => Ok(Piece::bool(call("max", &sql))),
            ("string_agg", [separator]) if !distinct => {
                let (text, separator) =
                    (self.as_text(Piece::Typed(sql, data_type))?, self.as_text(separator.clone())?);
                Ok(Piece::text(format!("group_concat({text}, {separator}{order}){filter}")))
            }
            ("array_agg", []) => {
                let element = json_element(&sql, &data_type)?;
                let array = call("json_group_array", &element);
                Ok(Piece::Typed(none_for_no_rows(&array, filter), DataType::Array(Box::new(data_type))))
            }
            ("json_agg" | "jsonb_agg", []) => {
                let to = if name == "json_agg" { DataType::Json } else { DataType::Jsonb };
                let element = json_element(&sql, &data_type)?;
                let array = call("json_group_array", &element);
                Ok(Piece::Typed(none_for_no_rows(&array, filter), to))
            }
            _ => Err(refused(&data_type.display_name())),
        }
    }
}

/// Postgres aggregates no rows to NULL, SQLite to an empty array.
fn none_for_no_rows(array: &str, filter: &str) -> String {
    format!("CASE WHEN count(*){filter} > 0 THEN {array} END")
}

#[derive(Default)]
struct AggregateParts {
    arguments: Vec<Piece>,
    order: String,
    filter: String,
    is_star: bool,
}

/// Whether the select list has an aggregate of this query (not of one inside).
pub fn has_aggregate(select: &Select) -> bool {
    select.projection.iter().any(|item| match item {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => {
            calls_aggregate(expression)
        }
        _ => false,
    })
}

fn calls_aggregate(expression: &Expr) -> bool {
    match expression {
        Expr::Function(function) => {
            let arguments = match &function.args {
                FunctionArguments::List(list) => list.args.as_slice(),
                _ => &[],
            };
            called_name(function).is_ok_and(|name| is_aggregate(&name))
                || arguments.iter().any(|argument| {
                    matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) if calls_aggregate(expression))
                })
        }
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::Cast { expr: inner, .. }
        | Expr::CompoundFieldAccess { root: inner, .. } => calls_aggregate(inner),
        Expr::BinaryOp { left, right, .. } => calls_aggregate(left) || calls_aggregate(right),
        Expr::Between { expr, low, high, .. } => {
            [expr, low, high].into_iter().any(|inner| calls_aggregate(inner))
        }
        Expr::InList { expr, list, .. } => calls_aggregate(expr) || list.iter().any(calls_aggregate),
        Expr::Case { operand, conditions, else_result, .. } => {
            operand.as_deref().is_some_and(calls_aggregate)
                || else_result.as_deref().is_some_and(calls_aggregate)
                || conditions
                    .iter()
                    .any(|when| calls_aggregate(&when.condition) || calls_aggregate(&when.result))
        }
        Expr::Array(array) => array.elem.iter().any(calls_aggregate),
        _ => false,
    }
}
