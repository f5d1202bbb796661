//! The S3 API, with a signer of its own: what the requests come to is worked out here once more, by the documentation.

mod faults;
pub mod forms;
mod host;
pub mod multipart;
mod objects;
mod payloads;
mod signatures;

use edgeward::crypto::{hex, hmac_sha256, sha256};
use edgeward::ports::Clock;
use http::Method;
use serde_json::json;

use super::make_bucket;
use crate::app::{Answer, Call, TestApp};

pub const KEY: &str = "an-access-key";
pub const SECRET: &str = "a-secret-of-the-project";
pub const HOST: &str = "127.0.0.1:54321";

pub fn s3_app() -> TestApp {
    let app = TestApp::with_vars(&[
        ("S3_PROTOCOL_ACCESS_KEY_ID", KEY),
        ("S3_PROTOCOL_ACCESS_KEY_SECRET", SECRET),
        ("STORAGE_S3_REGION", "local"),
        ("ANON_KEY", "the-anon-key-of-the-project"),
        ("FILE_SIZE_LIMIT", "104857600"),
    ]);
    make_bucket(&app, &json!({"name": "files"}));
    app
}

/// A request to be signed.
pub struct Ask<'a> {
    app: &'a TestApp,
    pub method: Method,
    /// Behind `/storage/v1/s3`, percent-encoded.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub payload: Option<String>,
    pub key: String,
    pub secret: String,
    pub region: String,
    pub service: String,
    /// Seconds that the client's clock is ahead.
    pub skew: i64,
    pub host: String,
    /// What stands before the path.
    pub root: &'static str,
}

pub fn ask<'a>(app: &'a TestApp, method: Method, target: &str) -> Ask<'a> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key.to_string(), value.to_string())
    };
    Ask {
        app,
        method,
        path: path.to_string(),
        query: query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect(),
        headers: Vec::new(),
        body: Vec::new(),
        payload: None,
        key: KEY.into(),
        secret: SECRET.into(),
        region: "local".into(),
        service: "s3".into(),
        skew: 0,
        host: HOST.into(),
        root: "/storage/v1/s3",
    }
}

pub fn encode(text: &str, keeps: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            byte if keeps.as_bytes().contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

impl<'a> Ask<'a> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// `x-amz-content-sha256` as it is signed.
    pub fn payload(self, payload: &str) -> Self {
        Self { payload: Some(payload.to_string()), ..self }
    }

    /// Signed with the anon key, for a user.
    pub fn for_user(self, token: &str) -> Self {
        let signed = Self { key: "project".into(), secret: "the-anon-key-of-the-project".into(), ..self };
        signed.header("x-amz-security-token", token)
    }

    pub fn date(&self) -> String {
        self.app.clock.now().plus_seconds(self.skew).to_basic()
    }

    pub fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", &self.date()[..8], self.region, self.service)
    }

    pub fn signing_key(&self) -> [u8; 32] {
        let day = hmac_sha256(format!("AWS4{}", self.secret).as_bytes(), &self.date().as_bytes()[..8]);
        let region = hmac_sha256(&day, self.region.as_bytes());
        hmac_sha256(&hmac_sha256(&region, self.service.as_bytes()), b"aws4_request")
    }

    fn target(&self) -> String {
        format!("{}{}", self.root, self.path)
    }

    fn sign(
        &self,
        query: &[(String, String)],
        headers: &[(String, String)],
        payload: &str,
    ) -> (String, String) {
        let mut pairs: Vec<String> =
            query.iter().map(|(key, value)| format!("{}={}", encode(key, ""), encode(value, ""))).collect();
        pairs.sort();
        let mut headers = headers.to_vec();
        headers.sort();
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let canonical =
            format!("{}\n{}\n{}\n{lines}\n{names}\n{payload}", self.method, self.target(), pairs.join("&"));
        let digest = hex(&sha256(canonical.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{}\n{}\n{digest}", self.date(), self.scope());
        (names, hex(&hmac_sha256(&self.signing_key(), text.as_bytes())))
    }

    /// The headers that sign it, and the signature alone.
    pub fn signed(&self) -> (Vec<(String, String)>, String) {
        let payload = self.payload.clone().unwrap_or_else(|| hex(&sha256(&self.body)));
        let mut headers = self.headers.clone();
        headers.push(("host".into(), self.host.clone()));
        headers.push(("x-amz-date".into(), self.date()));
        headers.push(("x-amz-content-sha256".into(), payload.clone()));
        let (names, signature) = self.sign(&self.query, &headers, &payload);
        let credential = format!("{}/{}", self.key, self.scope());
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}");
        headers.retain(|(name, _)| name != "host");
        headers.push(("authorization".into(), authorization));
        (headers, signature)
    }

    fn call(&self, query: &[(String, String)]) -> Call<'a> {
        let pairs: Vec<String> =
            query.iter().map(|(key, value)| format!("{}={}", encode(key, ""), encode(value, ""))).collect();
        let target = format!("{}?{}", self.target(), pairs.join("&"));
        self.app.nobody().call(self.method.clone(), &target).host(&self.host)
    }

    pub fn to_call(&self) -> Call<'a> {
        let (headers, _) = self.signed();
        let call = self.call(&self.query).body(self.body.clone());
        headers.iter().fold(call, |call, (name, value)| call.header(name, value))
    }

    pub fn send(self) -> Answer {
        self.to_call().send()
    }

    /// As a presigned URL that lives so many seconds; the query is given.
    pub fn presigned(&self, seconds: i64) -> Vec<(String, String)> {
        let mut query = self.query.clone();
        let own = [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_string()),
            ("X-Amz-Credential", format!("{}/{}", self.key, self.scope())),
            ("X-Amz-Date", self.date()),
            ("X-Amz-Expires", seconds.to_string()),
            ("X-Amz-SignedHeaders", "host".to_string()),
        ];
        query.extend(own.map(|(key, value)| (key.to_string(), value)));
        let (_, signature) = self.sign(&query, &[("host".into(), self.host.clone())], "UNSIGNED-PAYLOAD");
        query.push(("X-Amz-Signature".into(), signature));
        query
    }

    /// Whoever has the URL uses it.
    pub fn by_url(&self, query: &[(String, String)]) -> Call<'a> {
        self.call(query).body(self.body.clone())
    }
}

/// The text of the first element of that name.
pub fn element(answer: &Answer, name: &str) -> Option<String> {
    elements(answer, name).into_iter().next()
}

/// The texts of all elements of that name.
pub fn elements(answer: &Answer, name: &str) -> Vec<String> {
    let text = answer.text();
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let found = text.split(&start).skip(1).filter_map(|rest| rest.split(&end).next());
    found.map(|text| text.replace("&quot;", "\"").replace("&amp;", "&")).collect()
}

pub fn assert_error(answer: &Answer, status: u16, code: &str) {
    let found = element(answer, "Code");
    assert_eq!((answer.status.as_u16(), found.as_deref()), (status, Some(code)), "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/xml"));
}

pub fn assert_ok(answer: &Answer) {
    assert!(answer.status.is_success(), "{} {}", answer.status, answer.text());
}

pub fn put(app: &TestApp, key: &str, body: impl Into<Vec<u8>>) {
    assert_ok(&ask(app, Method::PUT, &format!("/files/{key}")).body(body).send());
}
