//! What Postgres calls a column of a SELECT that was given no name.

use sqlparser::ast::{Expr, SelectItem, SetExpr};

use crate::dialect::expression::called_name;
use crate::dialect::name;
use crate::schema::DataType;

/// Postgres' name for a column that was given none.
pub fn output_name(expression: &Expr) -> String {
    match expression {
        Expr::Identifier(of) => name::folded(of),
        Expr::CompoundIdentifier(names) => names.last().map(name::folded).unwrap_or_default(),
        Expr::Function(function) => called_name(function)
            .map(|name| name.rsplit('.').next().unwrap_or(&name).to_string())
            .unwrap_or_default(),
        Expr::Cast { expr, data_type, .. } => match output_name(expr) {
            unnamed if unnamed == "?column?" => match data_type {
                sqlparser::ast::DataType::Custom(name, _) => name.to_string(),
                other => {
                    DataType::named(&other.to_string().to_lowercase()).map_or(unnamed, |of| of.short_name())
                }
            },
            name => name,
        },
        Expr::Nested(inner) => output_name(inner),
        Expr::Case { .. } => "case".to_string(),
        Expr::Exists { .. } => "exists".to_string(),
        Expr::Array(_) => "array".to_string(),
        Expr::Extract { .. } => "extract".to_string(),
        Expr::AtTimeZone { .. } => "timezone".to_string(),
        Expr::Position { .. } => "position".to_string(),
        Expr::Substring { .. } => "substring".to_string(),
        Expr::Trim { .. } => "btrim".to_string(),
        Expr::CompoundFieldAccess { root, .. } => output_name(root),
        Expr::Subquery(query) => match query.body.as_ref() {
            SetExpr::Select(select) => match select.projection.first() {
                Some(SelectItem::UnnamedExpr(expression)) => output_name(expression),
                Some(SelectItem::ExprWithAlias { alias, .. }) => name::folded(alias),
                _ => "?column?".to_string(),
            },
            _ => "?column?".to_string(),
        },
        _ => "?column?".to_string(),
    }
}
