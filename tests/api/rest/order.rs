//! In which order rows come.

use serde_json::{Value, json};

use super::schema::project;
use super::{column, with_people};

#[test]
fn order_and_nulls() {
    let app = with_people();
    let cases: &[(&str, &[u32])] = &[
        ("", &[1, 2, 3, 4]),
        ("&order=age", &[3, 1, 2, 4]),
        ("&order=age.desc", &[4, 2, 1, 3]),
        ("&order=age.nullsfirst", &[4, 3, 1, 2]),
        ("&order=age.desc.nullslast", &[2, 1, 3, 4]),
        ("&order=manager_id.desc.nullslast,name.desc", &[3, 2, 4, 1]),
        ("&order=name.asc&limit=2", &[2, 3]),
    ];
    for (order, ids) in cases {
        let found = column(&app.anon(), &format!("people?select=id{order}"), "id");
        assert_eq!(found, ids.iter().map(|id| json!(id)).collect::<Vec<_>>(), "{order}");
    }
}

#[test]
fn order_by_what_the_text_does_not_show() {
    let app = project();
    app.database.execute(
        r#"INSERT INTO things (id, exact, mood, doc) VALUES
             (1, '10', 'happy', '{"n":10}'), (2, '9.5', 'sad', '{"n":9}'), (3, '-1', 'ok', '{"n":100}');"#,
    );
    let cases: &[(&str, &[u32])] = &[
        ("exact", &[3, 2, 1]),
        ("mood", &[2, 3, 1]),
        ("mood.desc", &[1, 3, 2]),
        ("doc->n", &[2, 1, 3]),
        ("doc->>n", &[1, 3, 2]),
    ];
    for (order, ids) in cases {
        let found = column(&app.anon(), &format!("things?select=id&order={order}"), "id");
        assert_eq!(found, ids.iter().map(|id| json!(id)).collect::<Vec<_>>(), "{order}");
    }
}

#[test]
fn rows_without_an_order_come_as_inserted() {
    let app = project();
    for name in ["zoe", "amy", "max"] {
        app.anon().post("/rest/v1/no%20key").json(&json!({"a b": name})).send();
    }
    let names: Vec<Value> = column(&app.anon(), "no%20key", "a b");
    assert_eq!(names, [json!("zoe"), json!("amy"), json!("max")]);
}
