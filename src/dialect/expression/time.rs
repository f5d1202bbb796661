//! Dates and times: constant intervals, EXTRACT, AT TIME ZONE, date_trunc.
//!
//! SQLite's date functions keep milliseconds, so a value's fraction is carried around them as text.

use sqlparser::ast::{self, BinaryOperator, Expr};

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::raise;

/// The current instant as a stored timestamptz; SQLite's clock has milliseconds.
pub const NOW: &str = "(rtrim(rtrim(strftime('%Y-%m-%dT%H:%M:%f', 'now'), '0'), '.') || '+00:00')";

/// A constant span, in the units that calendars keep apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Span {
    months: i64,
    days: i64,
    seconds: i64,
}

#[rustfmt::skip]
const UNITS: &[(&str, Span)] = &[
    ("microsecond", Span { months: 0,    days: 0, seconds: 0 }),
    ("second",      Span { months: 0,    days: 0, seconds: 1 }),
    ("sec",         Span { months: 0,    days: 0, seconds: 1 }),
    ("minute",      Span { months: 0,    days: 0, seconds: 60 }),
    ("min",         Span { months: 0,    days: 0, seconds: 60 }),
    ("hour",        Span { months: 0,    days: 0, seconds: 3600 }),
    ("day",         Span { months: 0,    days: 1, seconds: 0 }),
    ("week",        Span { months: 0,    days: 7, seconds: 0 }),
    ("month",       Span { months: 1,    days: 0, seconds: 0 }),
    ("mon",         Span { months: 1,    days: 0, seconds: 0 }),
    ("year",        Span { months: 12,   days: 0, seconds: 0 }),
    ("decade",      Span { months: 120,  days: 0, seconds: 0 }),
];

impl Span {
    /// Reads `1 year 2 months -3 days` and `04:05:06` with whole numbers; `None` for other forms.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        let mut span = Self::default();
        let mut words = lower.split_whitespace();
        let mut found = false;
        while let Some(word) = words.next() {
            if let Some(seconds) = clock(word) {
                span.seconds = span.seconds.checked_add(seconds)?;
            } else {
                let (number, unit) = match word.find(|letter: char| letter.is_ascii_alphabetic()) {
                    Some(start) if start > 0 => word.split_at_checked(start)?,
                    _ => (word, words.next()?),
                };
                let number: i64 = number.parse().ok()?;
                let unit = unit.strip_suffix('s').filter(|unit| unit.len() > 1).unwrap_or(unit);
                let (name, of) = UNITS.iter().find(|(name, _)| *name == unit)?;
                if *name == "microsecond" {
                    return None;
                }
                span.months = span.months.checked_add(of.months.checked_mul(number)?)?;
                span.days = span.days.checked_add(of.days.checked_mul(number)?)?;
                span.seconds = span.seconds.checked_add(of.seconds.checked_mul(number)?)?;
            }
            found = true;
        }
        found.then_some(span)
    }

    fn negated(self) -> Self {
        Self { months: -self.months, days: -self.days, seconds: -self.seconds }
    }

    /// SQLite's modifiers, in Postgres' order; `floor` keeps a month's last day in that month.
    fn modifiers(self) -> String {
        let mut text = String::new();
        if self.months != 0 {
            text.push_str(&format!(", '{:+} months', 'floor'", self.months));
        }
        if self.days != 0 {
            text.push_str(&format!(", '{:+} days'", self.days));
        }
        if self.seconds != 0 {
            text.push_str(&format!(", '{:+} seconds'", self.seconds));
        }
        text
    }
}

/// `04:05` and `04:05:06` in seconds.
fn clock(word: &str) -> Option<i64> {
    let (sign, word) = word.strip_prefix('-').map_or((1, word), |word| (-1, word));
    let mut seconds = 0i64;
    let mut parts = 0;
    for part in word.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(i64::from(part.parse::<u32>().ok()?))?;
        parts += 1;
    }
    match parts {
        2 => seconds.checked_mul(60 * sign),
        3 => seconds.checked_mul(sign),
        _ => None,
    }
}

impl Lowering<'_> {
    /// `timestamp ± interval`, `date ± integer`, `date - date`; the lowered operands when no time is involved.
    pub(super) fn time_arithmetic(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Result<Piece, (Piece, Piece)>, DialectError> {
        let minus = *operator == BinaryOperator::Minus;
        if !minus && *operator != BinaryOperator::Plus {
            return Ok(Err((self.lower(left)?, self.lower(right)?)));
        }
        let is_calendar = |piece: &Piece| {
            matches!(
                piece.data_type(),
                None | Some(DataType::Timestamptz | DataType::Timestamp | DataType::Date)
            )
        };
        // Each is lowered once, see `arithmetic`.
        let (left, right) = match (self.constant_span(right)?, minus) {
            (Some(span), _) => {
                let at = self.lower(left)?;
                if is_calendar(&at) {
                    return self.shift(at, if minus { span.negated() } else { span }).map(Ok);
                }
                (at, self.lower(right)?)
            }
            (None, false) => match self.constant_span(left)? {
                Some(span) => {
                    let at = self.lower(right)?;
                    if is_calendar(&at) {
                        return self.shift(at, span).map(Ok);
                    }
                    (self.lower(left)?, at)
                }
                None => (self.lower(left)?, self.lower(right)?),
            },
            (None, true) => (self.lower(left)?, self.lower(right)?),
        };
        let is_date = |piece: &Piece| piece.data_type() == Some(&DataType::Date);
        let whole = |piece: &Piece| matches!(piece.data_type(), Some(DataType::Int2 | DataType::Int4));
        match (left, right) {
            (Piece::Typed(one, DataType::Date), Piece::Typed(other, DataType::Date)) if minus => {
                let sql = format!("CAST(julianday({one}) - julianday({other}) AS INTEGER)");
                Ok(Ok(Piece::Typed(sql, DataType::Int4)))
            }
            (Piece::Typed(date, DataType::Date), days) if whole(&days) => {
                self.move_date(date, days, if minus { "-" } else { "" }).map(Ok)
            }
            (days, Piece::Typed(date, DataType::Date)) if whole(&days) && !minus => {
                self.move_date(date, days, "").map(Ok)
            }
            (Piece::Typed(one, DataType::Interval), Piece::Typed(other, DataType::Interval)) => {
                self.added_intervals(one, other, minus).map(Ok)
            }
            (at, Piece::Typed(span, DataType::Interval)) if is_date(&at) || is_moment(&at) => {
                self.moved(at, span, minus).map(Ok)
            }
            (Piece::Typed(span, DataType::Interval), at) if !minus && (is_date(&at) || is_moment(&at)) => {
                self.moved(at, span, false).map(Ok)
            }
            (one, other)
                if minus
                    && [&one, &other].iter().any(|piece| is_moment(piece) || is_date(piece))
                    && [&one, &other].iter().all(|piece| {
                        piece.data_type().is_none_or(|of| super::type_name::family(of).is_time())
                    }) =>
            {
                if one == Piece::Null || other == Piece::Null {
                    return Ok(Ok(Piece::Null));
                }
                if is_date(&one) != is_date(&other)
                    && (one.data_type().is_none() || other.data_type().is_none())
                {
                    return Err(DialectError::unsupported("a date minus a literal without a type")
                        .with_hint("Write the literal's type: date '2024-01-01'."));
                }
                self.between_times(one, other).map(Ok)
            }
            (one, other) if is_date(&one) || is_date(&other) || is_moment(&one) || is_moment(&other) => {
                if one == Piece::Null || other == Piece::Null {
                    return Ok(Ok(Piece::Null));
                }
                Err(super::compare::no_operator(&one, &operator.to_string(), &other))
            }
            (one, other) => Ok(Err((one, other))),
        }
    }

    /// The span of `interval '7 days'`, `'7 days'::interval`, `interval '7' day`, `make_interval` no.
    fn constant_span(&mut self, expression: &Expr) -> Result<Option<Span>, DialectError> {
        let text = match expression {
            Expr::Nested(inner) => return self.constant_span(inner),
            Expr::Interval(interval) => {
                if interval.last_field.is_some() || interval.leading_precision.is_some() {
                    return Err(DialectError::unsupported(interval));
                }
                let Some(text) = plain_text(&interval.value) else { return Ok(None) };
                match &interval.leading_field {
                    Some(field) => format!("{text} {}", field.to_string().to_lowercase()),
                    None => text,
                }
            }
            Expr::Cast { expr, data_type: ast::DataType::Interval { .. }, .. } => match plain_text(expr) {
                Some(text) => text,
                None => return Ok(None),
            },
            Expr::TypedString(typed) if matches!(typed.data_type, ast::DataType::Interval { .. }) => {
                typed.value.value.clone().into_string().unwrap_or_default()
            }
            Expr::BinaryOp { left, op: BinaryOperator::Multiply, right } => {
                let (count, unit) = match (self.constant_span(left)?, self.constant_span(right)?) {
                    (Some(unit), None) => (plain_number(right), unit),
                    (None, Some(unit)) => (plain_number(left), unit),
                    _ => return Ok(None),
                };
                let Some(count) = count else { return Ok(None) };
                return Ok(Some(Span {
                    months: unit.months.saturating_mul(count),
                    days: unit.days.saturating_mul(count),
                    seconds: unit.seconds.saturating_mul(count),
                }));
            }
            _ => return Ok(None),
        };
        // Other forms are read by the type, and computed with when the statement runs.
        Ok(Span::parse(&text))
    }

    /// A date that SQLite computed; outside of the years it can say, an error instead.
    fn within_years(&self, sql: String) -> String {
        let error = raise("'0A000:a date outside the years 1 to 9999 is not supported'");
        self.again(sql, |value| {
            format!("CASE WHEN {value} GLOB '[0-9]*' AND {value} > '0001' THEN {value} ELSE {error} END")
        })
    }

    fn move_date(&mut self, date: String, days: Piece, sign: &str) -> Result<Piece, DialectError> {
        let days = days.into_sql(self.catalog)?;
        let sql = self.once(date, |date| {
            let moved = self.within_years(format!("date({date}, {sign}({days}) || ' days')"));
            format!(
                "CASE WHEN {date} IS NULL OR ({days}) IS NULL THEN NULL WHEN instr({date}, 'infinity') THEN {date} ELSE {moved} END"
            )
        })?;
        Ok(Piece::Typed(sql, DataType::Date))
    }

    fn shift(&mut self, at: Piece, span: Span) -> Result<Piece, DialectError> {
        let modifiers = span.modifiers();
        match at {
            Piece::Typed(at, data_type @ (DataType::Timestamptz | DataType::Timestamp)) => {
                // What follows the seconds, fraction and offset, stays; infinity is left as it is.
                let sql = self.once(at, |at| {
                    let moved =
                        self.within_years(format!("strftime('%Y-%m-%dT%H:%M:%S', substr({at}, 1, 19){modifiers})"));
                    format!(
                        "CASE WHEN {at} IS NULL OR instr({at}, 'infinity') THEN {at} ELSE {moved} || substr({at}, 20) END"
                    )
                })?;
                Ok(Piece::Typed(sql, data_type))
            }
            Piece::Typed(at, DataType::Date) => {
                let sql = self.once(at, |at| {
                    let moved = self.within_years(format!("strftime('%Y-%m-%dT%H:%M:%S', {at}{modifiers})"));
                    format!("CASE WHEN {at} IS NULL OR instr({at}, 'infinity') THEN {at} ELSE {moved} END")
                })?;
                Ok(Piece::Typed(sql, DataType::Timestamp))
            }
            Piece::Null => Ok(Piece::Null),
            other => Err(DialectError::unsupported(format!("{} with an interval", other.type_name()))),
        }
    }

    /// A time moved by a constant interval in its stored form, and whether it moves forwards.
    pub fn stepped(&mut self, at: Piece, step: &str) -> Result<(String, bool), DialectError> {
        let text = step.trim_matches('\'');
        let span = Span::parse(text).filter(|_| step.starts_with('\''));
        let span = span.ok_or_else(|| {
            DialectError::unsupported("a step that is no constant interval of whole seconds")
        })?;
        let forwards = [span.months, span.days, span.seconds].iter().all(|part| *part >= 0);
        let backwards = [span.months, span.days, span.seconds].iter().all(|part| *part <= 0);
        if forwards == backwards {
            return Err(DialectError::new("22023", "step size cannot equal zero or go both ways"));
        }
        Ok((self.shift(at, span)?.into_sql(self.catalog)?, forwards))
    }

    pub(super) fn interval(&mut self, interval: &ast::Interval) -> Result<Piece, DialectError> {
        let text = plain_text(&interval.value).map(|text| match &interval.leading_field {
            Some(field) => format!("{text} {}", field.to_string().to_lowercase()),
            None => text,
        });
        match (text, &interval.last_field) {
            (Some(text), None) => {
                let sql = super::piece::literal(self.catalog, &DataType::Interval, &text)?;
                Ok(Piece::Typed(sql, DataType::Interval))
            }
            _ => Err(DialectError::unsupported("this form of interval")),
        }
    }

    pub(super) fn extract(&mut self, field: &ast::DateTimeField, expr: &Expr) -> Result<Piece, DialectError> {
        let piece = self.lower(expr)?;
        self.extract_field(&field.to_string().to_lowercase(), piece)
    }

    /// EXTRACT of a whole field, which Postgres gives as numeric.
    pub(super) fn extract_field(&mut self, field: &str, piece: Piece) -> Result<Piece, DialectError> {
        let refused = || DialectError::unsupported(format!("EXTRACT({field} …)"));
        let piece = match piece {
            Piece::Null => return Ok(Piece::Null),
            Piece::Typed(span, DataType::Interval) => return self.extract_from_interval(field, span),
            piece => piece,
        };
        let Piece::Typed(at, of @ (DataType::Timestamptz | DataType::Timestamp | DataType::Date)) = &piece
        else {
            return Err(refused());
        };
        if *of == DataType::Date && matches!(field, "hour" | "minute" | "second") {
            return Err(DialectError::new("0A000", format!("unit \"{field}\" not supported for type date")));
        }
        let whole_field =
            ["year", "month", "day", "hour", "minute", "dow", "isodow", "doy", "week", "isoyear", "quarter"];
        if !whole_field.contains(&field) {
            return self.extract_micros(field, piece.clone())?.ok_or_else(refused);
        }
        let at = at.clone();
        let endless = raise(&format!("'0A000:EXTRACT({field} …) of infinity is not supported'"));
        let at = format!("CASE WHEN instr({at}, 'infinity') THEN {endless} ELSE substr({at}, 1, 19) END");
        #[rustfmt::skip]
        let whole = match field {
            "year"   => format!("strftime('%Y', {at})"),
            "month"  => format!("strftime('%m', {at})"),
            "day"    => format!("strftime('%d', {at})"),
            "hour"   => format!("strftime('%H', {at})"),
            "minute" => format!("strftime('%M', {at})"),
            "dow"    => format!("strftime('%w', {at})"),
            "isodow" => format!("strftime('%u', {at})"),
            "doy"    => format!("strftime('%j', {at})"),
            "week"   => format!("strftime('%V', {at})"),
            "isoyear"=> format!("strftime('%G', {at})"),
            "quarter"=> format!("(CAST(strftime('%m', {at}) AS INTEGER) + 2) / 3"),
            _        => return Err(refused()),
        };
        let whole = format!("CAST({whole} AS INTEGER)");
        let text = format!("CAST({whole} AS TEXT)");
        self.whole_decimal(&text, &whole);
        Ok(Piece::Typed(text, DataType::Numeric(None)))
    }

    /// Only UTC, which is what is stored: `timestamptz AT TIME ZONE 'UTC'` and back.
    pub(super) fn at_time_zone(&mut self, at: &Expr, zone: &Expr) -> Result<Piece, DialectError> {
        let zone = self.lower(zone)?;
        let at = self.lower(at)?;
        self.in_time_zone(zone, at)
    }

    /// `timezone(zone, at)`.
    pub(super) fn in_time_zone(&mut self, zone: Piece, at: Piece) -> Result<Piece, DialectError> {
        let utc = match &zone {
            Piece::Unknown(zone) => matches!(zone.to_lowercase().as_str(), "utc" | "gmt" | "z"),
            Piece::Typed(sql, DataType::Text) => matches!(sql.to_lowercase().as_str(), "'utc'" | "'gmt'"),
            _ => false,
        };
        if !utc {
            return Err(DialectError::unsupported("a time zone other than 'UTC'"));
        }
        let (to, is_time) = match at.data_type() {
            Some(DataType::Timestamptz) => (DataType::Timestamp, true),
            Some(DataType::Timestamp) => (DataType::Timestamptz, true),
            _ => (DataType::Timestamptz, false),
        };
        if !is_time {
            return Err(DialectError::unsupported(format!("AT TIME ZONE of {}", at.type_name())));
        }
        let sql = match to {
            DataType::Timestamptz => self.once(at.into_sql(self.catalog)?, |at| {
                format!("CASE WHEN instr({at}, 'infinity') THEN {at} ELSE {at} || '+00:00' END")
            })?,
            _ => format!("replace({}, '+00:00', '')", at.into_sql(self.catalog)?),
        };
        Ok(Piece::Typed(sql, to))
    }

    /// `date_trunc('day', at)`.
    pub(super) fn date_trunc(&mut self, field: Piece, at: Piece) -> Result<Piece, DialectError> {
        let Piece::Unknown(field) = field else {
            return Err(DialectError::unsupported("date_trunc with a field that is no literal"));
        };
        let (at, data_type) = match at {
            Piece::Typed(at, DataType::Date) => (at, DataType::Timestamptz),
            Piece::Typed(at, of @ (DataType::Timestamptz | DataType::Timestamp)) => (at, of),
            other => {
                return Err(DialectError::unsupported(format!("date_trunc of {}", other.type_name())));
            }
        };
        let field = field.to_lowercase();
        #[rustfmt::skip]
        let format = match field.as_str() {
            "year"             => "%Y-01-01T00:00:00",
            "month" | "quarter" => "%Y-%m-01T00:00:00",
            "day" | "week"     => "%Y-%m-%dT00:00:00",
            "hour"             => "%Y-%m-%dT%H:00:00",
            "minute"           => "%Y-%m-%dT%H:%M:00",
            "second"           => "%Y-%m-%dT%H:%M:%S",
            other              => return Err(DialectError::unsupported(format!("date_trunc('{other}', …)"))),
        };
        let offset = if data_type == DataType::Timestamptz { " || '+00:00'" } else { "" };
        let sql = self.once(at, |at| {
            let modifiers = match field.as_str() {
                "week" => ", '-6 days', 'weekday 1'".to_string(),
                // As many months back as the month is into its quarter.
                "quarter" => format!(
                    ", 'start of month', '-' || ((CAST(strftime('%m', substr({at}, 1, 19)) AS INTEGER) - 1) % 3) || ' months'"
                ),
                _ => String::new(),
            };
            format!(
                "CASE WHEN instr({at}, 'infinity') THEN {at} ELSE strftime('{format}', substr({at}, 1, 19){modifiers}){offset} END"
            )
        })?;
        Ok(Piece::Typed(sql, data_type))
    }
}

fn is_moment(piece: &Piece) -> bool {
    matches!(piece.data_type(), Some(DataType::Timestamptz | DataType::Timestamp | DataType::Time))
}

fn plain_text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(value) => match &value.value {
            ast::Value::Number(digits, _) => Some(digits.clone()),
            other => other.clone().into_string(),
        },
        _ => None,
    }
}

fn plain_number(expression: &Expr) -> Option<i64> {
    match expression {
        Expr::Value(value) => match &value.value {
            ast::Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}
