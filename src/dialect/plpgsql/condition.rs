//! Whether a point of a function is reached: what all the branches on the way asked.

use crate::sql::balanced;

/// A condition in SQL, each term of it true or false, never NULL.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// All must be true; `None` when that cannot be.
    terms: Option<Vec<String>>,
}

impl Condition {
    /// True.
    pub fn always() -> Self {
        Self { terms: Some(Vec::new()) }
    }

    /// False.
    pub fn never() -> Self {
        Self { terms: None }
    }

    /// Whether it is false whatever the data.
    pub fn is_never(&self) -> bool {
        self.terms.is_none()
    }

    /// Whether it is true whatever the data.
    pub fn is_always(&self) -> bool {
        self.terms.as_ref().is_some_and(Vec::is_empty)
    }

    /// And one more term.
    pub fn and(&self, term: &str) -> Self {
        let mut terms = self.terms.clone();
        if let Some(terms) = &mut terms
            && !terms.iter().any(|of| of == term)
        {
            terms.push(term.to_string());
        }
        Self { terms }
    }

    /// Either of both.
    pub fn or(&self, other: &Self) -> Self {
        let (Some(one), Some(two)) = (&self.terms, &other.terms) else {
            return if self.is_never() { other.clone() } else { self.clone() };
        };
        let (common, one): (Vec<String>, Vec<String>) =
            one.iter().cloned().partition(|term| two.contains(term));
        let two: Vec<String> = two.iter().filter(|term| !common.contains(term)).cloned().collect();
        let mut terms = common;
        if !one.is_empty() && !two.is_empty() {
            terms.push(format!("({} OR {})", balanced(one, " AND "), balanced(two, " AND ")));
        }
        Self { terms: Some(terms) }
    }

    /// As a SQL expression.
    pub fn to_sql(&self) -> String {
        match &self.terms {
            None => "FALSE".to_string(),
            Some(terms) => balanced(terms.clone(), " AND "),
        }
    }

    /// `value` where it holds; NULL elsewhere.
    pub fn guarding(&self, value: &str) -> String {
        if self.is_always() {
            value.to_string()
        } else {
            format!("CASE WHEN {} THEN {value} END", self.to_sql())
        }
    }
}
