//! Asking a server of the project's: a request signed as Standard Webhooks have it, three tries in five
//! seconds, and an answer of bounded size.

use ::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::HookError;
use crate::app::App;
use crate::crypto;
use crate::ports::{IncomingResponse, OutgoingRequest};
use crate::time::Timestamp;

/// For all tries together.
const MILLISECONDS: u64 = 5_000;

const TRIES: usize = 3;

/// Between two tries.
const PAUSE: u64 = 2_000;

/// The most bytes of an answer.
const LARGEST: usize = 200 * 1024;

/// The hook's answer; `None` when it has nothing to say.
pub async fn ask(
    app: &App,
    url: &str,
    secrets: &[Vec<u8>],
    payload: &str,
) -> Result<Option<String>, HookError> {
    let began = app.now();
    for attempt in 1..=TRIES {
        let id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
        let request = request(url, secrets, payload, &id, app.now());
        match app.ports.http_client.send_within(request, left(began, app.now())).await {
            Ok(None) => return Err(HookError::Timeout),
            Ok(Some(answer)) if is_to_be_tried_again(&answer) => {}
            Ok(Some(answer)) => return read(answer),
            Err(_) if attempt == TRIES => return Err(HookError::Unreachable),
            Err(_) => {
                if left(began, app.now()) <= PAUSE {
                    return Err(HookError::Timeout);
                }
                app.ports.http_client.pause(PAUSE).await;
            }
        }
    }
    Err(HookError::Unavailable)
}

/// Milliseconds that are left; at least one, so that a clock that stands still asks at all.
fn left(began: Timestamp, now: Timestamp) -> u64 {
    let passed = u64::try_from(now.0.saturating_sub(began.0) / 1_000).unwrap_or(0);
    MILLISECONDS.saturating_sub(passed).max(1)
}

fn request(url: &str, secrets: &[Vec<u8>], payload: &str, id: &str, now: Timestamp) -> OutgoingRequest {
    let timestamp = now.seconds().to_string();
    let signed = format!("{id}.{timestamp}.{payload}");
    let signatures: Vec<String> = secrets
        .iter()
        .map(|secret| format!("v1,{}", STANDARD.encode(crypto::hmac_sha256(secret, signed.as_bytes()))))
        .collect();
    OutgoingRequest {
        method: Method::POST,
        url: url.to_string(),
        headers: vec![
            ("content-type", "application/json".into()),
            ("webhook-id", id.to_string()),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signatures.join(", ")),
            ("accept-encoding", "identity".into()),
        ],
        body: payload.to_string(),
    }
}

fn is_to_be_tried_again(answer: &IncomingResponse) -> bool {
    matches!(answer.status, 429 | 503) && answer.header("retry-after").is_some_and(|after| !after.is_empty())
}

fn read(answer: IncomingResponse) -> Result<Option<String>, HookError> {
    match answer.status {
        204 => Ok(None),
        200 | 202 => {
            let Some(content_type) = answer.header("content-type").filter(|of| !of.is_empty()) else {
                return Err(HookError::NoContentType);
            };
            let media = content_type.split(';').next().unwrap_or_default().trim();
            if !media.eq_ignore_ascii_case("application/json") {
                return Err(HookError::ContentType(content_type.to_string()));
            }
            if answer.body.len() > LARGEST {
                return Err(HookError::TooLarge);
            }
            Ok(Some(answer.body))
        }
        429 | 503 => Err(HookError::Unavailable),
        400 => Err(HookError::InvalidPayload),
        401 => Err(HookError::Unauthorized),
        status => Err(HookError::Status(status)),
    }
}
