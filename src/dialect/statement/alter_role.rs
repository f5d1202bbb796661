//! `ALTER ROLE authenticator SET pgrst.… = …`: how a migration sets up the data API on hosted Supabase.

use sqlparser::ast::{AlterRoleOperation, Expr, Ident, ObjectName, ResetConfig, SetConfigValue};

use crate::dialect::DialectError;
use crate::dialect::name::{folded, parts};
use crate::dialect::translate::Translator;
use crate::schema::SettingError;

/// The role that the data API signs in as.
const API_ROLE: &str = "authenticator";

impl Translator {
    pub(in crate::dialect) fn alter_role(
        &mut self,
        role: &Ident,
        operation: &AlterRoleOperation,
    ) -> Result<(), DialectError> {
        let refused = || {
            DialectError::unsupported("ALTER ROLE")
                .with_hint("Only settings of the data API are: ALTER ROLE authenticator SET pgrst.… = ….")
        };
        if folded(role) != API_ROLE {
            return Err(refused());
        }
        match operation {
            AlterRoleOperation::Set { config_name, config_value, in_database: None } => match config_value {
                SetConfigValue::Default => self.set_api(config_name, None),
                SetConfigValue::Value(value) => self.set_api(config_name, Some(&text(value))),
                SetConfigValue::FromCurrent => Err(refused()),
            },
            AlterRoleOperation::Reset { config_name: ResetConfig::ConfigName(name), in_database: None } => {
                self.set_api(name, None)
            }
            AlterRoleOperation::Reset { config_name: ResetConfig::ALL, in_database: None } => {
                self.catalog.api_settings = crate::schema::ApiSettings::default();
                Ok(())
            }
            _ => Err(refused()),
        }
    }

    fn set_api(&mut self, name: &ObjectName, value: Option<&str>) -> Result<(), DialectError> {
        let name = parts(name)?.join(".");
        let outcome = match name.strip_prefix("pgrst.") {
            Some(setting) => self.catalog.api_settings.set(setting, value),
            None => Err(SettingError::Unknown),
        };
        outcome.map_err(|error| match error {
            SettingError::Unknown => DialectError::unsupported(format!("the setting {name}"))
                .with_hint("Settings that are: pgrst.db_aggregates_enabled, db_plan_enabled, db_max_rows, db_tx_end; others are the deployment's."),
            SettingError::Value => DialectError::new(
                "22023",
                format!("invalid value for parameter \"{name}\": \"{}\"", value.unwrap_or_default()),
            ),
        })
    }
}

/// `'true'`, `true`, `1000` → its text.
fn text(value: &Expr) -> String {
    value.to_string().trim_matches(['\'', '"']).to_string()
}
