//! Function calls: the caller's values, the forms with a syntax of their own, then the table.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, TrimWhereField,
};

use super::array::json_element;
use super::cast::{Family, common_type, family};
use super::function::{FUNCTIONS, Reads, Row, TEXT_ARRAY_FUNCTIONS};
use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::environment::CallerValue;
use crate::dialect::{DialectError, name};
use crate::schema::DataType;
use crate::sql::quote_literal;

/// Values of the caller: function, what it asks, type.
#[rustfmt::skip]
const CALLER_VALUES: &[(&str, CallerValue, DataType)] = &[
    ("auth.uid",     CallerValue::UserId, DataType::Uuid),
    ("auth.role",    CallerValue::Role,   DataType::Text),
    ("auth.email",   CallerValue::Email,  DataType::Text),
    ("auth.jwt",     CallerValue::Claims, DataType::Jsonb),
    ("current_user", CallerValue::CurrentUser,  DataType::Text),
    ("current_role", CallerValue::CurrentUser,  DataType::Text),
    ("user",         CallerValue::CurrentUser,  DataType::Text),
];

impl Lowering<'_> {
    pub(super) fn call(&mut self, function: &Function) -> Result<Piece, DialectError> {
        let name = called_name(function)?;
        if function.over.is_some() || !function.within_group.is_empty() || function.null_treatment.is_some() {
            return Err(DialectError::unsupported(function));
        }
        if let Some(piece) = self.aggregate(&name, function)? {
            return Ok(piece);
        }
        if function.filter.is_some() {
            return Err(DialectError::unsupported(function));
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
            arguments => self.arguments(arguments)?,
        };
        if let Some((_, value, data_type)) = CALLER_VALUES.iter().find(|(of, _, _)| *of == name)
            && pieces.is_empty()
        {
            return self.caller_value(&name, *value, data_type);
        }
        if let Some(piece) = self.range_call(&name, &pieces)? {
            return Ok(piece);
        }
        if let Some(piece) = self.search_call(&name, &pieces)? {
            return Ok(piece);
        }
        if let Some(piece) = self.special(&name, &pieces)? {
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
        let row = find_row(&name, &pieces).ok_or_else(|| no_function(&name, &pieces))?;
        self.call_row(row, pieces)
    }

    fn arguments(&mut self, arguments: &FunctionArguments) -> Result<Vec<Piece>, DialectError> {
        let FunctionArguments::List(list) = arguments else { return Ok(Vec::new()) };
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            return Err(DialectError::unsupported(list));
        }
        let lower = |argument: &FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => self.lower(expression),
            other => Err(DialectError::unsupported(format!("the argument {other}"))),
        };
        list.args.iter().map(lower).collect()
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
        Ok(Piece::Typed(sql, row.result.clone()))
    }

    /// Functions whose result type or form depends on their arguments.
    fn special(&mut self, name: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
        let piece = match (name, pieces) {
            ("coalesce", [_, ..]) => {
                let (sql, data_type) = self.unify("COALESCE", pieces.to_vec())?;
                Piece::Typed(in_calls("coalesce", &sql), data_type)
            }
            ("nullif", [one, other]) => {
                let equal = self.compare(one.clone(), &sqlparser::ast::BinaryOperator::Eq, other.clone())?;
                let (sql, data_type) = one.clone().resolved(self.catalog)?;
                Piece::Typed(format!("CASE WHEN {equal} THEN NULL ELSE {sql} END"), data_type)
            }
            ("greatest" | "least", [_, ..]) => self.extreme(name, pieces.to_vec())?,
            ("concat", _) => {
                let mut parts = Vec::new();
                for piece in pieces {
                    parts.push(format!("coalesce({}, '')", self.printed(piece.clone())?));
                }
                Piece::text(if parts.is_empty() { "''".into() } else { format!("({})", parts.join(" || ")) })
            }
            ("concat_ws", [separator, rest @ ..]) if rest.len() < 30 => {
                let mut parts = vec![self.as_text(separator.clone())?];
                for piece in rest {
                    parts.push(self.printed(piece.clone())?);
                }
                Piece::text(format!("concat_ws({})", parts.join(", ")))
            }
            ("left", [text, count]) => self.substring_of(text.clone(), None, Some(count.clone()))?,
            ("substr" | "substring", [text, from]) => {
                self.substring_of(text.clone(), Some(from.clone()), None)?
            }
            ("substr" | "substring", [text, from, count]) => {
                self.substring_of(text.clone(), Some(from.clone()), Some(count.clone()))?
            }
            ("right", [text, count]) => {
                let count = constant(count).filter(|count| *count > 0);
                let count = count.ok_or_else(|| {
                    DialectError::unsupported("right() with a count that is no positive literal")
                })?;
                Piece::text(format!("substr({}, -{count})", self.as_text(text.clone())?))
            }
            ("split_part", [text, separator, index]) => self.split_part(text, separator, index)?,
            ("string_to_array", [text, separator]) => self.string_to_array(text, separator)?,
            ("current_setting", [setting, ..]) => self.current_setting(setting)?,
            ("timezone", [zone, at]) => self.in_time_zone(zone.clone(), at.clone())?,
            ("date_trunc", [field, at]) => self.date_trunc(field.clone(), at.clone())?,
            ("date_part", [Piece::Unknown(field), at]) => {
                let sql = self.extract_field(&field.to_lowercase(), at.clone())?.into_sql(self.catalog)?;
                Piece::Typed(format!("CAST({sql} AS REAL)"), DataType::Float8)
            }
            ("array_length", [array, dimension]) if constant(dimension) == Some(1) => {
                Piece::Typed(format!("nullif(json_array_length({}), 0)", array_sql(array)?), DataType::Int4)
            }
            ("cardinality", [array]) => {
                Piece::Typed(format!("json_array_length({})", array_sql(array)?), DataType::Int4)
            }
            ("mod", [_, _]) => {
                return Err(DialectError::unsupported("mod()").with_hint("Use the operator %."));
            }
            ("to_json" | "to_jsonb", [value]) => {
                let Piece::Typed(sql, data_type) = value.clone() else {
                    let message = "could not determine polymorphic type because input has type unknown";
                    return Err(DialectError::new("42804", message));
                };
                let to = if name == "to_json" { DataType::Json } else { DataType::Jsonb };
                // Checked here, written below: `to_json(NULL)` is NULL.
                json_element(&sql, &data_type)?;
                let json = |value: &str| json_element(value, &data_type).unwrap_or_default();
                let sql = self.once(sql, |value| {
                    format!("CASE WHEN {value} IS NOT NULL THEN json_quote({}) END", json(value))
                })?;
                Piece::Typed(sql, to)
            }
            ("json_build_object" | "jsonb_build_object", _) if pieces.len().is_multiple_of(2) => {
                let to = if name == "json_build_object" { DataType::Json } else { DataType::Jsonb };
                Piece::Typed(self.json_object(pieces)?, to)
            }
            _ => return Ok(None),
        };
        Ok(Some(piece))
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
    fn extreme(&mut self, name: &str, pieces: Vec<Piece>) -> Result<Piece, DialectError> {
        let (sql, data_type) = self.unify(&name.to_uppercase(), pieces)?;
        let ordered = matches!(
            family(&data_type),
            Family::Number(0..=2) | Family::Number(5) | Family::Text | Family::Time(_)
        );
        if !ordered || matches!(data_type, DataType::Char(_) | DataType::Citext) {
            return Err(DialectError::unsupported(format!("{name}() of {}", data_type.display_name())));
        }
        let function = if name == "greatest" { "max" } else { "min" };
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
        let from = from.map(|from| self.lower(from)).transpose()?;
        let count = count.map(|count| self.lower(count)).transpose()?;
        self.substring_of(text, from, count)
    }

    /// SQLite counts negative positions from the end, Postgres lets them run into the start: only
    /// literal positions are taken.
    fn substring_of(
        &mut self,
        text: Piece,
        from: Option<Piece>,
        count: Option<Piece>,
    ) -> Result<Piece, DialectError> {
        let refused = || DialectError::unsupported("a substring whose bounds are not literals from 1 up");
        let text = self.as_text(text)?;
        let from =
            from.map_or(Some(1), |from| constant(&from)).filter(|from| *from >= 1).ok_or_else(refused)?;
        Ok(Piece::text(match count {
            None => format!("substr({text}, {from})"),
            Some(count) => {
                let count = constant(&count).filter(|count| *count >= 0).ok_or_else(refused)?;
                format!("substr({text}, {from}, {count})")
            }
        }))
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

    fn split_part(&mut self, text: &Piece, separator: &Piece, index: &Piece) -> Result<Piece, DialectError> {
        let index = constant(index).filter(|index| *index >= 1);
        let index = index.ok_or_else(|| {
            DialectError::unsupported("split_part() with an index that is no literal from 1 up")
        })?;
        let text = self.as_text(text.clone())?;
        let parts = split_json(&text, separator)?;
        let sql =
            format!("CASE WHEN {text} IS NOT NULL THEN coalesce({parts} ->> '$[{}]', '') END", index - 1);
        Ok(Piece::text(sql))
    }

    fn string_to_array(&mut self, text: &Piece, separator: &Piece) -> Result<Piece, DialectError> {
        let text = self.as_text(text.clone())?;
        let parts = split_json(&text, separator)?;
        let sql = format!("CASE WHEN {text} = '' THEN '[]' WHEN {text} IS NOT NULL THEN {parts} END");
        Ok(Piece::Typed(sql, DataType::Array(Box::new(DataType::Text))))
    }

    /// The settings PostgREST sets for a request.
    fn current_setting(&mut self, setting: &Piece) -> Result<Piece, DialectError> {
        let Piece::Unknown(setting) = setting else {
            return Err(DialectError::unsupported("current_setting() of a name that is no literal"));
        };
        let setting = setting.to_lowercase();
        self.not_stored("current_setting()")?;
        let (value, claim) = match setting.as_str() {
            "request.jwt.claims" => (CallerValue::Claims, None),
            "role" => (CallerValue::Role, None),
            "request.jwt.claim.sub" => (CallerValue::UserId, None),
            "request.jwt.claim.role" => (CallerValue::Role, None),
            "request.jwt.claim.email" => (CallerValue::Email, None),
            other => match other.strip_prefix("request.jwt.claim.") {
                Some(claim) => (CallerValue::Claims, Some(claim.to_string())),
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
            pairs.push(format!("{key}, {}", json_element(&sql, &data_type)?));
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
        [schema, name] if matches!(schema.as_str(), "pg_catalog" | "extensions") => name.clone(),
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
fn in_calls(function: &str, arguments: &[String]) -> String {
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
fn constant(piece: &Piece) -> Option<i64> {
    match piece {
        Piece::Typed(sql, DataType::Int4) => sql.trim_matches(['(', ')']).parse().ok(),
        _ => None,
    }
}

fn array_sql(piece: &Piece) -> Result<&str, DialectError> {
    match piece {
        Piece::Typed(sql, DataType::Array(_)) => Ok(sql),
        other => Err(DialectError::unsupported(format!("an array function of {}", other.type_name()))),
    }
}

/// Text split at a separator, as a JSON array: the separator in the text's JSON form becomes `","`.
/// Separators that an escape of that form could contain are refused.
fn split_json(text: &str, separator: &Piece) -> Result<String, DialectError> {
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
