//! How long sign-ins that fail take: for somebody unknown, with a wrong password, and without a password at all. The real
//! hash, the real router, SQLite; printed as distributions, and refused if they tell the three apart.
//!
//!     npm run test:timing
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, dead_code)]

#[path = "../api/app.rs"]
mod app;
#[path = "../api/double/mod.rs"]
mod double;

use std::rc::Rc;
use std::time::Instant;

use async_trait::async_trait;
use edgeward::crypto::password;
use edgeward::ports::{Hasher, PortError, ToBcrypt};
use serde_json::json;

use app::TestApp;

/// Tries of each.
const TRIES: usize = 200;

/// Argon2id at its real cost, here instead of in a Durable Object.
struct RealHasher;

#[async_trait(?Send)]
impl Hasher for RealHasher {
    async fn hash(&self, text: &str) -> Result<String, PortError> {
        password::hash(text, &[7; password::SALT_LENGTH])
    }

    async fn bcrypt(&self, passwords: &[ToBcrypt]) -> Result<Vec<String>, PortError> {
        passwords.iter().map(|wanted| password::bcrypt(wanted, [7; password::SALT_LENGTH])).collect()
    }

    async fn verify(&self, text: &str, hash: &str) -> Result<bool, PortError> {
        password::verify(text, hash)
    }
}

fn main() {
    let app = TestApp::with_hasher(&[("SIGN_IN_LOCKOUT", "true"), ("AUDIT_LOG", "off")], Rc::new(RealHasher));
    for body in [
        json!({"email": "ann@example.com", "password": "correct horse", "email_confirm": true}),
        json!({"email": "bob@example.com", "email_confirm": true}),
    ] {
        assert_eq!(app.service_role().post("/auth/v1/admin/users").json(&body).send().status, 200);
    }
    let kinds = [
        ("unknown user", "nobody@example.com"),
        ("wrong password", "ann@example.com"),
        ("no password", "bob@example.com"),
    ];
    let mut times = vec![Vec::new(); kinds.len()];
    // Interleaved, so that whatever else the machine does falls on all of them.
    for _ in 0..TRIES {
        for ((_, email), times) in kinds.iter().zip(&mut times) {
            app.clock.advance(3600);
            let body = json!({"email": email, "password": "wrong horse"});
            let call = app.anon().post("/auth/v1/token?grant_type=password").json(&body);
            let began = Instant::now();
            let answer = call.send();
            times.push(began.elapsed().as_micros() as f64 / 1000.0);
            assert_eq!(answer.status, 400, "{}", answer.text());
        }
    }
    println!("{TRIES} failed sign-ins each, milliseconds");
    println!("{:<16} {:>8} {:>8} {:>8} {:>8} {:>8}", "", "p5", "p25", "median", "p75", "p95");
    for ((name, _), times) in kinds.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times[(TRIES - 1) * share / 100];
        println!("{name:<16} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2}", at(5), at(25), at(50), at(75), at(95));
    }
    let median = |times: &[f64]| times[TRIES / 2];
    let noise = times.iter().map(|times| times[TRIES * 3 / 4] - times[TRIES / 4]).fold(0.0, f64::max);
    let medians: Vec<f64> = times.iter().map(|times| median(times)).collect();
    let apart =
        medians.iter().copied().fold(f64::MIN, f64::max) - medians.iter().copied().fold(f64::MAX, f64::min);
    println!("the medians are {apart:.2} ms apart, half of the tries lie within {noise:.2} ms");
    assert!(apart <= noise.max(0.5), "the three can be told apart");
}
