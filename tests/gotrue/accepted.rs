//! Differences that are meant, each with its reason. A row without a reason to exist is a mistake to mend.

use crate::play::Difference;

/// Part of the request's title, part of what GoTrue answers, part of what we answer, and why.
#[rustfmt::skip]
const ROWS: &[(&str, &str, &str, &str)] = &[
];

/// Why a difference is meant; `None` if it is not.
pub fn reason(_: &str, difference: &Difference) -> Option<&'static str> {
    let (theirs, ours) = (difference.theirs.to_string(), difference.ours.to_string());
    ROWS.iter()
        .find(|(request, gotrue, edgeward, _)| {
            difference.request.contains(request) && theirs.contains(gotrue) && ours.contains(edgeward)
        })
        .map(|(.., reason)| *reason)
}
