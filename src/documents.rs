//! Public JSON documents of other servers, such as an identity provider's keys, kept by the isolate for
//! as long as the server says they are good.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use ::http::Method;
use serde_json::Value;

use crate::ports::{HttpClient, IncomingResponse, OutgoingRequest, PortError};
use crate::time::Timestamp;

/// How long a document is kept whose server does not say, and the bounds of what one may say.
const SECONDS: i64 = 3600;
const LEAST_SECONDS: i64 = 60;
const MOST_SECONDS: i64 = 24 * 3600;

/// A document this fresh is not fetched anew for someone who finds it lacking.
const FRESH_SECONDS: i64 = 60;

/// How many documents an isolate keeps before it forgets them all.
const KEPT: usize = 200;

/// The isolate's memory.
#[derive(Default)]
pub struct Documents {
    kept: RefCell<HashMap<String, Kept>>,
}

#[derive(Clone)]
struct Kept {
    document: Rc<Value>,
    fetched_at: Timestamp,
    good_until: Timestamp,
}

impl Documents {
    /// The document at a URL. One that has outlived its time is still given when its server does not
    /// answer: a provider that is down for a minute should not keep anyone out.
    pub async fn get(
        &self,
        http_client: &dyn HttpClient,
        url: &str,
        now: Timestamp,
    ) -> Result<Rc<Value>, PortError> {
        let kept = self.kept.borrow().get(url).cloned();
        if let Some(kept) = &kept
            && now < kept.good_until
        {
            return Ok(kept.document.clone());
        }
        match (self.fetch(http_client, url, now).await, kept) {
            (Ok(document), _) => Ok(document),
            (Err(_), Some(kept)) => Ok(kept.document),
            (Err(error), None) => Err(error),
        }
    }

    /// The same for someone who did not find in it what must be there by now, such as a new key.
    pub async fn get_newer(
        &self,
        http_client: &dyn HttpClient,
        url: &str,
        now: Timestamp,
    ) -> Result<Rc<Value>, PortError> {
        let kept = self.kept.borrow().get(url).cloned();
        match kept {
            Some(kept) if now < kept.fetched_at.plus_seconds(FRESH_SECONDS) => Ok(kept.document),
            _ => self.fetch(http_client, url, now).await,
        }
    }

    async fn fetch(
        &self,
        http_client: &dyn HttpClient,
        url: &str,
        now: Timestamp,
    ) -> Result<Rc<Value>, PortError> {
        let request = OutgoingRequest {
            method: Method::GET,
            url: url.to_string(),
            headers: vec![("accept", "application/json".into())],
            body: String::new(),
        };
        let response = http_client.send(request).await?;
        if !response.is_success() {
            return Err(PortError(format!("{url} answered {}", response.status)));
        }
        let document: Value = serde_json::from_str(&response.body)
            .map_err(|error| PortError(format!("{url} is no JSON: {error}")))?;
        let document = Rc::new(document);
        let good_until = now.plus_seconds(seconds_of(&response));
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(url.to_string(), Kept { document: document.clone(), fetched_at: now, good_until });
        Ok(document)
    }
}

/// `Cache-Control: public, max-age=19204` (RFC 9111 §5.2).
fn seconds_of(response: &IncomingResponse) -> i64 {
    let header = response.header("cache-control").unwrap_or_default().to_lowercase();
    let mut directives = header.split(',').map(str::trim);
    let most = directives.find_map(|directive| directive.strip_prefix("max-age=")?.parse::<i64>().ok());
    most.map_or(SECONDS, |seconds| seconds.clamp(LEAST_SECONDS, MOST_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_say_how_long_their_documents_are_good() {
        let rows = [
            ("public, max-age=19204, must-revalidate", 19204),
            ("Max-Age=600", 600),
            ("no-store", SECONDS),
            ("", SECONDS),
            ("max-age=0", LEAST_SECONDS),
            ("max-age=99999999", MOST_SECONDS),
            ("max-age=soon", SECONDS),
        ];
        for (value, expected) in rows {
            let headers = vec![("cache-control".to_string(), value.to_string())];
            assert_eq!(seconds_of(&IncomingResponse { status: 200, headers, body: String::new() }), expected);
        }
    }
}
