//! How each provider wants to be asked to carry a mail: a message → a request. Pure.

use ::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Message, aws_signature};
use crate::config::{Carrier, MailProvider};
use crate::ports::OutgoingRequest;
use crate::time::Timestamp;

/// The request that asks the carrier to send the message; some are signed with the time.
/// `None` for the one that a binding reaches.
pub fn request(carrier: &Carrier, message: &Message, now: Timestamp) -> Option<OutgoingRequest> {
    Some(match carrier.provider {
        MailProvider::Cloudflare => return None,
        MailProvider::Resend => resend(carrier, message),
        MailProvider::Postmark => postmark(carrier, message),
        MailProvider::SendGrid => send_grid(carrier, message),
        MailProvider::Mailgun => mailgun(carrier, message),
        MailProvider::Ses => ses(carrier, message, now),
    })
}

/// <https://resend.com/docs/api-reference/emails/send-email>
fn resend(carrier: &Carrier, message: &Message) -> OutgoingRequest {
    let body = json!({
        "from": message.from,
        "to": [message.to],
        "subject": message.subject,
        "html": message.html,
        "text": message.text(),
    });
    post(carrier, "https://api.resend.com", "/emails", bearer(carrier), &body)
}

/// <https://postmarkapp.com/developer/api/email-api>
fn postmark(carrier: &Carrier, message: &Message) -> OutgoingRequest {
    let body = json!({
        "From": message.from,
        "To": message.to,
        "Subject": message.subject,
        "HtmlBody": message.html,
        "TextBody": message.text(),
        "MessageStream": "outbound",
    });
    let token = ("x-postmark-server-token", carrier.api_key.clone());
    post(carrier, "https://api.postmarkapp.com", "/email", token, &body)
}

/// <https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send>
fn send_grid(carrier: &Carrier, message: &Message) -> OutgoingRequest {
    let (name, address) = message.sender();
    let mut from = json!({"email": address});
    if !name.is_empty() {
        from = json!({"email": address, "name": name});
    }
    let body = json!({
        "personalizations": [{"to": [{"email": message.to}]}],
        "from": from,
        "subject": message.subject,
        "content": [
            {"type": "text/plain", "value": message.text()},
            {"type": "text/html", "value": message.html},
        ],
    });
    post(carrier, "https://api.sendgrid.com", "/v3/mail/send", bearer(carrier), &body)
}

/// <https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages>
fn mailgun(carrier: &Carrier, message: &Message) -> OutgoingRequest {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("from", &message.from)
        .append_pair("to", &message.to)
        .append_pair("subject", &message.subject)
        .append_pair("html", &message.html)
        .append_pair("text", &message.text())
        .finish();
    let credentials = STANDARD.encode(format!("api:{}", carrier.api_key));
    OutgoingRequest {
        method: Method::POST,
        url: format!("{}/v3/{}/messages", base(carrier, "https://api.mailgun.net"), carrier.domain),
        headers: vec![
            ("authorization", format!("Basic {credentials}")),
            ("content-type", "application/x-www-form-urlencoded".into()),
        ],
        body,
    }
}

/// <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>
fn ses(carrier: &Carrier, message: &Message, now: Timestamp) -> OutgoingRequest {
    let body = json!({
        "FromEmailAddress": message.from,
        "Destination": {"ToAddresses": [message.to]},
        "Content": {"Simple": {
            "Subject": {"Data": message.subject, "Charset": "UTF-8"},
            "Body": {
                "Html": {"Data": message.html, "Charset": "UTF-8"},
                "Text": {"Data": message.text(), "Charset": "UTF-8"},
            },
        }},
    });
    let usual = format!("https://email.{}.amazonaws.com", carrier.region);
    let base = base(carrier, &usual);
    let host = base.split_once("://").map_or(base, |(_, host)| host);
    let path = "/v2/email/outbound-emails";
    let body = body.to_string();
    let signature = aws_signature::Signature {
        access_key_id: &carrier.access_key_id,
        secret: &carrier.api_key,
        region: &carrier.region,
        service: "ses",
        now,
    };
    OutgoingRequest {
        method: Method::POST,
        url: format!("{base}{path}"),
        headers: vec![
            ("content-type", "application/json".into()),
            ("x-amz-date", signature.date()),
            ("authorization", signature.authorization("POST", host, path, &body)),
        ],
        body,
    }
}

fn post(
    carrier: &Carrier,
    api: &str,
    path: &str,
    credentials: (&'static str, String),
    body: &Value,
) -> OutgoingRequest {
    OutgoingRequest {
        method: Method::POST,
        url: format!("{}{path}", base(carrier, api)),
        headers: vec![
            credentials,
            ("content-type", "application/json".into()),
            ("accept", "application/json".into()),
        ],
        body: body.to_string(),
    }
}

fn bearer(carrier: &Carrier) -> (&'static str, String) {
    ("authorization", format!("Bearer {}", carrier.api_key))
}

fn base<'a>(carrier: &'a Carrier, usual: &'a str) -> &'a str {
    if carrier.api_url.is_empty() { usual } else { carrier.api_url.trim_end_matches('/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_provider_is_asked_in_its_own_way() {
        let message = Message {
            from: "Todos <hello@example.com>".into(),
            to: "ann@example.org".into(),
            subject: "Hi & welcome".into(),
            html: "<p>Hi</p>".into(),
        };
        let rows = [
            (MailProvider::Resend, "https://api.resend.com/emails", ("authorization", "Bearer k"), "/to/0"),
            (
                MailProvider::Postmark,
                "https://api.postmarkapp.com/email",
                ("x-postmark-server-token", "k"),
                "/To",
            ),
            (
                MailProvider::SendGrid,
                "https://api.sendgrid.com/v3/mail/send",
                ("authorization", "Bearer k"),
                "/personalizations/0/to/0/email",
            ),
        ];
        let carrier = |provider, api_url: &str| Carrier {
            provider,
            api_key: "k".into(),
            api_url: api_url.into(),
            domain: "mg.example.com".into(),
            access_key_id: "AKID".into(),
            region: "eu-central-1".into(),
        };
        let now = Timestamp::from_seconds(1_800_000_000);
        for (provider, url, (name, value), to) in rows {
            let request = request(&carrier(provider, ""), &message, now).unwrap();
            assert_eq!((request.method, request.url.as_str()), (Method::POST, url));
            assert!(request.headers.contains(&(name, value.to_string())), "{url}");
            let body: Value = serde_json::from_str(&request.body).unwrap();
            assert_eq!(body.pointer(to), Some(&json!("ann@example.org")), "{url}");
            assert!(
                request.body.contains("Hi & welcome") && request.body.contains("hello@example.com"),
                "{url}"
            );
        }
        let ses = request(&carrier(MailProvider::Ses, ""), &message, now).unwrap();
        assert_eq!(ses.url, "https://email.eu-central-1.amazonaws.com/v2/email/outbound-emails");
        assert!(ses.headers.contains(&("x-amz-date", "20270115T080000Z".to_string())));
        let authorization = &ses.headers[2].1;
        let scope = "AWS4-HMAC-SHA256 Credential=AKID/20270115/eu-central-1/ses/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=";
        assert!(authorization.starts_with(scope), "{authorization}");
        let body: Value = serde_json::from_str(&ses.body).unwrap();
        assert_eq!(body["Content"]["Simple"]["Subject"]["Data"], json!("Hi & welcome"));
        let mailgun = request(&carrier(MailProvider::Mailgun, "https://api.eu.mailgun.net/"), &message, now);
        let mailgun = mailgun.unwrap();
        assert_eq!(mailgun.url, "https://api.eu.mailgun.net/v3/mg.example.com/messages");
        assert_eq!(mailgun.headers[0], ("authorization", "Basic YXBpOms=".to_string()));
        let fields: Vec<_> = form_urlencoded::parse(mailgun.body.as_bytes()).into_owned().collect();
        assert!(fields.contains(&("subject".into(), "Hi & welcome".into())));
        assert!(fields.contains(&("to".into(), "ann@example.org".into())));
    }
}
