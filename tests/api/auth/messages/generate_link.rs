//! `POST /admin/generate_link`.

use super::*;

fn generate(app: &TestApp, body: &Value) -> Answer {
    app.service_role().post("/auth/v1/admin/generate_link").json(body).send()
}

fn path_of(link: &Value) -> String {
    text(link, "action_link").trim_start_matches("http://127.0.0.1:54321").to_string()
}

#[test]
fn each_kind_of_link_works_by_link_hash_and_code_and_no_mail_goes_out() {
    let rows = [
        ("signup", false, "signup", "signup"),
        ("invite", false, "invite", "invite"),
        ("magiclink", true, "magiclink", "magiclink"),
        ("magiclink", false, "signup", "signup"),
        ("recovery", true, "recovery", "recovery"),
    ];
    for (name, exists, answered, verified) in rows {
        for way in ["link", "hash", "code"] {
            let app = confirming();
            if exists {
                account(&app, "ann@example.com");
            }
            let body =
                json!({"type": name, "email": "ann@example.com", "password": PASSWORD, "data": {"a": 1}});
            let answer = generate(&app, &body);
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            let link = answer.json();
            assert_eq!(link["verification_type"], json!(answered));
            assert_eq!(link["email"], json!("ann@example.com"));
            assert_eq!(link["redirect_to"], json!("http://127.0.0.1:3000"));
            let done = match way {
                "link" => in_fragment(&follow(&app, &path_of(&link)), "access_token").is_some(),
                "hash" => verify_hash(&app, verified, text(&link, "hashed_token")).status == 200,
                _ => verify_code(&app, verified, "ann@example.com", text(&link, "email_otp")).status == 200,
            };
            assert!(done, "{name} by {way}");
            assert_eq!(mail_count(&app), "0");
        }
    }
}

#[test]
fn an_addresss_change_takes_both_links() {
    let app = confirming();
    account(&app, "ann@example.com");
    let links: Vec<Value> = ["email_change_current", "email_change_new"]
        .map(|name| {
            let body = json!({"type": name, "email": "ann@example.com", "new_email": "anna@example.com"});
            let link = generate(&app, &body).json();
            assert_eq!(link["new_email"], json!("anna@example.com"));
            assert_eq!(link["verification_type"], json!(name));
            assert!(path_of(&link).contains("type=email_change&"));
            link
        })
        .into();
    assert!(in_fragment(&follow(&app, &path_of(&links[0])), "message").is_some());
    assert!(in_fragment(&follow(&app, &path_of(&links[1])), "access_token").is_some());
    assert_eq!(sign_in(&app, "anna@example.com", PASSWORD).status, 200);
}

#[test]
fn a_password_is_of_who_signs_up_and_of_nobody_who_is_there() {
    let app = confirming();
    let first = generate(&app, &json!({"type": "invite", "email": "ann@example.com", "password": "x"}));
    assert_eq!(first.status, 200, "{}", first.text());
    let again = generate(&app, &json!({"type": "signup", "email": "ann@example.com", "data": {"a": 1}}));
    assert_eq!(again.status, 200, "{}", again.text());
    assert_eq!(again.json()["user_metadata"]["a"], json!(1));
    let weak = generate(&app, &json!({"type": "signup", "email": "bob@example.com", "password": "x"}));
    assert_error(&weak, 422, "weak_password", "at least 6");
}

#[test]
fn links_are_in_the_audit_log_as_upstream_has_them() {
    let app = confirming_with(&[("AUDIT_LOG", "database")]);
    account(&app, "ann@example.com");
    for body in [
        json!({"type": "invite", "email": "guest@example.com"}),
        json!({"type": "invite", "email": "guest@example.com"}),
        json!({"type": "recovery", "email": "ann@example.com"}),
        json!({"type": "signup", "email": "new@example.com", "password": PASSWORD}),
    ] {
        app.clock.advance(1);
        assert_eq!(generate(&app, &body).status, 200, "{body}");
    }
    let log = app.service_role().get("/auth/v1/admin/audit").send().json();
    let said: Vec<_> = log.as_array().unwrap()[..3]
        .iter()
        .map(|entry| (text(&entry["payload"], "action"), text(&entry["payload"], "actor_username")))
        .collect();
    let invited = ("user_invited", "service_role");
    assert_eq!(said, [("user_recovery_requested", "ann@example.com"), invited, invited]);
    assert_eq!(log[1]["payload"]["traits"]["user_email"], json!("guest@example.com"));
}

#[test]
fn the_redirect_is_the_asked_one_if_it_is_allowed() {
    let app = confirming_with(&[("URI_ALLOW_LIST", "https://app.example.com/**")]);
    account(&app, "ann@example.com");
    let rows = [
        ("https://app.example.com/in?x=1", "https://app.example.com/in?x=1"),
        ("https://evil.example.net/", "http://127.0.0.1:3000"),
    ];
    for (asked, given) in rows {
        let body = json!({"type": "magiclink", "email": "ann@example.com", "redirect_to": asked});
        let link = generate(&app, &body).json();
        assert_eq!(link["redirect_to"], json!(given));
        assert!(follow(&app, &path_of(&link)).starts_with(&format!("{given}#access_token=")));
    }
}

#[test]
fn what_is_no_request_is_refused_with_its_reason() {
    let app = confirming();
    account(&app, "ann@example.com");
    account(&app, "bob@example.com");
    let rows = [
        (
            json!({"type": "recovery", "email": "nobody@example.com"}),
            404,
            "user_not_found",
            "User with this email not found",
        ),
        (
            json!({"type": "email_change_new", "email": "nobody@example.com", "new_email": "a@b.c"}),
            404,
            "user_not_found",
            "not found",
        ),
        (
            json!({"type": "signup", "email": "ann@example.com", "password": PASSWORD}),
            422,
            "email_exists",
            "already been registered",
        ),
        (
            json!({"type": "invite", "email": "ann@example.com"}),
            422,
            "email_exists",
            "already been registered",
        ),
        (
            json!({"type": "email_change_new", "email": "ann@example.com", "new_email": "bob@example.com"}),
            422,
            "email_exists",
            "already",
        ),
        (
            json!({"type": "email_change_new", "email": "ann@example.com"}),
            400,
            "validation_failed",
            "An email address is required",
        ),
        (
            json!({"type": "signup", "email": "new@example.com"}),
            400,
            "validation_failed",
            "Signup requires a valid password",
        ),
        (
            json!({"type": "nonsense", "email": "ann@example.com"}),
            400,
            "validation_failed",
            "Invalid email action link type requested: nonsense",
        ),
        (
            json!({"type": "magiclink", "email": "nonsense"}),
            400,
            "validation_failed",
            "Unable to validate email address",
        ),
    ];
    for (body, status, code, message) in rows {
        assert_error(&generate(&app, &body), status, code, message);
    }
    let body = json!({"type": "magiclink", "email": "ann@example.com"});
    let anon = app.anon().post("/auth/v1/admin/generate_link").json(&body).send();
    assert_error(&anon, 403, "not_admin", "User not allowed");
}
