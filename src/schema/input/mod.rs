//! Reading values the way Postgres' input functions do: text or JSON in, the stored form out, or the
//! error Postgres would raise. Pure, so `now` and its like, which ask a clock, are refused.

mod array;
mod geometry;
mod interval;
mod json;
mod network;
mod number;
mod range;
mod record;
mod stored;
mod time;

pub use stored::{Stored, as_it_stands};
pub use time::without_offset;

use super::{Catalog, DataType};
use crate::text_search::{Configuration, Syntax, clauses, query_document, vector};

/// A value its type does not take: SQLSTATE and Postgres' own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// `22P02`, `22003`, `22007`, `22008`, `22001`, `22P05` and their like.
    pub code: &'static str,
    /// For example `invalid input syntax for type integer: "x"`.
    pub message: String,
}

impl InputError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The usual complaint about a text.
    fn syntax(data_type: &DataType, text: &str) -> Self {
        let code = match data_type {
            DataType::Timestamptz | DataType::Timestamp | DataType::Date | DataType::Time => "22007",
            DataType::Interval => "22007",
            _ => "22P02",
        };
        Self::new(code, format!("invalid input syntax for type {}: \"{text}\"", data_type.display_name()))
    }
}

/// The stored text of a value given in Postgres' text form; `catalog` knows the enums. `bytea`
/// comes out as hexadecimal digits, for `unhex()`.
///
/// `boolean 'yes'` → `1`, `uuid 'A0EE…'` → `a0ee…`, `int[] '{1,2}'` → `[1,2]`.
pub fn canonical(catalog: &Catalog, data_type: &DataType, text: &str) -> Result<String, InputError> {
    match data_type {
        DataType::Bool => boolean(text).map(|truth| if truth { "1" } else { "0" }.to_string()),
        DataType::Int2 | DataType::Int4 | DataType::Int8 => number::integer(data_type, text),
        DataType::Numeric(lengths) => number::numeric(text, *lengths),
        DataType::Float4 | DataType::Float8 => number::float(data_type, text),
        DataType::Text | DataType::Citext => plain(text),
        DataType::Varchar(length) => at_most(data_type, text, *length),
        DataType::Char(length) => padded(data_type, text, *length),
        DataType::Uuid => uuid(text),
        DataType::Timestamptz => time::timestamptz(text),
        DataType::Timestamp => time::timestamp(text),
        DataType::Date => time::date(text),
        DataType::Time => time::time(text),
        DataType::Interval => interval::interval(text),
        DataType::Json => json::check(text).map(|()| text.to_string()),
        DataType::Jsonb => json::normalise(text),
        DataType::Bytea => bytea(text),
        DataType::Inet => network::inet(text),
        DataType::Cidr => network::cidr(text),
        DataType::Macaddr => network::macaddr(text),
        DataType::Range(of) => range::range(*of, text),
        DataType::Tsquery => match clauses(Configuration::Simple, Syntax::Lexemes, text) {
            Ok(_) => Ok(query_document(Configuration::Simple, Syntax::Lexemes) + &json::quoted(text) + "]"),
            Err(error) => Err(InputError::new(error.code, error.message)),
        },
        DataType::Tsvector => vector(text).map_err(|error| InputError::new(error.code, error.message)),
        DataType::Geometry(of) => geometry::geometry(of, text),
        DataType::Array(element) => array::from_literal(catalog, element, text),
        DataType::Enum(name) => label(catalog, data_type, name, text),
        DataType::Composite(name) => match catalog.composites.get(name) {
            Some(of) => record::from_literal(catalog, of, text),
            None => Err(InputError::syntax(data_type, text)),
        },
    }
}

/// The stored text of a JSON value, as `json_populate_record` reads it: `None` for `null`, a
/// string by its text form, anything else by its JSON text. It is JSON, without spaces around it.
pub fn from_json<'j>(
    catalog: &Catalog,
    data_type: &DataType,
    json: &'j str,
) -> Result<Option<Stored<'j>>, InputError> {
    if let Some(plain) = stored::at_first_sight(catalog, data_type, json) {
        return Ok(Some(Stored::Plain(plain)));
    }
    let stored = match (data_type, json.as_bytes()) {
        (_, b"null") => return Ok(None),
        (DataType::Json, _) => json.to_string(),
        (DataType::Jsonb, _) => json::normalise(json)?,
        (DataType::Array(element), [b'[', ..]) => array::from_json(catalog, element, json)?,
        (DataType::Composite(name), [b'{', ..]) => match catalog.composites.get(name) {
            Some(of) => record::from_json(catalog, of, json)?,
            None => return Err(InputError::syntax(data_type, json)),
        },
        _ => canonical(catalog, data_type, &json::text_of(json)?)?,
    };
    Ok(Some(Stored::Text(stored)))
}

/// Spellings Postgres takes for booleans: any unique prefix of these words, in any case.
fn boolean(text: &str) -> Result<bool, InputError> {
    let word = text.trim().to_ascii_lowercase();
    let is = |full: &str, least: usize| word.len() >= least && full.starts_with(&word);
    if word == "1" || is("true", 1) || is("yes", 1) || is("on", 2) {
        return Ok(true);
    }
    if word == "0" || is("false", 1) || is("no", 1) || is("off", 2) {
        return Ok(false);
    }
    Err(InputError::syntax(&DataType::Bool, text))
}

/// Postgres stores no NUL in text.
fn plain(text: &str) -> Result<String, InputError> {
    if text.contains('\0') {
        return Err(InputError::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    Ok(text.to_string())
}

fn at_most(data_type: &DataType, text: &str, length: Option<u32>) -> Result<String, InputError> {
    let text = plain(text)?;
    let Some(length) = length.map(|length| length as usize) else { return Ok(text) };
    let excess = text.chars().skip(length);
    if excess.clone().next().is_none() {
        return Ok(text);
    }
    if excess.clone().all(|character| character == ' ') {
        return Ok(text.chars().take(length).collect());
    }
    Err(InputError::new("22001", format!("value too long for type {}({length})", data_type.display_name())))
}

fn padded(data_type: &DataType, text: &str, length: u32) -> Result<String, InputError> {
    let text = at_most(data_type, text, Some(length))?;
    let missing = (length as usize).saturating_sub(text.chars().count());
    Ok(text + &" ".repeat(missing))
}

/// Braces, any case and hyphens between any groups of four, as Postgres takes them.
fn uuid(text: &str) -> Result<String, InputError> {
    let bare = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let digits: String = bare.chars().filter(|character| *character != '-').collect();
    let grouped = bare.split('-').all(|group| !group.is_empty() && group.len() % 4 == 0);
    match uuid::Uuid::try_parse(&digits) {
        Ok(parsed) if grouped && digits.len() == 32 => Ok(parsed.to_string()),
        _ => Err(InputError::syntax(&DataType::Uuid, text)),
    }
}

fn bytea(text: &str) -> Result<String, InputError> {
    let Some(digits) = text.strip_prefix("\\x") else {
        return escaped_bytea(text);
    };
    let digits: String = digits.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    if let Some(bad) = digits.chars().find(|character| !character.is_ascii_hexdigit()) {
        return Err(InputError::new("22023", format!("invalid hexadecimal digit: \"{bad}\"")));
    }
    if digits.len() % 2 == 1 {
        return Err(InputError::new("22023", "invalid hexadecimal data: odd number of digits"));
    }
    Ok(digits.to_ascii_lowercase())
}

/// The old form: bytes as they are, `\\` for a backslash, `\ooo` for any byte in octal.
fn escaped_bytea(text: &str) -> Result<String, InputError> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (*first, after) {
            (b'\\', [b'\\', after @ ..]) => (b'\\', after),
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                ((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'), after)
            }
            (b'\\', _) => return Err(InputError::syntax(&DataType::Bytea, text)),
            (byte, after) => (byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    Ok(crate::crypto::hex(&bytes))
}

fn label(catalog: &Catalog, data_type: &DataType, name: &str, text: &str) -> Result<String, InputError> {
    if catalog.enums.get(name).is_some_and(|of| of.labels.iter().any(|label| label == text)) {
        return Ok(text.to_string());
    }
    let name = data_type.display_name();
    Err(InputError::new("22P02", format!("invalid input value for enum {name}: \"{text}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_what_postgres_would_print() {
        let rows: &[(&str, &str, Result<&str, &str>)] = &[
            ("bool", " YES ", Ok("1")),
            ("bool", "of", Ok("0")),
            ("bool", "o", Err("22P02")),
            ("int2", "32768", Err("22003")),
            ("int4", " -7 ", Ok("-7")),
            ("int4", "+007", Ok("7")),
            ("int4", "1.5", Err("22P02")),
            ("int8", "9223372036854775807", Ok("9223372036854775807")),
            ("int8", "9223372036854775808", Err("22003")),
            ("numeric", "0012.3400", Ok("12.3400")),
            ("numeric", "1e3", Ok("1000")),
            ("numeric", "-1.5E-3", Ok("-0.0015")),
            ("numeric", "NaN", Ok("NaN")),
            ("numeric(10,2)", "1.005", Ok("1.01")),
            ("numeric(10,2)", "-2.5", Ok("-2.50")),
            ("numeric(4,2)", "99.995", Err("22003")),
            ("numeric", "1.2.3", Err("22P02")),
            ("float8", "0.1", Ok("0.1")),
            ("float8", "1e400", Err("22003")),
            ("varchar(3)", "abcd", Err("22001")),
            ("varchar(3)", "abc  ", Ok("abc")),
            ("char(3)", "a", Ok("a  ")),
            ("uuid", "{A0EEBC99-9C0B4EF8BB6D6BB9BD380A11}", Ok("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
            ("uuid", "a0eebc99", Err("22P02")),
            ("timestamptz", "2026-01-02 03:04:05.1200+02", Ok("2026-01-02T01:04:05.12+00:00")),
            ("timestamptz", "2026-01-02T03:04Z", Ok("2026-01-02T03:04:00+00:00")),
            ("timestamptz", "2026-01-02", Ok("2026-01-02T00:00:00+00:00")),
            ("timestamptz", "infinity", Ok("infinity")),
            ("timestamptz", "2026-02-30", Err("22008")),
            ("timestamptz", "yesterdayish", Err("22007")),
            ("timestamp", "2026-01-02 03:04:05+07", Ok("2026-01-02T03:04:05")),
            ("date", "2026-01-02T23:00:00Z", Ok("2026-01-02")),
            ("date", "2026-13-01", Err("22008")),
            ("time", "3:04:05.50", Ok("03:04:05.5")),
            ("interval", "1 year 2 months 3 days 04:05:06", Ok("1 year 2 mons 3 days 04:05:06")),
            ("interval", "P1DT2H", Ok("1 day 02:00:00")),
            ("interval", "90 minutes", Ok("01:30:00")),
            ("interval", "soon", Err("22007")),
            ("json", "{\"b\": 1,\"a\":2}", Ok("{\"b\": 1,\"a\":2}")),
            ("jsonb", "{\"bb\": 1.10,\"a\":[1e2, null],\"a\":true}", Ok("{\"a\":true,\"bb\":1.10}")),
            ("jsonb", "{\"a\":}", Err("22P02")),
            ("jsonb", "\"\\u0000\"", Err("22P05")),
            ("bytea", "\\xDEad", Ok("dead")),
            ("bytea", "a\\\\\\001", Ok("615c01")),
            ("inet", "10.0.0.1/32", Ok("10.0.0.1")),
            ("inet", "10.0.0.1/33", Err("22P02")),
            ("cidr", "10.0.0.0/8", Ok("10.0.0.0/8")),
            ("cidr", "10.0.0.1", Ok("10.0.0.1/32")),
            ("cidr", "10.0.0.1/8", Err("22P02")),
            ("macaddr", "08-00-2B-01-02-03", Ok("08:00:2b:01:02:03")),
            ("macaddr", "0800.2b01.0203", Ok("08:00:2b:01:02:03")),
            ("macaddr", "08:00:2b:01:02", Err("22P02")),
            ("int4range", "[1,5]", Ok("[1,6)")),
            ("int4range", "(1,5)", Ok("[2,5)")),
            ("int4range", " ( 1 , 2 ) ", Ok("empty")),
            ("int4range", "[,5]", Ok("(,6)")),
            ("int4range", "EMPTY", Ok("empty")),
            ("int4range", "[5,1]", Err("22000")),
            ("int4range", "[1,2147483647]", Err("22003")),
            ("int4range", "[1,5", Err("22P02")),
            ("int4range", "[a,5)", Err("22P02")),
            ("numrange", "[1.50,\"2\"]", Ok("[1.50,2]")),
            ("numrange", "[2,2)", Ok("empty")),
            ("numrange", "[10,9.5)", Err("22000")),
            ("daterange", "[2024-01-01,2024-12-31]", Ok("[2024-01-01,2025-01-01)")),
            ("daterange", "[2024-01-01,infinity]", Ok("[2024-01-01,infinity]")),
            (
                "tstzrange",
                "[2024-01-01 10:00+02,2024-01-02)",
                Ok("[\"2024-01-01 08:00:00+00\",\"2024-01-02 00:00:00+00\")"),
            ),
            ("tsrange", "[\"2024-01-01 10:00\",]", Ok("[\"2024-01-01 10:00:00\",)")),
            ("int4[]", "{1, 2,NULL}", Ok("[1,2,null]")),
            ("text[]", "{a,\"b \\\"c\",\"NULL\"}", Ok("[\"a\",\"b \\\"c\",\"NULL\"]")),
            ("bool[]", "{t,f}", Ok("[true,false]")),
            ("int4[]", "{{1,2},{3,4}}", Ok("[[1,2],[3,4]]")),
            ("int4[]", "{1,x}", Err("22P02")),
            ("int4[]", "1,2", Err("22P02")),
            ("text[]", "{}", Ok("[]")),
        ];
        for (name, text, expected) in rows {
            let data_type = DataType::named(name).unwrap();
            let outcome = canonical(&Catalog::default(), &data_type, text);
            let outcome = outcome.as_ref().map(String::as_str).map_err(|error| error.code);
            assert_eq!(outcome, *expected, "{name} {text}");
        }
    }

    #[test]
    fn json_values_become_what_json_populate_record_makes() {
        let rows = [
            ("int4", "\"5\"", Ok(Some("5"))),
            ("int4", "5.0", Err("22P02")),
            ("text", "5.10", Ok(Some("5.10"))),
            ("text", "{\"a\": 1}", Ok(Some("{\"a\": 1}"))),
            ("bool", "true", Ok(Some("1"))),
            ("text", "null", Ok(None)),
            ("jsonb", "\"x\"", Ok(Some("\"x\""))),
            ("text[]", "[\"a\",1,null]", Ok(Some("[\"a\",\"1\",null]"))),
            ("text[]", "\"{a,b}\"", Ok(Some("[\"a\",\"b\"]"))),
            ("numeric", "12345678901234567890.10", Ok(Some("12345678901234567890.10"))),
            ("json", "\"x\"", Ok(Some("\"x\""))),
            ("text", "\"say \\\"so\\\"\"", Ok(Some("say \"so\""))),
            ("text", "\"\\u0000\"", Err("22P05")),
            ("text", "\"\\ud800\"", Err("22P02")),
            ("bool", "\"TRUE\"", Ok(Some("1"))),
            ("bool", "false", Ok(Some("0"))),
            ("int2", "-1234", Ok(Some("-1234"))),
            ("int2", "32768", Err("22003")),
            ("int4", "-0", Ok(Some("0"))),
            ("int4", "\"007\"", Ok(Some("7"))),
            ("int4", "2147483648", Err("22003")),
            ("int8", "9007199254740993", Ok(Some("9007199254740993"))),
            ("varchar(3)", "\"äöü\"", Ok(Some("äöü"))),
            ("varchar(3)", "\"äöüß\"", Err("22001")),
            ("varchar(3)", "true", Err("22001")),
            (
                "uuid",
                "\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\"",
                Ok(Some("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
            ),
            (
                "uuid",
                "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
                Ok(Some("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
            ),
        ];
        for (name, json, expected) in rows {
            let outcome = from_json(&Catalog::default(), &DataType::named(name).unwrap(), json);
            let outcome = outcome.as_ref().map(|stored| stored.as_ref().map(Stored::as_str));
            assert_eq!(outcome.map_err(|error| error.code), expected, "{name} {json}");
        }
    }

    #[test]
    fn what_is_plain_needs_no_escapes() {
        let rows = [
            ("text", "\"don't\"", true),
            ("text", "\"\\n\"", false),
            ("text", "{\"a\": 1}", false),
            ("text", "[\"a\"]", false),
            ("text", "-1.5", true),
            ("json", "\"x\"", false),
            ("text[]", "[\"x\"]", false),
        ];
        for (name, json, plain) in rows {
            let stored = from_json(&Catalog::default(), &DataType::named(name).unwrap(), json).unwrap();
            assert_eq!(matches!(stored, Some(Stored::Plain(_))), plain, "{name} {json}");
        }
    }
}
