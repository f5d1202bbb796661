//! From one type to another: what Postgres does by itself, on assignment, and when asked.

use sqlparser::ast::{self, Expr};

use super::lowering::Lowering;
use super::piece::{Piece, literal};
use super::type_name::{Family, common_type, declared_type, family, named_type};
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{quote_literal, raise};

impl Lowering<'_> {
    pub(super) fn cast_expression(
        &mut self,
        inner: &Expr,
        data_type: &ast::DataType,
    ) -> Result<Piece, DialectError> {
        let (to, domain) = declared_type(self.catalog, data_type)?;
        let piece = match inner {
            // ARRAY[]::text[] takes its type from the cast.
            Expr::Array(array) => self.array_of(&array.elem, Some(&to))?,
            inner if matches!(to, DataType::Composite(_)) => self.lower_as(inner, &to)?,
            inner if family(&to) != Family::Text && family(&to) != Family::Json => {
                self.lower_scalar(inner)?
            }
            inner => self.lower(inner)?,
        };
        let sql = self.convert(piece, &to, true)?;
        self.as_declared(Piece::Typed(sql, to), domain.as_ref())
    }

    pub(super) fn typed_string(&mut self, typed: &ast::TypedString) -> Result<Piece, DialectError> {
        let to = named_type(self.catalog, &typed.data_type)?;
        let text = typed.value.value.clone().into_string().unwrap_or_default();
        Ok(Piece::Typed(literal(self.catalog, &to, &text)?, to))
    }

    /// As an operator or function takes it: to a wider type of the same family, no further.
    pub fn implicit(&mut self, piece: Piece, to: &DataType) -> Result<String, DialectError> {
        match piece.data_type() {
            Some(from) if from != to && common_type(from, to).is_none() => Err(DialectError::new(
                "42804",
                format!("a {} cannot stand for a {}", from.display_name(), to.display_name()),
            )),
            _ => self.convert(piece, to, false),
        }
    }

    /// As an INSERT, UPDATE or DEFAULT stores it in a column of the type.
    pub fn assign(&mut self, piece: Piece, to: &DataType) -> Result<String, DialectError> {
        if let Some(from) = piece.data_type() {
            let allowed = from == to
                || matches!((family(from), family(to)), (Family::Number(_), Family::Number(_)))
                || matches!((family(from), family(to)), (Family::Time(_), Family::Time(_)))
                || matches!((family(from), family(to)), (Family::Json, Family::Json))
                || family(to) == Family::Text
                || common_type(from, to).is_some();
            if !allowed {
                let (from, to) = (from.display_name(), to.display_name());
                return Err(DialectError::new(
                    "42804",
                    format!("an expression of type {from} cannot be stored in a column of type {to}"),
                )
                .with_hint("You will need to rewrite or cast the expression."));
            }
        }
        self.convert(piece, to, false)
    }

    /// As a variable of a function takes it: what an explicit cast would do, PL/pgSQL does by itself.
    pub fn assign_in_function(&mut self, piece: Piece, to: &DataType) -> Result<String, DialectError> {
        match self.assign(piece.clone(), to) {
            Err(error) if error.code == "42804" => self.convert(piece, to, true),
            assigned => assigned,
        }
    }

    /// The value in the target's stored form. `explicit` casts cut text to length, as Postgres does.
    /// A value as it is cast when that is asked for.
    pub fn explicit(&mut self, piece: Piece, to: &DataType) -> Result<String, DialectError> {
        self.convert(piece, to, true)
    }

    fn convert(&mut self, piece: Piece, to: &DataType, explicit: bool) -> Result<String, DialectError> {
        use DataType as T;
        let (sql, from) = match piece {
            Piece::Null => return Ok("NULL".to_string()),
            Piece::Unknown(text) if explicit => return literal(self.catalog, to, &cut(text, to)),
            Piece::Unknown(text) => return literal(self.catalog, to, &text),
            Piece::Typed(sql, from) => (sql, from),
        };
        if from == *to {
            return Ok(sql);
        }
        match (&from, to) {
            (T::Varchar(_) | T::Text | T::Citext, T::Text | T::Varchar(None) | T::Citext) => Ok(sql),
            (T::Char(_), T::Text | T::Varchar(None)) => Ok(format!("rtrim({sql}, ' ')")),
            (T::Varchar(_) | T::Text, T::Varchar(Some(length))) => Ok(match explicit {
                true => format!("substr({sql}, 1, {length})"),
                false => sql,
            }),
            (from, T::Text | T::Varchar(None)) => self.text_of(sql, from),
            (from, to) if family(from).is_number() && family(to).is_number() => {
                self.number_to_number(sql, from, to)
            }
            (from, to) if family(from).is_time() && family(to).is_time() => convert_time(sql, from, to),
            (T::Timestamptz | T::Timestamp, T::Time) => {
                Ok(format!("substr(replace({sql}, '+00:00', ''), 12)"))
            }
            (T::Text | T::Varchar(_), to) if explicit => self.read_text(sql, to),
            (T::Json, T::Jsonb) | (T::Jsonb, T::Json) => Ok(sql),
            (T::Bool, T::Int4) if explicit => Ok(sql),
            (T::Int4, T::Bool) if explicit => Ok(format!("({sql} <> 0)")),
            (T::Geometry(from), T::Geometry(to)) => self.convert_geometry(sql, from, to, explicit),
            (T::Array(from), T::Array(to))
                if family(from) == Family::Text
                    && (matches!(**to, T::Text | T::Varchar(None)) || from == to) =>
            {
                Ok(sql)
            }
            (T::Array(one), T::Array(other)) if matches!((&**one, &**other), (T::Uuid, T::Text)) => Ok(sql),
            (from, to) => Err(DialectError::unsupported(format!(
                "the cast from {} to {}",
                from.display_name(),
                to.display_name()
            ))),
        }
    }

    /// Text, known when the statement runs, as a value of a type.
    pub(super) fn cast_text(&mut self, sql: String, to: &DataType) -> Result<String, DialectError> {
        self.convert(Piece::text(sql), to, true)
    }

    /// Any value's Postgres text form.
    pub(super) fn text_of(&mut self, sql: String, from: &DataType) -> Result<String, DialectError> {
        use DataType as T;
        match from {
            T::Text | T::Varchar(_) | T::Citext => Ok(sql),
            T::Char(_) => Ok(format!("rtrim({sql}, ' ')")),
            T::Bool => Ok(format!("CASE {sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END")),
            T::Int2 | T::Int4 | T::Int8 => Ok(format!("CAST({sql} AS TEXT)")),
            T::Uuid | T::Date | T::Time | T::Numeric(_) | T::Interval | T::Enum(_) | T::Inet => Ok(sql),
            // Concatenation makes plain text of it, which would otherwise stay JSON inside of JSON.
            T::Json => Ok(format!("({sql} || '')")),
            T::Jsonb => self.jsonb_to_text(sql),
            T::Float8 => self.float_text(sql),
            T::Array(element) => self.array_text(sql, element),
            T::Bytea => self.once(sql, |bytes| {
                format!("CASE WHEN {bytes} IS NOT NULL THEN '\\x' || lower(hex({bytes})) END")
            }),
            T::Range(_) | T::Cidr | T::Macaddr => Ok(sql),
            T::Geometry(_) => Ok(format!("({sql} ->> '$[0]')")),
            T::Tsvector => Ok(self.vector_text(&sql)),
            T::Timestamp => Ok(format!("replace({sql}, 'T', ' ')")),
            T::Timestamptz => Ok(format!("replace(replace({sql}, 'T', ' '), '+00:00', '+00')")),
            other => {
                Err(DialectError::unsupported(format!("the cast from {} to text", other.display_name())))
            }
        }
    }

    /// The fewest digits that read back as the same double.
    fn float_text(&mut self, sql: String) -> Result<String, DialectError> {
        let error = raise("'0A000:a double precision value of that size as text is not supported'");
        self.once(sql, |value| {
            format!(
                "CASE WHEN {value} IS NULL THEN NULL WHEN {value} = 9e999 THEN 'Infinity' WHEN {value} = -9e999 THEN '-Infinity' \
                 WHEN CAST(printf('%.15g', {value}) AS REAL) = {value} THEN printf('%.15g', {value}) \
                 WHEN abs({value}) >= 1e15 OR abs({value}) < 1e-4 THEN {error} \
                 WHEN CAST(printf('%!.16g', {value}) AS REAL) = {value} THEN printf('%!.16g', {value}) ELSE printf('%!.17g', {value}) END"
            )
        })
    }

    /// An array in braces, what needs it in quotes.
    fn array_text(&mut self, sql: String, element: &DataType) -> Result<String, DialectError> {
        self.only_in_queries("a cast from an array to text")?;
        let item = "\"/item\".value".to_string();
        let text = match element {
            DataType::Bool => format!("CASE {item} WHEN 1 THEN 't' WHEN 0 THEN 'f' END"),
            DataType::Numeric(_) => "(\"/item\".json -> ('$[' || \"/item\".key || ']'))".to_string(),
            of if matches!(family(of), Family::Number(0..=2) | Family::Text | Family::Time(_))
                || matches!(of, DataType::Uuid | DataType::Enum(_)) =>
            {
                self.text_of(item, of)?
            }
            of => {
                return Err(DialectError::unsupported(format!(
                    "the cast from {}[] to text",
                    of.display_name()
                )));
            }
        };
        self.once(sql, |array| {
            format!(
                "CASE WHEN {array} IS NOT NULL THEN '{{' || coalesce((SELECT group_concat(CASE WHEN \"/text\".text IS NULL THEN 'NULL' \
                 WHEN \"/text\".text = '' OR upper(\"/text\".text) = 'NULL' OR \"/text\".text GLOB '*[{{}},\"\\ ' || char(9) || char(10) || char(11) || char(12) || char(13) || ']*' \
                 THEN '\"' || replace(replace(\"/text\".text, '\\', '\\\\'), '\"', '\\\"') || '\"' ELSE \"/text\".text END, ',' ORDER BY \"/text\".place) \
                 FROM (SELECT {text} AS text, \"/item\".key AS place FROM json_each({array}) AS \"/item\") AS \"/text\"), '') || '}}' END"
            )
        })
    }

    fn number_to_number(
        &mut self,
        sql: String,
        from: &DataType,
        to: &DataType,
    ) -> Result<String, DialectError> {
        use DataType as T;
        let integer = |of: &DataType| matches!(of, T::Int2 | T::Int4 | T::Int8);
        if let Some(digits) = number_literal(&sql)
            && matches!(to, T::Numeric(_) | T::Float4 | T::Float8)
        {
            return literal(self.catalog, to, digits);
        }
        // What EXTRACT gives of a whole field is a small integer, written as a numeric.
        let extracted = sql.strip_prefix("CAST(CAST(strftime(").and_then(|_| {
            sql.strip_prefix("CAST(")?
                .strip_suffix(" AS TEXT)")
                .filter(|whole| whole.ends_with(" END) AS INTEGER)"))
        });
        if let (T::Numeric(None), Some(whole)) = (from, extracted)
            && integer(to)
        {
            return Ok(whole.to_string());
        }
        match (from, to) {
            (T::Int2 | T::Int4 | T::Int8, T::Int8) | (T::Int2, T::Int4) => Ok(sql),
            (from, T::Int2 | T::Int4) if integer(from) => {
                let (low, high) = integer_range(to);
                let error = raise(&quote_literal(&format!("22003:{} out of range", to.display_name())));
                self.once(sql, |value| {
                    format!(
                        "CASE WHEN {value} IS NULL OR {value} BETWEEN {low} AND {high} THEN {value} ELSE {error} END"
                    )
                })
            }
            (from, T::Numeric(None)) if integer(from) => {
                let text = format!("CAST({sql} AS TEXT)");
                self.whole_decimal(&text, &sql);
                Ok(text)
            }
            (from, T::Numeric(Some((precision, scale)))) if integer(from) => {
                self.with_scale(sql, *precision, *scale)
            }
            (T::Numeric(_), T::Numeric(None)) => Ok(sql),
            (T::Numeric(_), T::Numeric(Some((precision, scale)))) => {
                self.decimal_of(Piece::Typed(sql, from.clone()), *precision, *scale)
            }
            (T::Numeric(_), T::Int2 | T::Int4 | T::Int8) => {
                self.decimal_to_integer(Piece::Typed(sql, from.clone()), to)
            }
            (T::Float8 | T::Float4, T::Int2 | T::Int4 | T::Int8) => self.float_to_integer(sql, to),
            (T::Float8, T::Numeric(lengths)) => {
                let error =
                    raise("'0A000:a double precision value of that size as numeric is not supported'");
                let sql = self.once(sql, |value| {
                    format!(
                        "CASE WHEN {value} IS NULL THEN NULL WHEN abs({value}) >= 1e15 OR (abs({value}) < 1e-4 AND {value} <> 0) THEN {error} ELSE printf('%.15g', {value}) END"
                    )
                })?;
                match lengths {
                    None => Ok(sql),
                    Some((precision, scale)) => {
                        self.decimal_of(Piece::Typed(sql, T::Numeric(None)), *precision, *scale)
                    }
                }
            }
            // It is kept as the fewest digits that tell it: the nearest number of 24 bits is what they tell.
            (T::Float4, T::Float8) => {
                self.once(sql, |value| format!("({value} * 536870913.0 - ({value} * 536870913.0 - {value}))"))
            }
            (_, T::Float8) => Ok(format!("CAST({sql} AS REAL)")),
            (from, to) => Err(DialectError::unsupported(format!(
                "the cast from {} to {}",
                from.display_name(),
                to.display_name()
            ))),
        }
    }

    /// Text as a numeric: `+007.50` → `7.50`. Exponents raise.
    fn read_numeric(&mut self, sql: String) -> Result<String, DialectError> {
        let error = raise("'22P02:invalid input syntax for type numeric: \"' || {a} || '\"'");
        let exponent = raise("'0A000:a numeric with an exponent, or NaN, from text is not supported'");
        let steps = vec![
            vec![("a", sql)],
            vec![("t", "trim({a}, ' ' || char(9) || char(10) || char(13))".to_string())],
            vec![("b", "CASE WHEN substr({t}, 1, 1) IN ('-', '+') THEN substr({t}, 2) ELSE {t} END".to_string())],
            vec![
                ("w", "ltrim(CASE WHEN instr({b}, '.') THEN substr({b}, 1, instr({b}, '.') - 1) ELSE {b} END, '0')".to_string()),
                ("f", "CASE WHEN instr({b}, '.') THEN substr({b}, instr({b}, '.')) ELSE '' END".to_string()),
            ],
        ];
        let result = format!(
            "CASE WHEN {{a}} IS NULL THEN NULL \
             WHEN {{b}} NOT GLOB '*[^0-9.]*' AND replace({{b}}, '.', '') <> '' AND length({{b}}) - length(replace({{b}}, '.', '')) <= 1 \
             THEN CASE WHEN substr({{t}}, 1, 1) = '-' AND ltrim({{b}}, '0.') <> '' THEN '-' ELSE '' END \
             || CASE {{w}} WHEN '' THEN '0' ELSE {{w}} END || CASE {{f}} WHEN '.' THEN '' ELSE {{f}} END \
             WHEN lower({{t}}) = 'nan' OR {{b}} GLOB '[0-9.]*[eE]*[0-9]' THEN {exponent} ELSE {error} END"
        );
        self.in_steps(&steps, &result)
    }

    /// A double as an integer: the nearest, the even one of two.
    fn float_to_integer(&mut self, sql: String, to: &DataType) -> Result<String, DialectError> {
        let (low, high) = match to {
            DataType::Int2 => ("-32768.5", "32767.5"),
            DataType::Int4 => ("-2147483648.5", "2147483647.5"),
            _ => ("-9223372036854775808.0", "9223372036854775808.0"),
        };
        let error = raise(&format!("'22003:{} out of range'", to.display_name()));
        self.once(sql, |value| {
            format!(
                "CASE WHEN {value} IS NULL THEN NULL WHEN NOT ({value} >= {low} AND {value} < {high}) THEN {error} \
                 WHEN abs({value}) >= 4503599627370496.0 THEN CAST({value} AS INTEGER) \
                 WHEN abs({value} - CAST({value} AS INTEGER)) = 0.5 THEN CAST({value} AS INTEGER) + (CAST({value} AS INTEGER) % 2) \
                 ELSE CAST(round({value}) AS INTEGER) END"
            )
        })
    }

    /// An integer as a numeric of fixed scale: its digits and that many zeros.
    fn with_scale(&mut self, sql: String, precision: u32, scale: u32) -> Result<String, DialectError> {
        let zeros = if scale == 0 { String::new() } else { format!(" || '.{}'", "0".repeat(scale as usize)) };
        let limit = 10_i64.checked_pow(precision.saturating_sub(scale));
        let error = raise("'22003:numeric field overflow'");
        self.once(sql, |value| match limit {
            Some(limit) => {
                format!(
                    "CASE WHEN abs({value}) >= {limit} THEN {error} ELSE CAST({value} AS TEXT){zeros} END"
                )
            }
            None => format!("(CAST({value} AS TEXT){zeros})"),
        })
    }

    /// Reads text whose value is known only when the statement runs; text that is no value raises
    /// as Postgres does. Forms that Postgres takes and this cannot read exactly raise too.
    fn read_text(&mut self, sql: String, to: &DataType) -> Result<String, DialectError> {
        use DataType as T;
        let error = |value: &str| {
            raise(&format!(
                "'22P02:invalid input syntax for type {}: \"' || {value} || '\"'",
                to.display_name()
            ))
        };
        match to {
            T::Uuid => self.once(sql, |value| {
                format!(
                    "CASE WHEN {value} IS NULL THEN NULL \
                     WHEN length({value}) = 36 AND length(unhex({value}, '-')) = 16 \
                     AND substr({value}, 9, 1) || substr({value}, 14, 1) || substr({value}, 19, 1) || substr({value}, 24, 1) = '----' \
                     THEN lower({value}) ELSE {} END",
                    error(value)
                )
            }),
            T::Int2 | T::Int4 | T::Int8 => {
                let (low, high) = integer_range(to);
                self.once(sql, |value| {
                    format!(
                        "CASE WHEN {value} IS NULL THEN NULL \
                         WHEN CAST(CAST({value} AS INTEGER) AS TEXT) = {value} \
                         AND CAST({value} AS INTEGER) BETWEEN {low} AND {high} \
                         THEN CAST({value} AS INTEGER) ELSE {} END",
                        error(value)
                    )
                })
            }
            T::Numeric(lengths) => {
                let sql = self.read_numeric(sql)?;
                match lengths {
                    None => Ok(sql),
                    Some((precision, scale)) => {
                        self.decimal_of(Piece::Typed(sql, T::Numeric(None)), *precision, *scale)
                    }
                }
            }
            T::Float8 => self.once(sql, |value| {
                format!(
                    "CASE WHEN {value} IS NULL THEN NULL WHEN {} THEN CAST(trim({value}) AS REAL) \
                     WHEN lower(trim({value})) IN ('infinity', 'inf', '+infinity', '+inf') THEN 9e999 WHEN lower(trim({value})) IN ('-infinity', '-inf') THEN -9e999 ELSE {} END",
                    is_decimal(&format!("trim({value})")),
                    error(value)
                )
            }),
            T::Bool => self.once(sql, |value| {
                format!(
                    "CASE WHEN {value} IS NULL THEN NULL \
                     WHEN lower(trim({value})) IN ('t', 'tr', 'tru', 'true', 'y', 'ye', 'yes', 'on', '1') THEN 1 \
                     WHEN lower(trim({value})) IN ('f', 'fa', 'fal', 'fals', 'false', 'n', 'no', 'of', 'off', '0') THEN 0 \
                     ELSE {} END",
                    error(value)
                )
            }),
            T::Timestamp | T::Timestamptz => self.read_timestamp(sql, to),
            T::Interval => self.read_span(sql),
            T::Date if self.place == super::Place::Query => self.read_timestamp(sql, to),
            T::Date => self.once(sql, |value| {
                let error = raise(&format!("'22007:invalid input syntax for type date: \"' || {value} || '\"'"));
                format!("CASE WHEN {value} IS NULL OR date({value}) = {value} THEN {value} ELSE {error} END")
            }),
            T::Json | T::Jsonb => self.once(sql, |value| {
                format!(
                    "CASE WHEN {value} IS NULL OR json_valid({value}) THEN json({value}) ELSE {} END",
                    raise("'22P02:invalid input syntax for type json'")
                )
            }),
            T::Enum(name) => {
                let labels = self.catalog.enums.get(name).map(|of| of.labels.clone()).unwrap_or_default();
                let labels: Vec<String> = labels.iter().map(|label| quote_literal(label)).collect();
                let error = |value: &str| {
                    let name = to.display_name().replace('\'', "''");
                    raise(&format!("'22P02:invalid input value for enum {name}: \"' || {value} || '\"'"))
                };
                self.once(sql, |value| {
                    format!(
                        "CASE WHEN {value} IS NULL OR {value} IN ({}) THEN {value} ELSE {} END",
                        labels.join(", "),
                        error(value)
                    )
                })
            }
            other => {
                Err(DialectError::unsupported(format!("the cast from text to {}", other.display_name())))
            }
        }
    }
}

/// Whether a text is digits with at most one point and a sign.
fn is_decimal(text: &str) -> String {
    let bare = format!("CASE WHEN substr({text}, 1, 1) IN ('-', '+') THEN substr({text}, 2) ELSE {text} END");
    format!(
        "({bare} NOT GLOB '*[^0-9.]*' AND replace({bare}, '.', '') <> '' AND length({bare}) - length(replace({bare}, '.', '')) <= 1)"
    )
}

/// The digits of a number written out: `5`, `(-5)`, `'5.0'`.
fn number_literal(sql: &str) -> Option<&str> {
    let bare = sql.strip_prefix('(').and_then(|sql| sql.strip_suffix(')'));
    let quoted = sql.strip_prefix('\'').and_then(|sql| sql.strip_suffix('\''));
    let digits = bare.or(quoted).unwrap_or(sql);
    let is_number = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '-');
    (!digits.is_empty() && digits.chars().all(is_number)).then_some(digits)
}

/// The least and greatest value of an integer type, as SQL.
pub fn integer_range(data_type: &DataType) -> (&'static str, &'static str) {
    match data_type {
        DataType::Int2 => ("-32768", "32767"),
        DataType::Int4 => ("-2147483648", "2147483647"),
        _ => ("(-9223372036854775807 - 1)", "9223372036854775807"),
    }
}

fn convert_time(sql: String, from: &DataType, to: &DataType) -> Result<String, DialectError> {
    use DataType as T;
    let finite =
        |sql: &str, then: String| format!("CASE WHEN instr({sql}, 'infinity') THEN {sql} ELSE {then} END");
    Ok(match (from, to) {
        (T::Date, T::Timestamp) => finite(&sql, format!("{sql} || 'T00:00:00'")),
        (T::Date, T::Timestamptz) => finite(&sql, format!("{sql} || 'T00:00:00+00:00'")),
        (T::Timestamp, T::Timestamptz) => finite(&sql, format!("{sql} || '+00:00'")),
        (T::Timestamptz, T::Timestamp) => format!("replace({sql}, '+00:00', '')"),
        (T::Timestamp | T::Timestamptz, T::Date) => finite(&sql, format!("substr({sql}, 1, 10)")),
        _ => sql,
    })
}

fn cut(text: String, to: &DataType) -> String {
    match to {
        DataType::Varchar(Some(length)) | DataType::Char(length) => {
            text.chars().take(usize::try_from(*length).unwrap_or(usize::MAX)).collect()
        }
        _ => text,
    }
}
