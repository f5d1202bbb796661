//! Instants and spans as numbers of microseconds: what SQLite's date functions, which keep
//! milliseconds and no spans, leave to be done.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::lowering::Lowering;
use super::piece::Piece;
use super::type_name::family;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::raise;

/// The steps of [`Lowering::in_steps`].
type Steps = Vec<Vec<(&'static str, String)>>;

/// Microseconds of a day.
const DAY: &str = "86400000000";

/// The units of an interval's text: the part that they count in, how many of it one is, and its names.
#[rustfmt::skip]
const UNITS: &[(&str, &str, &str)] = &[
    ("months", "12",         "'year', 'years', 'yr', 'yrs', 'y'"),
    ("months", "1",          "'month', 'months', 'mon', 'mons'"),
    ("days",   "7",          "'week', 'weeks', 'w'"),
    ("days",   "1",          "'day', 'days', 'd'"),
    ("micros", "3600000000", "'hour', 'hours', 'hr', 'hrs', 'h'"),
    ("micros", "60000000",   "'minute', 'minutes', 'min', 'mins'"),
    ("micros", "1000000",    "'second', 'seconds', 'sec', 'secs', 's'"),
];

/// The microseconds since 1970 of a stored timestamp `{name}`.
fn micros_of(name: &str) -> String {
    format!(
        "(unixepoch(substr({{{name}}}, 1, 19)) * 1000000 + CASE substr({{{name}}}, 20, 1) WHEN '.' THEN CAST(substr(replace(substr({{{name}}}, 21), '+00:00', '') || '000000', 1, 6) AS INTEGER) ELSE 0 END)"
    )
}

/// The stored form of a timestamp of so many microseconds since 1970; outside of the years that SQLite
/// can say it raises.
fn timestamp_of(micros: &str, suffix: &str) -> String {
    let fraction = format!("((({micros}) % 1000000 + 1000000) % 1000000)");
    let text = format!("strftime('%Y-%m-%dT%H:%M:%S', (({micros}) - {fraction}) / 1000000, 'unixepoch')");
    let error = raise("'0A000:a date outside the years 1 to 9999 is not supported'");
    format!(
        "CASE WHEN {micros} BETWEEN -62135596800000000 AND 253402300799999999 THEN {text} || CASE {fraction} WHEN 0 THEN '' ELSE rtrim('.' || printf('%06d', {fraction}), '0') END{suffix} WHEN {micros} IS NOT NULL THEN {error} END"
    )
}

/// An interval's text from months, days and microseconds, as Postgres prints it: after a part below
/// zero those above it have a sign.
fn interval_of(months: &str, days: &str, micros: &str) -> String {
    let part = |value: &str, unit: &str, before: &str| {
        format!(
            "CASE WHEN {value} = 0 THEN '' ELSE CASE WHEN {value} > 0 AND ({before}) THEN '+' ELSE '' END || {value} || ' {unit}' || CASE {value} WHEN 1 THEN '' ELSE 's' END || ' ' END"
        )
    };
    let (years, rest) = (format!("({months} / 12)"), format!("({months} % 12)"));
    let seconds = format!("(abs({micros}) / 1000000)");
    let clock = format!(
        "CASE WHEN {micros} = 0 AND ({months} <> 0 OR {days} <> 0) THEN '' ELSE \
         CASE WHEN {micros} < 0 THEN '-' WHEN {days} < 0 OR ({days} = 0 AND {months} < 0) THEN '+' ELSE '' END \
         || printf('%02d:%02d:%02d', {seconds} / 3600, {seconds} / 60 % 60, {seconds} % 60) \
         || CASE abs({micros}) % 1000000 WHEN 0 THEN '' ELSE rtrim('.' || printf('%06d', abs({micros}) % 1000000), '0') END END"
    );
    format!(
        "CASE WHEN {months} IS NULL OR {days} IS NULL OR {micros} IS NULL THEN NULL ELSE rtrim({} || {} || {} || {clock}) END",
        part(&years, "year", "0"),
        part(&rest, "mon", &format!("{years} < 0")),
        part(days, "day", &format!("{rest} < 0 OR ({rest} = 0 AND {years} < 0)"))
    )
}

/// The steps that read a stored interval: `{months}`, `{days}`, `{micros}` follow.
fn read_interval(sql: String) -> Steps {
    let after = |text: &str, unit: &str, length: usize| {
        format!(
            "CASE WHEN instr({text}, '{unit}') THEN ltrim(substr({text}, instr({text}, '{unit}') + {length}), 's +') ELSE {text} END"
        )
    };
    let count = |text: &str, unit: &str| {
        format!("CASE WHEN instr({text}, '{unit}') THEN CAST({text} AS INTEGER) ELSE 0 END")
    };
    vec![
        vec![("t", sql)],
        vec![("year", count("{t}", " year")), ("u", after("{t}", " year", 5))],
        vec![("mon", count("{u}", " mon")), ("v", after("{u}", " mon", 4))],
        vec![("days", count("{v}", " day")), ("w", after("{v}", " day", 4))],
        vec![
            ("months", "{year} * 12 + {mon}".to_string()),
            ("c", "ltrim({w}, '-+')".to_string()),
            ("g", "CASE WHEN substr({w}, 1, 1) = '-' THEN -1 ELSE 1 END".to_string()),
        ],
        vec![("l", "substr({c}, instr({c}, ':') + 1)".to_string())],
        vec![(
            "micros",
            "CASE WHEN {c} = '' THEN 0 ELSE {g} * ((CAST(substr({c}, 1, instr({c}, ':') - 1) AS INTEGER) * 3600 \
             + CAST(substr({l}, 1, 2) AS INTEGER) * 60 + CAST(substr({l}, 4, 2) AS INTEGER)) * 1000000 \
             + CASE substr({l}, 6, 1) WHEN '.' THEN CAST(substr(substr({l}, 7) || '000000', 1, 6) AS INTEGER) ELSE 0 END) END"
                .to_string(),
        )],
    ]
}

/// What raises where a span or a part of infinity is asked for.
fn endless() -> String {
    raise("'0A000:arithmetic with infinity is not supported'")
}

impl Lowering<'_> {
    /// A time moved by an interval that is known when the statement runs.
    pub(super) fn moved(&mut self, at: Piece, span: String, minus: bool) -> Result<Piece, DialectError> {
        let (sql, data_type) = at.resolved(self.catalog)?;
        let sign = if minus { "-" } else { "" };
        if data_type == DataType::Time {
            let mut steps = read_interval(span);
            if let Some(first) = steps.first_mut() {
                first.push(("a", sql));
            }
            let of_day = "((CAST(substr({a}, 1, 2) AS INTEGER) * 3600 + CAST(substr({a}, 4, 2) AS INTEGER) * 60 + CAST(substr({a}, 7, 2) AS INTEGER)) * 1000000 + CASE substr({a}, 9, 1) WHEN '.' THEN CAST(substr(substr({a}, 10) || '000000', 1, 6) AS INTEGER) ELSE 0 END)";
            steps.push(vec![("n", format!("(({of_day} + ({sign}{{micros}})) % {DAY} + {DAY}) % {DAY}"))]);
            let text = "CASE WHEN {n} IS NULL THEN NULL ELSE printf('%02d:%02d:%02d', {n} / 3600000000, {n} / 60000000 % 60, {n} / 1000000 % 60) || CASE {n} % 1000000 WHEN 0 THEN '' ELSE rtrim('.' || printf('%06d', {n} % 1000000), '0') END END";
            return Ok(Piece::Typed(self.in_steps(&steps, text)?, DataType::Time));
        }
        let (at, to) = match data_type {
            DataType::Date => {
                (self.implicit(Piece::Typed(sql, data_type), &DataType::Timestamp)?, DataType::Timestamp)
            }
            DataType::Timestamp | DataType::Timestamptz => (sql, data_type),
            other => {
                return Err(DialectError::unsupported(format!("{} with an interval", other.display_name())));
            }
        };
        let mut steps = read_interval(span);
        if let Some(first) = steps.first_mut() {
            first.push(("a", at));
        }
        steps.push(vec![(
            "b",
            format!(
                "CASE WHEN instr({{a}}, 'infinity') THEN {{a}} ELSE strftime('%Y-%m-%dT%H:%M:%S', substr({{a}}, 1, 19), printf('%+d months', {sign}{{months}}), 'floor', printf('%+d days', {sign}{{days}})) || substr({{a}}, 20) END"
            ),
        )]);
        steps.push(vec![("n", format!("{} + ({sign}{{micros}})", micros_of("b")))]);
        let suffix = if to == DataType::Timestamptz { " || '+00:00'" } else { "" };
        let result = format!(
            "CASE WHEN {{t}} IS NULL OR {{a}} IS NULL THEN NULL WHEN instr({{a}}, 'infinity') THEN {{a}} ELSE {} END",
            timestamp_of("{n}", suffix)
        );
        Ok(Piece::Typed(self.in_steps(&steps, &result)?, to))
    }

    /// The interval between two times, in days and what is left of one.
    pub(super) fn between_times(&mut self, left: Piece, right: Piece) -> Result<Piece, DialectError> {
        let common = match (left.data_type(), right.data_type()) {
            (Some(one), Some(other)) if family(one).is_time() && family(other).is_time() => {
                super::type_name::common_type(one, other).unwrap_or(DataType::Timestamptz)
            }
            (Some(one), None) | (None, Some(one)) if family(one).is_time() => one.clone(),
            _ => return Err(super::compare::no_operator(&left, "-", &right)),
        };
        let common = if common == DataType::Date { DataType::Timestamp } else { common };
        let steps = vec![
            vec![("a", self.implicit(left, &common)?), ("b", self.implicit(right, &common)?)],
            vec![(
                "n",
                format!(
                    "CASE WHEN instr({{a}}, 'infinity') OR instr({{b}}, 'infinity') THEN {} ELSE {} - {} END",
                    endless(),
                    micros_of("a"),
                    micros_of("b")
                ),
            )],
            vec![("d", format!("{{n}} / {DAY}")), ("m", format!("{{n}} % {DAY}"))],
        ];
        Ok(Piece::Typed(self.in_steps(&steps, &interval_of("0", "{d}", "{m}"))?, DataType::Interval))
    }

    /// `interval ± interval`.
    pub(super) fn added_intervals(
        &mut self,
        left: String,
        right: String,
        minus: bool,
    ) -> Result<Piece, DialectError> {
        let sign = if minus { "-" } else { "+" };
        let (one, other) = (self.parts(left)?, self.parts(right)?);
        let sql = self.bound(vec![one, other], |names| match names {
            [one, other] => {
                let part = |index: usize| {
                    format!("(json_extract({one}, '$[{index}]') {sign} json_extract({other}, '$[{index}]'))")
                };
                interval_of(&part(0), &part(1), &part(2))
            }
            _ => String::new(),
        })?;
        Ok(Piece::Typed(sql, DataType::Interval))
    }

    /// `interval * integer`, and the interval turned around.
    pub(super) fn multiplied_interval(&mut self, span: String, times: String) -> Result<Piece, DialectError> {
        let mut steps = read_interval(span);
        if let Some(first) = steps.first_mut() {
            first.push(("f", times));
        }
        steps.push(vec![
            ("x", "{months} * {f}".to_string()),
            ("y", "{days} * {f}".to_string()),
            ("z", "{micros} * {f}".to_string()),
        ]);
        let result = format!("CASE WHEN {{t}} IS NOT NULL THEN {} END", interval_of("{x}", "{y}", "{z}"));
        Ok(Piece::Typed(self.in_steps(&steps, &result)?, DataType::Interval))
    }

    /// An interval's months, days and microseconds as a JSON array.
    fn parts(&mut self, span: String) -> Result<String, DialectError> {
        let steps = read_interval(span);
        self.in_steps(&steps, "CASE WHEN {t} IS NOT NULL THEN json_array({months}, {days}, {micros}) END")
    }

    /// What an interval compares by: microseconds, with months of 30 days.
    pub(super) fn interval_key(&mut self, span: String) -> Result<String, DialectError> {
        let steps = read_interval(span);
        self.in_steps(
            &steps,
            &format!(
                "CASE WHEN {{t}} IS NOT NULL THEN ({{months}} * 30 + {{days}}) * {DAY} + {{micros}} END"
            ),
        )
    }

    /// `age(later, earlier)`: in years, months, days and time, as calendars count.
    pub(super) fn age(&mut self, left: Piece, right: Piece) -> Result<Piece, DialectError> {
        let common = match (left.data_type(), right.data_type()) {
            (Some(DataType::Timestamp), Some(DataType::Timestamp)) => DataType::Timestamp,
            _ => DataType::Timestamptz,
        };
        let (left, right) = (self.implicit(left, &common)?, self.implicit(right, &common)?);
        let field = |name: &str, from: usize, count: usize| {
            format!("CAST(substr({{{name}}}, {from}, {count}) AS INTEGER)")
        };
        let steps = vec![
            vec![("a", left), ("b", right)],
            vec![
                (
                    "na",
                    format!("CASE WHEN instr({{a}}, 'infinity') OR instr({{b}}, 'infinity') THEN {} ELSE {} END", endless(), micros_of("a")),
                ),
                ("nb", micros_of("b")),
            ],
            vec![
                ("h", "CASE WHEN {na} >= {nb} THEN {a} ELSE {b} END".to_string()),
                ("l", "CASE WHEN {na} >= {nb} THEN {b} ELSE {a} END".to_string()),
                ("nh", "max({na}, {nb})".to_string()),
                ("nl", "min({na}, {nb})".to_string()),
                ("g", "CASE WHEN {na} >= {nb} THEN 1 ELSE -1 END".to_string()),
            ],
            vec![
                ("m", format!("(({{nh}} % {DAY} + {DAY}) % {DAY}) - (({{nl}} % {DAY} + {DAY}) % {DAY})")),
                ("d", format!("{} - {}", field("h", 9, 2), field("l", 9, 2))),
                ("o", format!("({} - {}) * 12 + {} - {}", field("h", 1, 4), field("l", 1, 4), field("h", 6, 2), field("l", 6, 2))),
                ("k", "CAST(strftime('%d', substr({l}, 1, 10), 'start of month', '+1 month', '-1 day') AS INTEGER)".to_string()),
            ],
            vec![("m2", format!("{{m}} + CASE WHEN {{m}} < 0 THEN {DAY} ELSE 0 END")), ("d2", "{d} - ({m} < 0)".to_string())],
            vec![("d3", "{d2} + CASE WHEN {d2} < 0 THEN {k} ELSE 0 END".to_string()), ("o2", "{o} - ({d2} < 0)".to_string())],
            vec![("x", "{g} * {o2}".to_string()), ("y", "{g} * {d3}".to_string()), ("z", "{g} * {m2}".to_string())],
        ];
        let sql = self.in_steps(&steps, &interval_of("{x}", "{y}", "{z}"))?;
        Ok(Piece::Typed(sql, DataType::Interval))
    }

    /// A field of a time that is more than a number of SQLite's: seconds with their fraction, the epoch.
    pub(super) fn extract_micros(&mut self, field: &str, at: Piece) -> Result<Option<Piece>, DialectError> {
        let (sql, data_type) = at.resolved(self.catalog)?;
        let is_date = data_type == DataType::Date;
        let sql = match is_date {
            true => self.implicit(Piece::Typed(sql, data_type), &DataType::Timestamp)?,
            false => sql,
        };
        let number =
            format!("CASE WHEN instr({{a}}, 'infinity') THEN {} ELSE {} END", endless(), micros_of("a"));
        let steps = vec![
            vec![("a", sql)],
            vec![("n", number)],
            vec![("m", "({n} % 60000000 + 60000000) % 60000000".to_string())],
        ];
        let places = |value: &str, ten: &str, zeros: usize| {
            format!(
                "CASE WHEN {{n}} IS NOT NULL THEN CASE WHEN {value} < 0 THEN '-' ELSE '' END || CAST(abs({value}) / {ten} AS TEXT) || '.' || printf('%0{zeros}d', abs({value}) % {ten}) END"
            )
        };
        let result = match field {
            "epoch" if is_date => "CAST({n} / 1000000 AS TEXT)".to_string(),
            "epoch" => places("{n}", "1000000", 6),
            "second" | "seconds" if !is_date => places("{m}", "1000000", 6),
            "millisecond" | "milliseconds" if !is_date => places("{m}", "1000", 3),
            "microsecond" | "microseconds" if !is_date => "CAST({m} AS TEXT)".to_string(),
            _ => return Ok(None),
        };
        Ok(Some(Piece::Typed(self.in_steps(&steps, &result)?, DataType::Numeric(None))))
    }

    /// A field of an interval.
    pub(super) fn extract_from_interval(&mut self, field: &str, span: String) -> Result<Piece, DialectError> {
        let mut steps = read_interval(span);
        // A year has 365.25 days to the epoch, a month 30.
        steps.push(vec![(
            "n",
            format!("(({{months}} / 12) * 1461 * {DAY} / 4 + ({{months}} % 12) * 30 * {DAY} + {{days}} * {DAY} + {{micros}})"),
        )]);
        let decimal = |value: &str, ten: &str, zeros: usize| {
            format!(
                "CASE WHEN {value} < 0 THEN '-' ELSE '' END || CAST(abs({value}) / {ten} AS TEXT) || '.' || printf('%0{zeros}d', abs({value}) % {ten})"
            )
        };
        let value = match field {
            "epoch" => decimal("{n}", "1000000", 6),
            "year" | "years" => "CAST({months} / 12 AS TEXT)".to_string(),
            "month" | "months" => "CAST({months} % 12 AS TEXT)".to_string(),
            "day" | "days" => "CAST({days} AS TEXT)".to_string(),
            "hour" | "hours" => "CAST({micros} / 3600000000 AS TEXT)".to_string(),
            "minute" | "minutes" => "CAST({micros} / 60000000 % 60 AS TEXT)".to_string(),
            "second" | "seconds" => decimal("({micros} % 60000000)", "1000000", 6),
            _ => return Err(DialectError::unsupported(format!("EXTRACT({field} …) of an interval"))),
        };
        let sql = self.in_steps(&steps, &format!("CASE WHEN {{t}} IS NOT NULL THEN {value} END"))?;
        Ok(Piece::Typed(sql, DataType::Numeric(None)))
    }

    /// `make_interval(years, months, weeks, days, hours, mins, secs)`, by place or by name.
    pub(super) fn make_interval(&mut self, arguments: &FunctionArguments) -> Result<Piece, DialectError> {
        const NAMES: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];
        let mut values: Vec<String> = vec!["0".to_string(); NAMES.len()];
        let FunctionArguments::List(list) = arguments else {
            return Err(DialectError::unsupported("this form of make_interval()"));
        };
        for (place, argument) in list.args.iter().enumerate() {
            let (place, expression) = match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => (Some(place), expression),
                FunctionArg::Named { name, arg: FunctionArgExpr::Expr(expression), .. } => {
                    let name = crate::dialect::name::folded(name);
                    (NAMES.iter().position(|of| *of == name), expression)
                }
                FunctionArg::ExprNamed {
                    name: Expr::Identifier(name),
                    arg: FunctionArgExpr::Expr(expression),
                    ..
                } => {
                    let name = crate::dialect::name::folded(name);
                    (NAMES.iter().position(|of| *of == name), expression)
                }
                _ => return Err(DialectError::unsupported("this argument of make_interval()")),
            };
            let piece = self.lower(expression)?;
            let to = if place == Some(6) { DataType::Float8 } else { DataType::Int4 };
            let Some(value) = place.and_then(|place| values.get_mut(place)) else {
                return Err(DialectError::new("42883", "function make_interval does not exist in this form"));
            };
            *value = self.implicit(piece, &to)?;
        }
        let steps = vec![
            ["a", "b", "c", "d", "e", "f", "h"].into_iter().zip(values).collect(),
            vec![
                ("x", "{a} * 12 + {b}".to_string()),
                ("y", "{c} * 7 + {d}".to_string()),
                ("z", "({e} * 60 + {f}) * 60000000 + CAST(round({h} * 1000000.0) AS INTEGER)".to_string()),
            ],
        ];
        Ok(Piece::Typed(self.in_steps(&steps, &interval_of("{x}", "{y}", "{z}"))?, DataType::Interval))
    }

    /// Text as an interval: a whole number and its unit, `30 days`. Other forms raise.
    pub(super) fn read_span(&mut self, text: String) -> Result<String, DialectError> {
        let error = raise(
            "'0A000:the text \"' || {a} || '\" as an interval is not supported: a whole number and its unit are'",
        );
        let of = |part: &str| {
            let arms = UNITS.iter().filter(|(of, _, _)| *of == part);
            let arms = arms.map(|(_, times, words)| format!(" WHEN {{u}} IN ({words}) THEN {{n}} * {times}"));
            format!("CASE{} ELSE 0 END", arms.collect::<String>())
        };
        let words: Vec<&str> = UNITS.iter().map(|(_, _, words)| *words).collect();
        let steps = vec![
            vec![("a", text)],
            vec![("t", "lower(trim({a}))".to_string())],
            vec![("u", "ltrim({t}, '+-0123456789 ')".to_string())],
            vec![("d", "rtrim(substr({t}, 1, length({t}) - length({u})))".to_string())],
            vec![("n", "CAST({d} AS INTEGER)".to_string())],
            vec![("x", of("months")), ("y", of("days")), ("z", of("micros"))],
        ];
        let result = format!(
            "CASE WHEN {{a}} IS NULL THEN NULL WHEN length({{d}}) BETWEEN 1 AND 8 AND ltrim({{d}}, '+-') NOT GLOB '*[^0-9]*' \
             AND substr({{d}}, -1) GLOB '[0-9]' AND length({{d}}) - length(ltrim({{d}}, '+-')) <= 1 AND {{u}} IN ({}) THEN {} ELSE {error} END",
            words.join(", "),
            interval_of("{x}", "{y}", "{z}")
        );
        self.in_steps(&steps, &result)
    }

    /// `to_timestamp(seconds since 1970)`.
    pub(super) fn timestamp_of_epoch(&mut self, seconds: String) -> Result<Piece, DialectError> {
        let steps =
            vec![vec![("a", seconds)], vec![("n", "CAST(round({a} * 1000000.0) AS INTEGER)".to_string())]];
        let sql = self.in_steps(&steps, &timestamp_of("{n}", " || '+00:00'"))?;
        Ok(Piece::Typed(sql, DataType::Timestamptz))
    }

    /// Text in ISO 8601's form, known when the statement runs, as a timestamp. Other forms raise.
    pub(super) fn read_timestamp(&mut self, text: String, to: &DataType) -> Result<String, DialectError> {
        let error = raise(&format!(
            "'22007:invalid input syntax for type {}: \"' || {{a}} || '\"'",
            to.display_name()
        ));
        let steps = vec![
            vec![("a", text)],
            vec![("t", "replace(replace(trim({a}), 'T', ' '), 'Z', '+00:00')".to_string())],
            vec![
                // Where the zone starts, after the date.
                ("z", "CASE WHEN instr(substr({t}, 11), '+') THEN instr(substr({t}, 11), '+') + 10 WHEN instr(substr({t}, 11), '-') THEN instr(substr({t}, 11), '-') + 10 ELSE length({t}) + 1 END".to_string()),
                ("d", "substr({t}, 1, 10)".to_string()),
            ],
            vec![("c", "rtrim(substr({t}, 12, {z} - 12))".to_string()), ("o", "substr({t}, {z})".to_string())],
            vec![
                ("f", "CASE WHEN instr({c}, '.') THEN substr({c}, instr({c}, '.') + 1) ELSE '' END".to_string()),
                ("s", "CASE WHEN instr({c}, '.') THEN substr({c}, 1, instr({c}, '.') - 1) ELSE {c} END".to_string()),
                ("p", "CASE WHEN length({o}) = 3 THEN {o} || ':00' WHEN length({o}) = 5 AND instr({o}, ':') = 0 THEN substr({o}, 1, 3) || ':' || substr({o}, 4) ELSE {o} END".to_string()),
            ],
            vec![(
                "ok",
                "{d} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' AND date({d}) = {d} \
                 AND ({s} = '' OR ({s} GLOB '[0-2][0-9]:[0-5][0-9]' AND {s} < '24') OR ({s} GLOB '[0-2][0-9]:[0-5][0-9]:[0-5][0-9]' AND {s} < '24')) \
                 AND {f} NOT GLOB '*[^0-9]*' AND length({f}) <= 6 AND ({p} = '' OR {p} GLOB '[-+][01][0-9]:[0-5][0-9]')"
                    .to_string(),
            )],
            vec![("b", "{d} || 'T' || CASE {s} WHEN '' THEN '00:00:00' ELSE substr({s} || ':00', 1, 8) END".to_string())],
        ];
        let fraction = "CASE rtrim({f}, '0') WHEN '' THEN '' ELSE '.' || rtrim({f}, '0') END";
        let value = match to {
            DataType::Timestamptz => {
                format!("strftime('%Y-%m-%dT%H:%M:%S', {{b}} || {{p}}) || {fraction} || '+00:00'")
            }
            DataType::Date => "{d}".to_string(),
            _ => format!("{{b}} || {fraction}"),
        };
        let result = format!("CASE WHEN {{a}} IS NULL THEN NULL WHEN {{ok}} THEN {value} ELSE {error} END");
        self.in_steps(&steps, &result)
    }
}
