//! What reaches an account by mail: codes and links, and what they open.

mod anonymous;
mod carriers;
mod confirm_page;
mod email_change;
mod enumeration;
mod faults;
mod generate_link;
mod guessing;
mod invite;
mod mailbox;
mod notices;
mod otp;
mod phone_faults;
mod phones;
mod pkce;
mod reauthenticate;
mod recover;
mod redirect;
mod sign_up;
mod text_messages;
mod verify;

use serde_json::{Value, json};

use super::{PASSWORD, assert_error, claims, get_user, refresh, sign_in, signed_in, text};
use crate::app::{Answer, TestApp};

/// An app in which addresses have to be confirmed.
fn confirming() -> TestApp {
    confirming_with(&[])
}

fn confirming_with(vars: &[(&str, &str)]) -> TestApp {
    TestApp::with_vars(&[&[("MAILER_AUTOCONFIRM", "false")], vars].concat())
}

fn post(app: &TestApp, path: &str, body: &Value) -> Answer {
    app.anon().post(&format!("/auth/v1{path}")).json(body).send()
}

fn sign_up(app: &TestApp, email: &str) -> Answer {
    post(app, "/signup", &json!({"email": email, "password": PASSWORD}))
}

/// A confirmed account with [`PASSWORD`].
fn account(app: &TestApp, email: &str) -> Value {
    let body = json!({"email": email, "password": PASSWORD, "email_confirm": true});
    let answer = app.service_role().post("/auth/v1/admin/users").json(&body).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// A mail that was kept.
struct Mail {
    subject: String,
    text: String,
}

impl Mail {
    /// The code in the text.
    fn code(&self) -> String {
        let digits = |word: &&str| word.len() >= 6 && word.bytes().all(|byte| byte.is_ascii_digit());
        self.text.split_whitespace().find(digits).unwrap_or_else(|| panic!("no code in {}", self.text)).into()
    }

    /// The link, as a path of the app.
    fn link(&self) -> String {
        let link = self.text.split_whitespace().find(|word| word.starts_with("http://127.0.0.1:54321/"));
        let link = link.unwrap_or_else(|| panic!("no link in {}", self.text));
        link.trim_start_matches("http://127.0.0.1:54321").to_string()
    }

    /// The link's token.
    fn token(&self) -> String {
        let link = self.link();
        let query = link.split_once('?').unwrap().1;
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token").unwrap().1.into_owned()
    }
}

/// All mails to an address, newest first, read as a developer reads them.
fn mails(app: &TestApp, to: &str) -> Vec<Mail> {
    let found = app.nobody().get(&format!("/api/v1/search?query=to:{to}")).send().json();
    let read = |summary: &Value| {
        let mail = app.nobody().get(&format!("/api/v1/message/{}", text(summary, "ID"))).send().json();
        Mail { subject: text(&mail, "Subject").into(), text: text(&mail, "Text").into() }
    };
    found["messages"].as_array().unwrap().iter().map(read).collect()
}

/// The newest mail to an address.
fn mail(app: &TestApp, to: &str) -> Mail {
    mails(app, to).into_iter().next().unwrap_or_else(|| panic!("no mail to {to}"))
}

fn mail_count(app: &TestApp) -> String {
    app.database.value(r#"SELECT count(*) FROM "auth.mailbox""#).unwrap()
}

fn verify_code(app: &TestApp, name: &str, email: &str, code: &str) -> Answer {
    post(app, "/verify", &json!({"type": name, "email": email, "token": code}))
}

fn verify_hash(app: &TestApp, name: &str, token: &str) -> Answer {
    post(app, "/verify", &json!({"type": name, "token_hash": token}))
}

/// Follows a link as a browser does, and gives where it leads.
fn follow(app: &TestApp, link: &str) -> String {
    let answer = app.nobody().get(link).send();
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap().to_string()
}

/// A member of a URL's fragment.
fn in_fragment(url: &str, name: &str) -> Option<String> {
    let fragment = url.split_once('#')?.1;
    let member = form_urlencoded::parse(fragment.as_bytes()).find(|(key, _)| key == name);
    member.map(|(_, value)| value.into_owned())
}

/// A member of a URL's query.
fn in_query(url: &str, name: &str) -> Option<String> {
    let query = url.split('#').next()?.split_once('?')?.1;
    let member = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    member.map(|(_, value)| value.into_owned())
}

/// Signs in by a fresh code and gives the session.
fn signed_in_by_mail(app: &TestApp, email: &str) -> Value {
    assert_eq!(post(app, "/otp", &json!({"email": email})).status, 200);
    let answer = verify_code(app, "email", email, &mail(app, email).code());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// A code that is not the right one.
fn wrong(code: &str) -> String {
    code.bytes().map(|digit| char::from(b'0' + (digit - b'0' + 1) % 10)).collect()
}
