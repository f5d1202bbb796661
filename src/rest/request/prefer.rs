//! The `Prefer` header (RFC 7240 with PostgREST's own preferences).

/// What the client would like. The first of each kind counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preferences {
    /// `resolution=…`.
    pub resolution: Option<Resolution>,
    /// `missing=default`: keys absent from a row of the body take the column's default rather than null.
    pub missing_default: Option<bool>,
    /// `return=…`.
    pub representation: Option<Return>,
    /// `count=…`.
    pub count: Option<Count>,
    /// `handling=strict`: unknown preferences are an error; and `max-affected` is obeyed.
    pub strict: Option<bool>,
    /// `tx=rollback` (true) or `tx=commit`, which count only where the deployment lets them.
    pub rolls_back: Option<bool>,
    /// `max-affected=…`.
    pub max_affected: Option<u64>,
    /// `timezone=…`: the zone's name, which nobody has looked up yet.
    pub timezone: Option<String>,
    /// Preferences nobody knows, or that are not done here.
    pub unknown: Vec<String>,
}

/// What an upsert does with rows that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Update them.
    MergeDuplicates,
    /// Leave them.
    IgnoreDuplicates,
}

/// What a write gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// Nothing.
    Minimal,
    /// Where the new row is.
    HeadersOnly,
    /// The rows.
    Representation,
}

/// How rows are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Count {
    Exact,
    Planned,
    Estimated,
}

type Setter = fn(&mut Preferences);

/// Preferences without a free value.
#[rustfmt::skip]
const PREFERENCES: &[(&str, Setter)] = &[
    ("resolution=merge-duplicates",  |of| { of.resolution.get_or_insert(Resolution::MergeDuplicates); }),
    ("resolution=ignore-duplicates", |of| { of.resolution.get_or_insert(Resolution::IgnoreDuplicates); }),
    ("missing=default",              |of| { of.missing_default.get_or_insert(true); }),
    ("missing=null",                 |of| { of.missing_default.get_or_insert(false); }),
    ("return=minimal",               |of| { of.representation.get_or_insert(Return::Minimal); }),
    ("return=headers-only",          |of| { of.representation.get_or_insert(Return::HeadersOnly); }),
    ("return=representation",        |of| { of.representation.get_or_insert(Return::Representation); }),
    ("count=exact",                  |of| { of.count.get_or_insert(Count::Exact); }),
    ("count=planned",                |of| { of.count.get_or_insert(Count::Planned); }),
    ("count=estimated",              |of| { of.count.get_or_insert(Count::Estimated); }),
    ("handling=strict",              |of| { of.strict.get_or_insert(true); }),
    ("handling=lenient",             |of| { of.strict.get_or_insert(false); }),
    ("tx=commit",                    |of| { of.rolls_back.get_or_insert(false); }),
    ("tx=rollback",                  |of| { of.rolls_back.get_or_insert(true); }),
];

impl Preferences {
    /// Reads all `Prefer` headers of a request.
    pub fn parse<'a>(headers: impl Iterator<Item = &'a str>) -> Self {
        let mut preferences = Self::default();
        for word in headers.flat_map(|header| header.split(',')).map(str::trim) {
            preferences.add(word);
        }
        preferences
    }

    fn add(&mut self, word: &str) {
        if word.is_empty() {
            return;
        }
        if let Some((_, set)) = PREFERENCES.iter().find(|(known, _)| *known == word) {
            return set(self);
        }
        if let Some(name) = word.strip_prefix("timezone=") {
            self.timezone.get_or_insert_with(|| name.to_string());
            return;
        }
        match word.strip_prefix("max-affected=").map(str::parse) {
            Some(Ok(limit)) => {
                self.max_affected.get_or_insert(limit);
            }
            _ => self.unknown.push(word.to_string()),
        }
    }

    /// `max-affected`, which counts only under `handling=strict`.
    pub fn affected_limit(&self) -> Option<u64> {
        self.max_affected.filter(|_| self.strict == Some(true))
    }
}

impl Resolution {
    /// As the header says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::MergeDuplicates => "resolution=merge-duplicates",
            Self::IgnoreDuplicates => "resolution=ignore-duplicates",
        }
    }
}

impl Return {
    /// As the header says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Minimal => "return=minimal",
            Self::HeadersOnly => "return=headers-only",
            Self::Representation => "return=representation",
        }
    }
}

impl Count {
    /// As the header says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Exact => "count=exact",
            Self::Planned => "count=planned",
            Self::Estimated => "count=estimated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_kind_counts() {
        let headers = [
            "return=representation, count=exact,return=minimal",
            "handling=strict,max-affected=3,x=y,timezone=UTC",
        ];
        let preferences = Preferences::parse(headers.into_iter());
        let expected = Preferences {
            representation: Some(Return::Representation),
            count: Some(Count::Exact),
            strict: Some(true),
            max_affected: Some(3),
            timezone: Some("UTC".into()),
            unknown: vec!["x=y".into()],
            ..Preferences::default()
        };
        assert_eq!(preferences, expected);
    }
}
