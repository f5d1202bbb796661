//! What single providers do differently, where a row of the table cannot say it.

use serde_json::{Value, json};

use super::Provider;
use super::account::{Email, ExternalAccount};
use super::profile::{Profile, words};
use crate::auth::metadata::Metadata;
use crate::crypto;

/// The path of the profile. Facebook wants proof that whoever has the token knows the secret too.
pub fn profile_path(provider: &Provider, path: &str, access_token: &str) -> String {
    match provider.name.as_str() {
        "facebook" => {
            let proof = crypto::hmac_sha256(provider.secret.as_bytes(), access_token.as_bytes());
            format!("{path}&appsecret_proof={}", crypto::hex(&proof))
        }
        _ => path.to_string(),
    }
}

/// Headers that an API asks for beside the token.
pub fn headers(provider: &Provider) -> Vec<(&'static str, String)> {
    match provider.name.as_str() {
        "notion" => vec![("notion-version", "2021-08-16".to_string())],
        "twitch" => vec![("client-id", provider.client_id.clone())],
        _ => Vec::new(),
    }
}

/// The claim `iss` of an account: the API it was read from, unless upstream has always written another.
pub fn issuer(provider: &Provider, profile: &Profile) -> String {
    match provider.name.as_str() {
        "facebook" | "twitter" | "google" => format!("{}{}", provider.api_url, profile.path),
        "snapchat" => "https://accounts.snapchat.com/accounts/oauth2/token".to_string(),
        _ => provider.api_url.clone(),
    }
}

/// Claims that are put together of several members.
pub fn finish(
    provider: &Provider,
    user: &Value,
    mut account: ExternalAccount,
) -> Result<ExternalAccount, String> {
    Ok(match provider.name.as_str() {
        "discord" => {
            let name = format!("{}#{}", words(user, "/username"), words(user, "/discriminator"));
            let avatar = discord_avatar(user);
            account.with("name", &name).with("picture", &avatar).with("avatar_url", &avatar)
        }
        "spotify" => {
            let avatar = largest_image(user);
            account.with("picture", &avatar).with("avatar_url", &avatar)
        }
        "linkedin" => {
            let name = format!("{} {}", localised(user, "firstName"), localised(user, "lastName"));
            account.with("name", name.trim()).with("full_name", name.trim())
        }
        "keycloak" => {
            let named = ["name", "sub", "email", "email_verified"];
            let others =
                user.as_object().into_iter().flatten().filter(|(name, _)| !named.contains(&name.as_str()));
            let others: Metadata = others.map(|(name, value)| (name.clone(), value.clone())).collect();
            account.with_custom_claims(others)
        }
        "x" => account.with("profile", &format!("https://x.com/{}", words(user, "/username"))),
        "zoom" => {
            // Only a login by mail (type 100) can be without a confirmed address.
            let verified =
                words(user, "/login_type") != "100" || !matches!(words(user, "/verified").as_str(), "" | "0");
            account.emails = account.emails.into_iter().map(|email| Email { verified, ..email }).collect();
            account
        }
        _ => account,
    })
}

/// <https://discord.com/developers/docs/reference#image-formatting>
fn discord_avatar(user: &Value) -> String {
    let (id, avatar) = (words(user, "/id"), words(user, "/avatar"));
    if avatar.is_empty() {
        let discriminator: u32 = words(user, "/discriminator").parse().unwrap_or(0);
        return format!("https://cdn.discordapp.com/embed/avatars/{}.png", discriminator % 5);
    }
    let extension = if avatar.starts_with("a_") { "gif" } else { "png" };
    format!("https://cdn.discordapp.com/avatars/{id}/{avatar}.{extension}")
}

fn largest_image(user: &Value) -> String {
    let images = user.pointer("/images").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let size = |image: &&Value| {
        let side = |name| image.get(name).and_then(Value::as_u64).unwrap_or(0);
        side("height").saturating_mul(side("width"))
    };
    // Of several as large, the first.
    let largest = images.iter().rev().max_by_key(size);
    largest.map(|image| words(image, "/url")).unwrap_or_default()
}

/// `{"localized": {"en_US": "Ann"}, "preferredLocale": {"country": "US", "language": "en"}}`
fn localised(user: &Value, name: &str) -> String {
    let name = user.get(name).unwrap_or(&Value::Null);
    let locale =
        format!("{}_{}", words(name, "/preferredLocale/language"), words(name, "/preferredLocale/country"));
    words(name, &format!("/localized/{locale}"))
}

/// The name in Apple's first callback, the only one that has it: `{"name": {"firstName": …, "lastName": …}}`.
pub fn with_apple_name(account: ExternalAccount, user: &str) -> Result<ExternalAccount, String> {
    let user: Value =
        serde_json::from_str(user).map_err(|error| format!("Apple's user is no JSON: {error}"))?;
    let name = words(&user, "/name/firstName+/name/lastName");
    Ok(account.with("name", &name).with("full_name", &name))
}

/// Parameters of an authorization address that belong to the provider alone.
pub fn parameters(provider: &str) -> Vec<(String, String)> {
    match provider {
        "apple" => vec![("response_mode".to_string(), "form_post".to_string())],
        _ => Vec::new(),
    }
}

/// Claims of an Azure id token that are the protocol's, not the person's.
const AZURE_PROTOCOL: &[&str] = &[
    "aud",
    "iss",
    "iat",
    "nbf",
    "exp",
    "c_hash",
    "at_hash",
    "aio",
    "nonce",
    "rh",
    "uti",
    "jti",
    "ver",
    "sub",
    "name",
    "preferred_username",
];

/// What is left of an Azure id token without them.
pub fn azure_custom_claims(claims: &Metadata) -> Metadata {
    let of_person = claims.iter().filter(|(name, _)| !AZURE_PROTOCOL.contains(&name.as_str()));
    of_person.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether Azure vouches for the address. Without `xms_edov` it is taken for verified: only single-tenant
/// apps then get addresses that are not. <https://learn.microsoft.com/entra/identity-platform/migrate-off-email-claim-authorization>
pub fn azure_vouches(claims: &Metadata) -> bool {
    match claims.get("xms_edov") {
        None | Some(Value::Null) => true,
        Some(said) => *said == json!(true) || *said == json!("1") || *said == json!("true"),
    }
}
