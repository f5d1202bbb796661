//! Plays scenes on both sides and compares what is answered.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::accepted;
use crate::answer::Answer;
use crate::chance;
use crate::ours::Ours;
use crate::scenes::Scene;
use crate::step::{Request, Step, Who};
use crate::theirs::{Server, Theirs};

/// What came of a scene.
#[derive(Default)]
pub struct Outcome {
    pub scene: String,
    pub requests: usize,
    pub differences: Vec<Difference>,
}

pub struct Difference {
    pub request: String,
    pub ours: Value,
    pub theirs: Value,
}

#[derive(Default)]
pub struct Report {
    outcomes: Vec<Outcome>,
}

impl Report {
    pub fn add(&mut self, outcome: Outcome) {
        eprintln!("{}: {} requests, {} differ", outcome.scene, outcome.requests, outcome.differences.len());
        self.outcomes.push(outcome);
    }

    /// Prints all differences with their reasons; 1 if one has none.
    pub fn print(&self) -> i32 {
        let requests: usize = self.outcomes.iter().map(|outcome| outcome.requests).sum();
        let mut reasons: HashMap<&str, usize> = HashMap::new();
        let mut unexplained = 0;
        for outcome in &self.outcomes {
            for difference in &outcome.differences {
                match accepted::reason(difference) {
                    Some(reason) => *reasons.entry(reason).or_default() += 1,
                    None => {
                        unexplained += 1;
                        println!("\n[{}] {}", outcome.scene, difference.request);
                        println!("  GoTrue:   {}", difference.theirs);
                        println!("  Edgeward: {}", difference.ours);
                    }
                }
            }
        }
        println!("\n{requests} requests were answered by both.");
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons.sort();
        for (reason, count) in reasons {
            println!("  {count:>4} differ on purpose: {reason}");
        }
        println!("  {unexplained:>4} differ without a reason");
        i32::from(unexplained > 0)
    }
}

/// Plays a scene as it is written.
pub fn scripted(server: &mut Server, scene: &Scene) -> Outcome {
    let mut stage = Stage::new(server, scene.settings);
    for step in &scene.steps {
        stage.play(step);
    }
    stage.outcome(scene.name)
}

/// Plays a random sequence.
pub fn random(server: &mut Server, seed: u64) -> Outcome {
    let mut stage = Stage::new(server, chance::SETTINGS);
    for step in chance::sequence(seed) {
        stage.play(&step);
    }
    stage.outcome(&format!("random {seed}"))
}

/// Both sides, and what each has answered so far.
struct Stage {
    ours: Ours,
    theirs: Theirs,
    kept: [HashMap<String, Value>; 2],
    requests: usize,
    differences: Vec<Difference>,
}

impl Stage {
    fn new(server: &mut Server, settings: &[(&str, &str)]) -> Self {
        Self {
            ours: Ours::new(settings),
            theirs: server.with(settings),
            kept: Default::default(),
            requests: 0,
            differences: Vec::new(),
        }
    }

    fn outcome(self, scene: &str) -> Outcome {
        Outcome { scene: scene.to_string(), requests: self.requests, differences: self.differences }
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Mail { to, name } => {
                let codes = [self.ours.code(to), self.theirs.code(to)];
                for (kept, code) in self.kept.iter_mut().zip(codes) {
                    kept.insert(name.clone(), json!(code.unwrap_or_default()));
                }
            }
            Step::Code { secret, name } => {
                let times = [self.ours.app.app.now().seconds(), now()];
                for (kept, at) in self.kept.iter_mut().zip(times) {
                    let secret = fill(&format!("{{{secret}}}"), kept);
                    kept.insert(name.clone(), json!(totp(&secret, at)));
                }
            }
            Step::Send(request) => self.send(request),
        }
    }

    fn send(&mut self, request: &Request) {
        let ours = self.ask(0, request);
        let theirs = self.ask(1, request);
        self.requests += 1;
        let (left, right) = (ours.comparable(), theirs.comparable());
        if left != right {
            self.differences.push(Difference { request: request.title(), ours: left, theirs: right });
        }
        if let Some(name) = &request.keep {
            for (kept, answer) in self.kept.iter_mut().zip([&ours, &theirs]) {
                kept.insert(name.clone(), answer.to_keep());
            }
        }
    }

    fn ask(&self, side: usize, request: &Request) -> Answer {
        let kept = &self.kept[side];
        let path = fill(&request.path, kept);
        let body = request.body.as_deref().map(|body| fill(body, kept));
        let token = match &request.who {
            Who::Nobody => None,
            Who::Admin => Some(self.ours.app.token(&json!({"role": "service_role", "iss": "supabase-demo"}))),
            Who::User(name) => Some(fill(&format!("{{{name}/access_token}}"), kept)),
            Who::Token(token) => Some(fill(token, kept)),
        };
        let mut headers: Vec<(&str, &str)> =
            request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if request.versioned {
            headers.push(("X-Supabase-Api-Version", "2024-01-01"));
        }
        let (method, body, token) = (request.method, body.as_deref(), token.as_deref());
        if side == 0 {
            self.ours.send(method, &path, body, token, &headers)
        } else {
            self.theirs.send(method, &path, body, token, &headers)
        }
    }
}

/// `{ann/user/id}` → what the answer kept as `ann` has there.
fn fill(text: &str, kept: &HashMap<String, Value>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let (before, after) = rest.split_at(start);
        filled.push_str(before);
        let inner = after[1..].split('}').next().unwrap_or_default();
        let is_name = !inner.is_empty()
            && inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_/".contains(&byte));
        if !is_name || !after.contains('}') {
            filled.push('{');
            rest = &after[1..];
            continue;
        }
        let (name, pointer) =
            inner.split_once('/').map_or((inner, String::new()), |(name, rest)| (name, format!("/{rest}")));
        let value = kept.get(name).and_then(|value| value.pointer(&pointer)).cloned().unwrap_or_default();
        filled.push_str(value.as_str().unwrap_or_default());
        rest = &after[inner.len() + 2..];
    }
    filled + rest
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// RFC 6238, told apart from the product's own.
fn totp(secret: &str, seconds: i64) -> String {
    use hmac::{Hmac, Mac};
    let Some(key) = base32::decode(base32::Alphabet::Rfc4648 { padding: false }, secret) else {
        return String::new();
    };
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
    mac.update(&(seconds / 30).to_be_bytes());
    let mac = mac.finalize().into_bytes();
    let at = usize::from(mac[19] & 15);
    let word = u32::from_be_bytes(mac[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}
