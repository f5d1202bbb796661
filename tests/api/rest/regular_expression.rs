//! `match` and `imatch`.

use http::StatusCode;
use serde_json::{Value, json};

use super::schema::project;
use super::{assert_error, column};

#[test]
fn regular_expressions_match_as_in_postgres() {
    let app = project();
    for (id, label) in ["milk", "Milk shake", "a*b", "v1.2", "colour", "naïve\nÄ", ""].iter().enumerate() {
        let body = json!({"id": id, "label": label});
        assert!(app.anon().post("/rest/v1/things").json(&body).send().status.is_success());
    }
    app.database.execute("INSERT INTO things (id, label) VALUES (99, NULL)");
    let ids = |filter: &str| -> Vec<i64> {
        let filter: String = form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let found: Vec<Value> =
            column(&app.anon(), &format!("things?select=id&order=id&label={filter}"), "id");
        found.iter().map(|id| id.as_i64().unwrap()).collect()
    };
    let cases: [(&str, &[i64]); 20] = [
        ("match.ilk", &[0, 1]),
        ("match.^milk$", &[0]),
        ("match.^mi", &[0]),
        ("imatch.^MI", &[0, 1]),
        ("match.k$", &[0]),
        ("match.^[A-Z]", &[1]),
        ("match.^[^a-z]", &[1]),
        ("match.\\*", &[2]),
        ("match.^v\\d\\.[0-9]$", &[3]),
        ("match.^(milk|colou?r)$", &[0, 4]),
        ("match.i.*k", &[0, 1]),
        ("match.^.+$", &[0, 1, 2, 3, 4, 5]),
        ("match.^[a-z]{4,6}$", &[0, 4]),
        ("match.e.Ä", &[5]),
        ("imatch.ä$", &[5]),
        ("match.^$", &[6]),
        ("match.", &[0, 1, 2, 3, 4, 5, 6]),
        ("not.match.l", &[2, 3, 5, 6]),
        ("match(any).{^v,^c}", &[3, 4]),
        ("imatch(all).{M,SHAKE}", &[1]),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(filter), expected, "{filter}");
    }
}

#[test]
fn what_is_no_regular_expression_or_cannot_be_matched_is_refused() {
    let app = project();
    let get = |filter: &str| app.anon().get(&format!("/rest/v1/things?{filter}")).send();
    let bad = StatusCode::BAD_REQUEST;
    assert_error(
        &get("label=match.(a"),
        bad,
        "2201B",
        "invalid regular expression: parentheses () not balanced",
    );
    assert_error(&get("label=match.a%2Bb"), bad, "PGRST127", "Feature not implemented");
    let missing = get("small=match.1");
    assert_error(&missing, StatusCode::NOT_FOUND, "42883", "operator does not exist: smallint ~ unknown");
}
