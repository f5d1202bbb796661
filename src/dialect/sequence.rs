//! Sequences in SQLite's words. SQLite's expressions cannot write, so a statement takes the numbers of all
//! its rows first, and its rows then share them out.

use crate::schema::Sequence;
use crate::sql::{physical_name, quote_literal, raise};

/// The table of the numbers that come next.
const TABLE: &str = "\"edgeward.sequences\"";

/// Takes as many numbers as `count`, an SQL expression, says, and raises when there are not so many.
pub fn take_numbers(sequence: &Sequence, count: &str) -> [String; 2] {
    let (name, step) = (key(sequence), sequence.increment);
    let (last, limit, word) = match step > 0 {
        true => (format!("next - {step} > {}", sequence.most), sequence.most, "maximum"),
        false => (format!("next - ({step}) < {}", sequence.least), sequence.least, "minimum"),
    };
    let message = format!("2200H:nextval: reached {word} value of sequence \"{}\" ({limit})", sequence.name);
    let error = raise(&quote_literal(&message));
    [
        format!("UPDATE {TABLE}\nSET next = next + ({step}) * ({count})\nWHERE name = {name}"),
        format!("SELECT CASE WHEN {last} THEN {error} END\nFROM {TABLE}\nWHERE name = {name}"),
    ]
}

/// One of the numbers taken; `left` is how many of them are still to be given out, with this one.
pub fn taken_number(sequence: &Sequence, left: &str) -> String {
    let (name, step) = (key(sequence), sequence.increment);
    format!("((SELECT next FROM {TABLE} WHERE name = {name}) - ({step}) * ({left}))")
}

/// Makes the sequence's row.
pub fn create_sequence(sequence: &Sequence) -> String {
    format!(
        "INSERT INTO {TABLE} (name, next)\nVALUES ({}, {})\nON CONFLICT (name) DO UPDATE SET next = excluded.next",
        key(sequence),
        sequence.start
    )
}

/// Removes the row of a sequence, by its physical name.
pub fn drop_sequence(name: &str) -> String {
    format!("DELETE FROM {TABLE}\nWHERE name = {}", quote_literal(name))
}

/// Makes the next number what `next` says, unless it is NULL.
pub fn set_next(sequence: &Sequence, next: &str) -> String {
    format!("UPDATE {TABLE}\nSET next = coalesce({next}, next)\nWHERE name = {}", key(sequence))
}

fn key(sequence: &Sequence) -> String {
    quote_literal(&physical_name(&sequence.schema, &sequence.name))
}
