//! The binary form (WKB, and EWKB, which names the reference system), in hexadecimal digits.

use super::{Content, DEEPEST, Geometry, Point, all_finite, has_more_dimensions, invalid};
use crate::schema::input::InputError;
use crate::schema::spatial::Shape;

/// The bit of a code that says that the reference system follows.
pub const HAS_SRID: u32 = 0x2000_0000;

/// What of a binary form has not been read yet.
pub struct Binary {
    bytes: Vec<u8>,
    at: usize,
}

impl Binary {
    pub fn of_hexadecimal(text: &str) -> Result<Self, InputError> {
        let digits: Option<Vec<u8>> =
            text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
        let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or_else(invalid)?;
        let bytes = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit));
        Ok(Self { bytes: bytes.collect(), at: 0 })
    }

    pub fn whole(mut self) -> Result<(Geometry, Option<u32>), InputError> {
        let read = self.geometry(0)?;
        if self.at == self.bytes.len() { Ok(read) } else { Err(invalid()) }
    }

    fn take<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], InputError> {
        let bytes = self.bytes.get(self.at..self.at + LENGTH).and_then(|bytes| bytes.try_into().ok());
        self.at += LENGTH;
        bytes.ok_or_else(invalid)
    }

    fn number(&mut self, is_little: bool) -> Result<u32, InputError> {
        let bytes = self.take()?;
        Ok(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn point(&mut self, is_little: bool) -> Result<Point, InputError> {
        let mut coordinate = || {
            let bytes = self.take()?;
            Ok(if is_little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
        };
        Ok([coordinate()?, coordinate()?])
    }

    fn points(&mut self, is_little: bool) -> Result<Vec<Point>, InputError> {
        let count = self.number(is_little)?;
        let points: Result<Vec<Point>, InputError> = (0..count).map(|_| self.point(is_little)).collect();
        points.and_then(all_finite)
    }

    fn geometry(&mut self, depth: usize) -> Result<(Geometry, Option<u32>), InputError> {
        let is_little = match self.take()? {
            [1] => true,
            [0] => false,
            [_] => return Err(invalid()),
        };
        let code = self.number(is_little)?;
        if code & 0xC000_0000 != 0 || (1001..4000).contains(&(code & !HAS_SRID)) {
            return Err(has_more_dimensions());
        }
        let srid = if code & HAS_SRID == 0 { None } else { Some(self.number(is_little)?) };
        let shape = Shape::of_code(code & !HAS_SRID).filter(|_| depth < DEEPEST).ok_or_else(invalid)?;
        let content = match shape {
            Shape::Point => {
                let point = self.point(is_little)?;
                let is_empty = point.iter().all(|number| number.is_nan());
                Content::Points(if is_empty { Vec::new() } else { all_finite(vec![point])? })
            }
            Shape::LineString => Content::Points(self.points(is_little)?),
            Shape::Polygon => {
                let count = self.number(is_little)?;
                let rings: Result<_, _> = (0..count).map(|_| self.points(is_little)).collect();
                Content::Rings(rings?)
            }
            several => {
                let count = self.number(is_little)?;
                let part = |binary: &mut Self| binary.geometry(depth + 1).map(|(part, _)| part);
                let parts: Result<Vec<Geometry>, _> = (0..count).map(|_| part(self)).collect();
                let fits = |part: &Geometry| several.part().is_none_or(|shape| shape == part.shape);
                Content::Parts(
                    parts.and_then(|of| if of.iter().all(fits) { Ok(of) } else { Err(invalid()) })?,
                )
            }
        };
        Ok((Geometry { shape, content }, srid))
    }
}
