//! `POST /invite`.

use super::*;
use crate::auth::provider_sign_in::{
    CHALLENGE, VERIFIER, come_back, depart, github_answers, location, member, query, session, with_github,
};

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
    let app = confirming_with(&[("AUDIT_LOG", "database")]);
    invite(&app, "ann@example.com");
    let first = mail(&app, "ann@example.com");
    app.clock.advance(1);
    let answer = invite(&app, "ann@example.com");
    assert_eq!(answer.json()["invited_at"], json!("2027-01-15T08:00:01Z"));
    assert_error(&verify_hash(&app, "invite", &first.token()), 403, "otp_expired", "");
    let second = mail(&app, "ann@example.com");
    assert_eq!(verify_hash(&app, "invite", &second.token()).status, 200);
    let log = app.service_role().get("/auth/v1/admin/audit?query=action:user_invited").send().json();
    assert_eq!(log.as_array().unwrap().len(), 2);
}

#[test]
fn whoever_has_confirmed_a_number_alone_can_be_invited_by_mail() {
    let app = confirming();
    let body = json!({"email": "ann@example.com", "phone": "1234567", "phone_confirm": true});
    assert_eq!(app.service_role().post("/auth/v1/admin/users").json(&body).send().status, 200);
    for (path, body) in [
        ("/auth/v1/invite", json!({"email": "ann@example.com"})),
        ("/auth/v1/admin/generate_link", json!({"type": "invite", "email": "ann@example.com"})),
        ("/auth/v1/admin/generate_link", json!({"type": "signup", "email": "ann@example.com"})),
    ] {
        let answer = app.service_role().post(path).json(&body).send();
        assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
        app.clock.advance(1);
    }
    let link = json!({"type": "invite", "email": "ann@example.com"});
    let link = app.service_role().post("/auth/v1/admin/generate_link").json(&link).send().json();
    let session = verify_hash(&app, "invite", text(&link, "hashed_token")).json();
    assert!(session["user"]["email_confirmed_at"].is_string(), "{session}");
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

const GOES: &str = "/auth/v1/authorize?provider=github&redirect_to=https://app.example.com/in";

/// An app with GitHub, and somebody invited to it: gives the token in the mail.
fn invited() -> (TestApp, String) {
    let app = with_github(&[("MAILER_AUTOCONFIRM", "false")]);
    invite(&app, "ann@example.com");
    let token = mail(&app, "ann@example.com").token();
    (app, token)
}

#[test]
fn whoever_is_invited_accepts_by_signing_in_with_a_provider() {
    for with_code in [false, true] {
        let (app, token) = invited();
        let challenge = if with_code {
            format!("&code_challenge={CHALLENGE}&code_challenge_method=s256")
        } else {
            String::new()
        };
        let answer = app.nobody().get(&format!("{GOES}&invite_token={token}{challenge}")).send();
        assert_eq!(answer.status, 302, "{}", answer.text());
        let provider = location(&answer);
        assert!(!provider.contains(&token), "the provider does not get the token: {provider}");
        // The mail came to the address: the provider need not vouch for it.
        github_answers(&app, 7, &[("other@example.com", true, true), ("Ann@example.com", false, false)]);
        let url = location(&come_back(&app, &member(&query(&provider), "state")));
        let session = if with_code {
            let body = json!({"auth_code": member(&query(&url), "code"), "code_verifier": VERIFIER});
            post(&app, "/token?grant_type=pkce", &body).json()
        } else {
            session(&url)
        };
        let user = get_user(&app, &session).json();
        assert_eq!(user["email"], json!("ann@example.com"));
        assert!(user["email_confirmed_at"].is_string());
        assert_eq!(user["app_metadata"], json!({"provider": "github", "providers": ["github"]}));
        assert_eq!(user["identities"].as_array().unwrap().len(), 1);
        // It is used up, as a token and as an invitation.
        assert_error(&verify_hash(&app, "invite", &token), 403, "otp_expired", "");
        let again = app.nobody().get(&format!("{GOES}&invite_token={token}")).send();
        assert_error(&again, 404, "user_not_found", "User identified by token not found");
    }
}

#[test]
fn an_invitation_is_for_the_address_it_went_to_and_good_once() {
    let (app, token) = invited();
    let depart_invited = || depart(&app.nobody(), &format!("{GOES}&invite_token={token}"));
    let refused = |url: &str| (member(&query(url), "error_code"), member(&query(url), "error_description"));

    let state = depart_invited();
    github_answers(&app, 7, &[("bob@example.com", true, true)]);
    let url = location(&come_back(&app, &state));
    let row = |code: &str, message: &str| (code.to_string(), message.to_string());
    assert_eq!(
        refused(&url),
        row("validation_failed", "Invited email does not match emails from external provider")
    );
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.users""#).unwrap(), "1");

    // Two came back: the second finds it accepted.
    let states = [depart_invited(), depart_invited()];
    github_answers(&app, 7, &[("ann@example.com", true, true)]);
    get_user(&app, &session(&location(&come_back(&app, &states[0]))));
    github_answers(&app, 8, &[("ann@example.com", true, true)]);
    let url = location(&come_back(&app, &states[1]));
    assert_eq!(refused(&url), row("invite_not_found", "Invite not found"));

    let (app, token) = invited();
    let other = app.nobody().get(&format!("{GOES}&invite_token={}", "0".repeat(64))).send();
    assert_error(&other, 404, "user_not_found", "User identified by token not found");
    assert_error(&app.nobody().get(&format!("{GOES}&invite_token=x")).send(), 404, "user_not_found", "");
    // Another invitation voids it, also for whoever is with the provider already.
    let state = depart(&app.nobody(), &format!("{GOES}&invite_token={token}"));
    app.clock.advance(1);
    invite(&app, "ann@example.com");
    github_answers(&app, 7, &[("ann@example.com", true, true)]);
    let url = location(&come_back(&app, &state));
    assert_eq!(member(&query(&url), "error_code"), "invite_not_found");
    // So does time.
    let token = mail(&app, "ann@example.com").token();
    app.clock.advance(3601);
    let late = app.nobody().get(&format!("{GOES}&invite_token={token}")).send();
    assert_error(&late, 404, "user_not_found", "");
}

#[test]
fn another_kind_of_token_is_no_invitation() {
    let app = with_github(&[("MAILER_AUTOCONFIRM", "false")]);
    account(&app, "ann@example.com");
    post(&app, "/recover", &json!({"email": "ann@example.com"}));
    let token = mail(&app, "ann@example.com").token();
    let answer = app.nobody().get(&format!("{GOES}&invite_token={token}")).send();
    assert_error(&answer, 404, "user_not_found", "");
}
