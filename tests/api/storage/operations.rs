//! `storage.operation()` and its helpers in policies, and what a refusal says of the policy behind it.

use http::StatusCode;
use serde_json::{Value, json};

use super::{app_with_bucket, assert_refused, put, read};
use crate::app::{Answer, TestApp};

const ANN: &str = "4d56e902-f0a0-4662-8448-a4d9e643c142";

/// An app whose objects everyone signed in may do anything with, under a condition.
fn app_where(condition: &str) -> TestApp {
    let app = app_with_bucket();
    app.migrate(
        "20260101000000",
        &format!("CREATE POLICY p ON storage.objects TO authenticated USING ({condition}) WITH CHECK (true)"),
    );
    put(&app, "files/a", "a");
    app
}

fn ask(app: &TestApp, method: &str, target: &str, body: Option<Value>) -> Answer {
    let user = app.user(ANN);
    let call = user.call(method.parse().unwrap(), &format!("/storage/v1/{target}"));
    match body {
        Some(body) => call.json(&body).send(),
        None => call.send(),
    }
}

#[test]
fn each_request_has_upstreams_operation() {
    #[rustfmt::skip]
    let rows = [
        ("storage.object.get_authenticated",  "GET",  "object/authenticated/files/a",      None),
        ("storage.object.get_authenticated",  "GET",  "object/files/a",                    None),
        ("object.head_authenticated_info",    "HEAD", "object/files/a",                    None),
        ("object.get_authenticated_info",     "GET",  "object/info/files/a",               None),
        ("storage.object.sign",               "POST", "object/sign/files/a",               Some(json!({"expiresIn": 5}))),
        ("storage.object.move",               "POST", "object/move",                       Some(json!({"bucketId": "files", "sourceKey": "a", "destinationKey": "b"}))),
        ("storage.object.copy",               "POST", "object/copy",                       Some(json!({"bucketId": "files", "sourceKey": "a", "destinationKey": "b"}))),
        ("storage.object.delete",             "DELETE", "object/files/a",                  None),
    ];
    for (operation, method, target, body) in rows {
        for (asked, expected) in [(operation, StatusCode::OK), ("storage.other", StatusCode::BAD_REQUEST)] {
            let app = app_where(&format!("storage.operation() = '{asked}'"));
            let answer = ask(&app, method, target, body.clone());
            assert_eq!(answer.status, expected, "{asked} {method} {target}: {}", answer.text());
        }
    }
    for (operation, target, body) in [
        ("storage.object.list", "object/list/files", json!({"prefix": ""})),
        ("storage.object.list_v2", "object/list-v2/files", json!({"prefix": ""})),
        ("storage.object.delete_many", "object/files", json!({"prefixes": ["a"]})),
    ] {
        let method = if target == "object/files" { "DELETE" } else { "POST" };
        for (asked, shown) in [(operation, true), ("storage.other", false)] {
            let app = app_where(&format!("storage.operation() = '{asked}'"));
            let answer = ask(&app, method, target, Some(body.clone()));
            assert_eq!(answer.text().contains("\"a\""), shown, "{asked} {target}: {}", answer.text());
        }
    }
}

#[test]
fn operations_are_allowed_by_name_with_or_without_prefix() {
    #[rustfmt::skip]
    let rows = [
        ("storage.allow_only_operation('object.get_authenticated')",                            true),
        ("storage.allow_only_operation('storage.object.get_authenticated')",                    true),
        ("storage.allow_only_operation('storage.object.list')",                                 false),
        ("storage.allow_only_operation('')",                                                    false),
        ("storage.allow_only_operation(NULL)",                                                  false),
        ("NOT storage.allow_only_operation('object.list')",                                     true),
        ("storage.allow_any_operation(ARRAY['object.list', 'object.get_authenticated'])",       true),
        ("storage.allow_any_operation(ARRAY['storage.object.list','storage.object.get_authenticated'])", true),
        ("storage.allow_any_operation(ARRAY['object.list', ''])",                               false),
        ("storage.allow_any_operation(ARRAY[NULL, 'object.get_authenticated'])",                true),
        ("current_setting('storage.operation', true) = 'storage.object.get_authenticated'",     true),
    ];
    for (condition, shown) in rows {
        let app = app_where(condition);
        let answer = ask(&app, "GET", "object/files/a", None);
        assert_eq!(answer.status == StatusCode::OK, shown, "{condition}: {}", answer.text());
    }
}

#[test]
fn other_apis_have_no_operation() {
    let app = app_with_bucket();
    app.migrate(
        "20260101000000",
        "CREATE TABLE notes (id int PRIMARY KEY);
         CREATE POLICY p ON notes USING (storage.operation() IS NULL);
         INSERT INTO notes VALUES (1)",
    );
    assert_eq!(app.user(ANN).get("/rest/v1/notes?select=id").send().json(), json!([{"id": 1}]));
}

#[test]
fn a_refusal_keeps_upstreams_message_and_hints_at_the_policy() {
    #[rustfmt::skip]
    let rows: [(&[&str], bool, bool, &str); 6] = [
        // policies there are,        over another, upsert, the command that is missing
        (&[],                         false,        false,  "INSERT policies"),
        (&["SELECT"],                 false,        true,   "INSERT policies"),
        (&["INSERT"],                 false,        true,   "SELECT policies"),
        (&["INSERT", "SELECT"],       true,         true,   "UPDATE policies"),
        (&["INSERT", "SELECT"],       false,        true,   ""),
        (&["INSERT", "SELECT", "UPDATE"], true,     true,   ""),
    ];
    for (commands, over, upsert, missing) in rows {
        let app = app_with_bucket();
        for (index, command) in commands.iter().enumerate() {
            let condition = if *command == "INSERT" { "WITH CHECK (true)" } else { "USING (true)" };
            let sql = format!("CREATE POLICY \"{command}\" ON storage.objects FOR {command} {condition}");
            app.migrate(&format!("2026010100000{index}"), &sql);
        }
        if over {
            put(&app, "files/a", "old");
        }
        let call = app.user(ANN).post("/storage/v1/object/files/a").body("new");
        let answer = call.header("x-upsert", if upsert { "true" } else { "false" }).send();
        if missing.is_empty() {
            assert_eq!(answer.status, StatusCode::OK, "{commands:?}: {}", answer.text());
            continue;
        }
        assert_refused(&answer, "AccessDenied", "403");
        let body = answer.json();
        assert_eq!(body["message"], "new row violates row-level security policy");
        assert!(body["hint"].as_str().unwrap().contains(missing), "{commands:?}: {body}");
    }
}

#[test]
fn a_refused_move_and_removal_hint_at_the_policy() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    app.migrate("20260101000000", "CREATE POLICY s ON storage.objects FOR SELECT USING (name = 'a')");
    app.migrate(
        "20260101000001",
        "CREATE POLICY u ON storage.objects FOR UPDATE USING (true) WITH CHECK (name <> 'c')",
    );
    for (to, hint) in [("b", "SELECT policies"), ("c", "UPDATE policies")] {
        let body = json!({"bucketId": "files", "sourceKey": "a", "destinationKey": to});
        let answer = ask(&app, "POST", "object/move", Some(body));
        assert_refused(&answer, "AccessDenied", "403");
        assert!(answer.json()["hint"].as_str().unwrap().contains(hint), "{}", answer.text());
    }
    let answer = ask(&app, "DELETE", "object/files/a", None);
    assert!(answer.json()["hint"].as_str().unwrap().contains("DELETE"), "{}", answer.text());
    let answer = app.user(ANN).post("/storage/v1/bucket").json(&json!({"name": "mine"})).send();
    assert!(answer.json()["hint"].as_str().unwrap().contains("storage.buckets"), "{}", answer.text());
    assert_eq!(read(&app, "files/a").as_deref(), Some("a"));
}
