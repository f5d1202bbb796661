//! A request that one part of the product makes of another: by the route table, as a caller already known.
//! Not limited, not logged and not authenticated again, because the request it serves was.

use std::rc::Rc;

use ::http::{HeaderMap, Method};
use futures_util::future::LocalBoxFuture;

use super::router::Found;
use super::{Body, Context, Refusal, Response};
use crate::app::App;
use crate::caller::Caller;
use crate::ports::Background;

/// Answers the request; a failure of its handler is an answer too.
pub async fn ask_inside(
    app: &App,
    caller: Caller,
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: String,
) -> Result<Response, Refusal> {
    let app = app.shared().ok_or_else(|| Refusal::Internal("the app serves nobody yet".into()))?;
    let Found::Route(route, parameters) = app.router.find(&method, path) else {
        return Err(Refusal::NotFound);
    };
    let context = Context {
        app: app.clone(),
        caller,
        request_id: String::new(),
        method,
        route: route.path,
        origin: String::new(),
        path: path.to_string(),
        query: String::new(),
        headers,
        body: Body::from(bytes::Bytes::from(body)),
        body_limit: route.body_limit,
        parameters,
        address: String::new(),
        background: Rc::new(Never),
    };
    Ok((route.handler)(context).await)
}

/// What is asked inside leaves no work behind.
struct Never;

impl Background for Never {
    fn run(&self, _: LocalBoxFuture<'static, ()>) {}
}
