//! The signatures port on WebCrypto.

use async_trait::async_trait;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::exception::message_of;
use super::promise::settled;
use crate::ports::{PortError, SignatureAlgorithm, Signatures};

#[wasm_bindgen(module = "/src/platform/signatures.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn sign(algorithm: &str, key: &str, message: &[u8]) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn verify(algorithm: &str, key: &str, message: &[u8], signature: &[u8]) -> Result<Promise, JsValue>;
}

/// The runtime's `crypto.subtle`.
pub struct WebCrypto;

#[async_trait(?Send)]
impl Signatures for WebCrypto {
    async fn sign(
        &self,
        algorithm: SignatureAlgorithm,
        private_key: &str,
        message: &[u8],
    ) -> Result<Vec<u8>, PortError> {
        let answer = sign(algorithm.name(), private_key, message).map_err(failed)?;
        let signature = settled(&answer).await.map_err(failed)?;
        Ok(signature.unchecked_into::<Uint8Array>().to_vec())
    }

    async fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        public_key: &str,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, PortError> {
        let answer = verify(algorithm.name(), public_key, message, signature).map_err(failed)?;
        Ok(settled(&answer).await.map_err(failed)?.is_truthy())
    }
}

fn failed(thrown: JsValue) -> PortError {
    PortError(message_of(&thrown))
}
