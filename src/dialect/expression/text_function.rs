//! Functions of text that take more than a row of the table.

use super::lowering::{Lowering, Place};
use super::piece::Piece;
use super::special::split_in_place;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{other_spaces, quote_literal, raise, separators};

type Lowered = Result<Option<Piece>, DialectError>;

/// A function that is a template over its arguments, each evaluated once: name, the arguments' types,
/// SQL with `{0}`, `{1}`….
#[rustfmt::skip]
const TEMPLATES: &[(&str, &[DataType], &str)] = &[
    ("left",           &[TEXT, INT],             "CASE WHEN {1} >= 0 THEN substr({0}, 1, {1}) ELSE substr({0}, 1, max(length({0}) + {1}, 0)) END"),
    ("right",          &[TEXT, INT],             "CASE WHEN {1} >= 0 THEN substr({0}, max(length({0}) - {1}, 0) + 1) ELSE substr({0}, 1 - {1}) END"),
    ("lpad",           &[TEXT, INT],             "CASE WHEN {1} <= 0 THEN CASE WHEN {0} IS NOT NULL THEN '' END WHEN length({0}) >= {1} THEN substr({0}, 1, {1}) ELSE printf('%*s', min({1}, {most}) - length({0}), '') || {0} END"),
    ("rpad",           &[TEXT, INT],             "CASE WHEN {1} <= 0 THEN CASE WHEN {0} IS NOT NULL THEN '' END WHEN length({0}) >= {1} THEN substr({0}, 1, {1}) ELSE {0} || printf('%*s', min({1}, {most}) - length({0}), '') END"),
    ("lpad",           &[TEXT, INT, TEXT],       "CASE WHEN {0} IS NULL OR {2} IS NULL THEN NULL WHEN {1} <= 0 THEN '' WHEN length({0}) >= {1} OR {2} = '' THEN substr({0}, 1, {1}) ELSE substr(replace(hex(zeroblob(min({1}, {most}))), '00', {2}), 1, {1} - length({0})) || {0} END"),
    ("rpad",           &[TEXT, INT, TEXT],       "CASE WHEN {0} IS NULL OR {2} IS NULL THEN NULL WHEN {1} <= 0 THEN '' WHEN length({0}) >= {1} OR {2} = '' THEN substr({0}, 1, {1}) ELSE {0} || substr(replace(hex(zeroblob(min({1}, {most}))), '00', {2}), 1, {1} - length({0})) END"),
    ("repeat",         &[TEXT, INT],             "CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL WHEN {1} <= 0 OR {0} = '' THEN '' WHEN length({0}) * {1} > 1000000 THEN {long} ELSE replace(hex(zeroblob({1})), '00', {0}) END"),
    ("overlay",        &[TEXT, TEXT, INT],       "CASE WHEN {2} < 1 THEN {negative} ELSE substr({0}, 1, {2} - 1) || {1} || substr({0}, {2} + length({1})) END"),
    ("overlay",        &[TEXT, TEXT, INT, INT],  "CASE WHEN {2} < 1 OR {3} < 0 THEN {negative} ELSE substr({0}, 1, {2} - 1) || {1} || substr({0}, {2} + {3}) END"),
    ("chr",            &[INT],                   "CASE WHEN {0} < 1 OR {0} > 1114111 OR {0} BETWEEN 55296 AND 57343 THEN {character} ELSE char({0}) END"),
    ("quote_literal",  &[TEXT],                  "CASE WHEN instr({0}, '\\') THEN 'E''' || replace(replace({0}, '\\', '\\\\'), '''', '''''') || '''' ELSE '''' || replace({0}, '''', '''''') || '''' END"),
    ("quote_nullable", &[TEXT],                  "CASE WHEN {0} IS NULL THEN 'NULL' WHEN instr({0}, '\\') THEN 'E''' || replace(replace({0}, '\\', '\\\\'), '''', '''''') || '''' ELSE '''' || replace({0}, '''', '''''') || '''' END"),
    ("reverse",        &[TEXT],                  "(WITH RECURSIVE \"/walk\"(rest, made) AS (SELECT {0}, '' UNION ALL SELECT substr(rest, 2), substr(rest, 1, 1) || made FROM \"/walk\" WHERE rest <> '') SELECT made FROM \"/walk\" WHERE rest = '')"),
    ("translate",      &[TEXT, TEXT, TEXT],      "(WITH RECURSIVE \"/walk\"(rest, made, what, into_what) AS (SELECT {0}, '', {1}, {2} UNION ALL SELECT substr(rest, 2), made || CASE WHEN instr(what, substr(rest, 1, 1)) THEN substr(into_what, instr(what, substr(rest, 1, 1)), 1) ELSE substr(rest, 1, 1) END, what, into_what FROM \"/walk\" WHERE rest <> '') SELECT made FROM \"/walk\" WHERE rest = '')"),
    ("initcap",        &[TEXT],                  "CASE WHEN octet_length({0}) <> length({0}) THEN {letters} ELSE (WITH RECURSIVE \"/walk\"(rest, made, inside) AS (SELECT {0}, '', 0 UNION ALL SELECT substr(rest, 2), made || CASE inside WHEN 0 THEN upper(substr(rest, 1, 1)) ELSE lower(substr(rest, 1, 1)) END, substr(rest, 1, 1) GLOB '[a-zA-Z0-9]' FROM \"/walk\" WHERE rest <> '') SELECT made FROM \"/walk\" WHERE rest = '') END"),
];

const TEXT: DataType = DataType::Text;
const INT: DataType = DataType::Int4;

/// A function of [`TEMPLATES`].
pub fn template(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Lowered {
    let fits = |types: &[DataType]| {
        types.len() == pieces.len()
            && types.iter().zip(pieces).all(|(to, piece)| match (to, piece.data_type()) {
                (_, None) => true,
                (DataType::Int4, Some(of)) => matches!(of, DataType::Int2 | DataType::Int4),
                // What is quoted may be of any type.
                (_, Some(of)) => name.starts_with("quote_") || super::family(of) == super::Family::Text,
            })
    };
    let Some((_, types, sql)) = TEMPLATES.iter().find(|(of, types, _)| *of == name && fits(types)) else {
        return Ok(None);
    };
    if sql.contains("WITH RECURSIVE") {
        lowering.only_in_queries(&format!("{name}()"))?;
    }
    let mut arguments = Vec::new();
    for (piece, to) in pieces.iter().zip(*types) {
        arguments.push(match to {
            DataType::Text => lowering.as_text(piece.clone())?,
            to => lowering.implicit(piece.clone(), to)?,
        });
    }
    let sql = lowering.bound(arguments, |names| {
        let mut sql = sql
            .replace("{most}", "1000000")
            .replace("{long}", &raise("'54000:requested length too large'"))
            .replace("{negative}", &raise("'22011:negative substring length not allowed'"))
            .replace("{character}", &raise("'54000:requested character not valid for encoding'"))
            .replace("{letters}", &raise("'0A000:initcap() of text outside ASCII is not supported'"));
        // Marked first and filled in one pass: a value may hold what looks like a place.
        for index in 0..names.len() {
            sql = sql.replace(&format!("{{{index}}}"), &format!("\u{2}{index}\u{3}"));
        }
        filled(&sql, names)
    })?;
    Ok(Some(Piece::text(sql)))
}

/// Puts values in their marked places, in one pass.
fn filled(template: &str, values: &[String]) -> String {
    let mut parts = template.split('\u{2}');
    let mut sql = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let (index, rest) = part.split_once('\u{3}').unwrap_or(("", part));
        if let Some(value) = index.parse::<usize>().ok().and_then(|index| values.get(index)) {
            sql.push_str(value);
        }
        sql.push_str(rest);
    }
    sql
}

/// `substring(text, from [, count])`: positions before the first letter count, and give nothing.
pub fn substring(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let (text, rest) = match pieces {
        [text, rest @ ..] if matches!(rest.len(), 1 | 2) => (text, rest),
        _ => return Ok(None),
    };
    if rest.iter().any(|piece| !matches!(piece.data_type(), Some(DataType::Int2 | DataType::Int4))) {
        return match rest {
            [Piece::Unknown(_) | Piece::Typed(_, DataType::Text)] => {
                Err(DialectError::unsupported("substring() with a regular expression"))
            }
            _ => Ok(None),
        };
    }
    let mut values = vec![lowering.as_text(text.clone())?];
    for piece in rest {
        values.push(piece.clone().into_sql(lowering.catalog)?);
    }
    let negative = raise("'22011:negative substring length not allowed'");
    let number = |sql: &str| sql.trim_matches(['(', ')']).parse::<i64>().ok();
    let sql = lowering.bound(values, |names| match names {
        [text, from] if number(from).is_some_and(|from| from >= 1) => format!("substr({text}, {from})"),
        [text, from] => format!("substr({text}, max({from}, 1))"),
        [text, from, count]
            if number(from).is_some_and(|from| from >= 1) && number(count).is_some_and(|count| count >= 0) =>
        {
            format!("substr({text}, {from}, {count})")
        }
        [text, from, count] => format!(
            "CASE WHEN {count} < 0 THEN {negative} ELSE substr({text}, max({from}, 1), max({from} + {count} - max({from}, 1), 0)) END"
        ),
        _ => String::new(),
    })?;
    Ok(Some(Piece::text(sql)))
}

/// `concat`: NULLs are left out.
pub fn concat(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let mut parts = Vec::new();
    for piece in pieces {
        parts.push(format!("coalesce({}, '')", lowering.printed(piece.clone())?));
    }
    Ok(Some(Piece::text(if parts.is_empty() { "''".into() } else { format!("({})", parts.join(" || ")) })))
}

/// `concat_ws`: NULLs are left out, and their separators.
pub fn concat_ws(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [separator, rest @ ..] = pieces else { return Ok(None) };
    if rest.len() >= 30 {
        return Err(DialectError::unsupported("concat_ws() of 30 values or more"));
    }
    let mut parts = vec![lowering.as_text(separator.clone())?];
    for piece in rest {
        parts.push(lowering.printed(piece.clone())?);
    }
    Ok(Some(Piece::text(format!("concat_ws({})", parts.join(", ")))))
}

/// `format` with a literal of `%s`, `%L` and `%%`.
pub fn format(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let Some((Piece::Unknown(template), mut rest)) = pieces.split_first() else {
        return Err(DialectError::unsupported("format() with a text that is no literal"));
    };
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut letters = template.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        let kind = match letters.next() {
            Some('%') => {
                text.push('%');
                continue;
            }
            Some(kind @ ('s' | 'L')) => kind,
            None => return Err(DialectError::new("22023", "unterminated format() type specifier")),
            Some(_) => {
                return Err(DialectError::unsupported("format() with anything but %s, %L and %%"));
            }
        };
        let Some((value, others)) = rest.split_first() else {
            return Err(DialectError::new("22023", "too few arguments for format()"));
        };
        rest = others;
        parts.push(quote_literal(&std::mem::take(&mut text)));
        parts.push(if kind == 's' {
            format!("coalesce({}, '')", lowering.printed(value.clone())?)
        } else {
            let value = Piece::text(lowering.printed(value.clone())?);
            template_call(lowering, "quote_nullable", &[value])?
        });
    }
    parts.push(quote_literal(&text));
    Ok(Some(Piece::text(format!("({})", parts.join(" || ")))))
}

fn template_call(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Result<String, DialectError> {
    match template(lowering, name, pieces)? {
        Some(piece) => piece.into_sql(lowering.catalog),
        None => Err(DialectError::unsupported(format!("{name}() of this"))),
    }
}

/// The parts of a text between separators, as a JSON array: `{0}` is the text, `{1}` the separator.
const PARTS: &str = "(WITH RECURSIVE \"/split\"(rest, part, place, apart) AS (\
    SELECT {0} || {1}, NULL, 0, {1} UNION ALL \
    SELECT substr(rest, instr(rest, apart) + length(apart)), substr(rest, 1, instr(rest, apart) - 1), place + 1, apart FROM \"/split\" WHERE rest <> '') \
    SELECT json_group_array(part) FROM \"/split\" WHERE place > 0)";

fn parts(lowering: &mut Lowering<'_>, text: &str, separator: &Piece) -> Result<String, DialectError> {
    if let Ok(sql) = split_in_place(text, separator) {
        return Ok(sql);
    }
    lowering.only_in_queries("splitting at anything but literal punctuation")?;
    let separator = lowering.as_text(separator.clone())?;
    lowering.bound(vec![text.to_string(), separator], |names| match names {
        [text, separator] => format!(
            "CASE WHEN {separator} = '' THEN json_array({text}) ELSE {} END",
            PARTS.replace("{0}", text).replace("{1}", separator)
        ),
        _ => String::new(),
    })
}

/// `split_part`: counted from the end when negative.
pub fn split_part(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [text, separator, index] = pieces else { return Ok(None) };
    if !matches!(index.data_type(), Some(DataType::Int2 | DataType::Int4)) {
        return Ok(None);
    }
    let text = lowering.as_text(text.clone())?;
    let index = index.clone().into_sql(lowering.catalog)?;
    if lowering.place == Place::Query && (text.len() > 64 || index.len() > 64) {
        // Evaluated once, and split there.
        let row = crate::sql::quote_identifier(&lowering.alias());
        let value = |column: &str, data_type| Piece::Typed(format!("{row}.{column}"), data_type);
        let pieces = [value("text", DataType::Text), separator.clone(), value("place", DataType::Int4)];
        let Some(piece) = split_part(lowering, "split_part", &pieces)? else { return Ok(None) };
        let sql = piece.into_sql(lowering.catalog)?;
        return Ok(Some(Piece::text(format!(
            "(SELECT {sql} FROM (SELECT {text} AS text, {index} AS place) AS {row})"
        ))));
    }
    let zero = raise("'22023:field position must not be zero'");
    let place = match index.parse::<i64>() {
        Ok(0) => return Err(DialectError::new("22023", "field position must not be zero")),
        Ok(index) if index > 0 => format!("'$[{}]'", index - 1),
        _ => format!(
            "CASE WHEN {index} > 0 THEN '$[' || ({index} - 1) || ']' WHEN {index} < 0 THEN '$[#' || {index} || ']' WHEN {index} = 0 THEN {zero} END"
        ),
    };
    let is_null = format!("{index} IS NULL");
    let parts = parts(lowering, &text, separator)?;
    let separator = lowering.as_text(separator.clone())?;
    Ok(Some(Piece::text(format!(
        "CASE WHEN {text} IS NULL OR {separator} IS NULL OR {is_null} THEN NULL ELSE coalesce({parts} ->> {place}, '') END"
    ))))
}

/// `string_to_array`; parts equal to the third argument are NULL.
pub fn string_to_array(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let (text, separator, null) = match pieces {
        [text, separator] => (text, separator, None),
        [text, separator, null] => (text, separator, Some(null)),
        _ => return Ok(None),
    };
    let text = lowering.as_text(text.clone())?;
    let of = DataType::Array(Box::new(DataType::Text));
    if lowering.place == Place::Query && text.len() > 64 {
        let row = crate::sql::quote_identifier(&lowering.alias());
        let mut again = pieces.to_vec();
        if let Some(first) = again.first_mut() {
            *first = Piece::text(format!("{row}.text"));
        }
        let Some(piece) = string_to_array(lowering, "string_to_array", &again)? else { return Ok(None) };
        let sql = piece.into_sql(lowering.catalog)?;
        return Ok(Some(Piece::Typed(format!("(SELECT {sql} FROM (SELECT {text} AS text) AS {row})"), of)));
    }
    let letters = "(WITH RECURSIVE \"/walk\"(rest, letter, place) AS (SELECT {0}, NULL, 0 UNION ALL SELECT substr(rest, 2), substr(rest, 1, 1), place + 1 FROM \"/walk\" WHERE rest <> '') SELECT json_group_array(letter) FROM \"/walk\" WHERE place > 0)";
    let parts = match separator {
        Piece::Null => {
            lowering.only_in_queries("string_to_array(…, NULL)")?;
            letters.replace("{0}", &text)
        }
        separator => parts(lowering, &text, separator)?,
    };
    let parts = format!("CASE WHEN {text} = '' THEN '[]' WHEN {text} IS NOT NULL THEN {parts} END");
    let Some(null) = null else { return Ok(Some(Piece::Typed(parts, of))) };
    lowering.only_in_queries("string_to_array() with three arguments")?;
    let null = lowering.as_text(null.clone())?;
    Ok(Some(Piece::Typed(
        format!(
            "CASE WHEN {text} IS NOT NULL THEN (SELECT json_group_array(nullif(\"/part\".value, {null})) FROM json_each({parts}) AS \"/part\") END"
        ),
        of,
    )))
}

/// `regexp_split_to_array` at single characters of a class, or runs of them.
pub fn regexp_split_to_array(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [text, Piece::Unknown(pattern)] = pieces else { return Ok(None) };
    lowering.only_in_queries("regexp_split_to_array()")?;
    let text = lowering.as_text(text.clone())?;
    let sql = split_at_class(lowering, text, pattern)?;
    Ok(Some(Piece::Typed(sql, DataType::Array(Box::new(DataType::Text)))))
}

/// The parts between, as a JSON array.
fn split_at_class(lowering: &mut Lowering<'_>, text: String, pattern: &str) -> Result<String, DialectError> {
    let refused = || {
        DialectError::unsupported(format!("splitting at the regular expression '{pattern}'"))
            .with_hint("One character or class is, and a run of it: '\\s+', '[,;]'.")
    };
    let separators = separators(pattern).filter(|of| of.characters.len() <= 20).ok_or_else(refused)?;
    // One that JSON writes as it is stands for all of them.
    let is_plain = |letter: &&char| !letter.is_control() && !matches!(letter, '"' | '\\');
    let plain = separators.characters.iter().find(is_plain).ok_or_else(refused)?;
    let spelled = |letter: &char| quote_literal(&letter.to_string());
    let others = separators.characters.iter().filter(|letter| *letter != plain);
    let alike = others.fold("\"/text\".text".to_string(), |alike, letter| {
        format!("replace({alike}, {}, {})", spelled(letter), spelled(plain))
    });
    let parts = format!("('[' || replace(json_quote({alike}), {}, '\",\"') || ']')", spelled(plain));
    let row = crate::sql::quote_identifier(&lowering.alias());
    let (text_of, parts_of) = (format!("{row}.text"), format!("{row}.parts"));
    let guard = if separators.has_spaces { other_spaces(&text_of) } else { String::new() };
    let kept = match separators.is_run {
        false => parts_of.clone(),
        // Nothing stands between two in a row, but before the first and after the last.
        true => format!(
            "(SELECT json_group_array(\"/part\".value ORDER BY \"/part\".key) FROM json_each({parts_of}) AS \"/part\" \
             WHERE \"/part\".value <> '' OR \"/part\".key IN (0, json_array_length({parts_of}) - 1))"
        ),
    };
    Ok(format!(
        "(SELECT CASE{guard} WHEN {text_of} IS NOT NULL THEN {kept} END FROM (SELECT \"/text\".text AS text, {parts} AS parts FROM (SELECT {text} AS text) AS \"/text\") AS {row})"
    ))
}

/// `regexp_replace` where the pattern is one character or class, alone, in a run, or in a run at an
/// end of the text: what slugs are made with.
pub fn regexp_replace(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let (text, pattern, with, flags) = match pieces {
        [text, Piece::Unknown(pattern), with] => (text, pattern, with, ""),
        [text, Piece::Unknown(pattern), with, Piece::Unknown(flags)] => (text, pattern, with, flags.as_str()),
        [_, _, _] | [_, _, _, _] => {
            return Err(DialectError::unsupported(
                "regexp_replace() with a pattern or flags that are no literals",
            ));
        }
        _ => return Ok(None),
    };
    let refused = || {
        DialectError::unsupported(format!("regexp_replace() with the pattern '{pattern}'")).with_hint(
            "One character or class is, as in '[^a-z0-9]+', also at an end of the text: '^-+|-+$'.",
        )
    };
    if place_is_stored(lowering) {
        return Err(refused());
    }
    let everywhere = match flags {
        "" => false,
        "g" => true,
        _ => return Err(refused()),
    };
    let text = lowering.as_text(text.clone())?;
    let with_is_plain = matches!(with, Piece::Unknown(with) if !with.contains('\\'));
    if !with_is_plain {
        return Err(DialectError::unsupported(
            "regexp_replace() with a replacement that is no plain literal",
        ));
    }
    let with = lowering.as_text(with.clone())?;
    let bare = pattern.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(pattern);
    let pieces: Vec<&str> = bare.split('|').collect();
    let anchored: Option<Vec<(String, bool)>> = pieces.iter().map(|piece| at_end(piece)).collect();
    if let Some(ends) = anchored {
        // Runs at the ends: what a trim takes off, replaced at most once on each side.
        if with != "''" || !(ends.len() == 1 || everywhere) {
            return Err(refused());
        }
        let mut sql = text;
        for (letter, is_start) in ends {
            let function = if is_start { "ltrim" } else { "rtrim" };
            sql = format!("{function}({sql}, {})", quote_literal(&letter));
        }
        return Ok(Some(Piece::text(sql)));
    }
    let [one] = pieces.as_slice() else { return Err(refused()) };
    let (class, in_run) = class(one).ok_or_else(refused)?;
    let class = quote_literal(&class);
    let fits = format!("substr(rest, 1, 1) GLOB {class}");
    // `state`: 0 before a match, 1 in a run that was replaced, 2 after the only one that is.
    let swap = match (everywhere, in_run) {
        (true, true) => format!(
            "CASE WHEN NOT {fits} THEN substr(rest, 1, 1) WHEN state = 1 THEN '' ELSE {with} END, {fits}"
        ),
        (true, false) => format!("CASE WHEN {fits} THEN {with} ELSE substr(rest, 1, 1) END, 0"),
        (false, true) => format!(
            "CASE WHEN state = 2 OR NOT {fits} THEN substr(rest, 1, 1) WHEN state = 1 THEN '' ELSE {with} END, \
             CASE WHEN state = 2 OR (state = 1 AND NOT {fits}) THEN 2 WHEN {fits} THEN 1 ELSE 0 END"
        ),
        (false, false) => format!(
            "CASE WHEN state = 0 AND {fits} THEN {with} ELSE substr(rest, 1, 1) END, CASE WHEN state = 2 OR {fits} THEN 2 ELSE 0 END"
        ),
    };
    let swap = swap.replacen("CASE", "made || CASE", 1);
    Ok(Some(Piece::text(format!(
        "(WITH RECURSIVE \"/walk\"(rest, made, state) AS (SELECT {text}, '', 0 UNION ALL \
         SELECT substr(rest, 2), {swap} FROM \"/walk\" WHERE rest <> '') SELECT made FROM \"/walk\" WHERE rest = '')"
    ))))
}

fn place_is_stored(lowering: &Lowering<'_>) -> bool {
    lowering.place != Place::Query
}

/// `^-+` and `-+$`: the character, and whether it is at the start.
fn at_end(pattern: &str) -> Option<(String, bool)> {
    let (middle, is_start) = match (pattern.strip_prefix('^'), pattern.strip_suffix('$')) {
        (Some(middle), None) => (middle, true),
        (None, Some(middle)) => (middle, false),
        _ => return None,
    };
    let letter = middle.strip_suffix(['+', '*'])?;
    let mut letters = letter.chars();
    match (letters.next()?, letters.next()) {
        (letter, None) if letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' ' | '/' | ',') => {
            Some((letter.to_string(), is_start))
        }
        _ => None,
    }
}

/// A class as GLOB writes it, and whether a `+` follows: `[^a-z0-9]+`, `\s`, `-`.
fn class(pattern: &str) -> Option<(String, bool)> {
    let (atom, in_run) = match pattern.strip_suffix('+') {
        Some(atom) => (atom, true),
        None => (pattern, false),
    };
    const SPACES: &str = " \t\n\r\u{b}\u{c}";
    let class = match atom {
        "\\s" => format!("[{SPACES}]"),
        "\\S" => format!("[^{SPACES}]"),
        "\\d" => "[0-9]".to_string(),
        "\\D" => "[^0-9]".to_string(),
        _ => match atom.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => {
                let (negated, members) = match inner.strip_prefix('^') {
                    Some(members) => ("^", members),
                    None => ("", inner),
                };
                let members = members.replace("\\s", SPACES).replace("\\d", "0-9").replace("\\-", "\u{1}");
                let plain = |letter: char| {
                    letter.is_ascii()
                        && (letter.is_ascii_alphanumeric()
                            || "_- .,/@:;!?#&+=%\u{1}".contains(letter)
                            || SPACES.contains(letter))
                };
                if members.is_empty() || !members.chars().all(plain) || dangling_range(&members) {
                    return None;
                }
                // A hyphen that is no range stands last in GLOB.
                let hyphen = members.contains('\u{1}') || members.ends_with('-') || members.starts_with('-');
                let members = members.replace('\u{1}', "");
                let members = members.trim_matches('-');
                format!("[{negated}{members}{}]", if hyphen { "-" } else { "" })
            }
            None => {
                let mut letters = atom.chars();
                match (letters.next()?, letters.next()) {
                    (letter, None)
                        if letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' ' | '/' | ',') =>
                    {
                        format!("[{letter}]")
                    }
                    _ => return None,
                }
            }
        },
    };
    Some((class, in_run))
}

/// Whether a hyphen stands where it is neither a range's nor at an end.
fn dangling_range(members: &str) -> bool {
    let letters: Vec<char> = members.trim_matches('-').chars().collect();
    letters.iter().enumerate().any(|(index, letter)| {
        let around = (index.checked_sub(1).and_then(|before| letters.get(before)), letters.get(index + 1));
        *letter == '-'
            && !matches!(around, (Some(from), Some(to)) if from.is_ascii_alphanumeric() && to.is_ascii_alphanumeric() && from <= to)
    })
}
