//! Columns of composite types, and functions that take and give them. Their SQL is compared with PostgreSQL in
//! `tests/differential/scripts.sql`.

use http::StatusCode;
use serde_json::json;

use crate::app::TestApp;

fn app() -> TestApp {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create type address as (street text, number int, price numeric(5,2));
         create table people (id int primary key, home address);
         create policy open on people using (true) with check (true);
         create policy none on people as restrictive for update using ((home).number > 1);
         create type summary as (street text, total bigint);
         create function summarise() returns setof summary language sql stable as $$
           select (home).street, count(*) from people group by 1 order by 1
         $$;
         create function total(of summary) returns bigint language sql immutable as $$ select of.total + 1 $$;
         create function shout(place address) returns text language plpgsql as $$ begin return upper(place.street); end $$;",
    );
    app
}

#[test]
fn values_come_as_objects_or_as_text_and_go_as_objects() {
    let app = app();
    let anon = app.anon();
    let rows = json!([
        {"id": 1, "home": {"number": 5, "street": "Main \"St\"", "more": true}},
        {"id": 2, "home": "(\"High, St\",1,2.5)"},
        {"id": 3, "home": null}
    ]);
    assert_eq!(anon.post("/rest/v1/people").json(&rows).send().status, StatusCode::CREATED);
    assert_eq!(
        anon.get("/rest/v1/people?order=id").send().json(),
        json!([
            {"id": 1, "home": {"street": "Main \"St\"", "number": 5, "price": null}},
            {"id": 2, "home": {"street": "High, St", "number": 1, "price": 2.50}},
            {"id": 3, "home": null}
        ])
    );
    let changed = anon
        .patch("/rest/v1/people?id=lt.3")
        .header("prefer", "return=representation")
        .json(&json!({"home": "(x,9,)"}));
    let home = json!({"street": "x", "number": 9, "price": null});
    assert_eq!(changed.send().json(), json!([{"id": 1, "home": home}]), "the policy asks a field");
    for (value, code) in [
        (json!("(a,b)"), "22P02"),
        (json!("(a,b,1)"), "22P02"),
        (json!({"number": "x"}), "22P02"),
        (json!({"price": 5000}), "22003"),
        (json!([1]), "22P02"),
    ] {
        let refused = anon.post("/rest/v1/people").json(&json!({"id": 9, "home": value})).send();
        assert_eq!(refused.json()["code"], code, "{value}: {}", refused.text());
    }
    for filter in ["home=eq.(x,9,)", "home=is.null", "home=gt.(x,9,)", "home=in.(x)"] {
        let refused = anon.get(&format!("/rest/v1/people?{filter}")).send();
        assert_eq!(refused.json()["code"], "PGRST127", "{filter}: {}", refused.text());
    }
    assert_eq!(anon.get("/rest/v1/people?order=home").send().json()["code"], "PGRST127");
}

#[test]
fn functions_take_and_give_them() {
    let app = app();
    let anon = app.anon();
    let rows = json!([{"id": 1, "home": "(a,1,)"}, {"id": 2, "home": "(a,2,)"}, {"id": 3, "home": "(b,1,)"}]);
    assert_eq!(anon.post("/rest/v1/people").json(&rows).send().status, StatusCode::CREATED);
    let all = anon.get("/rest/v1/rpc/summarise").send();
    assert_eq!(
        all.json(),
        json!([{"street": "a", "total": 2}, {"street": "b", "total": 1}]),
        "{}",
        all.text()
    );
    let some = anon.get("/rest/v1/rpc/summarise?select=total&street=eq.a").send();
    assert_eq!(some.json(), json!([{"total": 2}]));
    let total = anon.post("/rest/v1/rpc/total").json(&json!({"of": {"street": "x", "total": 4}})).send();
    assert_eq!(total.json(), json!(5), "{}", total.text());
    let shout = anon.post("/rest/v1/rpc/shout").json(&json!({"place": {"street": "x"}})).send();
    assert_eq!(shout.json(), json!("X"), "{}", shout.text());
}
