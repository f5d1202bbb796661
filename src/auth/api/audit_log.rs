//! `GET /auth/v1/admin/audit`: who did what, where `AUDIT_LOG` keeps it in the database.

use ::http::header::LINK;
use ::http::{HeaderName, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::admin::{links, page};
use crate::auth::error::Error;
use crate::auth::model::wire_time;
use crate::auth::store;
use crate::auth::store::audit_log::{self, Entry, Wanted};
use crate::http::{Context, Response, ResponseExt, json_response};

/// What `query=scope:text` looks into.
#[rustfmt::skip]
const SCOPES: &[(&str, &[&str])] = &[
    ("author", &["actor_username", "actor_name"]),
    ("action", &["action"]),
    ("type",   &["log_type"]),
];

/// A page of entries, the newest first.
pub async fn list_audit_log(context: Context) -> Result<Response, Error> {
    #[derive(Deserialize)]
    struct Count {
        total: u64,
    }
    let page = page(&context)?;
    let wanted = Wanted { page: page.number, size: page.size, filter: filter(&context)? };
    let statements = vec![audit_log::list(&wanted), audit_log::count(&wanted)];
    let results = store::run(context.app.ports.database.as_ref(), statements).await?;
    let entries: Vec<Entry> = results.all(0)?;
    let total = results.first::<Count>(1)?.map_or(0, |count| count.total);
    let entries: Vec<Value> = entries.into_iter().map(Entry::into_json).collect();
    let response = json_response(StatusCode::OK, &Value::Array(entries))
        .with_header(HeaderName::from_static("x-total-count"), total.to_string());
    Ok(response.with_header(LINK, links(&context, &page, total)))
}

fn filter(context: &Context) -> Result<Option<(&'static [&'static str], String)>, Error> {
    let Some(query) = context.query_parameter("query").filter(|query| !query.is_empty()) else {
        return Ok(None);
    };
    let parsed = query.split_once(':').and_then(|(scope, text)| {
        let (_, members) = SCOPES.iter().find(|(known, _)| *known == scope)?;
        Some((*members, text.to_string()))
    });
    match parsed {
        Some((_, text)) if text.is_empty() => Ok(None),
        Some(filter) => Ok(Some(filter)),
        None => Err(Error::Validation(format!("Invalid query scope: {query}").into())),
    }
}

impl Entry {
    fn into_json(self) -> Value {
        json!({
            "id": self.id,
            "payload": self.payload,
            "created_at": wire_time(&self.created_at),
            "ip_address": self.ip_address,
        })
    }
}
