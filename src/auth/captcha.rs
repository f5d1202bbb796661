//! Captchas: whether the visitor solved one, as its provider says.

use ::http::Method;
use serde::Deserialize;

use super::error::Error;
use crate::app::App;
use crate::config::CaptchaProvider;
use crate::ports::OutgoingRequest;

/// What the provider answers.
#[derive(Deserialize)]
struct Verdict {
    success: bool,
    #[serde(rename = "error-codes", default)]
    error_codes: Vec<String>,
}

/// Refuses a request whose visitor solved no captcha, where the settings ask for one.
pub async fn check(app: &App, token: &str, ip: Option<&str>) -> Result<(), Error> {
    let Some(captcha) = &app.config.auth.captcha else { return Ok(()) };
    let token = token.trim();
    if token.is_empty() {
        return Err(Error::Captcha("no captcha_token found".into()));
    }
    let url = match captcha.provider {
        CaptchaProvider::HCaptcha => "https://hcaptcha.com/siteverify",
        CaptchaProvider::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    };
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("remoteip", ip.unwrap_or_default())
        .append_pair("response", token)
        .append_pair("secret", &captcha.secret)
        .finish();
    let headers = vec![("content-type", "application/x-www-form-urlencoded".to_string())];
    let request = OutgoingRequest { method: Method::POST, url: url.into(), headers, body };
    let answer = app.ports.http_client.send(request).await;
    let answer = answer.map_err(|error| Error::CaptchaUnavailable(error.0))?;
    let verdict: Verdict = serde_json::from_str(&answer.body)
        .map_err(|error| Error::CaptchaUnavailable(format!("the answer was no verdict: {error}")))?;
    if verdict.success { Ok(()) } else { Err(Error::Captcha(verdict.error_codes.join(", "))) }
}
