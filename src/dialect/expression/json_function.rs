//! Functions that make and change JSON.

use super::json_path::{Step, path_sql};
use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::{DataType, json_value};
use crate::sql::raise;

type Lowered = Result<Option<Piece>, DialectError>;

fn json_type(name: &str) -> DataType {
    if name.starts_with("jsonb") { DataType::Jsonb } else { DataType::Json }
}

/// `json_build_object(key, value, …)`. jsonb keeps keys by length and then bytes, the last of equal ones.
pub fn build_object(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Lowered {
    if !pieces.len().is_multiple_of(2) {
        return Err(DialectError::new("22023", "argument list must have even number of elements")
            .with_hint(format!("The arguments of {name}() must consist of alternating keys and values.")));
    }
    let mut pairs: Vec<(Piece, Piece)> = Vec::new();
    for pair in pieces.chunks(2) {
        let [key, value] = pair else { continue };
        if *key == Piece::Null {
            return Err(DialectError::new("22023", "argument 1: key must not be null"));
        }
        pairs.push((key.clone(), value.clone()));
    }
    let literal = |piece: &Piece| match piece {
        Piece::Unknown(text) => Some(text.clone()),
        _ => None,
    };
    if name.starts_with("jsonb") && pairs.iter().all(|(key, _)| literal(key).is_some()) {
        let mut sorted: Vec<(Piece, Piece)> = Vec::new();
        for (key, value) in pairs {
            sorted.retain(|(other, _)| *other != key);
            sorted.push((key, value));
        }
        sorted.sort_by_key(|(key, _)| literal(key).map(|key| (key.len(), key)));
        pairs = sorted;
    }
    let flat: Vec<Piece> = pairs.into_iter().flat_map(|(key, value)| [key, value]).collect();
    Ok(Some(Piece::Typed(lowering.json_object(&flat)?, json_type(name))))
}

/// `json_build_array(value, …)`.
pub fn build_array(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Lowered {
    let mut items = Vec::new();
    for piece in pieces {
        let (sql, data_type) = piece.clone().resolved(lowering.catalog)?;
        items.push(json_value(&data_type, &sql));
    }
    Ok(Some(Piece::Typed(super::array::json_array(&items), json_type(name))))
}

/// `jsonb_set(target, path, value [, create])`: nothing changes where the path's last but one is not there.
pub fn set(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let (target, path, value, creates) = match pieces {
        [target, path, value] => (target, path, value, true),
        [target, path, value, Piece::Typed(flag, DataType::Bool)] if matches!(flag.as_str(), "0" | "1") => {
            (target, path, value, flag == "1")
        }
        [_, _, _, _] => return Err(DialectError::unsupported("jsonb_set() with a flag that is no literal")),
        _ => return Ok(None),
    };
    let steps = Step::of_path(lowering, path)?;
    let Some((last, before)) = steps.split_last() else { return Ok(Some(target.clone())) };
    let target = lowering.implicit(target.clone(), &DataType::Jsonb)?;
    let value = lowering.implicit(value.clone(), &DataType::Jsonb)?;
    path_sql("x", &steps)?;
    let error = raise("'22023:cannot set path in scalar'");
    let is_item = matches!(last, Step::Either(_) | Step::Unknown(_));
    let sql = lowering.bound(vec![target, value], |names| match names {
        [target, value] => {
            let (parent, whole) =
                (path_sql(target, before).unwrap_or_default(), path_sql(target, &steps).unwrap_or_default());
            // Past an end of an array Postgres adds at that end, which only the far one is here.
            let outside = match last {
                Step::Either(index) if *index >= 0 => format!(
                    "WHEN json_type({target}, {parent}) = 'array' AND json_type({target}, {whole}) IS NULL THEN {}",
                    if creates { format!("json_set({target}, {parent} || '[#]', json({value}))") } else { target.clone() }
                ),
                _ if is_item => format!(
                    "WHEN json_type({target}, {parent}) = 'array' AND json_type({target}, {whole}) IS NULL THEN {}",
                    raise("'0A000:jsonb_set() before the start of an array is not supported'")
                ),
                _ => String::new(),
            };
            let named = match last {
                Step::Key(_) | Step::Name(_) => format!(
                    "WHEN json_type({target}, {parent}) = 'array' THEN {}",
                    raise("'22P02:path element is not an integer'")
                ),
                _ => String::new(),
            };
            let function = if creates { "json_set" } else { "json_replace" };
            format!(
                "CASE WHEN {target} IS NULL OR {value} IS NULL THEN NULL \
                 WHEN json_type({target}) NOT IN ('object', 'array') THEN {error} {named} {outside} \
                 WHEN json_type({target}, {parent}) IN ('object', 'array') THEN {function}({target}, {whole}, json({value})) \
                 ELSE {target} END"
            )
        }
        _ => String::new(),
    })?;
    Ok(Some(Piece::Typed(sql, DataType::Jsonb)))
}

/// `jsonb_strip_nulls`: of members, at any depth; inside of arrays it raises where there is one.
pub fn strip_nulls(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Lowered {
    let [value] = pieces else { return Ok(None) };
    lowering.only_in_queries(name)?;
    let json = lowering.implicit(value.clone(), &DataType::Jsonb)?;
    let error = raise("'0A000:jsonb_strip_nulls() of objects inside of arrays is not supported'");
    let sql = lowering.once(json, |json| {
        format!(
            "CASE WHEN EXISTS (SELECT 1 FROM json_tree({json}) AS \"/part\" WHERE \"/part\".type = 'null' AND instr(\"/part\".path, '[') AND typeof(\"/part\".key) = 'text') THEN {error} \
             WHEN json_type({json}) = 'object' THEN json_patch('{{}}', {json}) ELSE {json} END"
        )
    })?;
    Ok(Some(Piece::Typed(sql, DataType::Jsonb)))
}

/// `jsonb_extract_path(json, step, …)`, as text too.
pub fn extract_path(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Lowered {
    let [json, path @ ..] = pieces else { return Ok(None) };
    let mut steps = Vec::new();
    for step in path {
        steps.push(match step {
            Piece::Unknown(text) => Step::of_text(text.clone()),
            other => Step::Unknown(lowering.as_text(other.clone())?),
        });
    }
    let data_type = json_type(name);
    let json = lowering.implicit(json.clone(), &data_type)?;
    lowering.json_at(json, &steps, &data_type, name.ends_with("_text")).map(Some)
}

/// `||` of jsonb: members of both, the right ones where both have them; else items of both.
pub fn joined(lowering: &mut Lowering<'_>, left: &Piece, right: &Piece) -> Result<Piece, DialectError> {
    lowering.only_in_queries("|| of jsonb")?;
    let left = lowering.implicit(left.clone(), &DataType::Jsonb)?;
    let right = lowering.implicit(right.clone(), &DataType::Jsonb)?;
    let item = item("\"/entry\"");
    let sql = lowering.bound(vec![left, right], |names| match names {
        [left, right] => {
            let inside = |json: &str| {
                format!("CASE json_type({json}) WHEN 'array' THEN substr(json({json}), 2, length(json({json})) - 2) ELSE json({json}) END")
            };
            format!(
                "CASE WHEN {left} IS NULL OR {right} IS NULL THEN NULL \
                 WHEN json_type({left}) = 'object' AND json_type({right}) = 'object' THEN \
                 (SELECT json_group_object(\"/entry\".key, json(\"/entry\".item) ORDER BY octet_length(\"/entry\".key), \"/entry\".key) FROM (\
                 SELECT \"/entry\".key AS key, {item} AS item FROM json_each({left}) AS \"/entry\" WHERE \"/entry\".key NOT IN (SELECT \"/other\".key FROM json_each({right}) AS \"/other\") \
                 UNION ALL SELECT \"/entry\".key, {item} FROM json_each({right}) AS \"/entry\") AS \"/entry\") \
                 ELSE '[' || {} || CASE WHEN json({left}) = '[]' OR json({right}) = '[]' THEN '' ELSE ',' END || {} || ']' END",
                inside(left),
                inside(right)
            )
        }
        _ => String::new(),
    })?;
    Ok(Piece::Typed(sql, DataType::Jsonb))
}

/// `jsonb - key`, `jsonb - keys`, `jsonb - index`.
pub fn without(lowering: &mut Lowering<'_>, json: String, what: &Piece) -> Result<Piece, DialectError> {
    lowering.only_in_queries("- of jsonb")?;
    let item = item("\"/entry\"");
    let scalar = raise("'22023:cannot delete from scalar'");
    if let Some(DataType::Int2 | DataType::Int4) = what.data_type() {
        let object = raise("'22023:cannot delete from object using integer index'");
        let index = what.clone().into_sql(lowering.catalog)?;
        let sql = lowering.bound(vec![json, index], |names| match names {
            [json, index] => format!(
                "CASE WHEN {index} IS NULL THEN NULL ELSE CASE json_type({json}) WHEN 'object' THEN {object} \
                 WHEN 'array' THEN json_remove({json}, CASE WHEN {index} < 0 THEN '$[#' || {index} || ']' ELSE '$[' || {index} || ']' END) \
                 ELSE CASE WHEN {json} IS NOT NULL THEN {scalar} END END END"
            ),
            _ => String::new(),
        })?;
        return Ok(Piece::Typed(sql, DataType::Jsonb));
    }
    let keys = match what {
        Piece::Typed(sql, DataType::Array(_)) => sql.clone(),
        other => format!("json_array({})", lowering.as_text(other.clone())?),
    };
    let sql = lowering.bound(vec![json, keys], |names| match names {
        [json, keys] => {
            let gone = |column: &str| {
                format!("{column} IN (SELECT \"/key\".value FROM json_each({keys}) AS \"/key\" WHERE \"/key\".value IS NOT NULL)")
            };
            format!(
                "CASE WHEN {keys} IS NULL OR {keys} = '[null]' THEN NULL ELSE CASE json_type({json}) \
                 WHEN 'object' THEN (SELECT json_group_object(\"/entry\".key, json({item})) FROM json_each({json}) AS \"/entry\" WHERE NOT {}) \
                 WHEN 'array' THEN (SELECT json_group_array(json({item})) FROM json_each({json}) AS \"/entry\" WHERE NOT (\"/entry\".type = 'text' AND {})) \
                 ELSE CASE WHEN {json} IS NOT NULL THEN {scalar} END END END",
                gone("\"/entry\".key"),
                gone("\"/entry\".value")
            )
        }
        _ => String::new(),
    })?;
    Ok(Piece::Typed(sql, DataType::Jsonb))
}

/// `jsonb #- path`.
pub fn without_path(lowering: &mut Lowering<'_>, json: String, path: &Piece) -> Result<Piece, DialectError> {
    let steps = Step::of_path(lowering, path)?;
    path_sql("x", &steps)?;
    let scalar = raise("'22023:cannot delete path in scalar'");
    let sql = lowering.once(json, |json| {
        let path = path_sql(json, &steps).unwrap_or_default();
        format!(
            "CASE WHEN {json} IS NULL THEN NULL WHEN json_type({json}) IN ('object', 'array') THEN json_remove({json}, {path}) ELSE {scalar} END"
        )
    })?;
    Ok(Piece::Typed(sql, DataType::Jsonb))
}

/// The JSON text of a row of `json_each`, its digits kept.
pub fn item(row: &str) -> String {
    format!(
        "CASE {row}.type WHEN 'text' THEN json_quote({row}.value) WHEN 'integer' THEN {row}.json -> {row}.fullkey WHEN 'real' THEN {row}.json -> {row}.fullkey \
         WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN 'null' ELSE {row}.value END"
    )
}

/// What tells one scalar of `json_tree` from another: its kind and its text, a number's without the
/// zeros of its fraction.
fn scalar(row: &str) -> String {
    let digits = format!("({row}.json -> {row}.fullkey)");
    format!(
        "CASE {row}.type WHEN 'text' THEN 't' || {row}.atom WHEN 'integer' THEN 'n' || {digits} \
         WHEN 'real' THEN 'n' || CASE WHEN instr({digits}, '.') THEN rtrim(rtrim({digits}, '0'), '.') ELSE {digits} END ELSE {row}.type END"
    )
}

/// Equality of two jsonb values: the same scalars in the same places.
pub fn equal(lowering: &mut Lowering<'_>, left: String, right: String) -> Result<String, DialectError> {
    lowering.only_in_queries("= of jsonb")?;
    let (one, other) = (scalar("\"/one\""), scalar("\"/other\""));
    lowering.bound(vec![left, right], |names| match names {
        [left, right] => {
            let parts = |json: &str, scalar: &str, row: &str| {
                format!("SELECT {row}.fullkey, {scalar} FROM json_tree({json}) AS {row}")
            };
            let (one, other) = (parts(left, &one, "\"/one\""), parts(right, &other, "\"/other\""));
            format!(
                "CASE WHEN {left} IS NULL OR {right} IS NULL THEN NULL WHEN {left} = {right} THEN 1 \
                 ELSE NOT EXISTS ({one} EXCEPT {other}) AND NOT EXISTS ({other} EXCEPT {one}) END"
            )
        }
        _ => String::new(),
    })
}

/// `left @> right`, where the right side has arrays at its top only, of scalars; any other raises.
pub fn contains(lowering: &mut Lowering<'_>, left: String, right: String) -> Result<String, DialectError> {
    lowering.only_in_queries("@> of jsonb")?;
    let (had, wanted) = (scalar("\"/had\""), scalar("\"/wanted\""));
    let error =
        raise("'0A000:@> with arrays inside of the right side is not supported unless it is a literal'");
    lowering.bound(vec![left, right], |names| match names {
        [left, right] => format!(
            "CASE WHEN {left} IS NULL OR {right} IS NULL THEN NULL \
             WHEN json_type({right}) = 'array' THEN CASE \
             WHEN EXISTS (SELECT 1 FROM json_each({right}) AS \"/wanted\" WHERE \"/wanted\".type IN ('array', 'object')) THEN {error} \
             ELSE json_type({left}) = 'array' AND NOT EXISTS (SELECT 1 FROM json_each({right}) AS \"/wanted\" WHERE NOT EXISTS (\
             SELECT 1 FROM json_each({left}) AS \"/had\" WHERE {had} = {wanted} AND \"/had\".type NOT IN ('array', 'object'))) END \
             WHEN EXISTS (SELECT 1 FROM json_tree({right}) AS \"/wanted\" WHERE \"/wanted\".type = 'array') THEN {error} \
             WHEN json_type({right}) <> 'object' AND json_type({left}) = 'array' THEN EXISTS (SELECT 1 FROM json_each({left}) AS \"/had\", json_tree({right}) AS \"/wanted\" WHERE {had} = {wanted}) \
             ELSE NOT EXISTS (SELECT 1 FROM json_tree({right}) AS \"/wanted\" WHERE NOT EXISTS (\
             SELECT 1 FROM json_tree({left}) AS \"/had\" WHERE \"/had\".fullkey = \"/wanted\".fullkey AND {had} = {wanted})) END"
        ),
        _ => String::new(),
    })
}
