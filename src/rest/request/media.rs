//! The `Accept` header: in which shape rows go out.

/// A shape of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// An array of rows.
    Json,
    /// The same by PostgREST's own name.
    Array,
    /// The same without keys whose value is null.
    ArrayStripped,
    /// The one row there must be.
    Object,
    /// The same without keys whose value is null.
    ObjectStripped,
    /// Lines of comma-separated values.
    Csv,
    /// The rows as the features of a GeoJSON collection.
    GeoJson,
    /// Not the rows, but how the database would find them, as text.
    PlanText,
    /// The same as JSON.
    PlanJson,
}

/// Each shape that is answered: its media type, the parameter that asks for it, and the
/// `Content-Type` of the answer. The first row that fits counts.
#[rustfmt::skip]
const OFFERED: &[(&str, &str, Media, &str)] = &[
    ("application/vnd.pgrst.array+json",  "nulls=stripped", Media::ArrayStripped,  "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"),
    ("application/vnd.pgrst.array",       "nulls=stripped", Media::ArrayStripped,  "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"),
    ("application/vnd.pgrst.object+json", "nulls=stripped", Media::ObjectStripped, "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"),
    ("application/vnd.pgrst.object",      "nulls=stripped", Media::ObjectStripped, "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"),
    ("application/json",                  "",               Media::Json,           "application/json; charset=utf-8"),
    ("*/*",                               "",               Media::Json,           "application/json; charset=utf-8"),
    ("application/*",                     "",               Media::Json,           "application/json; charset=utf-8"),
    ("application/vnd.pgrst.array+json",  "",               Media::Array,          "application/json; charset=utf-8"),
    ("application/vnd.pgrst.array",       "",               Media::Array,          "application/json; charset=utf-8"),
    ("application/vnd.pgrst.object+json", "",               Media::Object,         "application/vnd.pgrst.object+json; charset=utf-8"),
    ("application/vnd.pgrst.object",      "",               Media::Object,         "application/vnd.pgrst.object+json; charset=utf-8"),
    ("text/csv",                          "",               Media::Csv,            "text/csv; charset=utf-8"),
    ("application/geo+json",              "",               Media::GeoJson,        "application/geo+json; charset=utf-8"),
    ("application/vnd.pgrst.plan+json",   "",               Media::PlanJson,       "application/vnd.pgrst.plan+json; for=\"application/json\"; charset=utf-8"),
    ("application/vnd.pgrst.plan+text",   "",               Media::PlanText,       "application/vnd.pgrst.plan+text; for=\"application/json\"; charset=utf-8"),
    ("application/vnd.pgrst.plan",        "",               Media::PlanText,       "application/vnd.pgrst.plan+text; for=\"application/json\"; charset=utf-8"),
];

/// The first acceptable type; `Err` with what was asked when there is none (PGRST107).
///
/// Plans are offered only where the deployment shows them.
pub fn negotiate(accept: Option<&str>, plans: bool) -> Result<Media, String> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else { return Ok(Media::Json) };
    let offered = |asked: &str| {
        let mut words = asked.split(';').map(|word| word.trim().to_ascii_lowercase());
        let name = words.next()?;
        let parameters: Vec<String> = words.collect();
        let fits = |parameter: &str| parameter.is_empty() || parameters.iter().any(|of| of == parameter);
        let media = OFFERED.iter().find(|row| row.0 == name && fits(row.1)).map(|row| row.2);
        media.filter(|media| plans || !media.is_plan())
    };
    accept.split(',').find_map(offered).ok_or_else(|| accept.to_string())
}

impl Media {
    /// The `Content-Type` of the answer.
    pub fn content_type(self) -> &'static str {
        OFFERED.iter().find(|row| row.2 == self).map_or("application/json; charset=utf-8", |row| row.3)
    }

    /// Whether the database's plan is asked for rather than rows.
    pub fn is_plan(self) -> bool {
        matches!(self, Self::PlanText | Self::PlanJson)
    }

    /// Whether there must be exactly one row.
    pub fn is_object(self) -> bool {
        matches!(self, Self::Object | Self::ObjectStripped)
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
            (Some("text/csv"), Ok(Media::Csv)),
            (Some("text/html"), Err("text/html".to_string())),
            (Some("application/vnd.pgrst.object+json; nulls=stripped"), Ok(Media::ObjectStripped)),
            (Some("application/vnd.pgrst.array+json;nulls=stripped"), Ok(Media::ArrayStripped)),
        ];
        for (accept, expected) in rows {
            assert_eq!(negotiate(accept, false), expected, "{accept:?}");
        }
    }
}
