//! Documents: recipes of vectors and queries, as SQL puts them together.

use serde_json::Value;

use super::SearchError;
use super::clauses::clauses;
use super::dictionary::Configuration;
use super::query::{Node, Syntax, parse};
use super::rank::{looked_for, rank};
use super::vector::{Vector, weight};

/// The ways of writing a query by the name that documents give them.
#[rustfmt::skip]
const SYNTAXES: &[(&str, Syntax)] = &[
    ("operators", Syntax::Operators),
    ("plain",     Syntax::Plain),
    ("phrase",    Syntax::Phrase),
    ("web",       Syntax::Web),
    ("lexemes",   Syntax::Lexemes),
];

/// What begins the document of a query; the text follows as a JSON string, and `]`.
pub fn query_document(configuration: Configuration, syntax: Syntax) -> String {
    let name = SYNTAXES.iter().find(|(_, of)| *of == syntax).map_or("plain", |(name, _)| name);
    format!("[\"query\",\"{name}\",\"{}\",", configuration.name())
}

/// What begins the document of a rank, and of the lexemes that it asks for; `weights` is JSON, or `null`. The query's
/// document follows, in a rank's a comma, what is known of the vector, and in both `]`.
pub fn rank_document(method: i64, weights: &str) -> (String, String) {
    (format!("[\"rank\",{method},{weights},"), "[\"ranked\",".to_string())
}

/// What a document comes to: a vector's text, a query's clauses, the lexemes of a query, or a rank.
pub fn cooked(document: &str) -> Result<String, SearchError> {
    let recipe: Value = serde_json::from_str(document).map_err(|_| no_document())?;
    match recipe.as_array().map(Vec::as_slice).unwrap_or_default() {
        [Value::String(verb), ..] if verb == "query" => {
            let (syntax, configuration, text) = query_of(&recipe)?;
            clauses(configuration, syntax, text)
        }
        [Value::String(verb), query] if verb == "ranked" => {
            Ok(looked_for(parsed(query)?.as_ref()).to_string())
        }
        [Value::String(verb), Value::Number(method), weights, query, places] if verb == "rank" => {
            let method = method.as_i64().unwrap_or_default();
            Ok(rank(method, weights, parsed(query)?.as_ref(), places)?.to_string())
        }
        _ => Ok(made(&recipe)?.to_text()),
    }
}

fn query_of(recipe: &Value) -> Result<(Syntax, Configuration, &str), SearchError> {
    let parts: Vec<&str> = recipe.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let ["query", syntax, configuration, text] = parts.as_slice() else { return Err(no_document()) };
    let syntax = SYNTAXES.iter().find(|(name, _)| name == syntax).ok_or_else(no_document)?.1;
    Ok((syntax, Configuration::named(configuration)?, text))
}

fn parsed(recipe: &Value) -> Result<Option<Node>, SearchError> {
    let (syntax, configuration, text) = query_of(recipe)?;
    parse(configuration, syntax, text)
}

fn made(recipe: &Value) -> Result<Vector, SearchError> {
    match recipe {
        Value::String(text) => Vector::parse(text),
        Value::Array(parts) => match parts.as_slice() {
            [Value::String(verb), Value::String(configuration), Value::String(text)] if verb == "to" => {
                Ok(Configuration::named(configuration)?.vector(text))
            }
            [Value::String(verb), Value::String(letter), inner] if verb == "weight" => {
                let weight = letter.chars().next().and_then(weight).ok_or_else(no_document)?;
                Ok(made(inner)?.weighted(weight))
            }
            [Value::String(verb), one, other] if verb == "both" => Ok(made(one)?.concatenated(&made(other)?)),
            [Value::String(verb), inner] if verb == "strip" => Ok(made(inner)?.stripped()),
            _ => Err(no_document()),
        },
        _ => Err(no_document()),
    }
}

fn no_document() -> SearchError {
    SearchError::new("XX000", "a text search document is none")
}
