//! The settings of mails: who carries them, what they say, how often they go.

use super::read::Reader;
use super::template::Template;

/// How mails go out.
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// `MAIL_PROVIDER` with its key; `None` keeps mails in the local mailbox.
    pub carrier: Option<Carrier>,
    /// `MAIL_FROM`: `Name <address>` or an address alone.
    pub from: String,
    /// `MAILER_OTP_EXP`: seconds a code or link lives.
    pub otp_seconds: u64,
    /// `MAILER_OTP_LENGTH`: digits of a code, 6 to 10.
    pub otp_length: u64,
    /// `SMTP_MAX_FREQUENCY`: seconds between two mails of one kind to one account.
    pub frequency_seconds: u64,
    /// `RATE_LIMIT_EMAIL_SENT`: mails an hour that a provider is asked to carry, over all accounts.
    pub hourly: u64,
    /// `MAILER_SECURE_EMAIL_CHANGE_ENABLED`: whether the old address has to agree to a new one.
    pub secure_email_change: bool,
    /// `MAILER_CONFIRM_PAGE`: whether a link shows a page with a button first, which mail scanners do not press.
    pub confirm_page: bool,
    /// `MAILER_NOTIFICATIONS_…_ENABLED`.
    notices: Vec<MailKind>,
    /// `MAILER_LANGUAGES`: the languages that mails have besides their usual one, as tags in lower case.
    languages: Vec<String>,
    templates: Vec<MailTemplate>,
}

/// A company that carries mail, and the account with it.
#[derive(Clone, Debug)]
pub struct Carrier {
    /// Which.
    pub provider: MailProvider,
    /// `MAIL_API_KEY`.
    pub api_key: String,
    /// `MAIL_API_URL`: another address of its API, such as a region's; empty for the usual one.
    pub api_url: String,
    /// `MAIL_DOMAIN`: the sending domain (Mailgun).
    pub domain: String,
    /// `MAIL_ACCESS_KEY_ID`: which key `MAIL_API_KEY` is the secret of (Amazon SES).
    pub access_key_id: String,
    /// `MAIL_REGION`: such as `eu-central-1` (Amazon SES).
    pub region: String,
}

/// Companies whose HTTP API can be asked to carry a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailProvider {
    /// resend.com
    Resend,
    /// postmarkapp.com
    Postmark,
    /// sendgrid.com
    SendGrid,
    /// mailgun.com
    Mailgun,
    /// Amazon SES
    Ses,
    /// Cloudflare's Email Service, asked through a binding instead
    Cloudflare,
}

#[rustfmt::skip]
const PROVIDERS: &[(&str, MailProvider)] = &[
    ("resend",     MailProvider::Resend),
    ("postmark",   MailProvider::Postmark),
    ("sendgrid",   MailProvider::SendGrid),
    ("mailgun",    MailProvider::Mailgun),
    ("ses",        MailProvider::Ses),
    ("cloudflare", MailProvider::Cloudflare),
];

/// What a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// Confirm the address of a sign-up.
    Confirmation,
    /// Choose a new password.
    Recovery,
    /// Sign in.
    MagicLink,
    /// Accept an invitation.
    Invite,
    /// Confirm a changed address, to the old one and to the new one.
    EmailChange,
    /// Confirm that it is still you.
    Reauthentication,
    /// The password changed.
    PasswordChanged,
    /// The address changed; goes to the old one.
    EmailChanged,
    /// The number changed.
    PhoneChanged,
    /// Another way to sign in.
    IdentityLinked,
    /// One way to sign in less.
    IdentityUnlinked,
    /// Another second factor.
    FactorEnrolled,
    /// One second factor less.
    FactorUnenrolled,
}

/// Subject and body of a kind of mail.
#[derive(Clone, Debug)]
pub struct MailTemplate {
    kind: MailKind,
    /// A tag in lower case; empty for the usual one.
    language: String,
    /// Plain text.
    pub subject: Template,
    /// HTML.
    pub body: Template,
}

/// Kind, the end of its settings' names, subject, body.
#[rustfmt::skip]
const DEFAULTS: &[(MailKind, &str, &str, &str)] = &[
    (MailKind::Confirmation,     "CONFIRMATION",     "Confirm your address",
        "<h2>Confirm your address</h2>\n<p>Someone, hopefully you, signed up with {{ .Email }}.</p>\n<p><a href=\"{{ .ConfirmationURL }}\">Confirm this address</a></p>\n<p>Or enter the code: {{ .Token }}</p>\n"),
    (MailKind::Recovery,         "RECOVERY",         "Choose a new password",
        "<h2>Choose a new password</h2>\n<p>A new password was asked for the account of {{ .Email }}. If it was not you, nothing has to be done.</p>\n<p><a href=\"{{ .ConfirmationURL }}\">Choose a new password</a></p>\n<p>Or enter the code: {{ .Token }}</p>\n"),
    (MailKind::MagicLink,        "MAGIC_LINK",       "Your link to sign in",
        "<h2>Sign in</h2>\n<p>The link works once.</p>\n<p><a href=\"{{ .ConfirmationURL }}\">Sign in</a></p>\n<p>Or enter the code: {{ .Token }}</p>\n"),
    (MailKind::Invite,           "INVITE",           "You are invited",
        "<h2>You are invited</h2>\n<p>An account at {{ .SiteURL }} is waiting for you.</p>\n<p><a href=\"{{ .ConfirmationURL }}\">Accept the invitation</a></p>\n<p>Or enter the code: {{ .Token }}</p>\n"),
    (MailKind::EmailChange,      "EMAIL_CHANGE",     "Confirm the change of your address",
        "<h2>Confirm the change of your address</h2>\n<p>Your account's address is to change from {{ .Email }} to {{ .NewEmail }}.</p>\n<p><a href=\"{{ .ConfirmationURL }}\">Confirm the change</a></p>\n<p>Or enter the code: {{ .Token }}</p>\n"),
    (MailKind::Reauthentication, "REAUTHENTICATION", "{{ .Token }} is your code",
        "<h2>Confirm that it is you</h2>\n<p>Enter the code: {{ .Token }}</p>\n"),
    (MailKind::PasswordChanged,  "PASSWORD_CHANGED_NOTIFICATION", "Your password was changed",
        "<h2>Your password was changed</h2>\n<p>The password of the account of {{ .Email }} was changed. If it was not you, choose a new one at once.</p>\n"),
    (MailKind::EmailChanged,     "EMAIL_CHANGED_NOTIFICATION", "Your address was changed",
        "<h2>Your address was changed</h2>\n<p>Your account's address was changed from {{ .OldEmail }} to {{ .Email }}.</p>\n"),
    (MailKind::PhoneChanged,     "PHONE_CHANGED_NOTIFICATION", "Your phone number was changed",
        "<h2>Your phone number was changed</h2>\n<p>The number of the account of {{ .Email }} was changed from {{ .OldPhone }} to {{ .Phone }}.</p>\n"),
    (MailKind::IdentityLinked,   "IDENTITY_LINKED_NOTIFICATION", "Another way to sign in",
        "<h2>Another way to sign in</h2>\n<p>The account of {{ .Email }} can now be signed in to with {{ .Provider }}.</p>\n"),
    (MailKind::IdentityUnlinked, "IDENTITY_UNLINKED_NOTIFICATION", "A way to sign in was removed",
        "<h2>A way to sign in was removed</h2>\n<p>The account of {{ .Email }} can no longer be signed in to with {{ .Provider }}.</p>\n"),
    (MailKind::FactorEnrolled,   "MFA_FACTOR_ENROLLED_NOTIFICATION", "A second factor was added",
        "<h2>A second factor was added</h2>\n<p>The account of {{ .Email }} has a new second factor ({{ .FactorType }}).</p>\n"),
    (MailKind::FactorUnenrolled, "MFA_FACTOR_UNENROLLED_NOTIFICATION", "A second factor was removed",
        "<h2>A second factor was removed</h2>\n<p>The account of {{ .Email }} has one second factor less ({{ .FactorType }}).</p>\n"),
];

/// The notices, each off unless its setting says otherwise.
#[rustfmt::skip]
const NOTICES: &[(MailKind, &str)] = &[
    (MailKind::PasswordChanged,  "PASSWORD_CHANGED"),
    (MailKind::EmailChanged,     "EMAIL_CHANGED"),
    (MailKind::PhoneChanged,     "PHONE_CHANGED"),
    (MailKind::IdentityLinked,   "IDENTITY_LINKED"),
    (MailKind::IdentityUnlinked, "IDENTITY_UNLINKED"),
    (MailKind::FactorEnrolled,   "MFA_FACTOR_ENROLLED"),
    (MailKind::FactorUnenrolled, "MFA_FACTOR_UNENROLLED"),
];

impl MailConfig {
    /// Subject and body of a kind of mail, in the first of the `wanted` languages that there is (RFC 4647 §3.4: `de`
    /// does for `de-at`), else in the usual one.
    pub fn template(&self, kind: MailKind, wanted: &[String]) -> Option<&MailTemplate> {
        let of = |language: &str| {
            self.templates.iter().find(|template| template.kind == kind && template.language == language)
        };
        let mut ranges = wanted.iter().filter(|_| !self.languages.is_empty()).flat_map(|tag| {
            std::iter::successors(Some(tag.as_str()), |tag| tag.rsplit_once('-').map(|(shorter, _)| shorter))
        });
        ranges.find_map(|language| of(language).filter(|_| !language.is_empty())).or_else(|| of(""))
    }

    /// Whether mails go through a binding of the Worker.
    pub fn needs_binding(&self) -> bool {
        self.carrier.as_ref().is_some_and(|carrier| carrier.provider == MailProvider::Cloudflare)
    }

    /// Whether people are told of such a change.
    pub fn notifies(&self, kind: MailKind) -> bool {
        self.notices.contains(&kind)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let notices = NOTICES
            .iter()
            .filter(|(_, name)| reader.flag(&format!("MAILER_NOTIFICATIONS_{name}_ENABLED"), false))
            .map(|(kind, _)| *kind)
            .collect();
        let languages = reader.list("MAILER_LANGUAGES", "").iter().map(|tag| tag.to_lowercase()).collect();
        let templates = templates(reader, &languages);
        Self {
            carrier: carrier(reader),
            from: reader.text("MAIL_FROM", "Edgeward <noreply@localhost>"),
            otp_seconds: reader.number("MAILER_OTP_EXP", 3600),
            otp_length: reader.number_within("MAILER_OTP_LENGTH", 6, 6..=10),
            frequency_seconds: reader.seconds("SMTP_MAX_FREQUENCY", 60),
            hourly: reader.number("RATE_LIMIT_EMAIL_SENT", 30),
            secure_email_change: reader.flag("MAILER_SECURE_EMAIL_CHANGE_ENABLED", true),
            confirm_page: reader.flag("MAILER_CONFIRM_PAGE", false),
            notices,
            languages,
            templates,
        }
    }
}

fn carrier(reader: &mut Reader<'_>) -> Option<Carrier> {
    let name = reader.text("MAIL_PROVIDER", "");
    if name.is_empty() {
        return None;
    }
    let Some((_, provider)) = PROVIDERS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = PROVIDERS.iter().map(|(known, _)| *known).collect();
        return reader.refuse(format!("MAIL_PROVIDER must be one of {}, not {name:?}", known.join(", ")));
    };
    let domain = reader.text("MAIL_DOMAIN", "");
    if *provider == MailProvider::Mailgun && domain.is_empty() {
        return reader.refuse("MAIL_DOMAIN is not set; Mailgun sends from a domain of yours".into());
    }
    let access_key_id = reader.text("MAIL_ACCESS_KEY_ID", "");
    let region = reader.text("MAIL_REGION", "");
    if *provider == MailProvider::Ses && (access_key_id.is_empty() || region.is_empty()) {
        return reader
            .refuse("MAIL_ACCESS_KEY_ID and MAIL_REGION are not both set; Amazon SES needs them".into());
    }
    if reader.text("MAIL_FROM", "").is_empty() {
        return reader
            .refuse("MAIL_FROM is not set; a provider takes mail from an address of yours only".into());
    }
    let api_key = reader.text("MAIL_API_KEY", "");
    if api_key.is_empty() && *provider != MailProvider::Cloudflare {
        return reader.refuse("MAIL_API_KEY is not set".into());
    }
    let api_url = reader.text("MAIL_API_URL", "");
    Some(Carrier { provider: *provider, api_key, api_url, domain, access_key_id, region })
}

/// Every mail in its usual language, and in others as far as it is written in them: `MAILER_TEMPLATES_INVITE_PT_BR`.
fn templates(reader: &mut Reader<'_>, languages: &Vec<String>) -> Vec<MailTemplate> {
    let mut templates = Vec::new();
    for (kind, name, subject, body) in DEFAULTS {
        let names = [format!("MAILER_SUBJECTS_{name}"), format!("MAILER_TEMPLATES_{name}")];
        let usual = [(&names[0], subject), (&names[1], body)].map(|(name, text)| reader.text(name, text));
        for language in std::iter::once(&String::new()).chain(languages) {
            let ending = if language.is_empty() {
                String::new()
            } else {
                format!("_{}", language.replace('-', "_").to_uppercase())
            };
            let own = names.clone().map(|name| name + &ending);
            if !language.is_empty() && own.iter().all(|name| reader.text(name, "").is_empty()) {
                continue;
            }
            let subject = template(reader, &own[0], &usual[0]);
            let body = template(reader, &own[1], &usual[1]);
            let written = subject.zip(body).map(|(subject, body)| MailTemplate {
                kind: *kind,
                language: language.clone(),
                subject,
                body,
            });
            templates.extend(written);
        }
    }
    templates
}

fn template(reader: &mut Reader<'_>, name: &str, default: &str) -> Option<Template> {
    match Template::parse(&reader.text(name, default)) {
        Ok(template) => Some(template),
        Err(mistake) => reader.refuse(format!("{name}: {mistake}")),
    }
}
