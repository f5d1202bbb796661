//! Settings of the data API that a migration makes, as on hosted Supabase.

use http::StatusCode;
use serde_json::json;

use super::{ANN, rows, with_todos};

#[test]
fn a_migration_sets_up_the_data_api() {
    let app = with_todos();
    let ann = app.user(ANN);
    let sum = || ann.get("/rest/v1/todos?select=id.sum()").send();
    let plan = || ann.get("/rest/v1/todos").header("accept", "application/vnd.pgrst.plan+text").send();
    assert_eq!((sum().status, plan().status), (StatusCode::BAD_REQUEST, StatusCode::NOT_ACCEPTABLE));
    app.migrate(
        "2",
        "ALTER ROLE authenticator SET pgrst.db_aggregates_enabled = 'true';
         ALTER ROLE authenticator SET pgrst.db_plan_enabled TO 'true';
         ALTER ROLE authenticator SET pgrst.db_max_rows = '1';
         ALTER ROLE authenticator SET pgrst.db_tx_end TO 'commit-allow-override';
         NOTIFY pgrst, 'reload config';",
    );
    for app in [&app, &app.another_isolate()] {
        let ann = app.user(ANN);
        assert_eq!(rows(&ann, "todos?select=id.sum()"), json!([{"sum": 3}]));
        assert_eq!(rows(&ann, "todos?select=id"), json!([{"id": 1}]));
        assert_eq!(plan().status, StatusCode::OK);
        let insert = ann.post("/rest/v1/todos").json(&json!({"title": "x"})).header("prefer", "tx=rollback");
        assert_eq!(insert.send().header("preference-applied"), Some("tx=rollback"));
        assert_eq!(app.database.value("SELECT count(*) FROM todos").as_deref(), Some("4"));
    }
    app.migrate("3", "ALTER ROLE authenticator RESET pgrst.db_max_rows; ALTER ROLE authenticator SET pgrst.db_plan_enabled TO DEFAULT;");
    assert_eq!(rows(&ann, "todos?select=id").as_array().unwrap().len(), 2);
    assert_eq!((sum().status, plan().status), (StatusCode::OK, StatusCode::NOT_ACCEPTABLE));
}

#[test]
fn other_settings_and_roles_are_refused() {
    let app = with_todos();
    let rows = [
        ("ALTER ROLE authenticator SET pgrst.db_schemas = 'a'", "0A000"),
        ("ALTER ROLE authenticator SET pgrst.db_tx_end = 'maybe'", "22023"),
        ("ALTER ROLE authenticator SET pgrst.db_max_rows = 'many'", "22023"),
        ("ALTER ROLE authenticator SET statement_timeout = '8s'", "0A000"),
        ("ALTER ROLE anon SET pgrst.db_plan_enabled = 'true'", "0A000"),
        ("ALTER ROLE authenticator RENAME TO x", "0A000"),
        ("NOTIFY other, 'x'", "0A000"),
    ];
    for (sql, code) in rows {
        let body = json!({"version": "2", "name": "x", "sql": sql});
        let answer = app.service_role().post("/admin/v1/migrations").json(&body).send();
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (StatusCode::BAD_REQUEST, &json!(code)),
            "{sql}: {}",
            answer.text()
        );
    }
}
