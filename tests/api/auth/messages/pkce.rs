//! Links whose answer is a code for the browser that asked.

use super::*;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn asked(app: &TestApp, path: &str) -> Mail {
    let body = json!({
        "email": "ann@example.com", "password": PASSWORD,
        "code_challenge": CHALLENGE, "code_challenge_method": "s256",
    });
    let answer = post(app, path, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    mail(app, "ann@example.com")
}

fn exchange(app: &TestApp, code: &str, verifier: &str) -> Answer {
    post(app, "/token?grant_type=pkce", &json!({"auth_code": code, "code_verifier": verifier}))
}

fn code(app: &TestApp) -> String {
    account(app, "ann@example.com");
    in_query(&follow(app, &asked(app, "/otp").link()), "code").unwrap()
}

#[test]
fn a_links_code_is_exchanged_for_a_session() {
    for (path, method) in [("/signup", "email/signup"), ("/otp", "magiclink"), ("/recover", "recovery")] {
        let app = confirming();
        if path != "/signup" {
            account(&app, "ann@example.com");
        }
        let mail = asked(&app, path);
        assert!(mail.token().starts_with("pkce_"));
        let url = follow(&app, &mail.link());
        assert!(!url.contains("access_token"), "{url}");
        assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.sessions""#).as_deref(), Some("0"));
        let answer = exchange(&app, &in_query(&url, "code").unwrap(), VERIFIER);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(claims(&answer.json())["amr"][0]["method"], json!(method));
        let user = get_user(&app, &answer.json()).json();
        assert!(user["email_confirmed_at"].is_string());
    }
}

#[test]
fn a_code_works_once_in_time_and_with_its_verifier() {
    let app = confirming();
    let code = code(&app);
    assert_error(
        &exchange(&app, &code, CHALLENGE),
        400,
        "bad_code_verifier",
        "code challenge does not match previously saved code verifier",
    );
    assert_eq!(exchange(&app, &code, VERIFIER).status, 200, "a wrong verifier does not spoil it");
    let again = exchange(&app, &code, VERIFIER);
    assert_error(&again, 404, "flow_state_not_found", "no valid flow state found");

    let app = confirming();
    let code = self::code(&app);
    app.clock.advance(300);
    assert_error(&exchange(&app, &code, VERIFIER), 422, "flow_state_expired", "flow state has expired");
    for (code, verifier) in [("", VERIFIER), (code.as_str(), "")] {
        assert_error(&exchange(&app, code, verifier), 400, "validation_failed", "should be non-empty");
    }
}

#[test]
fn of_two_exchanges_at_once_one_succeeds() {
    let app = confirming();
    let code = code(&app);
    app.database.interrupt_at(2, r#"DELETE FROM "auth.flow_state""#);
    assert_error(&exchange(&app, &code, VERIFIER), 404, "flow_state_not_found", "");
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.sessions""#).as_deref(), Some("0"));
}

#[test]
fn an_exchange_that_fails_can_be_tried_again() {
    for step in [1, 2] {
        let app = confirming();
        let code = code(&app);
        app.database.fault.fail_at(step);
        assert_error(&exchange(&app, &code, VERIFIER), 500, "unexpected_failure", "");
        assert_eq!(exchange(&app, &code, VERIFIER).status, 200);
    }
}

#[test]
fn the_mails_code_and_the_links_token_give_a_session_at_once() {
    for by_code in [true, false] {
        let app = confirming();
        account(&app, "ann@example.com");
        let mail = asked(&app, "/otp");
        let answer = if by_code {
            verify_code(&app, "email", "ann@example.com", &mail.code())
        } else {
            verify_hash(&app, "email", &mail.token())
        };
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.json()["access_token"].is_string());
    }
}

#[test]
fn errors_come_in_the_query_too() {
    let app = confirming();
    account(&app, "ann@example.com");
    let mail = asked(&app, "/otp");
    follow(&app, &mail.link());
    let url = follow(&app, &mail.link());
    for member in [in_query(&url, "error_code"), in_fragment(&url, "error_code")] {
        assert_eq!(member.as_deref(), Some("otp_expired"), "{url}");
    }
}

#[test]
fn a_code_of_a_banned_user_is_worth_nothing() {
    let app = confirming();
    let code = code(&app);
    app.database.execute(r#"UPDATE "auth.users" SET banned_until = '2999-01-01T00:00:00+00:00'"#);
    assert_error(&exchange(&app, &code, VERIFIER), 400, "user_banned", "User is banned");
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.sessions""#).as_deref(), Some("0"));
}

#[test]
fn a_new_password_voids_codes_that_were_not_exchanged_yet() {
    let app = confirming();
    let code = code(&app);
    let session = signed_in(&app, "ann@example.com");
    let actor = app.with_token(text(&session, "access_token"));
    assert_eq!(actor.put("/auth/v1/user").json(&json!({"password": "battery staple"})).send().status, 200);
    assert_error(&exchange(&app, &code, VERIFIER), 404, "flow_state_not_found", "");
    assert_eq!(get_user(&app, &session).status, 200);
}
