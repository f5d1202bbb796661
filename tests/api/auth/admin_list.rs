//! `GET /admin/users`: pages of accounts.

use serde_json::json;

use super::{assert_error, text};
use crate::app::{Answer, TestApp};

/// `user1@example.com` to `user5@example.com`, the last two in the same instant.
fn five_users() -> TestApp {
    let app = TestApp::new();
    for number in 1..=5 {
        let body = json!({"email": format!("user{number}@example.com"), "user_metadata": {"full_name": format!("Nº {number} B.")}});
        app.service_role().post("/auth/v1/admin/users").json(&body).send();
        if number < 4 {
            app.clock.advance(1);
        }
    }
    app
}

fn list(app: &TestApp, query: &str) -> Answer {
    let answer = app.service_role().get(&format!("/auth/v1/admin/users{query}")).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

fn numbers(answer: &Answer) -> String {
    let users = answer.json()["users"].clone();
    users.as_array().unwrap().iter().map(|user| text(user, "email").as_bytes()[4] as char).collect()
}

#[test]
fn pages_come_newest_first_with_their_links() {
    let app = five_users();
    let rows = [
        ("", "54321", r#"</auth/v1/admin/users?page=1&per_page=50>; rel="last""#),
        ("?page=&per_page=", "54321", r#"</auth/v1/admin/users?page=1&per_page=50>; rel="last""#),
        (
            "?page=1&per_page=2",
            "54",
            r#"</auth/v1/admin/users?page=2&per_page=2>; rel="next", </auth/v1/admin/users?page=3&per_page=2>; rel="last""#,
        ),
        ("?page=3&per_page=2", "1", r#"</auth/v1/admin/users?page=3&per_page=2>; rel="last""#),
        ("?page=9&per_page=2", "", r#"</auth/v1/admin/users?page=3&per_page=2>; rel="last""#),
        (
            "?sort=created_at%20asc&per_page=4",
            "1234",
            r#"</auth/v1/admin/users?page=2&per_page=4&sort=created_at+asc>; rel="next", </auth/v1/admin/users?page=2&per_page=4&sort=created_at+asc>; rel="last""#,
        ),
        (
            "?sort=created_at%20ASC",
            "12345",
            r#"</auth/v1/admin/users?page=1&per_page=50&sort=created_at+asc>; rel="last""#,
        ),
        ("?sort=created_at%20DESC", "54321", r#"</auth/v1/admin/users?page=1&per_page=50>; rel="last""#),
    ];
    for (query, expected, link) in rows {
        let answer = list(&app, query);
        assert_eq!(numbers(&answer), expected, "{query}");
        assert_eq!(answer.header("x-total-count"), Some("5"), "{query}");
        assert_eq!(answer.header("link"), Some(link), "{query}");
        assert_eq!(answer.json()["aud"], json!("authenticated"));
    }
}

#[test]
fn an_empty_project_has_one_empty_page() {
    let answer = list(&TestApp::new(), "");
    assert_eq!(answer.json()["users"], json!([]));
    assert_eq!(answer.header("x-total-count"), Some("0"));
}

#[test]
fn a_listed_user_is_whole() {
    let app = five_users();
    let user = list(&app, "?per_page=1").json()["users"][0].clone();
    let id = text(&user, "id");
    assert_eq!(app.service_role().get(&format!("/auth/v1/admin/users/{id}")).send().json(), user);
    assert_eq!(user["identities"].as_array().unwrap().len(), 1);
}

#[test]
fn a_filter_finds_parts_of_addresses_and_names() {
    let app = five_users();
    let rows = [
        ("USER3@", "3"),
        ("example.com", "54321"),
        ("n%C2%BA", "54321"),
        ("4%20b.", "4"),
        ("%25", ""),
        ("_", ""),
        ("'%20OR%201=1%20--", ""),
    ];
    for (filter, expected) in rows {
        let answer = list(&app, &format!("?filter={filter}"));
        assert_eq!(numbers(&answer), expected, "{filter}");
        assert_eq!(answer.header("x-total-count"), Some(expected.len().to_string().as_str()), "{filter}");
    }
}

#[test]
fn pages_that_cannot_be_are_refused() {
    let app = TestApp::new();
    for query in ["page=-1", "page=x", "per_page=1.5", "sort=email", "sort=created_at;--"] {
        let answer = app.service_role().get(&format!("/auth/v1/admin/users?{query}")).send();
        assert_error(&answer, 400, "validation_failed", "Bad ");
    }
    let answer = app.service_role().get("/auth/v1/admin/users?sort=created_at%20up").send();
    assert_error(&answer, 400, "validation_failed", "bad direction for sort 'up'");
}
