//! The settings of hooks: what of the project's own is asked on the way, by HTTP or as a SQL function.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::read::Reader;

/// Where the project is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookKind {
    /// What is in an access token.
    CustomAccessToken,
    /// Carries a mail.
    SendEmail,
    /// Carries a text message.
    SendSms,
    /// Whether a code of a second factor counts.
    MfaVerificationAttempt,
    /// Whether a password counts.
    PasswordVerificationAttempt,
    /// Whether somebody new may be.
    BeforeUserCreated,
    /// Hears of somebody new.
    AfterUserCreated,
}

/// Kind, its settings' name, and what its payload calls it.
#[rustfmt::skip]
const KINDS: &[(HookKind, &str, &str)] = &[
    (HookKind::CustomAccessToken,           "CUSTOM_ACCESS_TOKEN",           "customize-access-token"),
    (HookKind::SendEmail,                   "SEND_EMAIL",                    "send-email"),
    (HookKind::SendSms,                     "SEND_SMS",                      "send-sms"),
    (HookKind::MfaVerificationAttempt,      "MFA_VERIFICATION_ATTEMPT",      "mfa-verification"),
    (HookKind::PasswordVerificationAttempt, "PASSWORD_VERIFICATION_ATTEMPT", "password-verification"),
    (HookKind::BeforeUserCreated,           "BEFORE_USER_CREATED",           "before-user-created"),
    (HookKind::AfterUserCreated,            "AFTER_USER_CREATED",            "after-user-created"),
];

impl HookKind {
    /// What its payload calls it.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, _, name)| name)
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum HookTarget {
    /// A server of the project's.
    Http {
        /// `https://…`, or `http://` on this machine.
        url: String,
        /// Each signs the request (Standard Webhooks).
        secrets: Vec<Vec<u8>>,
    },
    /// A function in the database, which takes one JSON value and gives one.
    Function {
        /// Its schema.
        schema: String,
        /// Its name.
        name: String,
    },
}

/// `HOOK_…_ENABLED`, `HOOK_…_URI`, `HOOK_…_SECRETS` of each kind.
#[derive(Clone, Debug, Default)]
pub struct HookConfig {
    targets: Vec<(HookKind, HookTarget)>,
}

impl HookConfig {
    /// What a kind of hook asks, if it is on.
    pub fn target(&self, kind: HookKind) -> Option<&HookTarget> {
        self.targets.iter().find(|(of, _)| *of == kind).map(|(_, target)| target)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let targets = KINDS.iter().filter_map(|(kind, name, _)| Some((*kind, target(reader, name)?)));
        Self { targets: targets.collect() }
    }
}

fn target(reader: &mut Reader<'_>, name: &str) -> Option<HookTarget> {
    if !reader.flag(&format!("HOOK_{name}_ENABLED"), false) {
        return None;
    }
    let uri = reader.text(&format!("HOOK_{name}_URI"), "");
    let secrets = reader.text(&format!("HOOK_{name}_SECRETS"), "");
    let parsed = match uri.strip_prefix("pg-functions://") {
        Some(path) => function(path),
        None => http(&uri, &secrets),
    };
    match parsed {
        Ok(target) => Some(target),
        Err(mistake) => reader.refuse(format!("HOOK_{name}: {mistake}")),
    }
}

/// `postgres/public/my_hook`.
fn function(path: &str) -> Result<HookTarget, String> {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut parts = path.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some(schema), Some(name)) if is_name(schema) && is_name(name) => {
            Ok(HookTarget::Function { schema: schema.to_string(), name: name.to_string() })
        }
        _ => Err("a function is named as pg-functions://postgres/schema/function".into()),
    }
}

fn http(uri: &str, secrets: &str) -> Result<HookTarget, String> {
    let host = uri.strip_prefix("http://").map(|rest| rest.split(['/', ':', '?']).next().unwrap_or_default());
    let is_local = |host: &str| ["localhost", "127.0.0.1", "[", "host.docker.internal"].contains(&host);
    match host {
        Some(host) if !is_local(host) => {
            return Err("only this machine is asked by http://, any other by https://".into());
        }
        None if !uri.starts_with("https://") => {
            return Err("the URI must start with https:// or pg-functions://".into());
        }
        _ => {}
    }
    let secrets: Result<Vec<_>, String> =
        secrets.split('|').filter(|part| !part.is_empty()).map(secret).collect();
    Ok(HookTarget::Http { url: uri.to_string(), secrets: secrets? })
}

/// `v1,whsec_<base64>`.
fn secret(text: &str) -> Result<Vec<u8>, String> {
    let key = text.trim().strip_prefix("v1,whsec_").and_then(|key| STANDARD.decode(key).ok());
    key.ok_or_else(|| "a secret is v1,whsec_ and base64; several are separated by |".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_or_refused() {
        let rows = [
            ("https://a.example/hook", "v1,whsec_c2VjcmV0", true),
            ("https://a.example/hook", "v1,whsec_c2VjcmV0|v1,whsec_b3RoZXI=", true),
            ("http://localhost:3000/hook", "", true),
            ("http://127.0.0.1/hook", "", true),
            ("http://a.example/hook", "", false),
            ("https://a.example/hook", "whsec_c2VjcmV0", false),
            ("https://a.example/hook", "v1,whsec_%", false),
            ("pg-functions://postgres/public/hook", "", true),
            ("pg-functions://postgres/public", "", false),
            ("pg-functions://postgres/public/a;b", "", false),
            ("ftp://a.example", "", false),
            ("", "", false),
        ];
        for (uri, secrets, good) in rows {
            let parsed = match uri.strip_prefix("pg-functions://") {
                Some(path) => function(path),
                None => http(uri, secrets),
            };
            assert_eq!(parsed.is_ok(), good, "{uri} {secrets}");
        }
    }
}
