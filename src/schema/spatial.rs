//! PostGIS' types: what `geometry(Point,4326)` says of the values of a column. Flat only: X and Y.

/// `geometry` or `geography`, with what is in its brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spatial {
    /// Whether it is `geography`: on the globe.
    pub is_geography: bool,
    /// The shape that every value has; `None` for any.
    pub shape: Option<Shape>,
    /// The reference system that every value has; 0 for any.
    pub srid: u32,
}

/// What a geometry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Shape {
    Point,
    LineString,
    Polygon,
    MultiPoint,
    MultiLineString,
    MultiPolygon,
    GeometryCollection,
}

/// Degrees on the globe: the system of `geography`, and of GeoJSON.
pub const DEGREES: u32 = 4326;

/// The shapes in the order of their codes, which begin with 1, and their names.
#[rustfmt::skip]
const SHAPES: [(Shape, &str); 7] = [
    (Shape::Point,              "Point"),
    (Shape::LineString,         "LineString"),
    (Shape::Polygon,            "Polygon"),
    (Shape::MultiPoint,         "MultiPoint"),
    (Shape::MultiLineString,    "MultiLineString"),
    (Shape::MultiPolygon,       "MultiPolygon"),
    (Shape::GeometryCollection, "GeometryCollection"),
];

impl Spatial {
    /// `geometry` of any kind.
    pub const GEOMETRY: Self = Self { is_geography: false, shape: None, srid: 0 };

    /// `geography` of any kind.
    pub const GEOGRAPHY: Self = Self { is_geography: true, shape: None, srid: 0 };

    /// `geometry` or `geography`.
    pub fn name(&self) -> &'static str {
        if self.is_geography { "geography" } else { "geometry" }
    }

    /// The type with these modifiers: `Point,4326`; `None` for what is none, and for values with Z or M.
    pub fn with_modifiers(&self, modifiers: &str) -> Option<Self> {
        let mut words = modifiers.split(',').map(|word| word.trim().trim_matches('\''));
        let word = words.next()?;
        let shape = if word.eq_ignore_ascii_case("geometry") { None } else { Some(Shape::named(word)?) };
        let srid = words.next().map(str::parse).transpose().ok()?;
        let default = if self.is_geography { DEGREES } else { 0 };
        let srid = srid.unwrap_or(default);
        let fits = !self.is_geography || srid == DEGREES;
        (fits && words.next().is_none()).then_some(Self { is_geography: self.is_geography, shape, srid })
    }

    /// With its modifiers: `geometry(Point,4326)`.
    pub fn full_name(&self) -> String {
        match (self.shape, self.srid) {
            (None, 0) => self.name().to_string(),
            (shape, srid) => {
                let srid = if srid == 0 { String::new() } else { format!(",{srid}") };
                format!("{}({}{srid})", self.name(), shape.map_or("Geometry", Shape::name))
            }
        }
    }
}

impl Shape {
    /// By its name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        SHAPES.iter().find(|(_, of)| of.eq_ignore_ascii_case(name)).map(|(shape, _)| *shape)
    }

    /// By its code in binary form.
    pub fn of_code(code: u32) -> Option<Self> {
        SHAPES.get((code as usize).checked_sub(1)?).map(|(shape, _)| *shape)
    }

    /// Its code in binary form.
    pub fn code(self) -> u32 {
        self as u32 + 1
    }

    /// As PostGIS and GeoJSON write it.
    pub fn name(self) -> &'static str {
        SHAPES.get(self as usize).map_or("", |(_, name)| name)
    }

    /// What the parts of a shape of several are; `None` for the others.
    pub fn part(self) -> Option<Self> {
        match self {
            Self::MultiPoint => Some(Self::Point),
            Self::MultiLineString => Some(Self::LineString),
            Self::MultiPolygon => Some(Self::Polygon),
            _ => None,
        }
    }
}
