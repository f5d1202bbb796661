//! `ts_rank`: how well a vector fits a query, in PostgreSQL's single precision.
//!
//! Only where the query's own lexemes stand counts, so that is all a document of a rank has of the vector, unless
//! the rank is divided by the vector's length or a lexeme of the query is a beginning.

use serde_json::Value;

use super::SearchError;
use super::query::Node;
use super::vector::{Place, Vector};

/// What a lexeme counts by its weight, from D to A.
const WEIGHTS: [f32; 4] = [0.1, 0.2, 0.4, 1.0];

/// Divided by the logarithm of the length, by it, by the number of lexemes, by its logarithm, and by itself and one.
const BY_LOG_LENGTH: i64 = 1;
const BY_LENGTH: i64 = 2;
const BY_LEXEMES: i64 = 8;
const BY_LOG_LEXEMES: i64 = 16;
const BY_ITSELF: i64 = 32;

/// Where a lexeme stands that has no places: behind all others.
const NOWHERE: u16 = 16_382;

/// The furthest that two lexemes are from each other.
const FURTHEST: i32 = 16_383;

/// The sum of 1/i² over all i.
const ALL_PLACES: f64 = 1.644_934_066_85;

/// Where a lexeme stands in a vector: nowhere else when it is empty.
type Entry = Vec<Place>;

/// Whether a rank needs the whole vector.
pub fn needs_vector(method: i64) -> bool {
    method & (BY_LOG_LENGTH | BY_LENGTH | BY_LEXEMES | BY_LOG_LEXEMES) != 0
}

/// The lexemes of a query, as SQL looks for them in a vector; `"*"` when one of them is a beginning.
pub fn looked_for(query: Option<&Node>) -> Value {
    let operands = operands(query);
    if operands.iter().any(|(_, is_prefix)| *is_prefix) {
        return Value::from("*");
    }
    let quoted = |(text, _): (String, bool)| format!(" '{}", text.replace('\\', "\\\\").replace('\'', "''"));
    operands.into_iter().map(quoted).map(Value::from).collect()
}

/// The rank of a vector that is known by where each of [`looked_for`] stands, or is given whole.
pub fn rank(method: i64, weights: &Value, query: Option<&Node>, places: &Value) -> Result<f32, SearchError> {
    let weights = weights_of(weights)?;
    let operands = operands(query);
    let Some(query) = query else { return Ok(0.0) };
    let (entries, vector) = match places {
        Value::String(text) => {
            let vector = Vector::parse(text)?;
            (operands.iter().map(|operand| found(&vector, operand)).collect::<Vec<_>>(), Some(vector))
        }
        places => {
            let places = places.as_array().map(Vec::as_slice).unwrap_or_default();
            (places.iter().map(entry).collect::<Result<Vec<_>, _>>()?, None)
        }
    };
    if vector.as_ref().is_some_and(|vector| vector.lexemes.is_empty()) {
        return Ok(0.0);
    }
    let is_all = matches!(query, Node::And(..) | Node::Phrase(..)) && operands.len() > 1;
    let rank = if is_all { together(&weights, &entries) } else { alone(&weights, &entries) };
    let rank = if rank < 0.0 { 1e-20 } else { rank };
    Ok(normalised(rank, method, vector.as_ref()))
}

/// The query's lexemes in order, each once, and whether it is a beginning.
fn operands(query: Option<&Node>) -> Vec<(String, bool)> {
    fn collect(node: &Node, into: &mut Vec<(String, bool)>) {
        match node {
            Node::Lexeme { text, prefix, .. } => into.push((text.clone(), *prefix)),
            Node::Not(inner) => collect(inner, into),
            Node::And(one, other) | Node::Or(one, other) | Node::Phrase(one, other, _) => {
                collect(one, into);
                collect(other, into);
            }
            Node::Stop => {}
        }
    }
    let mut all = Vec::new();
    query.into_iter().for_each(|node| collect(node, &mut all));
    // The first of two alike decides whether it is a beginning, and the order is by the text alone.
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all.dedup_by(|one, other| one.0 == other.0);
    all
}

fn found(vector: &Vector, (text, is_prefix): &(String, bool)) -> Vec<Entry> {
    match is_prefix {
        false => vector.lexemes.get(text).cloned().into_iter().collect(),
        true => {
            let from = vector.lexemes.range(text.clone()..);
            from.take_while(|(lexeme, _)| lexeme.starts_with(text.as_str()))
                .map(|(_, at)| at.clone())
                .collect()
        }
    }
}

/// `"3,7A"`, `""` for a lexeme without places, `null` for one that is not there.
fn entry(places: &Value) -> Result<Vec<Entry>, SearchError> {
    match places.as_str() {
        None => Ok(Vec::new()),
        Some("") => Ok(vec![Vec::new()]),
        Some(places) => {
            let vector = Vector::parse(&format!("'x':{places}"))?;
            Ok(vector.lexemes.into_values().collect())
        }
    }
}

fn weights_of(given: &Value) -> Result<[f32; 4], SearchError> {
    let mut weights = WEIGHTS;
    let Some(given) = given.as_array() else { return Ok(weights) };
    if given.len() < weights.len() {
        return Err(SearchError::new("2202E", "array of weight is too short"));
    }
    for (weight, given) in weights.iter_mut().zip(given) {
        let given = given
            .as_f64()
            .ok_or_else(|| SearchError::new("22004", "array of weight must not contain nulls"))?
            as f32;
        if given > 1.0 {
            return Err(SearchError::new("22023", "weight out of range"));
        }
        if given >= 0.0 {
            *weight = given;
        }
    }
    Ok(weights)
}

fn weight_of(weights: &[f32; 4], place: Place) -> f32 {
    weights.get(usize::from(place.weight)).copied().unwrap_or_default()
}

/// The nearer lexemes stand to each other, the better: Postgres' `calc_rank_and`.
fn together(weights: &[f32; 4], entries: &[Vec<Entry>]) -> f32 {
    let nowhere = [Place { position: NOWHERE, weight: 0 }];
    let places = |entry: &'_ Entry| if entry.is_empty() { nowhere.to_vec() } else { entry.clone() };
    let mut rank = -1.0_f32;
    let mut before: Vec<Option<&Entry>> = Vec::new();
    for entries in entries {
        let mut last = None;
        for entry in entries {
            for other in before.iter().flatten() {
                for here in places(entry) {
                    for there in places(other) {
                        let mut apart = (i32::from(here.position) - i32::from(there.position)).abs();
                        if apart == 0 && !entry.is_empty() && !other.is_empty() {
                            continue;
                        }
                        if apart == 0 {
                            apart = FURTHEST;
                        }
                        let near = weight_of(weights, here) * weight_of(weights, there) * nearness(apart);
                        let near = f64::from(near).sqrt() as f32;
                        rank = match rank < 0.0 {
                            true => near,
                            false => (1.0 - (1.0 - f64::from(rank)) * (1.0 - f64::from(near))) as f32,
                        };
                    }
                }
            }
            last = Some(entry);
        }
        before.push(last);
    }
    rank
}

fn nearness(apart: i32) -> f32 {
    if apart > 100 {
        return 1e-30;
    }
    (1.0 / (1.005 + 0.05 * (f64::from(apart as f32) / 1.5 - 2.0).exp())) as f32
}

/// Each lexeme for itself, its later places counting less: Postgres' `calc_rank_or`.
fn alone(weights: &[f32; 4], entries: &[Vec<Entry>]) -> f32 {
    let mut rank = 0.0_f32;
    for entry in entries.iter().flatten() {
        let nowhere = vec![Place { position: 0, weight: 0 }];
        let places = if entry.is_empty() { &nowhere } else { entry };
        let (mut sum, mut best, mut best_at) = (0.0_f32, -1.0_f32, 0_u16);
        for (index, place) in (0_u16..).zip(places) {
            let weight = weight_of(weights, *place);
            sum += weight / square(index + 1);
            if weight > best {
                (best, best_at) = (weight, index);
            }
        }
        let counted = best + sum - best / square(best_at + 1);
        rank = (f64::from(rank) + f64::from(counted) / ALL_PLACES) as f32;
    }
    if entries.is_empty() { rank } else { rank / entries.len() as f32 }
}

fn square(number: u16) -> f32 {
    (u32::from(number) * u32::from(number)) as f32
}

fn normalised(mut rank: f32, method: i64, vector: Option<&Vector>) -> f32 {
    let lexemes = vector.map_or(0, |vector| vector.lexemes.len());
    let length: usize =
        vector.map_or(0, |vector| vector.lexemes.values().map(|places| places.len().max(1)).sum());
    let logarithm = |count: usize| ((count + 1) as f64).ln() / 2.0_f64.ln();
    if method & BY_LOG_LENGTH != 0 && lexemes > 0 {
        rank = (f64::from(rank) / logarithm(length)) as f32;
    }
    if method & BY_LENGTH != 0 && length > 0 {
        rank /= length as f32;
    }
    if method & BY_LEXEMES != 0 && lexemes > 0 {
        rank /= lexemes as f32;
    }
    if method & BY_LOG_LEXEMES != 0 && lexemes > 0 {
        rank = (f64::from(rank) / logarithm(lexemes)) as f32;
    }
    if method & BY_ITSELF != 0 {
        rank /= rank + 1.0;
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::super::dictionary::Configuration;
    use super::super::query::{Syntax, parse};
    use super::*;

    fn of(query: &str, vector: &str, method: i64) -> f32 {
        let query = parse(Configuration::Simple, Syntax::Lexemes, query).unwrap();
        rank(method, &Value::Null, query.as_ref(), &Value::from(vector)).unwrap()
    }

    #[test]
    fn ranks_are_those_of_postgres() {
        #[rustfmt::skip]
        let rows = [
            ("cat",             "'cat':3",                    0,  0.06079271),
            ("cat",             "'cat':3A",                   0,  0.6079271),
            ("cat & dog",       "'cat':1 'dog':2",            0,  0.0991_0322),
            ("cat | dog",       "'cat':1 'dog':2",            0,  0.06079271),
            ("cat & dog",       "'bird':1",                   0,  1e-20),
            ("cat",             "",                           0,  0.0),
        ];
        for (query, vector, method, expected) in rows {
            assert!(
                (of(query, vector, method) - expected).abs() < 1e-6,
                "{query} {vector}: {}",
                of(query, vector, method)
            );
        }
    }
}
