//! One structured line for each request. Never a token, a password, a query or a body.

use serde::Serialize;

use super::{Cause, Response};
use crate::app::App;
use crate::time::Timestamp;

/// What is known of a request when it arrives.
pub struct Line {
    pub id: String,
    pub method: String,
    pub path: String,
    pub started: Timestamp,
}

/// The line as it is written.
#[derive(Serialize)]
struct Record<'a> {
    at: String,
    level: &'static str,
    id: &'a str,
    method: &'a str,
    path: &'a str,
    status: u16,
    ms: i64,
    cause: Option<&'a str>,
}

impl Line {
    /// Writes the line, with the cause of a failure if the response carries one.
    pub fn write(&self, app: &App, response: &Response) {
        let ended = app.now();
        let status = response.status().as_u16();
        let cause = response.extensions().get::<Cause>().map(|cause| cause.0.as_str());
        let record = Record {
            at: ended.to_milliseconds(),
            level: if status >= 500 { "error" } else { "info" },
            id: &self.id,
            method: &self.method,
            path: &self.path,
            status,
            ms: (ended.0 - self.started.0) / 1000,
            cause,
        };
        if let Ok(text) = serde_json::to_string(&record) {
            app.ports.log.line(&text);
        }
    }
}
