//! `Prefer: timezone=…`: the moments of one request in a time zone.
//!
//! The database knows UTC alone. Moments that come in without an offset are read in the zone; those that go out are marked
//! in the SQL that prints them, and the answer's text is gone through once for the marks. What the schema's own SQL
//! computes (functions, views, policies, defaults) stays in UTC.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use crate::ports::TimeZones;
use crate::schema::{DataType, without_offset};
use crate::sql::quote_literal;
use crate::time::Timestamp;

/// A zone that there is.
#[derive(Clone)]
pub struct Zone {
    /// As the client called it, and as it is called.
    pub name: String,
    zones: Rc<dyn TimeZones>,
}

/// In which form a moment goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As JSON has a `timestamptz`: `2026-01-02T05:04:05+02:00`.
    Json,
    /// Cast to text: `2026-01-02 05:04:05+02`.
    Text,
    /// Cast to a date.
    Date,
    /// An array of moments, each as JSON has it.
    List,
}

/// Each form and its letter in a mark.
const FORMS: [(Form, &str); 4] = [(Form::Json, "j"), (Form::Text, "t"), (Form::Date, "d"), (Form::List, "j")];

/// What a mark begins with: no text that somebody wrote by hand.
const MARK: &str = "\u{1}zone:";

/// The same at the start of a JSON string.
const MARK_IN_JSON: &str = "\"\\u0001zone:";

const DAY: i64 = 86_400;

impl Form {
    /// The form that a type's values go out in when they are cast; `None` when nothing of them depends on the zone.
    /// `Err` when it is not known what a cast gives.
    pub fn of(from: &DataType, cast: Option<&DataType>) -> Result<Option<Self>, ()> {
        match (from, cast) {
            (DataType::Timestamptz, None | Some(DataType::Timestamptz)) => Ok(Some(Self::Json)),
            (DataType::Timestamptz, Some(DataType::Text | DataType::Varchar(None))) => Ok(Some(Self::Text)),
            (DataType::Timestamptz, Some(DataType::Date)) => Ok(Some(Self::Date)),
            (DataType::Timestamptz, Some(_)) => Err(()),
            (DataType::Array(of), None) if **of == DataType::Timestamptz => Ok(Some(Self::List)),
            (from, cast) if holds_moments(from) || cast.is_some_and(holds_moments) => Err(()),
            (_, Some(DataType::Timestamptz)) => Err(()),
            _ => Ok(None),
        }
    }

    /// A stored moment with its mark, as an argument of `json_object`.
    pub fn marked(self, sql: &str) -> String {
        let letter = FORMS.iter().find(|(form, _)| *form == self).map_or("j", |(_, letter)| letter);
        if self == Self::List {
            let marked = |before: &str| quote_literal(&format!("{before}{MARK_IN_JSON}{letter}"));
            return format!("json(replace(replace({sql}, '[\"', {}), ',\"', {}))", marked("["), marked(","));
        }
        format!("{} || {sql}", quote_literal(&format!("{MARK}{letter}")))
    }
}

/// Whether values have moments inside, which are not looked for.
pub fn holds_moments(of: &DataType) -> bool {
    match of {
        DataType::Range(of) => of.element() == DataType::Timestamptz,
        DataType::Array(of) => **of == DataType::Timestamptz || holds_moments(of),
        _ => false,
    }
}

impl Zone {
    /// The zone of a name; `None` when there is none.
    pub fn named(zones: &Rc<dyn TimeZones>, name: &str) -> Option<Self> {
        zones.offset(name, 0).map(|_| Self { name: name.to_string(), zones: zones.clone() })
    }

    fn offset(&self, at: i64) -> i64 {
        self.zones.offset(&self.name, at).map_or(0, i64::from)
    }

    /// A moment's text with an offset: the zone's, when it says none.
    pub fn read<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match without_offset(text) {
            Some(local) => self.moment_of(local).to_postgres().into(),
            None => text.into(),
        }
    }

    /// The moment at which clocks show this. Of two the later; when they skip it, by the offset before.
    fn moment_of(&self, local: Timestamp) -> Timestamp {
        let seconds = local.seconds();
        let (before, after) = (self.offset(seconds - DAY), self.offset(seconds + DAY));
        let is_shown_at = |offset: i64| self.offset(seconds - offset) == offset;
        let offset = if is_shown_at(after) { after } else { before };
        local.plus_seconds(-offset)
    }

    /// JSON with its marked moments in the zone.
    pub fn shown(&self, json: &str) -> String {
        let mut shown = String::with_capacity(json.len());
        let mut pieces = json.split(MARK_IN_JSON);
        shown.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            shown.push('"');
            let (marked, rest) = piece.split_once('"').unwrap_or((piece, ""));
            let form = FORMS.iter().find_map(|(form, letter)| Some((*form, marked.strip_prefix(letter)?)));
            match form.and_then(|(form, text)| self.text_of(form, text)) {
                Some(text) => shown.push_str(&text),
                // Somebody's text.
                None => shown.extend([MARK_IN_JSON.trim_start_matches('"'), marked]),
            }
            shown.push('"');
            shown.push_str(rest);
        }
        shown
    }

    fn text_of(&self, form: Form, stored: &str) -> Option<String> {
        if stored.ends_with("infinity") {
            return Some(stored.to_string());
        }
        let at = Timestamp::parse(stored)?;
        let offset = self.offset(at.seconds());
        let local = at.plus_seconds(offset).to_postgres();
        let local = local.trim_end_matches("+00:00");
        Some(match form {
            Form::Json | Form::List => format!("{local}{}", offset_text(offset, true)),
            Form::Text => format!("{}{}", local.replace('T', " "), offset_text(offset, false)),
            Form::Date => local.split('T').next().unwrap_or_default().to_string(),
        })
    }
}

/// `+02:00`, `-04:56:02`; not `full` leaves out minutes that are none: `+02`.
fn offset_text(offset: i64, full: bool) -> String {
    let (sign, size) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    let (hours, minutes, seconds) = (size / 3600, size / 60 % 60, size % 60);
    match (minutes, seconds) {
        (0, 0) if !full => format!("{sign}{hours:02}"),
        (_, 0) => format!("{sign}{hours:02}:{minutes:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}
