//! Conditions as SQL. Values are bound as text and cast to what their column stores.

use super::Builder;
use super::like::{like, regular_expression};
use super::output::column;
use crate::dialect::{range_sort_key, range_test};
use crate::rest::error::RestError;
use crate::rest::plan::{Comparison, Condition, Containment, Node, Operand, OperandKind, Test};
use crate::rest::request::{JsonKey, Truth};
use crate::schema::{Catalog, DataType, Storage, Table};
use crate::sql::{Writer, balanced, quote_literal};
use crate::text_search::{Configuration, matches};

impl Builder<'_> {
    /// A node's condition over one of its rows; `None` when every row fits.
    pub fn condition(&mut self, node: &Node<'_>, row: &str) -> Result<Option<String>, RestError> {
        if node.condition == Condition::All(Vec::new()) {
            return Ok(None);
        }
        self.term(&node.condition, node, row).map(Some)
    }

    pub(super) fn term(
        &mut self,
        condition: &Condition<'_>,
        node: &Node<'_>,
        row: &str,
    ) -> Result<String, RestError> {
        match condition {
            Condition::All(members) => Ok(balanced(self.terms(members, node, row)?, " AND ")),
            Condition::Any(members) if members.is_empty() => Ok("FALSE".to_string()),
            Condition::Any(members) => Ok(balanced(self.terms(members, node, row)?, " OR ")),
            Condition::Not(inner) => Ok(format!("(NOT {})", self.term(inner, node, row)?)),
            Condition::Test(operand, Test::Search(configuration, clauses)) => {
                Ok(self.search(node.table, operand, *configuration, clauses, row))
            }
            Condition::Test(operand, test) => self.test(operand, test, row),
            Condition::Related(index) => match node.embeds.get(*index) {
                Some(embed) => self.exists(embed, row),
                None => Ok("FALSE".to_string()),
            },
        }
    }

    fn terms(
        &mut self,
        members: &[Condition<'_>],
        node: &Node<'_>,
        row: &str,
    ) -> Result<Vec<String>, RestError> {
        members.iter().map(|member| self.term(member, node, row)).collect()
    }

    fn test(&mut self, operand: &Operand<'_>, test: &Test, row: &str) -> Result<String, RestError> {
        let sql = match test {
            Test::Unknown => "NULL".to_string(),
            Test::Compare(comparison, value) => self.compare(operand, *comparison, value, row)?,
            Test::In(values) => self.among(operand, values, row)?,
            Test::Is(truth) => format!("{} {}", self.value(operand, row), is(*truth)),
            Test::Like { pattern, any_case } => {
                let value = self.value(operand, row);
                like(&mut self.writer, &value, pattern, *any_case)?
            }
            Test::RegularExpression { pattern, any_case } => {
                let value = self.value(operand, row);
                regular_expression(&mut self.writer, &value, pattern, *any_case)?
            }
            Test::Json(containment, literal) => {
                let value = format!("({})", self.value(operand, row));
                self.json_containment(&value, *containment, literal)?
            }
            // Met before, where the table is known.
            Test::Search(..) => "NULL".to_string(),
            Test::Range(operator, range) => match operand.kind() {
                OperandKind::Column(DataType::Range(of)) => {
                    let bound = self.writer.bind(range);
                    range_test(*of, *operator, &column(operand, row), &bound)
                }
                _ => "NULL".to_string(),
            },
            Test::Array(containment, array) => self.array(&column(operand, row), *containment, array),
        };
        Ok(format!("({sql})"))
    }

    /// The operand as SQL, not yet made comparable.
    pub(super) fn value(&mut self, operand: &Operand<'_>, row: &str) -> String {
        match operand.kind() {
            OperandKind::Column(_) => column(operand, row),
            OperandKind::JsonText => self.json_text(operand, row),
            OperandKind::Json => match json_place(&mut self.writer, operand, row) {
                Some((column, path)) => format!("{column} -> {path}"),
                None => "NULL".to_string(),
            },
        }
    }

    fn search(
        &mut self,
        table: &Table,
        operand: &Operand<'_>,
        configuration: Configuration,
        clauses: &str,
        row: &str,
    ) -> String {
        let value = self.value(operand, row);
        let document = match operand.kind() {
            OperandKind::Column(DataType::Tsvector) => value,
            _ => format!(
                "('[\"to\",\"{}\",' || CASE WHEN {value} IS NOT NULL THEN json_quote({value}) END || ']')",
                configuration.name()
            ),
        };
        let vector = self.vector(table, &document, row);
        let bound = self.writer.bind(clauses);
        matches(&vector, &bound)
    }

    fn compare(
        &mut self,
        operand: &Operand<'_>,
        comparison: Comparison,
        value: &str,
        row: &str,
    ) -> Result<String, RestError> {
        let orders = !matches!(comparison, Comparison::Equal | Comparison::NotEqual | Comparison::Distinct);
        if operand.kind() == OperandKind::Json && orders {
            return self.compare_json(operand, comparison, value, row);
        }
        let left = self.value(operand, row);
        let bound = self.writer.bind(value);
        let (left, right) = match operand.kind() {
            OperandKind::Column(of) if orders => {
                (sort_key(self.catalog, of, &left), sort_key_of_literal(self.catalog, of, &bound))
            }
            OperandKind::Column(of) => (equality_key(of, &left), literal(of, &bound)),
            OperandKind::Json => (left, format!("json({bound})")),
            OperandKind::JsonText => (left, bound),
        };
        Ok(format!("{left} {} {right}", symbol(comparison)))
    }

    /// jsonb compares by size only within a type here: numbers with numbers, strings with strings.
    fn compare_json(
        &mut self,
        operand: &Operand<'_>,
        comparison: Comparison,
        value: &str,
        row: &str,
    ) -> Result<String, RestError> {
        let Some((column, path)) = json_place(&mut self.writer, operand, row) else {
            return Ok("NULL".to_string());
        };
        let parsed: serde_json::Value =
            serde_json::from_str(value).map_err(|error| RestError::Internal(error.to_string()))?;
        let (types, right) = match parsed {
            serde_json::Value::Number(_) => {
                ("'integer', 'real'", format!("CAST({} AS NUMERIC)", self.writer.bind(value)))
            }
            serde_json::Value::String(text) => ("'text'", self.writer.bind(text)),
            _ => {
                return Err(RestError::NotImplemented(
                    "comparing JSON by size is supported with numbers and strings only".into(),
                ));
            }
        };
        let symbol = symbol(comparison);
        Ok(format!("json_type({column}, {path}) IN ({types}) AND {column} ->> {path} {symbol} {right}"))
    }

    fn among(&mut self, operand: &Operand<'_>, values: &[String], row: &str) -> Result<String, RestError> {
        let left = self.value(operand, row);
        let list = serde_json::to_string(values).map_err(|error| RestError::Internal(error.to_string()))?;
        let bound = self.writer.bind(list);
        let (left, item) = match operand.kind() {
            OperandKind::Column(of) => (equality_key(of, &left), literal(of, "value")),
            OperandKind::Json => (left, "json(value)".to_string()),
            OperandKind::JsonText => (left, "value".to_string()),
        };
        Ok(format!("{left} IN (SELECT {item} FROM json_each({bound}))"))
    }

    fn array(&mut self, column: &str, containment: Containment, array: &str) -> String {
        let bound = self.writer.bind(array);
        let (each, negated, among) = match containment {
            Containment::Contains => (bound.as_str(), "NOT ", column),
            Containment::ContainedBy => (column, "NOT ", bound.as_str()),
            Containment::Overlaps => (column, "", bound.as_str()),
        };
        // Elements equal in JSON are equal in Postgres; a NULL element equals nothing.
        let found = format!(
            "\"each\".value IS NOT NULL AND \"each\".value IN (SELECT value FROM json_each({among}) WHERE value IS NOT NULL)"
        );
        let wanted = if negated.is_empty() { found } else { format!("NOT ({found})") };
        format!(
            "CASE WHEN {column} IS NOT NULL THEN {negated}EXISTS (SELECT 1 FROM json_each({each}) AS \"each\" WHERE {wanted}) END"
        )
    }
}

/// The JSON column and the bound path into it; `None` for a column that is no JSON and nothing like it, inside of which
/// Postgres finds nothing.
pub fn json_place(writer: &mut Writer, operand: &Operand<'_>, row: &str) -> Option<(String, String)> {
    use DataType::{Array, Composite, Json, Jsonb};
    if !matches!(operand.column.data_type, Json | Jsonb | Array(_) | Composite(_)) {
        return None;
    }
    let mut path = "$".to_string();
    for step in &operand.json_path {
        path.push_str(&match &step.key {
            JsonKey::Name(name) => format!(".\"{name}\""),
            JsonKey::Index(index) if *index < 0 => format!("[#{index}]"),
            JsonKey::Index(index) => format!("[{index}]"),
        });
    }
    Some((column(operand, row), writer.bind(path)))
}

pub fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Distinct => "IS DISTINCT FROM",
    }
}

fn is(truth: Truth) -> &'static str {
    match truth {
        Truth::Null | Truth::Unknown => "IS NULL",
        Truth::NotNull => "IS NOT NULL",
        Truth::True => "IS TRUE",
        Truth::False => "IS FALSE",
    }
}

/// The column as it is compared for equality: numerics by value, `citext` in any case.
pub fn equality_key(of: &DataType, column: &str) -> String {
    match of {
        DataType::Numeric(_) => number(column),
        DataType::Citext => format!("{column} COLLATE NOCASE"),
        _ => column.to_string(),
    }
}

/// A bound text, or an item of a bound list, as the column stores it.
fn literal(of: &DataType, bound: &str) -> String {
    match of.storage() {
        Storage::Integer => format!("CAST({bound} AS INTEGER)"),
        Storage::Real => format!("CAST({bound} AS REAL)"),
        Storage::Blob => format!("unhex({bound})"),
        Storage::Text if matches!(of, DataType::Numeric(_)) => number(bound),
        Storage::Text => bound.to_string(),
    }
}

/// The column as it is put in order: enums by their labels' places.
pub fn sort_key(catalog: &Catalog, of: &DataType, column: &str) -> String {
    match of {
        DataType::Enum(name) => rank(catalog, name, column),
        DataType::Bytea => format!("hex({column})"),
        DataType::Range(of) => range_sort_key(*of, column).unwrap_or_else(|| column.to_string()),
        _ => equality_key(of, column),
    }
}

pub fn sort_key_of_literal(catalog: &Catalog, of: &DataType, bound: &str) -> String {
    match of {
        DataType::Enum(name) => rank(catalog, name, bound),
        DataType::Bytea => format!("upper({bound})"),
        DataType::Range(of) => range_sort_key(*of, bound).unwrap_or_else(|| bound.to_string()),
        _ => literal(of, bound),
    }
}

fn rank(catalog: &Catalog, name: &str, value: &str) -> String {
    let labels = catalog.enums.get(name).map(|of| of.labels.as_slice()).unwrap_or_default();
    let cases = labels
        .iter()
        .enumerate()
        .map(|(place, label)| format!("WHEN {} THEN {place} ", quote_literal(label)));
    format!("CASE {value} {}END", cases.collect::<String>())
}

/// A numeric's text as a number that SQLite compares. NaN is the greatest, and equals itself.
fn number(text: &str) -> String {
    format!("CASE {text} WHEN 'NaN' THEN 9e999 ELSE CAST({text} AS NUMERIC) END")
}
