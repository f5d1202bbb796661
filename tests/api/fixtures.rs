//! Realistic projects (`tests/fixtures/schemas`): their migrations apply unedited, and everyone sees and changes what
//! their policies say. The differential tests ask the same of a real PostgreSQL.

use std::collections::BTreeMap;

use edgeward::ports::Clock;
use http::Method;
use serde_json::{Map, Value, json};

use crate::app::{Actor, Answer, TestApp};
use crate::scenario::{Expected, Fixture, Request, Scenario, Step, filled};

#[test]
fn realistic_projects_apply_and_decide_as_in_postgres() {
    let names = Fixture::names();
    assert!(!names.is_empty());
    let failures: Vec<String> = names.iter().filter_map(|name| run(name).err()).collect();
    assert!(
        failures.is_empty(),
        "{} of {} projects\n\n{}",
        failures.len(),
        names.len(),
        failures.join("\n\n")
    );
}

/// Applies a project and goes through its scenario: everything that is not as it should be.
fn run(name: &str) -> Result<(), String> {
    let fixture = Fixture::load(name);
    let app = TestApp::new();
    for (version, title, sql) in &fixture.migrations {
        let body = json!({"version": version, "name": title, "sql": sql});
        let answer = app.service_role().post("/admin/v1/migrations").json(&body).send();
        applied(&answer, &format!("{name}/migrations/{version}_{title}.sql"))?;
    }
    if let Some(seed) = &fixture.seed {
        let answer = app.service_role().post("/admin/v1/query").json(&json!({"sql": seed})).send();
        applied(&answer, &format!("{name}/seed.sql"))?;
    }
    let scenario = fixture.scenario();
    let cast = Cast::sign_up(&app, &scenario);
    let wrong = |step| cast.play(step).err().map(|why| format!("{name}/scenario.txt:{}: {why}", step.line));
    let wrong: Vec<String> = scenario.steps.iter().filter_map(wrong).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{name}: {} of {} steps:\n{}", wrong.len(), scenario.steps.len(), wrong.join("\n")))
}

fn applied(answer: &Answer, file: &str) -> Result<(), String> {
    if answer.status.is_success() { Ok(()) } else { Err(format!("{file}: {}", answer.text())) }
}

/// Everyone, signed in.
struct Cast<'a> {
    app: &'a TestApp,
    ids: BTreeMap<String, String>,
    tokens: BTreeMap<String, String>,
}

impl<'a> Cast<'a> {
    fn sign_up(app: &'a TestApp, scenario: &Scenario) -> Self {
        let (mut ids, mut tokens) = (BTreeMap::new(), BTreeMap::new());
        for user in &scenario.users {
            let body = json!({"email": format!("{}@example.com", user.name), "password": "correct horse", "data": user.metadata});
            let answer = app.anon().post("/auth/v1/signup").json(&body).send();
            assert!(answer.status.is_success(), "{} signs up: {}", user.name, answer.text());
            let text = |value: &Value| value.as_str().unwrap().to_string();
            ids.insert(user.name.clone(), text(&answer.json()["user"]["id"]));
            tokens.insert(user.name.clone(), text(&answer.json()["access_token"]));
        }
        for token in &scenario.tokens {
            let expires = app.clock.now().seconds() + 3600;
            let mut claims = json!({
                "role": "authenticated", "aud": "authenticated", "sub": ids[&token.user], "exp": expires,
                "email": format!("{}@example.com", token.user),
            });
            claims.as_object_mut().unwrap().extend(token.claims.as_object().cloned().unwrap_or_default());
            tokens.insert(token.name.clone(), app.token(&claims));
        }
        Self { app, ids, tokens }
    }

    fn actor(&self, name: &str) -> Actor<'a> {
        match name {
            "anon" => self.app.anon(),
            "service" | "owner" => self.app.service_role(),
            name => self.app.with_token(&self.tokens[name]),
        }
    }

    fn play(&self, step: &Step) -> Result<(), String> {
        let answer = self.answer(step);
        let expected = step.expected.with(&self.ids);
        let told = || {
            format!(
                "{} {:?}\n    expected {expected:?}\n    answered {} {}",
                step.actor,
                step.request,
                answer.status,
                answer.text()
            )
        };
        if matches!(&expected, Expected::Error(_) | Expected::Refused) {
            let code = error_code(&answer);
            let same = match &expected {
                Expected::Error(expected) => code.as_deref() == Some(expected),
                _ => !answer.status.is_success(),
            };
            return if same { Ok(()) } else { Err(told()) };
        }
        if !answer.status.is_success() {
            return Err(told());
        }
        let same = match &expected {
            Expected::Rows(rows) if matches!(step.request, Request::Sql) => answer.json()["rows"] == *rows,
            Expected::Rows(body) | Expected::Row(body) | Expected::Value(body) => answer.json() == *body,
            Expected::Names(names) => {
                let listed = answer.json();
                let listed: Vec<&Value> =
                    listed.as_array().unwrap().iter().map(|object| &object["name"]).collect();
                json!(listed) == *names
            }
            Expected::Success | Expected::Error(_) | Expected::Refused => true,
        };
        if same { Ok(()) } else { Err(told()) }
    }

    fn answer(&self, step: &Step) -> Answer {
        let actor = self.actor(&step.actor);
        let Request::Http { method, target, body } = &step.request else {
            let sql = filled(&step.sql, &self.ids);
            return actor.post("/admin/v1/query").json(&json!({"sql": sql})).send();
        };
        let (target, body) = (filled(target, &self.ids), filled(body, &self.ids));
        let is_other_api = ["/storage/v1", "/auth/v1"].iter().any(|api| target.starts_with(api));
        let target = if is_other_api { target } else { format!("/rest/v1{target}") };
        let target = target.replace(' ', "%20").replace("+00", "%2B00");
        let call = actor.call(method.parse::<Method>().unwrap(), &target);
        let call = match &step.expected {
            Expected::Rows(_) | Expected::Error(_) if method != "GET" && target.contains("select=") => {
                call.header("prefer", "return=representation")
            }
            _ => call,
        };
        let is_upload =
            target.starts_with("/storage/v1/object/") && !target.contains("/list/") && !body.is_empty();
        if is_upload {
            let mime = if target.ends_with(".png") { "image/png" } else { "text/plain" };
            return call.header("content-type", mime).body(body).send();
        }
        if body.is_empty() {
            return call.send();
        }
        call.header("content-type", "application/json").body(body).send()
    }
}

/// The code of an error; the Storage API's 403 is Postgres' 42501.
fn error_code(answer: &Answer) -> Option<String> {
    if answer.status.is_success() {
        return None;
    }
    let body: Map<String, Value> = serde_json::from_slice(&answer.body).ok()?;
    if body.get("statusCode").is_some_and(|status| status == "403") {
        return Some("42501".to_string());
    }
    body.get("code")?.as_str().map(ToString::to_string)
}
