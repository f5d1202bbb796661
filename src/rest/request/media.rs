//! The `Accept` header: in which shape rows go out.

/// A shape of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// An array of rows.
    Json,
    /// The same by PostgREST's own name.
    Array,
    /// The one row there must be.
    Object,
}

/// Each media type that is answered, without its parameters.
#[rustfmt::skip]
const OFFERED: &[(&str, Media)] = &[
    ("application/json",                   Media::Json),
    ("*/*",                                Media::Json),
    ("application/*",                      Media::Json),
    ("application/vnd.pgrst.array+json",   Media::Array),
    ("application/vnd.pgrst.array",        Media::Array),
    ("application/vnd.pgrst.object+json",  Media::Object),
    ("application/vnd.pgrst.object",       Media::Object),
];

/// The first acceptable type; `Err` with what was asked when there is none (PGRST107).
/// `nulls=stripped` is a shape of its own that is not offered.
pub fn negotiate(accept: Option<&str>) -> Result<Media, String> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else { return Ok(Media::Json) };
    let offered = |asked: &str| {
        let (name, parameters) = asked.split_once(';').unwrap_or((asked, ""));
        let name = name.trim().to_ascii_lowercase();
        let of = OFFERED.iter().find(|(offered, _)| *offered == name)?;
        (!parameters.contains("nulls=")).then_some(of.1)
    };
    accept.split(',').find_map(offered).ok_or_else(|| accept.to_string())
}

impl Media {
    /// The `Content-Type` of the answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Array => "application/vnd.pgrst.array+json; charset=utf-8",
            Self::Object => "application/vnd.pgrst.object+json; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_acceptable_type_wins() {
        let rows = [
            (None, Ok(Media::Json)),
            (Some("*/*"), Ok(Media::Json)),
            (Some("text/html, application/json;q=0.8"), Ok(Media::Json)),
            (Some("application/vnd.pgrst.object+json"), Ok(Media::Object)),
            (Some("text/csv"), Err("text/csv".to_string())),
            (
                Some("application/vnd.pgrst.object+json;nulls=stripped"),
                Err("application/vnd.pgrst.object+json;nulls=stripped".to_string()),
            ),
        ];
        for (accept, expected) in rows {
            assert_eq!(negotiate(accept), expected, "{accept:?}");
        }
    }
}
