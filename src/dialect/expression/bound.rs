//! Values that an expression uses several times: evaluated once, in a subquery of one row.

use super::lowering::{LONGEST_REPEATED, Lowering, Place};
use crate::dialect::DialectError;
use crate::sql::quote_identifier;

impl Lowering<'_> {
    /// The body over several values, each evaluated once where SQLite allows a subquery, else repeated.
    pub fn bound(
        &mut self,
        values: Vec<String>,
        body: impl FnOnce(&[String]) -> String,
    ) -> Result<String, DialectError> {
        let is_simple = |sql: &String| sql.len() <= 64 && !sql.contains('(');
        if values.iter().all(is_simple) {
            return Ok(body(&values));
        }
        if self.place != Place::Query || values.iter().any(|sql| self.must_repeat(sql)) {
            let sql = body(&values);
            let repeated =
                sql.len() > LONGEST_REPEATED * 4 || values.iter().any(|sql| sql.len() > LONGEST_REPEATED);
            return match repeated {
                true => Err(DialectError::new("54001", "the expression is too complex")),
                false => Ok(sql),
            };
        }
        let row = quote_identifier(&self.alias());
        let names: Vec<String> = (0..values.len()).map(|index| format!("{row}.\"{index}\"")).collect();
        let list: Vec<String> =
            values.iter().enumerate().map(|(index, sql)| format!("{sql} AS \"{index}\"")).collect();
        Ok(format!("(SELECT {} FROM (SELECT {}) AS {row})", body(&names), list.join(", ")))
    }

    /// A result reached in steps: each names values made from those before it, as `{name}` in its
    /// template. Where SQLite allows no subquery the templates are put into each other.
    pub fn in_steps(&self, steps: &[Vec<(&str, String)>], result: &str) -> Result<String, DialectError> {
        let repeats = steps.first().is_some_and(|step| step.iter().any(|(_, sql)| self.must_repeat(sql)));
        let in_query = self.place == Place::Query && !repeats;
        let (mut inner, mut known) = (String::new(), Vec::<(String, String)>::new());
        for (index, step) in steps.iter().enumerate() {
            let mut values: Vec<(String, String)> = Vec::new();
            for (name, sql) in step {
                // The first step's values are SQL of the statement's own, in which braces mean nothing.
                let sql = if index == 0 { sql.clone() } else { filled(sql, &known) };
                if sql.len() > LONGEST_REPEATED * 8 && (!in_query || index > 0) {
                    return Err(DialectError::new("54001", "the expression is too complex"));
                }
                values.push(((*name).to_string(), sql));
            }
            if !in_query {
                known.extend(values.into_iter().map(|(name, sql)| (name, format!("({sql})"))));
                continue;
            }
            let list: Vec<String> =
                values.iter().map(|(name, sql)| format!("{sql} AS \"/{name}\"")).collect();
            inner = match inner.is_empty() {
                true => format!("SELECT {}", list.join(", ")),
                // SQLite would put steps into each other, and compute a value wherever it is named; a
                // subquery with DISTINCT it leaves as it is.
                false => format!("SELECT DISTINCT *, {} FROM ({inner})", list.join(", ")),
            };
            known.extend(values.into_iter().map(|(name, _)| (name.clone(), format!("\"/{name}\""))));
        }
        let result = filled(result, &known);
        match in_query {
            true => Ok(format!("(SELECT {result} FROM ({inner}))")),
            false if result.len() > LONGEST_REPEATED * 8 => {
                Err(DialectError::new("54001", "the expression is too complex"))
            }
            false => Ok(format!("({result})")),
        }
    }
}

/// A template with each `{name}` replaced by what is known of it.
fn filled(template: &str, known: &[(String, String)]) -> String {
    let mut sql = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        sql.push_str(before);
        let value = after
            .split_once('}')
            .and_then(|(name, after)| Some((known.iter().find(|(of, _)| of == name)?, after)));
        match value {
            Some(((_, value), after)) => {
                sql.push_str(value);
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
