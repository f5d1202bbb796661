//! PostGIS' types inside of expressions: casts between them, and the few functions that ask for a form of a value
//! or make one of constants. What looks at two shapes at once is refused.

use super::lowering::Lowering;
use super::piece::{Piece, literal};
use crate::dialect::DialectError;
use crate::schema::{DataType, Spatial, feature_geometry};
use crate::sql::raise;

const GEOMETRY: DataType = DataType::Geometry(Spatial::GEOMETRY);
const GEOGRAPHY: DataType = DataType::Geometry(Spatial::GEOGRAPHY);

impl Lowering<'_> {
    /// PostGIS' functions; `None` for any other.
    pub(super) fn geometry_call(
        &mut self,
        name: &str,
        pieces: &[Piece],
    ) -> Result<Option<Piece>, DialectError> {
        if !name.starts_with("st_") {
            return Ok(None);
        }
        let piece = match (name, pieces) {
            ("st_point" | "st_makepoint", [x, y]) => self.constant_point(x, y, ""),
            ("st_point", [x, y, srid]) => match digits(srid) {
                Some(srid) => self.constant_point(x, y, &format!("SRID={srid};")),
                None => None,
            },
            ("st_geomfromtext" | "st_geomfromewkt" | "st_geomfromgeojson", [Piece::Unknown(text)]) => {
                Some(self.constant_geometry(text.clone(), GEOMETRY))
            }
            ("st_geomfromtext", [Piece::Unknown(text), srid]) => {
                digits(srid).map(|srid| self.constant_geometry(format!("SRID={srid};{text}"), GEOMETRY))
            }
            ("st_geogfromtext" | "st_geographyfromtext", [Piece::Unknown(text)]) => {
                Some(self.constant_geometry(text.clone(), GEOGRAPHY))
            }
            ("st_setsrid", [Piece::Typed(sql, DataType::Geometry(_)), srid]) => {
                match (constant_text(sql), digits(srid)) {
                    (Some(text), Some(srid)) => {
                        Some(self.constant_geometry(format!("SRID={srid};{text}"), GEOMETRY))
                    }
                    _ => None,
                }
            }
            ("st_x", [Piece::Typed(sql, DataType::Geometry(_))]) => Some(self.coordinate(sql, "ST_X", 3)),
            ("st_y", [Piece::Typed(sql, DataType::Geometry(_))]) => Some(self.coordinate(sql, "ST_Y", 4)),
            ("st_asgeojson", [Piece::Typed(sql, DataType::Geometry(_))]) => Some(
                self.once(sql.clone(), feature_geometry).map(|sql| Piece::text(format!("({sql} || '')"))),
            ),
            _ => None,
        };
        piece.transpose()?.map(Some).ok_or_else(|| {
            DialectError::unsupported(format!("the function {name}() of these arguments"))
                .with_hint("Geometries are kept and given back; points may be made of constants.")
        })
    }

    fn constant_point(&mut self, x: &Piece, y: &Piece, system: &str) -> Option<Result<Piece, DialectError>> {
        let (x, y) = (digits(x)?, digits(y)?);
        Some(self.constant_geometry(format!("{system}POINT({x} {y})"), GEOMETRY))
    }

    fn constant_geometry(&mut self, text: String, of: DataType) -> Result<Piece, DialectError> {
        Ok(Piece::Typed(literal(self.catalog, &of, &text)?, of))
    }

    fn coordinate(&mut self, sql: &str, name: &str, place: u8) -> Result<Piece, DialectError> {
        let error = raise(&format!("'XX000:Argument to {name}() must have type POINT'"));
        let value = |of: &str| {
            format!(
                "CASE {of} ->> '$[1].type' WHEN 'Point' THEN CAST({of} ->> '$[{place}]' AS REAL) ELSE CASE WHEN {of} IS NOT NULL THEN {error} END END"
            )
        };
        Ok(Piece::Typed(self.once(sql.to_string(), value)?, DataType::Float8))
    }

    /// A value as another of PostGIS' types: any that is known now, others where their form stays.
    pub(super) fn convert_geometry(
        &mut self,
        sql: String,
        from: &Spatial,
        to: &Spatial,
        explicit: bool,
    ) -> Result<String, DialectError> {
        if from.is_geography && !to.is_geography && !explicit {
            return Err(DialectError::new("42804", "a geography cannot stand for a geometry"));
        }
        if let Some(text) = constant_text(&sql) {
            return literal(self.catalog, &DataType::Geometry(to.clone()), &text);
        }
        let fits = to.shape.is_none_or(|shape| from.shape == Some(shape))
            && (to.srid == 0 || to.srid == from.srid)
            && (from.is_geography || !to.is_geography);
        if !fits {
            let what = format!("the cast from {} to {}", from.full_name(), to.full_name());
            return Err(DialectError::unsupported(what));
        }
        Ok(sql)
    }
}

/// A number that stands in the statement.
fn digits(piece: &Piece) -> Option<String> {
    let text = match piece {
        Piece::Typed(sql, _) => sql.trim_matches(['(', ')', '\'', ' ']),
        Piece::Unknown(text) => text.trim(),
        Piece::Null => return None,
    };
    text.parse().ok().filter(|number: &f64| number.is_finite()).map(|_| text.to_string())
}

/// PostGIS' text of a value that stands in the statement.
fn constant_text(sql: &str) -> Option<String> {
    let stored = sql.strip_prefix("'[\"")?.strip_suffix("]'")?;
    stored.split_once('"').map(|(text, _)| text.to_string())
}
