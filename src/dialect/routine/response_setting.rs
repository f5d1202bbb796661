//! `set_config('response.status', …, true)` and `response.headers`: what a function says of the response to its call.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Query, SelectItem, SetExpr, Value,
};

use crate::dialect::DialectError;
use crate::dialect::plpgsql::{Condition, FRAME};
use crate::sql::quote_literal;

/// The settings, and what their values are called until the call has been answered.
#[rustfmt::skip]
const SETTINGS: &[(&str, &str)] = &[
    ("response.status",  STATUS),
    ("response.headers", HEADERS),
];

/// What holds the status.
const STATUS: &str = "/call/response.status";

/// What holds the headers.
const HEADERS: &str = "/call/response.headers";

/// What a statement sets, and to what: it is nothing but a call of `set_config` with such a setting.
pub fn response_setting(query: &Query) -> Option<(&'static str, &Expr)> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let [
        SelectItem::UnnamedExpr(Expr::Function(call))
        | SelectItem::ExprWithAlias { expr: Expr::Function(call), .. },
    ] = select.projection.as_slice()
    else {
        return None;
    };
    let is_set_config =
        call.name.0.last().is_some_and(|name| name.to_string().eq_ignore_ascii_case("set_config"));
    let FunctionArguments::List(arguments) = &call.args else { return None };
    let [name, value, _] = arguments.args.as_slice() else { return None };
    let (
        FunctionArg::Unnamed(FunctionArgExpr::Expr(name)),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)),
    ) = (name, value)
    else {
        return None;
    };
    let Expr::Value(name) = name else { return None };
    let Value::SingleQuotedString(name) = &name.value else { return None };
    let (_, kept) = SETTINGS.iter().find(|(known, _)| *known == name)?;
    (is_set_config && select.from.is_empty() && select.selection.is_none()).then_some((*kept, value))
}

/// The statement that sets it to the SQL of a text, where a condition holds.
pub fn set_response(kept: &str, value: &str, runs: &Condition) -> String {
    let name = quote_literal(kept);
    format!(
        "INSERT INTO {FRAME} (name, value)\nSELECT {name}, {value}\nWHERE {}\nON CONFLICT (name) DO UPDATE SET value = excluded.value",
        runs.to_sql()
    )
}

/// The columns `status` and `headers` of a call that has run; `None` where its statements set neither.
pub fn said_of_response(statements: &[String]) -> Option<String> {
    let sets = |of: &&(&str, &str)| statements.iter().any(|sql| sql.contains(&quote_literal(of.1)));
    SETTINGS.iter().find(sets)?;
    let value = |name: &str| format!("(SELECT value FROM {FRAME} WHERE name = {})", quote_literal(name));
    Some(format!("SELECT {} AS status, {} AS headers", value(STATUS), value(HEADERS)))
}

/// Why such a statement cannot stand in an expression; the call is then made as a batch.
pub fn needs_a_call() -> DialectError {
    DialectError::new("0A000", "a function that says something of the response cannot stand in an expression")
        .with_hint("Call it by rpc.")
}
