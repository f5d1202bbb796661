//! The `Upload-Metadata` header (TUS 1.0, creation): what the client says of the file.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

/// Base64 with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The header's pairs; keys that nobody here knows are kept too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UploadMetadata(Vec<(String, String)>);

impl UploadMetadata {
    /// `bucketName YXZhdGFycw==,objectName YS5wbmc=,is_private` → pairs; `None` when it is not that.
    pub fn parse(header: &str) -> Option<Self> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in header.split(',') {
            let (key, value) = match pair.trim().split_once(' ') {
                Some((key, value)) => (key, BASE64.decode(value.trim()).ok()?),
                None => (pair.trim(), Vec::new()),
            };
            if key.is_empty() || pairs.iter().any(|(other, _)| other == key) {
                return None;
            }
            pairs.push((key.to_string(), String::from_utf8(value).ok()?));
        }
        Some(Self(pairs))
    }

    /// A value that is there and not empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// `cacheControl`, seconds, as the header that downloads carry.
    pub fn cache_control(&self) -> String {
        let is_number =
            |text: &&str| text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
        let seconds = self.get("cacheControl").filter(is_number);
        seconds.map_or("no-cache".to_string(), |seconds| format!("max-age={seconds}"))
    }

    /// `metadata`, if it is a JSON object.
    pub fn user_metadata(&self) -> Option<&str> {
        let json = self.get("metadata")?;
        serde_json::from_str::<Map<String, Value>>(json).ok().map(|_| json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_or_the_header_is_refused() {
        let read =
            UploadMetadata::parse("bucketName YXZhdGFycw==,objectName YS5wbmc, is_private,cacheControl NjA=")
                .unwrap();
        assert_eq!(read.get("bucketName"), Some("avatars"));
        assert_eq!(read.get("objectName"), Some("a.png"));
        assert_eq!(read.get("is_private"), None);
        assert_eq!(read.cache_control(), "max-age=60");
        for header in ["", "a b c", "a !", "a YQ==,a YQ==", ",", "a YQ==,", "a /w=="] {
            assert_eq!(UploadMetadata::parse(header), None, "{header}");
        }
    }
}
