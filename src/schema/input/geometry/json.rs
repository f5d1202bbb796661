//! GeoJSON's geometry objects.

use serde_json::Value;

use super::{Content, DEEPEST, Geometry, Point, has_more_dimensions, refused};
use crate::schema::input::InputError;
use crate::schema::spatial::Shape;

/// The geometry of an object's text.
pub fn from_text(text: &str) -> Result<Geometry, InputError> {
    let value: Value = serde_json::from_str(text).map_err(|_| invalid())?;
    from_json(&value, 0)
}

fn invalid() -> InputError {
    refused("XX000", "invalid GeoJson representation")
}

fn from_json(value: &Value, depth: usize) -> Result<Geometry, InputError> {
    let shape = value.get("type").and_then(Value::as_str).and_then(Shape::named);
    let shape = shape.filter(|_| depth < DEEPEST).ok_or_else(invalid)?;
    if value.get("crs").is_some() {
        return Err(refused("0A000", "GeoJSON with a \"crs\" is not supported"));
    }
    if shape == Shape::GeometryCollection {
        let parts = value.get("geometries").and_then(Value::as_array).ok_or_else(invalid)?;
        let parts: Result<_, _> = parts.iter().map(|part| from_json(part, depth + 1)).collect();
        return Ok(Geometry { shape, content: Content::Parts(parts?) });
    }
    let content = json_content(shape, value.get("coordinates").ok_or_else(invalid)?)?;
    Ok(Geometry { shape, content })
}

fn json_content(shape: Shape, value: &Value) -> Result<Content, InputError> {
    let items = value.as_array().ok_or_else(invalid)?;
    Ok(match (shape, shape.part()) {
        (Shape::Point, _) if items.is_empty() => Content::Points(Vec::new()),
        (Shape::Point, _) => Content::Points(vec![json_point(value)?]),
        (Shape::LineString, _) => Content::Points(json_points(value)?),
        (_, None) => Content::Rings(items.iter().map(json_points).collect::<Result<_, _>>()?),
        (_, Some(shape)) => {
            let part = |item| Ok(Geometry { shape, content: json_content(shape, item)? });
            Content::Parts(items.iter().map(part).collect::<Result<_, InputError>>()?)
        }
    })
}

fn json_points(value: &Value) -> Result<Vec<Point>, InputError> {
    value.as_array().ok_or_else(invalid)?.iter().map(json_point).collect()
}

fn json_point(value: &Value) -> Result<Point, InputError> {
    let numbers = value.as_array().ok_or_else(invalid)?.iter().map(Value::as_f64);
    match numbers.collect::<Option<Vec<_>>>().ok_or_else(invalid)?.as_slice() {
        [x, y] => Ok([*x, *y]),
        [_, _, _, ..] => Err(has_more_dimensions()),
        _ => Err(invalid()),
    }
}
