//! Random sequences: a few people who sign up, in, out, change and lose things in any order.

use serde_json::json;

use crate::step::{Step, delete, get, mail, post, put};

/// How many sequences are played, each with its own seed.
pub const SEQUENCES: u64 = 12;

/// Requests in one.
const LENGTH: usize = 30;

pub const SETTINGS: &[(&str, &str)] = &[
    ("MAILER_AUTOCONFIRM", "false"),
    ("EXTERNAL_ANONYMOUS_USERS_ENABLED", "true"),
    ("EXTERNAL_PHONE_ENABLED", "true"),
    ("SMTP_MAX_FREQUENCY", "1ns"),
    ("SMS_MAX_FREQUENCY", "1ns"),
    ("SMS_TEST_OTP", "15550001111:123456,15550002222:654321"),
    ("MAILER_SECURE_EMAIL_CHANGE_ENABLED", "true"),
];

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

pub fn sequence(seed: u64) -> Vec<Step> {
    let mut chance = Chance(seed);
    (0..LENGTH).flat_map(|_| act(&mut chance)).collect()
}

fn act(chance: &mut Chance) -> Vec<Step> {
    let who = chance.one(&["ann", "bob"]);
    let email = format!("{}@example.com", chance.one(&["ann", "bob", "cat"]));
    let phone = chance.one(&["15550001111", "15550002222"]);
    let password = chance.one(&["correct horse", "another horse"]);
    match chance.below(16) {
        0 | 1 => vec![post("/signup").json(json!({"email": email, "password": password})).into()],
        2 | 3 => vec![
            mail(&email, "code"),
            post("/verify").json(json!({"type": chance.one(&["signup", "email", "recovery", "magiclink"]), "email": email, "token": "{code}"})).keep(who).into(),
        ],
        4 | 5 => vec![post("/token?grant_type=password").json(json!({"email": email, "password": password})).keep(who).into()],
        6 => vec![post("/token?grant_type=refresh_token").json(json!({"refresh_token": format!("{{{who}/refresh_token}}")})).keep(who).into()],
        7 => vec![get("/user").as_user(who).into()],
        8 => vec![put("/user").json(json!({"password": password, "data": {"n": chance.below(3)}})).as_user(who).into()],
        9 => vec![post(chance.one(&["/otp", "/recover", "/magiclink"])).json(json!({"email": email})).into()],
        10 => vec![post(&format!("/logout?scope={}", chance.one(&["local", "global", "others"]))).as_user(who).into()],
        11 => vec![
            post("/otp").json(json!({"phone": phone})).into(),
            post("/verify").json(json!({"type": "sms", "phone": phone, "token": chance.one(&["123456", "654321"])})).keep(who).into(),
        ],
        12 => vec![put("/user").json(json!({"email": email})).as_user(who).into()],
        13 => vec![
            mail(&email, "code"),
            post("/verify").json(json!({"type": "email_change", "email": email, "token": "{code}"})).keep(who).into(),
        ],
        14 => vec![put(&format!("/admin/users/{{{who}/user/id}}")).json(json!({"ban_duration": chance.one(&["none", "none", "1h"])})).admin().into()],
        _ => vec![delete(&format!("/admin/users/{{{who}/user/id}}")).admin().into()],
    }
}
