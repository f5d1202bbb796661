//! Documents: recipes of vectors and queries, as SQL puts them together.

use serde_json::Value;

use super::SearchError;
use super::clauses::clauses;
use super::dictionary::Configuration;
use super::query::Syntax;
use super::vector::{Vector, weight};

/// The ways of writing a query by the name that documents give them.
#[rustfmt::skip]
const SYNTAXES: &[(&str, Syntax)] = &[
    ("operators", Syntax::Operators),
    ("plain",     Syntax::Plain),
    ("phrase",    Syntax::Phrase),
    ("web",       Syntax::Web),
];

/// What begins the document of a query; the text follows as a JSON string, and `]`.
pub fn query_document(configuration: Configuration, syntax: Syntax) -> String {
    let name = SYNTAXES.iter().find(|(_, of)| *of == syntax).map_or("plain", |(name, _)| name);
    format!("[\"query\",\"{name}\",\"{}\",", configuration.name())
}

/// What a document comes to: a vector's text, or a query's clauses.
pub fn cooked(document: &str) -> Result<String, SearchError> {
    let recipe: Value = serde_json::from_str(document).map_err(|_| no_document())?;
    let parts: Vec<&str> = recipe.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let ["query", syntax, configuration, text] = parts.as_slice() {
        let syntax = SYNTAXES.iter().find(|(name, _)| name == syntax).ok_or_else(no_document)?.1;
        return clauses(Configuration::named(configuration)?, syntax, text);
    }
    Ok(made(&recipe)?.to_text())
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
