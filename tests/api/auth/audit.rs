//! The audit log: who did what, and where that is written down.

use edgeward::ports::Blobs;
use futures_executor::block_on;
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
    let found = app.service_role().get("/auth/v1/admin/audit?query=type:team&per_page=1").send();
    assert!(found.header("link").unwrap().contains("?page=2&per_page=1&query=type%3Ateam>; rel=\"next\""));
    assert_eq!(entries(&app, "?query=author:ann%20EX").len(), 1);
    assert_eq!(entries(&app, "?query=author:service_role").len(), 3);
    let first = entries(&app, "?query=action:user_signedup")[0].clone();
    assert_eq!(first["payload"]["traits"]["user_email"], json!("ann@example.com"));
    let last = entries(&app, "?query=action:user_deleted")[0].clone();
    let traits = json!({"user_id": user["id"], "user_email": "ann@example.com", "user_phone": ""});
    assert_eq!(last["payload"]["traits"], traits, "who it was, though nothing else is left");
    let refused = app.service_role().get("/auth/v1/admin/audit?query=nonsense").send();
    assert_error(&refused, 400, "validation_failed", "Invalid query scope: nonsense");
    assert_error(&app.anon().get("/auth/v1/admin/audit").send(), 403, "not_admin", "");
}

/// The lines of what R2 has of the audit log, by object.
fn archived(app: &TestApp) -> Vec<Vec<Value>> {
    let listed = block_on(app.blobs.list(None, 1000)).unwrap();
    let objects = listed.into_iter().filter(|(key, _)| key.starts_with("audit/"));
    let read = |key: String| {
        let blob = block_on(app.blobs.get(&key, None)).unwrap().unwrap();
        let bytes = block_on(blob.body.read(u64::MAX)).unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    objects.map(|(key, _)| read(key)).collect()
}

#[test]
fn acts_of_a_second_are_one_object_in_r2() {
    let app = TestApp::with_vars(&[("AUDIT_LOG", "r2")]);
    signed_up(&app, "ann@example.com");
    sign_in(&app, "ann@example.com", "wrong");
    assert_eq!(archived(&app).len(), 0, "nobody waits for it");
    app.run_late_work();
    assert_eq!(app.http_client.paused.get(), 1000);
    let objects = archived(&app);
    assert_eq!(objects.len(), 1);
    let actions: Vec<&str> = objects[0].iter().map(|act| text(&act["auth_audit_event"], "action")).collect();
    assert_eq!(actions, ["user_signedup", "login", "login_failed"]);
    assert_eq!(objects[0][0]["at"], json!("2027-01-15T08:00:00.000Z"));
    assert!(objects[0][0]["auth_audit_event"]["audit_log_id"].is_string());
    let keys: Vec<String> =
        block_on(app.blobs.list(None, 1000)).unwrap().into_iter().map(|(key, _)| key).collect();
    assert!(
        keys[0].starts_with("audit/2027-01-15/08:00:00.000Z-") && keys[0].ends_with(".jsonl"),
        "{keys:?}"
    );
    signed_in(&app, "ann@example.com");
    app.run_late_work();
    assert_eq!(archived(&app).len(), 2);
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.audit_log_entries""#).as_deref(), Some("0"));
    // They are no bytes of objects that the storage lost track of.
    app.clock.advance(30 * 24 * 3600);
    let check =
        app.service_role().post("/admin/v1/storage/check").json(&json!({"repair_bytes": true})).send();
    assert_eq!(check.json()["stray_bytes"], json!([]), "{}", check.text());
}

#[test]
fn an_object_that_cannot_be_written_is_tried_again_and_stops_nothing() {
    let app = TestApp::with_vars(&[("AUDIT_LOG", "r2")]);
    signed_up(&app, "ann@example.com");
    app.blobs.fault.fail_at(1);
    app.run_late_work();
    assert_eq!(archived(&app).iter().map(Vec::len).sum::<usize>(), 2, "the second try");
    app.blobs.fault.fail_always();
    signed_in(&app, "ann@example.com");
    app.run_late_work();
    assert!(app.log.0.borrow().iter().any(|line| line.contains("acts could not be written to R2")));
    app.blobs.fault.mend();
    signed_in(&app, "ann@example.com");
    app.run_late_work();
    assert_eq!(archived(&app).iter().map(Vec::len).sum::<usize>(), 4, "none is lost");
    // Whoever set out to write them was lost.
    signed_in(&app, "ann@example.com");
    app.late_work.take();
    app.clock.advance(61);
    signed_in(&app, "ann@example.com");
    app.run_late_work();
    assert_eq!(archived(&app).iter().map(Vec::len).sum::<usize>(), 6);
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
