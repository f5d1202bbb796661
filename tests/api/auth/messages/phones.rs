//! Phone numbers: signing up, in, and changing them, by codes that go out as text messages.

use super::*;

const PHONE: &str = "+49 151 1234567";
const DIGITS: &str = "491511234567";

fn phones() -> TestApp {
    phones_with(&[])
}

fn phones_with(vars: &[(&str, &str)]) -> TestApp {
    confirming_with(&[&[("EXTERNAL_PHONE_ENABLED", "true")], vars].concat())
}

fn sign_up_by_phone(app: &TestApp) -> Answer {
    post(app, "/signup", &json!({"phone": PHONE, "password": PASSWORD, "data": {"name": "Ann"}}))
}

fn by_password(app: &TestApp, phone: &str) -> Answer {
    post(app, "/token?grant_type=password", &json!({"phone": phone, "password": PASSWORD}))
}

fn verify(app: &TestApp, name: &str, phone: &str, code: &str) -> Answer {
    post(app, "/verify", &json!({"type": name, "phone": phone, "token": code}))
}

/// A confirmed account with that number and [`PASSWORD`].
fn phone_account(app: &TestApp, phone: &str) -> Value {
    let body = json!({"phone": phone, "password": PASSWORD, "phone_confirm": true});
    let answer = app.service_role().post("/auth/v1/admin/users").json(&body).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn phone_session(app: &TestApp, phone: &str) -> Value {
    phone_account(app, phone);
    let answer = by_password(app, phone);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn put_user(app: &TestApp, session: &Value, body: &Value) -> Answer {
    app.with_token(text(session, "access_token")).put("/auth/v1/user").json(body).send()
}

#[test]
fn a_number_is_confirmed_by_its_code_and_signs_in_by_password() {
    let app = phones();
    let answer = sign_up_by_phone(&app);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let user = answer.json();
    assert_eq!((&user["phone"], &user["email"]), (&json!(DIGITS), &json!("")));
    assert_eq!(user["app_metadata"], json!({"provider": "phone", "providers": ["phone"]}));
    assert_eq!(user["user_metadata"]["name"], json!("Ann"));
    assert_eq!(user["identities"][0]["provider"], json!("phone"));
    assert!(user.get("phone_confirmed_at").is_none(), "{user}");
    assert_error(&by_password(&app, PHONE), 400, "phone_not_confirmed", "Phone not confirmed");

    let code = mail(&app, DIGITS).code();
    assert_eq!(mail(&app, DIGITS).text, format!("Your code is {code}"));
    assert_error(
        &verify(&app, "sms", PHONE, &wrong(&code)),
        403,
        "otp_expired",
        "Token has expired or is invalid",
    );
    let answer = verify(&app, "sms", DIGITS, &code);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let session = answer.json();
    assert!(session["user"]["phone_confirmed_at"].is_string(), "{session}");
    assert_eq!(claims(&session)["phone"], json!(DIGITS));
    assert_eq!(claims(&session)["amr"][0]["method"], json!("otp"));
    assert_eq!(get_user(&app, &session).status, 200);
    assert_error(&verify(&app, "sms", PHONE, &code), 403, "otp_expired", "");
    app.clock.advance(60);
    post(&app, "/otp", &json!({"phone": PHONE}));
    let later = verify(&app, "sms", PHONE, &mail(&app, DIGITS).code()).json();
    let proved = |session: &Value| text(&session["user"], "phone_confirmed_at").to_string();
    assert!(proved(&later) > proved(&session), "as upstream, when it was proved last");
    assert_eq!(by_password(&app, "49 1511234567").status, 200);
    let wrong_password = json!({"phone": PHONE, "password": "wrong"});
    assert_error(&post(&app, "/token?grant_type=password", &wrong_password), 400, "invalid_credentials", "");
}

#[test]
fn where_numbers_confirm_themselves_a_sign_up_signs_in() {
    let app = phones_with(&[("SMS_AUTOCONFIRM", "true")]);
    let answer = sign_up_by_phone(&app);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.json()["user"]["phone_confirmed_at"].is_string());
    assert_eq!(mail_count(&app), "0");
    assert_error(&sign_up_by_phone(&app), 422, "user_already_exists", "User already registered");
    assert_eq!(app.nobody().get("/auth/v1/settings").send().json()["phone_autoconfirm"], json!(true));
    let answer = post(&app, "/otp", &json!({"phone": "15551234567"}));
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})));
    assert_eq!(verify(&app, "sms", "15551234567", &mail(&app, "15551234567").code()).status, 200);
}

#[test]
fn a_confirmed_number_is_not_given_away_and_an_unconfirmed_one_gets_its_code_again() {
    let app = phones();
    sign_up_by_phone(&app);
    let first = mail(&app, DIGITS).code();
    assert_error(&sign_up_by_phone(&app), 429, "over_sms_send_rate_limit", "after 60 seconds");
    app.clock.advance(60);
    assert_eq!(sign_up_by_phone(&app).status, 200);
    assert_error(&verify(&app, "sms", PHONE, &first), 403, "otp_expired", "");
    assert_eq!(verify(&app, "sms", PHONE, &mail(&app, DIGITS).code()).status, 200);
    let count = mail_count(&app);
    let answer = sign_up_by_phone(&app);
    let user = answer.json();
    assert_eq!((answer.status.as_u16(), &user["identities"], &user["role"]), (200, &json!([]), &json!("")));
    assert_eq!(mail_count(&app), count);
}

#[test]
fn a_code_is_asked_for_by_otp_and_expires() {
    let app = phones();
    phone_account(&app, PHONE);
    assert_eq!(post(&app, "/otp", &json!({"phone": PHONE})).json(), json!({}));
    let code = mail(&app, DIGITS).code();
    app.clock.advance(60);
    assert_error(&verify(&app, "sms", PHONE, &code), 403, "otp_expired", "");
    assert_eq!(post(&app, "/otp", &json!({"phone": PHONE, "create_user": false})).status, 200);
    assert_eq!(verify(&app, "sms", PHONE, &mail(&app, DIGITS).code()).status, 200);
    let unknown = json!({"phone": "15551234567", "create_user": false});
    assert_error(&post(&app, "/otp", &unknown), 422, "otp_disabled", "Signups not allowed for otp");
    assert_eq!(post(&app, "/otp", &json!({"phone": "15551234567", "data": {"a": 1}})).status, 200);
    let session = verify(&app, "sms", "15551234567", &mail(&app, "15551234567").code()).json();
    assert_eq!(session["user"]["user_metadata"]["a"], json!(1));
}

#[test]
fn five_wrong_codes_spend_the_right_one() {
    let app = phones();
    phone_account(&app, PHONE);
    post(&app, "/otp", &json!({"phone": PHONE}));
    let code = mail(&app, DIGITS).code();
    for _ in 0..5 {
        assert_error(&verify(&app, "sms", PHONE, &wrong(&code)), 403, "otp_expired", "");
    }
    assert_error(&verify(&app, "sms", PHONE, &code), 403, "otp_expired", "");
}

#[test]
fn numbers_for_tests_have_one_code_and_are_sent_nothing() {
    let vars = [
        ("SMS_TEST_OTP", "+491511234567:123456,15550001111=654321"),
        ("SMS_PROVIDER", "textlocal"),
        ("SMS_TEXTLOCAL_API_KEY", "k"),
        ("SMS_TEXTLOCAL_SENDER", "s"),
    ];
    let app = phones_with(&vars);
    assert_eq!(sign_up_by_phone(&app).status, 200);
    assert_eq!(verify(&app, "sms", PHONE, "123456").status, 200);
    app.clock.advance(60);
    let answer = post(&app, "/otp", &json!({"phone": PHONE}));
    assert_eq!(answer.json(), json!({"message_id": "test-otp"}));
    assert_eq!(verify(&app, "sms", PHONE, "123456").status, 200);
    assert!(app.http_client.requests.borrow().is_empty());
    let over = [&vars[..], &[("SMS_TEST_OTP_VALID_UNTIL", "2020-01-01T00:00:00Z")]].concat();
    let app = phones_with(&over);
    app.http_client.prepare("https://api.textlocal.in/send", 200, r#"{"status":"success"}"#);
    assert_eq!(sign_up_by_phone(&app).status, 200);
    assert_error(&verify(&app, "sms", PHONE, "123456"), 403, "otp_expired", "");
    assert_eq!(app.http_client.requests.borrow().len(), 1);
}

#[test]
fn a_code_is_sent_again_for_what_waits() {
    let app = phones();
    sign_up_by_phone(&app);
    let resend = |body: Value| post(&app, "/resend", &body);
    assert_error(&resend(json!({"type": "sms", "phone": PHONE})), 429, "over_sms_send_rate_limit", "");
    app.clock.advance(60);
    assert_eq!(resend(json!({"type": "sms", "phone": PHONE})).json(), json!({}));
    assert_eq!(mails(&app, DIGITS).len(), 2);
    let session = verify(&app, "sms", PHONE, &mail(&app, DIGITS).code()).json();
    assert_eq!(resend(json!({"type": "sms", "phone": PHONE})).json(), json!({}));
    assert_eq!(resend(json!({"type": "sms", "phone": "15551234567"})).json(), json!({}), "unknown");
    assert_eq!(mails(&app, DIGITS).len(), 2);
    assert_eq!(put_user(&app, &session, &json!({"phone": "15551234567"})).status, 200);
    app.clock.advance(60);
    assert_eq!(resend(json!({"type": "phone_change", "phone": PHONE})).json(), json!({}));
    app.limits.refuse("nobody:", 60);
    let unknown = resend(json!({"type": "phone_change", "phone": "15550009999"}));
    assert_eq!(unknown.json(), json!({}), "as often as one likes");
    assert_eq!(mails(&app, "15551234567").len(), 2);
    let rows = [
        (json!({"type": "sms"}), "Type provided requires a phone number"),
        (json!({"type": "phone_change"}), "Missing email address or phone number"),
        (json!({"type": "sms", "phone": "12", "email": "a@b.c"}), "Only an email address or phone number"),
        (json!({"type": "sms", "phone": "0"}), "Invalid phone number format"),
    ];
    for (body, message) in rows {
        assert_error(&resend(body), 400, "validation_failed", message);
    }
}

#[test]
fn another_number_has_to_be_confirmed_first() {
    let app = phones();
    let session = phone_session(&app, PHONE);
    let answer = put_user(&app, &session, &json!({"phone": "+1 555 1234567", "data": {"a": 1}}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let user = answer.json();
    assert_eq!((&user["phone"], &user["new_phone"]), (&json!(DIGITS), &json!("15551234567")));
    assert_eq!(user["user_metadata"]["a"], json!(1));
    let code = mail(&app, "15551234567").code();
    assert_error(&verify(&app, "phone_change", PHONE, &code), 403, "otp_expired", "");
    let answer = verify(&app, "phone_change", "15551234567", &code);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let user = answer.json()["user"].clone();
    assert_eq!((&user["phone"], user.get("new_phone")), (&json!("15551234567"), None));
    assert_eq!(user["identities"][0]["identity_data"]["phone"], json!("15551234567"));
    assert_error(&by_password(&app, PHONE), 400, "invalid_credentials", "");
    assert_eq!(by_password(&app, "15551234567").status, 200);
}

#[test]
fn an_account_with_an_address_gets_a_number_and_a_taken_one_is_refused() {
    let app = phones();
    phone_account(&app, PHONE);
    account(&app, "bob@example.com");
    let session = signed_in(&app, "bob@example.com");
    assert_error(
        &put_user(&app, &session, &json!({"phone": PHONE})),
        422,
        "phone_exists",
        "A user with this phone number",
    );
    assert_error(&put_user(&app, &session, &json!({"phone": "x"})), 400, "validation_failed", "E.164");
    assert_eq!(put_user(&app, &session, &json!({"phone": "15551234567"})).status, 200);
    assert_error(
        &put_user(&app, &session, &json!({"phone": "15551234568"})),
        429,
        "over_sms_send_rate_limit",
        "",
    );
    let answer = verify(&app, "phone_change", "15551234567", &mail(&app, "15551234567").code());
    let user = answer.json()["user"].clone();
    assert_eq!(user["app_metadata"]["providers"], json!(["email", "phone"]));
    assert_eq!(user["identities"].as_array().unwrap().len(), 2);
    let app = phones_with(&[("SMS_AUTOCONFIRM", "true")]);
    account(&app, "bob@example.com");
    let session = signed_in(&app, "bob@example.com");
    let user = put_user(&app, &session, &json!({"phone": "15551234567"})).json();
    assert_eq!(user["phone"], json!("15551234567"));
    assert!(user["phone_confirmed_at"].is_string());
}

#[test]
fn a_change_that_somebody_else_was_faster_with_is_refused() {
    let app = phones();
    let session = phone_session(&app, PHONE);
    assert_eq!(put_user(&app, &session, &json!({"phone": "15551234567"})).status, 200);
    let code = mail(&app, "15551234567").code();
    phone_account(&app, "15551234567");
    assert_error(&verify(&app, "phone_change", "15551234567", &code), 422, "phone_exists", "");
}

#[test]
fn it_is_still_the_same_person_by_text_message_where_there_is_no_address() {
    let app = phones_with(&[("SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION", "true")]);
    let session = phone_session(&app, PHONE);
    let token = text(&session, "refresh_token").to_string();
    app.clock.advance(25 * 3600);
    let session = refresh(&app, &token).json();
    let change = |nonce: Option<String>| {
        put_user(&app, &session, &json!({"password": "another horse", "nonce": nonce}))
    };
    assert_error(&change(None), 400, "reauthentication_needed", "");
    let asked = app.with_token(text(&session, "access_token")).get("/auth/v1/reauthenticate").send();
    assert_eq!(asked.json(), json!({}));
    let code = mail(&app, DIGITS).code();
    assert_error(&change(Some(wrong(&code))), 422, "reauthentication_not_valid", "");
    assert_eq!(change(Some(code)).status, 200);
}

#[test]
fn what_is_no_request_is_refused_with_its_reason() {
    let app = phones();
    let rows = [
        ("/signup", json!({"phone": PHONE}), "Signup requires a valid password"),
        (
            "/signup",
            json!({"phone": "nonsense", "password": PASSWORD}),
            "Invalid phone number format (E.164 required)",
        ),
        ("/signup", json!({"phone": PHONE, "password": PASSWORD, "channel": "pigeon"}), "Invalid channel"),
        ("/signup", json!({"phone": PHONE, "password": PASSWORD, "channel": "whatsapp"}), "Invalid channel"),
        (
            "/signup",
            json!({"phone": PHONE, "password": PASSWORD, "code_challenge": "x"}),
            "PKCE not supported for phone",
        ),
        ("/otp", json!({"phone": "1"}), "Invalid phone number format (E.164 required)"),
        ("/otp", json!({"phone": PHONE, "channel": "pigeon"}), "Invalid channel"),
        ("/verify", json!({"type": "sms", "phone": "x", "token": "1"}), "Invalid phone number format"),
        ("/verify", json!({"type": "sms", "token_hash": "x"}), "Invalid email verification type"),
    ];
    for (path, body, message) in rows {
        assert_error(&post(&app, path, &body), 400, "validation_failed", message);
    }
    for (name, member) in
        [("sms", "email"), ("signup", "phone"), ("email", "phone"), ("phone_change", "email")]
    {
        let contact = if member == "email" { "a@example.com" } else { PHONE };
        let body = json!({"type": name, member: contact, "token": "123456"});
        assert_error(&post(&app, "/verify", &body), 403, "otp_expired", "Token has expired");
    }
    let off = confirming();
    let rows = [
        ("/signup", json!({"phone": PHONE, "password": PASSWORD}), 400, "Phone signups are disabled"),
        (
            "/token?grant_type=password",
            json!({"phone": PHONE, "password": "x"}),
            422,
            "Phone logins are disabled",
        ),
        ("/otp", json!({"phone": PHONE}), 400, "Unsupported phone provider"),
        ("/resend", json!({"type": "sms", "phone": PHONE}), 400, "Phone logins are disabled"),
    ];
    for (path, body, status, message) in rows {
        assert_error(&post(&off, path, &body), status, "phone_provider_disabled", message);
    }
}

#[test]
fn without_a_provider_a_deployment_sends_nothing_and_says_so() {
    let vars = [("EXTERNAL_PHONE_ENABLED", "true"), ("SMS_TEST_OTP", "15550001111:123456")];
    let app = TestApp::deployed(&vars);
    let otp = |app: &TestApp, phone: &str| post(app, "/otp", &json!({"phone": phone}));
    assert_error(&otp(&app, PHONE), 500, "unexpected_failure", "Unable to get SMS provider");
    let count = |table: &str| app.database.value(&format!(r#"SELECT count(*) FROM "auth.{table}""#)).unwrap();
    assert_eq!((count("mailbox"), count("one_time_tokens")), ("0".to_string(), "0".to_string()));
    assert_eq!(otp(&app, "15550001111").status, 200, "a number for tests needs nobody");
    let local = confirming_with(&[&vars[..], &[("SMS_MAILBOX", "false")]].concat());
    assert_error(&otp(&local, PHONE), 500, "unexpected_failure", "Unable to get SMS provider");
    let kept = TestApp::deployed(&[&vars[..], &[("SMS_MAILBOX", "true")]].concat());
    assert_eq!(otp(&kept, PHONE).status, 200);
    assert!(mail(&kept, DIGITS).code().len() == 6);
}
