//! What Postgres calls a column of a SELECT that was given no name.

use sqlparser::ast::{AccessExpr, Expr, SelectItem, SetExpr, TrimWhereField};

use crate::dialect::expression::called_name;
use crate::dialect::name;
use crate::schema::DataType;

/// Postgres' name for a column that was given none.
pub fn output_name(expression: &Expr) -> String {
    name_of(expression).map_or_else(|| "?column?".to_string(), |(name, _)| name)
}

/// The name, and whether a cast around it leaves it; `None` when there is none.
fn name_of(expression: &Expr) -> Option<(String, bool)> {
    let own = |name: &str| Some((name.to_string(), true));
    match expression {
        Expr::Identifier(of) => Some((name::folded(of), true)),
        Expr::CompoundIdentifier(names) => Some((names.last().map(name::folded)?, true)),
        Expr::Function(function) => {
            let name = called_name(function).ok()?;
            Some((name.rsplit('.').next().unwrap_or(&name).to_string(), true))
        }
        Expr::Cast { expr, data_type, .. } => match name_of(expr) {
            Some((name, true)) => Some((name, true)),
            _ => Some((type_name(data_type)?, false)),
        },
        Expr::TypedString(typed) => Some((type_name(&typed.data_type)?, false)),
        Expr::Interval(_) => Some(("interval".to_string(), false)),
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(name_of) {
            Some((name, true)) => Some((name, true)),
            _ => Some(("case".to_string(), false)),
        },
        Expr::Nested(inner) => name_of(inner),
        Expr::Exists { .. } => own("exists"),
        Expr::Array(_) => own("array"),
        Expr::Extract { .. } => own("extract"),
        Expr::AtTimeZone { .. } => own("timezone"),
        Expr::Position { .. } => own("position"),
        Expr::Overlay { .. } => own("overlay"),
        Expr::Ceil { .. } => own("ceil"),
        Expr::Floor { .. } => own("floor"),
        Expr::Substring { shorthand, .. } => own(if *shorthand { "substr" } else { "substring" }),
        Expr::Trim { trim_where, .. } => own(match trim_where {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        }),
        Expr::Tuple(_) => own("row"),
        Expr::CompoundFieldAccess { root, access_chain } => match access_chain.last() {
            Some(AccessExpr::Dot(Expr::Identifier(field))) => Some((name::folded(field), true)),
            _ => name_of(root),
        },
        Expr::Subquery(query) => match query.body.as_ref() {
            SetExpr::Select(select) => match select.projection.first()? {
                SelectItem::UnnamedExpr(expression) => Some((output_name(expression), true)),
                SelectItem::ExprWithAlias { alias, .. } => Some((name::folded(alias), true)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// A type's own name, without lengths and brackets: `int4` for `integer[]`.
fn type_name(data_type: &sqlparser::ast::DataType) -> Option<String> {
    if let sqlparser::ast::DataType::Custom(name, _) = data_type {
        return name::parts(name).ok()?.pop();
    }
    let name = DataType::named(&data_type.to_string().to_lowercase())?.short_name();
    let name = name.trim_end_matches("[]");
    Some(name.split('(').next().unwrap_or(name).to_string())
}
