//! A query in the form that SQL asks it in: clauses of which all hold, tests of which one holds.
//!
//! `'fat' & !'rat'` → `[[{"n":0,"any":[" 'fat':"," 'fat' "]}],[{"n":1,"any":[" 'rat':"," 'rat' "]}]]`.

use serde_json::{Value, json};

use super::SearchError;
use super::dictionary::Configuration;
use super::query::{Node, Syntax, parse};

/// More tests than anyone writes; each is looked for in every row.
const MOST_TESTS: usize = 300;

/// The letters of weights, from the lightest.
const LETTERS: [char; 4] = ['D', 'C', 'B', 'A'];

/// Reads a query and gives its clauses as JSON.
pub fn clauses(configuration: Configuration, syntax: Syntax, text: &str) -> Result<String, SearchError> {
    let clauses = match parse(configuration, syntax, text)? {
        Some(node) => normal(&node, false)?,
        // Only stop words: one clause, and nothing that could fulfil it.
        None => vec![Vec::new()],
    };
    Ok(Value::from(clauses).to_string())
}

fn normal(node: &Node, negated: bool) -> Result<Vec<Vec<Value>>, SearchError> {
    let clauses = match (node, negated) {
        (Node::Not(inner), negated) => normal(inner, !negated)?,
        (Node::And(one, other), false) | (Node::Or(one, other), true) => {
            [normal(one, negated)?, normal(other, negated)?].concat()
        }
        (Node::Or(one, other), false) | (Node::And(one, other), true) => {
            let (one, other) = (normal(one, negated)?, normal(other, negated)?);
            if one.len() * other.len() > MOST_TESTS {
                return Err(too_long());
            }
            one.iter().flat_map(|left| other.iter().map(|right| [left.as_slice(), right].concat())).collect()
        }
        (Node::Stop, _) => vec![Vec::new()],
        (lexeme, negated) => vec![vec![test(lexeme, negated)?]],
    };
    if clauses.iter().map(Vec::len).sum::<usize>() > MOST_TESTS {
        return Err(too_long());
    }
    Ok(clauses)
}

fn too_long() -> SearchError {
    SearchError::new("54000", "the text search query is too complex")
}

fn test(node: &Node, negated: bool) -> Result<Value, SearchError> {
    let negated = u8::from(negated);
    if let Node::Lexeme { text, prefix, weights } = node
        && weights.is_empty()
    {
        let start = quoted(text);
        return Ok(match prefix {
            true => json!({"n": negated, "any": [start]}),
            false => json!({"n": negated, "any": [format!("{start}':"), format!("{start}' ")]}),
        });
    }
    let mut words = Vec::new();
    lay_out(node, 0, &mut words)?;
    Ok(json!({"n": negated, "words": words}))
}

/// A lexeme as it stands in a vector, up to its closing quote.
fn quoted(text: &str) -> String {
    format!(" '{}", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The words of a phrase with their distances from the first; gives the last one's.
fn lay_out(node: &Node, from: u32, words: &mut Vec<Value>) -> Result<u32, SearchError> {
    match node {
        Node::Lexeme { text, prefix: false, weights } => {
            let letters: String = match weights.is_empty() {
                true => LETTERS.iter().collect(),
                false => weights.iter().filter_map(|weight| LETTERS.get(usize::from(*weight))).collect(),
            };
            words.push(json!([format!("{}':", quoted(text)), from, letters]));
            Ok(from)
        }
        Node::Phrase(one, other, distance) => {
            let end = lay_out(one, from, words)?;
            lay_out(other, end + distance, words)
        }
        Node::Lexeme { .. } => {
            Err(SearchError::new("0A000", "prefixes in phrases and with weights are not supported"))
        }
        _ => Err(SearchError::new("0A000", "operators inside of a phrase are not supported")),
    }
}
