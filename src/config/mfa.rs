//! Settings of second factors.

use super::read::Reader;

/// Which factors people may enrol and use, and how many.
#[derive(Clone, Debug)]
pub struct MfaConfig {
    /// `MFA_TOTP_ENROLL_ENABLED`: new authenticator apps.
    pub totp_enroll_enabled: bool,
    /// `MFA_TOTP_VERIFY_ENABLED`: codes of authenticator apps.
    pub totp_verify_enabled: bool,
    /// `MFA_MAX_ENROLLED_FACTORS`: of one user.
    pub max_enrolled_factors: u64,
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
            max_enrolled_factors: reader.number("MFA_MAX_ENROLLED_FACTORS", 10),
            challenge_seconds: reader.number("MFA_CHALLENGE_EXPIRY_DURATION", 300),
            factor_seconds: reader.number("MFA_FACTOR_EXPIRY_DURATION", 300),
        }
    }
}
