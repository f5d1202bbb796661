//! AWS Signature Version 4 for S3: what a request says it is signed with, and whether it is.
//!
//! Verifying is signing again and comparing. S3's own rules: the path is signed as it was sent, encoded once; the payload
//! need not be hashed; the query may carry the signature, for a URL that anyone can use for a while.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::S3Error;
use crate::crypto::{equal_secrets, hex, hmac_sha256, sha256};
use crate::time::Timestamp;

/// What RFC 3986 leaves as it is.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The same with slashes.
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// The most seconds between a request's clock and ours.
const MOST_SKEW: i64 = 15 * 60;

/// The longest that a presigned URL lives: seven days.
const LONGEST_URL: i64 = 7 * 24 * 60 * 60;

/// A payload that is not hashed.
pub const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What a request says of its signature.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// Whose.
    pub access_key: String,
    /// The credential's day, `20260102`.
    pub day: String,
    /// The credential's region.
    pub region: String,
    /// The credential's service.
    pub service: String,
    /// Names of the headers that are signed, lower case; empty for a form's policy.
    pub signed_headers: Vec<String>,
    /// Lower-case hex.
    pub signature: String,
    /// When, `20260102T030405Z`.
    pub date: String,
    /// Seconds that a presigned URL lives.
    pub expires: Option<i64>,
    /// `x-amz-content-sha256` as it was signed.
    pub payload: String,
    /// A user's access token.
    pub session_token: Option<String>,
}

/// A request as its signature sees it.
pub struct Signed<'a> {
    /// The method.
    pub method: &'a str,
    /// The path as sent.
    pub path: &'a str,
    /// The query's pairs, decoded.
    pub query: &'a [(String, String)],
    /// A header's value, by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Option<String>,
}

/// The pairs of a query, percent-decoded; a plus is a plus.
pub fn query_pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

/// RFC 3986, for keys and values.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// The same, slashes kept.
pub fn encode_path(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

impl Signature {
    /// From an `Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…` header.
    pub fn of_header(authorization: &str, header: &dyn Fn(&str) -> Option<String>) -> Result<Self, S3Error> {
        const FORMAT: S3Error = S3Error::InvalidSignature("Invalid signature format");
        let fields = authorization.strip_prefix("AWS4-HMAC-SHA256").ok_or(S3Error::NoSignature)?;
        let field = |name: &str| {
            let pairs = fields.split(',').filter_map(|field| field.trim().split_once('='));
            pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
        };
        let signed_headers = field("SignedHeaders").ok_or(FORMAT)?;
        Self {
            signed_headers: signed_headers.split(';').map(str::to_ascii_lowercase).collect(),
            signature: field("Signature").ok_or(FORMAT)?,
            date: header("x-amz-date").ok_or(FORMAT)?,
            payload: header("x-amz-content-sha256").unwrap_or_else(|| UNSIGNED.to_string()),
            session_token: header("x-amz-security-token"),
            ..Self::unsigned()
        }
        .with_credential(&field("Credential").ok_or(FORMAT)?)
    }

    /// From the query of a presigned URL.
    pub fn of_query(
        query: &[(String, String)],
        header: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, S3Error> {
        let signature = Self::of_fields(query)?;
        let field = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let format = || S3Error::InvalidSignature("Invalid signature format");
        if field("X-Amz-Algorithm").is_some_and(|name| name != "AWS4-HMAC-SHA256") {
            return Err(format());
        }
        let signed_headers = field("X-Amz-SignedHeaders").ok_or_else(format)?;
        let expires = field("X-Amz-Expires").and_then(|seconds| seconds.parse().ok());
        let expires = expires.filter(|seconds| (0..=LONGEST_URL).contains(seconds));
        let signed_headers: Vec<String> = signed_headers.split(';').map(str::to_ascii_lowercase).collect();
        let own_payload = signed_headers.iter().any(|name| name == "x-amz-content-sha256");
        let own_payload = own_payload.then(|| header("x-amz-content-sha256")).flatten();
        Ok(Self {
            expires: Some(expires.ok_or(S3Error::InvalidSignature("Invalid expiration"))?),
            payload: field("X-Amz-Content-Sha256").or(own_payload).unwrap_or_else(|| UNSIGNED.to_string()),
            signed_headers,
            ..signature
        })
    }

    /// From the fields of a form, or what a query has of them.
    pub fn of_fields(fields: &[(String, String)]) -> Result<Self, S3Error> {
        let field = |name: &str| {
            let found = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        let format = || S3Error::InvalidSignature("Invalid signature format");
        Self {
            signature: field("X-Amz-Signature").ok_or_else(format)?,
            date: field("X-Amz-Date").ok_or_else(format)?,
            session_token: field("X-Amz-Security-Token"),
            ..Self::unsigned()
        }
        .with_credential(&field("X-Amz-Credential").ok_or_else(format)?)
    }

    fn unsigned() -> Self {
        let empty = String::new;
        Self {
            access_key: empty(),
            day: empty(),
            region: empty(),
            service: empty(),
            signed_headers: Vec::new(),
            signature: empty(),
            date: empty(),
            expires: None,
            payload: UNSIGNED.to_string(),
            session_token: None,
        }
    }

    /// `KEY/20260102/us-east-1/s3/aws4_request`; the key itself may have slashes.
    fn with_credential(self, credential: &str) -> Result<Self, S3Error> {
        let parts: Vec<&str> = credential.rsplitn(5, '/').collect();
        let [last, service, region, day, access_key] = parts.as_slice() else {
            return Err(S3Error::InvalidSignature("Invalid credentials"));
        };
        if *last != "aws4_request" {
            return Err(S3Error::InvalidSignature("Invalid credentials"));
        }
        let owned = |text: &str| text.to_string();
        Ok(Self {
            access_key: owned(access_key),
            day: owned(day),
            region: owned(region),
            service: owned(service),
            ..self
        })
    }

    /// The same as of now: a form's time is its policy's.
    #[must_use]
    pub fn without_clock(&self, now: Timestamp) -> Self {
        let date = now.to_basic();
        let day = date.chars().take(8).collect();
        Self { date, day, ..self.clone() }
    }

    /// Whether the signature is for here and for now.
    pub fn check_scope(&self, regions: &[&str], now: Timestamp) -> Result<(), S3Error> {
        if self.service != "s3" {
            return Err(S3Error::Service);
        }
        if !regions.contains(&self.region.as_str()) {
            return Err(S3Error::Region);
        }
        let date = timestamp(&self.date).ok_or(S3Error::InvalidSignature("Invalid signature format"))?;
        if !self.date.starts_with(&self.day) || self.day.len() != 8 {
            return Err(S3Error::InvalidSignature("Invalid credentials"));
        }
        let age = now.seconds() - date.seconds();
        match self.expires {
            Some(expires) if age > expires => Err(S3Error::Expired),
            Some(_) if age >= -MOST_SKEW => Ok(()),
            None if age.abs() <= MOST_SKEW => Ok(()),
            _ => Err(S3Error::TimeSkewed),
        }
    }

    /// Refuses a request whose host, or any of S3's own headers, the signature leaves open: who has a presigned URL could
    /// otherwise make it do something else.
    pub fn check_headers<'a>(&self, mut present: impl Iterator<Item = &'a str>) -> Result<(), S3Error> {
        let is_signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        if !is_signed("host") {
            return Err(S3Error::HeadersNotSigned("host".to_string()));
        }
        let free = ["x-amz-content-sha256", "x-amz-date", "x-amz-user-agent"];
        let open = |name: &&str| name.starts_with("x-amz-") && !free.contains(name) && !is_signed(name);
        match present.find(open) {
            Some(name) => Err(S3Error::HeadersNotSigned(name.to_string())),
            None => Ok(()),
        }
    }

    /// Whether the request is signed with this secret.
    pub fn verify(&self, secret: &str, request: &Signed<'_>) -> Result<(), S3Error> {
        let key = self.signing_key(secret);
        let as_sent = request.path.to_string();
        // A client may sign characters encoded that it sends plain.
        let encoded = encode_path(&percent_decode_str(request.path).decode_utf8_lossy());
        let is_right = |path: &str| {
            let expected = hex(&hmac_sha256(&key, self.string_to_sign(path, request).as_bytes()));
            equal_secrets(expected.as_bytes(), self.signature.as_bytes())
        };
        if is_right(&as_sent) || is_right(&encoded) { Ok(()) } else { Err(S3Error::SignatureDoesNotMatch) }
    }

    /// Whether a form's policy (base64) is signed with this secret.
    pub fn verify_policy(&self, secret: &str, policy: &str) -> Result<(), S3Error> {
        let expected = hex(&hmac_sha256(&self.signing_key(secret), policy.as_bytes()));
        let is_right = equal_secrets(expected.as_bytes(), self.signature.as_bytes());
        if is_right { Ok(()) } else { Err(S3Error::SignatureDoesNotMatch) }
    }

    /// The key that signs on that day, for that region and service.
    pub fn signing_key(&self, secret: &str) -> [u8; 32] {
        let day = hmac_sha256(format!("AWS4{secret}").as_bytes(), self.day.as_bytes());
        let region = hmac_sha256(&day, self.region.as_bytes());
        let service = hmac_sha256(&region, self.service.as_bytes());
        hmac_sha256(&service, b"aws4_request")
    }

    /// `20260102/us-east-1/s3/aws4_request`
    pub fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.day, self.region, self.service)
    }

    fn string_to_sign(&self, path: &str, request: &Signed<'_>) -> String {
        let canonical = self.canonical_request(path, request);
        let digest = hex(&sha256(canonical.as_bytes()));
        format!("AWS4-HMAC-SHA256\n{}\n{}\n{digest}", self.date, self.scope())
    }

    fn canonical_request(&self, path: &str, request: &Signed<'_>) -> String {
        let mut names = self.signed_headers.clone();
        names.sort();
        let mut query: Vec<(String, String)> = request
            .query
            .iter()
            .filter(|(key, _)| key != "X-Amz-Signature")
            .map(|(key, value)| (encode(key), encode(value)))
            .collect();
        query.sort();
        let query: Vec<String> = query.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        // A header that a proxy took away cannot be compared.
        let header =
            |name: &String| (request.header)(name).map(|value| format!("{name}:{}\n", folded(&value)));
        let headers: String = names.iter().filter_map(header).collect();
        format!(
            "{}\n{path}\n{}\n{headers}\n{}\n{}",
            request.method,
            query.join("&"),
            names.join(";"),
            self.payload
        )
    }
}

/// A URL that does one thing to one object for a while, without headers of its own: the query to append to it.
pub fn presign(
    access_key: &str,
    secret: &str,
    region: &str,
    now: Timestamp,
    seconds: i64,
    request: &Signed<'_>,
    signed_headers: &[&str],
) -> String {
    let date = now.to_basic();
    let day: String = date.chars().take(8).collect();
    let mut signature = Signature {
        access_key: access_key.to_string(),
        region: region.to_string(),
        service: "s3".to_string(),
        signed_headers: signed_headers.iter().map(ToString::to_string).collect(),
        date,
        day,
        ..Signature::unsigned()
    };
    signature.signed_headers.sort();
    let own = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_string()),
        ("X-Amz-Credential", format!("{access_key}/{}", signature.scope())),
        ("X-Amz-Date", signature.date.clone()),
        ("X-Amz-Expires", seconds.to_string()),
        ("X-Amz-SignedHeaders", signature.signed_headers.join(";")),
    ];
    let own = own.into_iter().map(|(key, value)| (key.to_string(), value));
    let query: Vec<(String, String)> = request.query.iter().cloned().chain(own).collect();
    let request = Signed { query: &query, ..*request };
    let key = signature.signing_key(secret);
    let signed = hex(&hmac_sha256(&key, signature.string_to_sign(request.path, &request).as_bytes()));
    let pairs: Vec<String> =
        query.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
    format!("{}&X-Amz-Signature={signed}", pairs.join("&"))
}

/// Without space around, and with one space for several.
fn folded(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// `20260102T030405Z`
fn timestamp(date: &str) -> Option<Timestamp> {
    let digits = |range: std::ops::Range<usize>| {
        date.get(range).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let (year, month, day) = (digits(0..4)?, digits(4..6)?, digits(6..8)?);
    let (hour, minute, second) = (digits(9..11)?, digits(11..13)?, digits(13..15)?);
    if date.len() != 16 || date.get(8..9) != Some("T") || !date.ends_with('Z') {
        return None;
    }
    Timestamp::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the S3 documentation, "Signature Calculations for the Authorization Header": GET with a range.
    #[test]
    fn the_documentations_example_is_verified() {
        let header = |name: &str| {
            let value = match name {
                "host" => "examplebucket.s3.amazonaws.com",
                "range" => "bytes=0-9",
                "x-amz-content-sha256" => "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "x-amz-date" => "20130524T000000Z",
                _ => return None,
            };
            Some(value.to_string())
        };
        let authorization = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
            SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
            Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        let signature = Signature::of_header(authorization, &header).unwrap();
        let request = Signed { method: "GET", path: "/test.txt", query: &[], header: &header };
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        assert_eq!(signature.verify(secret, &request), Ok(()));
        let other = Signed { path: "/test.tx", ..request };
        assert_eq!(signature.verify(secret, &other), Err(S3Error::SignatureDoesNotMatch));
        let now = Timestamp::parse("2013-05-24T00:14:00Z").unwrap();
        assert_eq!(signature.check_scope(&["us-east-1"], now), Ok(()));
        assert_eq!(signature.check_scope(&["local"], now), Err(S3Error::Region));
        assert_eq!(signature.check_scope(&["us-east-1"], now.plus_seconds(120)), Err(S3Error::TimeSkewed));
    }

    /// The documentation's presigned URL, "Authenticating Requests: Using Query Parameters".
    #[test]
    fn a_presigned_url_is_made_and_verified() {
        let header = |name: &str| (name == "host").then(|| "examplebucket.s3.amazonaws.com".to_string());
        let request = Signed { method: "GET", path: "/test.txt", query: &[], header: &header };
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let now = Timestamp::parse("2013-05-24T00:00:00Z").unwrap();
        let query = presign("AKIAIOSFODNN7EXAMPLE", secret, "us-east-1", now, 86_400, &request, &["host"]);
        assert!(
            query.ends_with(
                "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
            )
        );
        let pairs = query_pairs(&query);
        let signature = Signature::of_query(&pairs, &header).unwrap();
        assert_eq!(signature.verify(secret, &Signed { query: &pairs, ..request }), Ok(()));
        assert_eq!(signature.check_scope(&["us-east-1"], now.plus_seconds(86_401)), Err(S3Error::Expired));
        assert!(signature.check_headers(["host", "x-amz-acl"].into_iter()).is_err());
    }

    #[test]
    fn dates_are_basic_iso() {
        assert!(timestamp("20260102T030405Z").is_some());
        for date in [
            "",
            "20260102",
            "2026-01-02T03:04:05Z",
            "20260102T030405",
            "20261302T030405Z",
            "２0260102T030405Z",
        ] {
            assert_eq!(timestamp(date), None, "{date}");
        }
    }
}
