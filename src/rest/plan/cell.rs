//! What rows are written with: a cell for each column.

use crate::schema::Stored;

/// A value for a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'r> {
    /// NULL.
    Null,
    /// The column's default.
    Default,
    /// The stored form.
    Value(Stored<'r>),
    /// That of a row which an earlier insert of the batch made; all rows of an insert have the same.
    Kept(Box<Kept>),
}

/// A value of a row that an earlier insert of the batch made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The row's number.
    pub row: usize,
    /// Its table's physical name, quoted.
    pub table: String,
    /// Its column.
    pub column: String,
}

impl Cell<'_> {
    /// The value, where there is one already.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Value(value) => Some(value.as_str()),
            Self::Null | Self::Default | Self::Kept(_) => None,
        }
    }

    /// The same, borrowed from nothing.
    pub fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Null => Cell::Null,
            Self::Default => Cell::Default,
            Self::Value(value) => Cell::Value(value.into_owned()),
            Self::Kept(kept) => Cell::Kept(kept),
        }
    }
}

/// Rows of as many cells each, which stand in one list.
#[derive(Debug, Default)]
pub struct Rows<'r> {
    cells: Vec<Cell<'r>>,
    width: usize,
    count: usize,
    has_defaults: bool,
}

impl<'r> Rows<'r> {
    /// No rows yet, of so many cells; there will be about `count`.
    pub fn of_width(width: usize, count: usize) -> Self {
        Self { cells: Vec::with_capacity(width * count), width, ..Self::default() }
    }

    /// These rows, of so many cells.
    pub fn of(width: usize, rows: Vec<Vec<Cell<'r>>>) -> Self {
        let mut all = Self::of_width(width, rows.len());
        for row in rows {
            row.into_iter().for_each(|cell| all.push(cell));
            all.end_row();
        }
        all
    }

    /// Adds a cell to the row at hand.
    pub fn push(&mut self, cell: Cell<'r>) {
        self.has_defaults |= matches!(cell, Cell::Default);
        self.cells.push(cell);
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

    /// The cells of each row.
    pub fn iter(&self) -> impl Iterator<Item = &[Cell<'r>]> {
        (0..self.count).filter_map(|row| self.cells.get(row * self.width..(row + 1) * self.width))
    }

    /// Whether a row asks for the default of the column at a place.
    pub fn ask_for_default(&self, place: usize) -> bool {
        self.has_defaults && self.iter().any(|row| row.get(place) == Some(&Cell::Default))
    }
}
