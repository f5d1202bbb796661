//! Rendering an object as an image: found, bounded, made, and kept at the edge if its bucket is public.

use bytes::Bytes;

use super::geometry;
use super::header::{Format, Header, Sniffed, sniff};
use super::transform::{Target, Transform};
use crate::crypto::{hex, sha256};
use crate::ports::{Body, ByteRange, ImageError, Picture};
use crate::storage::download::{Door, Found, find};
use crate::storage::edge::{self, CacheStatus};
use crate::storage::key::ObjectPath;
use crate::storage::{Storage, StorageError};

/// Where an image's size nearly always stands, and how far it is looked for at most: behind a large EXIF thumbnail
/// or colour profile.
const FIRST_LOOKS: [u64; 2] = [64 * 1024, 1024 * 1024];

/// Quality unless asked for, as hosted: of AVIF, and of all others.
const QUALITY: (u8, u8) = (62, 80);

/// What a reader wants besides the object.
pub struct Wish<'a> {
    /// The transformations.
    pub transform: &'a Transform,
    /// Whether the reader takes WebP.
    pub accepts_webp: bool,
    /// `If-None-Match`.
    pub if_none_match: Option<&'a str>,
}

/// An image to send.
pub struct Rendering {
    /// The object.
    pub found: Found,
    /// Names this version in this form. Weak: encoders may come to make other bytes of it.
    pub etag: String,
    /// The image, or `None` when the reader has it already.
    pub image: Option<(Body, String)>,
    /// Where it came from.
    pub cache: CacheStatus,
}

/// Renders an object that the reader may read.
pub async fn render(
    storage: &Storage,
    path: &ObjectPath,
    door: Door,
    wish: &Wish<'_>,
) -> Result<Rendering, StorageError> {
    if !storage.app.config.storage.image_transformation {
        return Err(StorageError::NoTransformation);
    }
    let found = find(storage, path, door).await?;
    let version = found.object.version.clone().ok_or(StorageError::NoBytes)?;
    let form = form(wish);
    let etag = etag(&version, &form);
    if wish.if_none_match.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == etag)) {
        return Ok(Rendering { found, etag, image: None, cache: CacheStatus::Bypass });
    }
    let key = edge::key(&found, Some(&form));
    if let Some(key) = &key
        && let Some(kept) = storage.app.ports.edge_cache.get(key, None).await
    {
        let image = Some((kept.body, kept.mime_type));
        return Ok(Rendering { found, etag, image, cache: CacheStatus::Hit });
    }
    let (body, mime_type) = make(storage, &found, &version, wish).await?;
    let (body, cache) = match key {
        Some(key) => edge::keep(storage, &key, body, &mime_type),
        None => (body, CacheStatus::Bypass),
    };
    Ok(Rendering { found, etag, image: Some((body, mime_type)), cache })
}

/// What distinguishes the images of one version.
fn form(wish: &Wish<'_>) -> String {
    let target = match (wish.transform.format, wish.accepts_webp) {
        (Some(Target::Avif), _) => "avif",
        (Some(Target::Webp), _) | (None, true) => "webp",
        (Some(Target::Origin), _) | (None, false) => "origin",
    };
    format!("{};{target}", wish.transform.to_header())
}

fn etag(version: &str, form: &str) -> String {
    let digest = hex(&sha256(format!("{version};{form}").as_bytes()));
    format!("W/\"{}\"", digest.get(..32).unwrap_or(&digest))
}

/// The image and its type. A drawing is handed on as it is, as upstream: it has any size already.
async fn make(
    storage: &Storage,
    found: &Found,
    version: &str,
    wish: &Wish<'_>,
) -> Result<(Body, String), StorageError> {
    let blobs = &storage.app.ports.blobs;
    let (source, whole) = inspect(storage, version).await?;
    let whole = async {
        match whole {
            Some(bytes) => Ok(Body::from(bytes)),
            None => blobs.get(version, None).await?.map(|blob| blob.body).ok_or(StorageError::NoBytes),
        }
    };
    let Some(source) = source else { return Ok((whole.await?, "image/svg+xml".to_string())) };
    let images = storage.app.ports.images.as_ref().ok_or(StorageError::NoImages)?;
    let mime_type = mime_type(source.format, wish);
    let default = if mime_type == "image/avif" { QUALITY.0 } else { QUALITY.1 };
    let picture = Picture {
        size: geometry::size(&source, wish.transform),
        quality: wish.transform.quality.unwrap_or(default),
        mime_type,
    };
    match images.transform(whole.await?, &picture).await {
        Ok(body) => Ok((body, mime_type.to_string())),
        Err(ImageError::Source(_)) => Err(StorageError::InvalidImage),
        Err(ImageError::Failed(cause)) => {
            Err(StorageError::Internal(format!("{}: {cause}", found.object.id)))
        }
    }
}

/// Reads the first bytes: the source's header, or `None` for a drawing; and all bytes, if these were. What is too large is refused
/// undecoded.
async fn inspect(storage: &Storage, version: &str) -> Result<(Option<Header>, Option<Bytes>), StorageError> {
    let limits = &storage.app.config.storage;
    for length in FIRST_LOOKS {
        let start = ByteRange { offset: 0, length };
        let blob = storage.app.ports.blobs.get(version, Some(start)).await;
        let blob = match blob {
            // An empty object has no first bytes.
            Err(crate::ports::BlobError::Range) => return Err(StorageError::InvalidImage),
            blob => blob?.ok_or(StorageError::NoBytes)?,
        };
        let size = blob.metadata.size;
        if size > limits.image_source_bytes {
            return Err(StorageError::ImageTooLarge);
        }
        let bytes = blob.body.read(length).await?;
        let sniffed = sniff(&bytes);
        let whole = (bytes.len() as u64 == size).then_some(bytes);
        match sniffed {
            Sniffed::Vector => return Ok((None, whole)),
            Sniffed::Image(source) => {
                let pixels = u64::from(source.width) * u64::from(source.height);
                let fits = pixels <= limits.image_source_pixels;
                return if fits { Ok((Some(source), whole)) } else { Err(StorageError::ImageTooManyPixels) };
            }
            Sniffed::Further if size > length => {}
            Sniffed::Further | Sniffed::Unknown => return Err(StorageError::InvalidImage),
        }
    }
    Err(StorageError::InvalidImage)
}

fn mime_type(source: Format, wish: &Wish<'_>) -> &'static str {
    match (wish.transform.format, source) {
        (Some(Target::Avif), _) => "image/avif",
        (Some(Target::Webp), _) => "image/webp",
        (None, _) if wish.accepts_webp => "image/webp",
        (_, Format::Jpeg | Format::Heic) => "image/jpeg",
        (_, Format::Png) => "image/png",
        (_, Format::Gif) => "image/gif",
        (_, Format::Webp) => "image/webp",
        (_, Format::Avif) => "image/avif",
    }
}
