//! `GET /auth/v1/authorize` and `GET`, `POST /auth/v1/callback`: off to a provider, and back.

use ::http::header::{CACHE_CONTROL, LOCATION};
use ::http::{HeaderName, Method, StatusCode};

use super::body::given;
use super::return_url::{error_members, with_fragment, with_query};
use super::{client, naming_session, redirect_to};
use crate::auth::authorize::{self, Arrived, Departure, Returned};
use crate::auth::error::Error;
use crate::auth::external_sign_in::Given;
use crate::auth::pkce::Challenge;
use crate::caller::Caller;
use crate::http::{Body, Context, Response, ResponseExt, respond};

/// Sends the browser to the provider.
pub async fn authorize(context: Context) -> Result<Response, Error> {
    let url = provider_url(&context, None).await?;
    Ok(redirect(StatusCode::FOUND, &url))
}

/// The provider's address for what the query asks; with a caller, to link the identity to them.
pub async fn provider_url(context: &Context, linking: Option<&Caller>) -> Result<String, Error> {
    let parameter = |name: &str| context.query_parameter(name).unwrap_or_default();
    let (challenge, method) = (parameter("code_challenge"), parameter("code_challenge_method"));
    let challenge = Challenge::parse(given(Some(&challenge)), given(Some(&method)))?;
    let departure = Departure {
        provider: &parameter("provider"),
        scopes: &parameter("scopes"),
        redirect_to: redirect_to(context),
        challenge,
        invite_token: Some(parameter("invite_token")).filter(|token| !token.is_empty()),
        added: form_urlencoded::parse(context.query.as_bytes()).into_owned().collect(),
    };
    authorize::depart(&context.app, departure, linking, &client(context)).await
}

/// The browser comes back with the provider's answer in the query.
pub async fn callback(context: Context) -> Result<Response, Error> {
    // A scanner's look at the address uses nothing.
    if context.method == Method::HEAD {
        return Ok(respond(StatusCode::OK, Body::Empty));
    }
    let returned = returned(context.query.as_bytes());
    Ok(go_on(&context, &returned).await)
}

/// The same with the answer in a form: Apple's way.
pub async fn posted_callback(mut context: Context) -> Result<Response, Error> {
    let form = context.read_body().await?;
    let returned = returned(&form);
    Ok(go_on(&context, &returned).await)
}

fn returned(form: &[u8]) -> Returned {
    let mut returned = Returned::default();
    for (name, value) in form_urlencoded::parse(form) {
        let place = match name.as_ref() {
            "state" => &mut returned.state,
            "code" => &mut returned.code,
            "error" => &mut returned.error,
            "error_description" => &mut returned.error_description,
            "user" => &mut returned.user,
            "oauth_token" => &mut returned.oauth_token,
            "oauth_verifier" => &mut returned.oauth_verifier,
            _ => continue,
        };
        *place = value.into_owned();
    }
    returned
}

/// Whatever comes of it, the browser goes on to an app: to the one that sent it, if the state says which.
async fn go_on(context: &Context, returned: &Returned) -> Response {
    let state = match authorize::sign_in_of(&context.app, &returned.state).await {
        Ok(state) => state,
        Err(error) => {
            let (name, code, message) = parts(&error);
            let url = with_query(&context.app.config.auth.site_url, &error_members(&name, code, &message));
            return with_cause(redirect(StatusCode::SEE_OTHER, &url), &error);
        }
    };
    match authorize::arrive(&context.app, &state, returned, &client(context)).await {
        Ok(arrived) => {
            let response = redirect(StatusCode::FOUND, &landing(&state.redirect_to, &arrived));
            match &arrived.given {
                Given::Code(_) => response,
                Given::In(signed_in) => naming_session(response, signed_in),
            }
        }
        Err(error) => {
            let (name, code, message) = parts(&error);
            let mut members = error_members(&name, code, &message);
            let url = with_query(&state.redirect_to, &members);
            members.push(("sb", ""));
            with_cause(redirect(StatusCode::FOUND, &with_fragment(&url, &members)), &error)
        }
    }
}

fn landing(url: &str, arrived: &Arrived) -> String {
    let signed_in = match &arrived.given {
        Given::Code(code) => return with_query(url, &[("code", code)]),
        Given::In(signed_in) => signed_in,
    };
    let (expires_at, expires_in) = (signed_in.expires_at.to_string(), signed_in.expires_in.to_string());
    let (provider_token, provider_refresh_token) = &arrived.provider_tokens;
    let mut members = vec![
        ("access_token", signed_in.access_token.as_str()),
        ("expires_at", &expires_at),
        ("expires_in", &expires_in),
        ("refresh_token", &signed_in.refresh_token),
        ("token_type", "bearer"),
        ("provider_token", provider_token),
        ("sb", ""),
    ];
    if !provider_refresh_token.is_empty() {
        members.push(("provider_refresh_token", provider_refresh_token));
    }
    with_fragment(url, &members)
}

/// RFC 6749's word, upstream's code and the message of an error.
fn parts(error: &Error) -> (String, &'static str, String) {
    if let Some((name, description)) = error.oauth() {
        return (name.to_string(), "", description.to_string());
    }
    let (status, code, message) = error.row();
    let name = match (code, status) {
        ("signup_disabled" | "user_banned" | "provider_email_needs_verification", _) => "access_denied",
        (_, 400) => "invalid_request",
        (_, 401) => "unauthorized_client",
        (_, 403) => "access_denied",
        (_, 503) => "temporarily_unavailable",
        _ => "server_error",
    };
    (name.to_string(), code, message.into_owned())
}

/// The response with what the log is to say of the error.
pub fn with_cause(response: Response, error: &Error) -> Response {
    match error.cause() {
        None => response,
        Some(cause) => response.with_cause(cause),
    }
}

/// Sends the browser on. Nothing keeps the answer, and no page learns the address it was on.
pub fn redirect(status: StatusCode, url: &str) -> Response {
    respond(status, Body::Empty)
        .with_header(LOCATION, url)
        .with_header(CACHE_CONTROL, "no-store")
        .with_header(HeaderName::from_static("referrer-policy"), "no-referrer")
}
