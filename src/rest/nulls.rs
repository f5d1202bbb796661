//! `nulls=stripped`: rows without the keys whose value is null.

/// The JSON text without null members of objects, at any depth; null items of arrays stay, as with
/// Postgres' `json_strip_nulls`. The text must be JSON without spaces, as the database gives it.
pub fn stripped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut open = Vec::new();
    let mut key_comes = false;
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' { string_length(rest) } else { first.len_utf8() };
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = after;
        match first {
            '"' if key_comes => {
                key_comes = false;
                if let Some(after) = rest.strip_prefix(":null") {
                    rest = after;
                    continue;
                }
                if !out.ends_with('{') {
                    out.push(',');
                }
                out.push_str(token);
            }
            // A member that stays brings its own comma.
            ',' if open.last() == Some(&'{') => key_comes = true,
            '{' | '[' => {
                open.push(first);
                key_comes = first == '{';
                out.push(first);
            }
            '}' | ']' => {
                open.pop();
                key_comes = false;
                out.push(first);
            }
            _ => out.push_str(token),
        }
    }
    out
}

/// How many bytes the string literal has that the text starts with.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_are_null_go() {
        let rows = [
            (r#"[{"a":null}]"#, "[{}]"),
            (r#"{"a":null,"b":1.50,"c":null}"#, r#"{"b":1.50}"#),
            (
                r#"{"a":1,"b":null,"c":[null,{"d":null,"e":{}}],"f":"null"}"#,
                r#"{"a":1,"c":[null,{"e":{}}],"f":"null"}"#,
            ),
            (r#"{"a\":":":null,{","b":null}"#, r#"{"a\":":":null,{"}"#),
            (r#"[["x",null],{"ä":"ö"},null]"#, r#"[["x",null],{"ä":"ö"},null]"#),
        ];
        for (json, expected) in rows {
            assert_eq!(stripped(json), expected, "{json}");
        }
    }
}
