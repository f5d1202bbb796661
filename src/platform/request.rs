//! From the runtime's request to ours. The body stays where it is until someone reads it.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::promise::settled;
use super::stream::PlatformStream;
use crate::http::Request;
use crate::ports::Body;

#[wasm_bindgen(module = "/src/platform/request.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn head(request: &web_sys::Request) -> Result<String, JsValue>;
    #[wasm_bindgen(catch, js_name = drain)]
    fn drain_body(request: &web_sys::Request) -> Result<Option<Promise>, JsValue>;
}

/// Reads everything but the body.
pub fn read(request: web_sys::Request) -> Result<Request, JsValue> {
    let text = head(&request)?;
    let mut lines = text.split('\n');
    let method = lines.next().unwrap_or_default();
    let method =
        Method::from_bytes(method.as_bytes()).map_err(|_| JsValue::from("a method of no known form"))?;
    let Address { scheme, host, path, query } = Address::parse(lines.next().unwrap_or_default());
    let headers = headers(lines);
    let address = headers.get("cf-connecting-ip").and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(Request {
        scheme: scheme.to_string(),
        host: host.to_string(),
        path: path.to_string(),
        query: query.to_string(),
        address: address.to_string(),
        body: body(request, &method, &headers),
        method,
        headers,
    })
}

/// Reads what nobody has read of the body, if it is little.
pub async fn drain(request: &web_sys::Request) {
    if let Ok(Some(reading)) = drain_body(request) {
        // A client that went away has no next request to lose.
        let _ = settled(&reading).await;
    }
}

/// A URL's parts. The runtime's URLs are absolute and have neither credentials nor fragment.
struct Address<'a> {
    scheme: &'a str,
    host: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Address<'a> {
    /// `http://127.0.0.1:54321/rest/v1/todos?select=id`
    fn parse(url: &'a str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        match rest.find('/') {
            Some(at) => {
                let (host, path) = rest.split_at(at);
                Self { scheme, host, path, query }
            }
            None => Self { scheme, host: rest, path: "/", query },
        }
    }
}

/// `name:value` lines. The runtime has joined what was sent twice, and lets no line break into a value.
fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> HeaderMap {
    let header = |line: &'a str| {
        let (name, value) = line.split_once(':')?;
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    lines.filter_map(header).collect()
}

fn body(request: web_sys::Request, method: &Method, headers: &HeaderMap) -> Body {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if matches!(*method, Method::GET | Method::HEAD) || length == Some(0) {
        return Body::Empty;
    }
    Body::Stream(Box::new(PlatformStream::of_request(request, length)))
}
