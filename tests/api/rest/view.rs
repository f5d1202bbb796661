//! Views: read as relations, embedded by the keys of the tables below, written through when they are simple.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ANN, BOB, assert_error, column, rows, with_todos};
use crate::app::TestApp;

const VIEWS: &str = "
    CREATE VIEW owners_todos AS SELECT * FROM todos;
    CREATE VIEW my_todos WITH (security_invoker = on) AS SELECT * FROM todos;
    CREATE VIEW open_todos WITH (security_invoker = on) AS
      SELECT id, user_id AS owner, title, upper(title) AS loud, done FROM todos WHERE NOT done;
    CREATE VIEW mine AS SELECT id, title FROM todos WHERE user_id = auth.uid();
    CREATE VIEW with_author WITH (security_invoker) AS
      SELECT t.id, t.title, p.name AS author, t.user_id FROM todos t JOIN profiles p ON p.id = t.user_id;
    CREATE VIEW per_user WITH (security_invoker = true) AS
      SELECT user_id, count(*) AS todos FROM todos GROUP BY user_id;
    CREATE VIEW people_names WITH (security_invoker = on) AS SELECT id, name FROM profiles;
    CREATE VIEW open_titles WITH (security_invoker = on) AS SELECT id, title FROM open_todos;
    CREATE VIEW remarks WITH (security_invoker = on) AS SELECT id, todo_id, author_id, body FROM comments;
    CREATE VIEW labels WITH (security_invoker = on) AS SELECT todo_id, tag_id FROM todo_tags;
";

fn with_views() -> TestApp {
    let app = with_todos();
    app.migrate("20260201000000", VIEWS);
    app
}

fn titles(app: &TestApp) -> String {
    app.database
        .value("SELECT group_concat(id || title || done, ',') FROM (SELECT * FROM todos ORDER BY id)")
        .unwrap()
}

#[test]
fn a_security_invoker_view_has_the_callers_rows_and_an_owners_view_all() {
    let app = with_views();
    let ann = app.user(ANN);
    assert_eq!(
        column(&ann, "owners_todos?select=id&order=id", "id"),
        [json!(1), json!(2), json!(3), json!(4)]
    );
    assert_eq!(column(&ann, "my_todos?select=id&order=id", "id"), [json!(1), json!(2)]);
    assert_eq!(rows(&app.anon(), "my_todos"), json!([]));
    assert_eq!(rows(&app.anon(), "owners_todos?select=id").as_array().unwrap().len(), 4);
    assert_eq!(column(&ann, "mine?order=id", "title"), [json!("milk"), json!("bread")], "it asks who calls");
    assert_eq!(rows(&app.anon(), "mine"), json!([]));
    assert_eq!(rows(&app.service_role(), "my_todos?select=id").as_array().unwrap().len(), 4);
}

#[test]
fn a_view_takes_filters_orders_windows_counts_and_aggregates_of_its_own() {
    let app = with_views();
    let service = app.service_role();
    assert_eq!(
        rows(&service, "open_todos?owner=eq.00000000-0000-4000-8000-00000000000a"),
        json!([{"id": 1, "owner": ANN, "title": "milk", "loud": "MILK", "done": false}])
    );
    assert_eq!(column(&service, "open_todos?loud=like.S*", "id"), [json!(3)]);
    assert_eq!(column(&service, "open_todos?select=id&order=loud.desc&limit=1", "id"), [json!(3)]);
    assert_eq!(
        rows(&service, "per_user?todos=eq.2&order=user_id&limit=1"),
        json!([{"user_id": ANN, "todos": 2}])
    );
    assert_eq!(rows(&service, "open_titles?select=count"), json!([{"count": 2}]));
    let answer = service.get("/rest/v1/open_todos?select=id&limit=1").header("prefer", "count=exact").send();
    assert_eq!((answer.status, answer.header("content-range")), (StatusCode::PARTIAL_CONTENT, Some("0-0/2")));
    let answer =
        service.call(http::Method::HEAD, "/rest/v1/open_todos").header("prefer", "count=exact").send();
    assert_eq!((answer.text(), answer.header("content-range")), (String::new(), Some("0-1/2")));
    let answer = service.get("/rest/v1/open_todos?select=nothing").send();
    assert_error(&answer, StatusCode::BAD_REQUEST, "42703", "column open_todos.nothing does not exist");
}

#[test]
fn a_filter_on_a_views_key_uses_the_tables_index() {
    let app = with_views();
    for view in ["owners_todos", "my_todos", "open_titles", "with_author"] {
        rows(&app.service_role(), &format!("{view}?id=eq.1"));
        let plan = app.database.explained();
        assert!(plan.iter().any(|line| line.contains("rowid=?")), "{view}: {plan:?}");
        assert!(!plan.iter().any(|line| line.starts_with("SCAN todos")), "{view}: {plan:?}");
    }
}

#[test]
fn a_view_is_embedded_and_embeds_by_the_keys_of_its_columns() {
    let app = with_views();
    let service = app.service_role();
    let cases: Vec<(&str, Value)> = vec![
        ("owners_todos?id=eq.1&select=id,profiles(name)", json!([{"id": 1, "profiles": {"name": "Ann"}}])),
        ("open_todos?id=eq.1&select=id,profiles(name)", json!([{"id": 1, "profiles": {"name": "Ann"}}])),
        (
            "open_todos?id=eq.1&select=id,people_names(name)",
            json!([{"id": 1, "people_names": {"name": "Ann"}}]),
        ),
        (
            "open_todos?id=eq.1&select=id,profiles!owner(name)",
            json!([{"id": 1, "profiles": {"name": "Ann"}}]),
        ),
        (
            "open_todos?id=eq.1&select=id,profiles!todos_user_id_fkey(name)",
            json!([{"id": 1, "profiles": {"name": "Ann"}}]),
        ),
        ("todos?id=eq.1&select=id,people_names(name)", json!([{"id": 1, "people_names": {"name": "Ann"}}])),
        (
            "profiles?select=name,open_todos(title)&order=name",
            json!([{"name": "Ann", "open_todos": [{"title": "milk"}]}, {"name": "Bob", "open_todos": [{"title": "secret"}]}]),
        ),
        (
            "people_names?select=name,open_titles:open_todos!inner(title)&open_titles.title=eq.milk",
            json!([{"name": "Ann", "open_titles": [{"title": "milk"}]}]),
        ),
        (
            "open_titles?id=eq.1&select=title,remarks(body)&remarks.order=id",
            json!([{"title": "milk", "remarks": [{"body": "soon"}, {"body": "yes"}]}]),
        ),
        (
            "remarks?id=eq.1&select=body,open_titles(title)",
            json!([{"body": "soon", "open_titles": {"title": "milk"}}]),
        ),
        (
            "open_titles?id=eq.1&select=title,tags!todo_tags(name)&tags.order=id",
            json!([{"title": "milk", "tags": [{"name": "red"}, {"name": "blue"}]}]),
        ),
        (
            "open_titles?id=eq.1&select=title,tags!labels(name)&tags.order=id",
            json!([{"title": "milk", "tags": [{"name": "red"}, {"name": "blue"}]}]),
        ),
        (
            "per_user?select=todos,profiles(name)&order=profiles(name)",
            json!([{"todos": 2, "profiles": {"name": "Ann"}}, {"todos": 2, "profiles": {"name": "Bob"}}]),
        ),
        (
            "with_author?id=eq.1&select=author,remarks(count)",
            json!([{"author": "Ann", "remarks": [{"count": 2}]}]),
        ),
    ];
    for (target, wanted) in cases {
        assert_eq!(rows(&service, target), wanted, "{target}");
    }
    // A column's name leads to tables only, so there is no view behind it.
    let answer = service.get("/rest/v1/open_titles?select=title,nobody(*)").send();
    assert_eq!((answer.status, answer.json()["code"].clone()), (StatusCode::BAD_REQUEST, json!("PGRST200")));
    // Both the table and the view of it stand in between.
    let answer = service.get("/rest/v1/open_titles?select=title,tags(name)").send();
    assert_eq!(
        (answer.status, answer.json()["code"].clone()),
        (StatusCode::MULTIPLE_CHOICES, json!("PGRST201"))
    );
}

#[test]
fn an_embedded_view_keeps_its_policies() {
    let app = with_views();
    let ann = app.user(ANN);
    assert_eq!(
        rows(&ann, "profiles?select=name,open_todos(title),all:owners_todos(id)&order=name&all.order=id"),
        json!([
            {"name": "Ann", "open_todos": [{"title": "milk"}], "all": [{"id": 1}, {"id": 2}]},
            {"name": "Bob", "open_todos": [], "all": [{"id": 3}, {"id": 4}]},
        ])
    );
    assert_eq!(rows(&ann, "per_user"), json!([{"user_id": ANN, "todos": 2}]));
}

#[test]
fn a_grant_on_a_view_is_asked_of_the_caller_and_one_on_the_table_of_whoever_reads_it() {
    let app = with_views();
    app.migrate(
        "20260202000000",
        "REVOKE ALL ON my_todos FROM anon; REVOKE ALL ON todos FROM authenticated;
         CREATE VIEW around WITH (security_invoker = on) AS SELECT id FROM my_todos;
         CREATE VIEW owners_around AS SELECT id FROM my_todos;
         CREATE VIEW owners_owners AS SELECT id FROM owners_todos;",
    );
    let refused =
        |answer: &crate::app::Answer, status, message: &str| assert_error(answer, status, "42501", message);
    let (ann, anon) = (app.user(ANN), app.anon());
    refused(
        &anon.get("/rest/v1/my_todos").send(),
        StatusCode::UNAUTHORIZED,
        "permission denied for view my_todos",
    );
    refused(
        &anon.get("/rest/v1/around").send(),
        StatusCode::UNAUTHORIZED,
        "permission denied for view my_todos",
    );
    refused(&ann.get("/rest/v1/my_todos").send(), StatusCode::FORBIDDEN, "permission denied for table todos");
    refused(
        &ann.get("/rest/v1/owners_around").send(),
        StatusCode::FORBIDDEN,
        "permission denied for table todos",
    );
    refused(
        &ann.get("/rest/v1/profiles?select=my_todos(id)").send(),
        StatusCode::FORBIDDEN,
        "permission denied for table todos",
    );
    assert_eq!(rows(&ann, "owners_todos?select=id").as_array().unwrap().len(), 4);
    assert_eq!(rows(&ann, "owners_owners?select=id").as_array().unwrap().len(), 4);
    // The owner may read the view that anonymous callers may not.
    assert_eq!(rows(&anon, "owners_around"), json!([]));
}

#[test]
fn a_simple_view_is_written_through_with_the_callers_policies() {
    let app = with_views();
    let ann = app.user(ANN);
    let answer = ann
        .post("/rest/v1/open_todos?select=id,loud,owner,profiles(name)")
        .header("prefer", "return=representation")
        .json(&json!({"title": "eggs", "owner": ANN}))
        .send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(answer.json(), json!([{"id": 5, "loud": "EGGS", "owner": ANN, "profiles": {"name": "Ann"}}]));
    let answer = ann.post("/rest/v1/open_todos").json(&json!({"title": "x", "owner": BOB})).send();
    let message = "new row violates row-level security policy for table \"todos\"";
    assert_error(&answer, StatusCode::FORBIDDEN, "42501", message);
    let answer = ann
        .patch("/rest/v1/open_todos?id=in.(1,2,3)&select=id,title")
        .header("prefer", "return=representation")
        .json(&json!({"title": "more"}))
        .send();
    assert_eq!(answer.json(), json!([{"id": 1, "title": "more"}]), "not the done one, not Bob's");
    let answer = ann.patch("/rest/v1/open_todos?loud=eq.MORE").json(&json!({"title": "less"})).send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    let answer = ann.delete("/rest/v1/open_titles?id=gt.1").header("prefer", "return=representation").send();
    assert_eq!(answer.json(), json!([{"id": 5, "title": "eggs"}]));
    assert_eq!(titles(&app), "1less0,2bread1,3secret0,4plan1");
}

#[test]
fn an_owners_view_is_written_through_by_its_owner() {
    let app = with_views();
    app.migrate("20260203000000", "REVOKE ALL ON todos FROM anon, authenticated;");
    let (ann, anon) = (app.user(ANN), app.anon());
    let answer = ann.patch("/rest/v1/owners_todos?id=eq.3").json(&json!({"title": "told"})).send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    let answer = anon.patch("/rest/v1/mine?id=eq.3").json(&json!({"title": "never"})).send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "the view has no such row");
    let answer = anon.delete("/rest/v1/owners_todos?id=eq.4").send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    assert_eq!(titles(&app), "1milk0,2bread1,3told0");
    app.migrate(
        "20260204000000",
        "REVOKE UPDATE ON owners_todos FROM anon; REVOKE SELECT ON owners_todos FROM authenticated;",
    );
    let answer = anon.patch("/rest/v1/owners_todos?id=eq.1").json(&json!({"title": "no"})).send();
    assert_error(&answer, StatusCode::UNAUTHORIZED, "42501", "permission denied for view owners_todos");
    let answer = ann.delete("/rest/v1/owners_todos?id=eq.1").send();
    assert_error(&answer, StatusCode::FORBIDDEN, "42501", "permission denied for view owners_todos");
}

#[test]
fn a_view_takes_upserts_and_puts_by_the_key_it_has() {
    let app = with_views();
    app.migrate("20260205000000", "CREATE VIEW t AS SELECT id AS number, name AS word FROM tags;");
    let service = app.service_role();
    let answer = service
        .post("/rest/v1/t")
        .header("prefer", "resolution=merge-duplicates,return=representation")
        .json(&json!([{"number": 1, "word": "crimson"}, {"number": 9, "word": "green"}]))
        .send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(answer.json(), json!([{"number": 1, "word": "crimson"}, {"number": 9, "word": "green"}]));
    let answer = service
        .post("/rest/v1/t?on_conflict=word")
        .header("prefer", "resolution=ignore-duplicates")
        .json(&json!({"number": 10, "word": "green"}))
        .send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let answer = service.put("/rest/v1/t?number=eq.2").json(&json!({"number": 2, "word": "navy"})).send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    let answer = service
        .post("/rest/v1/t")
        .header("prefer", "return=headers-only")
        .json(&json!({"number": 11, "word": "x"}))
        .send();
    assert_eq!(answer.header("location"), Some("/t?number=eq.11"));
    let tags = app
        .database
        .value("SELECT group_concat(id || name, ',') FROM (SELECT * FROM tags ORDER BY id)")
        .unwrap();
    assert_eq!(tags, "1crimson,2navy,9green,11x");
    let answer = service.post("/rest/v1/t").json(&json!({"number": 11, "word": "y"})).send();
    assert_error(
        &answer,
        StatusCode::CONFLICT,
        "23505",
        "duplicate key value violates unique constraint \"tags_pkey\"",
    );
}

#[test]
fn check_option_keeps_rows_inside_the_view() {
    let app = with_views();
    app.migrate(
        "20260206000000",
        "CREATE VIEW small AS SELECT * FROM tags WHERE id < 100;
         CREATE VIEW short AS SELECT * FROM small WHERE length(name) < 6 WITH CHECK OPTION;
         CREATE VIEW short_local AS SELECT * FROM small WHERE length(name) < 6 WITH LOCAL CHECK OPTION;",
    );
    let service = app.service_role();
    let refused = |answer: &crate::app::Answer, view: &str| {
        let message = format!("new row violates check option for view \"{view}\"");
        assert_error(answer, StatusCode::BAD_REQUEST, "44000", &message);
    };
    refused(&service.post("/rest/v1/short").json(&json!({"id": 5, "name": "purple"})).send(), "short");
    refused(&service.post("/rest/v1/short").json(&json!({"id": 500, "name": "pink"})).send(), "small");
    refused(&service.patch("/rest/v1/short?id=eq.1").json(&json!({"name": "purple"})).send(), "short");
    let merge = service.post("/rest/v1/short").header("prefer", "resolution=merge-duplicates");
    refused(&merge.json(&json!({"id": 1, "name": "purple"})).send(), "short");
    for (id, status) in [(500, StatusCode::CREATED), (6, StatusCode::CREATED)] {
        let answer =
            service.post("/rest/v1/short_local").json(&json!({"id": id, "name": format!("c{id}")})).send();
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let tags = app
        .database
        .value("SELECT group_concat(id || name, ',') FROM (SELECT * FROM tags ORDER BY id)")
        .unwrap();
    assert_eq!(tags, "1red,2blue,6c6,500c500");
}

#[test]
fn what_cannot_be_written_through_is_refused_as_postgres_does() {
    let app = with_views();
    app.migrate(
        "20260207000000",
        "CREATE VIEW doubled AS SELECT id, price, double FROM accounts; CREATE VIEW users AS SELECT id, email FROM auth.users;
         CREATE MATERIALIZED VIEW kept AS SELECT id, title FROM todos;",
    );
    let service = app.service_role();
    let insert = service.post("/rest/v1/per_user").json(&json!({"todos": 1})).send();
    assert_error(&insert, StatusCode::INTERNAL_SERVER_ERROR, "55000", "cannot insert into view \"per_user\"");
    assert_eq!(insert.json()["details"], json!("Views containing GROUP BY are not automatically updatable."));
    assert_eq!(
        insert.json()["hint"],
        json!(
            "To enable inserting into the view, provide an INSTEAD OF INSERT trigger or an unconditional ON INSERT DO INSTEAD rule."
        )
    );
    let update = service.patch("/rest/v1/with_author?id=eq.1").json(&json!({"title": "x"})).send();
    assert_error(&update, StatusCode::INTERNAL_SERVER_ERROR, "55000", "cannot update view \"with_author\"");
    let details = "Views that do not select from a single table or view are not automatically updatable.";
    assert_eq!(update.json()["details"], json!(details));
    let delete = service.delete("/rest/v1/per_user?todos=eq.1").send();
    assert_error(&delete, StatusCode::INTERNAL_SERVER_ERROR, "55000", "cannot delete from view \"per_user\"");
    let computed = service.patch("/rest/v1/open_todos?id=eq.1").json(&json!({"loud": "X"})).send();
    let message = "cannot update column \"loud\" of view \"open_todos\"";
    assert_error(&computed, StatusCode::BAD_REQUEST, "0A000", message);
    let computed = service.post("/rest/v1/open_todos").json(&json!({"loud": "X"})).send();
    let message = "cannot insert into column \"loud\" of view \"open_todos\"";
    assert_error(&computed, StatusCode::BAD_REQUEST, "0A000", message);
    let generated = service.post("/rest/v1/doubled").json(&json!({"price": 1, "double": 2})).send();
    assert_error(
        &generated,
        StatusCode::BAD_REQUEST,
        "428C9",
        "cannot insert a non-DEFAULT value into column \"double\"",
    );
    let missing = service.post("/rest/v1/doubled").json(&json!({"nothing": 1})).send();
    assert_eq!(missing.json()["code"], json!("PGRST204"));
    let users = service.delete("/rest/v1/users?email=eq.x").send();
    assert_error(&users, StatusCode::FORBIDDEN, "42501", "permission denied for table users");
    let kept = service.delete("/rest/v1/kept?id=eq.1").send();
    assert_error(&kept, StatusCode::BAD_REQUEST, "42809", "cannot change materialized view \"kept\"");
}

#[test]
fn a_materialized_view_keeps_its_rows_until_it_is_refreshed() {
    let app = with_views();
    app.migrate(
        "20260208000000",
        "CREATE MATERIALIZED VIEW titles AS SELECT id, title, user_id FROM todos WHERE NOT done;
         CREATE UNIQUE INDEX titles_id ON titles (id);",
    );
    assert_eq!(
        rows(&app.anon(), "titles?select=title&order=id"),
        json!([{"title": "milk"}, {"title": "secret"}])
    );
    app.database.execute("UPDATE todos SET title = 'cream' WHERE id = 1");
    assert_eq!(column(&app.anon(), "titles?id=eq.1", "title"), [json!("milk")]);
    app.migrate("20260208000001", "REFRESH MATERIALIZED VIEW CONCURRENTLY titles;");
    assert_eq!(column(&app.anon(), "titles?id=eq.1", "title"), [json!("cream")]);
    let embedded = rows(&app.service_role(), "titles?id=eq.1&select=title,profiles(name)");
    assert_eq!(embedded, json!([{"title": "cream", "profiles": {"name": "Ann"}}]));
}

#[test]
fn the_api_is_described_with_its_views() {
    let app = with_views();
    let document = app.service_role().get("/rest/v1/").send().json();
    let methods = |view: &str| -> Vec<String> {
        document["paths"][format!("/{view}")].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(methods("open_todos"), ["get", "post", "delete", "patch"]);
    assert_eq!(methods("per_user"), ["get"]);
    assert_eq!(document["definitions"]["open_todos"]["properties"]["owner"]["format"], json!("uuid"));
}

#[test]
fn policies_look_into_views() {
    let app = with_views();
    app.migrate(
        "20260209000000",
        "CREATE POLICY \"of open to-dos\" ON secrets FOR SELECT USING (id IN (SELECT o.id FROM open_todos o));
         CREATE POLICY \"by the owner\" ON secrets FOR DELETE USING (EXISTS (SELECT 1 FROM owners_todos WHERE owners_todos.id = secrets.id));
         INSERT INTO secrets (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c');
         CREATE VIEW of_itself WITH (security_invoker = on) AS SELECT id FROM people;
         ALTER TABLE people ENABLE ROW LEVEL SECURITY;
         CREATE POLICY \"round\" ON people FOR SELECT USING (id IN (SELECT id FROM of_itself));",
    );
    assert_eq!(column(&app.user(ANN), "secrets?select=id", "id"), [json!(1)]);
    assert_eq!(column(&app.user(BOB), "secrets?select=id", "id"), [json!(3)]);
    let answer = app.user(ANN).get("/rest/v1/people").send();
    let message = "infinite recursion detected in policy for relation \"people\"";
    assert_error(&answer, StatusCode::INTERNAL_SERVER_ERROR, "42P17", message);
}

#[test]
fn the_users_are_reached_through_what_belongs_to_the_owner_only() {
    let app = with_views();
    app.migrate(
        "20260210000000",
        "CREATE POLICY \"by address\" ON secrets FOR SELECT TO authenticated
           USING ((SELECT email FROM auth.users WHERE id = auth.uid()) LIKE '%@example.com');
         CREATE VIEW addresses AS SELECT id, email FROM auth.users;
         CREATE VIEW my_address WITH (security_invoker = on) AS SELECT id, email FROM auth.users;
         CREATE FUNCTION my_email() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
           $$ SELECT email FROM auth.users WHERE id = auth.uid() $$;
         CREATE POLICY \"by function\" ON people FOR SELECT USING (public.my_email() = 'ann@example.com');
         ALTER TABLE people ENABLE ROW LEVEL SECURITY;
         INSERT INTO people (id, name) VALUES (1, 'Eve');",
    );
    app.database.execute(&format!(
        "INSERT INTO \"auth.users\" (id, aud, role, email, created_at, updated_at) VALUES
           ('{ANN}', 'authenticated', 'authenticated', 'ann@example.com', '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00')"
    ));
    let ann = app.user(ANN);
    let denied = "permission denied for table users";
    assert_error(&ann.get("/rest/v1/secrets").send(), StatusCode::FORBIDDEN, "42501", denied);
    assert_error(&ann.get("/rest/v1/my_address").send(), StatusCode::FORBIDDEN, "42501", denied);
    assert_error(
        &app.service_role().get("/rest/v1/my_address").send(),
        StatusCode::FORBIDDEN,
        "42501",
        denied,
    );
    assert_eq!(rows(&ann, "addresses"), json!([{"id": ANN, "email": "ann@example.com"}]));
    assert_eq!(column(&ann, "people?select=id", "id"), [json!(1)]);
    assert_eq!(rows(&app.user(BOB), "people"), json!([]));
}

#[test]
fn columns_keep_their_origin_through_subqueries_and_lose_it_in_unions_and_groups_by_expression() {
    let app = with_views();
    app.migrate(
        "20260211000000",
        "CREATE VIEW by_with AS WITH w AS (SELECT * FROM todos) SELECT w.id AS number, w.user_id AS who, w.title FROM w;
         CREATE VIEW by_derived AS SELECT d.user_id, d.id + 0 AS id FROM (SELECT id, user_id FROM todos) AS d;
         CREATE VIEW by_union AS SELECT id, user_id FROM todos WHERE done UNION ALL SELECT id, user_id FROM todos WHERE NOT done;",
    );
    let service = app.service_role();
    assert_eq!(
        rows(&service, "by_with?number=eq.1&select=title,profiles(name),comments(body)&comments.order=id"),
        json!([{"title": "milk", "profiles": {"name": "Ann"}, "comments": [{"body": "soon"}, {"body": "yes"}]}])
    );
    assert_eq!(
        rows(&service, "by_derived?id=eq.1&select=profiles(name)"),
        json!([{"profiles": {"name": "Ann"}}])
    );
    assert_eq!(rows(&service, "by_union?select=id&order=id").as_array().unwrap().len(), 4);
    for target in ["by_union?select=id,profiles(name)", "by_derived?select=id,comments(body)"] {
        let answer = service.get(&format!("/rest/v1/{target}")).send();
        assert_eq!(answer.json()["code"], json!("PGRST200"), "{target}: {}", answer.text());
    }
    let refused = service.post("/rest/v1/by_union").json(&json!({"id": 9})).send();
    assert_eq!(
        refused.json()["details"],
        json!("Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.")
    );
}
