//! OAuth 1.0a (RFC 5849), which only Twitter still speaks: every request is signed.

use ::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use percent_encoding::utf8_percent_encode;
use serde_json::Value;
use sha1::Sha1;

use super::Provider;
use super::account::ExternalAccount;
use super::profile::{account, words};
use super::request::{self, UNRESERVED};
use super::table::TWITTER;
use crate::app::App;
use crate::crypto;
use crate::ports::OutgoingRequest;

/// Asks for permission to send a browser to the provider; gives where to.
pub async fn authorize_url(app: &App, provider: &Provider, state: &str) -> Result<String, String> {
    let callback = format!("{}?state={state}", provider.redirect_uri);
    let url = format!("{}/oauth/request_token", provider.api_url);
    let answer = post(app, provider, &url, &[("oauth_callback", &callback)]).await?;
    let token = words(&answer, "/oauth_token");
    if token.is_empty() {
        return Err("the provider gave no request token".into());
    }
    Ok(format!("{}?oauth_token={}", provider.authorize_url, encode(&token)))
}

/// Exchanges what came back with the browser for an access token, and reads the account.
pub async fn account_of(
    app: &App,
    provider: &Provider,
    token: &str,
    verifier: &str,
) -> Result<(String, ExternalAccount), String> {
    let parameters = [("oauth_token", token), ("oauth_verifier", verifier)];
    let answer = post(app, provider, &provider.token_url, &parameters).await?;
    let (token, secret) = (words(&answer, "/oauth_token"), words(&answer, "/oauth_token_secret"));
    if token.is_empty() || secret.is_empty() {
        return Err("the provider gave no access token".into());
    }
    let url = format!("{}{}", provider.api_url, TWITTER.path);
    let query = [("include_email", "true"), ("include_entities", "false"), ("skip_status", "true")];
    let oauth = [("oauth_token", token.as_str())];
    let header = authorization(app, provider, "GET", &url, &oauth, &query, &secret);
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let user = request::get(app, format!("{url}?{query}"), vec![("authorization", header)]).await?;
    Ok((token, account(provider, &TWITTER, &user, &Value::Null)?))
}

async fn post(app: &App, provider: &Provider, url: &str, oauth: &[(&str, &str)]) -> Result<Value, String> {
    let header = authorization(app, provider, "POST", url, oauth, &[], "");
    let request = OutgoingRequest {
        method: Method::POST,
        url: url.to_string(),
        headers: vec![("authorization", header)],
        body: String::new(),
    };
    let response = app.ports.http_client.send(request).await.map_err(|error| error.0)?;
    if !response.is_success() {
        return Err(format!("{url} answered {}", response.status));
    }
    Ok(request::parse(&response.body))
}

fn authorization(
    app: &App,
    provider: &Provider,
    method: &str,
    url: &str,
    oauth: &[(&str, &str)],
    query: &[(&str, &str)],
    token_secret: &str,
) -> String {
    let nonce = crypto::hex(&crypto::random_bytes(app.ports.random.as_ref(), 16));
    let timestamp = app.now().seconds().to_string();
    let mut members = vec![
        ("oauth_consumer_key", provider.client_id.as_str()),
        ("oauth_nonce", &nonce),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", &timestamp),
        ("oauth_version", "1.0"),
    ];
    members.extend(oauth);
    let signature = sign(method, url, &[&members[..], query].concat(), &provider.secret, token_secret);
    members.push(("oauth_signature", &signature));
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{name}=\"{}\"", encode(value))).collect();
    format!("OAuth {}", members.join(", "))
}

/// RFC 5849 §3.4: over method, address and sorted parameters.
fn sign(method: &str, url: &str, parameters: &[(&str, &str)], secret: &str, token_secret: &str) -> String {
    let mut pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.sort_unstable();
    let base = format!("{method}&{}&{}", encode(url), encode(&pairs.join("&")));
    let key = format!("{}&{}", encode(secret), encode(token_secret));
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key.as_bytes()) else {
        unreachable!("HMAC takes keys of any length");
    };
    mac.update(base.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_signed_as_the_specification_has_it() {
        // OAuth Core 1.0, appendix A.5.
        let parameters = [
            ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
            ("oauth_token", "nnch734d00sl2jdk"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "1191242096"),
            ("oauth_nonce", "kllo9940pd9333jh"),
            ("oauth_version", "1.0"),
            ("file", "vacation.jpg"),
            ("size", "original"),
        ];
        let url = "http://photos.example.net/photos";
        let signature = sign("GET", url, &parameters, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00");
        assert_eq!(signature, "tR3+Ty81lMeYAr/Fid0kMTYa/WM=");
    }
}
