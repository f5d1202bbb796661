//! The `Range` header (RFC 9110 §14.2) against an object's size.

use crate::ports::ByteRange;

/// What a download gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// All of it.
    Whole,
    /// These bytes.
    Part(ByteRange),
    /// The range begins after the end.
    Outside,
}

/// `bytes=0-99` of 1,000 → the first hundred. A header that is no single byte range means the
/// whole, as the RFC allows and S3 does.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some((first, last)) = header.and_then(parse) else { return Wanted::Whole };
    let (offset, end) = match (first, last) {
        (Some(first), Some(last)) if last < first => return Wanted::Whole,
        (Some(first), last) => (first, last.map_or(size, |last| last.saturating_add(1).min(size))),
        (None, Some(suffix)) => (size.saturating_sub(suffix), size),
        (None, None) => return Wanted::Whole,
    };
    if offset >= end {
        return Wanted::Outside;
    }
    Wanted::Part(ByteRange { offset, length: end - offset })
}

/// `bytes=0-99` of at least a hundred → these; `None` for a range that is open, or goes beyond the end, of which a copy would
/// be shorter than what was asked for.
pub fn within(header: &str, size: u64) -> Option<ByteRange> {
    match parse(header)? {
        (Some(first), Some(last)) if first <= last && last < size => {
            Some(ByteRange { offset: first, length: last - first + 1 })
        }
        _ => None,
    }
}

type FirstAndLast = (Option<u64>, Option<u64>);

fn parse(header: &str) -> Option<FirstAndLast> {
    let (unit, range) = header.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return None;
    }
    let (first, last) = range.split_once('-')?;
    Some((position(first)?, position(last)?))
}

/// Digits or nothing; a `+5`, which Rust's parser would take, is neither.
fn position(text: &str) -> Option<Option<u64>> {
    match text.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok().map(Some),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_resolve_against_the_size() {
        let part = |offset, length| Wanted::Part(ByteRange { offset, length });
        let rows = [
            ("bytes=0-0", 10, part(0, 1)),
            ("bytes=2-5", 10, part(2, 4)),
            ("bytes=5-", 10, part(5, 5)),
            ("bytes=5-99", 10, part(5, 5)),
            ("bytes=-3", 10, part(7, 3)),
            ("bytes=-99", 10, part(0, 10)),
            ("Bytes = 1-2", 10, part(1, 2)),
            ("bytes=0-18446744073709551615", 10, part(0, 10)),
            ("bytes=10-", 10, Wanted::Outside),
            ("bytes=-0", 10, Wanted::Outside),
            ("bytes=0-", 0, Wanted::Outside),
            ("bytes=5-2", 10, Wanted::Whole),
            ("bytes=0-1,3-4", 10, Wanted::Whole),
            ("bytes=-", 10, Wanted::Whole),
            ("bytes=a-b", 10, Wanted::Whole),
            ("bytes=+1-2", 10, Wanted::Whole),
            ("items=0-1", 10, Wanted::Whole),
            ("", 10, Wanted::Whole),
        ];
        for (header, size, expected) in rows {
            assert_eq!(wanted(Some(header), size), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::Whole);
    }
}
