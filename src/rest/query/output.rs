//! How each Postgres type goes out: a SQL expression whose value inside `json_object` is what
//! Postgres' `to_json` prints.

use super::Builder;
use super::filter::json_place;
use crate::dialect::lower_cast;
use crate::rest::error::RestError;
use crate::rest::plan::{Embed, Node, Operand, OperandKind, Output, is_plain_cast};
use crate::schema::{DataType, feature_geometry, json_value};
use crate::sql::{quote_identifier, quote_literal};

/// SQLite functions take at most 32 arguments on D1: 16 keys with their values.
const PAIRS: usize = 16;

/// One pair needs two arguments of `concat`, and the end one more.
const CHUNK: usize = 15;

/// A member of an object on its way out.
enum Member {
    /// A SQL value, still to be written as JSON.
    Value(String),
    /// JSON already, as text that is never NULL: `json_object` would have to read it once more.
    Text(String),
}

impl Member {
    fn sql(&self) -> &str {
        match self {
            Self::Value(sql) | Self::Text(sql) => sql,
        }
    }
}

impl Builder<'_> {
    /// One row of a relation as a JSON object; `row` is the row's quoted table or alias.
    pub fn object(&mut self, node: &Node<'_>, row: &str) -> Result<String, RestError> {
        let object = self.members(node, row)?;
        let aggregates_show = !node.aggregates.is_empty() && !node.embeds.iter().any(|embed| embed.spread);
        if !node.is_grouped() || aggregates_show {
            return Ok(object);
        }
        // SQLite takes a query for one of groups only where it sees an aggregate outside of subqueries.
        Ok(format!("CASE WHEN count(*) >= 0 THEN {object} END"))
    }

    fn members(&mut self, node: &Node<'_>, row: &str) -> Result<String, RestError> {
        let mut pairs = Vec::new();
        for field in &node.fields {
            let value = match field.operand.kind() {
                OperandKind::Column(DataType::Tsvector) if field.cast.is_none() => {
                    Member::Value(self.vector(node.table, &column(&field.operand, row), row))
                }
                OperandKind::Column(DataType::Bool) if field.cast.is_none() => {
                    Member::Text(truth(&column(&field.operand, row)))
                }
                _ => Member::Value(self.output(field, row)?),
            };
            pairs.push((field.key.as_str(), value));
        }
        for aggregate in &node.aggregates {
            pairs.push((aggregate.key.as_str(), Member::Value(self.aggregate(aggregate, node, row)?)));
        }
        let shown = || node.embeds.iter().filter(|embed| !embed.hidden);
        for embed in shown().filter(|embed| !embed.spread) {
            pairs.push((embed.key.as_str(), Member::Text(self.embed(embed, row)?)));
        }
        let mut spreads = Vec::new();
        for embed in shown().filter(|embed| embed.spread) {
            spreads.push(self.spread(embed, row)?);
        }
        if let Some(field) = node.geometry.and_then(|place| node.fields.get(place)) {
            return Ok(feature(pairs, &field.key, &column(&field.operand, row)));
        }
        if spreads.is_empty() {
            return Ok(object(&pairs));
        }
        // Objects become one by their texts, which keeps every digit and equal keys.
        if !pairs.is_empty() {
            spreads.insert(0, object(&pairs));
        }
        if spreads.len() > PAIRS {
            return Err(RestError::NotImplemented("more than 15 spread embeds are not supported".into()));
        }
        let members =
            |object: &String| format!("(SELECT substr(o, 2, length(o) - 2) FROM (SELECT {object} AS o))");
        let members: Vec<String> = spreads.iter().map(members).collect();
        Ok(format!("concat('{{', concat_ws(',', {}), '}}')", members.join(", ")))
    }

    /// A spread embed as one object: of a to-one embed its row, of a to-many embed an array for each key.
    pub(super) fn spread(&mut self, embed: &Embed<'_>, row: &str) -> Result<String, RestError> {
        let keys = embed.node.keys();
        if embed.relationship.to_one {
            let null = |key| (key, Member::Text("'null'".to_string()));
            let nulls: Vec<(&str, Member)> = keys.into_iter().map(null).collect();
            return Ok(format!("coalesce({}, {})", self.related_object(embed, row)?, object(&nulls)));
        }
        let arrays: Vec<(&str, Member)> = keys
            .into_iter()
            .map(|key| {
                let path = quote_literal(&format!("$.\"{key}\""));
                (key, Member::Text(format!("json_group_array(json(j -> {path}))")))
            })
            .collect();
        self.spread_rows(embed, row, &object(&arrays))
    }

    pub(super) fn output(&mut self, output: &Output<'_>, row: &str) -> Result<String, RestError> {
        let operand = &output.operand;
        if let Some(form) = output.form {
            return Ok(form.marked(&column(operand, row)));
        }
        if let Some(to) = &output.cast
            && !is_plain_cast(&operand.data_type(), to)
            && !matches!((operand.kind(), to), (OperandKind::Json, DataType::Text))
        {
            return self.cast_output(operand, to, row);
        }
        Ok(match (operand.kind(), &output.cast) {
            (OperandKind::Column(of), None) => json_value(of, &column(operand, row)),
            (OperandKind::Column(of), Some(to)) => json_value(to, &cast(of, to, &column(operand, row))),
            (OperandKind::JsonText, _) => self.json_text(operand, row),
            (OperandKind::Json, Some(DataType::Text)) => match json_place(&mut self.writer, operand, row) {
                Some((column, path)) => format!("({column} -> {path}) || ''"),
                None => "NULL".to_string(),
            },
            (OperandKind::Json, _) => match json_place(&mut self.writer, operand, row) {
                Some((column, path)) => format!("json({column} -> {path})"),
                None => "NULL".to_string(),
            },
        })
    }

    /// A value cast as SQL casts it.
    fn cast_output(&mut self, operand: &Operand<'_>, to: &DataType, row: &str) -> Result<String, RestError> {
        let value = match operand.kind() {
            OperandKind::Column(_) => column(operand, row),
            OperandKind::JsonText => self.json_text(operand, row),
            OperandKind::Json => match json_place(&mut self.writer, operand, row) {
                Some((column, path)) => format!("({column} -> {path})"),
                None => "NULL".to_string(),
            },
        };
        let catalog = self.catalog;
        let sql = lower_cast(&value, &operand.data_type(), to, catalog, &mut self.environment())?;
        Ok(json_value(to, &sql))
    }

    /// Numbers among JSON values by size, strings by their text.
    pub fn json_sort_key(&mut self, operand: &Operand<'_>, row: &str) -> String {
        match json_place(&mut self.writer, operand, row) {
            Some((column, path)) => format!("{column} ->> {path}"),
            None => "NULL".to_string(),
        }
    }

    /// `->>`: strings bare, everything else its JSON, null as NULL.
    pub fn json_text(&mut self, operand: &Operand<'_>, row: &str) -> String {
        match json_place(&mut self.writer, operand, row) {
            Some((column, path)) => format!(
                "CASE json_type({column}, {path}) WHEN 'null' THEN NULL WHEN 'text' THEN {column} ->> {path} ELSE ({column} -> {path}) || '' END"
            ),
            None => "NULL".to_string(),
        }
    }
}

/// The operand's column, qualified.
pub fn column(operand: &Operand<'_>, row: &str) -> String {
    [row, ".", &quote_identifier(&operand.column.name)].concat()
}

/// A boolean as JSON text.
fn truth(value: &str) -> String {
    format!("CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END")
}

/// An object's text: by `json_object` while nothing in it is JSON already and its arguments last, else put together by hand.
/// Written piece by piece: to format each member would be a tenth of the cost of preparing a read of one row.
fn object(pairs: &[(&str, Member)]) -> String {
    let are_values = pairs.iter().all(|(_, member)| matches!(member, Member::Value(_)));
    let mut sql = String::with_capacity(64 * pairs.len() + 16);
    if are_values && pairs.len() <= PAIRS {
        sql.push_str("json_object(");
        for (place, (key, member)) in pairs.iter().enumerate() {
            let before = if place == 0 { "" } else { ", " };
            sql.extend([before, &quote_literal(key), ", ", member.sql()]);
        }
        sql.push(')');
        return sql;
    }
    sql.push_str("concat(");
    if pairs.len() <= CHUNK {
        push_members(&mut sql, pairs, "{");
    } else {
        // At most 100 columns to a table make at most seven chunks.
        for (place, chunk) in pairs.chunks(CHUNK).enumerate() {
            sql.push_str(if place == 0 { "concat(" } else { ", concat(" });
            push_members(&mut sql, chunk, if place == 0 { "{" } else { "," });
            sql.push(')');
        }
    }
    sql.push_str(", '}')");
    sql
}

/// The arguments that make a part of an object's text, which begins with `before`.
fn push_members(sql: &mut String, pairs: &[(&str, Member)], before: &str) {
    for (place, (key, member)) in pairs.iter().enumerate() {
        if place > 0 {
            sql.push_str(", ");
        }
        push_key(sql, if place == 0 { before } else { "," }, key);
        match member {
            Member::Value(value) => sql.extend([", json_quote(", value, ")"]),
            Member::Text(text) => sql.extend([", ", text]),
        }
    }
}

/// A member's key as a literal, with what stands before it: `',"title":'`.
fn push_key(sql: &mut String, before: &str, key: &str) {
    if key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return sql.extend(["'", before, "\"", key, "\":'"]);
    }
    sql.push_str(&quote_literal(&format!("{before}{}:", serde_json::Value::from(key))));
}

/// A feature of GeoJSON: its geometry, and everything else as its properties.
fn feature(mut pairs: Vec<(&str, Member)>, key: &str, geometry: &str) -> String {
    if let Some(place) = pairs.iter().position(|(of, _)| *of == key) {
        pairs.remove(place);
    }
    let properties = object(&pairs);
    let geometry = format!("json(coalesce({}, '{{\"type\":null}}'))", feature_geometry(geometry));
    format!("json_object('type', 'Feature', 'geometry', {geometry}, 'properties', json({properties}))")
}

/// A value of one type as the stored form of another; the plan lets through only what is here.
pub fn cast(from: &DataType, to: &DataType, value: &str) -> String {
    if *to == DataType::Date && from != to {
        return format!("substr({value}, 1, 10)");
    }
    if !matches!(to, DataType::Text | DataType::Varchar(_)) {
        return if matches!(to, DataType::Numeric(_)) && from != to {
            format!("CAST({value} AS TEXT)")
        } else {
            value.to_string()
        };
    }
    match from {
        DataType::Bool => format!("CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"),
        DataType::Int2 | DataType::Int4 | DataType::Int8 => format!("CAST({value} AS TEXT)"),
        DataType::Float4 | DataType::Float8 => format!(
            "CASE {value} WHEN 9e999 THEN 'Infinity' WHEN -9e999 THEN '-Infinity' ELSE {} || '' END",
            json_value(from, value)
        ),
        DataType::Timestamp => format!("replace({value}, 'T', ' ')"),
        DataType::Timestamptz => format!("replace(replace({value}, 'T', ' '), '+00:00', '+00')"),
        DataType::Char(_) => format!("rtrim({value}, ' ')"),
        DataType::Geometry(_) => format!("{value} ->> '$[0]'"),
        _ => value.to_string(),
    }
}
