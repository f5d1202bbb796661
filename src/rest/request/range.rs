//! Which rows of the answer: `limit`, `offset` and the `Range` header as one window.

/// A window on the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowRange {
    /// How many rows are left out at the start.
    pub offset: u64,
    /// At most how many come; `None` for all.
    pub limit: Option<u64>,
}

/// A window that cannot be (PGRST103).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeError {
    /// `Range: 5-2`.
    Inverted,
    /// `limit=-1`.
    NegativeLimit,
}

impl RowRange {
    /// From `limit` and `offset`; a negative offset is none.
    pub fn new(limit: Option<i64>, offset: Option<i64>) -> Result<Self, RangeError> {
        let limit = limit.map(u64::try_from).transpose().map_err(|_| RangeError::NegativeLimit)?;
        Ok(Self { offset: offset.and_then(|offset| u64::try_from(offset).ok()).unwrap_or(0), limit })
    }

    /// The part that also lies in a `Range: 0-9` header; a header of another form says nothing.
    pub fn within_header(self, header: Option<&str>) -> Result<Self, RangeError> {
        let Some((first, last)) = header.and_then(|header| header.trim().split_once('-')) else {
            return Ok(self);
        };
        let Ok(first) = first.trim().parse::<u64>() else { return Ok(self) };
        let last = match last.trim() {
            "" => None,
            last => match last.parse::<u64>() {
                Ok(last) => Some(last),
                Err(_) => return Ok(self),
            },
        };
        if last.is_some_and(|last| last < first) {
            return Err(RangeError::Inverted);
        }
        let header = Self { offset: first, limit: last.map(|last| (last - first).saturating_add(1)) };
        Ok(self.intersect(header))
    }

    fn intersect(self, other: Self) -> Self {
        let end = |range: Self| range.limit.map(|limit| range.offset.saturating_add(limit));
        let offset = self.offset.max(other.offset);
        let end = match (end(self), end(other)) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self { offset, limit: end.map(|end| end.saturating_sub(offset)) }
    }

    /// The same window with at most `rows` rows.
    #[must_use]
    pub fn capped(self, rows: u64) -> Self {
        Self { limit: Some(self.limit.map_or(rows, |limit| limit.min(rows))), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_intersect() {
        let range = |offset, limit| RowRange { offset, limit };
        let rows = [
            (range(0, None), Some("0-9"), Ok(range(0, Some(10)))),
            (range(5, Some(10)), Some("0-9"), Ok(range(5, Some(5)))),
            (range(0, Some(3)), Some("10-"), Ok(range(10, Some(0)))),
            (range(2, None), Some("bytes=0-9"), Ok(range(2, None))),
            (range(0, None), Some("9-0"), Err(RangeError::Inverted)),
            (range(1, Some(2)), None, Ok(range(1, Some(2)))),
        ];
        for (window, header, expected) in rows {
            assert_eq!(window.within_header(header), expected, "{header:?}");
        }
        assert_eq!(RowRange::new(Some(-1), None), Err(RangeError::NegativeLimit));
        assert_eq!(RowRange::new(None, Some(-1)), Ok(range(0, None)));
    }
}
