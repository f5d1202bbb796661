//! JSON on its way to text and to other types: `->>`, casts, members of records.

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::quote_literal;

impl Lowering<'_> {
    /// A JSON value as `->>` gives it: a string's text, NULL for null, any other as its JSON.
    pub fn json_text(&mut self, json: String, data_type: &DataType) -> Result<String, DialectError> {
        let is_binary = *data_type == DataType::Jsonb && self.place == super::Place::Query;
        self.once(json, |json| {
            let container = if is_binary { spaced(json) } else { format!("{json} || ''") };
            format!(
                "CASE json_type({json}) WHEN 'text' THEN {json} ->> '$' WHEN 'null' THEN NULL ELSE {container} END"
            )
        })
    }

    /// jsonb as text: with the spaces that Postgres puts after commas and colons.
    pub fn jsonb_to_text(&mut self, json: String) -> Result<String, DialectError> {
        self.only_in_queries("a cast from jsonb to text")?;
        self.once(json, |json| {
            format!("CASE json_type({json}) WHEN 'text' THEN {json} || '' ELSE {} END", spaced(json))
        })
    }

    /// A member of a JSON object as a value of a type, as `jsonb_to_record` reads it.
    pub fn json_member(&mut self, object: Piece, name: &str, to: &DataType) -> Result<String, DialectError> {
        let object = object.into_sql(self.catalog)?;
        let member = format!("({object} -> {})", quote_literal(&super::json::member_path(name)?));
        match to {
            DataType::Json => Ok(format!("({member} || '')")),
            DataType::Jsonb => Ok(format!("nullif({member}, 'null')")),
            DataType::Array(_) => Err(DialectError::unsupported("an array in a column definition list")),
            to => {
                let text = self.json_text(member, &DataType::Json)?;
                self.cast_text(text, to)
            }
        }
    }
}

/// Minified JSON with Postgres' spaces. The text is walked from quote to quote; escaped quotes and
/// backslashes are put aside as control characters, which JSON text has none of.
fn spaced(json: &str) -> String {
    let piece = "substr(rest, 1, instr(rest, '\"') - 1)";
    format!(
        "CASE WHEN instr({json}, ',') OR instr({json}, ':') THEN \
         (WITH RECURSIVE \"/text\"(rest, made, inside) AS (\
         SELECT replace(replace({json}, '\\\\', char(2)), '\\\"', char(1)) || '\"', '', 0 \
         UNION ALL SELECT substr(rest, instr(rest, '\"') + 1), \
         made || CASE inside WHEN 0 THEN replace(replace({piece}, ',', ', '), ':', ': ') ELSE '\"' || {piece} || '\"' END, 1 - inside \
         FROM \"/text\" WHERE rest <> '') \
         SELECT replace(replace(made, char(1), '\\\"'), char(2), '\\\\') FROM \"/text\" WHERE rest = '') \
         ELSE {json} || '' END"
    )
}
