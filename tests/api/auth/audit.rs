//! The audit log: who did what, and where that is written down.

use serde_json::{Value, json};

use super::{PASSWORD, assert_error, authenticator, refresh, sign_in, signed_in, signed_up, text};
use crate::app::TestApp;

fn audited() -> TestApp {
    TestApp::with_vars(&[("AUDIT_LOG", "database")])
}

fn entries(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app.service_role().get(&format!("/auth/v1/admin/audit{query}")).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().as_array().unwrap().clone()
}

fn actions(app: &TestApp) -> Vec<String> {
    let mut names: Vec<String> =
        entries(app, "?per_page=100").iter().map(|entry| text(&entry["payload"], "action").into()).collect();
    names.reverse();
    names
}

#[test]
fn what_people_do_is_written_down_as_upstream_does() {
    let app = audited();
    let session = signed_up(&app, "ann@example.com");
    app.clock.advance(1);
    assert_error(&sign_in(&app, "ann@example.com", "wrong"), 400, "invalid_credentials", "");
    app.clock.advance(1);
    assert_eq!(refresh(&app, text(&session, "refresh_token")).status, 200);
    app.clock.advance(1);
    let (_, raised) = authenticator::verified(&app, &session, "mine");
    let me = app.with_token(text(&raised, "access_token"));
    let changed = me.put("/auth/v1/user").json(&json!({"password": "another horse"})).send();
    assert_eq!(changed.status, 200, "{}", changed.text());
    app.clock.advance(1);
    assert_eq!(me.post("/auth/v1/logout").send().status, 204);
    let mut seen = actions(&app);
    let mut expected = [
        "user_signedup",
        "login",
        "login_failed",
        "token_refreshed",
        "factor_in_progress",
        "challenge_created",
        "verification_attempted",
        "user_updated_password",
        "user_modified",
        "logout",
    ];
    seen.sort();
    expected.sort_unstable();
    assert_eq!(seen, expected);
    let login = &entries(&app, "?query=action:login")[..];
    let login = login.iter().find(|entry| entry["payload"]["action"] == "login").unwrap();
    let payload = &login["payload"];
    assert_eq!(payload["actor_id"], session["user"]["id"]);
    assert_eq!(payload["actor_username"], json!("ann@example.com"));
    assert_eq!(payload["actor_via_sso"], json!(false));
    assert_eq!(payload["log_type"], json!("account"));
    assert_eq!(payload["traits"], json!({"provider": "email"}));
    assert_eq!(login["ip_address"], json!("203.0.113.7"));
}

#[test]
fn administrators_are_written_down_and_the_log_is_paged_and_searched() {
    let app = audited();
    let body = json!({"email": "ann@example.com", "password": PASSWORD, "email_confirm": true});
    let user = app.service_role().post("/auth/v1/admin/users").json(&body).send().json();
    app.clock.advance(1);
    let path = format!("/auth/v1/admin/users/{}", text(&user, "id"));
    app.service_role().put(&path).json(&json!({"user_metadata": {"full_name": "Ann Example"}})).send();
    app.clock.advance(1);
    signed_in(&app, "ann@example.com");
    app.clock.advance(1);
    app.service_role().delete(&path).send();
    let answer = app.service_role().get("/auth/v1/admin/audit?page=2&per_page=1").send();
    assert_eq!(answer.header("x-total-count"), Some("4"));
    assert!(
        answer.header("link").unwrap().contains("</auth/v1/admin/audit?page=3&per_page=1>; rel=\"next\"")
    );
    assert_eq!(answer.json()[0]["payload"]["action"], json!("login"));
    assert_eq!(entries(&app, "?query=type:team").len(), 2);
    assert_eq!(entries(&app, "?query=author:ann%20EX").len(), 1);
    assert_eq!(entries(&app, "?query=author:service_role").len(), 3);
    let first = entries(&app, "?query=action:user_signedup")[0].clone();
    assert_eq!(first["payload"]["traits"]["user_email"], json!("ann@example.com"));
    let refused = app.service_role().get("/auth/v1/admin/audit?query=nonsense").send();
    assert_error(&refused, 400, "validation_failed", "Invalid query scope: nonsense");
    assert_error(&app.anon().get("/auth/v1/admin/audit").send(), 403, "not_admin", "");
}

#[test]
fn the_log_has_a_line_unless_it_is_off_and_a_row_that_fails_stops_nothing() {
    let app = TestApp::new();
    signed_up(&app, "ann@example.com");
    let lines =
        |app: &TestApp| app.log.0.borrow().iter().filter(|line| line.contains("auth_audit_event")).count();
    assert_eq!(lines(&app), 2);
    assert_eq!(entries(&app, ""), Vec::<Value>::new());
    let off = TestApp::with_vars(&[("AUDIT_LOG", "off")]);
    signed_up(&off, "ann@example.com");
    assert_eq!(lines(&off), 0);
    let app = audited();
    signed_up(&app, "ann@example.com");
    app.database.fault.fail_at(3);
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
    assert!(app.log.0.borrow().iter().any(|line| line.contains("could not be written to the audit log")));
}
