//! Differences that are meant, each with its reason. A row that no difference needs is a mistake to mend.

use serde_json::Value;

use crate::play::Difference;

/// Whole answers: part of the request's title, part of what GoTrue answers, part of what we answer, and why.
#[rustfmt::skip]
const ANSWERS: &[(&str, &str, &str, &str)] = &[
    ("/nowhere",       r#""status":404"#, "404 page not found",                 "an unknown route answers JSON, which clients parse"),
    ("/admin/users/{", r#""status":405"#, "404 page not found",                 "an unknown route answers JSON, which clients parse"),
    ("code_challenge", "",                "unsupported code_challenge method",  "a PKCE method that does not exist is refused at once"),
    ("xxxxxxxx",       r#""status":500"#, "longer than 72 characters",          "a client's mistake is no failure of the server's"),
    ("method=odd",     "S256",             "code_challenge_method must be 'S256'", "of PKCE's methods apps have S256 alone"),
    ("method=plain",   "authorization_id", "code_challenge_method must be 'S256'", "of PKCE's methods apps have S256 alone"),
    ("scope=openid",   "authorization_id", "asymmetric signing key",         "that there can be no id token is said before there is a code"),
    ("PUT /admin/users", r#""status":500"#, "email_exists",                     "a client's mistake is no failure of the server's"),
];

/// Single values: part of the request's title, the end of where it is, part of GoTrue's, part of ours, and why.
/// An absent value is `absent`.
#[rustfmt::skip]
const VALUES: &[(&str, &str, &str, &str, &str)] = &[
    ("/health",            "/body/version",                    "",                  "",                "the version is each server's own"),
    ("",                   "/body/msg",                        "Could not ",        "Could not parse", "where the JSON is wrong is said in the parser's words"),
    ("",                   "/body/message",                    "Could not ",        "Could not parse", "where the JSON is wrong is said in the parser's words"),
    ("",                   "/body/msg",                        "token is malformed", "token is malformed", "what is wrong with a token is said in the parser's words"),
    ("",                   "/body/message",                    "token is malformed", "token is malformed", "what is wrong with a token is said in the parser's words"),
    ("/admin/oauth/clients nonsense", "/body/msg",              "Invalid JSON",      "Could not parse", "where the JSON is wrong is said in the parser's words"),
    ("POST /admin/oauth/clients", "/body/msg",                  "400: ",             "",                "a message does not begin with its status"),
    ("/oauth/clients/register", "/body/client_secret_expires_at", "absent",          "0",               "RFC 7591 wants to know when a secret expires"),
    ("/oauth/token",       "/body/error",                       "absent",            "invalid_",        "apps that know RFC 6749 find its members"),
    ("/oauth/token",       "/body/error_description",           "absent",            "",                "apps that know RFC 6749 find its members"),
    ("/oauth/userinfo",    "/body/updated_at",                  "",                  "",                "the clocks differ"),
    ("/.well-known/oauth", "/issuer",                           "",                  "",                "addresses are whole without a setting"),
    ("/.well-known/oauth", "_endpoint",                         "",                  "",                "addresses are whole without a setting"),
    ("/.well-known/oauth", "/jwks_uri",                         "",                  "",                "addresses are whole without a setting"),
    ("/.well-known/oauth", "/code_challenge_methods_supported", "plain",             "S256",            "of PKCE's methods apps have S256 alone"),
    ("",                   "/error_code",                      "null",              "weak_password",   "a weak password has its code in the header too"),
    ("",                   "/user_metadata/email",             "ann@example.com",   "anna@example.com", "user_metadata's copy of the address follows a change"),
    ("",                   "/user_metadata/email",             "@example.com",      "@example.com",    "user_metadata's copy of the address follows a change"),
    ("",                   "/confirmed_at",                    "absent",            "<time>",          "confirmed_at is there at once, not from the next read on"),
    ("",                   "/app_metadata/provider",           "absent",            "",                "app_metadata names the provider as soon as there is one"),
    ("",                   "/app_metadata/providers",          "",                  "",                "app_metadata names the provider as soon as there is one"),
    ("password_hash",      "/user_metadata",                   "null",              "{}",              "user_metadata is never null"),
    ("GET /admin/users?",  "/identities",                      "null",              "[",               "a list of users has their identities too"),
    ("{cat/id}",           "/body/email",                      "",                  "",                "what a soft delete leaves is hashed in another way"),
    ("{cat/id}",           "/body/phone",                      "",                  "",                "what a soft delete leaves is hashed in another way"),
    ("{cat/id}",           "/body/new_email",                  "",                  "absent",          "what a soft delete leaves is hashed in another way"),
    ("{cat/id}",           "/body/new_phone",                  "",                  "absent",          "what a soft delete leaves is hashed in another way"),
    ("{cat/id}",           "/identities/0/id",                 "",                  "deleted:",        "what a soft delete leaves is hashed in another way"),
    ("{cat/id}",           "/identities/0/identity_data",      "absent",            "{}",              "what a soft delete leaves is hashed in another way"),
    ("GET /settings",      "/saml_private_key_next_configured", "true",             "false",           "there is no SAML key"),
    ("/signup",            "/body/recovery_sent_at",           "<time>",            "absent",          "an address that is taken is answered with nothing of its account"),
    ("",                   "/confirmation_sent_at",            "absent",            "<time>",          "a password change keeps when messages were last sent"),
    ("POST /signup",       "/identity_data/email_verified",    "true",              "false",           "a sign-up's answer says of the identity what is stored of it"),
    ("anna@example.com",   "/identities/0",                    "",                  "",                "identities are in the order they were made, and as they are after the change"),
    ("anna@example.com",   "/identities/1",                    "",                  "",                "identities are in the order they were made, and as they are after the change"),
    ("{ann/id}",           "/identities/0",                    "",                  "",                "identities are in the order they were made, and as they are after the change"),
    ("{ann/id}",           "/identities/1",                    "",                  "",                "identities are in the order they were made, and as they are after the change"),
];

/// Why a difference is meant; `None` if it is not.
pub fn reason(difference: &Difference) -> Option<&'static str> {
    let (theirs, ours) = (difference.theirs.to_string(), difference.ours.to_string());
    let whole = ANSWERS.iter().find(|(request, gotrue, edgeward, _)| {
        difference.request.contains(request) && theirs.contains(gotrue) && ours.contains(edgeward)
    });
    if let Some((.., reason)) = whole {
        return Some(reason);
    }
    let mut values = Vec::new();
    collect(&difference.theirs, &difference.ours, String::new(), &mut values);
    let reasons: Option<Vec<&'static str>> = values
        .iter()
        .map(|(place, theirs, ours)| of_value(&difference.request, place, theirs, ours))
        .collect();
    reasons.and_then(|reasons| reasons.first().copied())
}

fn of_value(title: &str, place: &str, theirs: &str, ours: &str) -> Option<&'static str> {
    VALUES
        .iter()
        .find(|(request, at, gotrue, edgeward, _)| {
            let is_place = place.ends_with(at) || (at.starts_with("/identities/") && place.contains(at));
            title.contains(request) && is_place && theirs.contains(gotrue) && ours.contains(edgeward)
        })
        .map(|(.., reason)| *reason)
}

/// The values in which two documents differ, with where they are.
fn collect(theirs: &Value, ours: &Value, place: String, values: &mut Vec<(String, String, String)>) {
    match (theirs, ours) {
        (Value::Object(left), Value::Object(right)) => {
            let names: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for name in names {
                let place = format!("{place}/{name}");
                match (left.get(name), right.get(name)) {
                    (Some(left), Some(right)) => collect(left, right, place, values),
                    (left, right) => {
                        let shown = |side: Option<&Value>| side.map_or("absent".into(), Value::to_string);
                        values.push((place, shown(left), shown(right)));
                    }
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                collect(left, right, format!("{place}/{index}"), values);
            }
        }
        _ if theirs == ours => {}
        _ => values.push((place, theirs.to_string(), ours.to_string())),
    }
}
