//! `POST /token?grant_type=password`.

use serde_json::json;

use super::{PASSWORD, assert_error, get_user, sign_in, signed_in, signed_up};
use crate::app::TestApp;

/// bcrypt of [`PASSWORD`] at cost 4.
fn bcrypt_hash() -> String {
    bcrypt::hash(PASSWORD, 4).unwrap()
}

#[test]
fn the_right_password_starts_a_session() {
    let app = TestApp::new();
    signed_up(&app, "ann@example.com");
    app.clock.advance(60);
    let before = app.database.rows_written();
    let session = signed_in(&app, "ann@example.com");
    assert!(app.database.rows_written() - before <= 3, "{}", app.database.rows_written() - before);
    assert_eq!(session["user"]["last_sign_in_at"], json!("2027-01-15T08:01:00Z"));
    assert_eq!(get_user(&app, &session).json(), session["user"]);
}

#[test]
fn unknown_user_no_password_and_wrong_password_look_the_same() {
    let app = TestApp::new();
    signed_up(&app, "ann@example.com");
    let body = json!({"email": "no-password@example.com", "email_confirm": true});
    app.service_role().post("/auth/v1/admin/users").json(&body).send();
    let wrong = sign_in(&app, "ann@example.com", "wrong");
    assert_error(&wrong, 400, "invalid_credentials", "Invalid login credentials");
    for email in ["nobody@example.com", "no-password@example.com", "not an address", "' OR 1=1 --"] {
        let verifications = app.hasher.verifications();
        let batches = app.database.fault.calls();
        let answer = sign_in(&app, email, "wrong");
        assert_eq!((answer.status, answer.text()), (wrong.status, wrong.text()), "{email}");
        assert_eq!(
            app.hasher.verifications(),
            verifications + 1,
            "{email} takes as long as a wrong password"
        );
        assert_eq!(app.database.fault.calls(), batches + 2, "{email}: looked up, and the failure counted");
    }
}

#[test]
fn the_dummy_hash_fits_no_password() {
    let app = TestApp::new();
    for password in ["", "no such user", PASSWORD] {
        assert_eq!(sign_in(&app, "nobody@example.com", password).status, 400);
    }
}

#[test]
fn a_missing_or_ambiguous_login_is_refused() {
    let app = TestApp::new();
    let rows = [
        ("password", json!({"password": "x"}), 400, "validation_failed", "missing email or phone"),
        (
            "password",
            json!({"email": "a@b.c", "phone": "1"}),
            400,
            "validation_failed",
            "Only an email address or phone",
        ),
        (
            "password",
            json!({"phone": "1234567", "password": "x"}),
            422,
            "phone_provider_disabled",
            "Phone logins are disabled",
        ),
        ("password", json!({"email": "a@b.c", "password": 5}), 400, "bad_json", "Could not parse"),
        ("password", json!({"email": "a@b.c"}), 400, "invalid_credentials", "Invalid login credentials"),
        ("pkce", json!({}), 400, "validation_failed", "both auth code and code verifier"),
        ("nonsense", json!({}), 400, "invalid_credentials", "unsupported_grant_type"),
        ("", json!({}), 400, "invalid_credentials", "unsupported_grant_type"),
    ];
    for (grant_type, body, status, code, message) in rows {
        let path = format!("/auth/v1/token?grant_type={grant_type}");
        assert_error(&app.anon().post(&path).json(&body).send(), status, code, message);
    }
    let app = TestApp::with_vars(&[("EXTERNAL_EMAIL_ENABLED", "false")]);
    assert_error(&sign_in(&app, "a@b.c", "x"), 422, "email_provider_disabled", "Email logins are disabled");
}

#[test]
fn a_ban_is_said_only_to_who_knows_the_password() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let path = format!("/auth/v1/admin/users/{}", session["user"]["id"].as_str().unwrap());
    app.service_role().put(&path).json(&json!({"ban_duration": "1h"})).send();
    assert_error(&sign_in(&app, "ann@example.com", PASSWORD), 400, "user_banned", "User is banned");
    assert_error(&sign_in(&app, "ann@example.com", "wrong"), 400, "invalid_credentials", "");
    app.clock.advance(3601);
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
}

#[test]
fn an_imported_bcrypt_hash_becomes_argon2id_at_the_first_sign_in() {
    let app = TestApp::new();
    let body = json!({"email": "ann@example.com", "password_hash": bcrypt_hash(), "email_confirm": true});
    let answer = app.service_role().post("/auth/v1/admin/users").json(&body).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let hash = || app.database.value(r#"SELECT encrypted_password FROM "auth.users""#).unwrap();
    assert!(hash().starts_with("$2"));

    assert_error(&sign_in(&app, "ann@example.com", "wrong"), 400, "invalid_credentials", "");
    assert!(hash().starts_with("$2"), "a wrong password changes nothing");
    let before = app.database.rows_written();
    signed_in(&app, "ann@example.com");
    assert!(app.database.rows_written() - before <= 3);
    assert!(hash().starts_with("$argon2id$"));
    let rehashed = hash();
    signed_in(&app, "ann@example.com");
    assert_eq!(hash(), rehashed, "a hash of our own is kept");
}

#[test]
fn hashes_of_firebase_and_of_pbkdf2_become_argon2id_at_the_first_sign_in() {
    let rows = [
        // The example of Firebase's own repository.
        (
            "user1password",
            "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
        ),
        ("password", "$pbkdf2-sha256$1000$c2FsdA$YywoEuRtRgQQK6dhjp1tfS.BKPYma0oDJk0qBGC33LM"),
        ("password", "pbkdf2_sha256$1000$salt$YywoEuRtRgQQK6dhjp1tfS+BKPYma0oDJk0qBGC33LM="),
    ];
    for (password, imported) in rows {
        let app = TestApp::new();
        let body = json!({"email": "ann@example.com", "password_hash": imported, "email_confirm": true});
        let answer = app.service_role().post("/auth/v1/admin/users").json(&body).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let hash = || app.database.value(r#"SELECT encrypted_password FROM "auth.users""#).unwrap();
        assert_eq!(hash(), imported);
        assert_error(&sign_in(&app, "ann@example.com", "wrong"), 400, "invalid_credentials", "");
        assert_eq!(hash(), imported, "a wrong password changes nothing");
        assert_eq!(sign_in(&app, "ann@example.com", password).status, 200, "{imported}");
        assert!(hash().starts_with("$argon2id$"));
        assert_eq!(sign_in(&app, "ann@example.com", password).status, 200, "{imported}");
        for broken in [
            imported.replace('=', ",").replace("$1000$", "$$"),
            imported.replace("1000", "9999999").replace("n=14", "n=30"),
        ] {
            let body = json!({"email": "bob@example.com", "password_hash": broken});
            let answer = app.service_role().post("/auth/v1/admin/users").json(&body).send();
            assert_error(&answer, 400, "validation_failed", "whole and of reasonable cost");
        }
    }
}

#[test]
fn a_password_that_no_longer_meets_the_rules_signs_in_with_a_warning() {
    let app = TestApp::with_vars(&[("PASSWORD_MIN_LENGTH", "20")]);
    let body = json!({"email": "ann@example.com", "password_hash": bcrypt_hash(), "email_confirm": true});
    app.service_role().post("/auth/v1/admin/users").json(&body).send();
    let session = signed_in(&app, "ann@example.com");
    assert_eq!(
        session["weak_password"],
        json!({"message": "Password should be at least 20 characters.", "reasons": ["length"]})
    );
}

#[test]
fn an_account_that_changes_during_the_sign_in_gets_no_session() {
    let changes = [
        "UPDATE \"auth.users\" SET encrypted_password = 'changed'",
        "UPDATE \"auth.users\" SET banned_until = '2099-01-01T00:00:00+00:00'",
        "DELETE FROM \"auth.users\"",
    ];
    for change in changes {
        let app = TestApp::new();
        signed_up(&app, "ann@example.com");
        app.database.execute(r#"DELETE FROM "auth.sessions""#);
        app.database.interrupt_at(2, change);
        assert_error(&sign_in(&app, "ann@example.com", PASSWORD), 409, "conflict", "try again");
        assert_eq!(
            app.database.value(r#"SELECT count(*) FROM "auth.sessions""#).as_deref(),
            Some("0"),
            "{change}"
        );
    }
}
