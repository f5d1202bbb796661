//! `POST /invite`.

use super::*;

fn invite(app: &TestApp, email: &str) -> Answer {
    app.service_role().post("/auth/v1/invite").json(&json!({"email": email, "data": {"team": "red"}})).send()
}

#[test]
fn whoever_is_invited_accepts_by_link_or_code() {
    for by_code in [true, false] {
        let app = confirming();
        let answer = invite(&app, "Ann@example.com");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let user = answer.json();
        assert_eq!(user["invited_at"], json!("2027-01-15T08:00:00Z"));
        assert_eq!(user["user_metadata"]["team"], json!("red"));
        let mail = mail(&app, "ann@example.com");
        assert_eq!(mail.subject, "You are invited");
        let session = if by_code {
            verify_code(&app, "invite", "ann@example.com", &mail.code()).json()
        } else {
            let url = follow(&app, &mail.link());
            assert_eq!(in_fragment(&url, "type").as_deref(), Some("invite"));
            refresh(&app, &in_fragment(&url, "refresh_token").unwrap()).json()
        };
        assert!(get_user(&app, &session).json()["email_confirmed_at"].is_string());
        assert_error(&invite(&app, "ann@example.com"), 422, "email_exists", "already been registered");
    }
}

#[test]
fn an_invitation_can_be_repeated_and_voids_the_last() {
    let app = confirming();
    invite(&app, "ann@example.com");
    let first = mail(&app, "ann@example.com");
    app.clock.advance(1);
    let answer = invite(&app, "ann@example.com");
    assert_eq!(answer.json()["invited_at"], json!("2027-01-15T08:00:01Z"));
    assert_error(&verify_hash(&app, "invite", &first.token()), 403, "otp_expired", "");
    let second = mail(&app, "ann@example.com");
    assert_eq!(verify_hash(&app, "invite", &second.token()).status, 200);
}

#[test]
fn what_the_invitation_says_is_not_for_who_types_in_the_address() {
    let app = confirming();
    invite(&app, "ann@example.com");
    app.clock.advance(60);
    let user = sign_up(&app, "ann@example.com").json();
    assert_eq!((&user["user_metadata"], &user["identities"]), (&json!({}), &json!([])));
}

#[test]
fn only_administrators_invite() {
    let app = confirming();
    let body = json!({"email": "ann@example.com"});
    assert_error(
        &app.anon().post("/auth/v1/invite").json(&body).send(),
        403,
        "not_admin",
        "User not allowed",
    );
    let answer = app.service_role().post("/auth/v1/invite").json(&json!({})).send();
    assert_error(&answer, 400, "validation_failed", "An email address is required");
}
