//! Which type a name means, and the one that two types have in common.

use sqlparser::ast;

use crate::dialect::{DialectError, name};
use crate::schema::{Catalog, DataType, Spatial};
use crate::sql::physical_name;

/// Types between which comparison needs no cast asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Numbers, by how wide they are: int2, int4, int8, numeric, float4, float8.
    Number(u8),
    /// Text and what is text.
    Text,
    /// Dates and timestamps: date, timestamp, timestamptz.
    Time(u8),
    /// `json` and `jsonb`.
    Json,
    /// Arrays.
    Array,
    /// `geometry` and `geography`.
    Geometry,
    /// A type that meets only itself.
    Other,
}

impl Family {
    /// Whether numbers of all kinds meet here.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Number(_))
    }

    /// Whether dates and timestamps meet here.
    pub fn is_time(self) -> bool {
        matches!(self, Self::Time(_))
    }
}

/// The family of a type.
#[rustfmt::skip]
pub fn family(data_type: &DataType) -> Family {
    match data_type {
        DataType::Int2                   => Family::Number(0),
        DataType::Int4                   => Family::Number(1),
        DataType::Int8                   => Family::Number(2),
        DataType::Numeric(_)             => Family::Number(3),
        DataType::Float4                 => Family::Number(4),
        DataType::Float8                 => Family::Number(5),
        DataType::Text | DataType::Varchar(_) | DataType::Char(_) | DataType::Citext => Family::Text,
        DataType::Date                   => Family::Time(0),
        DataType::Timestamp              => Family::Time(1),
        DataType::Timestamptz            => Family::Time(2),
        DataType::Json | DataType::Jsonb => Family::Json,
        DataType::Array(_)               => Family::Array,
        DataType::Geometry(_)            => Family::Geometry,
        _                                => Family::Other,
    }
}

/// The type both become where Postgres needs one, or `None` when it finds none.
pub fn common_type(one: &DataType, other: &DataType) -> Option<DataType> {
    if one == other {
        return Some(one.clone());
    }
    match (family(one), family(other)) {
        (Family::Number(a), Family::Number(b)) => Some(match a.max(b) {
            3 => DataType::Numeric(None),
            _ if a >= b => one.clone(),
            _ => other.clone(),
        }),
        (Family::Time(a), Family::Time(b)) => Some(if a >= b { one.clone() } else { other.clone() }),
        (Family::Geometry, Family::Geometry) => match (one, other) {
            (DataType::Geometry(one), DataType::Geometry(other))
                if one.is_geography || other.is_geography =>
            {
                Some(DataType::Geometry(Spatial::GEOGRAPHY))
            }
            _ => Some(DataType::Geometry(Spatial::GEOMETRY)),
        },
        (Family::Text, Family::Text) => match (one, other) {
            (DataType::Char(_), DataType::Char(_)) => Some(one.clone()),
            _ => Some(DataType::Text),
        },
        (Family::Array, Family::Array) => match (one, other) {
            (DataType::Array(one), DataType::Array(other)) => {
                let common = common_type(one, other)?;
                (family(one) == Family::Text).then(|| DataType::Array(Box::new(common)))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The type that syntax names, and the domain where it names one: the type is that under it.
pub fn declared_type(
    catalog: &Catalog,
    data_type: &ast::DataType,
) -> Result<(DataType, Option<String>), DialectError> {
    if let ast::DataType::Custom(object, modifiers) = data_type
        && modifiers.is_empty()
        && let Ok((schema, name)) = name::qualified(object)
        && let Some(domain) = catalog.domains.get(&physical_name(&schema, &name))
    {
        return Ok((domain.data_type.clone(), Some(physical_name(&schema, &name))));
    }
    Ok((named_type(catalog, data_type)?, None))
}

/// The type that syntax names, where it may not be a domain.
pub fn named_type(catalog: &Catalog, data_type: &ast::DataType) -> Result<DataType, DialectError> {
    if let ast::DataType::Array(
        ast::ArrayElemTypeDef::SquareBracket(element, _)
        | ast::ArrayElemTypeDef::AngleBracket(element)
        | ast::ArrayElemTypeDef::Parenthesis(element),
    ) = data_type
    {
        // Postgres ignores how many dimensions were declared.
        return Ok(match named_type(catalog, element)? {
            array @ DataType::Array(_) => array,
            DataType::Geometry(of) => {
                return Err(DialectError::unsupported(format!("an array of {}", of.name())));
            }
            element => DataType::Array(Box::new(element)),
        });
    }
    if let ast::DataType::Custom(object, modifiers) = data_type {
        let parts = name::parts(object)?;
        let plain = match parts.as_slice() {
            [name] => Some(name),
            [schema, name] if matches!(schema.as_str(), "pg_catalog" | "extensions" | "gis") => Some(name),
            _ => None,
        };
        if matches!(plain, Some(name) if name == "regconfig" || name == "regclass") {
            return Ok(DataType::Text);
        }
        let lengths = if modifiers.is_empty() { String::new() } else { format!("({})", modifiers.join(",")) };
        if let Some(found) = plain.and_then(|name| DataType::named(&format!("{name}{lengths}"))) {
            return Ok(found);
        }
        let (schema, name) = name::qualified(object)?;
        if catalog.enumeration(&schema, &name).is_some() {
            return Ok(DataType::Enum(physical_name(&schema, &name)));
        }
        if catalog.domains.contains_key(&physical_name(&schema, &name)) {
            return Err(DialectError::unsupported(format!("the domain {name} here"))
                .with_hint("Columns, casts and functions' arguments may be of a domain."));
        }
        return Err(unknown_type(&parts.join(".")));
    }
    let text = data_type.to_string().to_lowercase();
    // Names of text search configurations and of sequences.
    if text == "regconfig" || text == "regclass" {
        return Ok(DataType::Text);
    }
    if text.starts_with("time") && text.contains('(') && !text.contains("(6)") {
        return Err(DialectError::unsupported(format!("the precision of {text}"))
            .with_hint("Times are kept to the microsecond; leave the precision out."));
    }
    let text = text.replace("(6)", "");
    DataType::named(&text).ok_or_else(|| unknown_type(&text))
}

/// A type that exists in Postgres and not here, or nowhere.
fn unknown_type(name: &str) -> DialectError {
    #[rustfmt::skip]
    const KNOWN_TO_POSTGRES: &[&str] = &[
        "money", "bit", "varbit", "bit varying", "xml", "point", "line", "lseg", "box", "path", "polygon",
        "circle", "macaddr8", "int4multirange", "int8multirange", "nummultirange", "tsmultirange",
        "tstzmultirange", "datemultirange", "oid", "name", "hstore", "ltree", "vector",
        "geometry", "geography", "timetz", "time with time zone",
    ];
    let base = name.split('(').next().unwrap_or(name).trim();
    let base = base.rsplit('.').next().unwrap_or(base);
    if KNOWN_TO_POSTGRES.contains(&base) {
        return DialectError::unsupported(format!("the type {name}"));
    }
    DialectError::new("42704", format!("type \"{name}\" does not exist"))
}
