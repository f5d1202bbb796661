//! Folders in whole: listed at the cost of what is shown, listed recursively, removed with everything beneath.

use http::StatusCode;
use serde_json::{Value, json};

use super::{app_with_bucket, assert_no_orphans, assert_refused, put, read, sweep};
use crate::app::TestApp;

/// Three folders with so many objects each, and two files, in rows alone.
fn app_with_folders(objects: u32) -> TestApp {
    let app = app_with_bucket();
    app.database.execute(&format!(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {objects})
         INSERT INTO \"storage.objects\" (bucket_id, name)
         SELECT 'files', folder.value || '/' || printf('%06d', n)
         FROM number, json_each('[\"a\", \"B\", \"c/d\"]') AS folder"
    ));
    app.database
        .execute("INSERT INTO \"storage.objects\" (bucket_id, name) VALUES ('files', 'b'), ('files', 'd')");
    app
}

fn names_v1(app: &TestApp, order: &str) -> Vec<String> {
    let body = json!({"prefix": "", "sortBy": {"column": "name", "order": order}});
    let answer = app.service_role().post("/storage/v1/object/list/files").json(&body).send();
    answer
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap().to_string())
        .collect()
}

fn page(app: &TestApp, body: &Value) -> (Vec<String>, Option<String>) {
    let answer = app.service_role().post("/storage/v1/object/list-v2/files").json(body).send();
    let answer = answer.json();
    let names = |kind: &str| -> Vec<String> {
        answer[kind]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["name"].as_str().unwrap().to_string())
            .collect()
    };
    let mut all = [names("folders"), names("objects")].concat();
    all.sort();
    (all, answer["nextCursor"].as_str().map(str::to_string))
}

#[test]
fn a_level_costs_what_it_shows_and_not_what_lies_beneath() {
    let mut costs = Vec::new();
    for objects in [10, 5000] {
        let app = app_with_folders(objects);
        app.database.count_steps();
        assert_eq!(names_v1(&app, "asc"), ["a", "b", "B", "c", "d"]);
        assert_eq!(names_v1(&app, "desc"), ["d", "c", "B", "b", "a"]);
        for order in ["asc", "desc"] {
            let body = json!({"with_delimiter": true, "sortBy": {"column": "name", "order": order}});
            assert_eq!(page(&app, &body).0, ["B/", "a/", "b", "c/", "d"]);
        }
        costs.push(app.database.count_steps());
    }
    assert!(costs[1] < costs[0] * 5 / 4, "steps of SQLite: {costs:?}");
}

#[test]
fn pages_of_a_level_join_in_both_directions() {
    let app = app_with_folders(30);
    for (order, all) in [("asc", ["B/", "a/", "b", "c/", "d"]), ("desc", ["d", "c/", "b", "a/", "B/"])] {
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut body =
                json!({"with_delimiter": true, "limit": 1, "sortBy": {"column": "name", "order": order}});
            if let Some(cursor) = &cursor {
                body["cursor"] = json!(cursor);
            }
            let (names, next) = page(&app, &body);
            found.extend(names);
            match next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(found, all, "{order}");
    }
    assert_eq!(page(&app, &json!({"with_delimiter": true, "prefix": "c/"})).0, ["c/d/"]);
    assert_eq!(
        page(&app, &json!({"with_delimiter": true, "prefix": "c/d/0000", "limit": 2})).0,
        ["c/d/000001", "c/d/000002"]
    );
}

#[test]
fn names_that_differ_in_case_alone_are_all_listed() {
    let app = app_with_bucket();
    for name in ["x", "X", "y/1", "Y/2", "z"] {
        put(&app, &format!("files/{name}"), name);
    }
    let lower = |names: Vec<String>| names.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>();
    assert_eq!(lower(names_v1(&app, "asc")), ["x", "x", "y", "z"]);
    assert_eq!(lower(names_v1(&app, "desc")), ["z", "y", "x", "x"]);
    for (offset, expected) in [(0, "x"), (1, "x"), (2, "y"), (3, "z")] {
        let body = json!({"prefix": "", "limit": 1, "offset": offset});
        let answer = app.service_role().post("/storage/v1/object/list/files").json(&body).send();
        assert_eq!(answer.json()[0]["name"].as_str().unwrap().to_lowercase(), expected);
    }
}

#[test]
fn a_folder_is_shown_when_something_in_it_may_be_seen() {
    let app = app_with_folders(50);
    app.migrate(
        "20260101000000",
        "CREATE POLICY s ON storage.objects FOR SELECT TO authenticated USING (name = 'B/000049' OR name = 'd')",
    );
    let body = json!({"prefix": ""});
    let answer = app.user("ann").post("/storage/v1/object/list/files").json(&body).send().json();
    let names: Vec<&str> =
        answer.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["B", "d"]);
}

#[test]
fn without_a_delimiter_everything_beneath_is_listed() {
    let app = app_with_bucket();
    for name in ["a", "b/c", "b/d/e", "f"] {
        put(&app, &format!("files/{name}"), name);
    }
    assert_eq!(page(&app, &json!({})).0, ["a", "b/c", "b/d/e", "f"]);
    assert_eq!(page(&app, &json!({"prefix": "b/"})).0, ["b/c", "b/d/e"]);
}

#[test]
fn a_folder_goes_with_everything_beneath_it() {
    let app = app_with_bucket();
    for name in ["a", "b/c", "b/d/e", "bb", "b.txt", "B/x"] {
        put(&app, &format!("files/{name}"), name);
    }
    for (folder, removed) in [("b", 2), ("b/", 0), ("nothing", 0)] {
        let call = app.service_role().delete("/storage/v1/object/files").json(&json!({"folder": folder}));
        let answer = call.send();
        assert_eq!(answer.json(), json!({"removed": removed, "hasMore": false}), "{folder}");
    }
    assert_eq!(page(&app, &json!({})).0, ["B/x", "a", "b.txt", "bb"]);
    for body in [
        json!({"folder": ""}),
        json!({"folder": "/"}),
        json!({"folder": {}}),
        json!({"folder": "a", "prefixes": ["a"]}),
    ] {
        assert_refused(
            &app.service_role().delete("/storage/v1/object/files").json(&body).send(),
            "InvalidRequest",
            "400",
        );
    }
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn a_folder_goes_a_thousand_objects_at_a_time() {
    let app = app_with_folders(1001);
    let remove =
        || app.service_role().delete("/storage/v1/object/files").json(&json!({"folder": "c"})).send().json();
    assert_eq!(remove(), json!({"removed": 1000, "hasMore": true}));
    assert_eq!(remove(), json!({"removed": 1, "hasMore": false}));
}

#[test]
fn of_a_folder_only_what_may_be_deleted_goes() {
    let app = app_with_bucket();
    for name in ["b/mine", "b/hidden", "b/kept"] {
        put(&app, &format!("files/{name}"), name);
    }
    app.migrate("20260101000000", "CREATE POLICY s ON storage.objects FOR SELECT USING (name <> 'b/hidden')");
    app.migrate("20260101000001", "CREATE POLICY d ON storage.objects FOR DELETE USING (name <> 'b/kept')");
    let answer = app.user("ann").delete("/storage/v1/object/files").json(&json!({"folder": "b"})).send();
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"removed": 1, "hasMore": false})));
    assert_eq!(read(&app, "files/b/mine"), None);
    assert!(read(&app, "files/b/hidden").is_some() && read(&app, "files/b/kept").is_some());
}

#[test]
fn any_character_that_can_be_seen_may_stand_in_a_name_if_the_deployment_says_so() {
    let strict = app_with_bucket();
    let answer = strict.service_role().post("/storage/v1/object/files/%C3%A9.txt").body("x").send();
    assert_refused(&answer, "InvalidKey", "400");

    let app = TestApp::with_vars(&[("UNICODE_KEYS", "true")]);
    super::make_bucket(&app, &json!({"name": "files"}));
    for name in ["%C3%A9t%C3%A9/%E6%97%A5.png", "a%22b%5B1%5D%7Bx%7D.txt", "100%25%23.txt"] {
        put(&app, &format!("files/{name}"), name);
        assert_eq!(read(&app, &format!("files/{name}")).as_deref(), Some(name));
    }
    assert_eq!(page(&app, &json!({"with_delimiter": true})).0, ["100%#.txt", "a\"b[1]{x}.txt", "été/"]);
    assert_eq!(page(&app, &json!({"with_delimiter": true, "prefix": "été/"})).0, ["été/日.png"]);
    let body =
        json!({"bucketId": "files", "sourceKey": "a\"b[1]{x}.txt", "destinationKey": "été/\"quoted\""});
    assert_eq!(app.service_role().post("/storage/v1/object/move").json(&body).send().status, StatusCode::OK);
    assert_eq!(
        app.database.value("SELECT path_tokens FROM \"storage.objects\" WHERE name LIKE '%quoted%'").unwrap(),
        r#"["été","\"quoted\""]"#
    );
    for name in ["a%00b", "a%0Ab", "a%5Cb", "a%E2%80%AEgnp.exe"] {
        let answer = app.service_role().post(&format!("/storage/v1/object/files/{name}")).body("x").send();
        assert_refused(&answer, "InvalidKey", "400");
    }
}
