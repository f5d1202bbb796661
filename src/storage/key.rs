//! Names of buckets and objects: what characters they may have.
//!
//! Not paths: no name ever reaches R2, whose keys are version uuids, and empty segments are names like any other. `..` is refused
//! all the same: no URL leads there, and a client that writes a bucket into a folder would leave the folder.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use super::StorageError;
use crate::config::KeyCharacters;

/// The most bytes of an object's name, as in S3.
const LONGEST_KEY: usize = 1024;

/// The most characters of a bucket's name.
const LONGEST_BUCKET_NAME: usize = 100;

/// Characters besides letters and digits.
const PUNCTUATION: &str = "_!.*'() &$=@;:+,?-";

/// What `encodeURIComponent` leaves of a name as it is.
pub const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Where an object is: its bucket's id and its own name, which is valid.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectPath {
    /// The bucket's id; may be no bucket's.
    pub bucket: String,
    /// The object's name.
    pub key: String,
}

impl ObjectPath {
    /// Refuses names with characters outside the set or a segment `..`, empty ones and those over 1,024 bytes.
    pub fn new(bucket: &str, key: &str, characters: KeyCharacters) -> Result<Self, StorageError> {
        let allowed = |character: char| match characters {
            KeyCharacters::Supabase => is_allowed(character) || character == '/',
            KeyCharacters::Unicode => !character.is_control() && character != '\\' && !deceives(character),
        };
        let climbs = key.split('/').any(|segment| segment == "..");
        if key.is_empty() || key.len() > LONGEST_KEY || climbs || !key.chars().all(allowed) {
            return Err(StorageError::InvalidKey(key.to_string()));
        }
        Ok(Self { bucket: bucket.to_string(), key: key.to_string() })
    }

    /// A placeholder that stands for an empty folder: must have no bytes, and may be of any type.
    pub fn is_empty_folder(&self) -> bool {
        self.key.ends_with(".emptyFolderPlaceholder")
    }
}

/// `bucket/key`, as signed URLs and answers have it.
impl std::fmt::Display for ObjectPath {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.bucket, self.key)
    }
}

/// Whether a new bucket may have this name or id.
pub fn check_bucket_name(name: &str) -> Result<(), StorageError> {
    let fits = (1..=LONGEST_BUCKET_NAME).contains(&name.len());
    if fits && name.trim() == name && name.chars().all(is_allowed) {
        return Ok(());
    }
    Err(StorageError::InvalidBucketName)
}

fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || PUNCTUATION.contains(character)
}

/// Characters that look like none or turn the text around them, so that a name reads as another. And the last one,
/// which ends ranges.
fn deceives(character: char) -> bool {
    matches!(
        character,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{10ffff}'
    )
}

/// The first text after all those that start with `prefix`, or `None` when there is no end: the
/// upper bound of a range, where `LIKE` could not take more than 50 bytes.
pub fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        let next = (last as u32 + 1..=char::MAX as u32).find_map(char::from_u32);
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names_have_supabases_characters() {
        for key in
            ["a", "A/b_c!-.*'()", "a b&c$d=e@f;g:h+i,j?k", "a//b", "a/...", "..a", "/", &"x".repeat(1024)]
        {
            assert!(ObjectPath::new("b", key, KeyCharacters::Supabase).is_ok(), "{key}");
        }
        for key in ["", "é", "a[b]", "a{b}", "a~", "a%b", "a#b", "a^b", "a`b", "a|b", "a<b", "a\"b", "a\\b"]
        {
            assert!(ObjectPath::new("b", key, KeyCharacters::Supabase).is_err(), "{key}");
        }
        for key in ["a\u{0}b", "a\nb", "a\tb", "a\u{7f}b", "..", "../x", "a/../b", "a/..", &"x".repeat(1025)]
        {
            assert!(ObjectPath::new("b", key, KeyCharacters::Supabase).is_err(), "{key:?}");
        }
    }

    #[test]
    fn unicode_is_an_option_without_what_deceives() {
        for key in ["é", "日本/語.png", "a[b]{c}~%#^`|<>\"", "🎉"] {
            assert!(ObjectPath::new("b", key, KeyCharacters::Unicode).is_ok(), "{key}");
        }
        for key in ["", "../x", "a\u{0}b", "a\nb", "a\\b", "a\u{202e}gnp.exe", "\u{10ffff}", &"é".repeat(513)]
        {
            assert!(ObjectPath::new("b", key, KeyCharacters::Unicode).is_err(), "{key:?}");
        }
    }

    #[test]
    fn bucket_names_have_no_slash_and_no_space_around() {
        for name in ["a", "my bucket", "a.b-c_d", &"x".repeat(100)] {
            assert!(check_bucket_name(name).is_ok(), "{name}");
        }
        for name in ["", " a", "a ", "a/b", "ä", "a\n", &"x".repeat(101)] {
            assert!(check_bucket_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_end_of_a_prefix_comes_right_after_it() {
        let rows = [("a", Some("b")), ("a/", Some("a0")), ("", None), ("a\u{10ffff}", Some("b"))];
        for (prefix, end) in rows {
            assert_eq!(end_of_prefix(prefix).as_deref(), end, "{prefix}");
        }
        assert_eq!(end_of_prefix("\u{d7ff}").as_deref(), Some("\u{e000}"));
    }
}
