//! How each provider wants to be asked to carry a text message, and how it says that it did. Pure; the
//! requests are supabase/auth's (`internal/api/sms_provider`).

use ::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Channel, TextMessage};
use crate::config::{SmsCarrier, SmsProvider};
use crate::ports::{IncomingResponse, OutgoingRequest};

/// The request that asks the carrier to send the message.
pub fn request(carrier: &SmsCarrier, message: &TextMessage) -> OutgoingRequest {
    match carrier.provider {
        SmsProvider::Twilio => twilio(carrier, message),
        SmsProvider::TwilioVerify => twilio_verify(carrier, message),
        SmsProvider::Vonage => vonage(carrier, message),
        SmsProvider::MessageBird => message_bird(carrier, message),
        SmsProvider::Textlocal => textlocal(carrier, message),
    }
}

/// <https://www.twilio.com/docs/messaging/api/message-resource>
fn twilio(carrier: &SmsCarrier, message: &TextMessage) -> OutgoingRequest {
    let url = format!("https://api.twilio.com/2010-04-01/Accounts/{}/Messages.json", carrier.account);
    let (mut to, mut from) = (format!("+{}", message.to), carrier.sender.clone());
    let mut members = vec![("Channel", message.channel.name().to_string())];
    let text = match message.channel {
        Channel::Whatsapp => {
            to = format!("whatsapp:{to}");
            if is_number(&from) {
                from = format!("whatsapp:{from}");
            }
            carrier.content.is_empty()
        }
        Channel::Sms => true,
    };
    members.extend([("From", from), ("To", to)]);
    if text {
        members.push(("Body", message.text.clone()));
    } else {
        members.push(("ContentSid", carrier.content.clone()));
        members.push(("ContentVariables", json!({"1": message.code}).to_string()));
    }
    post(url, Some(basic(carrier)), &members)
}

/// A sender that is a number rather than the id of a messaging service.
fn is_number(sender: &str) -> bool {
    let digits = sender.strip_prefix('+').unwrap_or(sender).replace(' ', "");
    (2..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
}

/// <https://www.twilio.com/docs/verify/api/verification>
fn twilio_verify(carrier: &SmsCarrier, message: &TextMessage) -> OutgoingRequest {
    let members = [("Channel", message.channel.name().to_string()), ("To", format!("+{}", message.to))];
    post(verify_url(carrier, "Verifications"), Some(basic(carrier)), &members)
}

/// The request that asks Twilio Verify whether a code is right:
/// <https://www.twilio.com/docs/verify/api/verification-check>.
pub fn check(carrier: &SmsCarrier, phone: &str, code: &str) -> OutgoingRequest {
    let members = [("Code", code.to_string()), ("To", format!("+{phone}"))];
    post(verify_url(carrier, "VerificationCheck"), Some(basic(carrier)), &members)
}

fn verify_url(carrier: &SmsCarrier, what: &str) -> String {
    format!("https://verify.twilio.com/v2/Services/{}/{what}", carrier.sender)
}

/// Whether the answer to [`check`] is yes.
pub fn is_approved(answer: &IncomingResponse) -> bool {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let says = |member: &str, value: Value| body.get(member) == Some(&value);
    matches!(answer.status, 200 | 201) && says("status", "approved".into()) && says("valid", true.into())
}

/// <https://developer.vonage.com/en/api/sms>
fn vonage(carrier: &SmsCarrier, message: &TextMessage) -> OutgoingRequest {
    let mut members = vec![
        ("api_key", carrier.account.clone()),
        ("api_secret", carrier.secret.clone()),
        ("from", carrier.sender.clone()),
        ("text", message.text.clone()),
        ("to", message.to.clone()),
    ];
    if !message.text.is_ascii() {
        members.push(("type", "unicode".into()));
    }
    post("https://rest.nexmo.com/sms/json".into(), None, &members)
}

/// <https://developers.messagebird.com/api/sms-messaging>
fn message_bird(carrier: &SmsCarrier, message: &TextMessage) -> OutgoingRequest {
    let members = [
        ("body", message.text.clone()),
        ("datacoding", "unicode".into()),
        ("originator", carrier.sender.clone()),
        ("recipients", message.to.clone()),
        ("type", "sms".into()),
    ];
    let key = format!("AccessKey {}", carrier.account);
    post("https://rest.messagebird.com/messages".into(), Some(key), &members)
}

/// <https://api.textlocal.in/docs/sendsms>
fn textlocal(carrier: &SmsCarrier, message: &TextMessage) -> OutgoingRequest {
    let members = [
        ("apikey", carrier.account.clone()),
        ("message", message.text.clone()),
        ("numbers", message.to.clone()),
        ("sender", carrier.sender.clone()),
    ];
    post("https://api.textlocal.in/send".into(), None, &members)
}

fn basic(carrier: &SmsCarrier) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", carrier.account, carrier.secret)))
}

fn post(url: String, authorization: Option<String>, members: &[(&'static str, String)]) -> OutgoingRequest {
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded".to_string())];
    headers.extend(authorization.map(|value| ("authorization", value)));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish();
    OutgoingRequest { method: Method::POST, url, headers, body }
}

/// Whether the carrier took the message; if not, its reason.
pub fn outcome(provider: SmsProvider, answer: &IncomingResponse) -> Result<(), String> {
    let Ok(body) = serde_json::from_str::<Value>(&answer.body) else {
        return Err(format!("the provider answered {} without a reason", answer.status));
    };
    let status = body.get("status").and_then(Value::as_str);
    let text = |pointer: &str| match body.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    match provider {
        SmsProvider::Twilio | SmsProvider::TwilioVerify if !matches!(answer.status, 200 | 201) => {
            Err(format!("{} More information: {}", text("/message"), text("/more_info")))
        }
        SmsProvider::Twilio if matches!(status, Some("failed" | "undelivered")) => {
            let (message, code, id) = (text("/error_message"), text("/error_code"), text("/sid"));
            Err(format!("twilio error: {message} {code} for message {id}"))
        }
        SmsProvider::Twilio | SmsProvider::TwilioVerify => Ok(()),
        SmsProvider::Vonage => match body.pointer("/messages/0/status").and_then(Value::as_str) {
            Some("0") => Ok(()),
            None => Err("vonage error: Internal Error".into()),
            Some(status) => Err(format!(
                "vonage error: {} (status: {status}) for message {}",
                text("/messages/0/error-text"),
                text("/messages/0/message-id")
            )),
        },
        SmsProvider::MessageBird if matches!(answer.status, 400 | 401 | 403 | 422) => {
            Err(text("/errors/0/description"))
        }
        SmsProvider::MessageBird => {
            match body.pointer("/recipients/totalSentCount").and_then(Value::as_u64) {
                Some(1..) => Ok(()),
                _ => Err("messagebird error: total sent count is 0".into()),
            }
        }
        SmsProvider::Textlocal if status == Some("success") => Ok(()),
        SmsProvider::Textlocal => {
            Err(format!("textlocal error: {} (code: {})", text("/errors/0/message"), text("/errors/0/code")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carrier(provider: SmsProvider) -> SmsCarrier {
        SmsCarrier {
            provider,
            account: "account".into(),
            secret: "secret".into(),
            sender: "sender".into(),
            content: String::new(),
        }
    }

    fn message(text: &str, channel: Channel) -> TextMessage {
        TextMessage { to: "491511234567".into(), text: text.into(), code: "123456".into(), channel }
    }

    #[test]
    #[rustfmt::skip]
    fn each_provider_is_asked_in_its_own_way() {
        let basic = Some("Basic YWNjb3VudDpzZWNyZXQ=");
        let rows = [
            (SmsProvider::Twilio, "https://api.twilio.com/2010-04-01/Accounts/account/Messages.json", basic,
                "Channel=sms&From=sender&To=%2B491511234567&Body=Code+1"),
            (SmsProvider::TwilioVerify, "https://verify.twilio.com/v2/Services/sender/Verifications", basic,
                "Channel=sms&To=%2B491511234567"),
            (SmsProvider::Vonage, "https://rest.nexmo.com/sms/json", None,
                "api_key=account&api_secret=secret&from=sender&text=Code+1&to=491511234567"),
            (SmsProvider::MessageBird, "https://rest.messagebird.com/messages", Some("AccessKey account"),
                "body=Code+1&datacoding=unicode&originator=sender&recipients=491511234567&type=sms"),
            (SmsProvider::Textlocal, "https://api.textlocal.in/send", None,
                "apikey=account&message=Code+1&numbers=491511234567&sender=sender"),
        ];
        for (provider, url, authorization, body) in rows {
            let request = request(&carrier(provider), &message("Code 1", Channel::Sms));
            assert_eq!((request.url.as_str(), request.body.as_str()), (url, body));
            let sent = request.headers.iter().find(|(name, _)| *name == "authorization");
            assert_eq!(sent.map(|(_, value)| value.as_str()), authorization, "{url}");
        }
        let unicode = request(&carrier(SmsProvider::Vonage), &message("Côde", Channel::Sms));
        assert!(unicode.body.ends_with("&type=unicode"), "{}", unicode.body);
    }

    #[test]
    fn whatsapp_goes_by_twilio_with_its_template_or_text() {
        let mut twilio = SmsCarrier { sender: "+1555".into(), ..carrier(SmsProvider::Twilio) };
        let plain = request(&twilio, &message("Code 1", Channel::Whatsapp)).body;
        assert_eq!(
            plain,
            "Channel=whatsapp&From=whatsapp%3A%2B1555&To=whatsapp%3A%2B491511234567&Body=Code+1"
        );
        twilio.content = "HX1".into();
        twilio.sender = "MG1".into();
        let templated = request(&twilio, &message("Code 1", Channel::Whatsapp)).body;
        assert_eq!(
            templated,
            "Channel=whatsapp&From=MG1&To=whatsapp%3A%2B491511234567&ContentSid=HX1&ContentVariables=%7B%221%22%3A%22123456%22%7D"
        );
    }

    #[test]
    #[rustfmt::skip]
    fn what_a_provider_answers_is_read() {
        let rows = [
            (SmsProvider::Twilio,       201, r#"{"status":"queued","sid":"SM1"}"#, None),
            (SmsProvider::Twilio,       201, r#"{"status":"failed","error_message":"No","error_code":"21","sid":"SM1"}"#, Some("twilio error: No 21 for message SM1")),
            (SmsProvider::Twilio,       400, r#"{"code":21211,"message":"Invalid 'To'.","more_info":"https://t.co","status":400}"#, Some("Invalid 'To'. More information: https://t.co")),
            (SmsProvider::TwilioVerify, 201, r#"{"status":"pending"}"#, None),
            (SmsProvider::TwilioVerify, 500, "oops", Some("the provider answered 500 without a reason")),
            (SmsProvider::Vonage,       200, r#"{"messages":[{"status":"0","message-id":"m"}]}"#, None),
            (SmsProvider::Vonage,       200, r#"{"messages":[{"status":"4","error-text":"Bad","message-id":"m"}]}"#, Some("vonage error: Bad (status: 4) for message m")),
            (SmsProvider::Vonage,       200, r#"{"messages":[]}"#, Some("vonage error: Internal Error")),
            (SmsProvider::MessageBird,  200, r#"{"id":"i","recipients":{"totalSentCount":1}}"#, None),
            (SmsProvider::MessageBird,  200, r#"{"recipients":{"totalSentCount":0}}"#, Some("messagebird error: total sent count is 0")),
            (SmsProvider::MessageBird,  401, r#"{"errors":[{"code":2,"description":"Request not allowed"}]}"#, Some("Request not allowed")),
            (SmsProvider::Textlocal,    200, r#"{"status":"success"}"#, None),
            (SmsProvider::Textlocal,    200, r#"{"status":"failure","errors":[{"code":80,"message":"Invalid template"}]}"#, Some("textlocal error: Invalid template (code: 80)")),
        ];
        for (provider, status, body, expected) in rows {
            let answer = IncomingResponse { status, headers: Vec::new(), body: body.into() };
            assert_eq!(outcome(provider, &answer).err().as_deref(), expected, "{body}");
        }
        for (status, body, approved) in [
            (200, r#"{"status":"approved","valid":true}"#, true),
            (200, r#"{"status":"pending","valid":false}"#, false),
            (404, r#"{"status":"approved","valid":true}"#, false),
        ] {
            let answer = IncomingResponse { status, headers: Vec::new(), body: body.into() };
            assert_eq!(is_approved(&answer), approved, "{body}");
        }
    }
}
