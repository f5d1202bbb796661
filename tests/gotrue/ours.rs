//! Our side: the real router on its doubles.

use http::Method;

use crate::answer::Answer;
use crate::app::TestApp;

pub struct Ours {
    pub app: TestApp,
}

impl Ours {
    /// With GoTrue's settings, of which ours have the names.
    pub fn new(settings: &[(&str, &str)]) -> Self {
        // GoTrue has no such thing, and random sequences guess a lot.
        let own = [("MAILER_AUTOCONFIRM", "false"), ("SIGN_IN_LOCKOUT", "false")];
        let app = TestApp::with_vars(&[settings, &own].concat());
        Self { app }
    }

    pub fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        token: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Answer {
        // Between two requests of a person time passes.
        self.app.clock.advance(1);
        let actor = match token {
            Some(token) => self.app.with_token(token),
            None => self.app.nobody(),
        };
        let mut call = actor.call(Method::from_bytes(method.as_bytes()).unwrap(), &format!("/auth/v1{path}"));
        for (name, value) in headers {
            call = call.header(name, value);
        }
        if let Some(body) = body {
            call = call.body(body.to_string()).header("content-type", "application/json");
        }
        let answer = call.send();
        Answer {
            status: answer.status.as_u16(),
            location: answer.header("location").map(str::to_string),
            error_code: answer.header("x-sb-error-code").map(str::to_string),
            body: answer.text(),
        }
    }

    /// The code last sent to an address or number.
    pub fn code(&self, to: &str) -> Option<String> {
        let found = self.app.nobody().get(&format!("/api/v1/search?query=to:{to}")).send().json();
        let id = found["messages"][0]["ID"].as_str()?.to_string();
        let mail = self.app.nobody().get(&format!("/api/v1/message/{id}")).send().json();
        let text = mail["Text"].as_str()?.to_string();
        let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
        text.split_whitespace().find(is_code).map(str::to_string)
    }
}
