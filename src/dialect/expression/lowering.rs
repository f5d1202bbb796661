//! The walk over an expression: one arm for each kind of syntax, the work in the files beside.

use sqlparser::ast::{self, BinaryOperator, Expr, UnaryOperator, Value};

use super::decimal::FixedDecimal;
use super::piece::{Piece, literal};
use super::quotient::Quotient;
use super::row::row_fields;
use super::scope::{Relation, Scope, bare_column, qualified_column, relation};
use crate::dialect::name::folded;
use crate::dialect::query::{CommonTable, FUNCTION_SCHEMA, Grouping, Recorder, Staged};
use crate::dialect::{DialectError, Environment};
use crate::schema::{Catalog, DataType, Table};
use crate::sql::balanced;

/// Where the SQL will stand, which decides what SQLite allows in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a statement: everything.
    Query,
    /// In a column's DEFAULT: no subquery.
    Default,
    /// In a CHECK, a generated column or an index: no subquery, no clock, no chance, no caller.
    Stored(&'static str),
}

/// How deep an expression may nest, so that the SQL stays under SQLite's depth of 100.
const DEEPEST: usize = 40;

/// How long a piece may be that another repeats.
pub(super) const LONGEST_REPEATED: usize = 4_000;

/// The state of lowering one statement or expression.
pub struct Lowering<'a> {
    /// The schema.
    pub catalog: &'a Catalog,
    /// For whom.
    pub environment: &'a mut dyn Environment,
    /// Where.
    pub place: Place,
    /// What names mean; the innermost last.
    pub scopes: Vec<Scope>,
    /// What the aliases given to inner relations start with: unlike any name around.
    prefix: String,
    aliases: usize,
    depth: usize,
    /// Whether an aggregate may stand here.
    pub aggregates_allowed: bool,
    /// What the query around groups by, while its outputs are lowered.
    pub grouping: Option<Grouping>,
    /// The named windows of the query around, where a window function may stand.
    pub windows: Option<Vec<ast::NamedWindowDefinition>>,
    /// What set-returning functions in a select list add to FROM, where they may stand.
    pub sources: Option<Vec<String>>,
    /// The query around the groups, while what it names is lowered.
    pub staged: Option<Staged>,
    /// Whether the `->>` lowered next may leave out Postgres' spaces between the parts of containers.
    pub(super) any_spacing: bool,
    /// The rows that an outer join may leave without values.
    pub outer_rows: Vec<String>,
    /// Which columns of the last SELECT lowered were literals without a type.
    pub untyped: Vec<bool>,
    /// The types of the columns that the next SELECT's rows go into, for its untyped literals.
    pub targets: Vec<DataType>,
    /// The WITH queries in sight; the innermost last.
    pub common_tables: Vec<CommonTable>,
    /// Where unqualified names are looked up; `None` is `public`.
    pub search_path: Option<Vec<String>>,
    /// The numerics whose digits are known besides their text.
    pub(super) fixed_decimals: Vec<FixedDecimal>,
    /// The quotients that are not rounded yet.
    pub(super) quotients: Vec<Quotient>,
    /// A value of the row around, for what must be drawn anew for each: see [`Self::drawn`].
    pub row_mark: Option<String>,
    /// Takes notes of the query, when somebody wants them.
    pub recorder: Option<Recorder>,
}

impl<'a> Lowering<'a> {
    /// Over no row.
    pub fn new(catalog: &'a Catalog, environment: &'a mut dyn Environment, place: Place) -> Self {
        Self {
            catalog,
            environment,
            place,
            scopes: Vec::new(),
            prefix: String::new(),
            aliases: 0,
            depth: 0,
            aggregates_allowed: false,
            grouping: None,
            windows: None,
            sources: None,
            staged: None,
            any_spacing: false,
            outer_rows: Vec::new(),
            untyped: Vec::new(),
            targets: Vec::new(),
            common_tables: Vec::new(),
            search_path: None,
            fixed_decimals: Vec::new(),
            quotients: Vec::new(),
            row_mark: None,
            recorder: None,
        }
    }

    /// Over a row of a table.
    pub fn over_row(
        catalog: &'a Catalog,
        environment: &'a mut dyn Environment,
        place: Place,
        table: &Table,
        row: &str,
    ) -> Self {
        let scope = Scope { relations: vec![Relation::of_table(table, row)] };
        let prefix = row.trim_matches('"').replace("\"\"", "\"");
        Self { scopes: vec![scope], prefix, ..Self::new(catalog, environment, place) }
    }

    /// In a function's body that stands here: of the names around it sees none but `scope`'s.
    pub fn inside(&mut self, place: Place, scope: Scope, search_path: Option<Vec<String>>) -> Lowering<'_> {
        let (prefix, depth, row_mark) = (self.alias(), self.depth, self.mark());
        let inner = Lowering::new(self.catalog, &mut *self.environment, place);
        Lowering { prefix, depth, scopes: vec![scope], search_path, row_mark, ..inner }
    }

    /// What depends on chance, computed for each row around: SQLite computes a subquery that names none of its columns
    /// once for all of them.
    pub(super) fn drawn(&self, sql: String) -> String {
        match self.mark().filter(|_| self.place == Place::Query) {
            Some(mark) => format!("CASE WHEN {mark} IS NULL OR TRUE THEN {sql} END"),
            None => sql,
        }
    }

    fn mark(&self) -> Option<String> {
        if self.grouping.is_some() {
            return None;
        }
        // Not those further out: what a subquery without rows draws is drawn once, in Postgres too.
        let mut rows = self.scopes.last().into_iter().flat_map(|scope| &scope.relations);
        let row = rows.find(|relation| !relation.row.is_empty() && !relation.columns.is_empty());
        let own = row.and_then(|row| row.columns.first().map(|field| row.sql_of(field)));
        own.or_else(|| self.row_mark.clone())
    }

    /// The schema of an unqualified name: the first of the search path that has it.
    pub fn schema_on_path(&self, has_it: impl Fn(&str) -> bool) -> String {
        let public = || "public".to_string();
        match &self.search_path {
            None => public(),
            // Nothing is found where nothing is looked into.
            Some(path) => path.iter().find(|schema| has_it(schema)).cloned().unwrap_or_default(),
        }
    }

    /// Over no row, in a statement that has a row of this quoted name.
    pub fn beside_row(catalog: &'a Catalog, environment: &'a mut dyn Environment, row: &str) -> Self {
        let prefix = row.trim_matches('"').replace("\"\"", "\"");
        Self { prefix, ..Self::new(catalog, environment, Place::Query) }
    }

    /// A new alias for an inner relation. It extends the outer row's name, so that neither an outer
    /// nor an inner one can capture it.
    pub fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("{}/{}", self.prefix, self.aliases)
    }

    /// Lowers an expression.
    pub fn lower(&mut self, expression: &Expr) -> Result<Piece, DialectError> {
        if self.depth >= DEEPEST {
            return Err(DialectError::new("54001", "the expression nests too deeply"));
        }
        self.depth += 1;
        let piece = match self.grouped(expression) {
            Some(piece) => Ok(piece),
            None => self.lower_here(expression),
        };
        self.depth -= 1;
        piece
    }

    /// The whole expression, when it is one that the query groups by.
    fn grouped(&mut self, expression: &Expr) -> Option<Piece> {
        if matches!(expression, Expr::Value(_)) {
            return None;
        }
        let grouping = self.grouping.take()?;
        let written = grouping.expressions.iter().zip(&grouping.keys).find(|((of, _), _)| of == expression);
        if let Some(((_, data_type), sql)) = written {
            let (sql, data_type) = (sql.clone(), data_type.clone());
            self.grouping = Some(grouping);
            return Some(Piece::Typed(self.staged(sql), data_type));
        }
        let allowed = std::mem::take(&mut self.aggregates_allowed);
        let piece = self.lower_here(expression).ok();
        (self.grouping, self.aggregates_allowed) = (Some(grouping), allowed);
        let keys = &self.grouping.as_ref()?.keys;
        match piece {
            Some(Piece::Typed(sql, data_type)) if keys.contains(&sql) => {
                Some(Piece::Typed(self.staged(sql), data_type))
            }
            _ => None,
        }
    }

    /// Refuses a column of a grouping query that is neither grouped by nor aggregated.
    pub fn grouped_column(&self, sql: &str, name: &str) -> Result<(), DialectError> {
        let Some(grouping) = &self.grouping else { return Ok(()) };
        let relations = self.scopes.get(grouping.depth.saturating_sub(1)).map(|scope| &scope.relations);
        let inside = relations.is_some_and(|relations| {
            let named = |relation: &&Relation| !relation.row.is_empty() && relation.is_named_in(sql);
            // One row is left of a table whose key is grouped by.
            relations.iter().filter(named).any(|relation| !grouping.rows.contains(&relation.row))
        });
        if !inside || grouping.keys.iter().any(|key| key == sql) {
            return Ok(());
        }
        Err(DialectError::new(
            "42803",
            format!(
                "column \"{name}\" must appear in the GROUP BY clause or be used in an aggregate function"
            ),
        ))
    }

    fn lower_here(&mut self, expression: &Expr) -> Result<Piece, DialectError> {
        match expression {
            Expr::Nested(inner) => self.lower(inner),
            Expr::Value(value) => self.value(&value.value),
            Expr::Identifier(name) => self.identifier(name),
            Expr::CompoundIdentifier(names) => self.compound_identifier(names),
            Expr::IsNull(inner) => self.null_test(inner, "IS NULL"),
            Expr::IsNotNull(inner) => self.null_test(inner, "IS NOT NULL"),
            Expr::IsTrue(inner) => self.test_bool(inner, "IS TRUE"),
            Expr::IsNotTrue(inner) => self.test_bool(inner, "IS NOT TRUE"),
            Expr::IsFalse(inner) => self.test_bool(inner, "IS FALSE"),
            Expr::IsNotFalse(inner) => self.test_bool(inner, "IS NOT FALSE"),
            Expr::IsUnknown(inner) => self.test_bool(inner, "IS NULL"),
            Expr::IsNotUnknown(inner) => self.test_bool(inner, "IS NOT NULL"),
            Expr::IsDistinctFrom(left, right) => self.distinct_from(left, right, "IS NOT"),
            Expr::IsNotDistinctFrom(left, right) => self.distinct_from(left, right, "IS"),
            Expr::InList { expr, list, negated } if row_fields(expr).is_some() => {
                self.row_in_list(expr, list, *negated)
            }
            Expr::InSubquery { expr, subquery, negated } if row_fields(expr).is_some() => {
                self.row_in_subquery(expr, subquery, *negated)
            }
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated),
            Expr::InSubquery { expr, subquery, negated } => self.in_subquery(expr, subquery, *negated),
            Expr::Between { expr, negated, low, high } => self.between(expr, *negated, low, high),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => self.chain(&[left, right], true),
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => self.chain(&[left, right], false),
            Expr::BinaryOp { left, op, right } => match self.row_comparison(left, op, right)? {
                Some(piece) => Ok(piece),
                None => self.binary(left, op, right),
            },
            Expr::UnaryOp { op, expr } => self.unary(op, expr),
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_deref(), false, *negated)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_deref(), true, *negated)
            }
            Expr::Like { negated, any: true, expr, pattern, escape_char: None } => {
                let operator =
                    if *negated { BinaryOperator::PGNotLikeMatch } else { BinaryOperator::PGLikeMatch };
                self.any(expr, &operator, pattern)
            }
            Expr::ILike { negated, any: true, expr, pattern, escape_char: None } => {
                let operator =
                    if *negated { BinaryOperator::PGNotILikeMatch } else { BinaryOperator::PGILikeMatch };
                self.any(expr, &operator, pattern)
            }
            Expr::AnyOp { left, compare_op, right, .. } => self.any(left, compare_op, right),
            Expr::AllOp { left, compare_op, right } => self.all(left, compare_op, right),
            Expr::Cast { expr, data_type, format: None, .. } => self.cast_expression(expr, data_type),
            Expr::TypedString(typed) => self.typed_string(typed),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Exists { subquery, negated } => self.exists(subquery, *negated),
            Expr::Subquery(query) => self.scalar_subquery(query),
            Expr::Array(array) => self.array(&array.elem),
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            Expr::Function(function) => self.call(function),
            Expr::Extract { field, expr, .. } => self.extract(field, expr),
            Expr::AtTimeZone { timestamp, time_zone } => self.at_time_zone(timestamp, time_zone),
            Expr::Interval(interval) => self.interval(interval),
            Expr::SimilarTo { negated, expr, pattern, escape_char } => {
                self.similar(expr, pattern, escape_char.as_deref(), *negated)
            }
            Expr::Ceil { expr, field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) } => {
                let piece = self.lower(expr)?;
                self.call_by_name("ceil", vec![piece])
            }
            Expr::Floor {
                expr,
                field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime),
            } => {
                let piece = self.lower(expr)?;
                self.call_by_name("floor", vec![piece])
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let mut pieces =
                    vec![self.lower(expr)?, self.lower(overlay_what)?, self.lower(overlay_from)?];
                if let Some(count) = overlay_for {
                    pieces.push(self.lower(count)?);
                }
                self.call_by_name("overlay", pieces)
            }
            Expr::Collate { expr, collation } => self.collate(expr, collation),
            Expr::Position { expr, r#in } => self.position(expr, r#in),
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                self.substring(expr, substring_from.as_deref(), substring_for.as_deref())
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                self.trim(trim_where.as_ref(), trim_what.as_deref(), expr, trim_characters.as_deref())
            }
            other => Err(DialectError::unsupported(other)),
        }
    }

    fn value(&mut self, value: &Value) -> Result<Piece, DialectError> {
        match value {
            Value::Null => Ok(Piece::Null),
            Value::Boolean(value) => Ok(Piece::bool(if *value { "1" } else { "0" })),
            Value::Number(digits, _) => self.number(digits),
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text) => Ok(Piece::Unknown(text.clone())),
            Value::DollarQuotedString(text) => Ok(Piece::Unknown(text.value.clone())),
            other => Err(DialectError::unsupported(format!("the literal {other}"))),
        }
    }

    /// `1` is int4, `3000000000` int8, anything else numeric.
    fn number(&mut self, digits: &str) -> Result<Piece, DialectError> {
        let data_type = match digits.parse::<i64>() {
            Ok(number) if i32::try_from(number).is_ok() => DataType::Int4,
            Ok(_) => DataType::Int8,
            Err(_) => DataType::Numeric(None),
        };
        Ok(Piece::Typed(literal(self.catalog, &data_type, digits)?, data_type))
    }

    fn identifier(&mut self, name: &ast::Ident) -> Result<Piece, DialectError> {
        let name = folded(name);
        let (sql, data_type) = match bare_column(&self.scopes, &name) {
            // The name of a function in FROM that gives single values is the value.
            Err(error) if error.code == "42703" => relation(&self.scopes, Some(FUNCTION_SCHEMA), &name)
                .ok()
                .and_then(|relation| {
                    let field = relation.columns.first()?;
                    Some((relation.sql_of(field), field.data_type.clone()))
                })
                .ok_or(error)?,
            column => column?,
        };
        self.grouped_column(&sql, &name)?;
        Ok(Piece::Typed(self.staged_column(sql), data_type))
    }

    fn compound_identifier(&mut self, names: &[ast::Ident]) -> Result<Piece, DialectError> {
        let names: Vec<String> = names.iter().map(folded).collect();
        let (sql, data_type) = match names.as_slice() {
            [table, column] => match qualified_column(&self.scopes, None, table, column) {
                Err(error) if error.code == "42703" => {
                    return self.attribute(table, column)?.ok_or(error);
                }
                column => column?,
            },
            [schema, table, column] => qualified_column(&self.scopes, Some(schema), table, column)?,
            _ => return Err(DialectError::unsupported(format!("the name {}", names.join(".")))),
        };
        self.grouped_column(&sql, &names.join("."))?;
        Ok(Piece::Typed(self.staged_column(sql), data_type))
    }

    /// COLLATE "C" and its like, which is how text sorts here; others are refused.
    fn collate(&mut self, inner: &Expr, collation: &ast::ObjectName) -> Result<Piece, DialectError> {
        let name = crate::dialect::name::parts(collation)?.pop().unwrap_or_default();
        if !matches!(name.as_str(), "C" | "POSIX" | "ucs_basic") {
            return Err(DialectError::unsupported(format!("the collation \"{name}\""))
                .with_hint("Text sorts by its bytes, as with COLLATE \"C\"."));
        }
        match self.lower(inner)? {
            piece @ (Piece::Unknown(_) | Piece::Null) => Ok(piece),
            Piece::Typed(sql, data_type)
                if super::type_name::family(&data_type) == super::type_name::Family::Text =>
            {
                Ok(Piece::Typed(sql, data_type))
            }
            other => Err(DialectError::new(
                "42804",
                format!("collations are not supported by type {}", other.type_name()),
            )),
        }
    }

    pub(super) fn test(&mut self, inner: &Expr, test: &str) -> Result<Piece, DialectError> {
        let piece = self.lower_scalar(inner)?;
        if let Piece::Typed(sql, DataType::Composite(_)) = &piece
            && let Some(piece) = self.composite_test(sql, test)?
        {
            return Ok(piece);
        }
        let sql = piece.into_sql(self.catalog)?;
        Ok(Piece::bool(format!("({sql} {test})")))
    }

    fn test_bool(&mut self, inner: &Expr, test: &str) -> Result<Piece, DialectError> {
        let sql = self.condition(inner)?;
        Ok(Piece::bool(format!("({sql} {test})")))
    }

    /// A boolean expression's SQL, as WHERE, AND, NOT and WHEN want it.
    pub fn condition(&mut self, expression: &Expr) -> Result<String, DialectError> {
        match self.lower(expression)? {
            Piece::Typed(sql, DataType::Bool) => Ok(sql),
            Piece::Null => Ok("NULL".to_string()),
            Piece::Unknown(text) => literal(self.catalog, &DataType::Bool, &text),
            other => Err(DialectError::new(
                "42804",
                format!("argument of a condition must be type boolean, not type {}", other.type_name()),
            )),
        }
    }

    /// A chain of ANDs (or ORs), which the parser gives as a leaning tree, as a balanced one.
    fn chain(&mut self, sides: &[&Expr], is_and: bool) -> Result<Piece, DialectError> {
        let terms = self.terms(sides, is_and)?;
        Ok(Piece::bool(balanced(terms, if is_and { " AND " } else { " OR " })))
    }

    /// The terms of such a chain.
    pub fn terms(&mut self, sides: &[&Expr], is_and: bool) -> Result<Vec<String>, DialectError> {
        let mut pending: Vec<&Expr> = sides.iter().rev().copied().collect();
        let mut terms = Vec::new();
        while let Some(side) = pending.pop() {
            match side {
                Expr::BinaryOp { left, op: BinaryOperator::And, right } if is_and => {
                    pending.extend([right.as_ref(), left.as_ref()]);
                }
                Expr::BinaryOp { left, op: BinaryOperator::Or, right } if !is_and => {
                    pending.extend([right.as_ref(), left.as_ref()]);
                }
                term => terms.push(self.condition(term)?),
            }
        }
        Ok(terms)
    }

    fn unary(&mut self, operator: &UnaryOperator, inner: &Expr) -> Result<Piece, DialectError> {
        match operator {
            UnaryOperator::Not => Ok(Piece::bool(format!("(NOT {})", self.condition(inner)?))),
            UnaryOperator::Plus => self.lower(inner),
            UnaryOperator::Minus => self.negate(inner),
            UnaryOperator::BitwiseNot => match self.lower(inner)? {
                Piece::Typed(sql, data_type)
                    if matches!(
                        super::type_name::family(&data_type),
                        super::type_name::Family::Number(0..=2)
                    ) =>
                {
                    Ok(Piece::Typed(format!("(~ {sql})"), data_type))
                }
                other => Err(DialectError::new(
                    "42883",
                    format!("operator does not exist: ~ {}", other.type_name()),
                )),
            },
            other => Err(DialectError::unsupported(format!("the operator {other}"))),
        }
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Result<Piece, DialectError> {
        let mut whens = Vec::new();
        let mut results = Vec::new();
        for when in conditions {
            whens.push(match operand {
                Some(operand) => {
                    let (left, right) = (self.lower(operand)?, self.lower(&when.condition)?);
                    self.compare(left, &BinaryOperator::Eq, right)?
                }
                None => self.condition(&when.condition)?,
            });
            results.push(self.lower(&when.result)?);
        }
        results.push(otherwise.map_or(Ok(Piece::Null), |otherwise| self.lower(otherwise))?);
        let (mut results, data_type) = self.unify("CASE", results)?;
        let otherwise = results.pop().unwrap_or_else(|| "NULL".to_string());
        let arms = whens.iter().zip(&results).map(|(when, result)| format!(" WHEN {when} THEN {result}"));
        let sql = format!("CASE{} ELSE {otherwise} END", arms.collect::<String>());
        Ok(Piece::Typed(sql, data_type))
    }

    /// Brings pieces to one type, as CASE, COALESCE and ARRAY do: their SQL and the type.
    pub fn unify(&mut self, what: &str, pieces: Vec<Piece>) -> Result<(Vec<String>, DataType), DialectError> {
        let mut common: Option<DataType> = None;
        for piece in &pieces {
            let Some(data_type) = piece.data_type() else { continue };
            common = Some(match common {
                None => data_type.clone(),
                Some(common) => super::type_name::common_type(&common, data_type).ok_or_else(|| {
                    let (one, other) = (common.display_name(), data_type.display_name());
                    DialectError::new("42804", format!("{what} types {one} and {other} cannot be matched"))
                })?,
            });
        }
        let common = common.unwrap_or(DataType::Text);
        let sql: Result<Vec<String>, DialectError> =
            pieces.into_iter().map(|piece| self.implicit(piece, &common)).collect();
        Ok((sql?, common))
    }

    /// Whether SQL has what a subquery would take for its own: an aggregate, a window function. In a query around
    /// the groups the aggregates are columns by now, and what looks like one is `max(a, b)`.
    pub(super) fn must_repeat(&self, sql: &str) -> bool {
        (self.aggregates_allowed && self.staged.is_none() && holds_aggregate(sql))
            || (self.windows.is_some() && sql.contains(" OVER ("))
    }

    /// Uses a piece's value several times but evaluates it once where SQLite allows a subquery.
    pub fn once(&self, sql: String, body: impl FnOnce(&str) -> String) -> Result<String, DialectError> {
        let simple = sql.len() <= 64 && !sql.contains('(');
        // Inside a subquery an aggregate would be of the subquery's one row.
        if self.must_repeat(&sql) {
            if sql.len() > LONGEST_REPEATED {
                return Err(DialectError::new("54001", "the expression is too complex"));
            }
            return Ok(body(&sql));
        }
        if simple || (self.place != Place::Query && sql.len() <= LONGEST_REPEATED) {
            return Ok(body(&sql));
        }
        if self.place != Place::Query {
            return Err(DialectError::new("54001", "the expression is too complex"));
        }
        Ok(format!("(SELECT {} FROM (SELECT {sql} AS value) AS \"/once\")", body("\"/once\".value")))
    }

    /// The same inside of [`Self::once`], where what is repeated is of bounded length.
    pub fn again(&self, sql: String, body: impl FnOnce(&str) -> String) -> String {
        if self.place != Place::Query || self.must_repeat(&sql) {
            return body(&sql);
        }
        format!("(SELECT {} FROM (SELECT {sql} AS value) AS \"/again\")", body("\"/again\".value"))
    }

    /// Refuses what a place cannot hold: `what` is for the message.
    pub fn only_in_queries(&self, what: &str) -> Result<(), DialectError> {
        match self.place {
            Place::Query => Ok(()),
            Place::Default => {
                Err(DialectError::new("0A000", format!("cannot use {what} in DEFAULT expression")))
            }
            Place::Stored(place) => Err(DialectError::new("0A000", format!("cannot use {what} in {place}"))),
        }
    }

    /// Refuses the clock and chance where the value is computed again on every write.
    pub fn not_stored(&self, what: &str) -> Result<(), DialectError> {
        match self.place {
            Place::Query | Place::Default => Ok(()),
            Place::Stored(place) => Err(DialectError::new(
                "42P17",
                format!("{what} is not immutable and cannot stand in {place}"),
            )),
        }
    }
}

/// Whether SQL calls one of SQLite's aggregates or window functions. That it may be a subquery's own does no harm.
pub fn holds_aggregate(sql: &str) -> bool {
    [
        "count(",
        "sum(",
        "total(",
        "avg(",
        "min(",
        "max(",
        "group_array(",
        "group_object(",
        "group_concat(",
        "string_agg(",
        " OVER (",
    ]
    .iter()
    .any(|call| sql.contains(call))
}
