//! The image port on the Cloudflare Images binding.

use async_trait::async_trait;
use bytes::Bytes;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::exception::message_of;
use super::promise::settled;
use super::stream::PlatformStream;
use crate::ports::{Body, Fit, Focus, ImageError, Images, Picture, PortError};

#[wasm_bindgen(module = "/src/platform/images.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    #[allow(clippy::too_many_arguments)]
    fn transform(
        images: &JsValue,
        source: &JsValue,
        width: u32,
        height: u32,
        crop: bool,
        gravity: &str,
        format: &str,
        quality: u32,
    ) -> Result<Promise, JsValue>;
}

/// An Images binding.
pub struct CloudflareImages(pub JsValue);

#[async_trait(?Send)]
impl Images for CloudflareImages {
    async fn transform(&self, source: Body, to: &Picture) -> Result<Body, ImageError> {
        let source: JsValue = match source {
            Body::Bytes(bytes) => Uint8Array::from(bytes.as_ref()).into(),
            Body::Stream(stream) => {
                let stream = stream.into_any().downcast::<PlatformStream>().ok();
                let readable = stream.and_then(|stream| stream.into_readable());
                readable.ok_or_else(|| ImageError::Source("no bytes".into()))?.into()
            }
            _ => return Err(ImageError::Source("no bytes".into())),
        };
        let (width, height) = to.size.as_ref().map_or((0, 0), |size| (size.width, size.height));
        let focus = to.size.as_ref().and_then(|size| match &size.fit {
            Fit::Stretch => None,
            Fit::Crop(focus) => Some(focus),
        });
        let gravity = focus.map_or("null".to_string(), gravity);
        let answer = transform(
            &self.0,
            &source,
            width,
            height,
            focus.is_some(),
            &gravity,
            to.mime_type,
            to.quality.into(),
        );
        let image: Uint8Array = settle(answer).await?.unchecked_into();
        match Bytes::from(image.to_vec()) {
            // The local binding answers so instead of failing.
            bytes if bytes.is_empty() => Err(ImageError::Source("an empty image".into())),
            bytes => Ok(Body::Bytes(bytes)),
        }
    }
}

fn gravity(focus: &Focus) -> String {
    match focus {
        Focus::Salient => "\"auto\"".to_string(),
        Focus::Point(x, y) => format!("{{\"x\":{x},\"y\":{y}}}"),
    }
}

/// The binding's errors have a number: 94xx and 95xx below 9523 are about the source (too large, broken, of no kind it knows).
async fn settle(answer: Result<Promise, JsValue>) -> Result<JsValue, ImageError> {
    let failed = |thrown: JsValue| {
        let message = message_of(&thrown);
        let is_sources = (9400..9523).any(|number| message.contains(&number.to_string()));
        if is_sources { ImageError::Source(message) } else { ImageError::Failed(PortError(message)) }
    };
    settled(&answer.map_err(failed)?).await.map_err(failed)
}
