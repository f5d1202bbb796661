//! WITH: named queries, and those that refer to themselves.

use sqlparser::ast::{Query, SetExpr, SetOperator, SetQuantifier, TableAlias, With};

use super::LoweredQuery;
use super::relation::{fields, rename};
use crate::dialect::expression::{Field, Lowering};
use crate::dialect::{DialectError, name};
use crate::schema::DataType;
use crate::sql::quote_identifier;

/// A WITH query that names may refer to.
#[derive(Clone, Debug)]
pub struct CommonTable {
    name: String,
    /// Its SQLite name, quoted.
    pub sql: String,
    columns: Vec<Field>,
}

impl CommonTable {
    /// One whose rows are had from `sql`: a name, or a query in parentheses.
    pub fn of(alias: &TableAlias, sql: &str, lowered: &LoweredQuery) -> Result<Self, DialectError> {
        common_table(alias, sql, lowered)
    }

    /// One of these columns.
    pub fn named(name: &str, sql: String, columns: &[(String, DataType)]) -> Self {
        Self { name: name.to_string(), sql, columns: fields(columns) }
    }

    /// Its columns under an alias.
    pub fn fields(&self, alias: Option<&TableAlias>) -> Result<Vec<Field>, DialectError> {
        let mut columns = self.columns.clone();
        if let Some(alias) = alias {
            rename(&mut columns, alias)?;
        }
        Ok(columns)
    }
}

impl Lowering<'_> {
    /// The WITH query of a name.
    pub(super) fn common_table(&self, name: &str) -> Option<CommonTable> {
        self.common_tables.iter().rev().find(|table| table.name == name).cloned()
    }

    /// A WITH clause; its names stay in sight until the caller forgets them.
    pub(in crate::dialect) fn with(&mut self, with: &With) -> Result<String, DialectError> {
        let mut tables = Vec::new();
        let targets = std::mem::take(&mut self.targets);
        for table in &with.cte_tables {
            let sql = quote_identifier(&self.alias());
            let lowered = match with.recursive {
                true => self.maybe_recursive(&table.query, &table.alias, &sql)?,
                false => self.subquery(&table.query)?,
            };
            self.note_common_table(&sql);
            tables.push(format!("{sql} AS ({})", lowered.sql));
            let table = common_table(&table.alias, &sql, &lowered)?;
            self.common_tables.push(table);
        }
        self.targets = targets;
        Ok(format!("WITH {}{}", if with.recursive { "RECURSIVE " } else { "" }, tables.join(", ")))
    }

    /// `first UNION [ALL] step`, where the step may name the query itself.
    fn maybe_recursive(
        &mut self,
        query: &Query,
        alias: &TableAlias,
        sql: &str,
    ) -> Result<LoweredQuery, DialectError> {
        let SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } =
            query.body.as_ref()
        else {
            return self.subquery(query);
        };
        let (scopes, tables) = (self.scopes.len(), self.common_tables.len());
        let inner = query.with.as_ref().map(|with| self.with(with)).transpose()?;
        let first = self.set(left)?;
        self.common_tables.push(common_table(alias, sql, &first)?);
        self.targets = first.columns.iter().map(|(_, data_type)| data_type.clone()).collect();
        let step = self.set(right);
        self.targets.clear();
        self.scopes.truncate(scopes);
        self.common_tables.truncate(tables);
        let own = format!("{sql} AS ");
        let step = step?;
        let Some(at) = step.sql.find(&own) else { return self.subquery(query) };
        let refused = |what: &str| Err(DialectError::unsupported(format!("{what} in a recursive query")));
        if query.order_by.is_some() || query.limit_clause.is_some() || query.fetch.is_some() {
            return refused("ORDER BY or LIMIT");
        }
        let SetExpr::Select(select) = right.as_ref() else {
            return refused("this form of the recursive term");
        };
        if select.distinct.is_some() || step.sql.contains(" OVER (") {
            return refused("DISTINCT or a window function");
        }
        let before = step.sql.get(..at).unwrap_or_default();
        let is_inside = before.matches('(').count() != before.matches(')').count();
        if is_inside || step.sql.matches(&own).count() > 1 {
            return Err(DialectError::new(
                "42P19",
                format!("recursive reference to query \"{}\" must stand once, in FROM", alias.name.value),
            )
            .with_hint("SQLite takes one reference to the query itself, outside of subqueries."));
        }
        self.fitting(alias, &first, &step)?;
        let all = if *set_quantifier == SetQuantifier::All { "UNION ALL" } else { "UNION" };
        if all == "UNION" {
            self.comparable_rows(&first)?;
        }
        self.note_computed();
        let inner = inner.map(|inner| format!("{inner} ")).unwrap_or_default();
        Ok(LoweredQuery {
            sql: format!("{inner}SELECT * FROM ({}) {all} {}", first.sql, step.sql),
            columns: first.columns,
            is_single: false,
            value: None,
        })
    }

    /// The step's columns must have the types of the first ones, as they are stored.
    fn fitting(
        &self,
        alias: &TableAlias,
        first: &LoweredQuery,
        step: &LoweredQuery,
    ) -> Result<(), DialectError> {
        if first.columns.len() != step.columns.len() {
            return Err(DialectError::new("42601", "each UNION query must have the same number of columns"));
        }
        for (index, ((_, one), (_, other))) in first.columns.iter().zip(&step.columns).enumerate() {
            let widens = matches!(
                (one, other),
                (DataType::Int4 | DataType::Int8, DataType::Int2)
                    | (DataType::Int8, DataType::Int4)
                    | (DataType::Text, DataType::Varchar(_))
                    | (DataType::Numeric(None), DataType::Numeric(_))
            );
            if one != other && !widens {
                return Err(DialectError::new(
                    "42804",
                    format!(
                        "recursive query \"{}\" column {} has type {} in non-recursive term but type {} overall",
                        name::folded(&alias.name),
                        index + 1,
                        one.display_name(),
                        other.display_name()
                    ),
                )
                .with_hint("Cast the output of the non-recursive term to the correct type."));
            }
        }
        Ok(())
    }
}

fn common_table(alias: &TableAlias, sql: &str, lowered: &LoweredQuery) -> Result<CommonTable, DialectError> {
    let mut columns = fields(&lowered.columns);
    rename(&mut columns, alias)?;
    Ok(CommonTable { name: name::folded(&alias.name), sql: sql.to_string(), columns })
}
