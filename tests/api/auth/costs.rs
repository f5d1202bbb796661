//! What operations write: rows are the bill.

use serde_json::json;

use super::{PASSWORD, refresh, sign_in, signed_up, text};
use crate::app::TestApp;

#[test]
fn operations_write_few_rows() {
    let app = TestApp::with_vars(&[
        ("AUDIT_LOG", "off"),
        ("EXTERNAL_PHONE_ENABLED", "true"),
        ("SMS_TEST_OTP", "15550001111:123456"),
    ]);
    let written = |act: &dyn Fn()| {
        let before = app.database.rows_written();
        act();
        app.database.rows_written() - before
    };
    let session = signed_up(&app, "ann@example.com");
    let body = json!({"phone": "15550001111", "phone_confirm": true});
    app.service_role().post("/auth/v1/admin/users").json(&body).send();
    app.anon().post("/auth/v1/otp").json(&json!({"phone": "15550001111"})).send();
    let verify = json!({"type": "sms", "phone": "15550001111", "token": "123456"});
    app.anon().post("/auth/v1/otp").json(&json!({"email": "ann@example.com"})).send();
    app.anon().post("/auth/v1/otp").json(&json!({"email": "bob@example.com"})).send();
    let code_of = |email: &str| {
        let mail =
            app.database.value(&format!(r#"SELECT html FROM "auth.mailbox" WHERE recipient = '{email}'"#));
        let mail = mail.unwrap();
        let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
        mail.split(|character: char| !character.is_ascii_alphanumeric()).find(is_code).unwrap().to_string()
    };
    let by_mail = |email: &str| {
        let body = json!({"type": "email", "email": email, "token": code_of(email)});
        let answer = app.anon().post("/auth/v1/verify").json(&body).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    let rows: [(&str, u64, Box<dyn Fn()>); 6] = [
        (
            "password sign-in",
            3,
            Box::new(|| assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200)),
        ),
        ("wrong password", 1, Box::new(|| assert_eq!(sign_in(&app, "ann@example.com", "wrong").status, 400))),
        ("refresh", 1, Box::new(|| assert_eq!(refresh(&app, text(&session, "refresh_token")).status, 200))),
        ("verify by mail", 4, Box::new(|| by_mail("ann@example.com"))),
        ("first verify by mail", 4, Box::new(|| by_mail("bob@example.com"))),
        (
            "verify",
            4,
            Box::new(|| {
                let answer = app.anon().post("/auth/v1/verify").json(&verify).send();
                assert_eq!(answer.status, 200, "{}", answer.text());
            }),
        ),
    ];
    for (name, most, act) in rows {
        let written = written(&*act);
        println!("{name}: {written} rows written");
        assert!(written <= most, "{name} writes {written} rows");
    }
}
