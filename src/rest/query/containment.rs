//! jsonb's `@>` and `<@` with a filter's literal, its parts bound.

use serde_json::{Number, Value};

use super::Builder;
use crate::dialect::{JsonParts, json_containment};
use crate::rest::error::RestError;
use crate::rest::plan::Containment;

impl JsonParts for Builder<'_> {
    fn row(&mut self) -> String {
        self.alias()
    }

    fn text(&mut self, text: &str) -> String {
        self.writer.bind(text)
    }

    fn number(&mut self, number: &Number) -> String {
        let bound = self.writer.bind(number.to_string());
        format!("CAST({bound} AS NUMERIC)")
    }
}

impl Builder<'_> {
    /// Whether the jsonb value `json` contains the literal, or is contained by it.
    pub fn json_containment(
        &mut self,
        json: &str,
        containment: Containment,
        literal: &str,
    ) -> Result<String, RestError> {
        let literal: Value =
            serde_json::from_str(literal).map_err(|error| RestError::Internal(error.to_string()))?;
        json_containment(self, json, &literal, containment == Containment::ContainedBy)
            .map_err(|reason| RestError::NotImplemented(format!("{reason} is not supported")))
    }
}
