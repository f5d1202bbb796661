//! Row-level security: nobody sees or touches what is not theirs, whichever way they ask.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ANN, BOB, assert_error, column, rows, with_todos};
use crate::app::TestApp;

const DENIED: &str = "new row violates row-level security policy for table \"todos\"";

fn titles(app: &TestApp) -> Option<String> {
    app.database.value("SELECT group_concat(id || user_id || title || done) FROM todos ORDER BY id")
}

#[test]
fn each_user_sees_their_own_rows_and_nobody_sees_none() {
    let app = with_todos();
    assert_eq!(column(&app.user(ANN), "todos?select=id", "id"), [json!(1), json!(2)]);
    assert_eq!(column(&app.user(BOB), "todos?select=id", "id"), [json!(3), json!(4)]);
    assert_eq!(rows(&app.anon(), "todos"), json!([]));
    assert_eq!(rows(&app.nobody(), "todos"), json!([]));
    assert_eq!(rows(&app.user(ANN), "secrets"), json!([]), "no policy, no rows");
    assert_eq!(column(&app.service_role(), "todos?select=id", "id").len(), 4);
    assert_eq!(rows(&app.anon(), "tags?select=id").as_array().unwrap().len(), 2, "a policy for everyone");
}

#[test]
fn no_way_of_asking_gets_around_a_policy() {
    let app = with_todos();
    let ann = app.user(ANN);
    let cases: Vec<(&str, Value)> = vec![
        ("todos?id=eq.3", json!([])),
        ("todos?select=id&or=(id.eq.3,id.eq.1)", json!([{"id": 1}])),
        ("todos?select=count", json!([{"count": 2}])),
        (
            "profiles?select=name,todos(id)&order=name",
            json!([
                {"name": "Ann", "todos": [{"id": 1}, {"id": 2}]}, {"name": "Bob", "todos": []},
            ]),
        ),
        (
            "profiles?select=name,todos(count)&order=name",
            json!([
                {"name": "Ann", "todos": [{"count": 2}]}, {"name": "Bob", "todos": [{"count": 0}]},
            ]),
        ),
        ("profiles?select=name,todos!inner(id)", json!([{"name": "Ann", "todos": [{"id": 1}, {"id": 2}]}])),
        ("profiles?select=name,todos()&todos=not.is.null", json!([{"name": "Ann"}])),
        ("profiles?select=name,todos()&todos=is.null", json!([{"name": "Bob"}])),
        // The junction and both its ends have policies.
        (
            "tags?select=name,todos(id)&order=id",
            json!([
                {"name": "red", "todos": [{"id": 1}]}, {"name": "blue", "todos": [{"id": 1}, {"id": 2}]},
            ]),
        ),
        (
            "todo_tags?select=todo_id,tag_id&order=todo_id,tag_id",
            json!([
                {"todo_id": 1, "tag_id": 1}, {"todo_id": 1, "tag_id": 2}, {"todo_id": 2, "tag_id": 2},
            ]),
        ),
        (
            "comments?select=id,todos(title)&order=id",
            json!([
                {"id": 1, "todos": {"title": "milk"}}, {"id": 2, "todos": {"title": "milk"}},
            ]),
        ),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&ann, target), expected, "{target}");
    }
    let counted = ann.get("/rest/v1/todos?limit=1").header("prefer", "count=exact").send();
    assert_eq!(counted.header("content-range"), Some("0-0/2"));
    // The order of rows must not tell what a hidden row says.
    let ordered = app.anon().get("/rest/v1/tags?select=id,todo_tags(todo_id)&order=id").send();
    assert_eq!(ordered.json(), json!([{"id": 1, "todo_tags": []}, {"id": 2, "todo_tags": []}]));
}

#[test]
fn rows_of_others_are_not_there_to_be_changed() {
    let app = with_todos();
    let before = titles(&app);
    let ann = app.user(ANN);
    for prefer in ["return=minimal", "return=representation"] {
        let update =
            ann.patch("/rest/v1/todos?id=eq.3").json(&json!({"done": true})).header("prefer", prefer).send();
        assert!(update.status.is_success());
        let delete = ann.delete("/rest/v1/todos?id=eq.3").header("prefer", prefer).send();
        assert!(delete.status.is_success());
        if prefer.ends_with("representation") {
            assert_eq!((update.json(), delete.json()), (json!([]), json!([])));
        }
    }
    assert!(
        app.anon().patch("/rest/v1/todos?id=gt.0").json(&json!({"done": true})).send().status.is_success()
    );
    assert!(app.anon().delete("/rest/v1/todos?id=gt.0").send().status.is_success());
    assert_eq!(titles(&app), before);
}

#[test]
fn rows_cannot_be_made_for_others() {
    let app = with_todos();
    let before = titles(&app);
    let insert = |actor: crate::app::Actor<'_>, prefer: &str| {
        actor
            .post("/rest/v1/todos")
            .json(&json!({"title": "x", "user_id": BOB}))
            .header("prefer", prefer)
            .send()
    };
    for prefer in
        ["return=minimal", "return=representation", "return=headers-only", "resolution=merge-duplicates"]
    {
        assert_error(&insert(app.user(ANN), prefer), StatusCode::FORBIDDEN, "42501", DENIED);
        assert_error(&insert(app.anon(), prefer), StatusCode::UNAUTHORIZED, "42501", DENIED);
    }
    let mixed = json!([{"title": "mine", "user_id": ANN}, {"title": "his", "user_id": BOB}]);
    assert_error(
        &app.user(ANN).post("/rest/v1/todos").json(&mixed).send(),
        StatusCode::FORBIDDEN,
        "42501",
        DENIED,
    );
    let given = app.user(ANN).patch("/rest/v1/todos?id=eq.1").json(&json!({"user_id": BOB})).send();
    assert_error(&given, StatusCode::FORBIDDEN, "42501", DENIED);
    assert_eq!(titles(&app), before, "the good row of a bad request is not there either");
}

#[test]
fn a_refused_insert_does_not_tell_what_is_there() {
    let app = with_todos();
    app.database.execute("INSERT INTO secrets (id, name) VALUES (1, 'taken')");
    for name in ["taken", "free"] {
        let answer = app.anon().post("/rest/v1/secrets").json(&json!({"id": 5, "name": name})).send();
        let message = "new row violates row-level security policy for table \"secrets\"";
        assert_error(&answer, StatusCode::UNAUTHORIZED, "42501", message);
    }
}

#[test]
fn upserts_meet_every_policy_on_their_way() {
    let app = with_todos();
    let before = titles(&app);
    let upsert = |body: Value| {
        app.user(ANN)
            .post("/rest/v1/todos?select=id,title")
            .json(&body)
            .header("prefer", "resolution=merge-duplicates,return=representation")
            .send()
    };
    let message = "new row violates row-level security policy (USING expression) for table \"todos\"";
    assert_error(
        &upsert(json!({"id": 3, "title": "mine now", "user_id": ANN})),
        StatusCode::FORBIDDEN,
        "42501",
        message,
    );
    assert_error(
        &upsert(json!({"id": 1, "title": "his now", "user_id": BOB})),
        StatusCode::FORBIDDEN,
        "42501",
        DENIED,
    );
    assert_error(
        &upsert(json!([{"id": 1, "title": "ok", "user_id": ANN}, {"id": 3, "title": "no", "user_id": ANN}])),
        StatusCode::FORBIDDEN,
        "42501",
        message,
    );
    assert_eq!(titles(&app), before);
    let fine = upsert(
        json!([{"id": 1, "title": "oat milk", "user_id": ANN}, {"id": 9, "title": "tea", "user_id": ANN}]),
    );
    assert_eq!(
        (fine.status, fine.json()),
        (StatusCode::CREATED, json!([{"id": 1, "title": "oat milk"}, {"id": 9, "title": "tea"}]))
    );
    let ignored = app
        .user(ANN)
        .post("/rest/v1/todos")
        .json(&json!({"id": 3, "title": "x", "user_id": ANN}))
        .header("prefer", "resolution=ignore-duplicates,return=representation")
        .send();
    assert_eq!(ignored.json(), json!([]), "another's row stays and is not shown");
}

#[test]
fn an_upsert_needs_no_update_policy_for_new_rows_and_one_for_old() {
    let app = with_todos();
    let upsert = |id: u32, author: &str| {
        app.user(author)
            .post("/rest/v1/comments")
            .json(&json!({"id": id, "todo_id": 1, "author_id": author, "body": "x"}))
            .header("prefer", "resolution=merge-duplicates")
            .send()
    };
    assert_eq!(upsert(50, ANN).status, StatusCode::CREATED);
    let message = "new row violates row-level security policy (USING expression) for table \"comments\"";
    assert_error(&upsert(50, ANN), StatusCode::FORBIDDEN, "42501", message);
}

#[test]
fn checks_may_look_into_other_tables() {
    let app = with_todos();
    let comment = |author: &str, todo: u32| {
        app.user(author).post("/rest/v1/comments").json(&json!({"todo_id": todo, "body": "hi"})).send()
    };
    assert_eq!(comment(ANN, 1).status, StatusCode::CREATED);
    let message = "new row violates row-level security policy for table \"comments\"";
    assert_error(&comment(ANN, 3), StatusCode::FORBIDDEN, "42501", message);
}

#[test]
fn what_is_given_back_must_be_visible() {
    let app = with_todos();
    app.migrate("20260102000000", "DROP POLICY \"everyone signed in reads\" ON profiles");
    let id = "00000000-0000-4000-8000-00000000000c";
    let insert = |prefer: &str| {
        app.user(id)
            .post("/rest/v1/profiles")
            .json(&json!({"id": id, "name": "Cas"}))
            .header("prefer", prefer)
            .send()
    };
    let message = "new row violates row-level security policy for table \"profiles\"";
    assert_error(&insert("return=representation"), StatusCode::FORBIDDEN, "42501", message);
    assert_eq!(insert("return=minimal").status, StatusCode::CREATED);
}

#[test]
fn tokens_that_are_no_good() {
    let app = with_todos();
    let claims = |exp: i64| json!({"role": "authenticated", "sub": ANN, "exp": exp});
    let now = app.app.now().seconds();
    let forged = edgeward::jwt::sign(&claims(now + 60), b"another secret of at least 32 characters").unwrap();
    let unsigned =
        format!("eyJhbGciOiJub25lIn0.{}.", app.token(&claims(now + 60)).split('.').nth(1).unwrap());
    let cases = [
        (app.token(&claims(now - 60)), "PGRST303", "JWT expired"),
        (forged, "PGRST301", "No suitable key or wrong key type"),
        (unsigned, "PGRST301", "Wrong or unsupported encoding algorithm"),
        ("garbage".to_string(), "PGRST301", "Expected 3 parts in JWT"),
    ];
    for (token, code, message) in cases {
        let answer = app.with_token(&token).get("/rest/v1/todos").send();
        assert_error(&answer, StatusCode::UNAUTHORIZED, code, message);
    }
}

#[test]
fn a_check_that_is_never_true_is_not_asked_of_rows_that_are_not_there() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table teams (id int primary key, title text, tags text[] default '{}');
         create policy see on teams for select using (cardinality('{}'::text[]) = 0);
         create policy change on teams for update to authenticated using (cardinality(tags) = 0) with check ((select null::boolean));
         insert into teams values (5, 'x', '{a}');",
    );
    let ann = app.user("00000000-0000-4000-8000-00000000000a");
    let nothing = ann
        .patch("/rest/v1/teams?id=eq.5")
        .header("prefer", "return=representation")
        .json(&serde_json::json!({"id": 12, "title": "abc", "tags": ["x"]}))
        .send();
    assert_eq!(nothing.json(), serde_json::json!([]), "{}", nothing.text());
}
