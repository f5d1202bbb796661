//! A database that works out the documents a batch asks for, and runs the batch again.

use std::rc::Rc;

use async_trait::async_trait;

use super::document::cooked;
use super::store::{MISSING, TABLE, remember};
use crate::ports::{Database, DbError, Freshness, ResultSet};
use crate::sql::Statement;

/// How often a batch is run again; each time everything is there that the last failure could carry.
const MOST_ROUNDS: usize = 40;

/// The database behind it, and the documents it asks for.
pub struct Remembering {
    database: Rc<dyn Database>,
}

impl Remembering {
    /// Around a database.
    pub fn new(database: Rc<dyn Database>) -> Self {
        Self { database }
    }
}

#[async_trait(?Send)]
impl Database for Remembering {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Box<dyn ResultSet>>, DbError> {
        if !statements.iter().any(|statement| statement.text.contains(TABLE)) {
            return self.database.batch(statements).await;
        }
        // A failed batch did nothing, so running it again is safe.
        for _ in 0..MOST_ROUNDS {
            let documents = match self.database.batch(statements.clone()).await {
                Err(DbError::Raised(payload)) => match payload.strip_prefix(MISSING) {
                    Some(documents) => documents.to_string(),
                    None => return Err(DbError::Raised(payload)),
                },
                outcome => return outcome,
            };
            remember(self.database.as_ref(), &pairs(&documents)?).await?;
        }
        let message = "54000:too many texts are not prepared for searching yet; try again";
        Err(DbError::Raised(message.to_string()))
    }

    async fn batch_from(
        &self,
        freshness: Freshness<'_>,
        statements: Vec<Statement>,
    ) -> Result<(Vec<Box<dyn ResultSet>>, Option<String>), DbError> {
        // What is missing is written to the database itself, and a copy may not have it yet.
        if statements.iter().any(|statement| statement.text.contains(TABLE)) {
            return self.batch(statements).await.map(|results| (results, None));
        }
        self.database.batch_from(freshness, statements).await
    }
}

/// Each document with what it comes to.
fn pairs(documents: &str) -> Result<String, DbError> {
    let documents: Vec<String> = serde_json::from_str(documents)
        .map_err(|error| DbError::Other(format!("the missing documents did not decode: {error}")))?;
    let mut pairs = Vec::new();
    for document in documents {
        let made = cooked(&document)
            .map_err(|error| DbError::Raised(format!("{}:{}", error.code, error.message)))?;
        pairs.push(serde_json::json!([document, made]));
    }
    Ok(serde_json::Value::from(pairs).to_string())
}
