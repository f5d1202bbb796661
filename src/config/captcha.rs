//! The settings of captchas.

use super::read::Reader;

/// Who says whether a visitor is a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptchaProvider {
    /// hcaptcha.com
    HCaptcha,
    /// Cloudflare Turnstile
    Turnstile,
}

/// `SECURITY_CAPTCHA_PROVIDER` and `SECURITY_CAPTCHA_SECRET`, where `SECURITY_CAPTCHA_ENABLED`.
#[derive(Clone, Debug)]
pub struct CaptchaConfig {
    /// Which.
    pub provider: CaptchaProvider,
    /// The secret key of the site.
    pub secret: String,
}

impl CaptchaConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if !reader.flag("SECURITY_CAPTCHA_ENABLED", false) {
            return None;
        }
        let provider = match reader.text("SECURITY_CAPTCHA_PROVIDER", "hcaptcha").as_str() {
            "hcaptcha" => CaptchaProvider::HCaptcha,
            "turnstile" => CaptchaProvider::Turnstile,
            other => {
                return reader.refuse(format!(
                    "SECURITY_CAPTCHA_PROVIDER must be hcaptcha or turnstile, not {other:?}"
                ));
            }
        };
        let secret = reader.text("SECURITY_CAPTCHA_SECRET", "");
        if secret.is_empty() {
            return reader.refuse("SECURITY_CAPTCHA_SECRET is not set".into());
        }
        Some(Self { provider, secret })
    }
}
