//! The settings of text messages: who carries them, what they say, how often they go.

use super::read::Reader;
use super::template::Template;
use crate::time::Timestamp;

/// How codes go out to phones.
#[derive(Clone, Debug)]
pub struct SmsConfig {
    /// `SMS_PROVIDER` with its account; `None` keeps messages in the local mailbox.
    pub carrier: Option<SmsCarrier>,
    /// `SMS_AUTOCONFIRM`: a new number counts as confirmed at once.
    pub autoconfirm: bool,
    /// `SMS_MAX_FREQUENCY`: seconds between two messages of one kind to one account.
    pub frequency_seconds: u64,
    /// `SMS_OTP_EXP`: seconds a code lives.
    pub otp_seconds: u64,
    /// `SMS_OTP_LENGTH`: digits of a code, 6 to 10.
    pub otp_length: u64,
    /// `RATE_LIMIT_SMS_SENT`: messages an hour over all accounts.
    pub hourly: u64,
    /// `SMS_TEMPLATE`.
    pub template: Template,
    /// `SMS_TEST_OTP`: numbers that are sent nothing, and the code each has.
    test_codes: Vec<(String, String)>,
    /// `SMS_TEST_OTP_VALID_UNTIL`.
    test_codes_until: Option<Timestamp>,
}

/// A company that carries text messages, and the account with it.
#[derive(Clone, Debug, Default)]
pub struct SmsCarrier {
    /// Which.
    pub provider: SmsProvider,
    /// The account, or the key that names it.
    pub account: String,
    /// What proves it; empty where the key is all.
    pub secret: String,
    /// The sender's number or name, or the id of a messaging service.
    pub sender: String,
    /// The template of WhatsApp messages (Twilio); empty for none.
    pub content: String,
}

/// Companies whose HTTP API can be asked to carry a text message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmsProvider {
    /// twilio.com, Programmable Messaging
    #[default]
    Twilio,
    /// twilio.com, Verify: codes are theirs, and they say whether one is right
    TwilioVerify,
    /// vonage.com
    Vonage,
    /// messagebird.com
    MessageBird,
    /// textlocal.in
    Textlocal,
}

/// Name, provider, and the ends of the settings of its account, secret and sender.
#[rustfmt::skip]
const PROVIDERS: &[(&str, SmsProvider, [&str; 3])] = &[
    ("twilio",        SmsProvider::Twilio,       ["ACCOUNT_SID", "AUTH_TOKEN", "MESSAGE_SERVICE_SID"]),
    ("twilio_verify", SmsProvider::TwilioVerify, ["ACCOUNT_SID", "AUTH_TOKEN", "MESSAGE_SERVICE_SID"]),
    ("vonage",        SmsProvider::Vonage,       ["API_KEY",     "API_SECRET", "FROM"]),
    ("messagebird",   SmsProvider::MessageBird,  ["ACCESS_KEY",  "",           "ORIGINATOR"]),
    ("textlocal",     SmsProvider::Textlocal,    ["API_KEY",     "",           "SENDER"]),
];

/// The variables of text messages.
const VARIABLES: &[&str] = &["Code"];

impl SmsCarrier {
    /// The provider's name, as `SMS_PROVIDER` has it.
    pub fn name(&self) -> &'static str {
        PROVIDERS.iter().find(|(_, provider, _)| *provider == self.provider).map_or("", |(name, ..)| name)
    }
}

impl SmsConfig {
    /// The code that a number always has, if it is one for tests.
    pub fn test_code(&self, phone: &str, now: Timestamp) -> Option<&str> {
        let is_over = self.test_codes_until.is_some_and(|until| now >= until);
        let code = self.test_codes.iter().find(|(number, _)| number == phone);
        code.filter(|_| !is_over).map(|(_, code)| code.as_str())
    }

    /// Whether codes are the carrier's own, and only it knows whether one is right.
    pub fn has_foreign_codes(&self) -> bool {
        self.carrier.as_ref().is_some_and(|carrier| carrier.provider == SmsProvider::TwilioVerify)
    }

    /// Whether messages can go by WhatsApp.
    pub fn has_whatsapp(&self) -> bool {
        let twilio = [SmsProvider::Twilio, SmsProvider::TwilioVerify];
        self.carrier.as_ref().is_some_and(|carrier| twilio.contains(&carrier.provider))
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            carrier: carrier(reader),
            autoconfirm: reader.flag("SMS_AUTOCONFIRM", false),
            frequency_seconds: reader.seconds("SMS_MAX_FREQUENCY", 60),
            otp_seconds: reader.seconds("SMS_OTP_EXP", 60),
            otp_length: reader.number_within("SMS_OTP_LENGTH", 6, 6..=10),
            hourly: reader.number("RATE_LIMIT_SMS_SENT", 30),
            template: template(reader, "SMS_TEMPLATE"),
            test_codes: test_codes(reader),
            test_codes_until: test_codes_until(reader),
        }
    }
}

/// A text message's template: `Your code is {{ .Code }}` unless set.
pub(super) fn template(reader: &mut Reader<'_>, name: &str) -> Template {
    match Template::parse_with(&reader.text(name, "Your code is {{ .Code }}"), VARIABLES) {
        Ok(template) => template,
        Err(mistake) => reader.refuse(format!("{name}: {mistake}")),
    }
}

fn carrier(reader: &mut Reader<'_>) -> Option<SmsCarrier> {
    let name = reader.text("SMS_PROVIDER", "");
    if name.is_empty() {
        return None;
    }
    let Some((_, provider, settings)) = PROVIDERS.iter().find(|(known, ..)| *known == name) else {
        let known: Vec<&str> = PROVIDERS.iter().map(|(known, ..)| *known).collect();
        return reader.refuse(format!("SMS_PROVIDER must be one of {}, not {name:?}", known.join(", ")));
    };
    let prefix = format!("SMS_{}", name.to_uppercase());
    let [account, secret, sender] = settings.map(|setting| {
        let setting = Some(setting).filter(|setting| !setting.is_empty())?;
        let name = format!("{prefix}_{setting}");
        let value = reader.text(&name, "");
        if value.is_empty() { reader.refuse(format!("{name} is not set")) } else { Some(value) }
    });
    Some(SmsCarrier {
        provider: *provider,
        account: account.unwrap_or_default(),
        secret: secret.unwrap_or_default(),
        sender: sender.unwrap_or_default(),
        content: reader.text("SMS_TWILIO_CONTENT_SID", ""),
    })
}

/// `+49 151 1234567:123456,1234567890:654321`, also with `=`.
fn test_codes(reader: &mut Reader<'_>) -> Vec<(String, String)> {
    let mut codes = Vec::new();
    for item in reader.list("SMS_TEST_OTP", "") {
        let Some((phone, code)) = item.split_once([':', '=']) else {
            reader.refuse::<()>(format!("SMS_TEST_OTP: {item:?} is no number:code"));
            continue;
        };
        codes.push((phone.trim_start_matches('+').replace(' ', ""), code.trim().to_string()));
    }
    codes
}

fn test_codes_until(reader: &mut Reader<'_>) -> Option<Timestamp> {
    let text = reader.text("SMS_TEST_OTP_VALID_UNTIL", "");
    if text.is_empty() {
        return None;
    }
    match Timestamp::parse(&text) {
        Some(until) => Some(until),
        None => reader.refuse(format!(
            "SMS_TEST_OTP_VALID_UNTIL must be a time such as 2030-01-01T00:00:00Z, not {text:?}"
        )),
    }
}
