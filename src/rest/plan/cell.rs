//! What rows are written with: a cell for each column.

use crate::rest::request::Payload;
use crate::schema::{Stored, Table};

/// A value for a column.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'r> {
    /// NULL.
    Null,
    /// The column's default.
    Default,
    /// The stored form, as it stands between a JSON string's quotes.
    Plain(&'r str),
    /// The stored form.
    Text(&'r str),
    /// That of a row which an earlier insert of the batch made; all rows of an insert have the same.
    Kept(&'r Kept<'r>),
}

/// A value of a row that an earlier insert of the batch made.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'r> {
    /// The row's number.
    pub row: usize,
    /// Its table.
    pub table: &'r Table,
    /// Its column.
    pub column: &'r str,
}

impl<'r> Cell<'r> {
    /// The value, where there is one already.
    pub fn text(self) -> Option<&'r str> {
        match self {
            Self::Plain(text) | Self::Text(text) => Some(text),
            Self::Null | Self::Default | Self::Kept(_) => None,
        }
    }
}

/// Rows of as many cells each. Those stand in one list, and what was made for them in others: most are parts of a body, and
/// to look through them for what is to be freed would be a fiftieth of what inserting them costs.
#[derive(Debug)]
pub struct Rows<'r> {
    cells: Vec<Slot<'r>>,
    made: Vec<String>,
    kept: Vec<Kept<'r>>,
    width: usize,
    count: usize,
    has_defaults: bool,
    has_apostrophes: bool,
}

/// A cell, or its place among those that were made.
#[derive(Clone, Copy, Debug)]
enum Slot<'r> {
    Null,
    Default,
    Plain(&'r str),
    Made(usize),
    Kept(usize),
}

impl<'r> Rows<'r> {
    /// No rows yet, of so many cells; there will be about `count`.
    pub fn of_width(width: usize, count: usize) -> Self {
        let (cells, made, kept) = (Vec::with_capacity(width * count), Vec::new(), Vec::new());
        Self { cells, made, kept, width, count: 0, has_defaults: false, has_apostrophes: true }
    }

    /// The same for the rows of a body.
    pub fn of_body(width: usize, body: &Payload) -> Self {
        Self { has_apostrophes: body.has_apostrophes(), ..Self::of_width(width, body.len()) }
    }

    /// Adds to the row at hand a value, or NULL.
    pub fn push(&mut self, value: Option<Stored<'r>>) {
        self.cells.push(match value {
            None => Slot::Null,
            Some(Stored::Plain(text)) => return self.push_plain(text),
            Some(Stored::Text(text)) => {
                self.made.push(text);
                Slot::Made(self.made.len() - 1)
            }
        });
    }

    /// The same of a value whose stored form stands so in the body.
    pub fn push_plain(&mut self, text: &'r str) {
        self.cells.push(Slot::Plain(text));
    }

    /// The same of the column's default.
    pub fn push_default(&mut self) {
        self.has_defaults = true;
        self.cells.push(Slot::Default);
    }

    /// The same of a value that an earlier insert kept.
    pub fn push_kept(&mut self, kept: Kept<'r>) {
        self.cells.push(Slot::Kept(self.kept.len()));
        self.kept.push(kept);
    }

    /// Ends the row at hand.
    pub fn end_row(&mut self) {
        self.count += 1;
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Each row.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        let cells = |row| self.cells.get(row * self.width..(row + 1) * self.width);
        (0..self.count).filter_map(move |row| Some(Row { rows: self, cells: cells(row)? }))
    }

    /// Whether a row asks for the default of the column at a place.
    pub fn ask_for_default(&self, place: usize) -> bool {
        let asks = |row: Row<'_>| matches!(row.get(place), Some(Cell::Default));
        self.has_defaults && self.iter().any(asks)
    }
}

/// One of the rows.
#[derive(Clone, Copy, Debug)]
pub struct Row<'r> {
    rows: &'r Rows<'r>,
    cells: &'r [Slot<'r>],
}

impl<'r> Row<'r> {
    /// Its cells.
    pub fn iter(self) -> impl Iterator<Item = Cell<'r>> {
        self.cells.iter().map(move |slot| self.cell(slot))
    }

    /// That at a place.
    pub fn get(self, place: usize) -> Option<Cell<'r>> {
        self.cells.get(place).map(|slot| self.cell(slot))
    }

    /// Whether there is an apostrophe in a plain cell of any row; there may be also where none is.
    pub fn may_have_apostrophes(self) -> bool {
        self.rows.has_apostrophes
    }

    fn cell(self, slot: &Slot<'r>) -> Cell<'r> {
        match slot {
            Slot::Null => Cell::Null,
            Slot::Default => Cell::Default,
            Slot::Plain(text) => Cell::Plain(text),
            Slot::Made(place) => self.rows.made.get(*place).map_or(Cell::Null, |text| Cell::Text(text)),
            Slot::Kept(place) => self.rows.kept.get(*place).map_or(Cell::Null, Cell::Kept),
        }
    }
}
