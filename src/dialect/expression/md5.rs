//! `md5(text)` (RFC 1321), which SQLite has not: as a recursive query, three rows for each of its 64 steps at most.

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;

/// The sines of RFC 1321 §3.4.
const CONSTANTS: &str = "\
d76aa478e8c7b756242070dbc1bdceeef57c0faf4787c62aa8304613fd469501698098d88b44f7afffff5bb1895cd7be6b901122fd987193a679438e49b40821\
f61e2562c040b340265e5a51e9b6c7aad62f105d02441453d8a1e681e7d3fbc821e1cde6c33707d6f4d50d87455a14eda9e3e905fcefa3f8676f02d98d2a4c8a\
fffa39428771f6816d9d6122fde5380ca4beea444bdecfa9f6bb4b60bebfbc70289b7ec6eaa127fad4ef308504881d05d9d4d039e6db99e51fa27cf8c4ac5665\
f4292244432aff97ab9423a7fc93a039655b59c38f0ccc92ffeff47d85845dd16fa87e4ffe2ce6e0a30143144e0811a1f7537e82bd3af2352ad7d2bbeb86d391";

/// By how many bits each step turns, two digits for each of the four of a round.
const TURNS: &str = "07121722050914200411162306101521";

/// Of `{0}`. A step is two rows, so that its sum is written once: `turn` 0 adds up, 1 turns and moves on, 2 ends a block of 64
/// bytes. `i` counts steps, of which a block has as many as bytes.
const SQL: &str = r#"CASE WHEN {0} IS NOT NULL THEN (
  WITH RECURSIVE "/md5"(text, i, turn, t, a, b, c, d, w, x, y, z) AS (
    SELECT
      unhex(
        hex({0}) || '80' || hex(zeroblob((119 - octet_length({0}) % 64) % 64)) || printf(
          '%02X%02X%02X%02X00000000',
          octet_length({0}) * 8 & 255, octet_length({0}) >> 5 & 255, octet_length({0}) >> 13 & 255, octet_length({0}) >> 21 & 255
        )
      ),
      0, 0, 0, 1732584193, 4023233417, 2562383102, 271733878, 1732584193, 4023233417, 2562383102, 271733878
    UNION ALL
    SELECT
      text,
      i + (turn = 1),
      CASE turn WHEN 0 THEN 1 WHEN 1 THEN (i % 64 = 63) * 2 ELSE 0 END,
      CASE turn WHEN 0 THEN (
        CASE i / 16 % 4
          WHEN 0 THEN (b & c) | (~b & d)
          WHEN 1 THEN (d & b) | (~d & c)
          WHEN 2 THEN (b & ~c & ~d) | (~b & c & ~d) | (~b & ~c & d) | (b & c & d)
          ELSE (c | b | ~d) - (c & (b | ~d))
        END + a + (('0x' || substr('{constants}', 1 + i % 64 * 8, 8)) ->> '$') + (('0x' || (
        SELECT hex(substr(text, at + 4, 1)) || hex(substr(text, at + 3, 1)) || hex(substr(text, at + 2, 1)) || hex(substr(text, at + 1, 1))
        FROM (SELECT i / 64 * 64 + 4 * CASE i / 16 % 4 WHEN 0 THEN i % 16 WHEN 1 THEN (5 * i + 1) % 16 WHEN 2 THEN (3 * i + 5) % 16 ELSE 7 * i % 16 END AS at)
      )) ->> '$')
      ) & 4294967295 ELSE 0 END,
      CASE turn WHEN 0 THEN a WHEN 1 THEN d ELSE a + w & 4294967295 END,
      CASE turn WHEN 0 THEN b WHEN 1 THEN b + ((t << {by}) | (t >> (32 - {by}))) & 4294967295 ELSE b + x & 4294967295 END,
      CASE turn WHEN 0 THEN c WHEN 1 THEN b ELSE c + y & 4294967295 END,
      CASE turn WHEN 0 THEN d WHEN 1 THEN c ELSE d + z & 4294967295 END,
      CASE turn WHEN 2 THEN a + w & 4294967295 ELSE w END,
      CASE turn WHEN 2 THEN b + x & 4294967295 ELSE x END,
      CASE turn WHEN 2 THEN c + y & 4294967295 ELSE y END,
      CASE turn WHEN 2 THEN d + z & 4294967295 ELSE z END
    FROM "/md5"
    WHERE i < length(text) OR turn = 2
  )
  SELECT printf(
    '%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x',
    a & 255, a >> 8 & 255, a >> 16 & 255, a >> 24, b & 255, b >> 8 & 255, b >> 16 & 255, b >> 24,
    c & 255, c >> 8 & 255, c >> 16 & 255, c >> 24, d & 255, d >> 8 & 255, d >> 16 & 255, d >> 24
  )
  FROM "/md5"
  WHERE i = length(text) AND turn = 0
) END"#;

/// `md5(text)`.
pub fn md5(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
    let [text] = pieces else { return Ok(None) };
    if !text.data_type().is_none_or(|of| super::family(of) == super::Family::Text) {
        return Ok(None);
    }
    let text = lowering.as_text(text.clone())?;
    if depends_on_chance(&text) {
        // A hash of what nobody can foresee is what nobody can foresee, and needs no query.
        lowering.not_stored("md5()")?;
        return Ok(Some(Piece::text(lowering.drawn("lower(hex(randomblob(16)))".to_string()))));
    }
    lowering.only_in_queries("md5()")?;
    let by = format!("substr('{TURNS}', 1 + i / 16 % 4 * 8 + i % 4 * 2, 2)");
    let sql = SQL.replace("{by}", &by).replace("{constants}", CONSTANTS);
    let sql = lowering.once(text, |text| sql.replace("{0}", text))?;
    Ok(Some(Piece::Typed(sql, DataType::Text)))
}

/// Whether SQL calls SQLite's generator of chance, outside of texts and names.
fn depends_on_chance(sql: &str) -> bool {
    let mut within = None;
    let outside = |letter: &char| match within {
        Some(quote) => {
            if quote == *letter {
                within = None;
            }
            false
        }
        None => {
            within = Some(*letter).filter(|letter| ['\'', '"'].contains(letter));
            within.is_none()
        }
    };
    let plain: String = sql.chars().filter(outside).collect();
    plain.contains("random(") || plain.contains("randomblob(")
}
