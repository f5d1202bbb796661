//! A JSON body's rows, read in one pass: most of what a large insert costs is this.
//!
//! What nearly every body is made of is read here: objects, and in them strings without escapes, integers, `null`, `true` and
//! `false`. Any other value, and any other key, is `serde_json`'s to read, which takes three times as long for those.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::body::{BodyError, Form, Payload, Span};

/// The rows of an object or of an array of objects. With `columns` only those keys count; without, every object must have the
/// first one's. A scalar makes no row, as upstream has it.
pub fn json_rows(bytes: Vec<u8>, columns: Option<&[String]>) -> Result<Payload, BodyError> {
    let text = String::from_utf8(bytes).map_err(|_| BodyError::Json)?;
    let mut reader = Reader {
        text: &text,
        at: 0,
        keys: Vec::new(),
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
    let Reader { columns, cells, count, .. } = reader;
    Ok(Payload::of_spans(columns, text, cells, count))
}

/// Reads one object after the other. An item at fault is noted and read over: broken JSON behind it is the greater fault,
/// and makes every one of these functions give `None`.
struct Reader<'t> {
    text: &'t str,
    /// How far it has been read.
    at: usize,
    /// Where the first object has each column's key, from its first quote to the colon, if there is nothing else in it.
    keys: Vec<Range<usize>>,
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
        self.cells.resize(row + self.columns.len(), Span::default());
        let mut likely = 0;
        self.list(b'}', |reader| reader.member(row, &mut likely))?;
        self.takes_new = false;
        self.count += 1;
        self.uneven |= self.needs_all && self.cells.iter().skip(row).any(Span::is_empty);
        Some(())
    }

    fn member(&mut self, row: usize, likely: &mut usize) -> Option<()> {
        if self.takes_key(*likely) {
            let value = self.value()?;
            self.cells.get_mut(row + *likely).map(|cell| *cell = value)?;
            *likely += 1;
            return Some(());
        }
        let start = self.at;
        let key = self.key()?;
        if !self.takes(b':') {
            return None;
        }
        let end = self.at;
        let value = self.value()?;
        let place = self.place(&key, *likely);
        *likely = place.unwrap_or(*likely) + 1;
        match place.and_then(|place| self.cells.get_mut(row + place)) {
            Some(cell) => *cell = value,
            None if self.takes_new => {
                let is_all_there_is = matches!(key, Cow::Borrowed(_)) && end - start == key.len() + 3;
                self.keys.push(if is_all_there_is { start..end } else { 0..0 });
                self.columns.push(key.into_owned());
                self.cells.push(value);
            }
            None => self.uneven |= self.needs_all,
        }
        Some(())
    }

    /// Goes behind a column's key and its colon, if they stand here as in the first object.
    fn takes_key(&mut self, column: usize) -> bool {
        self.peek();
        let key = self.keys.get(column).and_then(|key| self.text.as_bytes().get(key.clone()));
        let key = key.filter(|key| !key.is_empty() && self.rest().starts_with(key));
        self.at += key.map_or(0, <[u8]>::len);
        key.is_some()
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
        let (length, form) = match rest.first()? {
            b'"' => (plain_string(rest), Form::String),
            b'0'..=b'9' => (plain_number(rest), Form::Number),
            b'n' => (rest.starts_with(b"null").then_some(4), Form::Other),
            b't' => (rest.starts_with(b"true").then_some(4), Form::Other),
            b'f' => (rest.starts_with(b"false").then_some(5), Form::Other),
            _ => (None, Form::Other),
        };
        if let Some(length) = length {
            self.at += length;
            return Some(Span { start, end: self.at, form });
        }
        self.next::<&RawValue>()?;
        Some(Span { start, end: self.at, form: Form::Other })
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
            let next = self.peek()?;
            self.at += 1;
            match next {
                b',' => {}
                _ => return (next == end).then_some(()),
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
    let (words, rest) = inside.as_chunks();
    let ends = |word: &[u8; 8]| first_ending(u64::from_le_bytes(*word));
    let length = match words.iter().enumerate().find_map(|(count, word)| Some(8 * count + ends(word)?)) {
        Some(length) => length,
        None => 8 * words.len() + rest.iter().take_while(|byte| !ends_or_escapes(**byte)).count(),
    };
    (inside.get(length) == Some(&b'"')).then_some(length + 2)
}

fn ends_or_escapes(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// Which of eight bytes is the first that [`ends_or_escapes`]. To subtract sets the highest bit of a byte that is lower, and
/// else only of one behind such.
fn first_ending(word: u64) -> Option<usize> {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit)) & !word;
    let equal = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    let found = (below(word, b' ') | equal(b'"') | equal(b'\\')) & (EACH << 7);
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

/// The length of the number at the start, if it is of digits alone.
fn plain_number(text: &[u8]) -> Option<usize> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let goes_on = matches!(text.get(length), Some(b'.' | b'e' | b'E'));
    let is_padded = length > 1 && text.first() == Some(&b'0');
    (!goes_on && !is_padded).then_some(length)
}
