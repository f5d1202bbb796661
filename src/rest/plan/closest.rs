//! What a misspelt name may have meant, as upstream guesses: its hints are compared word for word. Names are sorted out by
//! the pieces of three (or two) letters that they share, and then rated by their edit distance (PostgREST takes the
//! `fuzzyset` package for it); Postgres has its own way for columns.

use std::collections::HashMap;

/// How like a table's or function's name must be to be given away.
pub const LIKE_NAMES: f64 = 0.75;

/// How like other hints must be.
pub const LIKE_ENOUGH: f64 = 0.33;

/// How many names that share pieces are rated.
const RATED: usize = 50;

/// The names that are at least `least` like a wanted one, and how like they are; the likeliest first. A name that is
/// equal but for capitals is the only one.
pub fn closest<'n>(
    wanted: &str,
    names: impl IntoIterator<Item = &'n str>,
    least: f64,
) -> Vec<(f64, &'n str)> {
    let wanted = wanted.to_lowercase();
    let mut known: Vec<(String, &str)> = Vec::new();
    for name in names {
        let lower = name.to_lowercase();
        if !known.iter().any(|(other, _)| *other == lower) {
            known.push((lower, name));
        }
    }
    if let Some((_, name)) = known.iter().find(|(lower, _)| *lower == wanted) {
        return vec![(1.0, *name)];
    }
    let sizes = [3, 2].into_iter();
    sizes
        .map(|size| sharing(&wanted, &known, least, size))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// Those that share pieces of a size.
fn sharing<'n>(wanted: &str, known: &[(String, &'n str)], least: f64, size: usize) -> Vec<(f64, &'n str)> {
    let pieces = pieces(wanted, size);
    let mut sharing: Vec<(f64, &(String, &str))> = known
        .iter()
        .filter_map(|entry| Some((cosine(&pieces, &self::pieces(&entry.0, size))?, entry)))
        .collect();
    sharing.sort_by(|one, other| other.0.total_cmp(&one.0));
    let rated = sharing.into_iter().take(RATED);
    let mut rated: Vec<(f64, &str)> =
        rated.map(|(_, (lower, name))| (likeness(wanted, lower), *name)).collect();
    rated.sort_by(|one, other| other.0.total_cmp(&one.0));
    rated.retain(|(score, _)| *score >= least);
    rated
}

/// How often each run of so many characters occurs in a name, an edge being one too: `-todos-`.
fn pieces(name: &str, size: usize) -> HashMap<String, usize> {
    let counted = |letter: &char| letter.is_alphanumeric() || letter.is_whitespace() || *letter == ',';
    let letters: Vec<char> =
        format!("-{}-", name.chars().filter(counted).collect::<String>()).chars().collect();
    let mut pieces = HashMap::new();
    for piece in letters.windows(size) {
        *pieces.entry(piece.iter().collect()).or_default() += 1;
    }
    pieces
}

/// The cosine of two names' pieces; `None` when they share none.
fn cosine(one: &HashMap<String, usize>, other: &HashMap<String, usize>) -> Option<f64> {
    let shared: usize = one.iter().filter_map(|(piece, count)| Some(count * other.get(piece)?)).sum();
    let length =
        |of: &HashMap<String, usize>| (of.values().map(|count| count * count).sum::<usize>() as f64).sqrt();
    (shared > 0).then(|| shared as f64 / (length(one) * length(other)))
}

/// 1 for equal texts, 0 for texts with nothing in common: one minus the edit distance over the longer's length.
fn likeness(one: &str, other: &str) -> f64 {
    let longest = one.chars().count().max(other.chars().count()).max(1);
    1.0 - edit_distance(one, other) as f64 / longest as f64
}

/// How many characters must be put in, left out or replaced.
fn edit_distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut previous: Vec<usize> = (0..=other.len()).collect();
    for (row, left) in one.chars().enumerate() {
        let mut current = vec![row + 1];
        for ((above_left, right), above) in previous.iter().zip(&other).zip(previous.iter().skip(1)) {
            let replaced = above_left + usize::from(left != *right);
            let inserted = current.last().copied().unwrap_or_default() + 1;
            current.push(replaced.min(inserted).min(above + 1));
        }
        previous = current;
    }
    previous.last().copied().unwrap_or_default()
}

/// The columns that Postgres names beside an unknown one: the nearest, or two that are equally near, at most three
/// letters away and at most half of what was written.
pub fn closest_columns<'n>(wanted: &str, columns: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let mut nearest = 3;
    let mut found = Vec::new();
    for column in columns {
        let distance = edit_distance(column, wanted);
        if distance > nearest || distance > wanted.len() / 2 {
            continue;
        }
        if distance < nearest {
            nearest = distance;
            found.clear();
        } else if found.len() == 2 {
            // Of three that are equally near none is named, and only a nearer one will be.
            found.clear();
            let Some(nearer) = distance.checked_sub(1) else { break };
            nearest = nearer;
            continue;
        }
        found.push(column);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first<'n>(wanted: &str, names: &[&'n str], least: f64) -> Option<&'n str> {
        closest(wanted, names.iter().copied(), least).first().map(|(_, name)| *name)
    }

    #[test]
    fn upstreams_own_examples_come_out_as_upstream_says() {
        assert_eq!(first("film", &["films", "roles"], LIKE_ENOUGH), Some("films"));
        assert_eq!(first("role", &["directors", "roles", "actors"], LIKE_ENOUGH), Some("roles"));
        assert_eq!(first("noclosealternative", &["directors", "roles"], LIKE_ENOUGH), None);
        assert_eq!(first("testt", &["test", "another"], LIKE_NAMES), Some("test"));
        assert_eq!(first("other", &["test", "another"], LIKE_NAMES), None);
        let lists = ["(name, param, val)", "(attr, id)"];
        assert_eq!(first("(nam, pqaram, vall)", &lists, LIKE_ENOUGH), Some("(name, param, val)"));
        assert_eq!(first("(param, val)", &lists, LIKE_ENOUGH), Some("(name, param, val)"));
        assert_eq!(first("(attrs, id)", &lists, LIKE_ENOUGH), Some("(attr, id)"));
        assert_eq!(first("(id)", &lists, LIKE_ENOUGH), Some("(attr, id)"));
        assert_eq!(first("(noclosealternative)", &lists, LIKE_ENOUGH), None);
    }

    #[test]
    fn equal_names_but_for_capitals_are_found_at_once() {
        assert_eq!(closest("TODOS", ["todo", "Todos"], LIKE_NAMES), [(1.0, "Todos")]);
    }

    #[test]
    fn columns_are_named_when_they_are_near() {
        assert_eq!(closest_columns("nme", ["id", "name"]), ["name"]);
        assert_eq!(closest_columns("x", ["id", "name"]), Vec::<&str>::new());
        assert_eq!(closest_columns("col1", ["cola", "colb"]), ["cola", "colb"]);
        assert_eq!(closest_columns("col1", ["cola", "colb", "colc"]), Vec::<&str>::new());
        assert_eq!(closest_columns("col1", ["cola", "colb", "colc", "cola"]), Vec::<&str>::new());
        assert_eq!(closest_columns("colour", ["colxyz", "color"]), ["color"]);
    }
}
