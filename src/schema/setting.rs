//! Settings of the data API that a project's migrations make, as on hosted Supabase:
//! `ALTER ROLE authenticator SET pgrst.db_aggregates_enabled = 'true'`.

use serde::{Deserialize, Serialize};

/// What a migration set; `None` leaves it to the deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiSettings {
    /// `pgrst.db_aggregates_enabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregates: Option<bool>,
    /// `pgrst.db_plan_enabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plans: Option<bool>,
    /// `pgrst.db_max_rows`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// `pgrst.db_tx_end`, one of [`TRANSACTION_ENDS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_end: Option<String>,
}

/// How a request's transaction may end.
pub const TRANSACTION_ENDS: &[&str] =
    &["commit", "commit-allow-override", "rollback", "rollback-allow-override"];

/// Why a setting cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingError {
    /// There is none of that name here.
    Unknown,
    /// It has no such value.
    Value,
}

impl ApiSettings {
    /// Makes a setting by its name without `pgrst.`; `None` takes it back.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), SettingError> {
        match name {
            "db_aggregates_enabled" => self.aggregates = value.map(flag).transpose()?,
            "db_plan_enabled" => self.plans = value.map(flag).transpose()?,
            "db_max_rows" => {
                let number = |text: &str| text.parse().map_err(|_| SettingError::Value);
                self.max_rows = value.map(number).transpose()?;
            }
            "db_tx_end" => {
                if value.is_some_and(|value| !TRANSACTION_ENDS.contains(&value)) {
                    return Err(SettingError::Value);
                }
                self.transaction_end = value.map(str::to_string);
            }
            _ => return Err(SettingError::Unknown),
        }
        Ok(())
    }
}

fn flag(text: &str) -> Result<bool, SettingError> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "1" | "yes" => Ok(true),
        "false" | "off" | "0" | "no" => Ok(false),
        _ => Err(SettingError::Value),
    }
}
