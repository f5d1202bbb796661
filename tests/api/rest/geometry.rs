//! Columns of PostGIS' types: what goes in and what comes out, as JSON and as features.

use serde_json::{Value, json};

use crate::app::TestApp;

const MIGRATION: &str = "
  CREATE EXTENSION IF NOT EXISTS postgis SCHEMA extensions;
  CREATE TABLE shops (
    id int PRIMARY KEY,
    address text,
    shop_geom extensions.geometry(POINT, 4326),
    area geography(Polygon)
  );
  ALTER TABLE shops DISABLE ROW LEVEL SECURITY;
  CREATE INDEX ON shops USING gist (shop_geom);
  CREATE TABLE plain (id int PRIMARY KEY);
  ALTER TABLE plain DISABLE ROW LEVEL SECURITY;
  INSERT INTO shops VALUES (1, '1369 Cambridge St', 'SRID=4326;POINT(-71.10044 42.373695)', NULL),
    (2, NULL, st_setsrid(st_makepoint(-71.5, 42), 4326), 'POLYGON((0 0,1 0,1 1,0 0))');
  CREATE FUNCTION near() RETURNS TABLE (id int, lat float, long float, place geometry) LANGUAGE sql AS $$
    SELECT id, st_y(shop_geom), st_x(shop_geom::geometry), shop_geom FROM shops ORDER BY id
  $$;";

fn app() -> TestApp {
    let app = TestApp::new();
    app.migrate("1", MIGRATION);
    app
}

fn features(app: &TestApp, target: &str) -> (u16, Value) {
    let answer = app.anon().get(target).header("accept", "application/geo+json").send();
    (answer.status.as_u16(), answer.json())
}

#[test]
fn rows_are_features() {
    let app = app();
    let answer = app
        .anon()
        .get("/rest/v1/shops?id=eq.1&select=id,address,shop_geom")
        .header("accept", "application/geo+json")
        .send();
    assert_eq!(answer.header("content-type"), Some("application/geo+json; charset=utf-8"));
    let point = json!({"type": "Point", "coordinates": [-71.10044, 42.373695]});
    let properties = json!({"id": 1, "address": "1369 Cambridge St"});
    let feature = json!({"type": "Feature", "geometry": point, "properties": properties});
    assert_eq!(answer.json(), json!({"type": "FeatureCollection", "features": [feature]}));

    let (_, all) = features(&app, "/rest/v1/shops?select=area,id&order=id");
    assert_eq!(all["features"][0]["geometry"], json!({"type": null}));
    assert_eq!(all["features"][1]["geometry"]["coordinates"], json!([[[0, 0], [1, 0], [1, 1], [0, 0]]]));
    assert_eq!(features(&app, "/rest/v1/shops?id=eq.9").1["features"], json!([]));
    let (status, refusal) = features(&app, "/rest/v1/plain");
    assert_eq!(
        (status, &refusal["code"], &refusal["message"]),
        (400, &json!("22023"), &json!("geometry column is missing"))
    );
    let (_, called) = features(&app, "/rest/v1/rpc/near?select=id,place&id=eq.1");
    assert_eq!(called["features"][0]["geometry"], point);
}

#[test]
fn a_geometry_is_json_and_a_geography_its_text() {
    let app = app();
    let rows =
        app.anon().get("/rest/v1/shops?select=shop_geom,area,text:shop_geom::text&order=id").send().json();
    assert_eq!(rows[0]["shop_geom"], json!({"type": "Point", "coordinates": [-71.10044, 42.373695]}));
    assert_eq!(rows[0]["text"], "0101000020E610000075CDE49B6DC651C0E0D6DD3CD52F4540".to_string().as_str());
    assert!(rows[1]["area"].as_str().unwrap().starts_with("0103000020E6100000"));
    let csv =
        app.anon().get("/rest/v1/shops?select=shop_geom&id=eq.1").header("accept", "text/csv").send().text();
    assert_eq!(csv, format!("shop_geom\n{}", rows[0]["text"].as_str().unwrap()));
    let rows = app.anon().get("/rest/v1/rpc/near").send().json();
    assert_eq!((&rows[0]["lat"], &rows[1]["long"]), (&json!(42.373695), &json!(-71.5)));
}

#[test]
fn bodies_take_what_postgis_takes() {
    let app = app();
    let forms = [
        json!("POINT(1 2)"),
        json!("SRID=4326;POINT(1 2)"),
        json!("0101000020E6100000000000000000F03F0000000000000040"),
        json!({"type": "Point", "coordinates": [1, 2]}),
        json!(null),
    ];
    for (index, form) in forms.iter().enumerate() {
        let body = json!({"id": 10 + index, "shop_geom": form});
        let answer = app
            .anon()
            .post("/rest/v1/shops?select=shop_geom")
            .json(&body)
            .header("prefer", "return=representation")
            .send();
        let expected =
            if form.is_null() { json!(null) } else { json!({"type": "Point", "coordinates": [1, 2]}) };
        assert_eq!(answer.json(), json!([{"shop_geom": expected}]), "{form}");
    }
    let found =
        app.anon().get("/rest/v1/shops?select=id&shop_geom=eq.SRID%3D4326;POINT(1%202)").send().json();
    assert_eq!(found.as_array().unwrap().len(), 4);

    #[rustfmt::skip]
    let refused = [
        (json!("LINESTRING(1 2,3 4)"),     400, "22023", "Geometry type (LineString) does not match column type (Point)"),
        (json!("SRID=3857;POINT(1 2)"),    400, "22023", "Geometry SRID (3857) does not match column SRID (4326)"),
        (json!("POINT(1 2"),               500, "XX000", "parse error - invalid geometry"),
        (json!("POINT(1 2 3)"),            400, "0A000", "geometries with Z or M are not supported"),
        (json!({"type": "Feature"}),       500, "XX000", "invalid GeoJson representation"),
    ];
    for (form, status, code, message) in refused {
        let answer = app.anon().post("/rest/v1/shops").json(&json!({"id": 99, "shop_geom": form})).send();
        let said = answer.json();
        assert_eq!(answer.status.as_u16(), status, "{form}");
        assert_eq!((said["code"].as_str(), said["message"].as_str()), (Some(code), Some(message)), "{form}");
    }
    let sorted = app.anon().get("/rest/v1/shops?order=shop_geom").send().json();
    assert_eq!(sorted["code"], "PGRST127");
}
