//! Chains of AND and OR within SQLite's depth.

/// Joins expressions as a balanced tree: D1 refuses expressions deeper than 100, which a chain of
/// 100 terms already is.
pub fn balanced(mut terms: Vec<String>, operator: &str) -> String {
    match terms.len() {
        0 => "TRUE".to_string(),
        1 => terms.swap_remove(0),
        length => {
            let right = terms.split_off(length / 2);
            format!("({}{operator}{})", balanced(terms, operator), balanced(right, operator))
        }
    }
}
