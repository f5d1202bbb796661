//! A request that one part of the product makes of another: by the route table, as a caller already known.
//! Not limited, not logged and not authenticated again, because the request it serves was.

use std::rc::Rc;

use ::http::header::{CONTENT_TYPE, HeaderName};
use ::http::{HeaderMap, HeaderValue, Method};
use futures_util::future::LocalBoxFuture;

use super::router::Found;
use super::{Body, Context, Refusal};
use crate::app::App;
use crate::caller::Caller;
use crate::ports::Background;

/// Posts JSON. `headers` are more headers than the content's type; `largest` is how many bytes of an answer are read.
/// Gives the answer's status and text, also of a failure of the handler.
pub async fn post_inside(
    app: &App,
    caller: Caller,
    path: &str,
    headers: &[(&'static str, &str)],
    body: String,
    largest: u64,
) -> Result<(u16, String), Refusal> {
    let app = app.shared().ok_or_else(|| Refusal::Internal("the app serves nobody yet".into()))?;
    let Found::Route(route, parameters) = app.router.find(&Method::POST, path) else {
        return Err(Refusal::NotFound);
    };
    let context = Context {
        app: app.clone(),
        caller,
        request_id: String::new(),
        method: Method::POST,
        route: route.path,
        origin: String::new(),
        path: path.to_string(),
        query: String::new(),
        headers: head(headers)?,
        body: Body::from(bytes::Bytes::from(body)),
        body_limit: route.body_limit,
        parameters,
        address: String::new(),
        background: Rc::new(Never),
    };
    let (head, body) = (route.handler)(context).await.into_parts();
    let bytes = body.read(largest).await.map_err(|error| Refusal::Internal(format!("{error:?}")))?;
    Ok((head.status.as_u16(), String::from_utf8_lossy(&bytes).into_owned()))
}

fn head(more: &[(&'static str, &str)]) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in more {
        let value = HeaderValue::from_str(value).map_err(|error| Refusal::Internal(error.to_string()))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// What is asked inside leaves no work behind.
struct Never;

impl Background for Never {
    fn run(&self, _: LocalBoxFuture<'static, ()>) {}
}
