//! One request, from arrival to response.

use std::mem::take;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use ::http::header::{HeaderName, ORIGIN};
use futures_util::FutureExt;

use super::authenticate::authenticate;
use super::log::Line;
use super::router::Found;
use super::{Api, Asked, Body, Context, Failure, LimitedAs, Refusal, Request, Response, ResponseExt, cors};
use crate::app::App;
use crate::crypto;
use crate::ports::Background;

/// Answers a request. A panic in its handler becomes a 500 of this request alone.
pub async fn serve(app: Rc<App>, mut request: Request, background: Rc<dyn Background>) -> Response {
    app.share();
    let line = Line {
        id: crypto::random_uuid(app.ports.random.as_ref()).to_string(),
        method: request.method.to_string(),
        path: request.path.clone(),
        started: app.now(),
    };
    let from_page = request.headers.contains_key(ORIGIN);
    let asked = asked(&app, &request, &line.id);
    let is_head = request.method == ::http::Method::HEAD;

    let (id, late) = (line.id.clone(), background.clone());
    let answer = AssertUnwindSafe(dispatch(app.clone(), &mut request, &asked.path, late, id));
    let response = match answer.catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(refusal)) => refusal.render(&asked),
        Err(_) => Refusal::Internal("the handler panicked".to_string()).render(&asked),
    };
    let response = response.with_header(HeaderName::from_static("x-request-id"), &line.id);
    line.write(&app, &response);
    app.take_later().into_iter().for_each(|work| background.run(work));
    let response = if from_page { cors::expose(response) } else { response };
    if is_head { without_body(response) } else { response }
}

/// `path` is where the request leads, which under a host of an API's own is not the path as sent.
async fn dispatch(
    app: Rc<App>,
    request: &mut Request,
    path: &str,
    background: Rc<dyn Background>,
    request_id: String,
) -> Result<Response, Refusal> {
    if app.config.has_demo_secrets() && !request.is_loopback() {
        return Err(Refusal::DemoSecrets);
    }
    if let Some(response) = cors::preflight(request) {
        return Ok(response);
    }
    let (route, parameters) = match app.router.find(&request.method, path) {
        Found::Route(route, parameters) => (route, parameters),
        Found::OtherMethods(methods) => {
            return Err(Refusal::MethodNotAllowed(methods.into_iter().cloned().collect()));
        }
        Found::Nothing => return Err(Refusal::NotFound),
    };
    if request.body.length().is_some_and(|length| length > route.body_limit) {
        return Err(Refusal::BodyTooLarge);
    }
    let caller = authenticate(&app, Api::of(path), route.access, &request.headers).await?;
    limit_rate(&app, route.limited_as, &request.address).await?;
    let context = Context {
        app: app.clone(),
        caller,
        request_id,
        method: request.method.clone(),
        origin: format!("{}://{}", request.scheme, request.host),
        route: route.path,
        path: take(&mut request.path),
        query: take(&mut request.query),
        headers: take(&mut request.headers),
        body: take(&mut request.body),
        body_limit: route.body_limit,
        parameters,
        address: take(&mut request.address),
        background,
    };
    Ok((route.handler)(context).await)
}

/// Refuses an address that asks too often; for handlers, where the body decides what it asks. A limiter that does not answer
/// limits nobody: being reachable matters more than the limit.
pub async fn limit_rate(app: &App, limited_as: LimitedAs, address: &str) -> Result<(), Refusal> {
    let Some((per_hour, burst)) = limited_as.rate(&app.config.auth.limits) else { return Ok(()) };
    if !app.config.auth.rate_limits {
        return Ok(());
    }
    let key = format!("{limited_as:?}:{}", network(address));
    match app.ports.rate_limiter.take(&key, per_hour, burst).await {
        Ok(Some(seconds)) => Err(Refusal::RateLimited(seconds)),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// What counts as one client: an IPv4 address, or the 64 bits of an IPv6 address that a provider gives a line; the others are
/// its owner's to choose from.
fn network(address: &str) -> String {
    match address.parse().map(|address: IpAddr| address.to_canonical()) {
        Ok(IpAddr::V6(v6)) => format!("{:016x}", u128::from(v6) >> 64),
        _ => address.to_string(),
    }
}

fn asked(app: &App, request: &Request, id: &str) -> Asked {
    let version = request.headers.get("x-supabase-api-version").and_then(|value| value.to_str().ok());
    Asked {
        method: request.method.clone(),
        path: app
            .config
            .storage
            .s3_path(&request.host, &request.path)
            .unwrap_or_else(|| request.path.clone()),
        api_version: version.map(str::to_string),
        request_id: id.to_string(),
        anonymous: true,
    }
}

fn without_body(response: Response) -> Response {
    let length = response.body().length().filter(|length| *length > 0);
    let (parts, _) = response.into_parts();
    let response = Response::from_parts(parts, Body::Empty);
    match length {
        Some(length) if !response.headers().contains_key(::http::header::CONTENT_LENGTH) => {
            response.with_header(::http::header::CONTENT_LENGTH, length.to_string())
        }
        _ => response,
    }
}
