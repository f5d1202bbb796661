//! Plays cases: an app for each configuration, all on the same fixtures.

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;

use crate::app::{Answer, TestApp};
use crate::compare::{self, Finding};
use crate::fixtures::{self, Refusal};
use crate::settings::{self, End};
use crate::specs::{Case, Specs, Step};

pub struct World {
    secret: String,
    /// As it is before every case.
    base: TestApp,
    apps: BTreeMap<String, TestApp>,
    refusals: Vec<Refusal>,
}

/// What came of one request.
pub struct Outcome {
    pub answer: Answer,
    pub findings: Vec<Finding>,
}

/// Cases that are not played: part of the name, and why.
const LEFT_OUT: &[(&str, &str)] = &[("temp_file_limit", "a query of a billion rows, which D1 would stop")];

/// What came of a case.
pub enum Played {
    Outcomes(Vec<Outcome>),
    /// It needs what there is no setting for.
    NoSetting(String),
}

impl World {
    pub fn new(specs: &Specs) -> Self {
        let base = TestApp::with_vars(&[("EXPOSED_SCHEMAS", "public")]);
        let refusals = fixtures::load(&base, &specs.fixtures);
        Self { secret: specs.secret.clone(), base, apps: BTreeMap::new(), refusals }
    }

    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    pub fn play(&mut self, case: &Case) -> Played {
        if let Some((_, why)) = LEFT_OUT.iter().find(|(name, _)| case.name.contains(name)) {
            return Played::NoSetting((*why).to_string());
        }
        let (vars, end) = match settings::vars(case, &self.secret) {
            Ok(found) => found,
            Err(why) => return Played::NoSetting(why),
        };
        let key = format!("{vars:?}");
        let app = self.apps.entry(key).or_insert_with(|| {
            let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (&**name, &**value)).collect();
            TestApp::with_vars(&vars)
        });
        app.database.restore(&self.base.database);
        let mut outcomes = Vec::new();
        for step in &case.steps {
            let before = app.database.rows_written();
            let answer = send(app, step);
            let findings = compare::findings(step, &answer);
            outcomes.push(Outcome { answer, findings });
            let stays = end == End::Product || step.asks_for("tx=commit");
            if !stays && app.database.rows_written() != before {
                app.database.restore(&self.base.database);
            }
        }
        Played::Outcomes(outcomes)
    }
}

fn send(app: &TestApp, step: &Step) -> Answer {
    let method = Method::from_bytes(step.method.as_bytes()).unwrap();
    let mut call = app.nobody().call(method, &format!("/rest/v1{}", step.path));
    call = call.header("apikey", &app.token(&json!({"role": "anon"})));
    for (name, value) in &step.headers {
        // hspec sends such headers too; no client can.
        if http::HeaderValue::from_str(value).is_ok() {
            call = call.header(name, value);
        }
    }
    if let Some(body) = step.sent() {
        call = call.body(body);
    }
    call.send()
}
