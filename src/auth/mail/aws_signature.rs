//! AWS Signature Version 4 of a request with a JSON body and no query.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use crate::crypto;
use crate::time::Timestamp;

/// Who signs, for what, when.
pub struct Signature<'a> {
    pub access_key_id: &'a str,
    pub secret: &'a str,
    pub region: &'a str,
    pub service: &'a str,
    pub now: Timestamp,
}

const SIGNED: &str = "content-type;host;x-amz-date";

impl Signature<'_> {
    /// `20270115T080000Z`, for the header `x-amz-date`.
    pub fn date(&self) -> String {
        let text = self.now.to_postgres();
        let whole: String = text.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        format!("{whole}Z")
    }

    /// The header `authorization`.
    pub fn authorization(&self, method: &str, host: &str, path: &str, body: &str) -> String {
        let date = self.date();
        let day = date.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let body = crypto::hex(&crypto::sha256(body.as_bytes()));
        let canonical = format!(
            "{method}\n{path}\n\ncontent-type:application/json\nhost:{host}\nx-amz-date:{date}\n\n{SIGNED}\n{body}"
        );
        let canonical = crypto::hex(&crypto::sha256(canonical.as_bytes()));
        let signed = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{canonical}");
        let steps = [day, self.region, self.service, "aws4_request"];
        let first = format!("AWS4{}", self.secret).into_bytes();
        let key = steps.iter().fold(first, |key, step| crypto::hmac_sha256(&key, step.as_bytes()).to_vec());
        let signature = crypto::hex(&crypto::hmac_sha256(&key, signed.as_bytes()));
        let key_id = self.access_key_id;
        format!("AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={SIGNED}, Signature={signature}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signing_key_is_the_one_of_amazons_own_example() {
        // From AWS' documentation of how a signing key is derived: 20150830, us-east-1, iam.
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let first = format!("AWS4{secret}").into_bytes();
        let steps = ["20150830", "us-east-1", "iam", "aws4_request"];
        let key = steps.iter().fold(first, |key, step| crypto::hmac_sha256(&key, step.as_bytes()).to_vec());
        assert_eq!(crypto::hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }
}
