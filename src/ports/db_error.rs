//! Every way a database call fails, classified once from SQLite's message.

use crate::sql::RAISE_MARK;

/// A failed batch; nothing of it took effect.
#[derive(Clone, Debug, PartialEq)]
pub enum DbError {
    /// A statement raised this payload on purpose ([`crate::sql::raise`]).
    Raised(String),
    /// A unique or primary key: the physical table and the columns, or the index of expressions.
    Unique {
        /// Physical table name; empty when SQLite names an index only.
        table: String,
        /// Column names, or the index's name alone.
        columns: Vec<String>,
    },
    /// A null in a NOT NULL column.
    NotNull {
        /// Physical table name.
        table: String,
        /// Column name.
        column: String,
    },
    /// A CHECK: its name, or its expression when unnamed.
    Check(String),
    /// A foreign key; SQLite says no more.
    ForeignKey,
    /// A value that its STRICT column cannot hold.
    Datatype(String),
    /// A value, row or statement over the platform's size.
    TooLarge,
    /// A statement over the platform's depth, argument or term limits.
    TooComplex(String),
    /// Text that is no JSON reached a JSON function.
    MalformedJson,
    /// Integer arithmetic left 64 bits.
    IntegerOverflow,
    /// The database is there but will not take this call now; it did not run.
    Overloaded(String),
    /// The call ran out of time.
    Timeout(String),
    /// Anything else: a defect of ours or of the platform. For the log.
    Other(String),
}

impl DbError {
    /// Reads SQLite's or D1's message, with or without D1's `D1_ERROR: ` prefix and `: SQLITE_…` suffix.
    pub fn classify(message: &str) -> Self {
        if let Some(payload) = raised_payload(message) {
            return Self::Raised(payload);
        }
        let text = message.strip_prefix("D1_ERROR: ").unwrap_or(message);
        let text = text.split(": SQLITE_").next().unwrap_or(text);
        constraint(text).or_else(|| limit(text)).unwrap_or_else(|| Self::Other(text.to_string()))
    }
}

/// `bad JSON path: 'edgeward!42501:it''s'` → `42501:it's`; a trigger's `RAISE` message comes bare.
fn raised_payload(message: &str) -> Option<String> {
    let (before, payload) = message.split_once(RAISE_MARK)?;
    if before.ends_with("bad JSON path: '") {
        let end = payload.rfind('\'').unwrap_or(payload.len());
        return Some(payload.get(..end).unwrap_or(payload).replace("''", "'"));
    }
    Some(payload.split(": SQLITE_").next().unwrap_or(payload).to_string())
}

fn constraint(text: &str) -> Option<DbError> {
    if text.starts_with("FOREIGN KEY constraint failed") {
        return Some(DbError::ForeignKey);
    }
    if let Some(name) = text.strip_prefix("CHECK constraint failed: ") {
        return Some(DbError::Check(name.to_string()));
    }
    if let Some(place) = text.strip_prefix("NOT NULL constraint failed: ") {
        let (table, column) = place.rsplit_once('.')?;
        return Some(DbError::NotNull { table: table.to_string(), column: column.to_string() });
    }
    let place = text.strip_prefix("UNIQUE constraint failed: ")?;
    if let Some(index) = place.strip_prefix("index '") {
        let index = index.trim_end_matches('\'').to_string();
        return Some(DbError::Unique { table: String::new(), columns: vec![index] });
    }
    let table = place.split(", ").next()?.rsplit_once('.')?.0.to_string();
    let prefix = format!("{table}.");
    let columns = place.split(", ").map(|column| column.strip_prefix(&prefix).unwrap_or(column).to_string());
    Some(DbError::Unique { columns: columns.collect(), table })
}

type Limited = fn(&str) -> DbError;

/// Fragments of messages and what they mean; the first that is found decides.
#[rustfmt::skip]
const LIMITS: &[(&str, Limited)] = &[
    ("cannot store",                |text| DbError::Datatype(text.to_string())),
    ("datatype mismatch",           |text| DbError::Datatype(text.to_string())),
    ("too big",                     |_|    DbError::TooLarge),
    ("statement too long",          |_|    DbError::TooLarge),
    ("Expression tree is too large",|text| DbError::TooComplex(text.to_string())),
    ("nested too deep",             |text| DbError::TooComplex(text.to_string())),
    ("too many",                    |text| DbError::TooComplex(text.to_string())),
    ("pattern too complex",         |text| DbError::TooComplex(text.to_string())),
    ("parser stack overflow",       |text| DbError::TooComplex(text.to_string())),
    ("malformed JSON",              |_|    DbError::MalformedJson),
    ("integer overflow",            |_|    DbError::IntegerOverflow),
    ("overloaded",                  |text| DbError::Overloaded(text.to_string())),
    ("Network connection lost",     |text| DbError::Overloaded(text.to_string())),
    ("storage caused object to be reset", |text| DbError::Overloaded(text.to_string())),
    ("database is locked",          |text| DbError::Overloaded(text.to_string())),
    ("timeout",                     |text| DbError::Timeout(text.to_string())),
    ("timed out",                   |text| DbError::Timeout(text.to_string())),
];

fn limit(text: &str) -> Option<DbError> {
    LIMITS.iter().find(|(fragment, _)| text.contains(fragment)).map(|(_, error)| error(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_sqlite_and_d1_are_told_apart() {
        let unique = |table: &str, columns: &[&str]| DbError::Unique {
            table: table.into(),
            columns: columns.iter().map(ToString::to_string).collect(),
        };
        let rows = [
            (
                "D1_ERROR: UNIQUE constraint failed: p.id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)",
                unique("p", &["id"]),
            ),
            ("UNIQUE constraint failed: auth.users.a, auth.users.b", unique("auth.users", &["a", "b"])),
            ("UNIQUE constraint failed: index 'c_lower'", unique("", &["c_lower"])),
            (
                "D1_ERROR: NOT NULL constraint failed: p.name: SQLITE_CONSTRAINT (extended: x)",
                DbError::NotNull { table: "p".into(), column: "name".into() },
            ),
            (
                "D1_ERROR: VIEWs and/or subqueries nested too deep: SQLITE_ERROR",
                DbError::TooComplex("VIEWs and/or subqueries nested too deep".into()),
            ),
            ("FOREIGN KEY constraint failed", DbError::ForeignKey),
            ("CHECK constraint failed: m_pos", DbError::Check("m_pos".into())),
            (
                "D1_ERROR: bad JSON path: 'edgeward!42501:it''s': SQLITE_ERROR",
                DbError::Raised("42501:it's".into()),
            ),
            (
                "D1_ERROR: edgeward!P0001:no way: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_TRIGGER)",
                DbError::Raised("P0001:no way".into()),
            ),
            (
                "D1_ERROR: near \"SELEC\": syntax error at offset 0: SQLITE_ERROR",
                DbError::Other("near \"SELEC\": syntax error at offset 0".into()),
            ),
        ];
        for (message, expected) in rows {
            assert_eq!(DbError::classify(message), expected, "{message}");
        }
    }
}
