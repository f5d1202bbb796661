//! Postgres types: their names, and how SQLite stores them.

use serde::{Deserialize, Serialize};

use super::Spatial;

/// A Postgres type. Serialised by its name: `"timestamptz"`, `"numeric(10,2)"`, `"text[]"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum DataType {
    /// `boolean`: INTEGER 0 or 1.
    Bool,
    /// `smallint`.
    Int2,
    /// `integer`.
    Int4,
    /// `bigint`.
    Int8,
    /// `numeric`, with precision and scale when declared: TEXT, canonical digits.
    Numeric(Option<(u32, u32)>),
    /// `real`.
    Float4,
    /// `double precision`.
    Float8,
    /// `text`.
    Text,
    /// `character varying(n)`.
    Varchar(Option<u32>),
    /// `character(n)`, blank-padded.
    Char(u32),
    /// `citext`.
    Citext,
    /// `uuid`: TEXT, lower case.
    Uuid,
    /// `timestamp with time zone`: TEXT, UTC, `2026-01-02T03:04:05.12+00:00`.
    Timestamptz,
    /// `timestamp without time zone`: TEXT, `2026-01-02T03:04:05.12`.
    Timestamp,
    /// `date`: TEXT, `2026-01-02`.
    Date,
    /// `time without time zone`: TEXT, `03:04:05.12`.
    Time,
    /// `interval`: TEXT, Postgres' own output form.
    Interval,
    /// `json`: TEXT, as sent.
    Json,
    /// `jsonb`: TEXT, normalised.
    Jsonb,
    /// `bytea`: BLOB.
    Bytea,
    /// `inet`: TEXT.
    Inet,
    /// `cidr`: TEXT.
    Cidr,
    /// `macaddr`: TEXT.
    Macaddr,
    /// A range type: TEXT, as Postgres prints it: `[1,5)`, `empty`.
    Range(Ranged),
    /// `tsvector`: TEXT, as Postgres prints it, or the recipe it is made by (`crate::text_search`).
    Tsvector,
    /// `tsquery`, inside of expressions only: TEXT, its clauses (`crate::text_search`).
    Tsquery,
    /// PostGIS' `geometry` and `geography`: TEXT, a JSON array of the forms they go out in.
    Geometry(Spatial),
    /// An array: TEXT, a JSON array of the element's JSON forms.
    Array(Box<DataType>),
    /// An enum, by its physical name: TEXT.
    Enum(String),
}

/// What a range is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Ranged {
    Int4,
    Int8,
    Numeric,
    Timestamp,
    Timestamptz,
    Date,
}

impl Ranged {
    /// The type of the bounds.
    #[rustfmt::skip]
    pub fn element(self) -> DataType {
        match self {
            Self::Int4        => DataType::Int4,
            Self::Int8        => DataType::Int8,
            Self::Numeric     => DataType::Numeric(None),
            Self::Timestamp   => DataType::Timestamp,
            Self::Timestamptz => DataType::Timestamptz,
            Self::Date        => DataType::Date,
        }
    }

    /// Whether each value has a next one, so that bounds have one form: `[` and `)`.
    pub fn is_discrete(self) -> bool {
        matches!(self, Self::Int4 | Self::Int8 | Self::Date)
    }
}

/// SQLite's storage classes that STRICT tables have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// 64-bit integers.
    Integer,
    /// Doubles.
    Real,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Blob,
}

/// Names without a length: every spelling → type → the name in messages and `format_type()`.
/// The first row of a type has its short name.
#[rustfmt::skip]
const NAMES: &[(&str, DataType, &str)] = &[
    ("bool",                        DataType::Bool,          "boolean"),
    ("boolean",                     DataType::Bool,          "boolean"),
    ("int2",                        DataType::Int2,          "smallint"),
    ("smallint",                    DataType::Int2,          "smallint"),
    ("int4",                        DataType::Int4,          "integer"),
    ("int",                         DataType::Int4,          "integer"),
    ("integer",                     DataType::Int4,          "integer"),
    ("int8",                        DataType::Int8,          "bigint"),
    ("bigint",                      DataType::Int8,          "bigint"),
    ("numeric",                     DataType::Numeric(None), "numeric"),
    ("decimal",                     DataType::Numeric(None), "numeric"),
    ("float4",                      DataType::Float4,        "real"),
    ("real",                        DataType::Float4,        "real"),
    ("float8",                      DataType::Float8,        "double precision"),
    ("float",                       DataType::Float8,        "double precision"),
    ("double precision",            DataType::Float8,        "double precision"),
    ("text",                        DataType::Text,          "text"),
    ("varchar",                     DataType::Varchar(None), "character varying"),
    ("character varying",           DataType::Varchar(None), "character varying"),
    ("bpchar",                      DataType::Char(1),       "character"),
    ("char",                        DataType::Char(1),       "character"),
    ("character",                   DataType::Char(1),       "character"),
    ("citext",                      DataType::Citext,        "citext"),
    ("uuid",                        DataType::Uuid,          "uuid"),
    ("timestamptz",                 DataType::Timestamptz,   "timestamp with time zone"),
    ("timestamp with time zone",    DataType::Timestamptz,   "timestamp with time zone"),
    ("timestamp",                   DataType::Timestamp,     "timestamp without time zone"),
    ("timestamp without time zone", DataType::Timestamp,     "timestamp without time zone"),
    ("date",                        DataType::Date,          "date"),
    ("time",                        DataType::Time,          "time without time zone"),
    ("time without time zone",      DataType::Time,          "time without time zone"),
    ("interval",                    DataType::Interval,      "interval"),
    ("json",                        DataType::Json,          "json"),
    ("jsonb",                       DataType::Jsonb,         "jsonb"),
    ("bytea",                       DataType::Bytea,         "bytea"),
    ("inet",                        DataType::Inet,          "inet"),
    ("cidr",                        DataType::Cidr,          "cidr"),
    ("macaddr",                     DataType::Macaddr,       "macaddr"),
    ("tsvector",                    DataType::Tsvector,      "tsvector"),
    ("tsquery",                     DataType::Tsquery,       "tsquery"),
    ("geometry",                    DataType::Geometry(Spatial::GEOMETRY),  "geometry"),
    ("geography",                   DataType::Geometry(Spatial::GEOGRAPHY), "geography"),
    ("int4range",                   DataType::Range(Ranged::Int4),        "int4range"),
    ("int8range",                   DataType::Range(Ranged::Int8),        "int8range"),
    ("numrange",                    DataType::Range(Ranged::Numeric),     "numrange"),
    ("tsrange",                     DataType::Range(Ranged::Timestamp),   "tsrange"),
    ("tstzrange",                   DataType::Range(Ranged::Timestamptz), "tstzrange"),
    ("daterange",                   DataType::Range(Ranged::Date),        "daterange"),
];

impl DataType {
    /// The type of a name, with or without length or `[]`; names are lower case. `None` for a name
    /// that is no built-in type (enums are looked up in the catalog by the caller).
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        if let Some(element) = name.strip_suffix("[]") {
            return Some(Self::Array(Box::new(Self::named(element)?)));
        }
        if let Some(element) = name.strip_prefix('_') {
            return Some(Self::Array(Box::new(Self::named(element)?)));
        }
        let (base, lengths) = match name.split_once('(') {
            Some((base, lengths)) => (base.trim(), Some(lengths.strip_suffix(')')?)),
            None => (name, None),
        };
        let plain = NAMES.iter().find(|(spelling, _, _)| *spelling == base).map(|(_, of, _)| of.clone())?;
        match lengths {
            None => Some(plain),
            Some(modifiers) if let Self::Geometry(of) = &plain => {
                of.with_modifiers(modifiers).map(Self::Geometry)
            }
            Some(lengths) => plain.with_lengths(lengths),
        }
    }

    fn with_lengths(self, lengths: &str) -> Option<Self> {
        let mut numbers = lengths.split(',').map(|number| number.trim().parse::<u32>());
        let first = numbers.next()?.ok()?;
        let second = numbers.next().transpose().ok()?;
        match self {
            Self::Numeric(_) => Some(Self::Numeric(Some((first, second.unwrap_or(0))))),
            Self::Varchar(_) => Some(Self::Varchar(Some(first))),
            Self::Char(_) => Some(Self::Char(first)),
            // A time's precision is kept at microseconds whatever was asked.
            Self::Timestamptz | Self::Timestamp | Self::Time => Some(self),
            _ => None,
        }
    }

    /// The short name, which [`Self::named`] reads back: `timestamptz`, `varchar(20)`, `text[]`.
    pub fn short_name(&self) -> String {
        match self {
            Self::Numeric(Some((precision, scale))) => format!("numeric({precision},{scale})"),
            Self::Varchar(Some(length)) => format!("varchar({length})"),
            Self::Char(length) => format!("char({length})"),
            Self::Array(element) => format!("{}[]", element.short_name()),
            Self::Enum(name) => format!("enum {name}"),
            Self::Geometry(of) => of.full_name(),
            plain => {
                NAMES.iter().find(|(_, of, _)| of == plain).map_or("text", |(name, _, _)| name).to_string()
            }
        }
    }

    /// The name in Postgres' messages: `timestamp with time zone`, `integer[]`.
    pub fn display_name(&self) -> String {
        match self {
            Self::Numeric(_) => "numeric".to_string(),
            Self::Varchar(_) => "character varying".to_string(),
            Self::Char(_) => "character".to_string(),
            Self::Array(element) => format!("{}[]", element.display_name()),
            Self::Enum(name) => name.rsplit('.').next().unwrap_or(name).to_string(),
            Self::Geometry(of) => of.name().to_string(),
            plain => {
                NAMES.iter().find(|(_, of, _)| of == plain).map_or("text", |(_, _, name)| name).to_string()
            }
        }
    }

    /// The declared type of the STRICT column that holds it.
    #[rustfmt::skip]
    pub fn storage(&self) -> Storage {
        match self {
            Self::Bool | Self::Int2 | Self::Int4 | Self::Int8 => Storage::Integer,
            Self::Float4 | Self::Float8                       => Storage::Real,
            Self::Bytea                                       => Storage::Blob,
            _                                                 => Storage::Text,
        }
    }
}

impl Storage {
    /// As DDL writes it.
    #[rustfmt::skip]
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Real    => "REAL",
            Self::Text    => "TEXT",
            Self::Blob    => "BLOB",
        }
    }
}

impl From<DataType> for String {
    fn from(data_type: DataType) -> Self {
        data_type.short_name()
    }
}

impl From<String> for DataType {
    fn from(name: String) -> Self {
        if let Some(element) = name.strip_suffix("[]") {
            return Self::Array(Box::new(Self::from(element.to_string())));
        }
        match name.strip_prefix("enum ") {
            Some(name) => Self::Enum(name.to_string()),
            None => Self::named(&name).unwrap_or(Self::Text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let names = [
            "bool",
            "int8",
            "numeric(10,2)",
            "varchar(20)",
            "char(3)",
            "timestamptz",
            "text[]",
            "int4[][]",
            "enum mood",
        ];
        for name in names {
            assert_eq!(DataType::from(name.to_string()).short_name(), name);
        }
        assert_eq!(DataType::named("timestamp with time zone"), Some(DataType::Timestamptz));
        assert_eq!(DataType::named("double precision"), Some(DataType::Float8));
        assert_eq!(DataType::named("_int4"), Some(DataType::Array(Box::new(DataType::Int4))));
        assert_eq!(DataType::named("vector"), None);
    }
}
