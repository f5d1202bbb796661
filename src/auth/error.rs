//! Everything the auth API refuses: status, error code, message. The rows are the compatibility table.

use std::borrow::Cow;

use super::hook::error::HookError;
use super::oauth_server::error::OAuthServerError;
use super::provider::error::ProviderError;
use super::webauthn::error::PasskeyError;
use crate::ports::{DbError, PortError};

/// A failed call of the auth API.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The body is no JSON of the shape the endpoint takes; says where.
    BadJson(String),
    /// The body broke off; the cause is for the log.
    BodyBroken(String),
    /// The body is over the route's limit.
    BodyTooLarge,
    /// A value breaks a rule; the message says which.
    Validation(Cow<'static, str>),

    /// Nobody new, by configuration.
    SignupDisabled,
    /// E-mail sign-up is off.
    EmailSignupDisabled,
    /// E-mail sign-in is off.
    EmailLoginDisabled,
    /// Links and codes to sign in with are off.
    MagicLinkDisabled,
    /// Phone sign-up is off.
    PhoneSignupDisabled,
    /// Phone sign-in is off.
    PhoneLoginDisabled,
    /// Sign-up with neither address nor number.
    AnonymousDisabled,
    /// The address is taken, said to someone signing up.
    UserAlreadyExists,
    /// The address is taken, said to someone changing an account.
    EmailExists,
    /// The number is taken.
    PhoneExists,
    /// The id an administrator chose is taken.
    UserIdExists,

    /// A changed number has to be confirmed by a text message, and there are none.
    PhoneChangeDisabled,
    /// A text message of this kind went to the account less than so many seconds ago.
    SmsTooSoon(u64),
    /// Nobody carries text messages.
    SmsProviderMissing,
    /// All accounts together have had their text messages of this hour.
    SmsLimit,
    /// The provider did not take a text message: what it was for, and the provider's reason.
    SmsSendFailed(&'static str, String),
    /// Right password or session, number not confirmed.
    PhoneNotConfirmed,
    /// A code is asked for by someone whose number is not confirmed.
    ReauthenticationPhoneUnconfirmed,
    /// A mail of this kind went to the account less than so many seconds ago.
    MailTooSoon(u64),
    /// All accounts together have had their mails of this hour.
    MailLimit,
    /// Too many requests of this kind from one address: seconds until the next.
    RequestLimit(u64),
    /// E-mail is off, said to someone who asks for a mail again.
    EmailResendDisabled,
    /// Phone sign-in is off, said to someone who asks for a message again.
    PhoneResendDisabled,
    /// No address, said by `/verify`.
    InvalidEmailFormat,
    /// The mailbox is for developers at this machine and for administrators.
    MailboxClosed,
    /// No mail has that id.
    MailNotFound,
    /// A code by SMS.
    PhoneOtpDisabled,
    /// A code or link for an address without an account, which was not to get one.
    OtpDisabled,
    /// A code that is wrong, used, expired or guessed at too often.
    CodeExpired,
    /// The same of a link.
    LinkExpired,
    /// A code for a PKCE verifier that does not exist.
    FlowStateNotFound,
    /// A code for a PKCE verifier that is too old.
    FlowStateExpired,
    /// The PKCE verifier is not the one of the code.
    BadCodeVerifier,
    /// A new password needs a code by mail.
    ReauthenticationNeeded,
    /// The code that came with a new password is wrong, used or expired.
    ReauthenticationNotValid,
    /// A code is asked for by someone whose address is not confirmed.
    ReauthenticationUnconfirmed,
    /// A password for an anonymous user without an address.
    AnonymousPassword,
    /// An administrator asks for a link of an address that nobody has.
    LinkUserNotFound,

    /// Unknown user, no password, wrong password: all the same.
    InvalidCredentials,
    /// Wallets open nothing here.
    Web3Disabled,
    /// Single sign-on is off.
    SamlDisabled,
    /// No provider of single sign-on goes by that id: there are none.
    SsoProviderNotFound,
    /// A magic link without an address.
    MagicLinkAddressMissing,
    /// A number that an administrator chose is taken.
    PhoneTaken,
    /// A `grant_type` that does not exist (here).
    UnsupportedGrantType,
    /// Right password, address not confirmed.
    EmailNotConfirmed,
    /// Right password, banned user.
    BannedAtSignIn,

    /// The password breaks the rules.
    WeakPassword(WeakPassword),
    /// Over what bcrypt could ever take; never cut off silently.
    PasswordTooLong,
    /// The new password is the old one.
    SamePassword,
    /// The current password that came with a change is wrong.
    CurrentPasswordInvalid,

    /// No refresh token of any version.
    RefreshTokenMalformed,
    /// A refresh token whose session is gone, or that was never ours.
    RefreshTokenNotFound,
    /// An old refresh token came again; its session has ended.
    RefreshTokenAlreadyUsed,
    /// The session is older than sessions may become.
    SessionExpired,
    /// The session was not refreshed for too long.
    SessionExpiredInactive,
    /// A banned user's refresh token.
    BannedAtRefresh,

    /// No bearer token, where one is only sometimes asked for.
    BearerMissing,
    /// A bearer token that is no good, where one is only sometimes asked for.
    BearerInvalid,
    /// A key or token that speaks for no user.
    MissingSubject,
    /// A subject that is no user id.
    SubjectNotUuid,
    /// A session claim that is no session id.
    SessionIdNotUuid,
    /// The token's user is gone.
    TokenUserNotFound,
    /// The token's session is gone.
    TokenSessionNotFound,
    /// The token's user is banned.
    TokenUserBanned,
    /// `app_metadata` is not the user's to change.
    AppMetadataNeedsAdmin,

    /// Anonymous users have no second factors.
    AnonymousNotAllowed,
    /// A token that no session stands behind cannot be raised to aal2.
    SessionRequired,
    /// A kind of factor that people may not enrol here: error code and message.
    EnrolmentDisabled(&'static str, &'static str),
    /// Codes of authenticator apps are off.
    TotpVerificationDisabled,
    /// Codes sent to phones are off.
    PhoneVerificationDisabled,
    /// A phone that is a verified factor already.
    PhoneFactorExists,
    /// A code of a phone that is wrong.
    PhoneCodeWrong,
    /// New recovery codes are off.
    RecoveryCodesEnrolmentDisabled,
    /// Recovery codes are not taken.
    RecoveryCodesVerificationDisabled,
    /// Recovery codes of someone who has no other factor.
    RecoveryCodesSoleFactor,
    /// There is a set already.
    RecoveryCodesExist,
    /// A recovery code that is wrong or spent.
    RecoveryCodeWrong,
    /// Too many wrong recovery codes: seconds until the next may be tried.
    RecoveryCodesLocked(i64),
    /// A path with something that is no factor's id.
    FactorIdNotUuid,
    /// An id that is none of the user's factors'.
    FactorNotFound,
    /// Another factor of the user has that name.
    FactorNameTaken(String),
    /// As many factors as a user may have.
    TooManyFactors,
    /// An id that is none of the factor's challenges'.
    ChallengeNotFound,
    /// The challenge was put to another address, or is answered.
    ChallengeElsewhere,
    /// The challenge was not answered in time: its id.
    ChallengeExpired(String),
    /// A code that is wrong or spent.
    TotpCodeWrong,
    /// Too many wrong codes: seconds until the next may be tried.
    FactorLocked(i64),
    /// What changes how one signs in needs the second factor.
    UpdateNeedsAal2,
    /// Another factor needs the one there is.
    EnrolmentNeedsAal2,
    /// Giving up a verified factor needs it.
    UnenrolmentNeedsAal2,

    /// A path with something that is no session's id.
    SessionParameterNotUuid,
    /// An id that is none of the user's sessions'.
    SessionNotFound,
    /// Erasing an account needs its second factor.
    ErasureNeedsAal2,
    /// Erasing an account needs the password or a recent sign-in.
    ErasureNeedsProof,

    /// An administrator's path with something that is no id.
    UserIdNotUuid,
    /// An administrator's path with an id nobody has.
    UserNotFound,
    /// Rows of the project's own tables point at the user and do not cascade.
    UserStillReferenced,

    /// A hook gave no answer, or said no: a table of its own.
    Hook(HookError),
    /// No captcha was solved; the message says why.
    Captcha(String),
    /// The captcha's provider did not answer; the cause is for the log.
    CaptchaUnavailable(String),
    /// A password could not be looked up among the leaked ones; the cause is for the log.
    LeakCheckUnavailable(String),
    /// Too many wrong passwords: seconds until the next may be tried.
    SignInLocked(i64),
    /// The same of codes by mail or text message.
    CodesLocked(i64),
    /// A new password needs the current one.
    CurrentPasswordRequired,
    /// What concerns other people's accounts: a table of its own.
    Provider(ProviderError),
    /// What concerns passkeys and security keys, likewise.
    Passkey(PasskeyError),
    /// What concerns other people's apps, likewise.
    OAuthServer(OAuthServerError),

    /// Other requests kept changing the same row.
    Conflict,
    /// One of the project's triggers failed while the account was made; the cause is for the log.
    SavingNewUser(String),
    /// The same, for an administrator.
    CreatingNewUser(String),
    /// The same, for nobody in particular.
    CreatingAnonymousUser(String),
    /// The same, while it was removed.
    DeletingUser(String),
    /// A store failed, or a defect of ours; the cause is for the log.
    Unexpected(String),
}

/// Why a password is too weak.
#[derive(Clone, Debug, PartialEq)]
pub struct WeakPassword {
    /// Said to the user.
    pub message: String,
    /// `length`, `characters` or `pwned`.
    pub reasons: Vec<&'static str>,
}

impl Error {
    /// HTTP status, error code and message (statuses and texts as in supabase/auth).
    #[rustfmt::skip]
    pub fn row(&self) -> (u16, &'static str, Cow<'_, str>) {
        let (status, code, message) = match self {
            Self::BadJson(place)          => return (400, "bad_json", format!("Could not parse request body as JSON: {place}").into()),
            Self::Validation(message)     => return (400, "validation_failed", Cow::Borrowed(message.as_ref())),
            Self::Provider(error)         => return error.row(),
            Self::Passkey(error)          => return error.row(),
            Self::OAuthServer(error)      => return error.row(),
            Self::WeakPassword(weakness)  => return (422, "weak_password", Cow::Borrowed(weakness.message.as_str())),

            Self::Hook(error)             => return error.row(),
            Self::Captcha(why)            => return (400, "captcha_failed", format!("captcha protection: request disallowed ({why})").into()),
            Self::CaptchaUnavailable(_)   => (500, "unexpected_failure", "captcha verification process failed"),
            Self::LeakCheckUnavailable(_) => (500, "unexpected_failure", "Unable to perform password strength check with HaveIBeenPwned.org."),
            Self::SignInLocked(seconds)   => return (429, "over_request_rate_limit", format!("Too many wrong passwords; try again after {seconds} seconds").into()),
            Self::CurrentPasswordRequired => (400, "current_password_required", "Current password required when setting new password."),
            Self::FactorNameTaken(name)   => return (422, "mfa_factor_name_conflict", format!("A factor with the friendly name {name:?} for this user already exists").into()),
            Self::ChallengeExpired(id)    => return (422, "mfa_challenge_expired", format!("MFA challenge {id} has expired, verify against another challenge or create a new challenge.").into()),
            Self::FactorLocked(seconds) | Self::CodesLocked(seconds) => return (429, "over_request_rate_limit", format!("Too many wrong codes; try again after {seconds} seconds").into()),
            Self::EnrolmentDisabled(code, message) => (422, *code, *message),

            Self::BodyBroken(_)           => (400, "bad_json",                   "Could not read request body"),
            Self::BodyTooLarge            => (413, "request_entity_too_large",   "Request body too large"),

            Self::SignupDisabled          => (422, "signup_disabled",            "Signups not allowed for this instance"),
            Self::EmailSignupDisabled     => (400, "email_provider_disabled",    "Email signups are disabled"),
            Self::MagicLinkDisabled       => (422, "email_provider_disabled",    "Login with magic link is disabled"),
            Self::EmailLoginDisabled      => (422, "email_provider_disabled",    "Email logins are disabled"),
            Self::PhoneSignupDisabled     => (400, "phone_provider_disabled",    "Phone signups are disabled"),
            Self::PhoneLoginDisabled      => (422, "phone_provider_disabled",    "Phone logins are disabled"),
            Self::PhoneChangeDisabled     => (422, "phone_provider_disabled",    "Changing the phone number needs an SMS, and phones are off"),
            Self::AnonymousDisabled       => (422, "anonymous_provider_disabled","Anonymous sign-ins are disabled"),
            Self::UserAlreadyExists       => (422, "user_already_exists",        "User already registered"),
            Self::EmailExists             => (422, "email_exists",               "A user with this email address has already been registered"),
            Self::PhoneExists             => (422, "phone_exists",               "A user with this phone number has already been registered"),
            Self::UserIdExists            => (422, "user_already_exists",        "A user with this id already exists"),

            Self::MailTooSoon(seconds)    => return (429, "over_email_send_rate_limit", format!("For security purposes, you can only request this after {seconds} seconds.").into()),
            Self::SmsTooSoon(seconds)     => return (429, "over_sms_send_rate_limit", format!("For security purposes, you can only request this after {seconds} seconds.").into()),
            Self::SmsSendFailed(what, why) => return (422, "sms_send_failed", format!("Error sending {what} OTP to provider: {why}").into()),
            Self::SmsProviderMissing      => (500, "unexpected_failure",         "Unable to get SMS provider"),
            Self::SmsLimit                => (429, "over_sms_send_rate_limit",   "SMS rate limit exceeded"),
            Self::PhoneNotConfirmed       => (400, "phone_not_confirmed",        "Phone not confirmed"),
            Self::ReauthenticationPhoneUnconfirmed => (422, "phone_not_confirmed", "Please verify your phone first."),
            Self::MailLimit               => (429, "over_email_send_rate_limit", "email rate limit exceeded"),
            Self::RequestLimit(_)         => (429, "over_request_rate_limit",    "Request rate limit reached"),
            Self::EmailResendDisabled     => (400, "email_provider_disabled",    "Email logins are disabled"),
            Self::PhoneResendDisabled     => (400, "phone_provider_disabled",    "Phone logins are disabled"),
            Self::InvalidEmailFormat      => (422, "validation_failed",          "Invalid email format"),
            Self::MailboxClosed           => (403, "not_admin",                  "The mailbox needs the service key, or a request from this machine"),
            Self::MailNotFound            => (404, "not_found",                  "No such message"),
            Self::PhoneOtpDisabled        => (400, "phone_provider_disabled",    "Unsupported phone provider"),
            Self::OtpDisabled             => (422, "otp_disabled",               "Signups not allowed for otp"),
            Self::CodeExpired             => (403, "otp_expired",                "Token has expired or is invalid"),
            Self::LinkExpired             => (403, "otp_expired",                "Email link is invalid or has expired"),
            Self::FlowStateNotFound       => (404, "flow_state_not_found",       "invalid flow state, no valid flow state found"),
            Self::FlowStateExpired        => (422, "flow_state_expired",         "invalid flow state, flow state has expired"),
            Self::BadCodeVerifier         => (400, "bad_code_verifier",          "code challenge does not match previously saved code verifier"),
            Self::ReauthenticationNeeded  => (400, "reauthentication_needed",    "Password update requires reauthentication"),
            Self::ReauthenticationNotValid => (422, "reauthentication_not_valid", "Nonce has expired or is invalid"),
            Self::ReauthenticationUnconfirmed => (422, "email_not_confirmed",    "Please verify your email first."),
            Self::AnonymousPassword       => (422, "validation_failed",          "Updating password of an anonymous user without an email or phone is not allowed"),
            Self::LinkUserNotFound        => (404, "user_not_found",             "User with this email not found"),

            Self::InvalidCredentials      => (400, "invalid_credentials",        "Invalid login credentials"),
            Self::Web3Disabled            => (422, "web3_provider_disabled",     "Web3 provider is disabled"),
            Self::SamlDisabled            => (404, "saml_provider_disabled",     "SAML 2.0 is disabled"),
            Self::SsoProviderNotFound     => (404, "sso_provider_not_found",     "SSO Identity Provider not found"),
            Self::MagicLinkAddressMissing => (422, "validation_failed",          "Password recovery requires an email"),
            Self::PhoneTaken              => (422, "phone_exists",               "Phone number already registered by another user"),
            Self::UnsupportedGrantType    => (400, "invalid_credentials",        "unsupported_grant_type"),
            Self::EmailNotConfirmed       => (400, "email_not_confirmed",        "Email not confirmed"),
            Self::BannedAtSignIn          => (400, "user_banned",                "User is banned"),

            Self::PasswordTooLong         => (400, "validation_failed",          "Password cannot be longer than 72 characters"),
            Self::SamePassword            => (422, "same_password",              "New password should be different from the old password."),
            Self::CurrentPasswordInvalid  => (400, "current_password_invalid",   "The current password is wrong"),

            Self::RefreshTokenMalformed   => (400, "validation_failed",          "Refresh token is not valid"),
            Self::RefreshTokenNotFound    => (400, "refresh_token_not_found",    "Invalid Refresh Token: Refresh Token Not Found"),
            Self::RefreshTokenAlreadyUsed => (400, "refresh_token_already_used", "Invalid Refresh Token: Already Used"),
            Self::SessionExpired          => (400, "session_expired",            "Invalid Refresh Token: Session Expired"),
            Self::SessionExpiredInactive  => (400, "session_expired",            "Invalid Refresh Token: Session Expired (Inactivity)"),
            Self::BannedAtRefresh         => (400, "user_banned",                "Invalid Refresh Token: User Banned"),

            Self::BearerMissing           => (401, "no_authorization",           "This endpoint requires a valid Bearer token"),
            Self::BearerInvalid           => (403, "bad_jwt",                    "invalid JWT: unable to parse or verify signature"),
            Self::MissingSubject          => (403, "bad_jwt",                    "invalid claim: missing sub claim"),
            Self::SubjectNotUuid          => (400, "bad_jwt",                    "invalid claim: sub claim must be a UUID"),
            Self::SessionIdNotUuid        => (403, "bad_jwt",                    "invalid claim: session_id claim must be a UUID"),
            Self::TokenUserNotFound       => (403, "user_not_found",             "User from sub claim in JWT does not exist"),
            Self::TokenSessionNotFound    => (403, "session_not_found",          "Session from session_id claim in JWT does not exist"),
            Self::TokenUserBanned         => (403, "user_banned",                "User is banned"),
            Self::AppMetadataNeedsAdmin   => (403, "not_admin",                  "Updating app_metadata requires admin privileges"),

            Self::AnonymousNotAllowed     => (403, "no_authorization",           "Anonymous user not allowed to perform these actions"),
            Self::SessionRequired         => (403, "session_not_found",          "A valid session is required: this token has none"),
            Self::TotpVerificationDisabled=> (422, "mfa_totp_verify_not_enabled","MFA verification is disabled for TOTP"),
            Self::PhoneVerificationDisabled => (422, "mfa_phone_verify_not_enabled", "MFA verification is disabled for Phone"),
            Self::PhoneFactorExists       => (422, "mfa_verified_factor_exists", "A verified phone factor already exists, unenroll the existing factor to continue"),
            Self::PhoneCodeWrong          => (422, "mfa_verification_failed",    "Invalid MFA Phone code entered"),
            Self::RecoveryCodesEnrolmentDisabled    => (422, "mfa_recovery_codes_enroll_not_enabled", "MFA enroll is disabled for recovery codes"),
            Self::RecoveryCodesVerificationDisabled => (422, "mfa_recovery_codes_verify_not_enabled", "MFA verification is disabled for recovery codes"),
            Self::RecoveryCodesSoleFactor => (422, "mfa_recovery_codes_sole_factor", "Recovery codes need another verified factor"),
            Self::RecoveryCodesExist      => (422, "mfa_verified_factor_exists", "Recovery codes exist already, regenerate them to replace the set"),
            Self::RecoveryCodeWrong       => (422, "mfa_verification_failed",    "Invalid recovery code entered"),
            Self::RecoveryCodesLocked(seconds) => return (429, "mfa_recovery_codes_locked", format!("Too many wrong codes; try again after {seconds} seconds").into()),
            Self::FactorIdNotUuid         => (404, "validation_failed",          "factor_id must be an UUID"),
            Self::FactorNotFound          => (404, "mfa_factor_not_found",       "Factor not found"),
            Self::TooManyFactors          => (422, "too_many_enrolled_mfa_factors", "Maximum number of verified factors reached, unenroll to continue"),
            Self::ChallengeNotFound       => (422, "mfa_factor_not_found",       "MFA factor with the provided challenge ID not found"),
            Self::ChallengeElsewhere      => (422, "mfa_ip_address_mismatch",    "Challenge and verify IP addresses mismatch."),
            Self::TotpCodeWrong           => (422, "mfa_verification_failed",    "Invalid TOTP code entered"),
            Self::UpdateNeedsAal2         => (401, "insufficient_aal",           "AAL2 session is required to update email or password when MFA is enabled."),
            Self::EnrolmentNeedsAal2      => (403, "insufficient_aal",           "AAL2 required to enroll a new factor"),
            Self::UnenrolmentNeedsAal2    => (422, "insufficient_aal",           "AAL2 required to unenroll verified factor"),

            Self::SessionParameterNotUuid => (404, "validation_failed",          "session_id must be an UUID"),
            Self::SessionNotFound         => (404, "session_not_found",          "Session not found"),
            Self::ErasureNeedsAal2        => (401, "insufficient_aal",           "AAL2 session is required to delete the account when MFA is enabled."),
            Self::ErasureNeedsProof       => (400, "reauthentication_needed",    "Deleting the account requires its password or a sign-in within the last five minutes"),

            Self::UserIdNotUuid           => (404, "validation_failed",          "user_id must be an UUID"),
            Self::UserNotFound            => (404, "user_not_found",             "User not found"),
            Self::UserStillReferenced     => (409, "conflict",                   "Database error deleting user: rows of other tables still refer to it"),

            Self::Conflict                => (409, "conflict",                   "Too many requests changed this at the same time; try again"),
            Self::SavingNewUser(_)        => (500, "unexpected_failure",         "Database error saving new user"),
            Self::CreatingNewUser(_)      => (500, "unexpected_failure",         "Database error creating new user"),
            Self::CreatingAnonymousUser(_)=> (500, "unexpected_failure",         "Database error creating anonymous user"),
            Self::DeletingUser(_)         => (500, "unexpected_failure",         "Database error deleting user"),
            Self::Unexpected(_)           => (500, "unexpected_failure",         "Unexpected failure, please check server logs for more information"),
        };
        (status, code, Cow::Borrowed(message))
    }

    /// The failure of a write to `"auth.users"`, where a unique column may be taken.
    pub fn of_write(error: DbError) -> Self {
        let DbError::Unique { columns, .. } = &error else { return error.into() };
        if !Self::is_of_account(&error) {
            return error.into();
        }
        match columns.first().map(String::as_str) {
            Some("email") => Self::EmailExists,
            Some("phone") => Self::PhoneExists,
            Some("id") => Self::UserIdExists,
            _ => error.into(),
        }
    }

    /// The failure of adding or removing an account that one of the project's triggers is to blame for:
    /// `otherwise` is what the API calls it.
    pub fn of_trigger(error: DbError, otherwise: fn(String) -> Self) -> Self {
        match &error {
            DbError::Overloaded(_) | DbError::Timeout(_) | DbError::Other(_) => error.into(),
            _ => otherwise(format!("database: {error:?}")),
        }
    }

    /// Whether what is taken is an account's address, number, id or identity, rather than something in a
    /// table of the project's that a trigger writes.
    pub fn is_of_account(error: &DbError) -> bool {
        match error {
            DbError::Unique { table, columns } => {
                table.starts_with("auth.") || columns.iter().any(|column| column.starts_with("auth."))
            }
            _ => false,
        }
    }

    /// Error and description in RFC 6749's form, for those that are said so. Those with an error code are said in both forms.
    pub fn oauth(&self) -> Option<(&str, &str)> {
        match self {
            Self::Provider(error) => error.oauth(),
            Self::OAuthServer(error) => error.oauth(),
            _ => None,
        }
    }

    /// What the log should know and the caller should not.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Hook(error) => error.cause(),
            Self::BodyBroken(cause)
            | Self::CaptchaUnavailable(cause)
            | Self::LeakCheckUnavailable(cause)
            | Self::SavingNewUser(cause)
            | Self::CreatingNewUser(cause)
            | Self::CreatingAnonymousUser(cause)
            | Self::DeletingUser(cause)
            | Self::Unexpected(cause) => Some(cause),
            Self::Provider(error) => error.cause(),
            Self::Passkey(error) => error.cause(),
            _ => None,
        }
    }
}

impl From<HookError> for Error {
    fn from(error: HookError) -> Self {
        Self::Hook(error)
    }
}

impl From<ProviderError> for Error {
    fn from(error: ProviderError) -> Self {
        Self::Provider(error)
    }
}

impl From<OAuthServerError> for Error {
    fn from(error: OAuthServerError) -> Self {
        Self::OAuthServer(error)
    }
}

impl From<PasskeyError> for Error {
    fn from(error: PasskeyError) -> Self {
        Self::Passkey(error)
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        Self::Unexpected(format!("database: {error:?}"))
    }
}

impl From<PortError> for Error {
    fn from(error: PortError) -> Self {
        Self::Unexpected(error.0)
    }
}
