//! `INSTEAD OF` triggers: what writing a view means is what its function does, row by row.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ANN, BOB, assert_clean, project, push, query, refusal, run};
use crate::app::TestApp;

/// A view over a join, which can only be written to by its triggers.
const CARDS: &str = "
    create table people (id int primary key, owner uuid, name text not null, born date);
    create table emails (person int primary key references people on delete cascade, email text, checked boolean, score float8, tags text[]);
    create policy own on people using (owner = auth.uid()) with check (owner = auth.uid());
    create policy own on emails using (exists (select 1 from people where people.id = person)) with check (exists (select 1 from people where people.id = person));
    create view cards with (security_invoker) as
      select p.id, p.name, p.born, e.email, e.checked, e.score, e.tags, upper(p.name) as shout from people p left join emails e on e.person = p.id;
    create function card_written() returns trigger language plpgsql as $$
    begin
      if tg_op = 'DELETE' then
        delete from people where id = old.id;
        return old;
      end if;
      if new.name = 'skip' then return null; end if;
      if new.name = 'bad' then raise exception '% of % by % at %', tg_op, tg_table_name, tg_name, tg_when using errcode = '22023'; end if;
      if tg_op = 'INSERT' then
        insert into people (id, owner, name, born) values (new.id, auth.uid(), new.name, new.born);
        insert into emails values (new.id, new.email, new.checked, new.score, new.tags);
      else
        update people set name = new.name, born = new.born where id = old.id;
        update emails set email = new.email, checked = new.checked, score = new.score, tags = new.tags where person = old.id;
        new.email := coalesce(new.email, 'was ' || old.email);
      end if;
      new.shout := upper(new.name) || '!';
      return new;
    end $$;
    create trigger written instead of insert or update or delete on cards for each row execute function card_written();
";

fn card(id: i32, name: &str) -> Value {
    json!({"id": id, "name": name, "born": "2000-01-02", "email": format!("{name}@x.y"), "checked": true, "score": 0.1, "tags": ["a", "b"]})
}

#[test]
fn rows_are_handed_to_the_function_and_come_back_from_it() {
    let app = project(CARDS);
    let ann = app.user(ANN);
    let answer = ann
        .post("/rest/v1/cards")
        .json(&json!([card(1, "ann"), card(2, "skip"), card(3, "cid")]))
        .header("prefer", "return=representation,count=exact")
        .send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let mut expected = [card(1, "ann"), card(3, "cid")];
    expected[0]["shout"] = json!("ANN!");
    expected[1]["shout"] = json!("CID!");
    assert_eq!(answer.json(), json!(expected), "one was left out");
    assert_eq!(answer.header("content-range"), Some("*/2"));
    assert_clean(&app);
    assert_eq!(
        ann.get("/rest/v1/cards?select=id,name,shout,score,tags,checked&order=id").send().json(),
        json!([
            {"id": 1, "name": "ann", "shout": "ANN", "score": 0.1, "tags": ["a", "b"], "checked": true},
            {"id": 3, "name": "cid", "shout": "CID", "score": 0.1, "tags": ["a", "b"], "checked": true},
        ])
    );

    let answer = ann
        .patch("/rest/v1/cards?id=gte.1&email=like.*x.y&select=id,email,name,born,shout&order=id.desc")
        .json(&json!({"email": null}))
        .header("prefer", "return=representation")
        .send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!([
            {"id": 3, "email": "was cid@x.y", "name": "cid", "born": "2000-01-02", "shout": "CID!"},
            {"id": 1, "email": "was ann@x.y", "name": "ann", "born": "2000-01-02", "shout": "ANN!"},
        ])
    );
    assert_eq!(
        run(&app, "select email from emails order by person"),
        json!([{"email": null}, {"email": null}])
    );

    let one = |prefer: &str| {
        ann.patch("/rest/v1/cards?id=eq.1")
            .json(&json!({"name": "new"}))
            .header("prefer", prefer)
            .header("accept", "application/vnd.pgrst.object+json")
            .send()
    };
    assert_eq!(one("return=representation").json()["name"], "new");
    let answer = ann
        .patch("/rest/v1/cards?id=lt.9")
        .json(&json!({"name": "all"}))
        .header("prefer", "return=representation")
        .header("accept", "application/vnd.pgrst.object+json")
        .send();
    assert_eq!(
        (answer.status, answer.json()["code"].clone()),
        (StatusCode::NOT_ACCEPTABLE, json!("PGRST116"))
    );
    let answer = ann
        .patch("/rest/v1/cards?id=lt.9")
        .json(&json!({"name": "all"}))
        .header("prefer", "handling=strict,max-affected=1")
        .send();
    assert_eq!((answer.status, answer.json()["code"].clone()), (StatusCode::BAD_REQUEST, json!("PGRST124")));
    let answer = ann
        .patch("/rest/v1/cards?id=eq.77")
        .json(&json!({"name": "none"}))
        .header("prefer", "return=representation")
        .send();
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!([])));
    assert_eq!(run(&app, "select name from people order by id"), json!([{"name": "new"}, {"name": "cid"}]));

    let answer = ann
        .delete("/rest/v1/cards?shout=eq.CID&select=id,shout")
        .header("prefer", "return=representation")
        .send();
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::OK, json!([{"id": 3, "shout": "CID"}])),
        "{}",
        answer.text()
    );
    let answer = ann.delete("/rest/v1/cards?id=eq.1").header("prefer", "count=exact").send();
    assert_eq!((answer.status, answer.header("content-range")), (StatusCode::NO_CONTENT, Some("*/1")));
    assert_eq!(run(&app, "select count(*) from people"), json!([{"count": 0}]));
    assert_clean(&app);
}

#[test]
fn the_callers_policies_hold_in_the_view_and_in_the_function() {
    let app = project(CARDS);
    assert_eq!(app.user(ANN).post("/rest/v1/cards").json(&card(1, "ann")).send().status, StatusCode::CREATED);
    let bob = app.user(BOB);
    let answer = bob
        .patch("/rest/v1/cards?id=eq.1")
        .json(&json!({"name": "mine"}))
        .header("prefer", "count=exact")
        .send();
    assert_eq!((answer.status, answer.header("content-range")), (StatusCode::NO_CONTENT, Some("*/0")));
    bob.delete("/rest/v1/cards?id=eq.1").send();
    let answer = app.anon().post("/rest/v1/cards").json(&card(2, "nobody")).send();
    assert_eq!(
        (answer.status, answer.json()["code"].clone()),
        (StatusCode::UNAUTHORIZED, json!("42501")),
        "{}",
        answer.text()
    );
    let answer = bob.post("/rest/v1/cards").json(&json!([card(2, "bob"), card(3, "bad")])).send();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.json(),
        json!({"code": "22023", "message": "INSERT of cards by written at INSTEAD OF", "details": null, "hint": null})
    );
    let answer = bob.post("/rest/v1/cards").json(&json!([card(4, "bob"), card(1, "again")])).send();
    assert_eq!((answer.status, answer.json()["code"].clone()), (StatusCode::CONFLICT, json!("23505")));
    assert_eq!(run(&app, "select id, name from people"), json!([{"id": 1, "name": "ann"}]), "all or nothing");
    assert_clean(&app);
    run(&app, "revoke insert on cards from authenticated; revoke delete on cards from authenticated");
    let answer = bob.post("/rest/v1/cards").json(&card(9, "x")).send();
    assert_eq!(
        (answer.status, answer.json()["message"].clone()),
        (StatusCode::FORBIDDEN, json!("permission denied for view cards"))
    );
    assert_eq!(
        bob.post("/rest/v1/cards").json(&json!({})).send().status,
        StatusCode::FORBIDDEN,
        "a row of no columns"
    );
    assert_eq!(app.user(ANN).delete("/rest/v1/cards?id=eq.1").send().status, StatusCode::FORBIDDEN);
}

#[test]
fn bodies_of_every_kind() {
    let app = TestApp::with_vars(&[("DB_TX_END", "commit-allow-override")]);
    assert_eq!(push(&app, "1", CARDS).status, StatusCode::OK);
    let ann = app.user(ANN);
    let answer = ann.post("/rest/v1/cards").json(&json!([])).header("prefer", "return=representation").send();
    assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, json!([])));
    for (prefer, target) in [
        ("resolution=merge-duplicates", "/rest/v1/cards?on_conflict=id"),
        ("resolution=ignore-duplicates", "/rest/v1/cards?on_conflict=id"),
    ] {
        let answer = ann.post(target).json(&card(1, "x")).header("prefer", prefer).send();
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (StatusCode::BAD_REQUEST, json!("42P10")),
            "{}",
            answer.text()
        );
    }
    let answer = ann
        .post("/rest/v1/cards")
        .json(&card(1, "x"))
        .header("prefer", "tx=rollback,return=representation")
        .send();
    assert_eq!(
        (answer.status, answer.json()[0]["shout"].clone()),
        (StatusCode::CREATED, json!("X!")),
        "{}",
        answer.text()
    );
    assert_eq!(run(&app, "select count(*) from people"), json!([{"count": 0}]));
    assert_clean(&app);
    let answer =
        ann.post("/rest/v1/cards?columns=id,name").json(&json!([{"id": 5, "name": "x", "junk": 1}])).send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let rows = json!([{"id": 7, "name": "x", "email": "e"}, {"id": 8, "name": "y"}]);
    let answer = ann
        .post("/rest/v1/cards?columns=id,name,email&select=email")
        .json(&rows)
        .header("prefer", "missing=default,return=representation")
        .send();
    assert_eq!(answer.json(), json!([{"email": "e"}, {"email": null}]), "a view's columns have no defaults");
    let answer = ann.post("/rest/v1/cards").json(&json!({"id": 6, "nom": "x"})).send();
    assert_eq!((answer.status, answer.json()["code"].clone()), (StatusCode::BAD_REQUEST, json!("PGRST204")));
    let answer = ann.post("/rest/v1/cards").json(&json!({"id": 6})).send();
    assert_eq!(
        (answer.status, answer.json()["code"].clone()),
        (StatusCode::BAD_REQUEST, json!("23502")),
        "{}",
        answer.text()
    );
    let answer = ann.patch("/rest/v1/cards?id=eq.5").json(&json!({})).send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let answer = ann.patch("/rest/v1/cards?id=eq.5").json(&json!({"born": "not a day"})).send();
    assert_eq!((answer.status, answer.json()["code"].clone()), (StatusCode::BAD_REQUEST, json!("22007")));
    let answer = ann.patch("/rest/v1/cards").json(&json!({"name": "y"})).send();
    assert_eq!((answer.status, answer.json()["code"].clone()), (StatusCode::BAD_REQUEST, json!("21000")));
}

#[test]
fn a_simple_view_with_triggers_is_written_by_them_alone() {
    let app = project(
        "create table notes (id int primary key, body text, gone boolean not null default false);
         create view live as select id, body from notes where not gone;
         create function soft() returns trigger language plpgsql security definer as $$
         begin update notes set gone = true where id = old.id; return old; end $$;
         create trigger soft instead of delete on live for each row execute function soft();
         create view outer_live as select id from live;
         insert into notes values (1, 'a'), (2, 'b');",
    );
    let anon = app.anon();
    assert_eq!(anon.delete("/rest/v1/live?id=eq.1").send().status, StatusCode::NO_CONTENT);
    assert_eq!(
        run(&app, "select id, gone from notes order by id"),
        json!([{"id": 1, "gone": true}, {"id": 2, "gone": false}])
    );
    assert_eq!(
        anon.post("/rest/v1/live").json(&json!({"id": 3, "body": "c"})).send().status,
        StatusCode::CREATED,
        "an INSERT goes to the table"
    );
    assert_eq!(refusal(&app, "delete from live where id = 2").0, "0A000");
    let answer = anon.delete("/rest/v1/outer_live?id=eq.2").send();
    assert_eq!((answer.status, answer.json()["code"].clone()), (StatusCode::BAD_REQUEST, json!("0A000")));
    assert_eq!(refusal(&app, "delete from outer_live where id = 2").0, "0A000");
    run(&app, "drop view outer_live");
    run(&app, "alter view live rename to alive; alter view alive rename column body to text");
    assert_eq!(anon.delete("/rest/v1/alive?text=eq.b").send().status, StatusCode::NO_CONTENT);
    assert_eq!(run(&app, "select id from notes where gone order by id"), json!([{"id": 1}, {"id": 2}]));
    run(
        &app,
        "drop trigger soft on alive; create or replace view alive as select id, body as text from notes where not gone; delete from alive",
    );
    assert_eq!(run(&app, "select count(*) from notes"), json!([{"count": 2}]));
    run(
        &app,
        "create trigger soft instead of delete on alive for each row execute function soft(); drop view alive; create view alive as select id, body from notes",
    );
    run(&app, "delete from alive where id = 1");
    assert_eq!(run(&app, "select count(*) from notes"), json!([{"count": 1}]), "its triggers went with it");
}

#[test]
fn what_postgres_refuses_and_what_cannot_be_had() {
    let app = project(&format!("{CARDS} create table t (id int primary key);"));
    let create =
        |rest: &str| refusal(&app, &format!("create trigger x {rest} execute function card_written()"));
    #[rustfmt::skip]
    let cases = [
        ("instead of insert on t for each row", "42809", "\"t\" is a table"),
        ("instead of insert on cards", "0A000", "INSTEAD OF triggers must be FOR EACH ROW"),
        ("instead of insert on cards for each row when (true)", "0A000", "INSTEAD OF triggers cannot have WHEN conditions"),
        ("instead of update of name on cards for each row", "0A000", "INSTEAD OF triggers cannot have column lists"),
        ("after insert on cards for each row", "0A000", "a trigger on a view that is not INSTEAD OF"),
        ("instead of insert on cards for each row", "0A000", "a second INSTEAD OF INSERT trigger, beside written"),
    ];
    for (rest, code, message) in cases {
        let (given, text) = create(rest);
        assert_eq!(given, code, "{rest}: {text}");
        assert!(text.contains(message), "{rest}: {text}");
    }
    assert_eq!(query(&app, "drop trigger if exists written on cards; create trigger written instead of insert on cards for each row execute function card_written()").status, StatusCode::OK);
}
