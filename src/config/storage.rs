//! The storage API's settings.

use super::read::Reader;

/// Limits of the storage API.
#[derive(Clone, Debug)]
pub struct StorageConfig {
    /// `FILE_SIZE_LIMIT`: bytes of the largest object; a bucket may set less. Cloudflare's own limit on a
    /// request body (100 MB on Free and Pro) comes first.
    pub file_size_limit: u64,
    /// `SIGNED_UPLOAD_URL_EXPIRY`: seconds a signed upload URL lives.
    pub signed_upload_seconds: u64,
    /// `TUS_URL_EXPIRY`: seconds a resumable upload may take.
    pub resumable_seconds: i64,
}

impl StorageConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            file_size_limit: reader.number("FILE_SIZE_LIMIT", 50 * 1024 * 1024),
            signed_upload_seconds: reader.number("SIGNED_UPLOAD_URL_EXPIRY", 7200),
            resumable_seconds: reader.number_within("TUS_URL_EXPIRY", 86_400, 60..=518_400).cast_signed(),
        }
    }
}
