//! A JSON body's rows, read in one pass: most of what a large insert costs is this.
//!
//! What nearly every body is made of is read here: objects, and in them strings without escapes, integers, `null`, `true` and
//! `false`. Any other value, and any other key, is `serde_json`'s to read, which takes three times as long for those.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::body::{BodyError, Payload, Span};

/// The rows of an object or of an array of objects. With `columns` only those keys count; without, every object must have the
/// first one's. A scalar makes no row, as upstream has it.
pub fn json_rows(bytes: &[u8], columns: Option<&[String]>) -> Result<Payload, BodyError> {
    let text = std::str::from_utf8(bytes).map_err(|_| BodyError::Json)?;
    let mut reader = Reader {
        text,
        at: 0,
        cells: Vec::new(),
        count: 0,
        columns: columns.map(<[String]>::to_vec).unwrap_or_default(),
        takes_new: columns.is_none(),
        needs_all: columns.is_none(),
        uneven: false,
    };
    reader.body().ok_or(BodyError::Json)?;
    if reader.uneven {
        return Err(BodyError::Keys);
    }
    Ok(Payload::of_spans(reader.columns, text.to_string(), reader.cells, reader.count))
}

/// Reads one object after the other. An item at fault is noted and read over: broken JSON behind it is the greater fault,
/// and makes every one of these functions give `None`.
struct Reader<'t> {
    text: &'t str,
    /// How far it has been read.
    at: usize,
    /// Row after row, of each the places of its cells in the text.
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

impl<'t> Reader<'t> {
    fn body(&mut self) -> Option<()> {
        match self.peek() {
            Some(b'{') => self.object()?,
            Some(b'[') => self.list(b']', Self::item)?,
            _ => self.value().map(drop)?,
        }
        self.peek().is_none().then_some(())
    }

    fn item(&mut self) -> Option<()> {
        if self.peek() == Some(b'{') {
            return self.object();
        }
        self.uneven = true;
        self.value().map(drop)
    }

    fn object(&mut self) -> Option<()> {
        let row = self.cells.len();
        self.cells.resize(row + self.columns.len(), 0..0);
        let mut likely = 0;
        self.list(b'}', |reader| reader.member(row, &mut likely))?;
        self.takes_new = false;
        self.count += 1;
        self.uneven |= self.needs_all && self.cells.iter().skip(row).any(Span::is_empty);
        Some(())
    }

    fn member(&mut self, row: usize, likely: &mut usize) -> Option<()> {
        let key = self.key()?;
        if !self.takes(b':') {
            return None;
        }
        let value = self.value()?;
        let place = self.place(&key, *likely);
        *likely = place.unwrap_or(*likely) + 1;
        match place.and_then(|place| self.cells.get_mut(row + place)) {
            Some(cell) => *cell = value,
            None if self.takes_new => {
                self.columns.push(key.into_owned());
                self.cells.push(value);
            }
            None => self.uneven |= self.needs_all,
        }
        Some(())
    }

    /// The place of a key; objects mostly have their keys in one order, so it is looked for at `likely` first.
    fn place(&self, key: &str, likely: usize) -> Option<usize> {
        if self.columns.get(likely).is_some_and(|column| column == key) {
            return Some(likely);
        }
        self.columns.iter().position(|column| column == key)
    }

    fn key(&mut self) -> Option<Cow<'t, str>> {
        self.peek();
        match plain_string(self.rest()) {
            Some(length) => {
                let key = self.text.get(self.at + 1..self.at + length - 1)?;
                self.at += length;
                Some(Cow::Borrowed(key))
            }
            None => self.next::<String>().map(Cow::Owned),
        }
    }

    /// Any value, where it stands.
    fn value(&mut self) -> Option<Span> {
        self.peek();
        let (start, rest) = (self.at, self.rest());
        let length = match rest.first()? {
            b'"' => plain_string(rest),
            b'0'..=b'9' => plain_number(rest),
            b'n' => rest.starts_with(b"null").then_some(4),
            b't' => rest.starts_with(b"true").then_some(4),
            b'f' => rest.starts_with(b"false").then_some(5),
            _ => None,
        };
        match length {
            Some(length) => self.at += length,
            None => self.next::<&RawValue>().map(drop)?,
        }
        Some(start..self.at)
    }

    /// What `serde_json` reads here.
    fn next<T: Deserialize<'t>>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(self.text.get(self.at..)?).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    /// What stands in brackets, with commas in between.
    fn list(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        if self.takes(end) {
            return Some(());
        }
        loop {
            item(self)?;
            if self.takes(end) {
                return Some(());
            }
            if !self.takes(b',') {
                return None;
            }
        }
    }

    /// Goes behind a byte, if it is the next that is no space.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Goes to the next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                next => return next.copied(),
            }
        }
    }

    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}

/// The length of the string at the start, quotes and all, if it has no escapes.
fn plain_string(text: &[u8]) -> Option<usize> {
    let (b'"', inside) = text.split_first()? else { return None };
    let (words, _) = inside.as_chunks();
    let mut length = 8 * words.iter().take_while(|word| is_plain(u64::from_le_bytes(**word))).count();
    while let Some(b' '..=b'!' | b'#'..=b'[' | b']'..) = inside.get(length) {
        length += 1;
    }
    (inside.get(length) == Some(&b'"')).then_some(length + 2)
}

/// Whether none of eight bytes is a quote, a backslash or a control character. To subtract takes the highest bit of a byte
/// from a greater one, and never from one that follows upon such alone.
fn is_plain(word: u64) -> bool {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit)) & !word;
    let equal = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    (below(word, b' ') | equal(b'"') | equal(b'\\')) & (EACH << 7) == 0
}

/// The length of the number at the start, if it is of digits alone.
fn plain_number(text: &[u8]) -> Option<usize> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let goes_on = matches!(text.get(length), Some(b'.' | b'e' | b'E'));
    let is_padded = length > 1 && text.first() == Some(&b'0');
    (!goes_on && !is_padded).then_some(length)
}
