//! What is said of a violated key: which one, and its values where Postgres would show them.

use http::StatusCode;
use serde_json::{Value, json};

use super::assert_error;
use crate::app::{Actor, Answer, TestApp};

const SCHEMA: &str = "
create table parents (id int primary key, code text unique, unique (id, code));
create table children (id int primary key, parent int references parents, other int references parents, code text references parents (code));
create table pairs (id int primary key, a int, b text, foreign key (a, b) references parents (id, code), unique (a, b));
create table trees (id int primary key, up int references trees);
insert into parents values (1, 'a'), (2, 'b'), (3, 'c');
insert into children values (1, 1, 1, null);
";

fn open() -> TestApp {
    let app = TestApp::new();
    app.migrate("1", SCHEMA);
    for (version, table) in [("2", "parents"), ("3", "children"), ("4", "pairs"), ("5", "trees")] {
        app.migrate(version, &format!("alter table {table} disable row level security"));
    }
    app
}

fn said(answer: &Answer) -> (Value, Value, Value) {
    let json = answer.json();
    (json["code"].clone(), json["message"].clone(), json["details"].clone())
}

fn missing(table: &str, key: &str, details: &str) -> (Value, Value, Value) {
    let message = format!("insert or update on table \"{table}\" violates foreign key constraint \"{key}\"");
    (json!("23503"), json!(message), json!(details))
}

fn referenced(key: &str, details: &str) -> (Value, Value, Value) {
    let message = format!(
        "update or delete on table \"parents\" violates foreign key constraint \"{key}\" on table \"children\""
    );
    (json!("23503"), json!(message), json!(details))
}

fn duplicate(key: &str, details: Value) -> (Value, Value, Value) {
    (json!("23505"), json!(format!("duplicate key value violates unique constraint \"{key}\"")), details)
}

fn post(actor: &Actor<'_>, table: &str, body: Value) -> Answer {
    let answer = actor.post(&format!("/rest/v1/{table}")).json(&body).send();
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text());
    answer
}

#[test]
fn the_key_and_its_values_are_named() {
    let app = open();
    let anon = app.anon();
    let posted = |table: &str, body: Value| said(&post(&anon, table, body));
    assert_eq!(
        posted("children", json!([{"id": 2, "parent": 1, "other": 9}, {"id": 3, "parent": 8, "other": 1}])),
        missing("children", "children_other_fkey", "Key (other)=(9) is not present in table \"parents\"."),
        "the first row's comes first"
    );
    assert_eq!(
        posted("children", json!({"id": 2, "parent": 7, "other": 9})),
        missing("children", "children_parent_fkey", "Key (parent)=(7) is not present in table \"parents\".")
    );
    assert_eq!(
        posted("pairs", json!([{"id": 1, "a": 1, "b": "a"}, {"id": 2, "a": 1, "b": "b"}])),
        missing("pairs", "pairs_a_b_fkey", "Key (a, b)=(1, b) is not present in table \"parents\".")
    );
    assert_eq!(
        posted("trees", json!([{"id": 1, "up": 2}, {"id": 2, "up": null}, {"id": 3, "up": 4}])),
        missing("trees", "trees_up_fkey", "Key (up)=(4) is not present in table \"trees\".")
    );
    assert_eq!(
        posted("parents", json!([{"id": 4, "code": "d"}, {"id": 5, "code": "c"}, {"id": 1, "code": "x"}])),
        duplicate("parents_code_key", json!("Key (code)=(c) already exists."))
    );
    assert_eq!(
        posted("parents", json!([{"id": 4, "code": "d"}, {"id": 4, "code": "e"}])),
        duplicate("parents_pkey", json!("Key (id)=(4) already exists."))
    );
    let patched =
        |target: &str, body: Value| said(&anon.patch(&format!("/rest/v1/{target}")).json(&body).send());
    assert_eq!(
        patched("children?id=eq.1", json!({"other": 6})),
        missing("children", "children_other_fkey", "Key (other)=(6) is not present in table \"parents\".")
    );
    assert_eq!(
        patched("parents?id=eq.1", json!({"id": 11})),
        referenced("children_parent_fkey", "Key (id)=(1) is still referenced from table \"children\".")
    );
    assert_eq!(
        patched("parents?id=eq.2", json!({"code": "a"})),
        duplicate("parents_code_key", json!("Key (code)=(a) already exists."))
    );
    assert_eq!(
        said(&anon.delete("/rest/v1/parents?id=gte.1").send()),
        referenced("children_parent_fkey", "Key (id)=(1) is still referenced from table \"children\".")
    );
    assert_eq!(app.database.value("SELECT count(*) FROM parents").unwrap(), "3");
}

#[test]
fn under_row_level_security_no_value_is_told() {
    let app = open();
    app.migrate(
        "8",
        "alter table parents enable row level security; alter table children enable row level security;
        create policy all_parents on parents using (true) with check (true);
        create policy all_children on children using (true) with check (true)",
    );
    let anon = app.anon();
    assert_eq!(
        said(&post(&anon, "parents", json!({"id": 1, "code": "x"}))),
        duplicate("parents_pkey", Value::Null)
    );
    assert_eq!(
        said(&post(&anon, "children", json!({"id": 2, "parent": 1, "other": 9}))),
        missing("children", "children_other_fkey", "Key is not present in table \"parents\".")
    );
    assert_eq!(
        said(&anon.delete("/rest/v1/parents?id=eq.1").send()),
        referenced("children_parent_fkey", "Key is still referenced from table \"children\".")
    );
    let service = app.service_role();
    assert_eq!(
        said(&post(&service, "parents", json!({"id": 1, "code": "x"}))),
        duplicate("parents_pkey", json!("Key (id)=(1) already exists."))
    );
    assert_error(
        &post(&service, "children", json!({"id": 2, "parent": 9})),
        StatusCode::CONFLICT,
        "23503",
        "insert or update on table \"children\" violates foreign key constraint \"children_parent_fkey\"",
    );
}
