//! The storage API's settings.

use super::read::Reader;

/// What characters an object's name may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCharacters {
    /// ASCII letters, digits and some punctuation, as hosted.
    Supabase,
    /// Whatever can be seen.
    Unicode,
}

/// Limits of the storage API.
#[derive(Clone, Debug)]
pub struct StorageConfig {
    /// `FILE_SIZE_LIMIT`: bytes of the largest object; a bucket may set less. Cloudflare's own limit on a
    /// request body (100 MB on Free and Pro) comes first.
    pub file_size_limit: u64,
    /// `SIGNED_UPLOAD_URL_EXPIRY`: seconds a signed upload URL lives.
    pub signed_upload_seconds: u64,
    /// `UNICODE_KEYS`: whether names of objects may have any character that can be seen.
    pub unicode_keys: bool,
    /// `IMAGE_TRANSFORMATION`: whether images are rendered.
    pub image_transformation: bool,
    /// `IMAGE_SOURCE_MAX_BYTES`: bytes of the largest image that is rendered.
    pub image_source_bytes: u64,
    /// `IMAGE_SOURCE_MAX_PIXELS`: its width times its height.
    pub image_source_pixels: u64,
    /// `TUS_URL_EXPIRY`: seconds a resumable upload may take.
    pub resumable_seconds: i64,
}

impl StorageConfig {
    /// What the names of objects may have.
    pub fn key_characters(&self) -> KeyCharacters {
        if self.unicode_keys { KeyCharacters::Unicode } else { KeyCharacters::Supabase }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            file_size_limit: reader.number("FILE_SIZE_LIMIT", 50 * 1024 * 1024),
            signed_upload_seconds: reader.number("SIGNED_UPLOAD_URL_EXPIRY", 7200),
            unicode_keys: reader.flag("UNICODE_KEYS", false),
            image_transformation: reader.flag("IMAGE_TRANSFORMATION", true),
            image_source_bytes: reader.number("IMAGE_SOURCE_MAX_BYTES", 25 * 1024 * 1024),
            image_source_pixels: reader.number("IMAGE_SOURCE_MAX_PIXELS", 50_000_000),
            resumable_seconds: reader.number_within("TUS_URL_EXPIRY", 86_400, 60..=518_400).cast_signed(),
        }
    }
}
