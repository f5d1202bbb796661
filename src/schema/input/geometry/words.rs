//! Well-known text: `POINT(1 2)`.

use super::{Content, DEEPEST, Geometry, Point, has_more_dimensions, invalid};
use crate::schema::input::InputError;
use crate::schema::spatial::Shape;

/// What of a well-known text has not been read yet.
pub struct Words<'t> {
    rest: &'t str,
}

impl<'t> Words<'t> {
    pub fn of(rest: &'t str) -> Self {
        Self { rest }
    }

    pub fn whole(mut self) -> Result<Geometry, InputError> {
        let geometry = self.geometry(0)?;
        if self.rest.trim().is_empty() { Ok(geometry) } else { Err(invalid()) }
    }

    /// The letters of a word, or nothing.
    fn word(&mut self) -> &'t str {
        let rest = self.rest.trim_start();
        let end = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        word
    }

    fn takes(&mut self, sign: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn is_empty(&mut self) -> Result<bool, InputError> {
        match self.word().to_ascii_lowercase().as_str() {
            "" => Ok(false),
            "empty" => Ok(true),
            "z" | "m" | "zm" => Err(has_more_dimensions()),
            _ => Err(invalid()),
        }
    }

    /// `(item, item)`.
    fn list<T>(
        &mut self,
        item: &mut dyn FnMut(&mut Self) -> Result<T, InputError>,
    ) -> Result<Vec<T>, InputError> {
        if !self.takes('(') {
            return Err(invalid());
        }
        let mut items = vec![item(self)?];
        while self.takes(',') {
            items.push(item(self)?);
        }
        if self.takes(')') { Ok(items) } else { Err(invalid()) }
    }

    fn point(&mut self) -> Result<Point, InputError> {
        let point = [self.number()?.ok_or_else(invalid)?, self.number()?.ok_or_else(invalid)?];
        if self.number()?.is_some() { Err(has_more_dimensions()) } else { Ok(point) }
    }

    fn number(&mut self) -> Result<Option<f64>, InputError> {
        let rest = self.rest.trim_start();
        let is_part = |letter: char| letter.is_ascii_digit() || matches!(letter, '+' | '-' | '.' | 'e' | 'E');
        let (digits, rest) = rest.split_at(rest.find(|letter| !is_part(letter)).unwrap_or(rest.len()));
        if digits.is_empty() {
            return Ok(None);
        }
        self.rest = rest;
        let number = digits.parse().ok().filter(|number: &f64| number.is_finite());
        number.map(Some).ok_or_else(invalid)
    }

    fn geometry(&mut self, depth: usize) -> Result<Geometry, InputError> {
        let word = self.word();
        let shape = match Shape::named(word) {
            Some(shape) if depth < DEEPEST => shape,
            _ if word.strip_suffix(['z', 'Z', 'm', 'M']).is_some_and(|word| Shape::named(word).is_some()) => {
                return Err(has_more_dimensions());
            }
            _ => return Err(invalid()),
        };
        Ok(Geometry { shape, content: self.content(shape, depth)? })
    }

    fn content(&mut self, shape: Shape, depth: usize) -> Result<Content, InputError> {
        let is_empty = self.is_empty()?;
        Ok(match (shape, shape.part()) {
            (Shape::Point | Shape::LineString, _) if is_empty => Content::Points(Vec::new()),
            (Shape::Polygon, _) if is_empty => Content::Rings(Vec::new()),
            _ if is_empty => Content::Parts(Vec::new()),
            (Shape::Point, _) => match self.list(&mut Self::point)? {
                points if points.len() == 1 => Content::Points(points),
                _ => return Err(invalid()),
            },
            (Shape::LineString, _) => Content::Points(self.list(&mut Self::point)?),
            (Shape::Polygon, _) => Content::Rings(self.list(&mut |words| words.list(&mut Self::point))?),
            (_, Some(part)) => Content::Parts(self.list(&mut |words| {
                // The points of several stand in brackets or not.
                let bare = part == Shape::Point && !words.rest.trim_start().starts_with(['(', 'e', 'E']);
                let content = if bare {
                    Content::Points(vec![words.point()?])
                } else {
                    words.content(part, depth + 1)?
                };
                Ok(Geometry { shape: part, content })
            })?),
            (_, None) => Content::Parts(self.list(&mut |words| words.geometry(depth + 1))?),
        })
    }
}
