//! The `order` parameter: `name.desc.nullslast,meta->>rank,author(name)`.

use super::cursor::Cursor;
use super::select::{bare_aggregate, json_path};
use super::{AggregateItem, Field, SyntaxError};

/// One sort key.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderTerm {
    /// An embed of a single row, when the key is a column of that.
    pub embed: Option<String>,
    /// What to sort by.
    pub field: Field,
    /// What to sort groups by instead: `price.sum()`, `count()`. Ours; PostgREST has none.
    pub aggregate: Option<AggregateItem>,
    /// Largest first.
    pub descending: bool,
    /// Where nulls go; Postgres takes them for larger than anything.
    pub nulls_first: bool,
}

/// Parses a whole `order` parameter.
pub fn parse_order(text: &str) -> Result<Vec<OrderTerm>, SyntaxError> {
    let mut cursor = Cursor::new("order", text);
    let mut terms = Vec::new();
    loop {
        terms.push(term(&mut cursor)?);
        cursor.skip_blanks();
        if !cursor.eat(",") {
            break;
        }
    }
    if cursor.peek().is_some() {
        return Err(cursor.unexpected_before_end("\",\" or end of input"));
    }
    Ok(terms)
}

fn term(cursor: &mut Cursor<'_>) -> Result<OrderTerm, SyntaxError> {
    let mut name = cursor.name()?;
    let mut embed = None;
    if !cursor.rest().starts_with("()") && cursor.eat("(") {
        embed = Some(std::mem::replace(&mut name, cursor.name()?));
    }
    let field = Field { name, json_path: json_path(cursor)? };
    let aggregate = if embed.is_none() { bare_aggregate(cursor, &field) } else { None };
    if embed.is_some() {
        cursor.expect(")")?;
    }
    let descending = cursor.eat(".desc");
    if !descending {
        cursor.eat(".asc");
    }
    let nulls_first = cursor.eat(".nullsfirst") || (!cursor.eat(".nullslast") && descending);
    Ok(OrderTerm { embed, field, aggregate, descending, nulls_first })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_parse() {
        let rows = [
            ("a", None, "a", false, false),
            ("a.desc", None, "a", true, true),
            ("a.desc.nullslast", None, "a", true, false),
            ("a.asc.nullsfirst", None, "a", false, true),
            ("users(name).desc", Some("users"), "name", true, true),
        ];
        for (text, embed, name, descending, nulls_first) in rows {
            let terms = parse_order(text).unwrap();
            let expected = OrderTerm {
                embed: embed.map(str::to_string),
                field: Field { name: name.into(), json_path: Vec::new() },
                aggregate: None,
                descending,
                nulls_first,
            };
            assert_eq!(terms, [expected], "{text}");
        }
        let groups = parse_order("price.sum().desc,count(),\"count\"").unwrap();
        let names: Vec<_> = groups.iter().map(|term| term.aggregate.as_ref().map(|of| of.function)).collect();
        use crate::rest::request::AggregateFunction::{Count, Sum};
        assert_eq!(names, [Some(Sum), Some(Count), None]);
        for text in ["", "a,", "a.up", "users(name", "a.nullsfirst.desc"] {
            assert!(parse_order(text).is_err(), "{text}");
        }
    }
}
