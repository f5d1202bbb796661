//! PostGIS' types and functions in SQL.

use crate::app::TestApp;

const MIGRATION: &str = "
  CREATE SCHEMA gis;
  CREATE EXTENSION postgis WITH SCHEMA gis;
  CREATE TABLE shops (id int PRIMARY KEY, shop_geom gis.geography(POINT) NOT NULL);
  INSERT INTO shops VALUES (1, gis.st_point(1, 2));";

#[test]
fn what_looks_at_two_shapes_is_refused() {
    let app = TestApp::new();
    app.migrate("1", MIGRATION);
    for (sql, code) in [
        ("SELECT st_distance(shop_geom, shop_geom) FROM shops", "0A000"),
        ("SELECT st_makepoint(id, id) FROM shops", "0A000"),
        ("SELECT st_x('LINESTRING(1 2,3 4)'::geometry)", "XX000"),
        ("SELECT id FROM shops ORDER BY shop_geom", "0A000"),
        ("CREATE TABLE x (a geometry[])", "0A000"),
        ("CREATE TABLE x (a geometry(PointZ))", "0A000"),
    ] {
        assert_eq!(app.refusal(sql).0, code, "{sql}");
    }
    let rows =
        app.rows("SELECT st_asgeojson(st_point(1.5, 2)) AS j, st_geogfromtext('POINT(1 2)')::text AS t");
    assert_eq!(rows[0]["j"], "{\"type\":\"Point\",\"coordinates\":[1.5,2]}");
    assert_eq!(rows[0]["t"], "0101000020E6100000000000000000F03F0000000000000040");
}
