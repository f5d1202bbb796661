//! One request of a scene, as data: `{name/pointer}` in its texts is what an earlier answer held.

use serde_json::Value;

/// Who sends a request.
#[derive(Clone, Debug)]
pub enum Who {
    Nobody,
    Admin,
    /// Whoever's session is kept under that name.
    User(String),
    /// Somebody with that bearer token.
    Token(String),
}

/// A request, or a look into the mailbox.
#[derive(Clone, Debug)]
pub enum Step {
    Send(Request),
    /// Keeps the code last sent to an address.
    Mail {
        to: String,
        name: String,
    },
    /// Keeps the code of now of an authenticator app whose secret is kept.
    Code {
        secret: String,
        name: String,
    },
}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub body: Option<String>,
    pub who: Who,
    /// Under which name the answer is kept.
    pub keep: Option<String>,
    /// Whether the client speaks API version 2024-01-01.
    pub versioned: bool,
    pub headers: Vec<(&'static str, String)>,
}

impl Request {
    pub fn new(method: &'static str, path: &str) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            who: Who::Nobody,
            keep: None,
            versioned: false,
            headers: Vec::new(),
        }
    }

    pub fn json(self, body: Value) -> Self {
        self.text(&body.to_string())
    }

    pub fn text(mut self, body: &str) -> Self {
        self.body = Some(body.into());
        self
    }

    pub fn admin(mut self) -> Self {
        self.who = Who::Admin;
        self
    }

    pub fn as_user(mut self, name: &str) -> Self {
        self.who = Who::User(name.into());
        self
    }

    pub fn with_token(mut self, token: &str) -> Self {
        self.who = Who::Token(token.into());
        self
    }

    pub fn keep(mut self, name: &str) -> Self {
        self.keep = Some(name.into());
        self
    }

    pub fn versioned(mut self) -> Self {
        self.versioned = true;
        self
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// What the report calls it.
    pub fn title(&self) -> String {
        let body = self.body.as_deref().unwrap_or_default();
        let short: String = body.chars().take(120).collect();
        format!("{} {} {short}", self.method, self.path)
    }
}

impl From<Request> for Step {
    fn from(request: Request) -> Self {
        Self::Send(request)
    }
}

pub fn get(path: &str) -> Request {
    Request::new("GET", path)
}

pub fn post(path: &str) -> Request {
    Request::new("POST", path)
}

pub fn put(path: &str) -> Request {
    Request::new("PUT", path)
}

pub fn delete(path: &str) -> Request {
    Request::new("DELETE", path)
}

/// Keeps the code last sent to an address.
pub fn mail(to: &str, name: &str) -> Step {
    Step::Mail { to: to.into(), name: name.into() }
}
