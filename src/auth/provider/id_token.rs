//! Id tokens (OpenID Connect Core 1.0 §2): verifying one with its issuer's published keys, and the account in it.

use serde_json::{Value, json};
use sha2::{Digest, Sha384, Sha512};

use super::account::ExternalAccount;
use super::profile::words;
use super::quirk;
use crate::app::App;
use crate::auth::metadata::Metadata;
use crate::crypto;
use crate::jwt::{self, Header, TokenError};
use crate::ports::{PortError, SignatureAlgorithm};

pub const GOOGLE: &str = "https://accounts.google.com";
pub const FACEBOOK: &str = "https://www.facebook.com";
pub const KAKAO: &str = "https://kauth.kakao.com";
pub const LINKEDIN: &str = "https://www.linkedin.com/oauth";
pub const SNAPCHAT: &str = "https://accounts.snapchat.com/accounts/oauth2/token";
pub const VERCEL_MARKETPLACE: &str = "https://marketplace.vercel.com";

/// Apple issues as either.
pub const APPLE: [&str; 2] = ["https://appleid.apple.com", "https://account.apple.com"];

/// Whether it is an issuer of Microsoft's: `https://login.microsoftonline.com/<tenant>/v2.0`.
pub fn is_azure(issuer: &str) -> bool {
    let rest = issuer.strip_prefix("https://login.microsoftonline.com/");
    rest.is_some_and(is_tenant_and_version)
}

/// Whether it is an issuer of Microsoft's for customers: `https://<name>.ciamlogin.com/<tenant>/v2.0`.
pub fn is_azure_ciam(issuer: &str) -> bool {
    let Some((host, rest)) = issuer.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let name = host.strip_suffix(".ciamlogin.com").unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.bytes().all(plain) && is_tenant_and_version(rest)
}

fn is_tenant_and_version(rest: &str) -> bool {
    let tenant = rest.strip_suffix('/').unwrap_or(rest).strip_suffix("/v2.0").unwrap_or_default();
    !tenant.is_empty() && !tenant.contains('/')
}

/// The issuer a token names, before anything is verified: to know whom to ask.
pub fn claimed_issuer(token: &str) -> Option<String> {
    let claims: Value = serde_json::from_slice(&crypto::from_base64url(token.split('.').nth(1)?)?).ok()?;
    Some(claims.get("iss")?.as_str()?.to_string())
}

/// A token whose signature, issuer and time are good.
pub struct IdToken {
    /// Its claims, all of them.
    pub claims: Metadata,
    algorithm: SignatureAlgorithm,
}

/// Why a token is not believed.
pub enum Unbelieved {
    /// It is no good; what is wrong with it is for the log.
    Bad(String),
    /// Its issuer could not be asked.
    Unasked(PortError),
}

impl From<PortError> for Unbelieved {
    fn from(error: PortError) -> Self {
        Self::Unasked(error)
    }
}

impl From<Unbelieved> for String {
    fn from(unbelieved: Unbelieved) -> Self {
        match unbelieved {
            Unbelieved::Bad(cause) | Unbelieved::Unasked(PortError(cause)) => cause,
        }
    }
}

/// Verifies a token of an issuer whose discovery document is at the URL.
pub async fn verify(
    app: &App,
    token: &str,
    issuer: &str,
    discovery_url: &str,
) -> Result<IdToken, Unbelieved> {
    let bad = |cause: String| Err(Unbelieved::Bad(cause));
    let Some(header) = Header::of(token) else { return bad("it is no token".into()) };
    let Some(algorithm) = SignatureAlgorithm::named(&header.alg) else {
        return bad(format!("it is signed with {}", header.alg));
    };
    let (http_client, now) = (app.ports.http_client.as_ref(), app.now());
    let document = app.documents.get(http_client, discovery_url, now).await?;
    let says = words(&document, "/issuer");
    if says != issuer && !APPLE.contains(&issuer) {
        return bad(format!("the discovery document is of {says:?}, not {issuer:?}"));
    }
    let keys_url = words(&document, "/jwks_uri");
    let keys = app.documents.get(http_client, &keys_url, now).await?;
    let claims = match by_keys(app, token, algorithm, &header, &keys).await {
        // The issuer may have rotated its keys since.
        Err(TokenError::UnknownKey) => {
            let keys = app.documents.get_newer(http_client, &keys_url, now).await?;
            by_keys(app, token, algorithm, &header, &keys).await
        }
        claims => claims,
    };
    let claims = claims.map_err(|error| Unbelieved::Bad(format!("{error:?}")))?.all();
    let token = IdToken { claims, algorithm };
    let of_google = issuer == GOOGLE && token.issuer() == "accounts.google.com";
    if token.issuer() != issuer && !of_google {
        return bad(format!("it is of {:?}, not {issuer:?}", token.issuer()));
    }
    // A token without an end is none.
    match token.claims.get("exp").and_then(Value::as_f64) {
        Some(expires) if (app.now().seconds() as f64) < expires => Ok(token),
        _ => bad("it has expired".to_string()),
    }
}

async fn by_keys(
    app: &App,
    token: &str,
    algorithm: SignatureAlgorithm,
    header: &Header,
    keys: &Value,
) -> Result<jwt::Claims, TokenError> {
    let keys = keys.get("keys").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut outcome = Err(TokenError::UnknownKey);
    for key in keys.iter().filter(|key| fits(key, algorithm, header)) {
        let signatures = app.ports.signatures.as_ref();
        outcome = jwt::verify_signed(signatures, token, algorithm, &key.to_string(), app.now()).await;
        if outcome != Err(TokenError::Signature) {
            break;
        }
    }
    outcome
}

fn fits(key: &Value, algorithm: SignatureAlgorithm, header: &Header) -> bool {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    algorithm.takes(text("kty").unwrap_or_default(), text("crv"))
        && text("alg").is_none_or(|said| said == algorithm.name())
        && text("use").is_none_or(|said| said == "sig")
        && header.kid.as_deref().is_none_or(|id| text("kid") == Some(id))
}

impl IdToken {
    fn text(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Who made it.
    pub fn issuer(&self) -> &str {
        self.text("iss")
    }

    /// Whom it is about.
    pub fn subject(&self) -> &str {
        self.text("sub")
    }

    /// What it was asked for with; empty for nothing.
    pub fn nonce(&self) -> &str {
        self.text("nonce")
    }

    /// Whom it is for.
    pub fn audience(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it is for one of those.
    pub fn is_for(&self, client_ids: &[String]) -> bool {
        self.audience().iter().any(|audience| client_ids.iter().any(|id| id == audience))
    }

    /// Whether the access token is the one it came with, if it says (`at_hash`).
    pub fn matches(&self, access_token: &str) -> bool {
        let said = self.text("at_hash");
        if said.is_empty() {
            return true;
        }
        let bytes = access_token.as_bytes();
        let digest = match self.algorithm {
            SignatureAlgorithm::Es256 | SignatureAlgorithm::Rs256 | SignatureAlgorithm::Ps256 => {
                crypto::sha256(bytes).to_vec()
            }
            SignatureAlgorithm::Es384 | SignatureAlgorithm::Rs384 | SignatureAlgorithm::Ps384 => {
                Sha384::digest(bytes).to_vec()
            }
            _ => Sha512::digest(bytes).to_vec(),
        };
        let half = digest.get(..digest.len() / 2).unwrap_or_default();
        crypto::equal_secrets(crypto::base64url(half).as_bytes(), said.as_bytes())
    }

    /// The account in it, as its issuer writes one.
    pub fn account(&self) -> Result<ExternalAccount, String> {
        let (issuer, subject) = (self.issuer(), self.subject());
        let of_subject = || ExternalAccount::new(issuer, subject);
        let named = |account: ExternalAccount, name: &str, claim: &str| account.with(name, self.text(claim));
        Ok(match issuer {
            GOOGLE | "accounts.google.com" => {
                let account = named(of_subject(), "name", "name");
                let account = named(named(account, "picture", "picture"), "avatar_url", "picture");
                let custom = self.custom(&["hd"]);
                named(account, "full_name", "name")
                    .with_email(
                        self.text("email"),
                        self.is_true("email_verified") || self.is_true("verified_email"),
                        true,
                    )
                    .with_custom_claims(custom)
            }
            FACEBOOK => named(named(of_subject(), "name", "name"), "picture", "picture").with_email(
                self.text("email"),
                true,
                true,
            ),
            KAKAO => {
                let account =
                    named(named(of_subject(), "name", "nickname"), "preferred_username", "nickname");
                named(account, "picture", "picture").with_email(self.text("email"), true, true)
            }
            LINKEDIN => self.linkedin(of_subject()),
            SNAPCHAT => self.generic().with_email(self.text("email"), true, true),
            VERCEL_MARKETPLACE => {
                let global = Some(self.text("global_user_id")).filter(|id| !id.is_empty());
                let subject = global.map_or_else(|| subject.to_string(), |id| format!("global_user_id:{id}"));
                let account = ExternalAccount::new(issuer, &subject);
                named(named(account, "name", "user_name"), "picture", "user_avatar_url").with_email(
                    self.text("user_email"),
                    true,
                    true,
                )
            }
            issuer if APPLE.contains(&issuer) => of_subject()
                .with_email(self.text("email"), true, true)
                .with_custom_claims(self.apple_claims()),
            issuer if is_azure(issuer) => {
                named(named(of_subject(), "preferred_username", "preferred_username"), "full_name", "name")
                    .with_email(self.text("email"), quirk::azure_vouches(&self.claims), true)
                    .with_custom_claims(quirk::azure_custom_claims(&self.claims))
            }
            _ => self.generic().with_email(self.text("email"), self.is_true("email_verified"), true),
        })
    }

    fn is_true(&self, name: &str) -> bool {
        self.claims.get(name).is_some_and(|said| *said == json!(true))
    }

    fn custom(&self, names: &[&str]) -> Metadata {
        let given =
            names.iter().filter_map(|name| Some(((*name).to_string(), self.claims.get(*name)?.clone())));
        given.filter(|(_, value)| !value.is_null() && *value != json!("")).collect()
    }

    /// Here booleans are text, at times.
    fn apple_claims(&self) -> Metadata {
        let mut claims = self.custom(&["is_private_email", "auth_time", "transfer_sub"]);
        if let Some(Value::String(text)) = claims.get("is_private_email") {
            let is_private = json!(text == "true");
            claims.insert("is_private_email".into(), is_private);
        }
        claims
    }

    /// Here `email_verified` is text.
    fn linkedin(&self, account: ExternalAccount) -> ExternalAccount {
        let name = format!("{} {}", self.text("given_name"), self.text("family_name"));
        let verified = self.is_true("email_verified") || self.text("email_verified") == "true";
        let names = ["given_name", "family_name", "locale", "picture"];
        let account = names.iter().fold(account, |account, name| account.with(name, self.text(name)));
        account.with("name", name.trim()).with_email(self.text("email"), verified, true)
    }

    fn generic(&self) -> ExternalAccount {
        generic_account(&self.claims)
    }
}

/// Claims that OpenID Connect (Core 1.0 §5.1) and upstream know: text ones, and others.
const TEXTS: &[&str] = &[
    "iss",
    "sub",
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "email",
    "phone",
    "full_name",
    "avatar_url",
    "slug",
    "provider_id",
    "user_name",
];
const OTHERS: &[&str] = &["aud", "iat", "exp", "email_verified", "phone_verified", "custom_claims"];

/// An account of the standard claims that there are, without its address.
pub fn generic_account(claims: &Metadata) -> ExternalAccount {
    let mut known = Metadata::new();
    for name in TEXTS {
        if let Some(Value::String(text)) = claims.get(*name).filter(|text| **text != json!("")) {
            known.insert((*name).into(), json!(text));
        }
    }
    for name in OTHERS {
        match (*name, claims.get(*name)) {
            (_, None | Some(Value::Null)) => {}
            ("aud", Some(Value::String(one))) => {
                known.insert("aud".into(), json!([one]));
            }
            (name, Some(value)) => {
                known.insert(name.into(), value.clone());
            }
        }
    }
    ExternalAccount::of_claims(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: Value) -> IdToken {
        IdToken { claims: claims.as_object().cloned().unwrap(), algorithm: SignatureAlgorithm::Rs256 }
    }

    #[test]
    fn microsofts_issuers_are_told_by_their_form() {
        let rows = [
            ("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", true, false),
            ("https://login.microsoftonline.com/tenant/v2.0/", true, false),
            ("https://login.microsoftonline.com/a/b/v2.0", false, false),
            ("https://login.microsoftonline.com/v2.0", false, false),
            ("https://login.microsoftonline.com.evil.net/tenant/v2.0", false, false),
            ("https://shop.ciamlogin.com/tenant/v2.0", false, true),
            ("https://shop.ciamlogin.com.evil.net/tenant/v2.0", false, false),
            ("https://evil.net/.ciamlogin.com/tenant/v2.0", false, false),
        ];
        for (issuer, azure, ciam) in rows {
            assert_eq!((is_azure(issuer), is_azure_ciam(issuer)), (azure, ciam), "{issuer}");
        }
    }

    #[test]
    fn issuers_say_verified_in_their_own_ways() {
        let azure = "https://login.microsoftonline.com/tenant/v2.0";
        let rows = [
            (json!({"iss": GOOGLE, "email_verified": true}), true),
            (json!({"iss": GOOGLE, "email_verified": false}), false),
            (json!({"iss": APPLE[1]}), true),
            (json!({"iss": azure}), true),
            (json!({"iss": azure, "xms_edov": "1"}), true),
            (json!({"iss": azure, "xms_edov": true}), true),
            (json!({"iss": azure, "xms_edov": 1}), false),
            (json!({"iss": azure, "xms_edov": false}), false),
            (json!({"iss": LINKEDIN, "email_verified": "true"}), true),
            (json!({"iss": LINKEDIN, "email_verified": "false"}), false),
            (json!({"iss": "https://other.example", "email_verified": true}), true),
            (json!({"iss": "https://other.example", "email_verified": "true"}), false),
            (json!({"iss": "https://other.example"}), false),
        ];
        for (mut claims, verified) in rows {
            claims["email"] = json!("ann@example.com");
            claims["sub"] = json!("7");
            let account = token(claims.clone()).account().unwrap().settled();
            assert_eq!(account.emails[0].verified, verified, "{claims}");
            assert_eq!(account.claims["email_verified"], json!(verified), "{claims}");
        }
    }

    #[test]
    fn an_access_token_is_known_by_half_its_hash() {
        // OpenID Connect Core 1.0, appendix A.3.
        let with_hash = token(json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}));
        assert!(with_hash.matches("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"));
        assert!(!with_hash.matches("another"));
        assert!(token(json!({})).matches("another"));
    }
}
