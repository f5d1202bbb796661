//! How a table is partitioned, and which rows are a partition's, as syntax says it and as a condition.

use sqlparser::ast::Expr;
use sqlparser::tokenizer::Token;

use super::ddl::in_row;
use crate::dialect::expression::Expression;
use crate::dialect::reader::Reader;
use crate::dialect::{DialectError, parse};
use crate::schema::{
    Catalog, DataType, PartitionBound as Bound, PartitionLimit as Limit, PartitionStrategy as Strategy,
    Partitioning, Table, Unique,
};
use crate::sql::{balanced, quote_identifier};

/// Reads `RANGE (created_at)`, what comes after `PARTITION BY`; the types are found with [`check_keys`].
pub fn read_partitioning(reader: &mut Reader<'_>) -> Result<Partitioning, DialectError> {
    let strategy = match reader.name()?.as_str() {
        "range" => Strategy::Range,
        "list" => Strategy::List,
        "hash" => Strategy::Hash,
        other => {
            let message = format!("unrecognized partitioning strategy \"{other}\"");
            return Err(DialectError::new("42P17", message));
        }
    };
    let mut keys = Vec::new();
    for mut element in reader.parenthesised()?.list() {
        let text = element.text_left().to_string();
        let is_expression = element.peek() == Some(&Token::LParen) || text.ends_with(')');
        if is_expression {
            parse::expression(&text)?;
            keys.push(text);
            continue;
        }
        keys.push(quote_identifier(&element.name()?));
        if !element.is_done() {
            return Err(DialectError::unsupported("COLLATE and operator classes in PARTITION BY"));
        }
    }
    if keys.is_empty() {
        return Err(reader.syntax());
    }
    if strategy == Strategy::List && keys.len() > 1 {
        let message = "cannot use \"list\" partition strategy with more than one column";
        return Err(DialectError::new("42P17", message));
    }
    Ok(Partitioning { strategy, keys, types: Vec::new(), partitions: Vec::new(), guards: Vec::new() })
}

/// Finds the keys' types, and refuses keys that Postgres refuses and uniqueness that partitions could not keep.
pub fn check_keys(catalog: &Catalog, table: &mut Table) -> Result<(), DialectError> {
    let Some(mut of) = table.partitioning.clone() else { return Ok(()) };
    of.types.clear();
    for key in &of.keys {
        if let Some(column) = table.columns.iter().find(|column| quote_identifier(&column.name) == *key)
            && column.generated.is_some()
        {
            return Err(DialectError::new("42P17", "cannot use generated column in partition key"));
        }
        let piece = in_row(catalog, table, "a partition key", |lowering| {
            lowering.lower(&Expression::parse(key)?.0)?.resolved(catalog)
        });
        let (_, data_type) = piece.map_err(|error| match error.code {
            "42703" => {
                let name = key.trim_matches('"');
                DialectError::new("42703", format!("column \"{name}\" named in partition key does not exist"))
            }
            _ => error,
        })?;
        if of.strategy == Strategy::Range && !has_one_order(&data_type) {
            return Err(DialectError::unsupported(format!(
                "PARTITION BY RANGE over {}",
                data_type.display_name()
            ))
            .with_hint("Its order depends on a collation."));
        }
        of.types.push(cast_name(catalog, &data_type)?);
    }
    if !table.exclusions.is_empty() {
        let message = "exclusion constraints are not supported on partitioned tables";
        return Err(DialectError::new("0A000", message));
    }
    for unique in &table.uniques {
        check_unique(table, &of, unique, "UNIQUE")?;
    }
    if let Some(key) = &table.primary_key {
        check_unique(table, &of, key, "PRIMARY KEY")?;
    }
    table.partitioning = Some(of);
    Ok(())
}

/// Refuses uniqueness over rows of several partitions, as Postgres must.
pub fn check_unique(
    table: &Table,
    of: &Partitioning,
    unique: &Unique,
    kind: &str,
) -> Result<(), DialectError> {
    for key in &of.keys {
        let Some(column) = table.columns.iter().find(|column| quote_identifier(&column.name) == *key) else {
            let message = format!("unsupported {kind} constraint with partition key definition");
            return Err(DialectError::new("0A000", message).with_hint(format!(
                "{kind} constraints cannot be used when partition keys include expressions."
            )));
        };
        if !unique.columns.contains(&column.name) {
            let message = "unique constraint on partitioned table must include all partitioning columns";
            return Err(DialectError::new("0A000", message).with_hint(format!(
                "{kind} constraint on table \"{}\" lacks column \"{}\" which is part of the partition key.",
                table.name, column.name
            )));
        }
    }
    Ok(())
}

/// Whether Postgres and SQLite order the type alike whatever the collation.
fn has_one_order(of: &DataType) -> bool {
    use DataType as Of;
    matches!(
        of,
        Of::Int2
            | Of::Int4
            | Of::Int8
            | Of::Numeric(_)
            | Of::Date
            | Of::Timestamp
            | Of::Timestamptz
            | Of::Time
            | Of::Uuid
            | Of::Bool
    )
}

fn cast_name(catalog: &Catalog, of: &DataType) -> Result<String, DialectError> {
    match of {
        DataType::Enum(name) => match catalog.enums.get(name) {
            Some(of) => Ok(format!("{}.{}", quote_identifier(&of.schema), quote_identifier(&of.name))),
            None => Ok(quote_identifier(name)),
        },
        DataType::Array(_) | DataType::Json | DataType::Jsonb | DataType::Range(_) | DataType::Char(_) => {
            Err(DialectError::unsupported(format!("PARTITION BY over {}", of.display_name())))
        }
        plain => Ok(plain.short_name()),
    }
}

impl Partitioning {
    /// The condition, in Postgres' words, under which a row is a partition's.
    pub fn condition(&self, bound: &Bound) -> String {
        let key = self.keys.first().map_or("", String::as_str);
        match bound {
            Bound::Default => {
                let others = self.partitions.iter().filter(|of| of.bound != Bound::Default);
                let others: Vec<String> = others.map(|of| self.condition(&of.bound)).collect();
                if others.is_empty() {
                    "true".to_string()
                } else {
                    format!("NOT ({})", balanced(others, " OR "))
                }
            }
            Bound::Range(from, to) => {
                let present = self.keys.iter().map(|key| format!("({key}) IS NOT NULL")).collect();
                let present = balanced(present, " AND ");
                let row: Vec<Limit> = self.keys.iter().map(|key| Limit::Value(format!("({key})"))).collect();
                format!("({present} AND NOT {} AND {})", less(&row, from), less(&row, to))
            }
            Bound::List(values, has_null) => {
                let in_list = format!("(({key}) IS NOT NULL AND ({key}) IN ({}))", values.join(", "));
                match (values.is_empty(), has_null) {
                    (true, _) => format!("(({key}) IS NULL)"),
                    (false, true) => format!("(({key}) IS NULL OR {in_list})"),
                    (false, false) => in_list,
                }
            }
            Bound::Hash(..) => "true".to_string(),
        }
    }

    /// Whether the hash partitions take every row.
    pub fn is_complete(&self) -> bool {
        let most = self.moduli().max().unwrap_or(1);
        self.moduli().map(|modulus| most / modulus).sum::<u32>() == most
    }

    fn moduli(&self) -> impl Iterator<Item = u32> {
        self.partitions.iter().map(|of| match of.bound {
            Bound::Hash(modulus, _) => modulus,
            _ => 1,
        })
    }

    /// Whether a column is part of the key.
    pub fn names_column(&self, table: &Table, column: &str) -> Result<bool, DialectError> {
        for key in &self.keys {
            if super::constraint::named_columns(table, key)?.iter().any(|name| name == column) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether one bound is before another, column by column.
pub fn less(one: &[Limit], other: &[Limit]) -> String {
    match (one.first(), other.first()) {
        (Some(Limit::Value(a)), Some(Limit::Value(b))) if one.len() == 1 => format!("({a} < {b})"),
        (Some(Limit::Value(a)), Some(Limit::Value(b))) => {
            let rest = less(one.get(1..).unwrap_or_default(), other.get(1..).unwrap_or_default());
            format!("({a} < {b} OR ({a} = {b} AND {rest}))")
        }
        (Some(a), Some(b)) if a != b && (*a == Limit::Least || *b == Limit::Most) => "true".to_string(),
        _ => "false".to_string(),
    }
}

/// Reads `FOR VALUES …` or `DEFAULT` for a partition of a name.
pub fn read_bound(table: &Table, name: &str, reader: &mut Reader<'_>) -> Result<Bound, DialectError> {
    let Some(of) = &table.partitioning else { return Err(reader.syntax()) };
    if reader.takes("DEFAULT") {
        if of.strategy == Strategy::Hash {
            let message = "a hash-partitioned table may not have a default partition";
            return Err(DialectError::new("42P16", message));
        }
        return Ok(Bound::Default);
    }
    reader.wants("FOR VALUES")?;
    let bound = if reader.takes("FROM") {
        let from = limits(of, reader.parenthesised()?)?;
        reader.wants("TO")?;
        Bound::Range(from, limits(of, reader.parenthesised()?)?)
    } else if reader.takes("IN") {
        let (mut values, mut has_null) = (Vec::new(), false);
        for element in reader.parenthesised()?.list() {
            match constant(of, 0, element)? {
                Some(value) => values.push(value),
                None => has_null = true,
            }
        }
        Bound::List(values, has_null)
    } else if reader.takes("WITH") {
        let list = reader.parenthesised()?;
        Bound::Hash(hash_number("modulus", list)?, hash_number("remainder", list)?)
    } else {
        return Err(reader.syntax());
    };
    let fits = match (&bound, of.strategy) {
        (Bound::Range(from, to), Strategy::Range) => {
            if from.len() != of.keys.len() || to.len() != of.keys.len() {
                let message = "FROM must specify exactly one value per partitioning column";
                return Err(DialectError::new("42P16", message));
            }
            true
        }
        (Bound::List(..), Strategy::List) => true,
        (Bound::Hash(modulus, remainder), Strategy::Hash) => {
            if *modulus == 0 || remainder >= modulus {
                let message = "remainder for hash partition must be less than modulus";
                return Err(DialectError::new("42P16", message));
            }
            true
        }
        _ => false,
    };
    if !fits {
        let kind = match of.strategy {
            Strategy::Range => "range",
            Strategy::List => "list",
            Strategy::Hash => "hash",
        };
        return Err(DialectError::new(
            "42P16",
            format!("invalid bound specification for a {kind} partition"),
        )
        .with_hint(format!("The partition is \"{name}\".")));
    }
    Ok(bound)
}

fn limits(of: &Partitioning, list: Reader<'_>) -> Result<Vec<Limit>, DialectError> {
    let mut limits = Vec::new();
    for (index, mut element) in list.list().into_iter().enumerate() {
        let limit = if element.takes("MINVALUE") {
            Limit::Least
        } else if element.takes("MAXVALUE") {
            Limit::Most
        } else {
            let null = || DialectError::new("42P17", "cannot specify NULL in range bound");
            Limit::Value(constant(of, index, element)?.ok_or_else(null)?)
        };
        limits.push(limit);
    }
    Ok(limits)
}

/// A constant of a key's type; `None` for NULL.
fn constant(of: &Partitioning, index: usize, element: Reader<'_>) -> Result<Option<String>, DialectError> {
    let expression = parse::expression_of(element.tokens_left())?;
    if matches!(&expression, Expr::Value(value) if value.value == sqlparser::ast::Value::Null) {
        return Ok(None);
    }
    if !is_constant(&expression) {
        return Err(
            DialectError::unsupported("a computed partition bound").with_hint("Write the value itself.")
        );
    }
    let data_type = of.types.get(index).map_or("text", String::as_str);
    Ok(Some(format!("(({})::{data_type})", element.text_left())))
}

fn is_constant(of: &Expr) -> bool {
    match of {
        Expr::Value(_) | Expr::TypedString(_) => true,
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::UnaryOp { expr: inner, .. } => {
            is_constant(inner)
        }
        _ => false,
    }
}

fn hash_number(word: &str, list: Reader<'_>) -> Result<u32, DialectError> {
    for mut element in list.list() {
        if element.name()? == word {
            element.takes_token(&Token::Eq);
            if let Some(Token::Number(digits, _)) = element.next() {
                return digits.parse().map_err(|_| element.syntax());
            }
            return Err(element.syntax());
        }
    }
    Err(DialectError::new("42601", format!("{word} for hash partition must be specified")))
}
