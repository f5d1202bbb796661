//! Settings of second factors.

use super::read::Reader;
use super::sms;
use super::template::Template;

/// Which factors people may enrol and use, and how many.
#[derive(Clone, Debug)]
pub struct MfaConfig {
    /// `MFA_TOTP_ENROLL_ENABLED`: new authenticator apps.
    pub totp_enroll_enabled: bool,
    /// `MFA_TOTP_VERIFY_ENABLED`: codes of authenticator apps.
    pub totp_verify_enabled: bool,
    /// `MFA_PHONE_ENROLL_ENABLED`: new phones.
    pub phone_enroll_enabled: bool,
    /// `MFA_PHONE_VERIFY_ENABLED`: codes sent to phones.
    pub phone_verify_enabled: bool,
    /// `MFA_RECOVERY_CODES_ENROLL_ENABLED`: new sets of recovery codes.
    pub recovery_codes_enroll_enabled: bool,
    /// `MFA_RECOVERY_CODES_VERIFY_ENABLED`: recovery codes are taken.
    pub recovery_codes_verify_enabled: bool,
    /// `MFA_PHONE_OTP_LENGTH`: digits of a code sent to a phone, 6 to 10.
    pub phone_otp_length: u64,
    /// `MFA_PHONE_TEMPLATE`.
    pub phone_template: Template,
    /// `MFA_PHONE_MAX_FREQUENCY`: seconds between two challenges of one phone.
    pub phone_frequency_seconds: u64,
    /// `MFA_WEB_AUTHN_ENROLL_ENABLED`: new authenticators.
    pub webauthn_enroll_enabled: bool,
    /// `MFA_WEB_AUTHN_VERIFY_ENABLED`: answers of authenticators.
    pub webauthn_verify_enabled: bool,
    /// `MFA_MAX_ENROLLED_FACTORS`: of one user.
    pub max_enrolled_factors: u64,
    /// `MFA_MAX_VERIFIED_FACTORS`: of one user; with so many no further one is enrolled.
    pub max_verified_factors: u64,
    /// `MFA_CHALLENGE_EXPIRY_DURATION`: seconds in which a challenge can be answered.
    pub challenge_seconds: u64,
    /// `MFA_FACTOR_EXPIRY_DURATION`: seconds after which a factor that was never challenged gives way to a new one.
    pub factor_seconds: u64,
}

impl MfaConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            totp_enroll_enabled: reader.flag("MFA_TOTP_ENROLL_ENABLED", true),
            totp_verify_enabled: reader.flag("MFA_TOTP_VERIFY_ENABLED", true),
            phone_enroll_enabled: reader.flag("MFA_PHONE_ENROLL_ENABLED", false),
            phone_verify_enabled: reader.flag("MFA_PHONE_VERIFY_ENABLED", false),
            recovery_codes_enroll_enabled: reader.flag("MFA_RECOVERY_CODES_ENROLL_ENABLED", true),
            recovery_codes_verify_enabled: reader.flag("MFA_RECOVERY_CODES_VERIFY_ENABLED", true),
            phone_otp_length: reader.number_within("MFA_PHONE_OTP_LENGTH", 6, 6..=10),
            phone_template: sms::template(reader, "MFA_PHONE_TEMPLATE"),
            phone_frequency_seconds: reader.seconds("MFA_PHONE_MAX_FREQUENCY", 60),
            webauthn_enroll_enabled: reader.flag("MFA_WEB_AUTHN_ENROLL_ENABLED", false),
            webauthn_verify_enabled: reader.flag("MFA_WEB_AUTHN_VERIFY_ENABLED", false),
            max_enrolled_factors: reader.number("MFA_MAX_ENROLLED_FACTORS", 10),
            max_verified_factors: reader.number("MFA_MAX_VERIFIED_FACTORS", 10),
            challenge_seconds: reader.number("MFA_CHALLENGE_EXPIRY_DURATION", 300),
            factor_seconds: reader.number("MFA_FACTOR_EXPIRY_DURATION", 300),
        }
    }
}
