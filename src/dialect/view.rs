//! Views in statements: a view's query in its place, and for one that is written to its rows over the table's.
//!
//! The environment is told whose query it is: what an owner's view reads is not subject to the caller's policies.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use sqlparser::ast::{Expr, LimitClause, Query, Select, SelectItem, SetExpr, TableFactor};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::expression::{Field, Lowering, Place, Relation, Scope};
use super::query::{LoweredQuery, Recorder, has_aggregate, rename};
use super::translate::SystemEnvironment;
use super::{DialectError, Environment, name, parse};
use crate::schema::{Catalog, DataType, Origin, View, WritePath, Written};
use crate::sql::{physical_name, quote_identifier};

/// How many parsed views an isolate remembers before it forgets them all.
const REMEMBERED: usize = 300;

thread_local! {
    static PARSED: RefCell<HashMap<String, Rc<Query>>> = RefCell::default();
}

/// The rows of a view as a FROM clause has them, its columns by their names. Who may read the view is for the caller
/// to ask; `row` is the quoted alias that they will have.
pub fn view_source(
    view: &View,
    row: &str,
    catalog: &Catalog,
    environment: &mut dyn Environment,
) -> Result<String, DialectError> {
    let lowered = Lowering::beside_row(catalog, environment, row).view_query(view)?;
    let columns = view.table.columns.iter().enumerate().map(|(index, column)| {
        format!("{} AS {}", lowered.column_sql(index, "view"), quote_identifier(&column.name))
    });
    let columns: Vec<String> = columns.collect();
    Ok(format!("(SELECT {} FROM ({}) AS \"/view\")", columns.join(", "), lowered.sql))
}

/// A view's row over a row of the table that it writes to.
pub struct ViewRow {
    /// The view's columns, each with its SQL and type.
    pub columns: Vec<(String, String, DataType)>,
    /// For each view on the way, the innermost last, which rows it has; `None` for all.
    pub conditions: Vec<Option<String>>,
}

/// The row of a view that can be written to; `row` is how SQL names the table's, quoted. `wanted` says of which views
/// on the way the conditions are asked for: those of the others are not looked at.
pub fn view_row(
    path: &WritePath<'_>,
    row: &str,
    wanted: &dyn Fn(&View) -> bool,
    catalog: &Catalog,
    environment: &mut dyn Environment,
) -> Result<ViewRow, DialectError> {
    Lowering::beside_row(catalog, environment, row).view_row(path, row, wanted)
}

impl Lowering<'_> {
    /// A view's query, apart from everything around it.
    pub(super) fn view_query(&mut self, view: &View) -> Result<LoweredQuery, DialectError> {
        let query = parsed(&view.definition)?;
        self.within_view(view, |lowering| lowering.subquery(&query))
    }

    fn within_view<T>(
        &mut self,
        view: &View,
        work: impl FnOnce(&mut Self) -> Result<T, DialectError>,
    ) -> Result<T, DialectError> {
        let scopes = std::mem::take(&mut self.scopes);
        let common_tables = std::mem::take(&mut self.common_tables);
        let targets = std::mem::take(&mut self.targets);
        let search_path = self.search_path.take();
        let recorder = self.recorder.take();
        self.environment.enter_view(view);
        let outcome = work(self);
        self.environment.leave_view();
        (self.scopes, self.common_tables, self.targets) = (scopes, common_tables, targets);
        (self.recorder, self.search_path) = (recorder, search_path);
        outcome
    }

    /// See [`view_row`].
    pub(super) fn view_row(
        &mut self,
        path: &WritePath<'_>,
        row: &str,
        wanted: &dyn Fn(&View) -> bool,
    ) -> Result<ViewRow, DialectError> {
        let mut below = Relation::of_table(path.base, row);
        let mut conditions = Vec::new();
        for view in path.views.iter().rev() {
            let query = parsed(&view.definition)?;
            let (select, factor) = simple(&query).ok_or_else(|| not_simple(view))?;
            let TableFactor::Table { alias, .. } = factor else { return Err(not_simple(view)) };
            if let Some(alias) = alias {
                below.schema = None;
                below.name = name::folded(&alias.name);
                rename(&mut below.columns, alias)?;
            }
            let scope = Scope { relations: vec![below] };
            let (condition, outputs) = self.within_view(view, |lowering| {
                lowering.scopes.push(scope);
                let condition = select.selection.as_ref().filter(|_| wanted(view));
                let condition = condition.map(|of| lowering.condition(of)).transpose()?;
                Ok((condition, lowering.outputs(&select.projection, &[])?))
            })?;
            conditions.insert(0, condition);
            let columns = view.table.columns.iter().zip(outputs).map(|(column, output)| Field {
                name: column.name.clone(),
                sql: output.sql,
                data_type: output.data_type,
            });
            below = Relation {
                schema: Some(view.table.schema.clone()),
                name: view.table.name.clone(),
                row: String::new(),
                columns: columns.collect(),
                merged: Vec::new(),
            };
        }
        let columns = below.columns.into_iter().map(|field| (field.name, field.sql, field.data_type));
        Ok(ViewRow { columns: columns.collect(), conditions })
    }
}

/// What a query would be as a view.
pub struct Analysis {
    /// The query with every `*` written out.
    pub definition: String,
    /// Names and types.
    pub columns: Vec<(String, DataType)>,
    /// For each column the table's column that it is.
    pub origins: Vec<Option<Origin>>,
    /// The physical names of the relations that it names.
    pub reads: Vec<String>,
    /// What writing to it means.
    pub written: Written,
    /// For each column the column of the one relation below that it is, if it can be written to.
    pub below: Vec<Option<String>>,
}

/// Looks into a query for a view.
pub fn analyse(catalog: &Catalog, definition: &str) -> Result<Analysis, DialectError> {
    let tokens = parse::tokens(definition)?;
    let (_, recorder) = recorded(catalog, &parse::query(tokens.clone())?)?;
    let definition = with_stars(definition, &tokens, &recorder.stars);
    let query = parse::query(parse::tokens(&definition)?)?;
    let (lowered, recorder) = recorded(catalog, &query)?;
    let mut origins = recorder.outputs;
    origins.resize(lowered.columns.len(), None);
    let written = written(catalog, &query, &definition)?;
    let below = match &written {
        Written::Through(_) => below(&query),
        Written::Refused(_) => Vec::new(),
    };
    Ok(Analysis { definition, columns: lowered.columns, origins, reads: recorder.relations, written, below })
}

/// What the columns of a simple query are called in the relation that it selects from.
fn below(query: &Query) -> Vec<Option<String>> {
    let Some((select, _)) = simple(query) else { return Vec::new() };
    let plain = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => {
            match expression {
                Expr::Identifier(of) => Some(name::folded(of)),
                Expr::CompoundIdentifier(names) => names.last().map(name::folded),
                _ => None,
            }
        }
        _ => None,
    };
    select.projection.iter().map(plain).collect()
}

fn recorded(catalog: &Catalog, query: &Query) -> Result<(LoweredQuery, Recorder), DialectError> {
    let mut environment = SystemEnvironment::default();
    let mut lowering = Lowering::new(catalog, &mut environment, Place::Query);
    lowering.recorder = Some(Recorder::default());
    let lowered = lowering.subquery(query)?;
    Ok((lowered, lowering.recorder.unwrap_or_default()))
}

/// The SQL of a view's query for the system, every name in it resolved but those of functions.
pub fn resolved(catalog: &Catalog, definition: &str) -> Result<String, DialectError> {
    lowered_for(SystemEnvironment::naming_routines(), catalog, definition)
}

/// The SQL of a view's query for the system.
pub fn system_query(catalog: &Catalog, definition: &str) -> Result<String, DialectError> {
    lowered_for(SystemEnvironment::default(), catalog, definition)
}

fn lowered_for(
    mut environment: SystemEnvironment,
    catalog: &Catalog,
    definition: &str,
) -> Result<String, DialectError> {
    let query = parse::query(parse::tokens(definition)?)?;
    Ok(Lowering::new(catalog, &mut environment, Place::Query).subquery(&query)?.sql)
}

/// The text with what its stars stand for.
fn with_stars(text: &str, tokens: &[TokenWithSpan], stars: &[(Location, String)]) -> String {
    let mut written = String::new();
    let mut stars = stars.to_vec();
    stars.sort_by_key(|(place, _)| (place.line, place.column));
    let mut from = 0;
    for (place, columns) in stars {
        let start = parse::offset(text, place);
        let star = tokens
            .iter()
            .skip_while(|token| (token.span.start.line, token.span.start.column) < (place.line, place.column))
            .find(|token| token.token == Token::Mul);
        let Some(star) = star else { continue };
        written.push_str(text.get(from..start).unwrap_or_default());
        written.push_str(&columns);
        from = parse::offset(text, star.span.end);
    }
    written.push_str(text.get(from..).unwrap_or_default());
    written
}

fn parsed(definition: &str) -> Result<Rc<Query>, DialectError> {
    if let Some(known) = PARSED.with_borrow(|parsed| parsed.get(definition).cloned()) {
        return Ok(known);
    }
    let query = Rc::new(parse::query(parse::tokens(definition)?)?);
    PARSED.with_borrow_mut(|parsed| {
        if parsed.len() >= REMEMBERED {
            parsed.clear();
        }
        parsed.insert(definition.to_string(), query.clone());
    });
    Ok(query)
}

/// The SELECT and the one relation of a query that is nothing else.
fn simple(query: &Query) -> Option<(&Select, &TableFactor)> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    match select.from.as_slice() {
        [from] if from.joins.is_empty() => Some((select, &from.relation)),
        _ => None,
    }
}

fn not_simple(view: &View) -> DialectError {
    DialectError::new("XX000", format!("the view \"{}\" is not as simple as it was", view.table.name))
}

const SINGLE: &str = "Views that do not select from a single table or view are not automatically updatable.";

/// Postgres' rule of which views can be written to, in its order and words.
fn written(catalog: &Catalog, query: &Query, definition: &str) -> Result<Written, DialectError> {
    let limited = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => limit.is_some() || offset.is_some(),
        Some(LimitClause::OffsetCommaLimit { .. }) => true,
        None => query.fetch.is_some(),
    };
    let select = match query.body.as_ref() {
        SetExpr::Select(select) => Some(select.as_ref()),
        _ => None,
    };
    let has = |test: fn(&Select) -> bool| select.is_some_and(test);
    let says = |keyword| -> Result<bool, DialectError> {
        let is_it = |token: &TokenWithSpan| matches!(&token.token, Token::Word(word) if word.keyword == keyword && word.quote_style.is_none());
        Ok(parse::tokens(definition)?.iter().any(is_it))
    };
    #[rustfmt::skip]
    let reasons = [
        (has(|select| select.distinct.is_some()),                    "Views containing DISTINCT are not automatically updatable."),
        (has(is_grouped),                                             "Views containing GROUP BY are not automatically updatable."),
        (has(|select| select.having.is_some()),                      "Views containing HAVING are not automatically updatable."),
        (matches!(query.body.as_ref(), SetExpr::SetOperation { .. }), "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable."),
        (query.with.is_some(),                                       "Views containing WITH are not automatically updatable."),
        (limited,                                                    "Views containing LIMIT or OFFSET are not automatically updatable."),
        (has(has_aggregate),                                         "Views that return aggregate functions are not automatically updatable."),
        (says(Keyword::OVER)?,                                       "Views that return window functions are not automatically updatable."),
        (has(returns_sets),                                          "Views that return set-returning functions are not automatically updatable."),
    ];
    if let Some((_, reason)) = reasons.iter().find(|(holds, _)| *holds) {
        return Ok(Written::Refused((*reason).to_string()));
    }
    let Some((_, TableFactor::Table { name, alias, args: None, .. })) = simple(query) else {
        return Ok(Written::Refused(SINGLE.to_string()));
    };
    if alias.as_ref().is_some_and(|alias| !alias.columns.is_empty()) {
        // Postgres would take it: nothing here knows the columns by their new names.
        return Ok(Written::Refused("Views that rename columns in FROM are not updatable here.".to_string()));
    }
    let (schema, name) = name::qualified(name)?;
    let physical = physical_name(&schema, &name);
    if catalog.relation(&schema, &name).is_none()
        || catalog.view(&schema, &name).is_some_and(|view| view.materialized)
    {
        return Ok(Written::Refused(SINGLE.to_string()));
    }
    if below(query).iter().all(Option::is_none) {
        let reason = "Views that have no updatable columns are not automatically updatable.";
        return Ok(Written::Refused(reason.to_string()));
    }
    Ok(Written::Through(physical))
}

fn is_grouped(select: &Select) -> bool {
    use sqlparser::ast::GroupByExpr;
    match &select.group_by {
        GroupByExpr::Expressions(expressions, modifiers) => !expressions.is_empty() || !modifiers.is_empty(),
        GroupByExpr::All(_) => true,
    }
}

fn returns_sets(select: &Select) -> bool {
    select.projection.iter().any(|item| match item {
        SelectItem::UnnamedExpr(Expr::Function(of))
        | SelectItem::ExprWithAlias { expr: Expr::Function(of), .. } => {
            matches!(
                name::parts(&of.name).unwrap_or_default().last().map(String::as_str),
                Some("unnest" | "generate_series" | "jsonb_array_elements" | "json_array_elements")
            )
        }
        _ => false,
    })
}
