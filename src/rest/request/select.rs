//! The `select` parameter: `id,name:title,author:users!fk!inner(id,tags(*)),meta->a->>b,price::text`.

use super::cursor::Cursor;
use super::{Field, JsonStep, SyntaxError};

/// One item of a select list.
#[derive(Clone, Debug, PartialEq)]
pub enum SelectItem {
    /// `*`.
    Star,
    /// `alias:field::cast`.
    Field {
        /// The key in the answer, when it is not the field's own name.
        alias: Option<String>,
        /// What is selected.
        field: Field,
        /// `::type`.
        cast: Option<String>,
    },
    /// `alias:field::cast.sum()::cast`, `count()`.
    Aggregate(AggregateItem),
    /// `alias:target!hint!inner(…)`.
    Embed(EmbedItem),
    /// `...target(…)`.
    Spread(EmbedItem),
}

/// One value of many rows.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateItem {
    /// The key in the answer, when it is not the function's name.
    pub alias: Option<String>,
    /// What is aggregated; `None` for `count()`, which counts rows.
    pub field: Option<Field>,
    /// `::type` before the function.
    pub field_cast: Option<String>,
    /// The function.
    pub function: AggregateFunction,
    /// `::type` after it.
    pub cast: Option<String>,
}

/// What is done to the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AggregateFunction {
    Sum,
    Average,
    Count,
    Largest,
    Smallest,
}

const AGGREGATES: &[(&str, AggregateFunction)] = &[
    ("sum", AggregateFunction::Sum),
    ("avg", AggregateFunction::Average),
    ("count", AggregateFunction::Count),
    ("max", AggregateFunction::Largest),
    ("min", AggregateFunction::Smallest),
];

impl AggregateFunction {
    /// Its name on the wire, in Postgres and in SQLite.
    pub fn name(self) -> &'static str {
        AGGREGATES.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }
}

/// A related table's rows inside each row.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbedItem {
    /// The key in the answer, when it is not the target's name.
    pub alias: Option<String>,
    /// A table, a foreign key's name or its column.
    pub target: String,
    /// Which relationship, when there are several.
    pub hint: Option<String>,
    /// `!inner`: rows without a match vanish.
    pub inner: bool,
    /// What is selected of it.
    pub items: Vec<SelectItem>,
}

/// How deep embeds may nest; far beyond what SQLite's expression depth allows anyway.
const DEEPEST: usize = 20;

/// Parses a whole `select` parameter; empty means `*`.
pub fn parse_select(text: &str) -> Result<Vec<SelectItem>, SyntaxError> {
    let mut cursor = Cursor::new("select parameter", text);
    cursor.skip_blanks();
    if cursor.rest().is_empty() {
        return Ok(vec![SelectItem::Star]);
    }
    let items = items(&mut cursor, 0)?;
    cursor.expect_end()?;
    Ok(items)
}

fn items(cursor: &mut Cursor<'_>, depth: usize) -> Result<Vec<SelectItem>, SyntaxError> {
    let mut items = Vec::new();
    loop {
        items.push(item(cursor, depth)?);
        cursor.skip_blanks();
        if !cursor.eat(",") {
            return Ok(items);
        }
    }
}

fn item(cursor: &mut Cursor<'_>, depth: usize) -> Result<SelectItem, SyntaxError> {
    cursor.skip_blanks();
    if cursor.eat("*") {
        return Ok(SelectItem::Star);
    }
    if cursor.eat("...") {
        let name = cursor.name()?;
        return embed(cursor, None, name, depth).map(SelectItem::Spread);
    }
    let mut name = cursor.name()?;
    let mut alias = None;
    if cursor.peek() == Some(':') && !cursor.rest().starts_with("::") {
        cursor.expect(":")?;
        alias = Some(std::mem::replace(&mut name, cursor.name()?));
    }
    if name == "count" && cursor.eat("()") {
        let (function, cast) = (AggregateFunction::Count, optional_cast(cursor)?);
        return Ok(SelectItem::Aggregate(AggregateItem {
            alias,
            field: None,
            field_cast: None,
            function,
            cast,
        }));
    }
    if matches!(cursor.peek(), Some('(' | '!')) {
        return embed(cursor, alias, name, depth).map(SelectItem::Embed);
    }
    let json_path = json_path(cursor)?;
    let cast = optional_cast(cursor)?;
    if cursor.eat(".") {
        let (function, after) = aggregate(cursor)?;
        let field = Some(Field { name, json_path });
        return Ok(SelectItem::Aggregate(AggregateItem {
            alias,
            field,
            field_cast: cast,
            function,
            cast: after,
        }));
    }
    Ok(SelectItem::Field { alias, field: Field { name, json_path }, cast })
}

fn embed(
    cursor: &mut Cursor<'_>,
    alias: Option<String>,
    target: String,
    depth: usize,
) -> Result<EmbedItem, SyntaxError> {
    let (mut hint, mut inner) = (None, false);
    while cursor.eat("!") {
        match cursor.name()?.as_str() {
            "inner" => inner = true,
            "left" => inner = false,
            name => hint = Some(name.to_string()),
        }
    }
    cursor.expect("(")?;
    if depth == DEEPEST {
        return Err(cursor.unexpected("embeds less deep"));
    }
    cursor.skip_blanks();
    let items = if cursor.peek() == Some(')') { Vec::new() } else { items(cursor, depth + 1)? };
    cursor.skip_blanks();
    cursor.expect(")")?;
    Ok(EmbedItem { alias, target, hint, inner, items })
}

fn aggregate(cursor: &mut Cursor<'_>) -> Result<(AggregateFunction, Option<String>), SyntaxError> {
    let Some((_, function)) = AGGREGATES.iter().find(|(name, _)| cursor.eat(name)) else {
        return Err(cursor.unexpected("aggregate function (sum, avg, count, max or min)"));
    };
    cursor.expect("()")?;
    Ok((*function, optional_cast(cursor)?))
}

/// An aggregate outside of a select list, where it has neither alias nor cast: `.sum()` after a field,
/// or the `()` of `count()` after its name. `None` when there is none.
pub fn bare_aggregate(cursor: &mut Cursor<'_>, field: &Field) -> Option<AggregateItem> {
    let bare = |field, function| AggregateItem { alias: None, field, field_cast: None, function, cast: None };
    if field.name == "count" && field.json_path.is_empty() && cursor.eat("()") {
        return Some(bare(None, AggregateFunction::Count));
    }
    let (_, function) =
        AGGREGATES.iter().find(|(name, _)| cursor.rest().starts_with(&format!(".{name}()")))?;
    cursor.eat(".");
    cursor.eat(function.name());
    cursor.eat("()");
    Some(bare(Some(field.clone()), *function))
}

fn optional_cast(cursor: &mut Cursor<'_>) -> Result<Option<String>, SyntaxError> {
    if !cursor.eat("::") {
        return Ok(None);
    }
    let name =
        cursor.take_while(|character| character.is_alphanumeric() || matches!(character, '_' | '$' | ' '));
    if name.trim().is_empty() {
        return Err(cursor.unexpected("type name"));
    }
    Ok(Some(name.trim().to_string()))
}

/// `->key->>0…`; empty when none comes next.
pub fn json_path(cursor: &mut Cursor<'_>) -> Result<Vec<JsonStep>, SyntaxError> {
    let mut steps = Vec::new();
    while cursor.rest().starts_with("->") {
        let as_text = cursor.eat("->>");
        if !as_text {
            cursor.expect("->")?;
        }
        steps.push(JsonStep { as_text, key: cursor.json_key()? });
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::request::JsonKey;

    fn field(name: &str) -> SelectItem {
        SelectItem::Field {
            alias: None,
            field: Field { name: name.into(), json_path: Vec::new() },
            cast: None,
        }
    }

    #[test]
    fn select_lists_parse() {
        let embed = |target: &str, items: Vec<SelectItem>| EmbedItem {
            alias: None,
            target: target.into(),
            hint: None,
            inner: false,
            items,
        };
        let rows: Vec<(&str, Vec<SelectItem>)> = vec![
            ("", vec![SelectItem::Star]),
            ("*", vec![SelectItem::Star]),
            ("id, first-name ,\"a.b\"", vec![field("id"), field("first-name"), field("a.b")]),
            (
                "n:title::text",
                vec![SelectItem::Field {
                    alias: Some("n".into()),
                    field: Field { name: "title".into(), json_path: Vec::new() },
                    cast: Some("text".into()),
                }],
            ),
            (
                "meta->a->>0",
                vec![SelectItem::Field {
                    alias: None,
                    field: Field {
                        name: "meta".into(),
                        json_path: vec![
                            JsonStep { as_text: false, key: JsonKey::Name("a".into()) },
                            JsonStep { as_text: true, key: JsonKey::Index(0) },
                        ],
                    },
                    cast: None,
                }],
            ),
            (
                "id,a:users!fk!inner(id,tags())",
                vec![
                    field("id"),
                    SelectItem::Embed(EmbedItem {
                        alias: Some("a".into()),
                        hint: Some("fk".into()),
                        inner: true,
                        ..embed("users", vec![field("id"), SelectItem::Embed(embed("tags", Vec::new()))])
                    }),
                ],
            ),
            (
                "n:count()",
                vec![SelectItem::Aggregate(AggregateItem {
                    alias: Some("n".into()),
                    field: None,
                    field_cast: None,
                    function: AggregateFunction::Count,
                    cast: None,
                })],
            ),
            (
                "price::int.sum()::text",
                vec![SelectItem::Aggregate(AggregateItem {
                    alias: None,
                    field: Some(Field { name: "price".into(), json_path: Vec::new() }),
                    field_cast: Some("int".into()),
                    function: AggregateFunction::Sum,
                    cast: Some("text".into()),
                })],
            ),
            ("...users(name)", vec![SelectItem::Spread(embed("users", vec![field("name")]))]),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_select(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn mistakes_say_where() {
        let rows = [("id,,name", 4), ("users(id", 9), ("id)", 3), ("a::", 4), ("a.foo()", 3), ("\"x", 3)];
        for (text, column) in rows {
            assert_eq!(parse_select(text).unwrap_err().column, column, "{text}");
        }
    }
}
