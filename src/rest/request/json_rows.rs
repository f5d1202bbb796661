//! A JSON body's rows, read in one pass: most of what a large insert costs is this.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::body::{BodyError, Payload, Span};

/// The rows of an object or of an array of objects. With `columns` only those keys count; without, every object must have the
/// first one's. A scalar makes no row, as upstream has it.
pub fn json_rows(bytes: &[u8], columns: Option<&[String]>) -> Result<Payload, BodyError> {
    let text = std::str::from_utf8(bytes).map_err(|_| BodyError::Json)?;
    let mut reader = Reader {
        start: text.as_ptr().addr(),
        cells: Vec::new(),
        count: 0,
        columns: columns.map(<[String]>::to_vec).unwrap_or_default(),
        takes_new: columns.is_none(),
        needs_all: columns.is_none(),
        uneven: false,
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = match text.trim_start().as_bytes().first() {
        Some(b'{') => reader.deserialize(&mut deserializer),
        Some(b'[') => deserializer.deserialize_seq(Items(&mut reader)),
        _ => IgnoredAny::deserialize(&mut deserializer).map(|_| ()),
    };
    read.and_then(|()| deserializer.end()).map_err(|_| BodyError::Json)?;
    if reader.uneven {
        return Err(BodyError::Keys);
    }
    Ok(Payload::of_spans(reader.columns, text.to_string(), reader.cells, reader.count))
}

/// Reads one object after the other. An item at fault is noted and read over: broken JSON behind it is the greater fault.
struct Reader {
    /// Where the body begins, in memory.
    start: usize,
    /// Row after row, of each the places of its cells in the body.
    cells: Vec<Span>,
    /// How many objects there were.
    count: usize,
    columns: Vec<String>,
    /// Whether a key that is not there yet becomes a column: in the first object.
    takes_new: bool,
    /// Whether every object must have every column.
    needs_all: bool,
    /// Whether an item was no object, or had other keys.
    uneven: bool,
}

impl Reader {
    /// The place of a key; objects mostly have their keys in one order, so it is looked for at `likely` first.
    fn place(&self, key: &str, likely: usize) -> Option<usize> {
        if self.columns.get(likely).is_some_and(|column| column == key) {
            return Some(likely);
        }
        self.columns.iter().position(|column| column == key)
    }

    /// The place of a cell, which is borrowed from the body.
    fn span(&self, cell: &RawValue) -> Span {
        let start = cell.get().as_ptr().addr().saturating_sub(self.start);
        start..start + cell.get().len()
    }
}

impl<'de> DeserializeSeed<'de> for &mut Reader {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let row = self.cells.len();
        self.cells.resize(row + self.columns.len(), 0..0);
        let mut likely = 0;
        while let Some(Key(key)) = map.next_key()? {
            let place = self.place(&key, likely);
            likely = place.unwrap_or(likely) + 1;
            if place.is_none() && !self.takes_new {
                self.uneven |= self.needs_all;
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let span = self.span(map.next_value()?);
            match place.and_then(|place| self.cells.get_mut(row + place)) {
                Some(cell) => *cell = span,
                None => {
                    self.columns.push(key.into_owned());
                    self.cells.push(span);
                }
            }
        }
        self.takes_new = false;
        self.count += 1;
        self.uneven |= self.needs_all && self.cells.iter().skip(row).any(Span::is_empty);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        self.visit_unit()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.uneven = true;
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.visit_unit()
    }
}

/// The items of an array.
struct Items<'r>(&'r mut Reader);

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(&mut *self.0)?.is_some() {}
        Ok(())
    }
}

/// A key, borrowed from the body unless it has escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_string())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}
