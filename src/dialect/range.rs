//! Ranges in SQLite's words. A range is stored as Postgres prints it (`[1,5)`, `empty`); its bounds are
//! read out of the text, where neither a comma nor a quote can be inside a bound.
//!
//! Every expression given here stands several times in the result, so it must be short.

use crate::schema::{DataType, Ranged};
use crate::sql::{quote_literal, raise};

/// Postgres' operators between two ranges, or a range and an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeOperator {
    /// `=`
    Equals,
    /// `&&`
    Overlaps,
    /// `@>`
    Contains,
    /// `@>` an element
    ContainsElement,
    /// `<@`
    ContainedBy,
    /// `<<`
    StrictlyLeft,
    /// `>>`
    StrictlyRight,
    /// `&<`
    NotRight,
    /// `&>`
    NotLeft,
    /// `-|-`
    Adjacent,
}

/// The SQL of `left operator right`: NULL when a side is, else 0 or 1.
pub fn range_test(of: Ranged, operator: RangeOperator, left: &str, right: &str) -> String {
    let test = match operator {
        RangeOperator::Equals => equals(of, left, right),
        RangeOperator::Contains => format!(
            "CASE WHEN {right} = 'empty' THEN 1 WHEN {left} = 'empty' THEN 0 ELSE {} END",
            within(of, right, left)
        ),
        RangeOperator::ContainedBy => return range_test(of, RangeOperator::Contains, right, left),
        RangeOperator::ContainsElement => contains_element(of, left, right),
        RangeOperator::StrictlyRight => return range_test(of, RangeOperator::StrictlyLeft, right, left),
        RangeOperator::Overlaps => neither_empty(
            left,
            right,
            &format!("{} AND {}", starts_before_end(of, left, right), starts_before_end(of, right, left)),
        ),
        RangeOperator::StrictlyLeft => {
            let starts = starts_before_end(of, right, left);
            neither_empty(left, right, &format!("NOT {starts}"))
        }
        RangeOperator::NotRight => neither_empty(left, right, &ends_by(of, left, right)),
        RangeOperator::NotLeft => neither_empty(left, right, &starts_from(of, left, right)),
        RangeOperator::Adjacent => neither_empty(
            left,
            right,
            &format!("coalesce({} OR {}, 0)", meets(of, left, right), meets(of, right, left)),
        ),
    };
    format!("CASE WHEN {left} IS NOT NULL AND {right} IS NOT NULL THEN {test} END")
}

/// The lower bound in its type's stored form; NULL for none.
pub fn lower_bound(of: Ranged, range: &str) -> String {
    format!("CASE WHEN {range} <> 'empty' THEN {} END", element_of(of, &lower_text(range)))
}

/// The upper bound in its type's stored form; NULL for none.
pub fn upper_bound(of: Ranged, range: &str) -> String {
    format!("CASE WHEN {range} <> 'empty' THEN {} END", element_of(of, &upper_text(range)))
}

/// `isempty`, `lower_inc`, `upper_inc`, `lower_inf`, `upper_inf` of a range.
pub fn range_property(name: &str, range: &str) -> Option<String> {
    Some(match name {
        "isempty" => format!("({range} = 'empty')"),
        "lower_inc" => format!("(substr({range}, 1, 1) = '[')"),
        "upper_inc" => format!("(substr({range}, -1) = ']')"),
        "lower_inf" => format!("(substr({range}, 1, 2) = '(,')"),
        "upper_inf" => format!("(substr({range}, -2) = ',)')"),
        _ => return None,
    })
}

/// A text that sorts as Postgres sorts ranges: the empty one first, then by lower bound, then by upper.
/// `None` for ranges of numerics, which no text sorts.
pub fn range_sort_key(of: Ranged, range: &str) -> Option<String> {
    let (lower, upper) = (lower_text(range), upper_text(range));
    let sortable = |text: &str| match of {
        Ranged::Int4 | Ranged::Int8 => {
            let number = format!("CAST({text} AS INTEGER)");
            format!(
                "CASE WHEN {number} < 0 THEN printf('0%019d', {number} + 9223372036854775807 + 1) ELSE printf('1%019d', {number}) END"
            )
        }
        _ => text.to_string(),
    };
    if of == Ranged::Numeric {
        return None;
    }
    let bound = |text: &str, missing: &str, flag: String| {
        let present = format!("'1' || ({}) || char(1) || {flag}", sortable(text));
        format!("CASE WHEN {text} IS NULL THEN '{missing}' ELSE {present} END")
    };
    let opened = format!("CASE substr({range}, 1, 1) WHEN '[' THEN '0' ELSE '1' END");
    let closed = format!("CASE substr({range}, -1) WHEN ']' THEN '1' ELSE '0' END");
    Some(format!(
        "CASE WHEN {range} = 'empty' THEN '' WHEN {range} IS NOT NULL THEN {} || char(1) || {} END",
        bound(&lower, "0", opened),
        bound(&upper, "2", closed)
    ))
}

/// A range made of its bounds, SQL of the element's stored form, and `flags` such as `[)`.
pub fn range_of(of: Ranged, lower: &str, upper: &str, flags: &str) -> String {
    let comparable = |sql: &str| key(of, sql);
    let (low, high) = (comparable(lower), comparable(upper));
    let error = raise("'22000:range lower bound must be less than or equal to range upper bound'");
    let (opening, closing) = (flags.starts_with('['), flags.ends_with(']'));
    if of.is_discrete() {
        let (low, high) = (stepped(of, lower, !opening), stepped(of, upper, closing));
        // An infinite date has no next one, and keeps the kind of its bound.
        let kind = |bound: &str, usual: &str, written: &str| match of {
            Ranged::Date if usual != written => {
                format!("CASE WHEN instr({bound}, 'infinity') THEN '{written}' ELSE '{usual}' END")
            }
            _ => quote_literal(usual),
        };
        let (opens, closes) = (
            kind(lower, "[", if opening { "[" } else { "(" }),
            kind(upper, ")", if closing { "]" } else { ")" }),
        );
        let equal =
            if flags == "[]" { String::new() } else { format!(" WHEN {lower} = {upper} THEN 'empty'") };
        return format!(
            "CASE WHEN {lower} > {upper} THEN {error}{equal} WHEN {low} > {high} OR ({low} = {high} AND {opens} || {closes} <> '[]') THEN 'empty' \
             ELSE coalesce({opens} || {low}, '(') || ',' || coalesce({high} || {closes}, ')') END"
        );
    }
    let (lower, upper) = (bound_text(of, lower), bound_text(of, upper));
    let equal = if flags == "[]" { String::new() } else { format!(" WHEN {low} = {high} THEN 'empty'") };
    format!(
        "CASE WHEN {low} > {high} THEN {error}{equal} ELSE coalesce({} || {lower}, '(') || ',' || coalesce({upper} || {}, ')') END",
        quote_literal(if opening { "[" } else { "(" }),
        quote_literal(if closing { "]" } else { ")" }),
    )
}

fn stepped(of: Ranged, bound: &str, steps: bool) -> String {
    match (of, steps) {
        (_, false) => bound.to_string(),
        (Ranged::Date, true) => {
            format!("CASE WHEN instr({bound}, 'infinity') THEN {bound} ELSE date({bound}, '+1 day') END")
        }
        (of, true) => {
            let (most, name) = match of {
                Ranged::Int4 => ("2147483647", "integer"),
                _ => ("9223372036854775807", "bigint"),
            };
            let error = raise(&format!("'22003:{name} out of range'"));
            format!("CASE WHEN {bound} = {most} THEN {error} ELSE {bound} + 1 END")
        }
    }
}

/// A bound as it is printed inside of the range.
fn bound_text(of: Ranged, bound: &str) -> String {
    let quoted = |text: String| {
        format!("CASE WHEN instr({bound}, 'infinity') THEN {bound} ELSE '\"' || {text} || '\"' END")
    };
    match of {
        Ranged::Timestamp => quoted(format!("replace({bound}, 'T', ' ')")),
        Ranged::Timestamptz => quoted(format!("replace(replace({bound}, 'T', ' '), '+00:00', '+00')")),
        _ => bound.to_string(),
    }
}

fn lower_text(range: &str) -> String {
    format!("nullif(trim(substr({range}, 2, instr({range}, ',') - 2), '\"'), '')")
}

fn upper_text(range: &str) -> String {
    format!("nullif(trim(substr({range}, instr({range}, ',') + 1), '\")]'), '')")
}

/// A bound's text in its type's stored form.
fn element_of(of: Ranged, text: &str) -> String {
    match of {
        Ranged::Int4 | Ranged::Int8 => format!("CAST({text} AS INTEGER)"),
        Ranged::Timestamp => format!("replace({text}, ' ', 'T')"),
        Ranged::Timestamptz => format!("replace(replace({text}, ' ', 'T'), '+00', '+00:00')"),
        Ranged::Numeric | Ranged::Date => text.to_string(),
    }
}

/// A bound's text, or a stored element, as SQLite compares it.
fn key(of: Ranged, text: &str) -> String {
    match of.element() {
        DataType::Int4 | DataType::Int8 => format!("CAST({text} AS INTEGER)"),
        DataType::Numeric(_) => {
            format!("CASE {text} WHEN 'NaN' THEN 9e999 ELSE CAST({text} AS NUMERIC) END")
        }
        _ => text.to_string(),
    }
}

fn lower_key(of: Ranged, range: &str) -> String {
    key(of, &lower_text(range))
}

fn upper_key(of: Ranged, range: &str) -> String {
    key(of, &upper_text(range))
}

fn opens(range: &str) -> String {
    format!("substr({range}, 1, 1) = '['")
}

fn closes(range: &str) -> String {
    format!("substr({range}, -1) = ']'")
}

fn neither_empty(left: &str, right: &str, test: &str) -> String {
    format!("({left} <> 'empty' AND {right} <> 'empty' AND {test})")
}

fn equals(of: Ranged, left: &str, right: &str) -> String {
    if of != Ranged::Numeric {
        return format!("({left} = {right})");
    }
    // The same number may have more zeros.
    format!(
        "({} IS {} AND {} IS {} AND substr({left}, 1, 1) = substr({right}, 1, 1) AND substr({left}, -1) = substr({right}, -1))",
        lower_key(of, left),
        lower_key(of, right),
        upper_key(of, left),
        upper_key(of, right)
    )
}

/// That a range starts before another ends, or where it ends when both have that value. Neither is empty.
fn starts_before_end(of: Ranged, start: &str, end: &str) -> String {
    let (low, high) = (lower_key(of, start), upper_key(of, end));
    // A date's upper bound that is infinity can be inclusive.
    let touches = if matches!(of, Ranged::Int4 | Ranged::Int8) {
        String::new()
    } else {
        format!(" OR ({low} = {high} AND {} AND {})", opens(start), closes(end))
    };
    format!("coalesce({low} < {high}{touches}, 1)")
}

/// That a range starts where another does, or later.
fn starts_from(of: Ranged, range: &str, other: &str) -> String {
    let (low, limit) = (lower_key(of, range), lower_key(of, other));
    format!(
        "CASE WHEN {limit} IS NULL THEN 1 WHEN {low} IS NULL THEN 0 WHEN {low} = {limit} THEN ({} OR NOT ({})) ELSE {low} > {limit} END",
        opens(other),
        opens(range)
    )
}

/// That a range ends where another does, or before.
fn ends_by(of: Ranged, range: &str, other: &str) -> String {
    let (high, limit) = (upper_key(of, range), upper_key(of, other));
    format!(
        "CASE WHEN {limit} IS NULL THEN 1 WHEN {high} IS NULL THEN 0 WHEN {high} = {limit} THEN ({} OR NOT ({})) ELSE {high} < {limit} END",
        closes(other),
        closes(range)
    )
}

/// That a range lies in another. Neither is empty.
fn within(of: Ranged, range: &str, other: &str) -> String {
    format!("({} AND {})", starts_from(of, range, other), ends_by(of, range, other))
}

/// That a range ends where another starts, one of them with the value.
fn meets(of: Ranged, range: &str, next: &str) -> String {
    format!(
        "({} = {} AND ({}) <> ({}))",
        upper_key(of, range),
        lower_key(of, next),
        closes(range),
        opens(next)
    )
}

fn contains_element(of: Ranged, range: &str, element: &str) -> String {
    let text = match of {
        Ranged::Timestamp => format!("replace({element}, 'T', ' ')"),
        Ranged::Timestamptz => format!("replace(replace({element}, 'T', ' '), '+00:00', '+00')"),
        _ => element.to_string(),
    };
    let (value, low, high) = (key(of, &text), lower_key(of, range), upper_key(of, range));
    format!(
        "({range} <> 'empty' AND coalesce({low} < {value} OR ({low} = {value} AND {}), 1) AND coalesce({value} < {high} OR ({value} = {high} AND {}), 1))",
        opens(range),
        closes(range)
    )
}
