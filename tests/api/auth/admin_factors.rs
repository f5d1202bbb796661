//! `/admin/users/{id}/factors`.

use http::Method;
use serde_json::json;

use super::authenticator::{enrolled, verified};
use super::{assert_error, claims, refresh, session_id, signed_up, text};
use crate::app::TestApp;

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[test]
fn an_administrator_lists_renames_and_removes_factors() {
    let app = TestApp::new();
    let (phone, raised) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    enrolled(&app, &raised, "Other");
    let all = format!("/auth/v1/admin/users/{}/factors", text(&raised["user"], "id"));
    let one = format!("{all}/{}", phone.factor_id);
    let listed = app.service_role().get(&all).send().json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!((&listed[0]["id"], &listed[0]["status"]), (&json!(phone.factor_id), &json!("verified")));
    assert!(!listed.to_string().contains(&phone.secret));

    let rename = |body| app.service_role().put(&one).json(&body).send();
    let renamed = rename(json!({"friendly_name": "Old phone", "phone": "123"})).json();
    assert_eq!(renamed["friendly_name"], json!("Old phone"));
    assert_eq!(rename(json!({})).json(), renamed, "nothing asked, nothing changed");
    assert_eq!(app.service_role().get(&all).send().json()[0], renamed);
    assert_error(&rename(json!({"friendly_name": "Other"})), 422, "mfa_factor_name_conflict", "\"Other\"");
    assert_error(&rename(json!({"friendly_name": "x".repeat(256)})), 400, "validation_failed", "255");

    let removed = app.service_role().delete(&one).send();
    assert_eq!((removed.status.as_u16(), removed.json()), (200, renamed));
    let refreshed = refresh(&app, text(&raised, "refresh_token")).json();
    assert_eq!(claims(&refreshed)["aal"], json!("aal1"), "the lost factor's session is lowered");
    assert_eq!(session_id(&refreshed), session_id(&raised));
    assert_error(&app.service_role().delete(&one).send(), 404, "mfa_factor_not_found", "Factor not found");
}

#[test]
fn only_administrators_may_and_ids_are_told_apart() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    let all = format!("/auth/v1/admin/users/{}/factors", text(&session["user"], "id"));
    let one = format!("{all}/{}", phone.factor_id);
    let body = json!({"friendly_name": "Stolen"});
    for (method, path) in [(Method::GET, &all), (Method::PUT, &one), (Method::DELETE, &one)] {
        let own =
            app.with_token(text(&session, "access_token")).call(method.clone(), path).json(&body).send();
        assert_error(&own, 403, "not_admin", "User not allowed");
        let of_nobody = path.replace(text(&session["user"], "id"), NOBODY);
        let answer = app.service_role().call(method.clone(), &of_nobody).json(&body).send();
        assert_error(&answer, 404, "user_not_found", "User not found");
        let nonsense = path.replace(text(&session["user"], "id"), "nonsense");
        let answer = app.service_role().call(method.clone(), &nonsense).json(&body).send();
        assert_error(&answer, 404, "validation_failed", "user_id must be an UUID");
    }
    for method in [Method::PUT, Method::DELETE] {
        let rows = [
            (NOBODY, "mfa_factor_not_found", "Factor not found"),
            ("x", "validation_failed", "must be an UUID"),
        ];
        for (id, code, message) in rows {
            let answer = app.service_role().call(method.clone(), &format!("{all}/{id}")).json(&body).send();
            assert_error(&answer, 404, code, message);
        }
    }
}
