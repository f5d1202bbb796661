//! `GET` and `POST /auth/v1/verify`: the link in a mail, and the code.

use ::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use ::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::body::{given, read_json};
use super::external::{redirect, with_cause};
use super::{client, naming_session, redirect_to, session_response};
use crate::auth::email_address::EmailAddress;
use crate::auth::error::Error;
use crate::auth::one_time_token::Presented;
use crate::auth::phone_number::PhoneNumber;
use crate::auth::session::SignedIn;
use crate::auth::verify::{Give, Verification, Verified, verify};
use crate::http::{Body, Context, Response, ResponseExt, json_response, respond};

/// Said when one of two addresses has agreed to a change.
const HALF_WAY: &str = "Confirmation link accepted. Please proceed to confirm link sent to the other email";

/// A link was followed: the browser goes back to the app, with tokens in the fragment, a code in the
/// query, or what went wrong. A mail scanner's HEAD follows nothing.
pub async fn follow_link(context: Context) -> Result<Response, Error> {
    if context.method == Method::HEAD {
        return Ok(respond(StatusCode::OK, Body::Empty));
    }
    let name = context.query_parameter("type").unwrap_or_default();
    let token = context.query_parameter("token").unwrap_or_default();
    if context.app.config.auth.mail.confirm_page && context.method == Method::GET && !token.is_empty() {
        return Ok(confirm_page(&context));
    }
    if name.is_empty() {
        return Err(Error::Validation("Verify requires a verification type".into()));
    }
    if token.is_empty() {
        return Err(Error::Validation("Verify requires a token or a token hash".into()));
    }
    let target = Target { url: redirect_to(&context), is_pkce: token.starts_with("pkce_") };
    let outcome = match (Verification::parse(&name), Presented::link(&token)) {
        (None, _) => Err(Error::Validation("Invalid email verification type".into())),
        (Some(by_phone), _) if by_phone.is_by_phone() => {
            Err(Error::Validation("Invalid email verification type".into()))
        }
        (Some(_), None) => Err(Error::LinkExpired),
        (Some(verification), Some(presented)) => {
            let client = client(&context);
            verify(&context.app, verification, &presented, Give::WhatTheLinkSays, &client).await
        }
    };
    let to = |location: &str| redirect(StatusCode::SEE_OTHER, location);
    Ok(match outcome {
        Ok(Verified::In(signed_in)) => naming_session(to(&target.with_tokens(&signed_in, &name)), &signed_in),
        Ok(Verified::Code(code)) => to(&target.with_code(&code)),
        Ok(Verified::HalfWay) => to(&target.with_message(HALF_WAY)),
        Err(error) => with_cause(to(&target.with_error(&error)), &error),
    })
}

/// A page whose button follows the link: a mail scanner fetches links and presses nothing. Nothing of the
/// request stands in it; the form goes to the page's own address.
fn confirm_page(context: &Context) -> Response {
    let html = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"robots\" content=\"noindex\">\n<title>Continue</title>\n<style>\nbody { font: 18px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 80vh }\nbutton { font: inherit; padding: .6em 2em }\n</style>\n<form method=\"post\" action=\"\"><button>Continue</button></form>\n</html>\n";
    let allowed = redirect_origin(&redirect_to(context));
    // Browsers hold a form's redirects to this list too.
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {allowed}"
    );
    respond(StatusCode::OK, html.to_string())
        .with_header(CONTENT_TYPE, "text/html; charset=utf-8")
        .with_header(CONTENT_SECURITY_POLICY, policy)
        .with_header(CACHE_CONTROL, "no-store")
        .with_header(HeaderName::from_static("referrer-policy"), "no-referrer")
}

/// `https://a.b/c?d` → `https://a.b`; an app's own scheme as `app:`.
fn redirect_origin(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    let host = rest.split(['/', '?', '#', ';', ' ', ',']).next().unwrap_or_default();
    if matches!(scheme, "http" | "https") { format!("{scheme}://{host}") } else { format!("{scheme}:") }
}

#[derive(Deserialize)]
struct VerifyBody {
    #[serde(rename = "type")]
    name: Option<String>,
    token: Option<String>,
    token_hash: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    redirect_to: Option<String>,
}

/// A code was typed in, or a page of the app passes a link's token on: the answer is a session.
pub async fn verify_code(mut context: Context) -> Result<Response, Error> {
    let is_form =
        context.header("content-type").is_some_and(|of| of.starts_with("application/x-www-form-urlencoded"));
    if is_form && context.query_parameter("token").is_some() {
        context.read_body().await?;
        return follow_link(context).await;
    }
    let body: VerifyBody = read_json(&mut context).await?;
    let (verification, presented) = body.into_proof()?;
    let client = client(&context);
    match verify(&context.app, verification, &presented, Give::Session, &client).await? {
        Verified::In(signed_in) => Ok(session_response(&signed_in)),
        Verified::HalfWay => Ok(json_response(StatusCode::OK, &json!({"msg": HALF_WAY, "code": "200"}))),
        Verified::Code(_) => Err(Error::Unexpected("a code where a session was asked for".into())),
    }
}

impl VerifyBody {
    /// Checks in upstream's order.
    fn into_proof(self) -> Result<(Verification, Presented), Error> {
        let refuse = |message: &'static str| Err(Error::Validation(message.into()));
        let Some(name) = given(self.name.as_ref()) else {
            return refuse("Verify requires a verification type");
        };
        let (email, phone) = (given(self.email.as_ref()), given(self.phone.as_ref()));
        let presented = match (given(self.token.as_ref()), given(self.token_hash.as_ref())) {
            (None, None) | (Some(_), Some(_)) => {
                return refuse("Verify requires either a token or a token hash");
            }
            (Some(code), None) => {
                let contact = match (email, phone) {
                    (None, Some(phone)) => PhoneNumber::parse(phone)?.as_str().to_string(),
                    (Some(email), None) => {
                        let email = EmailAddress::parse(email).map_err(|_| Error::InvalidEmailFormat)?;
                        email.as_str().to_string()
                    }
                    _ => return refuse("Only an email address or phone number should be provided on verify"),
                };
                Presented::Code { contact, code: code.trim().to_string() }
            }
            (None, Some(token)) => {
                if email.is_some() || phone.is_some() || given(self.redirect_to.as_ref()).is_some() {
                    return refuse("Only the token_hash and type should be provided");
                }
                if Verification::parse(name).is_none_or(Verification::is_by_phone) {
                    return refuse("Invalid email verification type");
                }
                Presented::link(token).ok_or(Error::LinkExpired)?
            }
        };
        match Verification::parse(name) {
            // A code of another kind of contact, or of a kind that does not exist, is nobody's.
            Some(verification) if verification.is_by_phone() == phone.is_some() => {
                Ok((verification, presented))
            }
            _ => Err(Error::CodeExpired),
        }
    }
}

/// Where the browser goes, and how it is told things there.
struct Target {
    url: String,
    /// A server-side app reads the query; the fragment never reaches it.
    is_pkce: bool,
}

impl Target {
    fn with_tokens(&self, signed_in: &SignedIn, name: &str) -> String {
        let fragment = encode(&[
            ("access_token", &signed_in.access_token),
            ("expires_at", &signed_in.expires_at.to_string()),
            ("expires_in", &signed_in.expires_in.to_string()),
            ("refresh_token", &signed_in.refresh_token),
            ("sb", ""),
            ("token_type", "bearer"),
            ("type", name),
        ]);
        format!("{}#{fragment}", self.without_fragment())
    }

    fn with_code(&self, code: &str) -> String {
        self.with_query(&[("code", code)])
    }

    fn with_message(&self, message: &str) -> String {
        let url = if self.is_pkce {
            self.with_query(&[("message", message)])
        } else {
            self.without_fragment().into()
        };
        format!("{url}#{}", encode(&[("message", message), ("sb", "")]))
    }

    fn with_error(&self, error: &Error) -> String {
        let (status, code, message) = error.row();
        let mut members = vec![("error_code", code), ("error_description", message.as_ref())];
        members.extend(oauth_error(status).map(|error| ("error", error)));
        members.sort_unstable();
        let url = if self.is_pkce { self.with_query(&members) } else { self.without_fragment().into() };
        members.push(("sb", ""));
        format!("{url}#{}", encode(&members))
    }

    fn without_fragment(&self) -> &str {
        self.url.split('#').next().unwrap_or_default()
    }

    fn with_query(&self, members: &[(&str, &str)]) -> String {
        let url = self.without_fragment();
        let joint = if url.contains('?') { '&' } else { '?' };
        format!("{url}{joint}{}", encode(members))
    }
}

/// RFC 6749's word for a status, where it has one.
#[rustfmt::skip]
fn oauth_error(status: u16) -> Option<&'static str> {
    match status {
        400 => Some("invalid_request"),
        401 => Some("unauthorized_client"),
        403 => Some("access_denied"),
        500 => Some("server_error"),
        503 => Some("temporarily_unavailable"),
        _   => None,
    }
}

fn encode(members: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish()
}
