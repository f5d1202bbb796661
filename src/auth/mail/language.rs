//! The languages someone reads: what the account says of them, then what the browser asks for.

use serde_json::Value;

/// The members of `user_metadata` that name a language: apps write the first, providers the second.
const MEMBERS: [&str; 2] = ["language", "locale"];

/// Language tags in lower case, the one to try first in front: `de_AT` and `en;q=0.5, fr` → `de-at`, `fr`, `en`.
pub fn wanted(user_metadata: Option<&Value>, accept_language: Option<&str>) -> Vec<String> {
    let own = MEMBERS.iter().filter_map(|member| user_metadata?.get(member)?.as_str());
    let mut asked: Vec<(&str, f32)> = accept_language.unwrap_or_default().split(',').map(weighed).collect();
    asked.retain(|(_, weight)| *weight > 0.0);
    asked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let tags = own.chain(asked.into_iter().map(|(tag, _)| tag));
    tags.map(|tag| tag.trim().replace('_', "-").to_ascii_lowercase()).collect()
}

/// `en;q=0.5` → `en`, 0.5 (RFC 9110 §12.5.4)
fn weighed(item: &str) -> (&str, f32) {
    match item.split_once(";q=") {
        None => (item, 1.0),
        Some((tag, weight)) => (tag, weight.trim().parse().unwrap_or(0.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_account_is_asked_before_the_browser() {
        let rows: [(Value, Option<&str>, &[&str]); 5] = [
            (json!({}), None, &[""]),
            (json!({"locale": "de_AT", "language": "fr"}), Some("*"), &["fr", "de-at", "*"]),
            (json!({"language": 7}), Some("en;q=0.5, pt-BR, x;q=0, y;q=z"), &["pt-br", "en"]),
            (json!(null), Some("en;q=0.5,de;q=0.9"), &["de", "en"]),
            (json!({}), Some(";;;,=,"), &[";;;", "=", ""]),
        ];
        for (metadata, header, expected) in rows {
            assert_eq!(wanted(Some(&metadata), header), expected, "{metadata} {header:?}");
        }
    }
}
