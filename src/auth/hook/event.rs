//! Each hook's payload and what its answer decides.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::ask;
use super::error::HookError;
use crate::app::App;
use crate::auth::error::Error;
use crate::auth::model::User;
use crate::config::HookKind;

/// Said when a hook rejects without a word.
const MFA_REJECTED: &str = "Further MFA verification attempts will be rejected.";
const PASSWORD_REJECTED: &str = "Further password verification attempts will be rejected.";

/// What every access token has, and the JSON type of each claim a hook may change.
#[rustfmt::skip]
const CLAIMS: &[(&str, bool, &[&str])] = &[
    ("aud",           true,  &["string", "array"]),
    ("exp",           true,  &["integer"]),
    ("jti",           false, &["string"]),
    ("iat",           true,  &["integer"]),
    ("iss",           false, &["string"]),
    ("nbf",           false, &["integer"]),
    ("sub",           true,  &["string"]),
    ("email",         true,  &["string"]),
    ("phone",         true,  &["string"]),
    ("app_metadata",  false, &["object"]),
    ("user_metadata", false, &["object"]),
    ("role",          true,  &["string"]),
    ("aal",           true,  &["string"]),
    ("amr",           false, &["array"]),
    ("session_id",    true,  &["string"]),
    ("client_id",     false, &["string"]),
    ("is_anonymous",  true,  &["string", "integer", "number", "boolean", "object", "array", "null"]),
];

/// The claims that an access token is to have: those given, unless a hook has others. `method` is how the
/// user got here, as `amr` has it, or `token_refresh`.
pub async fn custom_claims(
    app: &App,
    ip: Option<&str>,
    user_id: &str,
    claims: Value,
    method: &str,
) -> Result<Value, Error> {
    let payload = json!({"user_id": user_id, "claims": claims, "authentication_method": method});
    let Some(answer) = ask::<Map<String, Value>>(app, HookKind::CustomAccessToken, ip, payload).await? else {
        // A hook that says nothing where it is on has said nothing about the claims either.
        return match super::is_on(app, HookKind::CustomAccessToken) {
            false => Ok(claims),
            true => Err(HookError::Claims(mistakes(&Map::new())).into()),
        };
    };
    match answer.get("claims") {
        None => Err(HookError::Claims("output claims field is missing".into()).into()),
        Some(Value::Object(claims)) if mistakes(claims).is_empty() => Ok(Value::Object(claims.clone())),
        Some(Value::Object(claims)) => Err(HookError::Claims(mistakes(claims)).into()),
        Some(_) => Err(HookError::Output("claims is no object".into()).into()),
    }
}

fn mistakes(claims: &Map<String, Value>) -> String {
    let mistakes: Vec<String> = CLAIMS
        .iter()
        .filter_map(|(name, required, types)| match claims.get(*name) {
            None => required.then(|| format!("- (root): {name} is required\n")),
            Some(value) if types.contains(&type_of(value)) => None,
            Some(value) => Some(format!(
                "- {name}: Invalid type. Expected: {}, given: {}\n",
                types.join("/"),
                type_of(value)
            )),
        })
        .collect();
    if mistakes.is_empty() {
        return String::new();
    }
    format!("output claims do not conform to the expected schema: \n{}", mistakes.concat())
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What the send-email hook is told of a mail, as upstream names it.
#[derive(Clone, Default)]
pub struct EmailData {
    pub token: String,
    pub token_hash: String,
    pub redirect_to: String,
    pub email_action_type: String,
    pub site_url: String,
    pub token_new: String,
    pub token_hash_new: String,
    pub old_email: String,
    pub old_phone: String,
    pub provider: String,
    pub factor_type: String,
}

/// Has the hook carry a mail.
pub async fn send_email(app: &App, ip: Option<&str>, user: &User, data: &EmailData) -> Result<(), Error> {
    let payload = json!({
        "user": user.to_json(),
        "email_data": {
            "token": data.token,
            "token_hash": data.token_hash,
            "redirect_to": data.redirect_to,
            "email_action_type": data.email_action_type,
            "site_url": data.site_url,
            "token_new": data.token_new,
            "token_hash_new": data.token_hash_new,
            "old_email": data.old_email,
            "old_phone": data.old_phone,
            "provider": data.provider,
            "factor_type": data.factor_type,
        },
    });
    ask::<Value>(app, HookKind::SendEmail, ip, payload).await.map(|_| ())
}

/// Has the hook carry a code to a phone; `sms_type` is `mfa` for a second factor's.
pub async fn send_sms(
    app: &App,
    ip: Option<&str>,
    user: &User,
    phone: &str,
    code: &str,
    sms_type: Option<&str>,
) -> Result<(), Error> {
    let mut sms = json!({"otp": code});
    if let Some(members) = sms.as_object_mut() {
        members.extend(sms_type.map(|of| ("sms_type".to_string(), json!(of))));
        members.insert("phone".into(), json!(phone));
    }
    let payload = json!({"user": user.to_json(), "sms": sms});
    ask::<Value>(app, HookKind::SendSms, ip, payload).await.map(|_| ())
}

/// Asks whether somebody may get an account; the account is not stored yet.
pub async fn before_user_created(app: &App, ip: Option<&str>, user: &User) -> Result<(), Error> {
    let payload = json!({"user": user.to_json()});
    ask::<Value>(app, HookKind::BeforeUserCreated, ip, payload).await.map(|_| ())
}

/// Tells of an account that was made.
pub async fn after_user_created(app: &App, ip: Option<&str>, user: &User) -> Result<(), Error> {
    let payload = json!({"user": user.to_json()});
    ask::<Value>(app, HookKind::AfterUserCreated, ip, payload).await.map(|_| ())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Decision {
    decision: String,
    message: String,
    should_logout_user: bool,
}

/// What a hook decided about an attempt.
pub enum Verdict {
    /// It goes on as it would have.
    Continue,
    /// It is refused with that; perhaps the user's sessions end.
    Reject { error: Error, ends_sessions: bool },
}

/// Asks about a password that was right or not.
pub async fn password_attempt(
    app: &App,
    ip: Option<&str>,
    user_id: &str,
    is_right: bool,
) -> Result<Verdict, Error> {
    let payload = json!({"user_id": user_id, "valid": is_right});
    let answer: Option<Decision> = ask(app, HookKind::PasswordVerificationAttempt, ip, payload).await?;
    let answer = answer.unwrap_or_default();
    Ok(verdict(&answer, answer.should_logout_user, PASSWORD_REJECTED, HookError::PasswordRejected))
}

/// Asks about a code of a second factor that was right or not.
pub async fn mfa_attempt(
    app: &App,
    ip: Option<&str>,
    user_id: &str,
    factor_id: &str,
    factor_type: &str,
    is_right: bool,
) -> Result<Verdict, Error> {
    let payload =
        json!({"user_id": user_id, "factor_id": factor_id, "factor_type": factor_type, "valid": is_right});
    let answer: Option<Decision> = ask(app, HookKind::MfaVerificationAttempt, ip, payload).await?;
    Ok(verdict(&answer.unwrap_or_default(), true, MFA_REJECTED, HookError::MfaRejected))
}

fn verdict(
    answer: &Decision,
    ends_sessions: bool,
    default: &str,
    error: impl FnOnce(String) -> HookError,
) -> Verdict {
    if answer.decision != "reject" {
        return Verdict::Continue;
    }
    let message = if answer.message.is_empty() { default } else { &answer.message };
    Verdict::Reject { error: error(message.to_string()).into(), ends_sessions }
}
