//! Scopes: what an app may learn of its user. What it may do with the data is the policies' matter.

/// All there are.
pub const SUPPORTED: [&str; 5] = ["openid", "profile", "email", "phone", "offline_access"];

/// The scopes of a space-separated text.
pub fn each(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').map(str::trim).filter(|scope| !scope.is_empty())
}

/// Whether a text has a scope.
pub fn has(text: &str, scope: &str) -> bool {
    each(text).any(|of| of == scope)
}

/// Whether what was granted has all that is asked for.
pub fn covers(granted: &str, asked: &str) -> bool {
    each(asked).all(|scope| has(granted, scope))
}
