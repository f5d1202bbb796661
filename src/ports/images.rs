//! Image processing as a port: decoding, resizing and encoding, which a Worker's module has no room for.

use async_trait::async_trait;

use super::{Body, PortError};

/// Resizes and re-encodes images, such as Cloudflare Images.
#[async_trait(?Send)]
pub trait Images {
    /// Makes an image of another. The result's length is known.
    async fn transform(&self, source: Body, to: &Picture) -> Result<Body, ImageError>;
}

/// What an image is to become.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its size, or `None` to leave it.
    pub size: Option<PictureSize>,
    /// How good a lossy format is to look: 1 to 100.
    pub quality: u8,
    /// The media type to encode it in.
    pub mime_type: &'static str,
}

/// A size in pixels, and how the source gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureSize {
    /// At least 1.
    pub width: u32,
    /// At least 1.
    pub height: u32,
    /// How the source's sides become these.
    pub fit: Fit,
}

/// How a source fills a size of other proportions.
#[derive(Clone, Debug, PartialEq)]
pub enum Fit {
    /// Each side is scaled by itself. Of equal proportions nothing is distorted.
    Stretch,
    /// Both sides are scaled until the size is filled; what projects is cut off away from this point.
    Crop(Focus),
}

/// What stays in sight when an image is cut.
#[derive(Clone, Debug, PartialEq)]
pub enum Focus {
    /// A point: from 0 (left, top) to 1 (right, bottom).
    Point(f64, f64),
    /// Whatever the image is about.
    Salient,
}

/// Why there is no image.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageError {
    /// The source is no image, a broken one, or of a kind that is not processed; the cause is for the log.
    Source(String),
    /// The processor failed; for the log.
    Failed(PortError),
}
