//! From our response to the runtime's, built at once: the runtime's own text and streams never enter wasm,
//! and every body but a stream of unknown length goes out with its Content-Length.

use http::HeaderMap;
use js_sys::JsString;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::stream::PlatformStream;
use crate::http::Response;
use crate::ports::{Body, Stream, Text};

#[wasm_bindgen(module = "/src/platform/response.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn respond(status: u16, lines: &str, body: &JsValue) -> Result<web_sys::Response, JsValue>;
    #[wasm_bindgen(catch, js_name = respondBytes)]
    fn respond_bytes(status: u16, lines: &str, bytes: &[u8]) -> Result<web_sys::Response, JsValue>;
}

/// Text in JavaScript's memory.
pub struct PlatformText(pub JsString);

impl Text for PlatformText {
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }

    fn read(&self) -> String {
        String::from(&self.0)
    }
}

/// Builds the runtime's response.
pub fn write(response: Response) -> Result<web_sys::Response, JsValue> {
    let (head, body) = response.into_parts();
    let (status, lines) = (head.status.as_u16(), lines(&head.headers));
    match body {
        Body::Empty => respond(status, &lines, &JsValue::NULL),
        Body::Bytes(bytes) => respond_bytes(status, &lines, &bytes),
        Body::Text(text) => match text.into_any().downcast::<PlatformText>() {
            Ok(text) => respond(status, &lines, &text.0),
            Err(_) => Err("a response with text of another platform".into()),
        },
        Body::Stream(stream) => write_stream(status, &lines, stream),
    }
}

/// Plain text, for what is wrong before there is an app.
pub fn plain(status: u16, text: &str) -> Result<web_sys::Response, JsValue> {
    respond(status, "content-type:text/plain; charset=utf-8\n", &text.into())
}

fn write_stream(status: u16, lines: &str, stream: Box<dyn Stream>) -> Result<web_sys::Response, JsValue> {
    match stream.into_any().downcast::<PlatformStream>() {
        Ok(stream) => {
            let readable = stream.into_readable();
            respond(
                status,
                lines,
                readable.as_ref().map_or(&JsValue::NULL, |readable| readable.unchecked_ref()),
            )
        }
        Err(_) => Err("a response with a stream of another platform".into()),
    }
}

/// `name:value` lines.
pub fn lines(headers: &HeaderMap) -> String {
    let mut lines = String::with_capacity(64 * headers.len());
    for (name, value) in headers {
        // Header values of ours are text; what is not would be refused by the runtime anyway.
        if let Ok(value) = value.to_str() {
            lines.extend([name.as_str(), ":", value, "\n"]);
        }
    }
    lines
}
