//! `count=planned` and `count=estimated`: how many rows there may be, without counting them.
//!
//! It is what PostgreSQL's planner says of a table that nobody has analyzed. SQLite keeps no statistics, so a table's
//! highest row id stands for its number of rows; a table that fills fewer than ten pages is taken to fill ten, and
//! conditions let through fixed parts of the rows.

use super::condition::{Comparison, Condition, Test};
use super::read::Node;
use crate::rest::request::Count;
use crate::schema::{DataType, Table};

/// How an estimate is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The fewest rows that a table is taken to have.
    pub least_rows: u64,
    /// Which part of them the conditions let through; of a unique key one row, whatever there are.
    pub part: Option<f64>,
    /// Up to how many rows they are counted nevertheless.
    pub exact_to: Option<u64>,
}

/// What an equality lets through, when nothing is known of the values.
pub const EQUAL: f64 = 0.005;

/// What other comparisons let through.
const INEQUAL: f64 = 1.0 / 3.0;

/// The estimate of a table's rows that was asked for; `None` where they are counted.
pub fn estimate(root: &Node<'_>, count: Option<Count>, max_rows: u64) -> Option<Estimate> {
    let exact_to = match count? {
        Count::Exact => return None,
        Count::Planned => None,
        Count::Estimated => Some(max_rows),
    };
    if root.is_grouped() || root.only_count || root.is_called {
        return None;
    }
    let part = (!is_one(&root.condition, root.table)).then(|| part(&root.condition));
    Some(Estimate { least_rows: rows_of_ten_pages(root.table), part, exact_to })
}

fn is_one(condition: &Condition<'_>, table: &Table) -> bool {
    let mut keys = table.primary_key.iter().chain(&table.uniques);
    keys.any(|key| key.columns.iter().all(|column| condition.is_equality_of(column)))
}

fn part(condition: &Condition<'_>) -> f64 {
    match condition {
        Condition::All(members) => members.iter().map(part).product(),
        Condition::Any(members) => members.iter().map(part).fold(0.0, |one, other| one + other - one * other),
        Condition::Not(inner) => 1.0 - part(inner),
        Condition::Related(_) => 1.0,
        Condition::Test(operand, test) => match test {
            Test::Compare(Comparison::Equal, _) if operand.column.data_type == DataType::Bool => 0.5,
            Test::Compare(Comparison::Equal, _) => EQUAL,
            Test::Compare(Comparison::NotEqual | Comparison::Distinct, _) => 1.0 - EQUAL,
            Test::Compare(..) => INEQUAL,
            Test::In(values) => values.iter().fold(0.0, |one, _| one + EQUAL - one * EQUAL),
            Test::Is(_) if operand.column.data_type == DataType::Bool => 0.5,
            Test::Unknown => 0.0,
            _ => EQUAL,
        },
    }
}

const PAGE: u64 = 8192 - 24;

/// A row's header and its pointer.
const ROW: u64 = 24 + 4;

fn rows_of_ten_pages(table: &Table) -> u64 {
    let width: u64 = table.columns.iter().map(|column| width(&column.data_type)).sum();
    10 * (PAGE / (ROW + width))
}

/// Bytes of a value, on the average that the planner takes.
fn width(of: &DataType) -> u64 {
    match of {
        DataType::Bool => 1,
        DataType::Int2 => 2,
        DataType::Int4 | DataType::Float4 | DataType::Date | DataType::Enum(_) => 4,
        DataType::Int8 | DataType::Float8 | DataType::Time | DataType::Timestamp | DataType::Timestamptz => 8,
        DataType::Uuid | DataType::Interval => 16,
        _ => 32,
    }
}
