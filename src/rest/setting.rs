//! The settings in force: the deployment's, and over them those of the project's migrations.

use std::borrow::Cow;

use crate::config::{RestConfig, TransactionEnd};
use crate::schema::{ApiSettings, Catalog};

/// The settings for a request under a catalog.
pub fn in_force<'a>(config: &'a RestConfig, catalog: &Catalog) -> Cow<'a, RestConfig> {
    let settings = &catalog.api_settings;
    if *settings == ApiSettings::default() {
        return Cow::Borrowed(config);
    }
    let mut config = config.clone();
    config.aggregates = settings.aggregates.unwrap_or(config.aggregates);
    config.plans = settings.plans.unwrap_or(config.plans);
    config.max_rows = settings.max_rows.unwrap_or(config.max_rows);
    let end = settings.transaction_end.as_deref().and_then(TransactionEnd::named);
    config.transaction_end = end.unwrap_or(config.transaction_end);
    Cow::Owned(config)
}
