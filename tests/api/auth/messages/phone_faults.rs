//! Faults at every step of what goes by phone: the right error, nothing half done, and a retry works.

use super::*;

const PHONE: &str = "491511234567";

/// A flow: what is there before it, the request, and whether it did what it is for.
struct Flow {
    name: &'static str,
    prepare: fn(&TestApp) -> Value,
    run: fn(&TestApp, &Value) -> Answer,
    done: &'static str,
}

fn app() -> TestApp {
    confirming_with(&[
        ("EXTERNAL_PHONE_ENABLED", "true"),
        ("AUDIT_LOG", "off"),
        ("SMS_PROVIDER", "textlocal"),
        ("SMS_TEXTLOCAL_API_KEY", "k"),
        ("SMS_TEXTLOCAL_SENDER", "s"),
    ])
}

fn carried(app: &TestApp) {
    app.http_client.prepare("https://api.textlocal.in/send", 200, r#"{"status":"success"}"#);
}

fn sent_code(app: &TestApp) -> String {
    let requests = app.http_client.requests.borrow();
    let body = &requests.last().unwrap().body;
    let message =
        form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "message").unwrap().1.into_owned();
    message.split(' ').next_back().unwrap().to_string()
}

fn confirmed(app: &TestApp) -> Value {
    let body = json!({"phone": PHONE, "password": PASSWORD, "phone_confirm": true});
    app.service_role().post("/auth/v1/admin/users").json(&body).send();
    let session = post(app, "/token?grant_type=password", &json!({"phone": PHONE, "password": PASSWORD}));
    assert_eq!(session.status, 200, "{}", session.text());
    session.json()
}

fn waiting(app: &TestApp) -> Value {
    confirmed(app);
    carried(app);
    assert_eq!(post(app, "/otp", &json!({"phone": PHONE})).status, 200);
    json!({"code": sent_code(app)})
}

fn changing(app: &TestApp) -> Value {
    let session = confirmed(app);
    carried(app);
    let change = json!({"phone": "15551234567"});
    let answer = app.with_token(text(&session, "access_token")).put("/auth/v1/user").json(&change).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    json!({"code": sent_code(app)})
}

const FLOWS: &[Flow] = &[
    Flow {
        name: "sign-up",
        prepare: |_| json!({}),
        run: |app, _| {
            carried(app);
            post(app, "/signup", &json!({"phone": PHONE, "password": PASSWORD}))
        },
        done: r#"SELECT count(*) FROM "auth.users" AS u JOIN "auth.one_time_tokens" AS t ON t.user_id = u.id JOIN "auth.identities" AS i ON i.user_id = u.id"#,
    },
    Flow {
        name: "code",
        prepare: |app| confirmed(app),
        run: |app, _| {
            carried(app);
            post(app, "/otp", &json!({"phone": PHONE}))
        },
        done: r#"SELECT count(*) FROM "auth.one_time_tokens""#,
    },
    Flow {
        name: "verify",
        prepare: waiting,
        run: |app, before| {
            post(app, "/verify", &json!({"type": "sms", "phone": PHONE, "token": before["code"]}))
        },
        done: r#"SELECT count(*) FROM "auth.sessions" WHERE amr LIKE '%otp%' AND NOT EXISTS (SELECT 1 FROM "auth.one_time_tokens")"#,
    },
    Flow {
        name: "change",
        prepare: |app| confirmed(app),
        run: |app, session| {
            carried(app);
            let change = json!({"phone": "15551234567"});
            app.with_token(text(session, "access_token")).put("/auth/v1/user").json(&change).send()
        },
        done: r#"SELECT count(*) FROM "auth.users" AS u JOIN "auth.one_time_tokens" AS t ON t.user_id = u.id WHERE u.phone_change = '15551234567'"#,
    },
    Flow {
        name: "changed",
        prepare: changing,
        run: |app, before| {
            let body = json!({"type": "phone_change", "phone": "15551234567", "token": before["code"]});
            post(app, "/verify", &body)
        },
        done: r#"SELECT count(*) FROM "auth.users" AS u JOIN "auth.identities" AS i ON i.user_id = u.id WHERE u.phone = '15551234567' AND json_extract(i.identity_data, '$.phone') = u.phone"#,
    },
];

#[test]
fn a_database_that_fails_at_any_step_leaves_nothing_half_done_and_a_retry_works() {
    for flow in FLOWS {
        for step in 1.. {
            let app = app();
            let before = (flow.prepare)(&app);
            app.database.fault.fail_at(step);
            let answer = (flow.run)(&app, &before);
            let armed = app.database.fault.is_armed();
            app.database.fault.mend();
            if armed {
                assert_eq!(answer.status, 200, "{} {}", flow.name, answer.text());
                assert_eq!(app.database.value(flow.done).as_deref(), Some("1"), "{}", flow.name);
                assert!(step > 1, "{}", flow.name);
                break;
            }
            assert_error(&answer, 500, "unexpected_failure", "");
            assert!(!answer.text().contains("on purpose"), "{}", answer.text());
            let done = app.database.value(flow.done);
            if done.as_deref() == Some("1") {
                // It was done, and only its answer could not be read: what was sent counts.
                continue;
            }
            let retry = (flow.run)(&app, &before);
            assert_eq!(retry.status, 200, "{} after step {step}: {}", flow.name, retry.text());
            assert_eq!(
                app.database.value(flow.done).as_deref(),
                Some("1"),
                "{} after step {step}",
                flow.name
            );
        }
    }
}

#[test]
fn a_carrier_that_fails_leaves_nothing_half_done_and_a_retry_works() {
    for flow in FLOWS.iter().filter(|flow| ["sign-up", "code", "change"].contains(&flow.name)) {
        let app = app();
        let before = (flow.prepare)(&app);
        let users = app.service_role().get("/auth/v1/admin/users").send().json();
        app.http_client.fault.fail_always();
        assert_error(&(flow.run)(&app, &before), 422, "sms_send_failed", "Error sending ");
        assert_eq!(app.database.value(flow.done).as_deref(), Some("0"), "{}", flow.name);
        assert_eq!(app.service_role().get("/auth/v1/admin/users").send().json(), users, "{}", flow.name);
        app.http_client.fault.mend();
        assert_eq!((flow.run)(&app, &before).status, 200, "{} at once", flow.name);
        assert_eq!(app.database.value(flow.done).as_deref(), Some("1"), "{}", flow.name);
    }
}

#[test]
fn a_hasher_that_fails_is_not_a_wrong_password() {
    let app = app();
    confirmed(&app);
    let sign_in = || post(&app, "/token?grant_type=password", &json!({"phone": PHONE, "password": PASSWORD}));
    app.hasher.fault.fail_at(1);
    assert_error(&sign_in(), 500, "unexpected_failure", "");
    let failures = app.database.value(r#"SELECT count(*) FROM "auth.sign_in_failures""#);
    assert_eq!(failures.as_deref(), Some("0"));
    assert_eq!(sign_in().status, 200);
}
