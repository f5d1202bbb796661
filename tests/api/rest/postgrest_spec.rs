//! What PostgREST's own specs (`npm run test:postgrest`) found to be otherwise here, in a project of our own.

use http::{Method, StatusCode};
use serde_json::json;

use super::{assert_error, rows};
use crate::app::{Answer, TestApp};

const OBJECT: &str = "application/vnd.pgrst.object+json";

fn app() -> TestApp {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create type place as (street text, number int);
         create table artists (id int primary key, name text not null, home place, rank int default 5);
         create table albums (
           id int primary key, title text, artist_id int references artists on delete cascade, data jsonb);
         create table labels (id int primary key, name text);
         create schema private;
         create table private.deals (
           artist_id int references artists, label_id int references labels, primary key (artist_id, label_id));
         create table log_lines (line text);
         create view ranks as select distinct name, rank from artists;
         create view names as select id, name from artists;
         create function next_number(n int, out next int) language sql immutable as $$ select n + 1 $$;
         create function numbers(out n int) returns setof int language sql immutable as $$ values (1), (2) $$;
         create function refuse() returns void language plpgsql as
           $$ begin raise sqlstate 'PT40A' using message = 'no'; end $$;
         alter table artists disable row level security;
         alter table albums disable row level security;
         alter table labels disable row level security;
         alter table private.deals disable row level security;
         alter table log_lines disable row level security;",
    );
    let setup = [
        (
            "artists",
            json!([{"id": 1, "name": "Ann", "home": {"street": "High", "number": 7}}, {"id": 2, "name": "Bob", "home": null}]),
        ),
        (
            "albums",
            json!([
            {"id": 1, "title": "one", "artist_id": 1, "data": {"a": "x", "0x1": 2, "b-c": 3}},
            {"id": 2, "title": "two", "artist_id": 1, "data": null},
            {"id": 3, "title": "three", "artist_id": 2, "data": null}]),
        ),
        ("labels", json!([{"id": 1, "name": "Red"}])),
    ];
    for (table, body) in setup {
        let answer = app.anon().post(&format!("/rest/v1/{table}")).json(&body).send();
        assert_eq!(answer.status, StatusCode::CREATED, "{table}: {}", answer.text());
    }
    app
}

fn get(app: &TestApp, target: &str) -> Answer {
    app.anon().get(&format!("/rest/v1/{target}")).send()
}

#[test]
fn deleted_rows_show_the_rows_that_went_with_them() {
    let app = app();
    let answer = app
        .anon()
        .delete("/rest/v1/artists?select=name,albums(title)&order=id.desc")
        .header("prefer", "return=representation, count=exact, handling=strict, max-affected=1");
    assert_eq!(answer.send().json()["code"], "21000", "without a filter nothing is deleted");
    let delete = |prefer: &str| {
        app.anon()
            .delete("/rest/v1/artists?id=gt.0&select=name,albums(title)&order=id.desc")
            .header("prefer", prefer)
            .send()
    };
    let refused = delete("return=representation, handling=strict, max-affected=1");
    assert_eq!(refused.json()["code"], "PGRST124", "{}", refused.text());
    let answer = delete("return=representation, count=exact");
    assert_eq!(
        answer.json(),
        json!([
            {"name": "Bob", "albums": [{"title": "three"}]},
            {"name": "Ann", "albums": [{"title": "one"}, {"title": "two"}]},
        ])
    );
    assert_eq!(answer.header("content-range"), Some("*/2"));
    assert_eq!(rows(&app.anon(), "albums"), json!([]));
}

#[test]
fn one_row_is_asked_for_whatever_is_given_back() {
    let app = app();
    let body = json!([{"id": 3, "name": "Cy"}, {"id": 4, "name": "Di"}]);
    for prefer in ["", "return=minimal", "return=headers-only", "return=representation"] {
        let answer = app.anon().post("/rest/v1/artists").json(&body).header("accept", OBJECT);
        let answer = answer.header("prefer", prefer).send();
        let message = "Cannot coerce the result to a single JSON object";
        assert_error(&answer, StatusCode::NOT_ACCEPTABLE, "PGRST116", message);
        assert_eq!(answer.json()["details"], "The result contains 2 rows");
        let patch = app.anon().patch("/rest/v1/artists?id=lt.3").json(&json!({"name": "x"}));
        let patch = patch.header("accept", OBJECT).header("prefer", prefer).send();
        assert_eq!(patch.status, StatusCode::NOT_ACCEPTABLE, "{prefer}");
    }
    assert_eq!(rows(&app.anon(), "artists?select=name"), json!([{"name": "Ann"}, {"name": "Bob"}]));
    let one =
        app.anon().post("/rest/v1/artists").json(&json!({"id": 3, "name": "Cy"})).header("accept", OBJECT);
    assert_eq!(one.send().status, StatusCode::CREATED);
}

#[test]
fn a_junction_that_is_not_exposed_joins_nothing() {
    let app = app();
    let message = "Could not find a relationship between 'artists' and 'labels' in the schema cache";
    assert_error(&get(&app, "artists?select=labels(name)"), StatusCode::BAD_REQUEST, "PGRST200", message);
    // A view of it in an exposed schema does, and is no second way beside it.
    app.migrate("2", "create view deals as select * from private.deals;");
    app.database.execute("INSERT INTO \"private.deals\" (artist_id, label_id) VALUES (1, 1)");
    assert_eq!(
        rows(&app.anon(), "artists?select=name,labels(name)&id=eq.1"),
        json!([{"name": "Ann", "labels": [{"name": "Red"}]}])
    );
}

#[test]
fn embeds_of_nothing_show_nothing_and_windows_leave_out_the_one() {
    let app = app();
    let cases = [
        ("artists?select=name,albums(artists())&id=eq.1", json!([{"name": "Ann"}])),
        (
            "albums?select=id,artists!inner(albums(),name)&id=eq.1",
            json!([{"id": 1, "artists": {"name": "Ann"}}]),
        ),
        ("albums?select=id,artists(name)&artists.offset=1&id=eq.1", json!([{"id": 1, "artists": null}])),
        ("albums?select=id,artists(name)&artists.limit=0&id=eq.1", json!([{"id": 1, "artists": null}])),
        (
            "albums?select=id,artists(name)&artists.limit=1&id=eq.1",
            json!([{"id": 1, "artists": {"name": "Ann"}}]),
        ),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&app.anon(), target), expected, "{target}");
    }
}

#[test]
fn paths_lead_into_composite_values_and_not_into_text() {
    let app = app();
    let cases = [
        ("artists?select=home->number&id=eq.1", json!([{"number": 7}])),
        ("artists?select=home->>number&id=eq.1", json!([{"number": "7"}])),
        ("artists?select=id&home->>street=eq.High", json!([{"id": 1}])),
        ("artists?select=id&order=home->>street.desc.nullslast", json!([{"id": 1}, {"id": 2}])),
        ("albums?select=data->0x1,data->b-c&id=eq.1", json!([{"0x1": 2, "b-c": 3}])),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&app.anon(), target), expected, "{target}");
    }
    for (path, operator) in
        [("a->b", "text -> unknown"), ("a->0", "text -> integer"), ("a->>b", "text ->> unknown")]
    {
        for target in [format!("albums?select=data->>{path}"), format!("albums?data->>{path}=eq.1")] {
            let message = format!("operator does not exist: {operator}");
            assert_error(&get(&app, &target), StatusCode::NOT_FOUND, "42883", &message);
        }
    }
}

#[test]
fn blanks_stand_where_upstream_takes_them() {
    let app = app();
    let cases = [
        (
            "artists?select=id&and=(%20and%20(%20id.in.(%201,2%20),%20id.eq.1%20)%20,%20or%20(id.eq.1,id.eq.2)%20)",
            json!([{"id": 1}]),
        ),
        ("artists?select=id&not.or=%20(%20id.eq.1%20)", json!([{"id": 2}])),
        ("artists?select=id&id=in.(%20%20)", json!([])),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&app.anon(), target), expected, "{target}");
    }
    let empty = get(&app, "artists?id=in.(%20,1)");
    assert_error(&empty, StatusCode::BAD_REQUEST, "22P02", "invalid input syntax for type integer: \"\"");
    for (target, details) in [
        ("artists?id=1", "unexpected \"1\" expecting \"not\" or operator (eq, gt, ...)"),
        ("artists?order=id.ascending", "unexpected 'e' expecting \",\" or end of input"),
        (
            "artists?and=()",
            "unexpected \")\" expecting field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)",
        ),
    ] {
        assert_eq!(get(&app, target).json()["details"], details, "{target}");
    }
}

#[test]
fn parameters_that_come_out_name_what_comes() {
    let app = app();
    assert_eq!(rows(&app.anon(), "rpc/next_number?n=1"), json!({"next": 2}));
    assert_eq!(rows(&app.anon(), "rpc/numbers"), json!([{"n": 1}, {"n": 2}]));
    assert_eq!(rows(&app.anon(), "rpc/numbers?n=gt.1"), json!([{"n": 2}]));
    let refused = app.anon().post("/rest/v1/rpc/refuse").send();
    assert_error(&refused, StatusCode::INTERNAL_SERVER_ERROR, "PT40A", "no");
    let delete = app.anon().delete("/rest/v1/rpc/next_number?n=1").send();
    assert_error(&delete, StatusCode::METHOD_NOT_ALLOWED, "PGRST101", "Cannot use the DELETE method on RPC");
}

#[test]
fn upserts_say_what_they_did() {
    let app = app();
    let post = |table: &str, body: serde_json::Value, prefer: &str| {
        app.anon().post(&format!("/rest/v1/{table}")).json(&body).header("prefer", prefer).send()
    };
    let keyless = post("log_lines", json!({"line": "x"}), "resolution=merge-duplicates, return=minimal");
    assert_eq!(keyless.status, StatusCode::CREATED);
    assert_eq!(keyless.header("preference-applied"), Some("return=minimal"));
    assert_eq!(
        post("log_lines", json!({"line": "y"}), "resolution=ignore-duplicates").header("preference-applied"),
        None
    );
    assert_eq!(post("artists", json!([]), "resolution=merge-duplicates").status, StatusCode::OK);
    let located = post("log_lines", json!({"line": "z"}), "return=headers-only");
    assert_eq!(located.header("location"), None);
    app.migrate("2", "create table plain_names (a_b text primary key); alter table plain_names disable row level security;");
    let located = post("plain_names", json!({"a_b": "c d-e_f"}), "return=headers-only");
    assert_eq!(located.header("location"), Some("/plain_names?a_b=eq.c%20d-e_f"));
}

#[test]
fn a_put_asks_for_its_key_first_and_takes_the_first_row() {
    let app = app();
    let put = |filter: &str, body: serde_json::Value| {
        let call = app.anon().put(&format!("/rest/v1/labels?{filter}")).json(&body);
        call.header("prefer", "return=representation").send()
    };
    let message = "Filters must include all and only primary key columns with 'eq' operators";
    for filter in ["nope=eq.1", "id=in.(1)", "and=(nope.eq.1)", "id=not.eq.1"] {
        let answer = put(filter, json!({"id": 1, "name": "Blue"}));
        assert_error(&answer, StatusCode::METHOD_NOT_ALLOWED, "PGRST105", message);
    }
    let several = put("id=eq.1", json!([{"id": 1, "name": "Blue"}, {"id": 2, "name": "Green"}]));
    assert_eq!(several.json(), json!([{"id": 1, "name": "Blue"}]), "{}", several.text());
    assert_eq!(rows(&app.anon(), "labels"), json!([{"id": 1, "name": "Blue"}]));
}

#[test]
fn an_update_gives_defaults_to_what_the_body_lacks() {
    let app = app();
    let patch = |prefer: &str| {
        let call = app.anon().patch("/rest/v1/artists?id=eq.1&columns=name,rank&select=name,rank");
        call.json(&json!({"name": "An"})).header("prefer", prefer).send()
    };
    let defaults = patch("missing=default, return=representation");
    assert_eq!(defaults.json(), json!([{"name": "An", "rank": 5}]), "{}", defaults.text());
    assert_eq!(defaults.header("preference-applied"), Some("missing=default, return=representation"));
    assert_eq!(patch("return=representation").json(), json!([{"name": "An", "rank": null}]));
}

#[test]
fn what_may_be_done_with_a_view_is_said() {
    let app = app();
    let allow = |name: &str| {
        let answer = app.anon().call(Method::OPTIONS, &format!("/rest/v1/{name}")).send();
        answer.header("allow").map(str::to_string)
    };
    assert_eq!(allow("artists").as_deref(), Some("OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"));
    assert_eq!(allow("names").as_deref(), Some("OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"));
    assert_eq!(allow("ranks").as_deref(), Some("OPTIONS,GET,HEAD"));
    assert_eq!(allow("nothing"), None);
}

#[test]
fn tokens_are_refused_in_upstreams_words() {
    let app = app();
    let now = 1_800_000_000;
    let cases = [
        (json!({"exp": "soon"}), "The JWT 'exp' claim must be a number"),
        (json!({"nbf": "soon"}), "The JWT 'nbf' claim must be a number"),
        (json!({"iat": now + 60}), "JWT issued at future"),
        (json!({"nbf": now + 60}), "JWT not yet valid"),
        (json!({"exp": now - 60}), "JWT expired"),
    ];
    for (claims, message) in cases {
        let mut claims = claims;
        claims["role"] = json!("authenticated");
        let answer = app
            .with_token(&app.token(&claims))
            .get("/rest/v1/artists")
            .header("apikey", "sb_publishable_test")
            .send();
        assert_error(&answer, StatusCode::UNAUTHORIZED, "PGRST303", message);
        let said = format!("Bearer error=\"invalid_token\", error_description=\"{message}\"");
        assert_eq!(answer.header("www-authenticate"), Some(said.as_str()));
    }
    let array = app.anon().get("/rest/v1/labels").header("accept", "application/vnd.pgrst.array+json").send();
    assert_eq!(array.header("content-type"), Some("application/json; charset=utf-8"));
}
