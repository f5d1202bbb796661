//! The query string, sorted into what each parameter means.
//!
//! `select`, `columns` and `on_conflict` are reserved whole; a key whose last dot-segment is
//! `order`, `limit`, `offset`, `and` or `or` is structural and may lead into an embed
//! (`author.order=name`); everything else is a filter.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use super::cursor::Cursor;
use super::filter::{parse_filter, parse_logic};
use super::order::parse_order;
use super::select::{bare_aggregate, json_path, parse_select};
use super::{AggregateItem, Field, Logic, Operation, OrderTerm, SelectItem, SyntaxError};

/// The parsed query string.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// `select`; empty when absent, which means `*`.
    pub select: Vec<SelectItem>,
    /// Filters and logic trees; all must hold.
    pub filters: Vec<Located<Logic>>,
    /// Conditions on groups: `price.sum()=gt.10`. Ours; PostgREST has none.
    pub having: Vec<Located<Having>>,
    /// `distinct=true`: equal rows come once. Ours too.
    pub distinct: bool,
    /// `order`.
    pub orders: Vec<Located<Vec<OrderTerm>>>,
    /// `limit`; may be negative as sent.
    pub limits: Vec<Located<i64>>,
    /// `offset`; may be negative as sent.
    pub offsets: Vec<Located<i64>>,
    /// `columns`: the only keys of the body that count.
    pub columns: Option<Vec<String>>,
    /// `on_conflict`.
    pub on_conflict: Option<Vec<String>>,
}

/// Something said of the root (an empty path) or of an embed.
#[derive(Clone, Debug, PartialEq)]
pub struct Located<T> {
    /// The embeds on the way, by alias or name.
    pub path: Vec<String>,
    /// What is said.
    pub value: T,
}

/// A condition on groups of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Having {
    /// What is compared.
    pub aggregate: AggregateItem,
    /// `not.`.
    pub negated: bool,
    /// With what.
    pub operation: Operation,
}

impl Query {
    /// Parses a query string as sent, percent-encoded. Parameters without `=` say nothing.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| pair.contains('=')) {
            for (key, value) in form_urlencoded::parse(pair.as_bytes()) {
                query.add(&key, &value)?;
            }
        }
        Ok(query)
    }

    /// Parses the query string of a call by GET, where what is no filter is an argument: what else it
    /// says, and the arguments.
    pub fn parse_call(text: &str) -> Result<(Self, Vec<(String, String)>), SyntaxError> {
        let (mut query, mut arguments) = (Self::default(), Vec::new());
        for pair in text.split('&').filter(|pair| pair.contains('=')) {
            for (key, value) in form_urlencoded::parse(pair.as_bytes()) {
                match query.add(&key, &value) {
                    Err(error) if error.subject == "filter" => {
                        arguments.push((filter_key(&key)?.field.name, value.into_owned()));
                    }
                    outcome => outcome?,
                }
            }
        }
        Ok((query, arguments))
    }

    fn add(&mut self, key: &str, value: &str) -> Result<(), SyntaxError> {
        match key {
            "select" => self.select = parse_select(value)?,
            "columns" => self.columns = Some(names("columns parameter", value)?),
            "on_conflict" => self.on_conflict = Some(names("on_conflict parameter", value)?),
            "distinct" if value == "true" => self.distinct = true,
            _ => return self.add_located(key, value),
        }
        Ok(())
    }

    fn add_located(&mut self, key: &str, value: &str) -> Result<(), SyntaxError> {
        let (before, last) = key.rsplit_once('.').unwrap_or(("", key));
        let negated = before == "not" || before.ends_with(".not");
        match last {
            "order" => self.orders.push(Located { path: path(before)?, value: parse_order(value)? }),
            // An unreadable number is no limit, as upstream has it.
            "limit" => self.limits.extend(located_number(before, value)?),
            "offset" => self.offsets.extend(located_number(before, value)?),
            "and" | "or" => {
                let before =
                    if negated { before.trim_end_matches("not").trim_end_matches('.') } else { before };
                let value = parse_logic(negated, last == "or", value)?;
                self.filters.push(Located { path: path(before)?, value });
            }
            _ => self.add_filter(filter_key(key)?, value)?,
        }
        Ok(())
    }
}

impl Query {
    fn add_filter(&mut self, key: FilterKey, value: &str) -> Result<(), SyntaxError> {
        let FilterKey { path, field, aggregate } = key;
        let condition = parse_filter(field, value)?;
        match (aggregate, condition) {
            (Some(aggregate), Logic::Filter { negated, operation, .. }) => {
                self.having.push(Located { path, value: Having { aggregate, negated, operation } });
            }
            (_, condition) => self.filters.push(Located { path, value: condition }),
        }
        Ok(())
    }
}

/// The query string as `Content-Location` has it: parameters by name, percent-encoded one way.
pub fn canonical(text: &str) -> String {
    let mut pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).collect();
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut encoded = String::with_capacity(text.len() + text.len() / 2);
    for (key, value) in &pairs {
        if !encoded.is_empty() {
            encoded.push('&');
        }
        encoded.extend(encode(key));
        encoded.push('=');
        encoded.extend(encode(value));
    }
    encoded
}

fn encode(text: &str) -> PercentEncode<'_> {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, RESERVED)
}

fn located_number(path_text: &str, value: &str) -> Result<Option<Located<i64>>, SyntaxError> {
    let path = path(path_text)?;
    Ok(value.trim().parse().ok().map(|value| Located { path, value }))
}

/// `id,"a b"` → the names; one that comes again counts once.
fn names(subject: &'static str, text: &str) -> Result<Vec<String>, SyntaxError> {
    let mut cursor = Cursor::new(subject, text);
    let mut names = vec![cursor.name()?];
    while cursor.eat(",") {
        let name = cursor.name()?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    cursor.expect_end()?;
    Ok(names)
}

/// `author.books` → the embeds on the way; empty text is the root.
fn path(text: &str) -> Result<Vec<String>, SyntaxError> {
    let mut path = Vec::new();
    if text.is_empty() {
        return Ok(path);
    }
    let mut cursor = Cursor::new("tree path", text);
    path.push(cursor.name()?);
    while cursor.eat(".") {
        path.push(cursor.name()?);
    }
    cursor.expect_end()?;
    Ok(path)
}

/// What a filter is of.
struct FilterKey {
    path: Vec<String>,
    field: Field,
    aggregate: Option<AggregateItem>,
}

/// `author.meta->a` → the path `author` and the field `meta->a`; `author.price.sum()` the path `author`
/// and the sum of `price`.
fn filter_key(key: &str) -> Result<FilterKey, SyntaxError> {
    let mut cursor = Cursor::new("tree path", key);
    let mut path = Vec::new();
    let mut field = Field { name: cursor.name()?, json_path: Vec::new() };
    let mut aggregate = bare_aggregate(&mut cursor, &field);
    while aggregate.is_none() && cursor.eat(".") {
        path.push(std::mem::replace(&mut field.name, cursor.name()?));
        aggregate = bare_aggregate(&mut cursor, &field);
    }
    field.json_path = json_path(&mut cursor)?;
    if aggregate.is_none() {
        aggregate = bare_aggregate(&mut cursor, &field);
    }
    cursor.expect_end()?;
    Ok(FilterKey { path, field, aggregate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_queries_have_one_location() {
        let rows = [
            ("", ""),
            ("select=*&id=eq.1", "id=eq.1&select=%2A"),
            ("b=in.(1,2)&a=eq.x+y&b=gt.0", "a=eq.x%20y&b=in.%281%2C2%29&b=gt.0"),
        ];
        for (text, expected) in rows {
            assert_eq!(canonical(text), expected);
        }
    }

    #[test]
    fn parameters_are_told_apart() {
        let query = Query::parse(
            "select=id&author.order=name&limit=5&author.books.limit=x&offset=-2&author.not.or=(a.eq.1)&not.and=(b.eq.2)\
             &author.name=eq.a%2Bb+c&columns=%22a%22,b&on_conflict=id&flag&a.meta->x=is.null",
        )
        .unwrap();
        let paths: Vec<_> = query.filters.iter().map(|filter| filter.path.join("/")).collect();
        assert_eq!(paths, ["author", "", "author", "a"]);
        assert_eq!(query.limits, [Located { path: Vec::new(), value: 5 }]);
        assert_eq!(query.offsets, [Located { path: Vec::new(), value: -2 }]);
        assert_eq!(query.orders.first().unwrap().path, ["author"]);
        assert_eq!(query.columns.as_deref(), Some(&["a".to_string(), "b".to_string()][..]));
        assert_eq!(query.on_conflict.as_deref(), Some(&["id".to_string()][..]));
        assert!(matches!(&query.filters[0].value, Logic::Group { negated: true, any: true, .. }));
        assert!(
            matches!(&query.filters[2].value, Logic::Filter { operation: crate::rest::request::Operation::Compare { value, .. }, .. } if value == "a+b c")
        );
    }
}
