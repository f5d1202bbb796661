//! Media types: what a bucket allows, and what an object is served as.

use super::StorageError;

/// The most characters of an allowed type.
const LONGEST: usize = 1000;

/// What a bucket's list must contain one of for this type to be allowed: `image/png` → `image/png`
/// or `image/*`. A `charset` is part of the subtype, as upstream has it.
pub fn allowing(mime_type: &str) -> [String; 2] {
    let mut parts = mime_type.split('/');
    let (Some(kind), Some(subtype)) = (parts.next(), parts.next()) else {
        return [String::new(), String::new()];
    };
    [format!("{kind}/{subtype}"), format!("{kind}/*")]
}

/// Whether a bucket's list may have this entry: `type/subtype` with or without a charset, or a wildcard.
pub fn check_allowed(entry: &str) -> Result<(), StorageError> {
    if entry.len() <= LONGEST && (entry.ends_with('*') || is_type(entry)) {
        return Ok(());
    }
    Err(StorageError::InvalidMimeType(entry.to_string()))
}

fn is_type(entry: &str) -> bool {
    let (name, charset) = match entry.split_once(';') {
        Some((name, parameter)) => (name, parameter.trim_start().strip_prefix("charset=")),
        None => (entry, Some("-")),
    };
    let Some((kind, subtype)) = name.split_once('/') else { return false };
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte))
    };
    is_token(kind) && is_token(subtype) && charset.is_some_and(is_token)
}

/// The type an object is served as: pages become plain text, so that nobody's upload runs here.
pub fn served_as(mime_type: &str) -> &str {
    if mime_type.contains("text/html") { "text/plain" } else { mime_type }
}

/// Whether a browser that opens this type as a page could run scripts in it (SVG, XHTML, XSLT).
/// Upstream serves files from a host of their own; here the app may share the origin.
pub fn can_run_scripts(mime_type: &str) -> bool {
    let mime_type = mime_type.to_ascii_lowercase();
    ["svg", "xml", "html"].iter().any(|part| mime_type.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_types_are_types_or_wildcards() {
        for entry in
            ["image/png", "image/*", "*", "*/*", "application/vnd.a+xml", "text/plain; charset=utf-8"]
        {
            assert_eq!(check_allowed(entry), Ok(()), "{entry}");
        }
        for entry in ["", "image", "image/", "/png", "image/p ng", "text/plain; q=1", "a/b/c", "text/plain;"]
        {
            assert!(check_allowed(entry).is_err(), "{entry}");
        }
    }

    #[test]
    fn a_type_is_allowed_by_itself_or_its_kind() {
        assert_eq!(allowing("image/png"), ["image/png", "image/*"]);
        assert_eq!(allowing("text/plain;charset=UTF-8"), ["text/plain;charset=UTF-8", "text/*"]);
        assert_eq!(allowing("nonsense"), ["", ""]);
    }
}
