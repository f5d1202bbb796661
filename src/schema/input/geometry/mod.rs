//! Values of PostGIS' types: well-known text, binary form in hexadecimal digits and GeoJSON in; one stored form out.
//!
//! The stored form has every form that a value goes out in, since SQLite could make none of them: a JSON array of its
//! text (EWKB), its GeoJSON with 15 decimals, that of a feature (9 decimals, its reference system) where it differs, and of
//! a point X and Y. Equal values have equal ones.

mod binary;
mod json;
mod words;

use super::InputError;
use crate::schema::spatial::{DEGREES, Shape, Spatial};
use binary::{Binary, HAS_SRID};
use json::from_text;
use words::Words;

/// X and Y.
type Point = [f64; 2];

/// A geometry without its reference system.
struct Geometry {
    shape: Shape,
    content: Content,
}

enum Content {
    /// Of a point (one, or none when it is empty) and of a line.
    Points(Vec<Point>),
    /// Of a polygon.
    Rings(Vec<Vec<Point>>),
    /// Of all others.
    Parts(Vec<Geometry>),
}

/// How deep collections may be in each other.
const DEEPEST: usize = 32;

/// Decimals of a geometry cast to JSON, and of one that is a feature's.
const DECIMALS: (usize, usize) = (15, 9);

/// The stored form of a value's text.
pub fn geometry(of: &Spatial, text: &str) -> Result<String, InputError> {
    let text = text.trim_start();
    let (mut srid, rest) = match text.get(..5).filter(|start| start.eq_ignore_ascii_case("SRID=")) {
        Some(_) => {
            let (digits, rest) = text[5..].split_once(';').ok_or_else(invalid)?;
            (Some(digits.trim().parse().map_err(|_| invalid())?), rest)
        }
        None => (None, text),
    };
    let value = match rest.as_bytes().first() {
        Some(b'0') => {
            let (geometry, own) = Binary::of_hexadecimal(rest)?.whole()?;
            srid = srid.or(own);
            geometry
        }
        Some(b'{') if srid.is_none() => {
            srid = Some(DEGREES);
            from_text(rest)?
        }
        _ => Words::of(rest).whole()?,
    };
    value.check()?;
    value.stored(fitting(of, &value, srid.unwrap_or(0))?)
}

/// The reference system of a value in a column of the type.
fn fitting(of: &Spatial, value: &Geometry, srid: u32) -> Result<u32, InputError> {
    let srid = match srid {
        0 if of.is_geography => DEGREES,
        0 => of.srid,
        srid => srid,
    };
    if of.is_geography && srid != DEGREES {
        return Err(refused("22023", "Only lon/lat coordinate systems are supported in geography."));
    }
    if of.srid != 0 && srid != of.srid {
        let message = format!("Geometry SRID ({srid}) does not match column SRID ({})", of.srid);
        return Err(InputError::new("22023", message));
    }
    if let Some(shape) = of.shape.filter(|shape| *shape != value.shape) {
        let (own, column) = (value.shape.name(), shape.name());
        return Err(InputError::new(
            "22023",
            format!("Geometry type ({own}) does not match column type ({column})"),
        ));
    }
    if of.is_geography && value.is_off_the_globe() {
        return Err(refused(
            "0A000",
            "a geography beyond 180 degrees east or 90 degrees north is not supported",
        ));
    }
    // The systems whose name is their number's.
    if srid != 0 && !(2000..=32766).contains(&srid) {
        return Err(InputError::new(
            "0A000",
            format!("the spatial reference system {srid} is not supported"),
        ));
    }
    Ok(srid)
}

fn refused(code: &'static str, message: &str) -> InputError {
    InputError::new(code, message)
}

fn invalid() -> InputError {
    refused("XX000", "parse error - invalid geometry")
}

fn has_more_dimensions() -> InputError {
    refused("0A000", "geometries with Z or M are not supported")
}

impl Geometry {
    fn check(&self) -> Result<(), InputError> {
        match &self.content {
            Content::Points(points) if self.shape == Shape::LineString && points.len() == 1 => {
                Err(refused("XX000", "geometry requires more points"))
            }
            Content::Points(_) => Ok(()),
            Content::Rings(rings) => rings.iter().try_for_each(|ring| match ring.as_slice() {
                [first, _, _, .., last] if first == last => Ok(()),
                [_, _, _, _, ..] => Err(refused("XX000", "geometry contains non-closed rings")),
                _ => Err(refused("XX000", "geometry requires more points")),
            }),
            Content::Parts(parts) => parts.iter().try_for_each(Self::check),
        }
    }

    fn is_off_the_globe(&self) -> bool {
        let off = |[x, y]: &Point| x.abs() > 180.0 || y.abs() > 90.0;
        match &self.content {
            Content::Points(points) => points.iter().any(off),
            Content::Rings(rings) => rings.iter().flatten().any(off),
            Content::Parts(parts) => parts.iter().any(Self::is_off_the_globe),
        }
    }

    fn stored(&self, srid: u32) -> Result<String, InputError> {
        let mut bytes = Vec::new();
        self.write(Some(srid).filter(|srid| *srid != 0), &mut bytes);
        let digits = crate::crypto::hex(&bytes).to_ascii_uppercase();
        let (exact, feature) = (self.json("", DECIMALS.0), self.json(&system(srid), DECIMALS.1));
        let feature = if feature == exact { "null".to_string() } else { feature };
        let place = match (self.shape, &self.content) {
            (Shape::Point, Content::Points(points)) => {
                points.iter().flatten().map(|number| format!(",{}", number_text(*number, 400))).collect()
            }
            _ => String::new(),
        };
        Ok(format!("[\"{digits}\",{exact},{feature}{place}]"))
    }

    /// Binary form, least significant bytes first.
    fn write(&self, srid: Option<u32>, bytes: &mut Vec<u8>) {
        let mut number = |number: u32| number.to_le_bytes();
        bytes.push(1);
        bytes.extend(number(self.shape.code() | if srid.is_some() { HAS_SRID } else { 0 }));
        bytes.extend(srid.map(&mut number).into_iter().flatten());
        let points = |bytes: &mut Vec<u8>, points: &[Point]| {
            bytes.extend(points.iter().flatten().flat_map(|number| number.to_le_bytes()));
        };
        match &self.content {
            Content::Points(of) if self.shape == Shape::Point => {
                points(bytes, if of.is_empty() { &[[f64::NAN; 2]] } else { of });
            }
            Content::Points(of) => {
                bytes.extend(number(of.len() as u32));
                points(bytes, of);
            }
            Content::Rings(rings) => {
                bytes.extend(number(rings.len() as u32));
                for ring in rings {
                    bytes.extend(number(ring.len() as u32));
                    points(bytes, ring);
                }
            }
            Content::Parts(parts) => {
                bytes.extend(number(parts.len() as u32));
                parts.iter().for_each(|part| part.write(None, bytes));
            }
        }
    }

    /// GeoJSON; `system` is the member that names the reference system, with its comma.
    fn json(&self, system: &str, decimals: usize) -> String {
        let name = self.shape.name();
        match (&self.content, self.shape) {
            (Content::Parts(parts), Shape::GeometryCollection) => {
                let parts: Vec<String> = parts.iter().map(|part| part.json("", decimals)).collect();
                format!("{{\"type\":\"{name}\",{system}\"geometries\":[{}]}}", parts.join(","))
            }
            _ => format!("{{\"type\":\"{name}\",{system}\"coordinates\":{}}}", self.coordinates(decimals)),
        }
    }

    fn coordinates(&self, decimals: usize) -> String {
        let point = |[x, y]: &Point| format!("[{},{}]", number_text(*x, decimals), number_text(*y, decimals));
        let list = |points: &Vec<Point>| points.iter().map(point).collect::<Vec<_>>().join(",");
        match &self.content {
            Content::Points(points) if self.shape == Shape::Point => {
                points.first().map_or_else(|| "[]".to_string(), point)
            }
            Content::Points(points) => format!("[{}]", list(points)),
            Content::Rings(rings) => {
                let rings: Vec<String> = rings.iter().map(|ring| format!("[{}]", list(ring))).collect();
                format!("[{}]", rings.join(","))
            }
            Content::Parts(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| part.coordinates(decimals)).collect();
                format!("[{}]", parts.join(","))
            }
        }
    }
}

fn system(srid: u32) -> String {
    match srid {
        0 | DEGREES => String::new(),
        srid => format!("\"crs\":{{\"type\":\"name\",\"properties\":{{\"name\":\"EPSG:{srid}\"}}}},"),
    }
}

/// The fewest digits that read back as the number, at most so many of them after the point.
fn number_text(number: f64, decimals: usize) -> String {
    let size = number.abs();
    if number == 0.0 {
        return "0".to_string();
    }
    if !(1e-8..1e15).contains(&size) {
        let text = format!("{number:e}");
        return if size < 1.0 { text } else { text.replace('e', "e+") };
    }
    let text = number.to_string();
    if text.split_once('.').is_none_or(|(_, digits)| digits.len() <= decimals) {
        return text;
    }
    let rounded = format!("{number:.decimals$}");
    match rounded.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0".to_string(),
        text => text.to_string(),
    }
}

fn all_finite(points: Vec<Point>) -> Result<Vec<Point>, InputError> {
    match points.iter().flatten().all(|number| number.is_finite()) {
        true => Ok(points),
        false => Err(refused("0A000", "coordinates that are no finite numbers are not supported")),
    }
}

#[cfg(test)]
mod tests {
    use crate::schema::canonical;
    use crate::schema::{Catalog, DataType};

    #[test]
    fn texts_become_what_postgis_keeps() {
        const CAMBRIDGE: &str = "0101000020E6100000EE3D5C72DCC351C06D37C1374D2F4540";
        let stored = format!(
            "[\"{CAMBRIDGE}\",{{\"type\":\"Point\",\"coordinates\":[-71.06033,42.369544]}},null,-71.06033,42.369544]"
        );
        let stored = Ok(stored.as_str());
        let binary = format!("SRID=4326;{}", CAMBRIDGE.replace("0020E6100000", "0000"));
        let big = "SRID=4326;00000000010000000000000000BFF0000000000000";
        let rows: &[(&str, &str, Result<&str, &str>)] = &[
            ("geometry(Point,4326)", CAMBRIDGE, stored),
            ("geometry", &binary, stored),
            ("geometry", "srid=4326; point ( -71.06033\t42.369544 ) ", stored),
            ("geometry", "{\"type\":\"Point\",\"coordinates\":[-71.06033,42.369544]}", stored),
            ("geometry(Point,4326)", "POINT(-71.06033 42.369544)", stored),
            ("geography", "POINT(-71.06033 42.369544)", stored),
            (
                "geometry",
                big,
                Ok(
                    "[\"0101000020E61000000000000000000000000000000000F0BF\",{\"type\":\"Point\",\"coordinates\":[0,-1]},null,0,-1]",
                ),
            ),
            (
                "geometry",
                "POINT EMPTY",
                Ok(
                    "[\"0101000000000000000000F87F000000000000F87F\",{\"type\":\"Point\",\"coordinates\":[]},null]",
                ),
            ),
            (
                "geometry",
                "LINESTRING(1 2,3 4.5)",
                Ok(
                    "[\"010200000002000000000000000000F03F000000000000004000000000000008400000000000001240\",{\"type\":\"LineString\",\"coordinates\":[[1,2],[3,4.5]]},null]",
                ),
            ),
            (
                "geometry",
                "MULTIPOINT(1 2,(3 4))",
                Ok(
                    "[\"0104000000020000000101000000000000000000F03F0000000000000040010100000000000000000008400000000000001040\",{\"type\":\"MultiPoint\",\"coordinates\":[[1,2],[3,4]]},null]",
                ),
            ),
            (
                "geometry",
                "GEOMETRYCOLLECTION(POINT(1 2),POLYGON EMPTY)",
                Ok(
                    "[\"0107000000020000000101000000000000000000F03F0000000000000040010300000000000000\",{\"type\":\"GeometryCollection\",\"geometries\":[{\"type\":\"Point\",\"coordinates\":[1,2]},{\"type\":\"Polygon\",\"coordinates\":[]}]},null]",
                ),
            ),
            (
                "geometry(Polygon)",
                "POLYGON((0 0,1 0,1 1,0 0))",
                Ok(
                    "[\"0103000000010000000400000000000000000000000000000000000000000000000000F03F0000000000000000000000000000F03F000000000000F03F00000000000000000000000000000000\",{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,0]]]},null]",
                ),
            ),
            (
                "geometry",
                "SRID=3857;POINT(0.1234567890123 1e20)",
                Ok(
                    "[\"0101000020110F000084E94637DD9ABF3F408CB5781DAF1544\",{\"type\":\"Point\",\"coordinates\":[0.1234567890123,1e+20]},{\"type\":\"Point\",\"crs\":{\"type\":\"name\",\"properties\":{\"name\":\"EPSG:3857\"}},\"coordinates\":[0.123456789,1e+20]},0.1234567890123,1e+20]",
                ),
            ),
            ("geometry", "", Err("XX000")),
            ("geometry", "POINT(1)", Err("XX000")),
            ("geometry", "POINT(1 2", Err("XX000")),
            ("geometry", "POINT(1 2) x", Err("XX000")),
            ("geometry", "CIRCLE(1 2)", Err("XX000")),
            ("geometry", "SRID=x;POINT(1 2)", Err("XX000")),
            ("geometry", "0101", Err("XX000")),
            ("geometry", "0102000000FFFFFFFF", Err("XX000")),
            ("geometry", "{\"type\":\"Feature\"}", Err("XX000")),
            ("geometry", "POINT Z(1 2 3)", Err("0A000")),
            ("geometry", "POINT(1 2 3)", Err("0A000")),
            ("geometry", "SRID=1;POINT(1 2)", Err("0A000")),
            ("geometry", "LINESTRING(1 2)", Err("XX000")),
            ("geometry", "POLYGON((0 0,1 0,1 1,0 1))", Err("XX000")),
            ("geometry(Point)", "LINESTRING(1 2,3 4)", Err("22023")),
            ("geometry(Point,4326)", "SRID=3857;POINT(1 2)", Err("22023")),
            ("geography(Point)", "SRID=3857;POINT(1 2)", Err("22023")),
            ("geography", "POINT(181 2)", Err("0A000")),
        ];
        for (name, text, expected) in rows {
            let data_type = DataType::named(name).unwrap();
            assert_eq!(DataType::named(&data_type.short_name()), Some(data_type.clone()));
            let outcome = canonical(&Catalog::default(), &data_type, text);
            let outcome = outcome.as_ref().map(String::as_str).map_err(|error| error.code);
            assert_eq!(outcome, *expected, "{name} {text}");
        }
        for name in ["geometry(Circle)", "geography(Point,3857)", "geometry(PointZ)", "geometry(Point,a)"] {
            assert_eq!(DataType::named(name), None, "{name}");
        }
    }
}
