//! Function calls: the caller's values, the forms with a syntax of their own, then the table.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, TrimWhereField,
};

use super::array::json_element;
use super::function::{FUNCTIONS, Reads, Row, TEXT_ARRAY_FUNCTIONS};
use super::lowering::Lowering;
use super::piece::Piece;
use super::special::SPECIALS;
use super::type_name::{Family, common_type, family};
use super::unsupported_function;
use crate::dialect::environment::{CallerValue, RequestPart};
use crate::dialect::{DialectError, name};
use crate::schema::{DataType, json_value};
use crate::sql::{quote_literal, raise};

/// Values of the caller: function, what it asks, type.
#[rustfmt::skip]
const CALLER_VALUES: &[(&str, CallerValue, DataType)] = &[
    ("auth.uid",     CallerValue::UserId, DataType::Uuid),
    ("auth.role",    CallerValue::Role,   DataType::Text),
    ("auth.email",   CallerValue::Email,  DataType::Text),
    ("auth.jwt",     CallerValue::Claims, DataType::Jsonb),
    ("storage.operation", CallerValue::Operation, DataType::Text),
    ("current_user", CallerValue::CurrentUser,  DataType::Text),
    ("current_role", CallerValue::CurrentUser,  DataType::Text),
    ("user",         CallerValue::CurrentUser,  DataType::Text),
];

/// What the settings that have a meaning start with.
const OWN_SETTINGS: &[&str] =
    &["request.", "response.", "pgrst.", "storage.", "plpgsql.", "pg_", "cron.", "vault."];

impl Lowering<'_> {
    pub(super) fn call(&mut self, function: &Function) -> Result<Piece, DialectError> {
        let name = called_name(function)?;
        if let Some(piece) = self.crypt(&name, function)? {
            return Ok(piece);
        }
        if let (Some(refusal), false) =
            (unsupported_function::refusal(&name), function.within_group.is_empty())
        {
            return Err(refusal);
        }
        if !function.within_group.is_empty() || function.null_treatment.is_some() {
            return Err(DialectError::unsupported(format!("{name}() in this form")));
        }
        if let Some(piece) = self.window_call(&name, function)? {
            return Ok(piece);
        }
        if let Some(piece) = self.aggregate(&name, function)? {
            return Ok(piece);
        }
        if function.filter.is_some() || function.over.is_some() {
            let message = format!("OVER or FILTER specified, but {name} is not an aggregate function");
            return Err(DialectError::new("42809", message));
        }
        match name.as_str() {
            "make_interval" => return self.make_interval(&function.args),
            // A lock until the transaction's end, of whatever number: D1 runs one batch at a time.
            "pg_advisory_xact_lock" | "pg_advisory_xact_lock_shared" => return Ok(Piece::text("''")),
            "pg_try_advisory_xact_lock" | "pg_try_advisory_xact_lock_shared" => {
                return Ok(Piece::bool("TRUE"));
            }
            _ => {}
        }
        if let Some(piece) = self.routine_call(&name, &function.args)? {
            return Ok(piece);
        }
        if let Some(piece) = self.json_of_row(&name, function) {
            return Ok(piece);
        }
        let pieces = match &function.args {
            FunctionArguments::Subquery(query) if name == "array" => return self.array_subquery(query),
            FunctionArguments::Subquery(_) => return Err(DialectError::unsupported(function)),
            arguments => self.arguments(&name, arguments)?,
        };
        if let Some(piece) = self.set_returning(&name, &pieces)? {
            return Ok(piece);
        }
        self.call_by_name(&name, pieces)
    }

    /// A function of lowered arguments, by its name.
    pub fn call_by_name(&mut self, name: &str, pieces: Vec<Piece>) -> Result<Piece, DialectError> {
        if let Some((_, value, data_type)) = CALLER_VALUES.iter().find(|(of, _, _)| *of == name)
            && pieces.is_empty()
        {
            return self.caller_value(name, *value, data_type);
        }
        if let Some(piece) = self.range_call(name, &pieces)? {
            return Ok(piece);
        }
        if let Some(piece) = self.geometry_call(name, &pieces)? {
            return Ok(piece);
        }
        if let Some(piece) = self.sequence_call(name, &pieces)? {
            return Ok(piece);
        }
        if let Some(piece) = self.search_call(name, &pieces)? {
            return Ok(piece);
        }
        if let Some(piece) = self.special(name, &pieces)? {
            return Ok(piece);
        }
        if let Some((_, sql)) = TEXT_ARRAY_FUNCTIONS.iter().find(|(of, _)| *of == name)
            && let [argument] = pieces.as_slice()
        {
            let argument = self.implicit(argument.clone(), &DataType::Text)?;
            return Ok(Piece::Typed(
                sql.replace("{0}", &argument),
                DataType::Array(Box::new(DataType::Text)),
            ));
        }
        let row = find_row(name, &pieces).ok_or_else(|| no_function(name, &pieces))?;
        self.call_row(row, pieces)
    }

    fn arguments(&mut self, name: &str, arguments: &FunctionArguments) -> Result<Vec<Piece>, DialectError> {
        let FunctionArguments::List(list) = arguments else { return Ok(Vec::new()) };
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            return Err(DialectError::new(
                "42809",
                format!("DISTINCT or ORDER BY specified, but {name} is not an aggregate function"),
            ));
        }
        let mut pieces = Vec::new();
        for argument in &list.args {
            let FunctionArg::Unnamed(argument) = argument else {
                return Err(DialectError::unsupported(format!("{name}() with named arguments")));
            };
            pieces.push(match (self.row_argument(name, argument)?, argument) {
                (Some(row), _) => row,
                (None, FunctionArgExpr::Expr(expression)) => self.lower(expression)?,
                (None, _) => return Err(DialectError::unsupported(format!("{name}(*)"))),
            });
        }
        Ok(pieces)
    }

    fn caller_value(
        &mut self,
        name: &str,
        value: CallerValue,
        data_type: &DataType,
    ) -> Result<Piece, DialectError> {
        self.not_stored(&format!("{name}()"))?;
        let sql = self.environment.caller_value(value)?;
        Ok(Piece::Typed(sql, data_type.clone()))
    }

    fn call_row(&mut self, row: &Row, pieces: Vec<Piece>) -> Result<Piece, DialectError> {
        if row.reads != Reads::Nothing {
            self.not_stored(&format!("{}()", row.name))?;
        }
        let mut arguments = Vec::new();
        for (piece, data_type) in pieces.into_iter().zip(row.arguments) {
            arguments.push(self.implicit(piece, data_type)?);
        }
        let repeats = row.sql.matches("{0}").count() > 1 && arguments.len() == 1;
        let sql = match (repeats, arguments.pop()) {
            (true, Some(argument)) => self.once(argument, |argument| row.sql.replace("{0}", argument))?,
            (_, last) => {
                arguments.extend(last);
                fill(row.sql, &arguments)
            }
        };
        let sql = if row.reads == Reads::Chance { self.drawn(sql) } else { sql };
        Ok(Piece::Typed(sql, row.result.clone()))
    }

    /// Functions whose result type or form depends on their arguments.
    fn special(&mut self, name: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
        match SPECIALS.iter().find(|special| special.name == name) {
            Some(special) => (special.lower)(self, name, pieces),
            None => Ok(None),
        }
    }

    /// A value as `concat` prints it: as its type does, not as a cast does, which differ for boolean.
    pub(in crate::dialect) fn printed(&mut self, piece: Piece) -> Result<String, DialectError> {
        match piece {
            Piece::Typed(sql, DataType::Bool) => {
                Ok(format!("CASE {sql} WHEN 1 THEN 't' WHEN 0 THEN 'f' END"))
            }
            piece => self.as_text(piece),
        }
    }

    /// GREATEST and LEAST leave NULLs out, unlike SQLite's `max` and `min` of several arguments.
    pub(super) fn extreme(&mut self, name: &str, pieces: Vec<Piece>) -> Result<Piece, DialectError> {
        let (sql, data_type) = self.unify(&name.to_uppercase(), pieces)?;
        if let DataType::Enum(_) = &data_type {
            return self.extreme_of_enum(name, sql, data_type);
        }
        let ordered = matches!(
            family(&data_type),
            Family::Number(0..=3) | Family::Number(5) | Family::Text | Family::Time(_)
        );
        if !ordered || matches!(data_type, DataType::Char(_) | DataType::Citext) {
            return Err(DialectError::unsupported(format!("{name}() of {}", data_type.display_name())));
        }
        let function = if name == "greatest" { "max" } else { "min" };
        if matches!(family(&data_type), Family::Number(3)) {
            return self.extreme_decimal(function, sql, data_type);
        }
        let mut items = sql.into_iter();
        let mut result = items.next().unwrap_or_else(|| "NULL".to_string());
        for item in items {
            let pair = |one: &str| format!("coalesce({function}({one}, {item}), {one}, {item})");
            result = if item.len() <= 64 { self.once(result, pair)? } else { pair(&result) };
            if result.len() > 20_000 {
                return Err(DialectError::new("54001", "the expression is too complex"));
            }
        }
        Ok(Piece::Typed(result, data_type))
    }

    /// The same of an enum, whose labels sort by their places.
    fn extreme_of_enum(
        &mut self,
        name: &str,
        items: Vec<String>,
        data_type: DataType,
    ) -> Result<Piece, DialectError> {
        let sign = if name == "greatest" { ">" } else { "<" };
        let mut items = items.into_iter();
        let mut result = items.next().unwrap_or_else(|| "NULL".to_string());
        for item in items {
            let row = crate::sql::quote_identifier(&self.alias());
            let value = |column: &str| Piece::Typed(format!("{row}.{column}"), data_type.clone());
            let (one, other) = (self.order_key(value("one"))?, self.order_key(value("other"))?);
            self.only_in_queries(&format!("{name}() of an enum"))?;
            result = format!(
                "(SELECT CASE WHEN {row}.one IS NULL OR {other} {sign} {one} THEN coalesce({row}.other, {row}.one) ELSE {row}.one END FROM (SELECT {result} AS one, {item} AS other) AS {row})"
            );
        }
        Ok(Piece::Typed(result, data_type))
    }

    /// The same of numerics: what sorts has 37 characters, the value itself follows.
    fn extreme_decimal(
        &mut self,
        function: &str,
        items: Vec<String>,
        data_type: DataType,
    ) -> Result<Piece, DialectError> {
        let sign = if function == "max" { ">" } else { "<" };
        let mut keyed = Vec::new();
        for item in items {
            let key = self.decimal_order(item.clone())?;
            keyed.push(format!("({key} || {item})"));
        }
        let mut result = keyed.first().cloned().unwrap_or_else(|| "NULL".to_string());
        for item in keyed.into_iter().skip(1) {
            let pair = |names: &[String]| match names {
                [one, other] => format!(
                    "CASE WHEN {one} IS NULL OR substr({other}, 1, 37) {sign} substr({one}, 1, 37) THEN coalesce({other}, {one}) ELSE {one} END"
                ),
                _ => String::new(),
            };
            result = self.bound(vec![result, item], pair)?;
        }
        Ok(Piece::Typed(format!("substr({result}, 38)"), data_type))
    }

    pub(super) fn position(&mut self, needle: &Expr, text: &Expr) -> Result<Piece, DialectError> {
        let (needle, text) = (self.lower(needle)?, self.lower(text)?);
        let (needle, text) = (self.as_text(needle)?, self.as_text(text)?);
        Ok(Piece::Typed(format!("instr({text}, {needle})"), DataType::Int4))
    }

    pub(super) fn substring(
        &mut self,
        text: &Expr,
        from: Option<&Expr>,
        count: Option<&Expr>,
    ) -> Result<Piece, DialectError> {
        let text = self.lower(text)?;
        let one = Piece::Typed("1".to_string(), DataType::Int4);
        let from = from.map_or(Ok(one), |from| self.lower(from))?;
        let count = count.map(|count| self.lower(count)).transpose()?;
        let pieces: Vec<Piece> = [text, from].into_iter().chain(count).collect();
        self.call_by_name("substring", pieces)
    }

    pub(super) fn trim(
        &mut self,
        side: Option<&TrimWhereField>,
        what: Option<&Expr>,
        text: &Expr,
        characters: Option<&[Expr]>,
    ) -> Result<Piece, DialectError> {
        let function = match side {
            None | Some(TrimWhereField::Both) => "trim",
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
        };
        let text = self.lower(text)?;
        let text = self.as_text(text)?;
        let what = match (what, characters) {
            (Some(what), None) => Some(what),
            (None, Some([what])) => Some(what),
            (None, None) => None,
            _ => return Err(DialectError::unsupported("this form of TRIM")),
        };
        Ok(Piece::text(match what {
            None => format!("{function}({text})"),
            Some(what) => {
                let what = self.lower(what)?;
                format!("{function}({text}, {})", self.as_text(what)?)
            }
        }))
    }

    /// The settings PostgREST sets for a request.
    pub(super) fn current_setting(
        &mut self,
        setting: &Piece,
        may_be_missing: bool,
    ) -> Result<Piece, DialectError> {
        let Piece::Unknown(setting) = setting else {
            return Err(DialectError::unsupported("current_setting() of a name that is no literal"));
        };
        let setting = setting.to_lowercase();
        self.not_stored("current_setting()")?;
        let (value, claim) = match setting.as_str() {
            "request.jwt.claims" => (CallerValue::Claims, None),
            "request.method" => (CallerValue::Request(RequestPart::Method), None),
            "request.path" => (CallerValue::Request(RequestPart::Path), None),
            "request.headers" => (CallerValue::Request(RequestPart::Headers), None),
            "request.cookies" => (CallerValue::Request(RequestPart::Cookies), None),
            "storage.operation" => (CallerValue::Operation, None),
            "role" => (CallerValue::Role, None),
            "request.jwt.claim.sub" => (CallerValue::UserId, None),
            "request.jwt.claim.role" => (CallerValue::Role, None),
            "request.jwt.claim.email" => (CallerValue::Email, None),
            other => match other.strip_prefix("request.jwt.claim.") {
                Some(claim) => (CallerValue::Claims, Some(claim.to_string())),
                // Nothing sets one of the project's own: SET and set_config() of it are refused.
                None if other.contains('.') && !OWN_SETTINGS.iter().any(|own| other.starts_with(own)) => {
                    let missing = format!("42704:unrecognized configuration parameter \"{other}\"");
                    return Ok(Piece::text(match may_be_missing {
                        true => "NULL".to_string(),
                        false => raise(&quote_literal(&missing)),
                    }));
                }
                None => return Err(DialectError::unsupported(format!("current_setting('{other}')"))),
            },
        };
        if let Some(claim) = claim {
            return Err(DialectError::unsupported(format!("the setting request.jwt.claim.{claim}"))
                .with_hint(format!("Use auth.jwt() ->> '{claim}'.")));
        }
        Ok(Piece::text(self.environment.caller_value(value)?))
    }

    /// `json_object` of typed pairs, 15 pairs a call.
    pub(super) fn json_object(&mut self, pieces: &[Piece]) -> Result<String, DialectError> {
        let mut pairs = Vec::new();
        for pair in pieces.chunks(2) {
            let [key, value] = pair else { continue };
            let key = self.as_text(key.clone())?;
            let (sql, data_type) = value.clone().resolved(self.catalog)?;
            pairs.push(format!("{key}, {}", json_value(&data_type, &sql)));
        }
        if pairs.len() <= 15 {
            return Ok(format!("json_object({})", pairs.join(", ")));
        }
        let chunks: Vec<String> = pairs
            .chunks(15)
            .map(|chunk| {
                let object = format!("json_object({})", chunk.join(", "));
                format!("substr({object}, 2, length({object}) - 2)")
            })
            .collect();
        Ok(format!("('{{' || concat_ws(',', {}) || '}}')", chunks.join(", ")))
    }

    /// `ARRAY(SELECT …)`.
    fn array_subquery(&mut self, query: &Query) -> Result<Piece, DialectError> {
        self.only_in_queries("a subquery")?;
        let lowered = self.subquery(query)?;
        let [(_, data_type)] = lowered.columns.as_slice() else {
            return Err(DialectError::new("42601", "subquery must return only one column"));
        };
        let element = json_element("\"/item\".value", data_type)?;
        let sql = format!(
            "(SELECT json_group_array({element}) FROM (SELECT {} AS value FROM ({}) AS \"/list\") AS \"/item\")",
            lowered.column_sql(0, "list"),
            lowered.sql
        );
        Ok(Piece::Typed(sql, DataType::Array(Box::new(data_type.clone()))))
    }
}

/// The name that finds a function: folded, without the schemas that every project has in its path.
pub fn called_name(function: &Function) -> Result<String, DialectError> {
    let parts = name::parts(&function.name)?;
    Ok(match parts.as_slice() {
        [schema, name] if matches!(schema.as_str(), "pg_catalog" | "extensions" | "gis") => name.clone(),
        parts => parts.join("."),
    })
}

pub(in crate::dialect) fn find_row(name: &str, pieces: &[Piece]) -> Option<&'static Row> {
    let fits = |row: &&Row, exactly: bool| {
        row.name == name
            && row.arguments.len() == pieces.len()
            && row.arguments.iter().zip(pieces).all(|(to, piece)| {
                piece
                    .data_type()
                    .is_none_or(|from| from == to || (!exactly && common_type(from, to).as_ref() == Some(to)))
            })
    };
    FUNCTIONS.iter().find(|row| fits(row, true)).or_else(|| FUNCTIONS.iter().find(|row| fits(row, false)))
}

/// A function that Postgres has, or nobody.
pub fn no_function(name: &str, pieces: &[Piece]) -> DialectError {
    if let Some(refusal) = unsupported_function::refusal(name) {
        return refusal;
    }
    let types: Vec<String> = pieces.iter().map(Piece::type_name).collect();
    DialectError::new("42883", format!("function {name}({}) does not exist", types.join(", "))).with_hint(
        "No function matches the given name and argument types, or it is not supported here. You might need to add explicit type casts.",
    )
}

fn fill(template: &str, arguments: &[String]) -> String {
    let mut sql = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        sql.push_str(before);
        let argument = after
            .split_once('}')
            .and_then(|(index, after)| Some((arguments.get(index.parse::<usize>().ok()?)?, after)));
        match argument {
            Some((argument, after)) => {
                sql.push_str(argument);
                rest = after;
            }
            None => {
                sql.push('{');
                rest = after;
            }
        }
    }
    sql.push_str(rest);
    sql
}

/// Nests a function of any number of arguments so that no call has over 30.
pub(super) fn in_calls(function: &str, arguments: &[String]) -> String {
    match arguments {
        [one] => one.clone(),
        few if few.len() <= 30 => format!("{function}({})", few.join(", ")),
        many => {
            let calls: Vec<String> = many.chunks(30).map(|chunk| in_calls(function, chunk)).collect();
            in_calls(function, &calls)
        }
    }
}

/// A literal integer.
pub(super) fn constant(piece: &Piece) -> Option<i64> {
    match piece {
        Piece::Typed(sql, DataType::Int4) => sql.trim_matches(['(', ')']).parse().ok(),
        _ => None,
    }
}

/// Text split at a separator, as a JSON array: the separator in the text's JSON form becomes `","`.
/// Separators that an escape of that form could contain are refused.
pub(super) fn split_json(text: &str, separator: &Piece) -> Result<String, DialectError> {
    match separator {
        Piece::Unknown(separator)
            if !separator.is_empty()
                && !separator.chars().any(|letter| {
                    letter.is_ascii_alphanumeric() || letter.is_control() || matches!(letter, '"' | '\\')
                }) =>
        {
            Ok(format!("('[' || replace(json_quote({text}), {}, '\",\"') || ']')", quote_literal(separator)))
        }
        _ => Err(DialectError::unsupported("splitting at anything but literal punctuation")),
    }
}
