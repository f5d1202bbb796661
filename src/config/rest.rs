//! The data API's settings.

use super::read::Reader;

/// What the data API shows and how much of it.
#[derive(Clone, Debug)]
pub struct RestConfig {
    /// `EXPOSED_SCHEMAS`: the first is the default.
    pub schemas: Vec<String>,
    /// `MAX_ROWS`: the most rows a read gives, at every level.
    pub max_rows: u64,
    /// `DB_AGGREGATES_ENABLED`: whether `sum()`, `count()` and their like may be selected.
    pub aggregates: bool,
}

impl RestConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            schemas: reader.list("EXPOSED_SCHEMAS", "public"),
            max_rows: reader.number("MAX_ROWS", 1000),
            aggregates: reader.flag("DB_AGGREGATES_ENABLED", false),
        }
    }
}
