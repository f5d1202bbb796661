//! `X-Robots-Tag`: which rules an uploader may set for an object.

use super::StorageError;

/// Rules that stand alone.
const SIMPLE: &[&str] =
    &["all", "noindex", "nofollow", "none", "nosnippet", "indexifembedded", "notranslate", "noimageindex"];

/// Refuses a header with an unknown rule: `noindex, googlebot: nofollow, max-snippet: 20`.
pub fn check(header: &str) -> Result<(), StorageError> {
    let mut rules = header.split(',').map(str::trim).peekable();
    while let Some(rule) = rules.next() {
        if !is_rule(rule) {
            return Err(StorageError::InvalidRobotsTag(rule.to_string()));
        }
        // `unavailable_after: Wed, 31 Dec 2025 …` has a comma of its own.
        if rule.contains("unavailable_after:") {
            rules.next_if(|rest| rest.starts_with(|character: char| character.is_ascii_digit()));
        }
    }
    Ok(())
}

fn is_rule(rule: &str) -> bool {
    let Some((name, value)) = rule.split_once(':') else { return SIMPLE.contains(&rule) };
    let value = value.trim();
    match name.trim() {
        "max-snippet" | "max-video-preview" => value.parse::<i64>().is_ok_and(|number| number >= -1),
        "max-image-preview" => ["none", "standard", "large"].contains(&value),
        "unavailable_after" => !value.is_empty(),
        "" => false,
        _agent => is_rule(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_the_known_ones() {
        for header in [
            "all",
            "noindex, nofollow",
            "googlebot: noindex",
            "max-snippet: 20, max-image-preview: large",
            "unavailable_after: Wed, 31 Dec 2025 00:00:00 GMT, noindex",
        ] {
            assert_eq!(check(header), Ok(()), "{header}");
        }
        for header in ["", "indexing", "noindex,,all", "max-snippet: many", "googlebot:", "max-snippet: -2"] {
            assert!(check(header).is_err(), "{header}");
        }
    }
}
