//! `tsvector`: lexemes with the places they stand at.

use std::collections::BTreeMap;

use super::SearchError;

/// Sorted lexemes and their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vector {
    /// Each lexeme's places; none when the vector was stripped of them.
    pub lexemes: BTreeMap<String, Vec<Place>>,
}

/// Where a lexeme stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Counted from 1.
    pub position: u16,
    /// `A` is 3, `D` 0.
    pub weight: u8,
}

/// The furthest position Postgres keeps; what is beyond stands there.
const LAST_POSITION: u32 = 16_383;

/// The most places it keeps of one lexeme.
const MOST_PLACES: usize = 255;

/// The letters of weights, from the lightest.
const WEIGHTS: [char; 4] = ['D', 'C', 'B', 'A'];

/// The weight a letter stands for.
pub fn weight(letter: char) -> Option<u8> {
    let place = WEIGHTS.iter().position(|of| of.eq_ignore_ascii_case(&letter))?;
    u8::try_from(place).ok()
}

/// `'fat':2 cat:1A` → `'cat':1A 'fat':2`.
pub fn vector(text: &str) -> Result<String, SearchError> {
    Vector::parse(text).map(|vector| vector.to_text())
}

impl Vector {
    /// Reads Postgres' text form.
    pub fn parse(text: &str) -> Result<Self, SearchError> {
        let wrong = || SearchError::new("42601", format!("syntax error in tsvector: \"{text}\""));
        let mut vector = Self::default();
        let mut characters = text.chars().peekable();
        loop {
            while characters.next_if(|of| of.is_ascii_whitespace()).is_some() {}
            let Some(first) = characters.peek().copied() else { break };
            let mut lexeme = String::new();
            if first == '\'' {
                characters.next();
                loop {
                    match characters.next().ok_or_else(wrong)? {
                        '\\' => lexeme.push(characters.next().ok_or_else(wrong)?),
                        '\'' if characters.next_if_eq(&'\'').is_some() => lexeme.push('\''),
                        '\'' => break,
                        other => lexeme.push(other),
                    }
                }
            } else {
                while let Some(of) = characters.next_if(|of| !of.is_ascii_whitespace() && *of != ':') {
                    lexeme.push(if of == '\\' { characters.next().ok_or_else(wrong)? } else { of });
                }
            }
            if lexeme.is_empty() {
                return Err(wrong());
            }
            let mut places = Vec::new();
            if characters.next_if_eq(&':').is_some() {
                loop {
                    let mut digits = String::new();
                    while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                        digits.push(digit);
                    }
                    let position: u32 = digits.parse().map_err(|_| wrong())?;
                    if position == 0 {
                        return Err(SearchError::new(
                            "42601",
                            format!("wrong position info in tsvector: \"{text}\""),
                        ));
                    }
                    let letter = characters.next_if(|of| weight(*of).is_some());
                    places.push(Place::new(position, letter.and_then(weight).unwrap_or(0)));
                    if characters.next_if_eq(&',').is_none() {
                        break;
                    }
                }
                if characters.peek().is_some_and(|of| !of.is_ascii_whitespace()) {
                    return Err(wrong());
                }
            }
            vector.add(&lexeme, places);
        }
        Ok(vector)
    }

    /// Adds a lexeme, or more places of one.
    pub fn add(&mut self, lexeme: &str, places: impl IntoIterator<Item = Place>) {
        let all = self.lexemes.entry(lexeme.to_string()).or_default();
        all.extend(places);
        // The heaviest of equal positions stays.
        all.sort_by(|one, other| one.position.cmp(&other.position).then(other.weight.cmp(&one.weight)));
        all.dedup_by_key(|place| place.position);
        all.truncate(MOST_PLACES);
    }

    /// `||`: the other's positions go on where these end.
    pub fn concatenated(mut self, other: &Self) -> Self {
        let places = self.lexemes.values().flatten();
        let last = places.map(|place| u32::from(place.position)).max().unwrap_or(0);
        for (lexeme, places) in &other.lexemes {
            let moved = places.iter().map(|place| Place::new(u32::from(place.position) + last, place.weight));
            self.add(lexeme, moved.collect::<Vec<_>>());
        }
        self
    }

    /// `setweight`.
    pub fn weighted(mut self, weight: u8) -> Self {
        for place in self.lexemes.values_mut().flatten() {
            place.weight = weight;
        }
        self
    }

    /// `strip`: no places.
    pub fn stripped(mut self) -> Self {
        self.lexemes.values_mut().for_each(Vec::clear);
        self
    }

    /// As Postgres prints it.
    pub fn to_text(&self) -> String {
        let lexemes = self.lexemes.iter().map(|(lexeme, places)| {
            let quoted = lexeme.replace('\\', "\\\\").replace('\'', "''");
            let places: Vec<String> = places.iter().map(|place| place.text()).collect();
            let colon = if places.is_empty() { "" } else { ":" };
            format!("'{quoted}'{colon}{}", places.join(","))
        });
        lexemes.collect::<Vec<_>>().join(" ")
    }
}

impl Place {
    /// A place, no further than Postgres counts.
    pub fn new(position: u32, weight: u8) -> Self {
        let position = u16::try_from(position.min(LAST_POSITION)).unwrap_or(u16::MAX);
        Self { position, weight }
    }

    fn text(self) -> String {
        match WEIGHTS.get(usize::from(self.weight)) {
            Some(letter) if self.weight > 0 => format!("{}{letter}", self.position),
            _ => self.position.to_string(),
        }
    }
}
