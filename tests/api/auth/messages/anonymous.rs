//! Signing in as nobody in particular, and becoming somebody.

use super::*;

const ANONYMOUS: (&str, &str) = ("EXTERNAL_ANONYMOUS_USERS_ENABLED", "true");

fn sign_in_anonymously(app: &TestApp) -> Value {
    let answer = post(app, "/signup", &json!({"data": {"theme": "dark"}}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn change(app: &TestApp, session: &Value, body: &Value) -> Answer {
    app.with_token(text(session, "access_token")).put("/auth/v1/user").json(body).send()
}

#[test]
fn an_anonymous_user_has_an_account_and_a_session() {
    let app = confirming_with(&[ANONYMOUS]);
    let session = sign_in_anonymously(&app);
    assert_eq!(claims(&session)["is_anonymous"], json!(true));
    assert_eq!(claims(&session)["amr"][0]["method"], json!("anonymous"));
    assert_eq!(claims(&session)["email"], json!(""));
    let user = get_user(&app, &session).json();
    assert_eq!(user["is_anonymous"], json!(true));
    assert_eq!(user["identities"], json!([]));
    assert_eq!(user["app_metadata"], json!({}));
    assert_eq!(user["user_metadata"], json!({"theme": "dark"}));
    assert_eq!(user["role"], json!("authenticated"));
    assert_eq!(refresh(&app, text(&session, "refresh_token")).status, 200);
    let settings = app.nobody().get("/auth/v1/settings").send().json();
    assert_eq!(settings["external"]["anonymous_users"], json!(true));
}

#[test]
fn it_becomes_permanent_once_its_address_is_confirmed() {
    let app = confirming_with(&[ANONYMOUS]);
    let session = sign_in_anonymously(&app);
    let refused = change(&app, &session, &json!({"password": PASSWORD}));
    assert_error(&refused, 422, "validation_failed", "without an email or phone");
    let answer = change(&app, &session, &json!({"email": "ann@example.com"}));
    assert_eq!(answer.json()["new_email"], json!("ann@example.com"));
    assert_eq!(get_user(&app, &session).json()["is_anonymous"], json!(true));
    let code = mail(&app, "ann@example.com").code();
    let answer = verify_code(&app, "email_change", "ann@example.com", &code);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let user = answer.json()["user"].clone();
    assert_eq!(user["id"], session["user"]["id"]);
    assert_eq!(user["is_anonymous"], json!(false));
    assert_eq!(user["email"], json!("ann@example.com"));
    assert_eq!(user["app_metadata"], json!({"provider": "email", "providers": ["email"]}));
    assert_eq!(user["user_metadata"]["theme"], json!("dark"));
    assert_eq!(user["identities"][0]["email"], json!("ann@example.com"));
    assert_eq!(claims(&answer.json())["is_anonymous"], json!(false));
    assert_eq!(change(&app, &answer.json(), &json!({"password": PASSWORD})).status, 200);
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
}

#[test]
fn with_auto_confirm_it_becomes_permanent_at_once() {
    let app = TestApp::with_vars(&[ANONYMOUS]);
    let session = sign_in_anonymously(&app);
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let answer = change(&app, &session, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["is_anonymous"], json!(false));
    assert_eq!(answer.json()["identities"][0]["provider"], json!("email"));
    assert_eq!(mail_count(&app), "0");
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
}

#[test]
fn it_is_off_unless_switched_on_and_limited_per_address() {
    let answer = post(&confirming(), "/signup", &json!({}));
    assert_error(&answer, 422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled");
    let app = confirming_with(&[ANONYMOUS, ("DISABLE_SIGNUP", "true")]);
    assert_error(&post(&app, "/signup", &json!({})), 422, "signup_disabled", "Signups not allowed");
    let app = confirming_with(&[ANONYMOUS]);
    app.limits.refuse("Anonymous:203.0.113.7", 100);
    assert_error(&post(&app, "/signup", &json!({})), 429, "over_request_rate_limit", "rate limit");
    assert_eq!(sign_up(&app, "ann@example.com").status, 200);
}

#[test]
fn its_limit_is_its_own_and_of_a_whole_line_of_addresses() {
    let app = confirming_with(&[ANONYMOUS, ("RATE_LIMIT_ANONYMOUS_USERS", "1000")]);
    app.limits.refuse("SignUp:", 100);
    let answer = app.anon().post("/auth/v1/signup").address("2001:db8:1:2::1").json(&json!({})).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let asked = app.limits.asked.borrow();
    assert_eq!(*asked, [("Anonymous:20010db800010002".to_string(), 1000, 30)]);
}
