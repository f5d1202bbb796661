//! Reading: one `SELECT` with a JSON text for each row, embeds as correlated subqueries.

use super::filter::sort_key;
use super::{Builder, where_clause};
use crate::dialect;
use crate::policy::Predicate;
use crate::rest::error::RestError;
use crate::rest::plan::{EQUAL, Embed, Estimate, Node, OperandKind, Order, OrderKey, ReadPlan, Shape};
use crate::rest::request::RowRange;
use crate::schema::{self, Command, Table};
use crate::sql::quote_identifier;

impl Builder<'_> {
    /// The rows of the root relation, one JSON text each; `bodiless` rows are NULL. Its `LIMIT` checks the catalog's
    /// version: a statement of its own for that would be a tenth of the cost of reading a row.
    pub fn select_rows(&mut self, plan: &ReadPlan<'_>) -> Result<(), RestError> {
        let (root, row) = (&plan.root, self.alias());
        let shape = plan.call.as_ref().map(|call| call.shape);
        let object = match (plan.bodiless && !root.is_grouped(), root.only_count) {
            (_, true) => "json_object('count', count(*))".to_string(),
            (true, false) => "NULL".to_string(),
            (false, false) => match (shape, root.fields.as_slice()) {
                (Some(Shape::Nothing), _) => "NULL".to_string(),
                (Some(shape), [field]) if shape.is_bare() => {
                    format!("json_quote({})", self.output(field, &row)?)
                }
                _ => self.object(root, &row)?,
            },
        };
        let (from, terms) = self.rows_of(plan, &row)?;
        let (order, range) = match root.only_count {
            true => Default::default(),
            false => (self.order(root, &row)?, root.range),
        };
        let version = self.writer.bind(self.catalog.version);
        let limit = schema::guarded(&version, &limit(range).to_string());
        let window = format!("\nLIMIT ({limit})\nOFFSET {}", offset(range));
        let sql = format!("SELECT {object} AS j\nFROM {from} AS {row}{}{order}{window}", where_clause(terms));
        self.writer.push(&sql);
        Ok(())
    }

    /// The same rows as one JSON array, and how many they are.
    pub fn select_rows_together(&mut self, plan: &ReadPlan<'_>) -> Result<(), RestError> {
        self.writer.push(
            "SELECT '[' || coalesce(group_concat(j, ','), '') || ']' AS j, count(*) AS count\nFROM (\n",
        );
        self.select_rows(plan)?;
        self.writer.push("\n)");
        Ok(())
    }

    /// How many rows the root relation has without regard to its window.
    pub fn select_count(&mut self, plan: &ReadPlan<'_>) -> Result<(), RestError> {
        let row = self.alias();
        let root = &plan.root;
        let (source, terms) = self.rows_of(plan, &row)?;
        let from = format!("FROM {source} AS {row}{}", where_clause(terms));
        let sql = if root.distinct || !root.having.is_empty() {
            let groups = self.group_by(root, &row)?;
            format!("SELECT count(*) AS total\nFROM (SELECT count(*) {from}{groups})")
        } else {
            format!("SELECT count(*) AS total\n{from}")
        };
        self.writer.push(&sql);
        Ok(())
    }

    /// How many rows the root relation may have; as far as the estimate says, how many it has.
    pub fn select_estimate(&mut self, plan: &ReadPlan<'_>, estimate: &Estimate) -> Result<(), RestError> {
        let row = self.alias();
        let table = plan.root.table;
        let policies = match self.using(table, Command::Select, &row)? {
            Predicate::Always => 1.0,
            _ => EQUAL,
        };
        let Some(id) = row_id(table) else { return self.select_count(plan) };
        let rows = format!(
            "max((SELECT coalesce(max({row}.{id}), 0) FROM {} AS {row}), {})",
            table.physical(),
            estimate.least_rows
        );
        let estimated = match estimate.part {
            Some(part) => format!("CAST(max(round({rows} * {:e}), 1) AS INTEGER)", part * policies),
            None => "1".to_string(),
        };
        let Some(most) = estimate.exact_to else {
            self.writer.push(&format!("SELECT {estimated} AS total"));
            return Ok(());
        };
        let row = self.alias();
        let (source, terms) = self.rows_of(plan, &row)?;
        let counted = format!(
            "SELECT 1 FROM {source} AS {row}{}\nLIMIT {}",
            where_clause(terms),
            most.saturating_add(1)
        );
        self.writer.push(&format!(
            "SELECT CASE WHEN count(*) > {most} THEN max(count(*), {estimated}) ELSE count(*) END AS total\nFROM ({counted})"
        ));
        Ok(())
    }

    /// What the root's rows are read from, and what they must satisfy. The rows of a call are what its
    /// body let out: no policy is asked again.
    fn rows_of(&mut self, plan: &ReadPlan<'_>, row: &str) -> Result<(String, Vec<String>), RestError> {
        let root = &plan.root;
        let terms = self.where_terms(root, row)?;
        let from = match &plan.call {
            None => self.source(root, row)?,
            Some(call) => {
                let rows = self.call_source(call, row)?;
                self.with_computed(root, rows, false)?
            }
        };
        Ok((from, terms))
    }

    /// What a row must satisfy: the caller's policies, the filters, and its inner embeds.
    fn where_terms(&mut self, node: &Node<'_>, row: &str) -> Result<Vec<String>, RestError> {
        let mut terms = if node.is_called { Vec::new() } else { self.visible(node.table, row)? };
        terms.extend(self.condition(node, row)?);
        terms.extend(self.inner_embeds(node, row)?);
        Ok(terms)
    }

    pub(super) fn inner_embeds(&mut self, node: &Node<'_>, row: &str) -> Result<Vec<String>, RestError> {
        node.embeds.iter().filter(|embed| embed.inner).map(|embed| self.exists(embed, row)).collect()
    }

    /// What a relation's rows are read from, with the columns that functions compute of them.
    fn source(&mut self, node: &Node<'_>, row: &str) -> Result<String, RestError> {
        let from = self.relation(node.table, row)?;
        let has_row_id = self.catalog.inlined_view(&node.table.schema, &node.table.name).is_none();
        self.with_computed(node, from, has_row_id)
    }

    /// A table by its name, a view by its query.
    pub(super) fn relation(&mut self, table: &Table, row: &str) -> Result<String, RestError> {
        let catalog = self.catalog;
        match catalog.inlined_view(&table.schema, &table.name) {
            None => Ok(table.physical()),
            Some(view) => Ok(dialect::view_source(view, row, catalog, &mut self.environment())?),
        }
    }

    /// The SELECT policies as a term; none when every row is visible.
    pub(super) fn visible(&mut self, table: &Table, row: &str) -> Result<Vec<String>, RestError> {
        Ok(match self.using(table, Command::Select, row)? {
            Predicate::Always => Vec::new(),
            predicate => vec![predicate.to_sql()],
        })
    }

    /// An embed as JSON text, never NULL: an object or `null`, or an array.
    pub fn embed(&mut self, embed: &Embed<'_>, origin: &str) -> Result<String, RestError> {
        let node = &embed.node;
        if embed.relationship.to_one && !node.only_count {
            return Ok(format!("coalesce({}, 'null')", self.related_object(embed, origin)?));
        }
        let row = self.alias();
        let (from, mut terms) = self.related(embed, origin, &row)?;
        terms.extend(self.where_terms(node, &row)?);
        let clause = where_clause(terms);
        if node.only_count {
            let count = if embed.relationship.to_one {
                "json_object('count', count(*))"
            } else {
                "json_array(json_object('count', count(*)))"
            };
            return Ok(format!("(SELECT {count}\nFROM {from}{clause})"));
        }
        let object = self.object(node, &row)?;
        let tail = self.embed_tail(node, &row)?;
        // Texts side by side: `json_group_array` would read each again, a tenth of what the rows cost.
        Ok(format!(
            "(SELECT concat('[', group_concat(j, ','), ']') FROM (SELECT {object} AS j\nFROM {from}{clause}{tail}))"
        ))
    }

    /// The row that a to-one embed leads to, as an object's text; NULL where there is none.
    pub(super) fn related_object(&mut self, embed: &Embed<'_>, origin: &str) -> Result<String, RestError> {
        let (row, node) = (self.alias(), &embed.node);
        let (from, mut terms) = self.related(embed, origin, &row)?;
        terms.extend(self.where_terms(node, &row)?);
        let clause = where_clause(terms);
        let object = self.object(node, &row)?;
        let group = self.group_by(node, &row)?;
        let range = node.range;
        let window = match (range.limit, range.offset) {
            (Some(0), _) => "LIMIT 0".to_string(),
            (_, 0) => "LIMIT 1".to_string(),
            (_, offset) => format!("LIMIT 1 OFFSET {offset}"),
        };
        Ok(format!("(SELECT {object}\nFROM {from}{clause}{group}\n{window})"))
    }

    /// What `arrays` makes of the rows `j` of a to-many embed.
    pub fn spread_rows(
        &mut self,
        embed: &Embed<'_>,
        origin: &str,
        arrays: &str,
    ) -> Result<String, RestError> {
        let row = self.alias();
        let (from, mut terms) = self.related(embed, origin, &row)?;
        terms.extend(self.where_terms(&embed.node, &row)?);
        let object = self.object(&embed.node, &row)?;
        let (clause, tail) = (where_clause(terms), self.embed_tail(&embed.node, &row)?);
        Ok(format!("(SELECT {arrays} FROM (SELECT {object} AS j\nFROM {from}{clause}{tail}))"))
    }

    /// Whether an embed has a row, its filters included.
    pub fn exists(&mut self, embed: &Embed<'_>, origin: &str) -> Result<String, RestError> {
        let row = self.alias();
        let (from, mut terms) = self.related(embed, origin, &row)?;
        terms.extend(self.where_terms(&embed.node, &row)?);
        Ok(format!("EXISTS (SELECT 1 FROM {from}{})", where_clause(terms)))
    }

    /// `FROM` and the joining conditions that lead from a row of the origin to the target's rows.
    /// A junction's rows are read too, so its policies apply.
    fn related(
        &mut self,
        embed: &Embed<'_>,
        origin: &str,
        row: &str,
    ) -> Result<(String, Vec<String>), RestError> {
        let (relationship, node) = (&embed.relationship, &embed.node);
        if let Some((routine, of)) = relationship.call {
            let rows = self.computed_rows(routine, of, origin, row)?;
            return Ok((format!("{} AS {row}", self.with_computed(node, rows, false)?), Vec::new()));
        }
        let from = format!("{} AS {row}", self.source(node, row)?);
        let Some(junction) = &relationship.junction else {
            return Ok((from, equalities(&relationship.columns, origin, row)));
        };
        let middle = self.alias();
        let mut terms = equalities(&junction.origin_columns, origin, &middle);
        terms.extend(equalities(&junction.target_columns, &middle, row));
        terms.extend(self.visible(junction.table, &middle)?);
        Ok((format!("{} AS {middle}, {from}", self.relation(junction.table, &middle)?), terms))
    }

    /// `GROUP BY` and `ORDER BY`. A table's row id comes last, so that rows without another order come as
    /// they were inserted and pages never overlap.
    pub(super) fn order(&mut self, node: &Node<'_>, row: &str) -> Result<String, RestError> {
        let mut keys = Vec::new();
        for order in &node.order {
            keys.push(self.order_key(node, order, row)?);
        }
        let grouped = node.is_grouped();
        let rowless = self.catalog.inlined_view(&node.table.schema, &node.table.name).is_some();
        let row_id = row_id(node.table).filter(|_| !node.is_called && !grouped && !rowless);
        keys.extend(row_id.map(|name| format!("{row}.{name}")));
        let mut clauses = self.group_by(node, row)?;
        if !keys.is_empty() {
            clauses.push_str(&format!("\nORDER BY {}", keys.join(", ")));
        }
        Ok(clauses)
    }

    fn embed_tail(&mut self, node: &Node<'_>, row: &str) -> Result<String, RestError> {
        let order = self.order(node, row)?;
        if node.range == RowRange::default() {
            return Ok(order);
        }
        Ok(format!("{order}\nLIMIT {}\nOFFSET {}", limit(node.range), offset(node.range)))
    }

    fn order_key(&mut self, node: &Node<'_>, order: &Order<'_>, row: &str) -> Result<String, RestError> {
        let key = self.order_value(node, order, row)?;
        let direction = if order.descending { " DESC" } else { "" };
        let never_null = match &order.key {
            OrderKey::Operand(operand) => {
                order.embed.is_none() && operand.json_path.is_empty() && !operand.column.nullable
            }
            OrderKey::Aggregate(_) => false,
        };
        let nulls = match (never_null, order.nulls_first) {
            (true, _) => "",
            (false, true) => " NULLS FIRST",
            (false, false) => " NULLS LAST",
        };
        Ok(format!("{key}{direction}{nulls}"))
    }

    /// What rows are ordered by, on one of them.
    pub fn order_value(
        &mut self,
        node: &Node<'_>,
        order: &Order<'_>,
        row: &str,
    ) -> Result<String, RestError> {
        let Some(embed) = order.embed.and_then(|index| node.embeds.get(index)) else {
            return self.sortable(node, order, row);
        };
        let (target, from, clause) = self.related_row(embed, row)?;
        let key = self.sortable(&embed.node, order, &target)?;
        Ok(format!("(SELECT {key} FROM {from}{clause} LIMIT 1)"))
    }

    /// The alias, `FROM` and `WHERE` of an embed's rows, its filters included.
    pub(super) fn related_row(
        &mut self,
        embed: &Embed<'_>,
        origin: &str,
    ) -> Result<(String, String, String), RestError> {
        let target = self.alias();
        let (from, mut terms) = self.related(embed, origin, &target)?;
        terms.extend(self.where_terms(&embed.node, &target)?);
        Ok((target, from, where_clause(terms)))
    }

    fn sortable(&mut self, node: &Node<'_>, order: &Order<'_>, row: &str) -> Result<String, RestError> {
        let operand = match &order.key {
            OrderKey::Operand(operand) => operand,
            OrderKey::Aggregate(aggregate) => {
                let value = self.aggregated(aggregate, node, row)?;
                return Ok(sort_key(self.catalog, &aggregate.data_type, &value));
            }
        };
        Ok(match operand.kind() {
            OperandKind::Column(of) => sort_key(self.catalog, of, &super::output::column(operand, row)),
            OperandKind::JsonText => self.json_text(operand, row),
            OperandKind::Json => self.json_sort_key(operand, row),
        })
    }
}

fn equalities(pairs: &[(&str, &str)], left: &str, right: &str) -> Vec<String> {
    let equality = |(one, other): &(&str, &str)| {
        format!("{right}.{} = {left}.{}", quote_identifier(other), quote_identifier(one))
    };
    pairs.iter().map(equality).collect()
}

/// SQLite's -1 is no limit. The numbers are ours, parsed; beyond SQLite's 64 bits there is nothing either way.
fn limit(range: RowRange) -> i64 {
    range.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

fn offset(range: RowRange) -> i64 {
    i64::try_from(range.offset).unwrap_or(i64::MAX)
}

/// The name under which the table's row id is not hidden by a column.
pub fn row_id(table: &Table) -> Option<&'static str> {
    let hidden = |name: &str| table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    ["rowid", "_rowid_", "oid"].into_iter().find(|name| !hidden(name))
}
