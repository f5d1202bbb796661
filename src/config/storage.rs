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
    /// `S3_PROTOCOL_ACCESS_KEY_ID` and `S3_PROTOCOL_ACCESS_KEY_SECRET`: who signs with them has the rights of the service role.
    pub s3_key: Option<AccessKey>,
    /// `STORAGE_S3_REGION`: what the S3 API says where buckets are.
    pub s3_region: String,
    /// `S3_HOST`: a host, lower case, whose requests are all S3's, path-style, as are those of `bucket.HOST`.
    pub s3_host: Option<String>,
    /// `R2_…`: the account's own keys, with which clients reach R2 past the Worker.
    pub r2: Option<R2Account>,
    /// `ANON_KEY`: the legacy anon key, with which S3 requests with a session token are signed.
    pub anon_key: Option<String>,
    /// `EDGE_CACHE_…`: public downloads that the edge answers by itself.
    pub edge_answers: Option<EdgeAnswers>,
}

/// Where the edge may answer by itself, and how it is told of changes.
#[derive(Clone, Debug)]
pub struct EdgeAnswers {
    /// `EDGE_CACHE_ORIGIN`: `https://HOST`; the host lies in the zone. Requests to others ask the database.
    pub origin: String,
    /// The zone's purge API: `EDGE_CACHE_ZONE_ID` under `CLOUDFLARE_API_URL`.
    pub purge_url: String,
    /// `EDGE_CACHE_PURGE_TOKEN`: an API token that may purge the zone's cache.
    pub token: String,
}

/// How R2 is reached from outside.
#[derive(Clone, Debug)]
pub struct R2Account {
    /// `R2_ENDPOINT`: `https://<ACCOUNT_ID>.r2.cloudflarestorage.com`.
    pub endpoint: String,
    /// `R2_BUCKET_NAME`: the bucket that the Worker is bound to.
    pub bucket: String,
    /// `R2_ACCESS_KEY_ID` and `R2_SECRET_ACCESS_KEY`.
    pub key: AccessKey,
}

/// A pair of S3 keys.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// Its name.
    pub id: String,
    /// What it signs with.
    pub secret: String,
}

impl StorageConfig {
    /// What the names of objects may have.
    pub fn key_characters(&self) -> KeyCharacters {
        if self.unicode_keys { KeyCharacters::Unicode } else { KeyCharacters::Supabase }
    }

    /// Where a request to a host of S3's own leads: `photos.s3.example.com` and `/a.jpg` → `/storage/v1/s3/photos/a.jpg`.
    /// `None` for any other host.
    pub fn s3_path(&self, host: &str, path: &str) -> Option<String> {
        let own = self.s3_host.as_deref()?;
        let host = host.to_ascii_lowercase();
        if host == own {
            return Some(format!("/storage/v1/s3{path}"));
        }
        let bucket = host.strip_suffix(own)?.strip_suffix('.')?;
        Some(format!("/storage/v1/s3/{bucket}{path}"))
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
            s3_key: access_key(reader, "S3_PROTOCOL_ACCESS_KEY_ID", "S3_PROTOCOL_ACCESS_KEY_SECRET"),
            s3_region: reader.text("STORAGE_S3_REGION", "auto"),
            s3_host: s3_host(reader),
            r2: r2_account(reader),
            anon_key: Some(reader.text("ANON_KEY", "")).filter(|key| !key.is_empty()),
            edge_answers: edge_answers(reader),
        }
    }
}

/// Both of a pair, or neither.
fn access_key(reader: &mut Reader<'_>, id_name: &str, secret_name: &str) -> Option<AccessKey> {
    let (id, secret) = (reader.text(id_name, ""), reader.text(secret_name, ""));
    match (id.is_empty(), secret.len()) {
        (true, 0) => None,
        (false, 16..) => Some(AccessKey { id, secret }),
        _ => reader.refuse(format!(
            "{id_name} and {secret_name} belong together; the secret needs at least 16 characters"
        )),
    }
}

fn s3_host(reader: &mut Reader<'_>) -> Option<String> {
    let host = reader.text("S3_HOST", "").to_ascii_lowercase();
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte));
    match host.is_empty() {
        true => None,
        false if is_host => Some(host),
        false => reader.refuse("S3_HOST must be a host's name, without scheme and path".to_string()),
    }
}

fn edge_answers(reader: &mut Reader<'_>) -> Option<EdgeAnswers> {
    let origin = reader.text("EDGE_CACHE_ORIGIN", "");
    let zone = reader.text("EDGE_CACHE_ZONE_ID", "");
    let token = reader.text("EDGE_CACHE_PURGE_TOKEN", "");
    let api = reader.text("CLOUDFLARE_API_URL", "https://api.cloudflare.com/client/v4");
    if origin.is_empty() && zone.is_empty() && token.is_empty() {
        return None;
    }
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let is_origin = host.is_some_and(|host| {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:".contains(&byte))
    });
    let is_zone = !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_origin || !is_zone || token.is_empty() {
        return reader.refuse(
            "EDGE_CACHE_ORIGIN must be https://HOST in lower case, and goes with EDGE_CACHE_ZONE_ID and EDGE_CACHE_PURGE_TOKEN"
                .to_string(),
        );
    }
    Some(EdgeAnswers { origin, purge_url: format!("{api}/zones/{zone}/purge_cache"), token })
}

fn r2_account(reader: &mut Reader<'_>) -> Option<R2Account> {
    let key = access_key(reader, "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY");
    let endpoint = reader.text("R2_ENDPOINT", "").trim_end_matches('/').to_string();
    let bucket = reader.text("R2_BUCKET_NAME", "edgeward");
    let is_url =
        endpoint.strip_prefix("https://").is_some_and(|host| !host.is_empty() && !host.contains('/'));
    match key {
        Some(key) if is_url => Some(R2Account { endpoint, bucket, key }),
        None if endpoint.is_empty() => None,
        _ => reader.refuse(
            "R2_ENDPOINT must be https://HOST, and goes with R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY"
                .to_string(),
        ),
    }
}
