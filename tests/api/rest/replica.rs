//! Which copy of the database answers, and what may be asked for again with its `ETag`.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ANN, BOB};
use crate::app::{Answer, TestApp};

const MIGRATION: &str = "
  CREATE TABLE products (id int PRIMARY KEY, name text);
  CREATE POLICY p ON products FOR SELECT USING (true);
  COMMENT ON TABLE products IS 'What there is to buy. @cache';
  CREATE TABLE prices (product_id int PRIMARY KEY REFERENCES products (id) ON DELETE CASCADE, cents int);
  CREATE POLICY p ON prices FOR SELECT USING (true);
  CREATE TABLE reviews (id int PRIMARY KEY, product_id int REFERENCES products (id), user_id uuid DEFAULT auth.uid());
  CREATE POLICY p ON reviews FOR SELECT USING (true);
  CREATE POLICY q ON reviews FOR INSERT TO authenticated WITH CHECK (user_id = auth.uid());
  CREATE TABLE stars (product_id int PRIMARY KEY, count int);
  CREATE POLICY p ON stars FOR SELECT USING (true);
  CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    INSERT INTO stars VALUES (NEW.product_id, 1) ON CONFLICT (product_id) DO UPDATE SET count = stars.count + 1;
    RETURN NULL;
  END $$;
  CREATE TRIGGER t AFTER INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION counted();
  CREATE TABLE offers (id int PRIMARY KEY, product_id int);
  CREATE POLICY p ON offers FOR SELECT USING (EXISTS (SELECT 1 FROM reviews WHERE user_id = auth.uid()));
  CREATE TABLE boxes (id int PRIMARY KEY);
  CREATE POLICY p ON boxes FOR SELECT USING (true);
  CREATE VIEW shelf AS SELECT * FROM boxes;
  CREATE TABLE visits (id int PRIMARY KEY);
  CREATE POLICY p ON visits FOR SELECT USING (true);
  CREATE FUNCTION visit(number int) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ INSERT INTO visits VALUES (number) $$;
  INSERT INTO products VALUES (1, 'tea');";

/// An app with a replica that lacks the second product.
fn app(replicas: &str) -> TestApp {
    let app = TestApp::with_vars(&[("READ_REPLICAS", replicas)]);
    app.migrate("1", MIGRATION);
    app.database.replicate();
    app.database.execute("INSERT INTO products VALUES (2, 'cake'); INSERT INTO stars VALUES (1, 9); INSERT INTO boxes VALUES (1);");
    app
}

fn rows(answer: &Answer) -> usize {
    answer.json().as_array().unwrap_or_else(|| panic!("{}", answer.text())).len()
}

#[test]
fn a_replica_answers_those_who_cannot_have_written() {
    let app = app("true");
    let get = |target: &str| app.anon().get(&format!("/rest/v1/{target}")).send();
    #[rustfmt::skip]
    let cases = [
        ("products",                     1, "nobody but the back end writes it"),
        ("products?select=*,prices(*)",  1, "nor what goes with it"),
        ("stars",                        1, "a trigger writes it"),
        ("shelf",                        1, "a view may be of anything"),
        ("boxes",                        1, "everyone may write it, through its owner's view"),
    ];
    for (target, count, why) in cases {
        let answer = get(target);
        assert_eq!(rows(&answer), count, "{target}: {why}");
        assert!(answer.header("x-d1-bookmark").is_some(), "{target}");
    }
    app.database.execute("INSERT INTO visits VALUES (7)");
    assert_eq!(rows(&get("visits")), 1, "a function writes it for its owner");
    let service = app.service_role().get("/rest/v1/products").send();
    assert_eq!(rows(&service), 2, "the back end writes everything");
}

#[test]
fn whoever_wrote_reads_it() {
    let app = app("true");
    let ann = app.user(ANN);
    let review = json!({"id": 1, "product_id": 1});
    assert_eq!(ann.post("/rest/v1/reviews").json(&review).send().status, StatusCode::CREATED);
    for target in ["reviews", "products?select=id,reviews!inner(id)&id=eq.1", "stars"] {
        assert_eq!(rows(&ann.get(&format!("/rest/v1/{target}")).send()), 1, "{target}");
    }
    app.database.execute("INSERT INTO offers VALUES (1, 1)");
    assert_eq!(rows(&ann.get("/rest/v1/offers").send()), 1, "what a policy looks at counts too");
    assert_eq!(rows(&app.user(BOB).get("/rest/v1/products").send()), 1);
}

#[test]
fn a_bookmark_says_how_new_the_answer_has_to_be() {
    let app = app("true");
    let count =
        |bookmark: &str| rows(&app.anon().get("/rest/v1/products").header("x-d1-bookmark", bookmark).send());
    let old = app.anon().get("/rest/v1/products").send();
    let old = old.header("x-d1-bookmark").unwrap();
    let new = app.service_role().post("/rest/v1/products").json(&json!({"id": 3, "name": "rye"})).send();
    let new = new.header("x-d1-bookmark").unwrap();
    assert!(old < new);
    assert_eq!((count(old), count(new)), (1, 3));
    for nonsense in ["", "first-unconstrained", "00000001-00000001", "' OR 1 = 1"] {
        assert_eq!(count(nonsense), 1, "{nonsense}");
    }
    let batch = json!({"requests": [{"method": "GET", "path": "/products"}]});
    let batch = app.anon().post("/rest/v1/batch").json(&batch).send();
    assert!(batch.header("x-d1-bookmark").is_some());
}

#[test]
fn a_replica_that_lacks_the_newest_schema_is_passed_over() {
    let app = app("true");
    app.migrate("2", "ALTER TABLE products ADD COLUMN weight int;");
    assert_eq!(rows(&app.anon().get("/rest/v1/products?select=weight").send()), 2);
    assert_eq!(rows(&app.anon().get("/rest/v1/products").send()), 2);
}

#[test]
fn without_the_setting_there_are_no_replicas() {
    let app = app("false");
    let answer = app.anon().get("/rest/v1/products").send();
    assert_eq!((rows(&answer), answer.header("x-d1-bookmark")), (2, None));
}

#[test]
fn an_anonymous_read_of_a_table_that_says_so_has_a_tag() {
    let app = app("false");
    let get = |target: &str, known: &str| {
        app.anon().get(&format!("/rest/v1/{target}")).header("if-none-match", known).send()
    };
    let first = get("products?order=id", "\"x\"");
    let tag = first.header("etag").unwrap().to_string();
    assert_eq!((first.status, first.header("cache-control")), (StatusCode::OK, Some("no-cache")));
    for known in [tag.clone(), format!("W/{tag}, \"y\""), "*".to_string()] {
        let again = get("products?order=id", &known);
        assert_eq!((again.status, again.text().as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!(again.header("etag"), Some(tag.as_str()));
    }
    assert_ne!(get("products?order=id.desc", &tag).status, StatusCode::NOT_MODIFIED);
    // After a write, whoever wrote, the next answer is the new one.
    app.service_role().patch("/rest/v1/products?id=eq.1").json(&json!({"name": "mate"})).send();
    let after = get("products?order=id", &tag);
    assert_eq!((after.status, &after.json()[0]["name"]), (StatusCode::OK, &Value::from("mate")));
    assert_ne!(after.header("etag"), Some(tag.as_str()));

    for target in ["stars", "products?select=*,reviews(*)"] {
        assert_eq!(get(target, &tag).header("etag"), None, "{target}");
    }
    assert_eq!(app.user(ANN).get("/rest/v1/products").send().header("etag"), None);
    assert_eq!(app.anon().get("/rest/v1/products?order=nothing").send().header("etag"), None);
}
