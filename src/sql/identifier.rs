//! Names and literals in SQL text.

/// An identifier in double quotes: `a"b` → `"a""b"`.
///
/// SQLite reads an unknown double-quoted name as a string, so callers check the name against the
/// catalog first and qualify columns with their table.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text literal in single quotes: `it's` → `'it''s'`. Only for text the project itself or a
/// migration wrote (SQLite cannot bind inside DDL); request values are always bound.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Where `schema.name` lives in SQLite's single namespace: `public.t` is `t`, any other `s.t` is
/// the one name `s.t`. Not yet quoted.
pub fn physical_name(schema: &str, name: &str) -> String {
    if schema == "public" { name.to_string() } else { format!("{schema}.{name}") }
}
