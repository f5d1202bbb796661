//! Bytes: random ones, as text and back.

use super::lowering::{Lowering, Place};
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{balanced, raise};

type Lowered = Result<Option<Piece>, DialectError>;

/// The digits of base 64.
const DIGITS: &str = "'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'";

/// Postgres breaks its lines after so many groups of three bytes, also where nothing follows.
const GROUPS_IN_LINE: usize = 19;

/// The most random bytes in base 64 where SQLite allows no subquery.
const MOST_IN_DEFAULT: usize = 57;

/// `gen_random_bytes(count)`.
pub fn random(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [count] = pieces else { return Ok(None) };
    lowering.not_stored("gen_random_bytes()")?;
    let count = lowering.implicit(count.clone(), &DataType::Int4)?;
    let sql = match count.parse::<u32>() {
        Ok(1..=1024) => format!("randomblob({count})"),
        _ => {
            let error = raise("'39000:Length not in range'");
            lowering.once(count, |count| {
                format!(
                    "CASE WHEN {count} BETWEEN 1 AND 1024 THEN randomblob({count}) WHEN {count} IS NOT NULL THEN {error} END"
                )
            })?
        }
    };
    Ok(Some(Piece::Typed(lowering.drawn(sql), DataType::Bytea)))
}

/// `encode(bytes, 'hex')` and `'base64'`.
pub fn encode(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [Piece::Typed(bytes, DataType::Bytea), Piece::Unknown(format)] = pieces else { return Ok(None) };
    let sql = match format.to_lowercase().as_str() {
        "hex" => lowering.once(bytes.clone(), |bytes| {
            format!("CASE WHEN {bytes} IS NOT NULL THEN lower(hex({bytes})) END")
        })?,
        "base64" if lowering.place == Place::Query => lowering.once(bytes.clone(), base64)?,
        "base64" => random_base64(bytes)?,
        _ => {
            return Err(DialectError::unsupported(format!("encode(…, '{format}')"))
                .with_hint("'hex' and 'base64' are."));
        }
    };
    Ok(Some(Piece::text(sql)))
}

/// `decode(text, 'hex')`.
pub fn decode(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [text, Piece::Unknown(format)] = pieces else { return Ok(None) };
    if format.to_lowercase() != "hex" {
        return Err(DialectError::unsupported(format!("decode(…, '{format}')")).with_hint("'hex' is."));
    }
    let text = lowering.as_text(text.clone())?;
    let error = raise("'22023:invalid hexadecimal data'");
    let sql = lowering.once(text, |text| {
        format!("CASE WHEN {text} IS NOT NULL THEN coalesce(unhex({text}), {error}) END")
    })?;
    Ok(Some(Piece::Typed(sql, DataType::Bytea)))
}

/// The bytes' hexadecimal digits by threes of bytes, each of which is four digits of base 64.
fn base64(bytes: &str) -> String {
    let digits: Vec<String> = (0..6)
        .map(|place| {
            let shift = 4 * (5 - place);
            format!("((instr('0123456789ABCDEF', substr(digits, {}, 1)) - 1) << {shift})", place + 1)
        })
        .collect();
    let digit = |shift: u32| format!("substr({DIGITS}, 1 + ((value >> {shift}) & 63), 1)");
    format!(
        "CASE WHEN {bytes} IS NOT NULL THEN coalesce((SELECT group_concat({} || {} || CASE WHEN count > 1 THEN {} ELSE '=' END || CASE WHEN count > 2 THEN {} ELSE '=' END || CASE WHEN count > 2 AND place % {GROUPS_IN_LINE} = {} THEN char(10) ELSE '' END, '' ORDER BY place) \
         FROM (SELECT place, count, {} AS value FROM (SELECT \"/group\".key AS place, length({bytes}) - 3 * \"/group\".key AS count, substr(hex({bytes}) || '0000', 1 + 6 * \"/group\".key, 6) AS digits \
         FROM json_each('[' || substr(replace(hex(zeroblob((length({bytes}) + 2) / 3)), '00', ',0'), 2) || ']') AS \"/group\"))), '') END",
        digit(18),
        digit(12),
        digit(6),
        digit(0),
        GROUPS_IN_LINE - 1,
        digits.join(" + "),
    )
}

/// Random bytes in base 64, in an expression of their own: random digits, the last of which has fewer bits.
fn random_base64(bytes: &str) -> Result<String, DialectError> {
    let count = bytes.strip_prefix("randomblob(").and_then(|rest| rest.strip_suffix(')'));
    let count = count.and_then(|count| count.parse::<usize>().ok()).filter(|count| *count < MOST_IN_DEFAULT);
    let count = count.ok_or_else(|| {
        DialectError::unsupported("encode(…, 'base64') of these bytes here").with_hint("'hex' is.")
    })?;
    let digit = |mask: u32| format!("substr({DIGITS}, 1 + (random() & {mask}), 1)");
    let mut digits: Vec<String> = (0..count / 3 * 4).map(|_| digit(63)).collect();
    match count % 3 {
        1 => digits.extend([digit(63), digit(48), "'=='".to_string()]),
        2 => digits.extend([digit(63), digit(63), digit(60), "'='".to_string()]),
        _ => {}
    }
    Ok(balanced(digits, " || "))
}
