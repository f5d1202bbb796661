//! What a call of a function gives it: parameters of the query string, or a body.

use indexmap::IndexMap;

use super::body::{BodyError, Cells, Json};
use super::json_rows::json_rows;

/// A call's arguments.
#[derive(Debug, Default)]
pub enum Arguments {
    /// It is no call, or has none.
    #[default]
    None,
    /// Of a query string or a form. A name may come more than once.
    Texts(Vec<(String, String)>),
    /// Of a JSON object, or an array's first.
    Json {
        /// By name; each keeps its JSON text.
        values: IndexMap<String, String>,
        /// The whole body.
        whole: String,
    },
    /// `text/plain`.
    Text(String),
    /// `application/octet-stream`.
    Bytes(Vec<u8>),
}

impl Arguments {
    /// Reads the body of a POST. `columns` are those of the `columns=` parameter: the only names that count.
    pub fn parse(
        content_type: Option<&str>,
        bytes: &[u8],
        columns: Option<&[String]>,
    ) -> Result<Self, BodyError> {
        let media = content_type.and_then(|of| of.split(';').next()).unwrap_or("application/json").trim();
        match media.to_ascii_lowercase().as_str() {
            "application/json" | "application/vnd.pgrst.object+json" | "" => {
                let bytes = if bytes.is_empty() { b"{}" } else { bytes };
                let payload = json_rows(bytes.to_vec(), columns)?;
                let cells = payload.rows().take(1).flat_map(Cells::iter);
                let given =
                    |(name, json): (&String, Option<Json<'_>>)| Some((name.clone(), json?.text.to_string()));
                let values = payload.columns.iter().zip(cells).filter_map(given).collect();
                let whole = String::from_utf8(bytes.to_vec()).map_err(|_| BodyError::Json)?;
                Ok(Self::Json { values, whole })
            }
            "application/x-www-form-urlencoded" => Ok(Self::Texts(
                form_urlencoded::parse(bytes)
                    .map(|(name, text)| (name.into_owned(), text.into_owned()))
                    .collect(),
            )),
            "text/plain" => String::from_utf8(bytes.to_vec())
                .map(Self::Text)
                .map_err(|_| BodyError::ContentType(media.to_string())),
            "application/octet-stream" => Ok(Self::Bytes(bytes.to_vec())),
            other => Err(BodyError::ContentType(other.to_string())),
        }
    }

    /// The names given, each once, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Self::None | Self::Text(_) | Self::Bytes(_) => Vec::new(),
            Self::Texts(texts) => texts.iter().map(|(name, _)| name.clone()).collect(),
            Self::Json { values, .. } => values.keys().cloned().collect(),
        };
        names.sort();
        names.dedup();
        names
    }
}
