//! Names and literals in SQL text.

/// An identifier in double quotes: `a"b` → `"a""b"`.
///
/// SQLite reads an unknown double-quoted name as a string, so callers check the name against the
/// catalog first and qualify columns with their table.
pub fn quote_identifier(name: &str) -> String {
    quoted(name, '"')
}

/// A text literal in single quotes: `it's` → `'it''s'`. Only for text the project itself or a
/// migration wrote (SQLite cannot bind inside DDL); request values are always bound.
pub fn quote_literal(text: &str) -> String {
    quoted(text, '\'')
}

fn quoted(text: &str, mark: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(mark);
    for (place, part) in text.split(mark).enumerate() {
        if place > 0 {
            quoted.extend([mark, mark]);
        }
        quoted.push_str(part);
    }
    quoted.push(mark);
    quoted
}

/// Where `schema.name` lives in SQLite's single namespace: `public.t` is `t`, any other `s.t` is
/// the one name `s.t`. Not yet quoted.
pub fn physical_name(schema: &str, name: &str) -> String {
    if schema == "public" { name.to_string() } else { format!("{schema}.{name}") }
}
