//! The SQL of accounts and sessions. Functions give statements; a use case runs those of one
//! decision as one batch.

pub mod audit_log;
pub mod custom_providers;
pub mod external_accounts;
pub mod factors;
pub mod flow_states;
pub mod identities;
pub mod mailbox;
pub mod oauth_authorizations;
pub mod oauth_clients;
pub mod oauth_consents;
pub mod oauth_states;
pub mod one_time_tokens;
pub mod own_data;
pub mod passkeys;
pub mod recovery_codes;
pub mod sessions;
pub mod shown_user;
pub mod sign_in_failures;
pub mod users;

use serde::de::DeserializeOwned;

use crate::ports::{Database, DbError, ResultSet, Text};
use crate::sql::Statement;

/// What a batch gave back, by the statement's place in it.
pub struct Results(Vec<Box<dyn ResultSet>>);

/// Runs the statements as one transaction.
pub async fn run(database: &dyn Database, statements: Vec<Statement>) -> Result<Results, DbError> {
    database.batch(statements).await.map(Results)
}

impl Results {
    /// The first row of a statement.
    pub fn first<T: DeserializeOwned>(&self, statement: usize) -> Result<Option<T>, DbError> {
        self.of(statement)?.first()
    }

    /// The first column of a statement's first row, if that is text.
    pub fn text(&self, statement: usize) -> Result<Option<String>, DbError> {
        Ok(self.of(statement)?.text(0).map(|text| text.read()))
    }

    /// The same, for whoever hands it on unread.
    pub fn unread(&self, statement: usize) -> Result<Option<Box<dyn Text>>, DbError> {
        Ok(self.of(statement)?.text(0))
    }

    /// All rows of a statement.
    pub fn all<T: DeserializeOwned>(&self, statement: usize) -> Result<Vec<T>, DbError> {
        self.of(statement)?.decode()
    }

    /// Whether a statement gave any row: for a guarded write with RETURNING, whether it happened.
    pub fn happened(&self, statement: usize) -> Result<bool, DbError> {
        Ok(!self.of(statement)?.is_empty())
    }

    /// The results but for the first ones, for whoever added them to another's batch.
    pub fn after(mut self, statement: usize) -> Self {
        Self(self.0.split_off(statement.min(self.0.len())))
    }

    fn of(&self, statement: usize) -> Result<&(dyn ResultSet + 'static), DbError> {
        let results = self.0.get(statement).map(AsRef::as_ref);
        results.ok_or_else(|| DbError::Other(format!("the batch has no result {statement}")))
    }
}
