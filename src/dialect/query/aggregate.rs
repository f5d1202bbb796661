//! Aggregates, and Postgres' rule of what may stand beside them.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, Select, SelectItem,
};

use crate::dialect::DialectError;
use crate::dialect::expression::{Family, Lowering, Piece, called_name, family, json_element};
use crate::schema::{DataType, json_value};
use crate::sql::raise;

/// What stands in a query that groups.
#[derive(Clone, Debug)]
pub struct Grouping {
    /// The SQL of what is grouped by.
    pub keys: Vec<String>,
    /// The same as written, with its type: what is lowered twice may be named otherwise.
    pub expressions: Vec<(Expr, DataType)>,
    /// The rows, quoted, that the keys determine: their columns may stand as they are.
    pub rows: Vec<String>,
    /// How many scopes there are: columns of outer ones are constants here.
    pub depth: usize,
}

/// The aggregates, by name.
pub const AGGREGATES: &[&str] = &[
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
    "json_object_agg",
    "jsonb_object_agg",
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
        if !self.aggregates_allowed && function.over.is_none() {
            return Err(DialectError::new(
                "42803",
                format!("aggregate functions are not allowed here: {name}"),
            ));
        }
        let FunctionArguments::List(list) = &function.args else {
            return Err(DialectError::unsupported(function));
        };
        let over = function.over.as_ref().map(|over| self.over(over)).transpose()?.unwrap_or_default();
        // Inside an aggregate every column may stand, and no other aggregate; over a window, aggregates
        // of the groups may.
        let windows = self.windows.take();
        let outside = (self.aggregates_allowed, self.grouping.clone());
        if over.is_empty() {
            (self.aggregates_allowed, self.grouping) = (false, None);
        }
        let parts = self.aggregate_parts(name, list, function);
        (self.aggregates_allowed, self.grouping) = outside;
        self.windows = windows;
        let AggregateParts { arguments, order, filter, is_star } = parts?;
        if !over.is_empty() && (!order.is_empty() || list.duplicate_treatment.is_some()) {
            return Err(DialectError::new(
                "0A000",
                "DISTINCT and ORDER BY are not implemented for window functions",
            ));
        }
        let filter = format!("{filter}{over}");
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        match self.build(name, arguments, is_star, distinct, &order, &filter)? {
            Piece::Typed(sql, data_type) => Ok(Some(Piece::Typed(self.staged(sql), data_type))),
            piece => Ok(Some(piece)),
        }
    }

    fn aggregate_parts(
        &mut self,
        name: &str,
        list: &sqlparser::ast::FunctionArgumentList,
        function: &Function,
    ) -> Result<AggregateParts, DialectError> {
        let mut parts = AggregateParts::default();
        for argument in &list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => parts.is_star = true,
                FunctionArg::Unnamed(argument) => {
                    let piece = match (self.row_argument(name, argument)?, argument) {
                        (Some(row), _) => row,
                        (None, FunctionArgExpr::Expr(expression)) => self.lower(expression)?,
                        (None, _) => {
                            return Err(DialectError::unsupported(format!("this argument of {name}()")));
                        }
                    };
                    parts.arguments.push(piece);
                }
                _ => return Err(DialectError::unsupported(format!("{name}() with named arguments"))),
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
            ("min" | "max", []) if of == Family::Number(3) => {
                let key = self.decimal_order(sql.clone())?;
                // What sorts has 37 characters; the value itself follows.
                Ok(Piece::Typed(
                    format!("substr({}, 38)", call(name, &format!("({key} || {sql})"))),
                    data_type,
                ))
            }
            ("sum", []) => match of {
                Family::Number(0 | 1) => Ok(Piece::Typed(call("sum", &sql), DataType::Int8)),
                Family::Number(2) => {
                    Ok(Piece::Typed(format!("CAST({} AS TEXT)", call("sum", &sql)), DataType::Numeric(None)))
                }
                Family::Number(3) if !distinct => {
                    let (sum, scale, greatest) = self.sum_of(&sql, &data_type, &call)?;
                    Ok(Piece::Typed(self.summed(&sum, &scale, &greatest)?, DataType::Numeric(None)))
                }
                Family::Number(5) => Ok(Piece::Typed(call("sum", &sql), DataType::Float8)),
                _ => Err(refused(&data_type.display_name())),
            },
            ("avg", []) if of == Family::Number(5) => Ok(Piece::Typed(call("avg", &sql), DataType::Float8)),
            ("avg", []) if matches!(of, Family::Number(0..=2)) => {
                let (sum, count) = (self.staged(call("sum", &sql)), self.staged(call("count", &sql)));
                Ok(Piece::Typed(self.average(&sum, "0", &count)?, DataType::Numeric(None)))
            }
            ("avg", []) if of == Family::Number(3) && !distinct => {
                let (sum, scale, greatest) = self.sum_of(&sql, &data_type, &call)?;
                let count = self.staged(call("count", &sql));
                // A sum without a scale of its own has the places to which its numbers were brought.
                let average = match scale.as_str() {
                    "" => self.average_of_unscaled(&sum, &greatest, &count)?,
                    scale => self.average(&sum, scale, &count)?,
                };
                Ok(Piece::Typed(average, DataType::Numeric(None)))
            }
            ("bool_and" | "every", []) if data_type == DataType::Bool => Ok(Piece::bool(call("min", &sql))),
            ("bool_or", []) if data_type == DataType::Bool => Ok(Piece::bool(call("max", &sql))),
            ("string_agg", [separator]) => {
                self.joined(Piece::Typed(sql, data_type), separator, distinct, order, filter)
            }
            ("array_agg", []) => {
                let element = json_element(&sql, &data_type)?;
                let array = call("json_group_array", &element);
                Ok(Piece::Typed(none_for_no_rows(&array, "[]"), DataType::Array(Box::new(data_type))))
            }
            ("json_agg" | "jsonb_agg", []) => {
                let to = if name == "json_agg" { DataType::Json } else { DataType::Jsonb };
                let element = json_value(&data_type, &sql);
                let array = call("json_group_array", &element);
                Ok(Piece::Typed(none_for_no_rows(&array, "[]"), to))
            }
            ("json_object_agg" | "jsonb_object_agg", [value]) if !distinct => {
                let key = self.as_text(Piece::Typed(sql, data_type))?;
                let null = raise("'22023:field name must not be null'");
                let key = self.once(key, |key| format!("coalesce({key}, {null})"))?;
                let (value, of) = value.clone().resolved(self.catalog)?;
                let to = if name == "json_object_agg" { DataType::Json } else { DataType::Jsonb };
                // jsonb keeps its keys by length and then bytes.
                let order = match (to == DataType::Jsonb, order) {
                    (true, "") => format!(" ORDER BY octet_length({key}), {key}"),
                    (_, order) => order.to_string(),
                };
                let object = format!("json_group_object({key}, {}{order}){filter}", json_value(&of, &value));
                Ok(Piece::Typed(none_for_no_rows(&object, "{}"), to))
            }
            _ => Err(refused(&data_type.display_name())),
        }
    }

    /// The sum of numerics' digits: the sum, the scale they share, or else the greatest scale.
    fn sum_of(
        &mut self,
        sql: &str,
        data_type: &DataType,
        call: &dyn Fn(&str, &str) -> String,
    ) -> Result<(String, String, String), DialectError> {
        let (digits, scale) = self.summand(sql.to_string(), data_type)?;
        let greatest = match scale.is_empty() {
            true => call("max", &self.decimal_scale(sql.to_string())?),
            false => String::new(),
        };
        let greatest = if greatest.is_empty() { greatest } else { self.staged(greatest) };
        Ok((self.staged(call("sum", &digits)), scale, greatest))
    }

    /// `string_agg`. SQLite's takes no separator beside DISTINCT, so distinct texts go through an array.
    fn joined(
        &mut self,
        text: Piece,
        separator: &Piece,
        distinct: bool,
        order: &str,
        filter: &str,
    ) -> Result<Piece, DialectError> {
        let (text, separator) = (self.as_text(text)?, self.as_text(separator.clone())?);
        if !distinct {
            // Postgres takes a separator that is NULL for none.
            let separator =
                if separator.starts_with('\'') { separator } else { format!("coalesce({separator}, '')") };
            return Ok(Piece::text(format!("group_concat({text}, {separator}{order}){filter}")));
        }
        if !filter.is_empty() {
            return Err(DialectError::unsupported("string_agg(DISTINCT …) with FILTER"));
        }
        if !separator.starts_with('\'') {
            return Err(DialectError::unsupported(
                "string_agg(DISTINCT …) with a separator that is no literal",
            ));
        }
        // SQLite joins distinct texts by commas only: those inside of texts are put aside.
        let aside = raise("'0A000:string_agg(DISTINCT …) of text with control characters is not supported'");
        let text = self.once(text, |text| {
            format!("CASE WHEN instr({text}, char(1)) THEN {aside} ELSE replace({text}, ',', char(1)) END")
        })?;
        // They are sorted as DISTINCT sorts them in Postgres, unless the query asks for it otherwise.
        let order = if order.is_empty() { format!(" ORDER BY {text}") } else { order.to_string() };
        Ok(Piece::text(format!(
            "replace(replace(group_concat(DISTINCT {text}{order}), ',', {separator}), char(1), ',')"
        )))
    }
}

/// Postgres aggregates no rows to NULL, SQLite to what is `empty`. Without a `count(*)`: where the value goes into a query of its own,
/// as an array's function has it, that would count the rows of that query.
fn none_for_no_rows(aggregate: &str, empty: &str) -> String {
    format!("nullif({aggregate}, '{empty}')")
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
            (function.over.is_none() && called_name(function).is_ok_and(|name| is_aggregate(&name)))
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
        Expr::Tuple(fields) => fields.iter().any(calls_aggregate),
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
            calls_aggregate(left) || calls_aggregate(right)
        }
        Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => {
            calls_aggregate(left) || calls_aggregate(right)
        }
        Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner)
        | Expr::Extract { expr: inner, .. }
        | Expr::AtTimeZone { timestamp: inner, .. }
        | Expr::Like { expr: inner, .. }
        | Expr::ILike { expr: inner, .. }
        | Expr::Trim { expr: inner, .. }
        | Expr::Substring { expr: inner, .. }
        | Expr::Ceil { expr: inner, .. }
        | Expr::Floor { expr: inner, .. } => calls_aggregate(inner),
        _ => false,
    }
}
