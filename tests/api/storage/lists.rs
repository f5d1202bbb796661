//! Listing folders and pages.

use serde_json::{Value, json};

use super::{app_with_bucket, assert_refused, put};
use crate::app::TestApp;

fn app_with_tree() -> TestApp {
    let app = app_with_bucket();
    for name in [
        "b.txt",
        "A.txt",
        "docs/one.txt",
        "docs/Two.txt",
        "docs/deep/er/x.txt",
        "docs.txt",
        "docs-old/y",
        "z_1",
        "zz1",
    ] {
        put(&app, &format!("files/{name}"), name);
        app.clock.advance(1);
    }
    app
}

fn list(app: &TestApp, body: &Value) -> Vec<Value> {
    let answer = app.service_role().post("/storage/v1/object/list/files").json(body).send();
    answer.json().as_array().unwrap_or_else(|| panic!("{}", answer.text())).clone()
}

/// Names; folders end with a slash here.
fn names(entries: &[Value]) -> Vec<String> {
    let name = |entry: &Value| {
        let name = entry["name"].as_str().unwrap();
        if entry["id"].is_null() { format!("{name}/") } else { name.to_string() }
    };
    entries.iter().map(name).collect()
}

#[test]
fn a_folder_is_listed_one_level_deep() {
    let app = app_with_tree();
    let rows: Vec<(Value, Vec<&str>)> = vec![
        (json!({"prefix": ""}), vec!["A.txt", "b.txt", "docs-old/", "docs.txt", "docs/", "z_1", "zz1"]),
        (json!({"prefix": "docs"}), vec!["deep/", "one.txt", "Two.txt"]),
        (json!({"prefix": "docs/"}), vec!["deep/", "one.txt", "Two.txt"]),
        (json!({"prefix": "DOCS"}), vec!["deep/", "one.txt", "Two.txt"]),
        (json!({"prefix": "docs/deep"}), vec!["er/"]),
        (json!({"prefix": "doc"}), vec![]),
        (json!({"prefix": "", "search": "Doc"}), vec!["docs-old/", "docs.txt", "docs/"]),
        (json!({"prefix": "docs", "search": "t"}), vec!["Two.txt"]),
        (json!({"prefix": "", "search": "docs/o"}), vec!["docs/one.txt"]),
        (json!({"prefix": "", "search": "z_"}), vec!["z_1"]),
        (json!({"prefix": "", "search": "%"}), vec![]),
        (json!({"prefix": "", "limit": 2}), vec!["A.txt", "b.txt"]),
        (json!({"prefix": "", "limit": 2, "offset": 5}), vec!["z_1", "zz1"]),
        (
            json!({"prefix": "", "sortBy": {"column": "name", "order": "desc"}, "limit": 3}),
            vec!["zz1", "z_1", "docs/"],
        ),
        (
            json!({"prefix": "", "sortBy": {"column": "created_at", "order": "desc"}}),
            vec!["docs/", "docs-old/", "zz1", "z_1", "docs.txt", "A.txt", "b.txt"],
        ),
        (
            json!({"prefix": "", "sortBy": {"column": "updated_at", "order": "asc"}, "offset": 1, "limit": 3}),
            vec!["docs/", "b.txt", "A.txt"],
        ),
        (json!({"prefix": &"x".repeat(100)}), vec![]),
        (json!({"prefix": "' OR 1=1 --"}), vec![]),
    ];
    for (body, expected) in rows {
        assert_eq!(names(&list(&app, &body)), expected, "{body}");
    }
}

/// As upstream: the list by name compares folders without case, the one by time with it.
#[test]
fn folders_that_differ_in_case_are_one_by_name_and_two_by_time() {
    let app = app_with_bucket();
    for name in ["Docs/one.txt", "docs/two.txt", "docs/three.txt"] {
        put(&app, &format!("files/{name}"), name);
    }
    for (column, expected) in [
        ("name", vec!["Docs/"]),
        ("created_at", vec!["Docs/", "docs/"]),
        ("updated_at", vec!["Docs/", "docs/"]),
    ] {
        let body = json!({"prefix": "", "sortBy": {"column": column, "order": "asc"}});
        assert_eq!(names(&list(&app, &body)), expected, "{column}");
    }
}

#[test]
fn entries_have_their_row_and_folders_have_none() {
    let app = app_with_tree();
    let entries = list(&app, &json!({"prefix": "docs", "limit": 2}));
    assert_eq!(
        entries[0],
        json!({"name": "deep", "id": null, "updated_at": null, "created_at": null, "last_accessed_at": null,
            "metadata": null})
    );
    assert_eq!(entries[1]["name"], "one.txt");
    assert_eq!(entries[1]["created_at"], "2027-01-15T08:00:02.000Z");
    assert_eq!(entries[1]["metadata"]["size"], 12);
    assert_eq!(entries[1]["metadata"]["mimetype"], "text/plain");
}

#[test]
fn bad_lists_are_refused() {
    let app = app_with_bucket();
    for (body, message) in [
        (json!({}), "body must have required property 'prefix'"),
        (json!({"prefix": {}}), "body/prefix must be string"),
        (json!({"prefix": "", "limit": 0}), "body/limit must be >= 1"),
        (json!({"prefix": "", "limit": 1.5}), "body/limit must be integer"),
        (json!({"prefix": "", "offset": -1}), "body/offset must be >= 0"),
        (
            json!({"prefix": "", "sortBy": {"order": "asc"}}),
            "body/sortBy must have required property 'column'",
        ),
        (
            json!({"prefix": "", "sortBy": {"column": "metadata"}}),
            "body/sortBy/column must be equal to one of the allowed values",
        ),
        (
            json!({"prefix": "", "sortBy": {"column": "name", "order": "up"}}),
            "body/sortBy/order must be equal to one of the allowed values",
        ),
        (json!({"prefix": "", "sortBy": "name"}), "body/sortBy must be object"),
    ] {
        let answer = app.service_role().post("/storage/v1/object/list/files").json(&body).send();
        assert_refused(&answer, "InvalidRequest", "400");
        assert_eq!(answer.json()["message"], message);
    }
}

#[test]
fn without_policies_nobody_lists_anything() {
    let app = app_with_tree();
    for actor in [app.anon(), app.user("ann")] {
        let answer = actor.post("/storage/v1/object/list/files").json(&json!({"prefix": ""})).send();
        assert_eq!(answer.json(), json!([]));
        let answer = actor.post("/storage/v1/object/list-v2/files").json(&json!({})).send();
        assert_eq!(answer.json(), json!({"hasNext": false, "folders": [], "objects": []}));
    }
}

/// All pages of a v2 list: names, folders with their slash, in the order of the pages.
fn pages(app: &TestApp, mut body: Value) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let answer = app.service_role().post("/storage/v1/object/list-v2/files").json(&body).send().json();
        let mut page: Vec<String> = Vec::new();
        for kind in ["folders", "objects"] {
            page.extend(
                answer[kind].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().into()),
            );
        }
        assert!(page.len() as u64 <= body["limit"].as_u64().unwrap_or(1000));
        all.extend(page);
        assert!(all.len() < 100, "the pages do not end");
        if answer["hasNext"] == json!(false) {
            assert_eq!(answer.get("nextCursor"), None);
            return all;
        }
        body["cursor"] = answer["nextCursor"].clone();
    }
}

#[test]
fn pages_go_through_all_names_once() {
    let app = app_with_tree();
    let flat = [
        "A.txt",
        "b.txt",
        "docs-old/y",
        "docs.txt",
        "docs/Two.txt",
        "docs/deep/er/x.txt",
        "docs/one.txt",
        "z_1",
        "zz1",
    ];
    let reversed: Vec<&str> = flat.iter().rev().copied().collect();
    let by_age = [
        "b.txt",
        "A.txt",
        "docs/one.txt",
        "docs/Two.txt",
        "docs/deep/er/x.txt",
        "docs.txt",
        "docs-old/y",
        "z_1",
        "zz1",
    ];
    let level = ["A.txt", "b.txt", "docs-old/", "docs.txt", "docs/", "z_1", "zz1"];
    for limit in [1, 2, 3, 1000] {
        let ask = |body: Value| {
            let mut body = body;
            body["limit"] = json!(limit);
            pages(&app, body)
        };
        assert_eq!(ask(json!({})), flat, "{limit}");
        assert_eq!(ask(json!({"sortBy": {"column": "name", "order": "desc"}})), reversed, "{limit}");
        assert_eq!(ask(json!({"sortBy": {"column": "created_at", "order": "asc"}})), by_age, "{limit}");
        assert_eq!(ask(json!({"prefix": "docs/"})), ["docs/Two.txt", "docs/deep/er/x.txt", "docs/one.txt"]);
        assert_eq!(ask(json!({"prefix": "z_"})), ["z_1"]);
        let mut names = ask(json!({"with_delimiter": true}));
        names.sort();
        assert_eq!(names, level, "{limit}");
    }
}

#[test]
fn a_page_by_folder_has_keys() {
    let app = app_with_tree();
    let body = json!({"prefix": "docs/", "with_delimiter": true});
    let answer = app.service_role().post("/storage/v1/object/list-v2/files").json(&body).send().json();
    assert_eq!(answer["folders"], json!([{"key": "deep", "name": "docs/deep/"}]));
    assert_eq!(answer["objects"][0]["key"], "Two.txt");
    assert_eq!(answer["objects"][0]["name"], "docs/Two.txt");
    assert_eq!(answer["objects"][0]["metadata"]["size"], 12);
    let body =
        json!({"prefix": "do", "with_delimiter": true, "sortBy": {"column": "created_at", "order": "desc"}});
    let answer = app.service_role().post("/storage/v1/object/list-v2/files").json(&body).send().json();
    let folders = json!([{"key": "docs-old", "name": "docs-old/"}, {"key": "docs", "name": "docs/"}]);
    assert_eq!(answer["folders"], folders);
}

#[test]
fn a_cursor_that_is_none_is_refused() {
    let app = app_with_bucket();
    for cursor in ["x", "bm9uc2Vuc2U=", "bzp1cA=="] {
        let body = json!({"cursor": cursor});
        let answer = app.service_role().post("/storage/v1/object/list-v2/files").json(&body).send();
        assert_refused(&answer, "InvalidParameter", "400");
    }
}
