//! Text messages that a provider carries.

use super::*;

const PHONE: &str = "491511234567";
const API: &str = "https://api.twilio.com/";
const CHECK: &str = "https://verify.twilio.com/v2/Services/VA1/VerificationCheck";

const TWILIO: &[(&str, &str)] = &[
    ("EXTERNAL_PHONE_ENABLED", "true"),
    ("SMS_PROVIDER", "twilio"),
    ("SMS_TWILIO_ACCOUNT_SID", "AC1"),
    ("SMS_TWILIO_AUTH_TOKEN", "hush"),
    ("SMS_TWILIO_MESSAGE_SERVICE_SID", "MG1"),
    ("SMS_TEMPLATE", "{{ .Code }} opens Todos"),
];

const VERIFY: &[(&str, &str)] = &[
    ("EXTERNAL_PHONE_ENABLED", "true"),
    ("SMS_PROVIDER", "twilio_verify"),
    ("SMS_TWILIO_VERIFY_ACCOUNT_SID", "AC1"),
    ("SMS_TWILIO_VERIFY_AUTH_TOKEN", "hush"),
    ("SMS_TWILIO_VERIFY_MESSAGE_SERVICE_SID", "VA1"),
];

fn ask(app: &TestApp) -> Answer {
    post(app, "/otp", &json!({"phone": PHONE}))
}

fn verify(app: &TestApp, code: &str) -> Answer {
    post(app, "/verify", &json!({"type": "sms", "phone": PHONE, "token": code}))
}

#[test]
fn the_provider_is_asked_and_the_mailbox_stays_empty() {
    let app = confirming_with(TWILIO);
    app.http_client.prepare(API, 201, r#"{"status":"queued","sid":"SM1"}"#);
    assert_eq!(ask(&app).status, 200);
    assert_eq!(mail_count(&app), "0");
    let body = app.http_client.requests.borrow()[0].body.clone();
    let text =
        form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "Body").unwrap().1.into_owned();
    let (code, rest) = text.split_once(' ').unwrap();
    assert_eq!(rest, "opens Todos");
    assert_eq!(verify(&app, code).status, 200);
    assert_eq!(app.nobody().get("/auth/v1/settings").send().json()["sms_provider"], json!("twilio"));
}

#[test]
fn a_message_that_does_not_go_out_leaves_nothing_and_can_be_tried_again() {
    let app = confirming_with(TWILIO);
    for step in ["refused", "silence"] {
        match step {
            "refused" => {
                app.http_client.prepare(API, 400, r#"{"message":"Invalid 'To'","more_info":"https://t"}"#)
            }
            _ => app.http_client.prepare_silence(API),
        }
        let answer = ask(&app);
        assert_error(&answer, 422, "sms_send_failed", "Error sending confirmation OTP to provider: ");
        for table in ["users", "one_time_tokens", "identities"] {
            let count = app.database.value(&format!(r#"SELECT count(*) FROM "auth.{table}""#));
            assert_eq!(count.as_deref(), Some("0"), "{step} {table}");
        }
    }
    app.http_client.prepare(API, 201, r#"{"status":"queued"}"#);
    assert_eq!(ask(&app).status, 200);
    assert!(!app.log.0.borrow().iter().any(|line| line.contains("hush")));
}

#[test]
fn all_accounts_together_have_so_many_messages_an_hour() {
    let app = confirming_with(TWILIO);
    app.limits.refuse("sms", 100);
    assert_error(&ask(&app), 429, "over_sms_send_rate_limit", "SMS rate limit exceeded");
    assert!(app.http_client.requests.borrow().is_empty());
}

#[test]
fn twilio_verify_makes_the_codes_and_judges_them() {
    let app = confirming_with(VERIFY);
    app.http_client.prepare(
        "https://verify.twilio.com/v2/Services/VA1/Verifications",
        201,
        r#"{"sid":"VE1"}"#,
    );
    assert_eq!(ask(&app).status, 200);
    app.http_client.prepare(CHECK, 200, r#"{"status":"pending","valid":false}"#);
    assert_error(&verify(&app, "000000"), 403, "otp_expired", "");
    app.http_client.prepare(CHECK, 200, r#"{"status":"approved","valid":true}"#);
    let answer = verify(&app, "123456");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let checks = app.http_client.requests_to(CHECK).len();
    assert_error(&verify(&app, "123456"), 403, "otp_expired", "");
    assert_eq!(app.http_client.requests_to(CHECK).len(), checks, "nothing waits, so nobody is asked");
}

#[test]
fn twilio_verify_is_not_asked_after_five_wrong_codes() {
    let app = confirming_with(VERIFY);
    app.http_client.prepare(
        "https://verify.twilio.com/v2/Services/VA1/Verifications",
        201,
        r#"{"sid":"VE1"}"#,
    );
    assert_eq!(ask(&app).status, 200);
    for _ in 0..5 {
        app.http_client.prepare(CHECK, 200, r#"{"status":"pending","valid":false}"#);
        assert_error(&verify(&app, "000000"), 403, "otp_expired", "");
    }
    assert_error(&verify(&app, "123456"), 403, "otp_expired", "");
    assert_eq!(app.http_client.requests_to(CHECK).len(), 5);
}

#[test]
fn a_carrier_that_is_half_set_up_is_said_at_the_start() {
    use edgeward::config::{Config, DEMO_JWT_SECRET};
    let rows: [(&[(&str, &str)], &str); 6] = [
        (
            &[("SMS_PROVIDER", "pigeon")],
            "SMS_PROVIDER must be one of twilio, twilio_verify, vonage, messagebird, textlocal",
        ),
        (&[("SMS_PROVIDER", "textlocal"), ("SMS_TEXTLOCAL_SENDER", "s")], "SMS_TEXTLOCAL_API_KEY is not set"),
        (&[("SMS_TEMPLATE", "{{ .Token }}")], "SMS_TEMPLATE: {{ .Token }} is no variable; known are Code"),
        (&[("SMS_TEST_OTP", "123")], "SMS_TEST_OTP: \"123\" is no number:code"),
        (&[("SMS_TEST_OTP_VALID_UNTIL", "soon")], "SMS_TEST_OTP_VALID_UNTIL must be a time"),
        (&[("SMS_MAX_FREQUENCY", "soon")], "SMS_MAX_FREQUENCY must be a number of seconds or a duration"),
    ];
    for (vars, expected) in rows {
        let lookup = |name: &str| match name {
            "JWT_SECRET" => Some(DEMO_JWT_SECRET.to_string()),
            name => vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string()),
        };
        let mistakes = Config::from_vars(&lookup).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].contains(expected), "{mistakes:?}");
    }
}
