//! The mailer port on a `send_email` binding.
//! <https://developers.cloudflare.com/email-service/api/send-emails/workers-api/>

use async_trait::async_trait;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::exception::message_of;
use super::promise::settled;
use crate::ports::{Mailer, OutgoingMail, PortError};

#[wasm_bindgen(module = "/src/platform/mailer.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn send(
        mailer: &JsValue,
        name: &str,
        email: &str,
        to: &str,
        subject: &str,
        html: &str,
        text: &str,
    ) -> Result<Promise, JsValue>;
}

/// A `send_email` binding.
pub struct CloudflareMailer(pub JsValue);

#[async_trait(?Send)]
impl Mailer for CloudflareMailer {
    async fn send(&self, mail: OutgoingMail<'_>) -> Result<(), PortError> {
        let OutgoingMail { name, from, to, subject, html, text } = mail;
        let failed = |thrown: JsValue| PortError(message_of(&thrown));
        let sending = send(&self.0, name, from, to, subject, html, text).map_err(failed)?;
        settled(&sending).await.map(|_| ()).map_err(failed)
    }
}
