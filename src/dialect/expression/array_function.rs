//! Functions of arrays.

use super::array::json_element;
use super::call::constant;
use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;

type Lowered = Result<Option<Piece>, DialectError>;

/// An array's SQL and the type of its elements.
fn array(piece: &Piece) -> Option<(String, DataType)> {
    match piece {
        Piece::Typed(sql, DataType::Array(element)) => Some((sql.clone(), element.as_ref().clone())),
        _ => None,
    }
}

/// An element in the form in which a JSON array of its type holds it, to be compared with
/// `json_each`'s `atom`; refused for types whose equality is not that of their text.
fn element(lowering: &mut Lowering<'_>, piece: &Piece, of: &DataType) -> Result<String, DialectError> {
    if matches!(
        of,
        DataType::Numeric(_)
            | DataType::Float4
            | DataType::Float8
            | DataType::Json
            | DataType::Jsonb
            | DataType::Bytea
            | DataType::Array(_)
            | DataType::Citext
            | DataType::Interval
    ) {
        return Err(DialectError::unsupported(format!("searching an array of {}", of.display_name())));
    }
    lowering.implicit(piece.clone(), of)
}

/// `array_length(array, 1)`, which is NULL for an empty one.
pub fn array_length(_: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    match pieces {
        [of, dimension] if constant(dimension) == Some(1) => Ok(array(of)
            .map(|(sql, _)| Piece::Typed(format!("nullif(json_array_length({sql}), 0)"), DataType::Int4))),
        [_, _] => Err(DialectError::unsupported("the length of an array's further dimensions")),
        _ => Ok(None),
    }
}

/// `cardinality`.
pub fn cardinality(_: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [of] = pieces else { return Ok(None) };
    Ok(array(of).map(|(sql, _)| Piece::Typed(format!("json_array_length({sql})"), DataType::Int4)))
}

/// `array_append`: to NULL too.
pub fn array_append(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [of, value] = pieces else { return Ok(None) };
    joined(lowering, of, value, false)
}

/// `array_prepend`.
pub fn array_prepend(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [value, of] = pieces else { return Ok(None) };
    joined(lowering, of, value, true)
}

fn joined(lowering: &mut Lowering<'_>, of: &Piece, value: &Piece, before: bool) -> Lowered {
    let Some((_, element)) = array(of) else { return Ok(None) };
    let sql = lowering.implicit(value.clone(), &element)?;
    let data_type = DataType::Array(Box::new(element.clone()));
    let one = Piece::Typed(format!("json_array({})", json_element(&sql, &element)?), data_type);
    match before {
        true => lowering.concatenate_arrays(one, of.clone()).map(Some),
        false => lowering.concatenate_arrays(of.clone(), one).map(Some),
    }
}

/// `array_cat`.
pub fn array_cat(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [one, other] = pieces else { return Ok(None) };
    lowering.concatenate_arrays(one.clone(), other.clone()).map(Some)
}

/// An element of `json_each` as an argument of `json_group_array`.
const ITEM: &str = "json(CASE \"/item\".type WHEN 'text' THEN json_quote(\"/item\".value) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN 'null' ELSE \"/item\".value END)";

/// `array_remove`.
pub fn array_remove(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Lowered {
    let [of, value] = pieces else { return Ok(None) };
    let Some((sql, data_type)) = array(of) else { return Ok(None) };
    lowering.only_in_queries(name)?;
    let value = element(lowering, value, &data_type)?;
    let sql = lowering.bound(vec![sql, value], |names| match names {
        [array, value] => format!(
            "CASE WHEN {array} IS NOT NULL THEN (SELECT json_group_array({ITEM}) FROM json_each({array}) AS \"/item\" WHERE \"/item\".value IS NOT {value}) END"
        ),
        _ => String::new(),
    })?;
    Ok(Some(Piece::Typed(sql, DataType::Array(Box::new(data_type)))))
}

/// `array_replace`.
pub fn array_replace(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Lowered {
    let [of, from, to] = pieces else { return Ok(None) };
    let Some((sql, data_type)) = array(of) else { return Ok(None) };
    lowering.only_in_queries(name)?;
    let from = element(lowering, from, &data_type)?;
    let to = element(lowering, to, &data_type)?;
    let put = json_element("{to}", &data_type)?;
    let sql = lowering.bound(vec![sql, from, to], |names| match names {
        [array, from, to] => format!(
            "CASE WHEN {array} IS NOT NULL THEN (SELECT json_group_array(json(CASE WHEN \"/item\".value IS {from} THEN json_quote({}) ELSE {ITEM} END)) FROM json_each({array}) AS \"/item\") END",
            put.replace("{to}", to)
        ),
        _ => String::new(),
    })?;
    Ok(Some(Piece::Typed(sql, DataType::Array(Box::new(data_type)))))
}

/// `array_position`: counted from 1, NULL when it is not there.
pub fn array_position(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Lowered {
    let [of, value] = pieces else { return Ok(None) };
    let Some((sql, data_type)) = array(of) else { return Ok(None) };
    lowering.only_in_queries(name)?;
    let value = element(lowering, value, &data_type)?;
    let sql = lowering.bound(vec![sql, value], |names| match names {
        [array, value] => format!(
            "(SELECT min(\"/item\".key) + 1 FROM json_each({array}) AS \"/item\" WHERE \"/item\".value IS {value})"
        ),
        _ => String::new(),
    })?;
    Ok(Some(Piece::Typed(sql, DataType::Int4)))
}

/// `array_to_string`: NULL elements are left out, or shown as the third argument.
pub fn array_to_string(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Lowered {
    let (of, separator, null) = match pieces {
        [of, separator] => (of, separator, None),
        [of, separator, null] => (of, separator, Some(null)),
        _ => return Ok(None),
    };
    let Some((sql, data_type)) = array(of) else { return Ok(None) };
    lowering.only_in_queries(name)?;
    let item = match data_type {
        DataType::Numeric(_) => "(\"/item\".json -> ('$[' || \"/item\".key || ']')) || ''",
        DataType::Float4
        | DataType::Float8
        | DataType::Json
        | DataType::Jsonb
        | DataType::Bytea
        | DataType::Array(_) => {
            return Err(DialectError::unsupported(format!(
                "array_to_string() of {}[]",
                data_type.display_name()
            )));
        }
        _ => "\"/item\".value",
    };
    // A boolean's text is its output form here, not that of a cast.
    let text = match data_type {
        DataType::Bool => format!("CASE {item} WHEN 1 THEN 't' WHEN 0 THEN 'f' END"),
        ref other => lowering.text_of(item.to_string(), other)?,
    };
    let item = match null {
        None => text,
        Some(null) => format!("coalesce({text}, {})", lowering.as_text(null.clone())?),
    };
    let separator = lowering.as_text(separator.clone())?;
    let sql = lowering.bound(vec![sql, separator], |names| match names {
        [array, separator] => format!(
            "CASE WHEN {array} IS NOT NULL AND {separator} IS NOT NULL THEN coalesce((SELECT group_concat({item}, {separator} ORDER BY \"/item\".key) FROM json_each({array}) AS \"/item\"), '') END"
        ),
        _ => String::new(),
    })?;
    Ok(Some(Piece::text(sql)))
}
