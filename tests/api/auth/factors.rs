//! `/factors`: enrolling an authenticator app, answering its challenges, giving it up.

use http::Method;
use serde_json::{Value, json};

use super::authenticator::{code_at, enroll, enrolled, verified};
use super::{PASSWORD, assert_error, claims, get_user, refresh, session_id, signed_in, signed_up, text};
use crate::app::TestApp;

#[test]
fn an_enrolment_gives_the_app_what_it_needs_and_counts_for_nothing() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let answer =
        enroll(&app, &session, &json!({"factor_type": "totp", "friendly_name": "Phone", "issuer": "My App"}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let factor = answer.json();
    let (id, secret) = (text(&factor, "id"), text(&factor["totp"], "secret"));
    assert_eq!(secret.len(), 32, "20 bytes in base32");
    assert_eq!(
        factor["totp"]["uri"],
        json!(format!(
            "otpauth://totp/My%20App:ann%40example.com?algorithm=SHA1&digits=6&issuer=My%20App&period=30&secret={secret}"
        ))
    );
    let svg = text(&factor["totp"], "qr_code");
    assert!(svg.contains("<svg ") && !svg.contains('#'), "supabase-js puts it into a data URL: {svg}");
    assert_eq!((&factor["type"], &factor["friendly_name"]), (&json!("totp"), &json!("Phone")));

    let user = get_user(&app, &session).json();
    assert_eq!(
        user["factors"],
        json!([{
            "id": id, "created_at": "2027-01-15T08:00:00Z", "updated_at": "2027-01-15T08:00:00Z",
            "status": "unverified", "friendly_name": "Phone", "factor_type": "totp", "phone": "",
            "last_challenged_at": null,
        }])
    );
    assert!(!user.to_string().contains(secret), "the secret is shown once");
    let change = app.with_token(text(&session, "access_token")).put("/auth/v1/user");
    assert_eq!(change.json(&json!({"password": "battery staple"})).send().status, 200);
}

#[test]
fn the_issuer_is_the_sites_host_unless_another_is_asked() {
    let app = TestApp::with_vars(&[("SITE_URL", "https://app.example.com:8443/welcome?x=1")]);
    let session = signed_up(&app, "ann@example.com");
    let factor = enroll(&app, &session, &json!({"factor_type": "totp", "issuer": ""})).json();
    let uri = text(&factor["totp"], "uri");
    assert!(uri.starts_with("otpauth://totp/app.example.com%3A8443:ann%40example.com?"), "{uri}");
    assert_eq!(factor["friendly_name"], json!(""));
    assert_eq!(get_user(&app, &session).json()["factors"][0].get("friendly_name"), None);
}

#[test]
fn a_right_code_raises_the_session_and_ends_the_ones_below() {
    let app = TestApp::new();
    let bob = signed_up(&app, "bob@example.com");
    let session = signed_up(&app, "ann@example.com");
    let other = signed_in(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    enrolled(&app, &session, "Never used");
    app.clock.advance(100);
    let challenge = phone.challenge(&session).json();
    let now = app.app.now().seconds();
    assert_eq!((&challenge["type"], &challenge["expires_at"]), (&json!("totp"), &json!(now + 300)));

    let written = app.database.rows_written();
    let answer = phone.answer(&session, text(&challenge, "id"), &phone.code());
    assert_eq!(answer.status, 200, "{}", answer.text());
    // The factor, the challenge, the session; and gone: the other session and the other factor.
    assert_eq!(app.database.rows_written() - written, 5);
    let raised = answer.json();
    assert_eq!(session_id(&raised), session_id(&session), "it is the same session");
    let claims = claims(&raised);
    assert_eq!(claims["aal"], json!("aal2"));
    assert_eq!(
        claims["amr"],
        json!([{"method": "totp", "timestamp": now}, {"method": "password", "timestamp": now - 100}])
    );
    let factors = raised["user"]["factors"].as_array().unwrap();
    assert_eq!(factors.len(), 1);
    assert_eq!(factors[0]["status"], json!("verified"));
    assert_eq!(factors[0]["last_challenged_at"], json!("2027-01-15T08:01:40Z"));

    for isolate in [&app, &app.another_isolate()] {
        assert_eq!(get_user(isolate, &raised).status, 200);
        assert_eq!(get_user(isolate, &bob).status, 200);
        assert_error(&get_user(isolate, &other), 403, "session_not_found", "");
    }
    let again = refresh(&app, text(&raised, "refresh_token"));
    assert_eq!(super::claims(&again.json())["aal"], json!("aal2"));
    assert_eq!(super::claims(&again.json())["amr"], claims["amr"]);
}

#[test]
fn a_refresh_token_from_before_the_second_factor_never_gives_aal2() {
    // (wait after the verification, a refresh by the owner in between, the session lives on)
    for (wait, owner_refreshes, lives) in
        [(0, false, true), (0, true, true), (3000, true, true), (3000, false, false)]
    {
        let app = TestApp::new();
        let session = signed_up(&app, "ann@example.com");
        let phone = enrolled(&app, &session, "Phone");
        let mut raised = phone.verify(&session).json();
        app.clock.advance(wait);
        if owner_refreshes {
            raised = refresh(&app, text(&raised, "refresh_token")).json();
        }
        let answer = refresh(&app, text(&session, "refresh_token"));
        assert_error(&answer, 400, "refresh_token_already_used", "Already Used");
        let status = refresh(&app, text(&raised, "refresh_token")).status;
        assert_eq!(status.is_success(), lives, "after {wait} s");
    }
}

#[test]
fn signing_in_again_starts_at_aal1_and_the_factor_raises_it() {
    let app = TestApp::new();
    let (phone, first) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    let second = signed_in(&app, "ann@example.com");
    assert_eq!(claims(&second)["aal"], json!("aal1"));
    assert_eq!(second["user"]["factors"][0]["status"], json!("verified"), "clients ask for the code by this");
    let raised = phone.verify(&second);
    assert_eq!(raised.status, 200, "{}", raised.text());
    assert_eq!(claims(&raised.json())["aal"], json!("aal2"));
    assert_eq!(get_user(&app, &first).status, 200, "a session of aal2 lives on");
}

#[test]
fn verifying_again_renews_the_time_of_the_second_factor() {
    let app = TestApp::new();
    let (phone, first) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    let again = phone.verify(&first).json();
    let now = app.app.now().seconds();
    assert_eq!(
        claims(&again)["amr"],
        json!([{"method": "totp", "timestamp": now}, {"method": "password", "timestamp": now - 60}])
    );
}

#[test]
fn what_matters_needs_the_second_factor_once_there_is_one() {
    let app = TestApp::new();
    let (phone, raised) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    let low = signed_in(&app, "ann@example.com");
    let change = |session: &Value, change: Value| {
        app.with_token(text(session, "access_token")).put("/auth/v1/user").json(&change).send()
    };
    let email = || json!({"email": "anna@example.com", "data": {"a": 1}});
    for refused in [email(), json!({"password": "battery staple"}), json!({"phone": "+491511234567"})] {
        assert_error(&change(&low, refused), 401, "insufficient_aal", "AAL2 session is required to update");
    }
    for allowed in [json!({"data": {"a": 1}}), json!({"email": "ann@example.com"})] {
        assert_eq!(change(&low, allowed).status, 200);
    }
    let another = enroll(&app, &low, &json!({"factor_type": "totp", "friendly_name": "Other"}));
    assert_error(&another, 403, "insufficient_aal", "AAL2 required to enroll a new factor");
    assert_error(&phone.unenroll(&low), 422, "insufficient_aal", "AAL2 required to unenroll verified factor");

    assert_eq!(change(&raised, email()).status, 200);
    enrolled(&app, &raised, "Other");
    // A token that no session stands behind shows nothing.
    let without = app.user(text(&raised["user"], "id")).put("/auth/v1/user");
    assert_error(&without.json(&json!({"password": "battery staple"})).send(), 401, "insufficient_aal", "");
}

#[test]
fn giving_a_factor_up_lowers_the_sessions_it_raised() {
    let app = TestApp::new();
    let (phone, raised) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    let other = phone.verify(&signed_in(&app, "ann@example.com")).json();
    let answer = phone.unenroll(&raised);
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"id": phone.factor_id})));
    for session in [&raised, &other] {
        let refreshed = refresh(&app, text(session, "refresh_token")).json();
        let claims = claims(&refreshed);
        assert_eq!((&claims["aal"], claims["amr"].as_array().unwrap().len()), (&json!("aal1"), 1));
        assert_eq!(claims["amr"][0]["method"], json!("password"));
        assert_eq!(refreshed["user"].get("factors"), None);
    }
    assert_error(&phone.unenroll(&raised), 404, "mfa_factor_not_found", "Factor not found");
    let left = app.database.value(r#"SELECT count(*) FROM "auth.mfa_challenges""#);
    assert_eq!(left.as_deref(), Some("0"), "its challenges went with it");
}

#[test]
fn only_the_sessions_of_that_factor_are_lowered() {
    let app = TestApp::new();
    let (phone, raised) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    let (key, by_key) = verified(&app, &raised, "Key");
    assert_eq!(key.app.database.value(r#"SELECT count(*) FROM "auth.sessions""#).as_deref(), Some("1"));
    assert_eq!(phone.unenroll(&by_key).status, 200);
    let refreshed = refresh(&app, text(&by_key, "refresh_token")).json();
    assert_eq!(claims(&refreshed)["aal"], json!("aal2"), "the other factor raised it last");
}

#[test]
fn names_are_unique_and_factors_are_ten() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let ask = |name: &str| enroll(&app, &session, &json!({"factor_type": "totp", "friendly_name": name}));
    assert_eq!(ask("Phone").status, 200);
    assert_error(
        &ask("Phone"),
        422,
        "mfa_factor_name_conflict",
        "A factor with the friendly name \"Phone\" for this user already exists",
    );
    for n in 1..10 {
        assert_eq!(ask(&format!("Phone {n}")).status, 200);
    }
    assert_error(&ask("Eleventh"), 422, "too_many_enrolled_mfa_factors", "unenroll to continue");
    let bob = signed_up(&app, "bob@example.com");
    enrolled(&app, &bob, "Phone");
    // Nobody ever scanned them.
    app.clock.advance(300);
    assert_eq!(ask("Phone").status, 200);
    assert_eq!(get_user(&app, &session).json()["factors"].as_array().unwrap().len(), 1);
}

#[test]
fn verified_factors_have_a_number_of_their_own() {
    let app = TestApp::with_vars(&[("MFA_MAX_VERIFIED_FACTORS", "1")]);
    let session = signed_up(&app, "ann@example.com");
    let (_, session) = verified(&app, &session, "Phone");
    let second = enroll(&app, &session, &json!({"factor_type": "totp", "friendly_name": "Tablet"}));
    assert_error(&second, 422, "too_many_enrolled_mfa_factors", "unenroll to continue");
}

#[test]
fn a_factor_someone_is_about_to_verify_gives_way_after_a_day_only() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    phone.challenged(&session);
    app.clock.advance(3000);
    let again = enroll(&app, &session, &json!({"factor_type": "totp", "friendly_name": "Phone"}));
    assert_error(&again, 422, "mfa_factor_name_conflict", "");
    let session = refresh(&app, text(&session, "refresh_token")).json();
    app.clock.advance(86_400 - 3000);
    let session = refresh(&app, text(&session, "refresh_token")).json();
    enrolled(&app, &session, "Phone");
    assert_error(&phone.challenge(&session), 404, "mfa_factor_not_found", "Factor not found");
}

#[test]
fn other_kinds_of_factors_and_bad_bodies_are_refused() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let rows = [
        (
            json!({"factor_type": "phone", "phone": "+491511234567"}),
            422,
            "mfa_phone_enroll_not_enabled",
            "disabled for Phone",
        ),
        (json!({"factor_type": "webauthn"}), 422, "mfa_webauthn_enroll_not_enabled", "disabled for WebAuthn"),
        (json!({"factor_type": "carrier pigeon"}), 400, "validation_failed", "totp, phone, or webauthn"),
        (json!({}), 400, "validation_failed", "totp, phone, or webauthn"),
        (json!({"factor_type": 1}), 400, "bad_json", "Could not parse"),
        (
            json!({"factor_type": "totp", "friendly_name": "x".repeat(256)}),
            400,
            "validation_failed",
            "255 bytes",
        ),
        (
            json!({"factor_type": "totp", "issuer": "x".repeat(2000)}),
            400,
            "validation_failed",
            "too long for a QR code",
        ),
    ];
    for (body, status, code, message) in rows {
        assert_error(&enroll(&app, &session, &body), status, code, message);
    }
    assert_eq!(get_user(&app, &session).json().get("factors"), None);

    let app = TestApp::with_vars(&[("MFA_TOTP_ENROLL_ENABLED", "false")]);
    let session = signed_up(&app, "ann@example.com");
    let refused = enroll(&app, &session, &json!({"factor_type": "totp"}));
    assert_error(&refused, 422, "mfa_totp_enroll_not_enabled", "MFA enroll is disabled for TOTP");
}

#[test]
fn codes_can_be_switched_off() {
    let app = TestApp::with_vars(&[("MFA_TOTP_VERIFY_ENABLED", "false")]);
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    let message = "MFA verification is disabled for TOTP";
    assert_error(&phone.challenge(&session), 422, "mfa_totp_verify_not_enabled", message);
    let answer = phone.answer(&session, &phone.factor_id, "123456");
    assert_error(&answer, 422, "mfa_totp_verify_not_enabled", message);
}

#[test]
fn factors_are_for_users_with_accounts_and_sessions() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    let bob = signed_up(&app, "bob@example.com");
    let body = json!({"factor_type": "totp", "challenge_id": phone.factor_id, "code": "123456"});
    let (all, challenge, verify, one) =
        ("/auth/v1/factors".to_string(), phone.path("/challenge"), phone.path("/verify"), phone.path(""));
    let rows =
        [(Method::POST, all), (Method::POST, challenge), (Method::POST, verify), (Method::DELETE, one)];
    for (method, path) in &rows {
        let call = |token: &str| app.with_token(token).call(method.clone(), path).json(&body).send();
        let nobody = app.nobody().call(method.clone(), path).json(&body).send();
        assert_error(&nobody, 401, "no_authorization", "valid Bearer token");
        assert_error(&call("sb_secret_test"), 403, "bad_jwt", "missing sub claim");
        let without_session =
            app.user(text(&session["user"], "id")).call(method.clone(), path).json(&body).send();
        assert_error(&without_session, 403, "session_not_found", "this token has none");
        if path.len() > "/auth/v1/factors".len() {
            let theirs = call(text(&bob, "access_token"));
            assert_error(&theirs, 404, "mfa_factor_not_found", "Factor not found");
            let path = path.replace(&phone.factor_id, "nonsense");
            let ann = app.with_token(text(&session, "access_token"));
            let nonsense = ann.call(method.clone(), &path).json(&body).send();
            assert_error(&nonsense, 404, "validation_failed", "factor_id must be an UUID");
        }
    }
    app.database.execute(r#"UPDATE "auth.users" SET is_anonymous = 1"#);
    for (method, path) in &rows {
        let ann = app.with_token(text(&session, "access_token"));
        let anonymous = ann.call(method.clone(), path).json(&body).send();
        assert_error(&anonymous, 403, "no_authorization", "Anonymous user not allowed");
    }
}

#[test]
fn a_challenge_is_answered_once_in_time_and_from_the_same_address() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    let other = enrolled(&app, &session, "Other");
    let challenge = phone.challenged(&session);

    let body = json!({"challenge_id": challenge, "code": phone.code()});
    let ann = app.with_token(text(&session, "access_token"));
    let elsewhere = ann.post(&phone.path("/verify")).address("198.51.100.1").json(&body).send();
    assert_error(&elsewhere, 422, "mfa_ip_address_mismatch", "Challenge and verify IP addresses mismatch.");
    let of_another = other.answer(&session, &challenge, &other.code());
    assert_error(&of_another, 422, "mfa_factor_not_found", "with the provided challenge ID not found");
    let unknown = phone.answer(&session, &phone.factor_id, &phone.code());
    assert_error(&unknown, 422, "mfa_factor_not_found", "with the provided challenge ID not found");
    let rows = [
        (json!({"code": "123456"}), 422, "mfa_factor_not_found", "challenge ID"),
        (json!({"challenge_id": challenge}), 400, "validation_failed", "Code needs to be non-empty"),
        (
            json!({"challenge_id": challenge, "code": ""}),
            400,
            "validation_failed",
            "Code needs to be non-empty",
        ),
        (json!({"challenge_id": "nonsense", "code": "123456"}), 400, "bad_json", "challenge_id"),
        (json!({"challenge_id": challenge, "code": 123456}), 400, "bad_json", "Could not parse"),
    ];
    for (body, status, code, message) in rows {
        let answer = ann.post(&phone.path("/verify")).json(&body).send();
        assert_error(&answer, status, code, message);
    }

    app.clock.advance(299);
    let raised = phone.answer(&session, &challenge, &phone.code());
    assert_eq!(raised.status, 200, "{}", raised.text());
    let raised = raised.json();
    app.clock.advance(30);
    let again = phone.answer(&raised, &challenge, &phone.code());
    assert_error(&again, 422, "mfa_ip_address_mismatch", "");

    let late = phone.challenged(&raised);
    app.clock.advance(300);
    let expired = phone.answer(&raised, &late, &phone.code());
    assert_error(&expired, 422, "mfa_challenge_expired", &format!("MFA challenge {late} has expired"));
    assert_eq!(phone.verify(&raised).status, 200);
}

#[test]
fn clocks_may_differ_by_a_step() {
    for (skew, status) in [(-60, 422), (-30, 200), (30, 200), (60, 422)] {
        let app = TestApp::new();
        let session = signed_up(&app, "ann@example.com");
        let phone = enrolled(&app, &session, "Phone");
        let code = code_at(&phone.secret, app.app.now().seconds() + skew);
        let answer = phone.answer(&session, &phone.challenged(&session), &code);
        assert_eq!(answer.status, status, "{skew} s: {}", answer.text());
    }
}

#[test]
fn a_soft_deleted_account_keeps_no_factor() {
    let app = TestApp::new();
    let (_, raised) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    let path = format!("/auth/v1/admin/users/{}", text(&raised["user"], "id"));
    app.service_role().delete(&path).json(&json!({"should_soft_delete": true})).send();
    let left = app.database.value(r#"SELECT count(*) FROM "auth.mfa_factors""#);
    assert_eq!(left.as_deref(), Some("0"));
    let again = signed_up(&app, "ann@example.com");
    assert_eq!(super::sign_in(&app, "ann@example.com", PASSWORD).status, 200);
    assert_eq!(again["user"].get("factors"), None);
}
