//! The scenes: settings, and the requests played under them on both sides.

use serde_json::{Value, json};

use crate::oauth_server;
use crate::step::{Request, Step, delete, get, mail, post, put};

pub struct Scene {
    pub name: &'static str,
    /// GoTrue's settings without its prefix, which are ours.
    pub settings: &'static [(&'static str, &'static str)],
    pub steps: Vec<Step>,
}

const PASSWORD: &str = "correct horse";
const PHONE: &str = "15550001111";
const UNKNOWN: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";

const CONFIRMED: &[(&str, &str)] = &[
    ("MAILER_AUTOCONFIRM", "true"),
    ("EXTERNAL_ANONYMOUS_USERS_ENABLED", "true"),
    ("EXTERNAL_PHONE_ENABLED", "true"),
    ("SMS_AUTOCONFIRM", "true"),
    ("SMTP_MAX_FREQUENCY", "1ns"),
    ("SMS_MAX_FREQUENCY", "1ns"),
    ("MAILER_SECURE_EMAIL_CHANGE_ENABLED", "true"),
    ("SMS_TEST_OTP", "15550001111:123456,15550002222:654321"),
];

const CONFIRMING: &[(&str, &str)] = &[
    ("MAILER_AUTOCONFIRM", "false"),
    ("EXTERNAL_PHONE_ENABLED", "true"),
    ("SMTP_MAX_FREQUENCY", "1ns"),
    ("SMS_MAX_FREQUENCY", "1ns"),
    ("MAILER_SECURE_EMAIL_CHANGE_ENABLED", "true"),
    ("SMS_TEST_OTP", "15550001111:123456,15550002222:654321"),
    ("PASSWORD_MIN_LENGTH", "8"),
    ("PASSWORD_REQUIRED_CHARACTERS", "abcdefghijklmnopqrstuvwxyz:0123456789"),
];

const FREQUENT: &[(&str, &str)] = &[
    ("EXTERNAL_PHONE_ENABLED", "true"),
    ("SMS_TEST_OTP", "15550001111:123456"),
    ("SMTP_MAX_FREQUENCY", "60s"),
    ("SMS_MAX_FREQUENCY", "60s"),
];

const CLOSED: &[(&str, &str)] = &[
    ("DISABLE_SIGNUP", "true"),
    ("EXTERNAL_EMAIL_ENABLED", "false"),
    ("MFA_TOTP_ENROLL_ENABLED", "false"),
    ("MFA_TOTP_VERIFY_ENABLED", "false"),
];

pub fn all() -> Vec<Scene> {
    vec![
        Scene { name: "service", settings: CONFIRMED, steps: service() },
        Scene { name: "sign-up", settings: CONFIRMED, steps: sign_up() },
        Scene { name: "tokens", settings: CONFIRMED, steps: tokens() },
        Scene { name: "account", settings: CONFIRMED, steps: account() },
        Scene { name: "phones", settings: CONFIRMED, steps: phones() },
        Scene { name: "factors", settings: CONFIRMED, steps: factors() },
        Scene { name: "admin", settings: CONFIRMED, steps: admin() },
        Scene { name: "messages", settings: CONFIRMING, steps: messages() },
        Scene { name: "links", settings: CONFIRMING, steps: links() },
        Scene { name: "confirming phones", settings: CONFIRMING, steps: confirming_phones() },
        Scene { name: "frequency", settings: FREQUENT, steps: frequency() },
        Scene { name: "closed", settings: CLOSED, steps: closed() },
        Scene { name: "oauth server", settings: oauth_server::SETTINGS, steps: oauth_server::steps() },
        Scene { name: "oauth server off", settings: CLOSED, steps: oauth_server::off() },
    ]
}

/// Each request twice, in the older format of errors and in the newer.
fn both(requests: Vec<Request>) -> Vec<Step> {
    requests.into_iter().flat_map(|request| [request.clone().into(), request.versioned().into()]).collect()
}

fn steps(requests: Vec<Request>) -> Vec<Step> {
    requests.into_iter().map(Step::from).collect()
}

fn signup(email: &str, name: &str) -> Request {
    post("/signup").json(json!({"email": email, "password": PASSWORD})).keep(name)
}

fn password(body: Value) -> Request {
    post("/token?grant_type=password").json(body)
}

fn verify(body: Value) -> Request {
    post("/verify").json(body)
}

fn service() -> Vec<Step> {
    let mut requests = both(vec![
        get("/health"),
        get("/.well-known/jwks.json"),
        get("/nowhere"),
        post("/nowhere").json(json!({})),
        get("/user"),
        get("/user").with_token("nonsense"),
        get("/user").with_token("a.b.c"),
        put("/user").json(json!({})),
        get("/reauthenticate"),
        post("/logout"),
        post("/factors").json(json!({})),
        delete(&format!("/factors/{UNKNOWN}")),
        get("/admin/users"),
        post("/admin/users").json(json!({})),
        get(&format!("/admin/users/{UNKNOWN}")),
        post("/invite").json(json!({"email": "a@example.com"})),
        post("/admin/generate_link").json(json!({})),
        get("/admin/audit"),
        get("/user").admin(),
        get("/authorize"),
        get("/authorize?provider=nonsense"),
        get("/sso/saml/metadata"),
        post("/sso").json(json!({"domain": "example.com"})),
        post("/sso").json(json!({"provider_id": "nonsense"})),
        post("/sso/saml/acs").json(json!({})),
        post("/token?grant_type=web3").json(json!({"chain": "solana", "message": "x", "signature": "x"})),
        get("/admin/sso/providers"),
        get("/admin/sso/providers").admin(),
        get(&format!("/admin/sso/providers/{UNKNOWN}")).admin(),
        get("/admin/sso/providers/nonsense").admin(),
        put(&format!("/admin/sso/providers/{UNKNOWN}")).json(json!({})).admin(),
        delete(&format!("/admin/sso/providers/{UNKNOWN}")).admin(),
        get("/user/identities/authorize?provider=google"),
    ]);
    for path in [
        "/signup",
        "/otp",
        "/magiclink",
        "/recover",
        "/resend",
        "/verify",
        "/token?grant_type=password",
        "/token?grant_type=refresh_token",
        "/token?grant_type=pkce",
    ] {
        requests.extend(both(vec![post(path).text("nonsense"), post(path).json(json!({}))]));
        requests.extend(steps(vec![post(path).json(json!({"email": 5})), post(path).json(json!([]))]));
    }
    requests.extend(steps(vec![
        post("/token").json(json!({})),
        post("/token?grant_type=nonsense").json(json!({})),
        post("/token?grant_type=web3").json(json!({})),
        signup("user@example.com", "user"),
        get("/admin/users").as_user("user"),
        post("/invite").json(json!({"email": "a@example.com"})).as_user("user"),
        get("/admin/audit").as_user("user"),
    ]));
    requests
}

fn sign_up() -> Vec<Step> {
    let body = |body: Value| post("/signup").json(body);
    let mut requests = steps(vec![
        signup("ann@example.com", "ann"),
        get("/user").as_user("ann"),
        body(json!({"email": "Bob@Example.com", "password": PASSWORD, "data": {"name": "Bob", "n": 1}})),
        body(json!({"data": {"guest": true}})).keep("guest"),
        get("/user").as_user("guest"),
        put("/user").json(json!({"password": "another horse"})).as_user("guest"),
        post("/factors").json(json!({"factor_type": "totp"})).as_user("guest"),
        put("/user").json(json!({"data": {"a": 1}})).as_user("guest"),
        put("/user").json(json!({"email": "guest@example.com"})).as_user("guest"),
        put("/user").json(json!({"password": "another horse"})).as_user("guest"),
        get("/user").as_user("guest"),
    ]);
    requests.extend(both(vec![
        signup("ann@example.com", "again"),
        body(json!({"email": "cat@example.com"})),
        body(json!({"email": "cat@example.com", "password": ""})),
        body(json!({"email": "cat@example.com", "password": "12345"})),
        body(json!({"email": "cat@example.com", "password": "x".repeat(73)})),
        body(json!({"email": "nonsense", "password": PASSWORD})),
        body(json!({"email": "a b@example.com", "password": PASSWORD})),
        body(json!({"email": format!("{}@example.com", "a".repeat(260)), "password": PASSWORD})),
        body(json!({"email": "cat@example.com", "phone": PHONE, "password": PASSWORD})),
        body(json!({"password": PASSWORD})),
        body(json!({"email": "cat@example.com", "password": PASSWORD, "code_challenge": "x"})),
        body(json!({"email": "cat@example.com", "password": PASSWORD, "code_challenge": "x", "code_challenge_method": "plain"})),
        body(json!({"email": "cat@example.com", "password": PASSWORD, "code_challenge": "a".repeat(43), "code_challenge_method": "md5"})),
    ]));
    requests
}

fn tokens() -> Vec<Step> {
    let refresh = |token: &str| post("/token?grant_type=refresh_token").json(json!({"refresh_token": token}));
    let mut requests = steps(vec![
        signup("ann@example.com", "ann"),
        password(json!({"email": "ann@example.com", "password": PASSWORD})).keep("first"),
        password(json!({"email": "ANN@example.com", "password": PASSWORD})).keep("second"),
        refresh("{first/refresh_token}").keep("next"),
        refresh("{first/refresh_token}"),
        get("/user").as_user("next"),
        post("/logout?scope=local").as_user("second"),
        get("/user").as_user("second"),
        refresh("{second/refresh_token}"),
        password(json!({"email": "ann@example.com", "password": PASSWORD})).keep("third"),
        post("/logout?scope=others").as_user("third"),
        get("/user").as_user("first"),
        get("/user").as_user("third"),
        post("/logout?scope=global").as_user("third"),
        get("/user").as_user("third"),
        refresh("{third/refresh_token}"),
    ]);
    requests.extend(both(vec![
        password(json!({"email": "ann@example.com", "password": "wrong"})),
        password(json!({"email": "ann@example.com", "password": ""})),
        password(json!({"email": "ann@example.com"})),
        password(json!({"email": "nobody@example.com", "password": PASSWORD})),
        password(json!({"email": "nonsense", "password": PASSWORD})),
        password(json!({"password": PASSWORD})),
        password(json!({"email": "a@example.com", "phone": PHONE, "password": PASSWORD})),
        password(json!({"phone": "nonsense", "password": PASSWORD})),
        refresh(""),
        refresh("short"),
        refresh("abcdefghijkl"),
        refresh("ABCDEFGHIJKL"),
        refresh("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        post("/token?grant_type=pkce").json(json!({"auth_code": UNKNOWN, "code_verifier": "a".repeat(43)})),
        post("/token?grant_type=pkce")
            .json(json!({"auth_code": "nonsense", "code_verifier": "a".repeat(43)})),
        post("/token?grant_type=pkce").json(json!({"auth_code": UNKNOWN})),
        post("/logout?scope=nonsense").as_user("first"),
    ]));
    requests
}

fn account() -> Vec<Step> {
    let change = |body: Value| put("/user").json(body).as_user("ann");
    let mut requests = steps(vec![
        signup("ann@example.com", "ann"),
        signup("bob@example.com", "bob"),
        change(json!({"data": {"name": "Ann", "nested": {"a": 1}}})),
        change(json!({"data": {"nested": {"b": 2}, "name": null}})),
        change(json!({})),
        change(json!({"email": "ann@example.com"})),
        change(json!({"password": "another horse"})),
        password(json!({"email": "ann@example.com", "password": "another horse"})).keep("ann"),
        password(json!({"email": "ann@example.com", "password": PASSWORD})),
    ]);
    requests.extend(both(vec![
        change(json!({"password": "another horse"})),
        change(json!({"password": "short"})),
        change(json!({"password": "x".repeat(73)})),
        change(json!({"email": "bob@example.com"})),
        change(json!({"email": "nonsense"})),
        change(json!({"phone": "nonsense"})),
        change(json!({"phone": PHONE, "channel": "pigeon"})),
        change(json!({"app_metadata": {"role": "admin"}})),
    ]));
    requests.extend(steps(vec![change(json!({"email": "anna@example.com"})), get("/user").as_user("ann")]));
    requests.push(mail("ann@example.com", "old"));
    requests.push(mail("anna@example.com", "new"));
    requests.extend(steps(vec![
        verify(json!({"type": "email_change", "email": "anna@example.com", "token": "000000"})),
        verify(json!({"type": "email_change", "email": "ann@example.com", "token": "{old}"})),
        verify(json!({"type": "email_change", "email": "anna@example.com", "token": "{new}"})).keep("ann"),
        get("/user").as_user("ann"),
        get("/reauthenticate").as_user("ann"),
    ]));
    requests
}

fn phones() -> Vec<Step> {
    let body = |body: Value| post("/signup").json(body);
    let mut requests = steps(vec![
        body(json!({"phone": "+1 555 0001111", "password": PASSWORD, "data": {"a": 1}})).keep("ann"),
        get("/user").as_user("ann"),
        password(json!({"phone": "+15550001111", "password": PASSWORD})),
        post("/otp").json(json!({"phone": PHONE})),
        verify(json!({"type": "sms", "phone": PHONE, "token": "123456"})).keep("ann"),
        post("/otp").json(json!({"phone": "15550002222"})),
        verify(json!({"type": "sms", "phone": "15550002222", "token": "654321"})),
        signup("cat@example.com", "cat"),
        put("/user").json(json!({"phone": "15550003333"})).as_user("cat"),
        get("/user").as_user("cat"),
        post("/logout").as_user("cat"),
    ]);
    requests.extend(both(vec![
        body(json!({"phone": PHONE, "password": PASSWORD})),
        body(json!({"phone": "nonsense", "password": PASSWORD})),
        body(json!({"phone": "0123", "password": PASSWORD})),
        body(json!({"phone": "15550009999", "password": PASSWORD, "channel": "pigeon"})),
        body(json!({"phone": "15550009999", "password": PASSWORD, "channel": "whatsapp"})),
        body(json!({"phone": "15550009999", "password": PASSWORD, "code_challenge": "a".repeat(43), "code_challenge_method": "s256"})),
        password(json!({"phone": PHONE, "password": "wrong"})),
        put("/user").json(json!({"phone": "15550002222"})).as_user("ann"),
        post("/otp").json(json!({"phone": "nonsense"})),
        post("/otp").json(json!({"phone": "15550008888", "create_user": false})),
        post("/otp").json(json!({"phone": PHONE, "channel": "pigeon"})),
        verify(json!({"type": "sms", "phone": PHONE, "token": "000000"})),
        verify(json!({"type": "sms", "phone": "15550008888", "token": "123456"})),
        verify(json!({"type": "sms", "phone": "nonsense", "token": "123456"})),
        verify(json!({"type": "phone_change", "phone": PHONE, "token": "000000"})),
        verify(json!({"type": "sms", "email": "a@example.com", "token": "123456"})),
        verify(json!({"type": "signup", "phone": PHONE, "token": "123456"})),
        verify(json!({"type": "sms", "token_hash": "x"})),
        post("/resend").json(json!({"type": "sms"})),
        post("/resend").json(json!({"type": "sms", "phone": "nonsense"})),
        post("/resend").json(json!({"type": "sms", "phone": "15550008888"})),
        post("/resend").json(json!({"type": "sms", "phone": PHONE})),
        post("/resend").json(json!({"type": "phone_change", "phone": PHONE})),
    ]));
    requests
}

fn factors() -> Vec<Step> {
    let enroll = |body: Value| post("/factors").json(body).as_user("ann");
    let mut requests = steps(vec![
        signup("ann@example.com", "ann"),
        enroll(json!({"factor_type": "totp", "friendly_name": "one"})).keep("factor"),
        post("/factors/{factor/id}/challenge").json(json!({})).as_user("ann").keep("challenge"),
        get("/user").as_user("ann"),
    ]);
    let answer = |challenge: &str, code: &str| {
        post("/factors/{factor/id}/verify")
            .json(json!({"challenge_id": challenge, "code": code}))
            .as_user("ann")
    };
    requests.extend(both(vec![
        enroll(json!({})),
        enroll(json!({"factor_type": "nonsense"})),
        enroll(json!({"factor_type": "phone"})),
        enroll(json!({"factor_type": "webauthn"})),
        enroll(json!({"factor_type": "totp", "friendly_name": "one"})),
        answer("{challenge/id}", "000000"),
        answer("{challenge/id}", ""),
        answer(UNKNOWN, "000000"),
        answer("nonsense", "000000"),
        post("/factors/nonsense/challenge").json(json!({})).as_user("ann"),
        post(&format!("/factors/{UNKNOWN}/challenge")).json(json!({})).as_user("ann"),
        post(&format!("/factors/{UNKNOWN}/verify"))
            .json(json!({"challenge_id": UNKNOWN, "code": "000000"}))
            .as_user("ann"),
        delete("/factors/nonsense").as_user("ann"),
        delete(&format!("/factors/{UNKNOWN}")).as_user("ann"),
    ]));
    requests.push(Step::Code { secret: "factor/totp/secret".into(), name: "code".into() });
    requests.extend(steps(vec![
        password(json!({"email": "ann@example.com", "password": PASSWORD})).keep("low"),
        answer("{challenge/id}", "{code}").keep("high"),
        get("/user").as_user("high"),
        answer("{challenge/id}", "{code}"),
        get("/user").as_user("low"),
        password(json!({"email": "ann@example.com", "password": PASSWORD})).keep("low"),
        put("/user").json(json!({"password": "another horse"})).as_user("low"),
        put("/user").json(json!({"data": {"a": 1}})).as_user("low"),
        post("/factors").json(json!({"factor_type": "totp", "friendly_name": "two"})).as_user("low"),
        delete("/factors/{factor/id}").as_user("low"),
        post("/factors")
            .json(json!({"factor_type": "totp", "friendly_name": "two"}))
            .as_user("high")
            .keep("two"),
        delete("/factors/{two/id}").as_user("low"),
        get("/admin/users/{ann/user/id}/factors").admin(),
        put("/admin/users/{ann/user/id}/factors/{factor/id}")
            .json(json!({"friendly_name": "renamed"}))
            .admin(),
        delete("/admin/users/{ann/user/id}/factors/{factor/id}").admin(),
        get("/user").as_user("high"),
        get(&format!("/admin/users/{UNKNOWN}/factors")).admin(),
        delete(&format!("/admin/users/{{ann/user/id}}/factors/{UNKNOWN}")).admin(),
    ]));
    requests
}

fn admin() -> Vec<Step> {
    let create = |body: Value| post("/admin/users").json(body).admin();
    let mut requests = steps(vec![
        create(json!({"email": "ann@example.com"})).keep("ann"),
        create(json!({"email": "bob@example.com", "password": PASSWORD, "email_confirm": true, "user_metadata": {"a": 1}, "app_metadata": {"plan": "pro"}})).keep("bob"),
        create(json!({"phone": PHONE, "phone_confirm": true, "password": PASSWORD})).keep("cat"),
        create(json!({"email": "dan@example.com", "phone": "15550002222", "email_confirm": true, "phone_confirm": true})).keep("dan"),
        create(json!({"email": "eve@example.com", "role": "editor", "id": UNKNOWN, "ban_duration": "24h", "email_confirm": true, "password": PASSWORD})).keep("eve"),
        create(json!({"email": "fay@example.com", "password_hash": "$2a$04$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkY8jIucDrjc8deX1s.K"})),
        get("/admin/users/{ann/id}").admin(),
        password(json!({"email": "eve@example.com", "password": PASSWORD})),
        password(json!({"email": "bob@example.com", "password": PASSWORD})).keep("session"),
        put("/admin/users/{ann/id}").json(json!({"email_confirm": true})).admin(),
        put("/admin/users/{ann/id}").json(json!({"user_metadata": {"x": 1}, "app_metadata": {"y": [2]}})).admin(),
        put("/admin/users/{ann/id}").json(json!({"phone": "15550003333", "phone_confirm": true})).admin(),
        put("/admin/users/{ann/id}").json(json!({"email": "anna@example.com", "email_confirm": true})).admin(),
        put("/admin/users/{ann/id}").json(json!({"password": "another horse", "role": "editor"})).admin(),
        password(json!({"email": "anna@example.com", "password": "another horse"})),
        put("/admin/users/{bob/id}").json(json!({"ban_duration": "1h"})).admin(),
        get("/user").as_user("session"),
        put("/admin/users/{bob/id}").json(json!({"ban_duration": "none"})).admin(),
        get("/user").as_user("session"),
        put("/admin/users/{bob/id}").json(json!({})).admin(),
        get("/admin/users?page=1&per_page=2").admin(),
        delete("/admin/users/{cat/id}").json(json!({"should_soft_delete": true})).admin(),
        get("/admin/users/{cat/id}").admin(),
        delete("/admin/users/{dan/id}").admin(),
        get("/admin/users/{dan/id}").admin(),
        delete("/admin/users/{bob/id}").json(json!({})).admin(),
        get("/user").as_user("session"),
        post("/invite").json(json!({"email": "guest@example.com", "data": {"team": "a"}})).admin(),
        post("/invite").json(json!({"email": "guest@example.com"})).admin(),
    ]);
    requests.extend(both(vec![
        create(json!({})),
        create(json!({"email": "anna@example.com"})),
        create(json!({"phone": "15550003333"})),
        create(json!({"email": "nonsense"})),
        create(json!({"phone": "nonsense"})),
        create(json!({"email": "x@example.com", "id": "nonsense"})),
        create(json!({"email": "x@example.com", "id": "00000000-0000-0000-0000-000000000000"})),
        create(json!({"email": "x@example.com", "password": "a", "password_hash": "b"})),
        create(json!({"email": "x@example.com", "ban_duration": "nonsense"})),
        create(json!({"email": "x@example.com", "password": "x".repeat(73)})),
        get("/admin/users/nonsense").admin(),
        get("/admin/users/0f0e0d0c-0b0a-4908-8706-050403020199").admin(),
        put("/admin/users/0f0e0d0c-0b0a-4908-8706-050403020199").json(json!({})).admin(),
        delete("/admin/users/0f0e0d0c-0b0a-4908-8706-050403020199").admin(),
        put("/admin/users/{ann/id}").json(json!({"email": "nonsense"})).admin(),
        put("/admin/users/{ann/id}").json(json!({"ban_duration": "nonsense"})).admin(),
        put("/admin/users/{ann/id}").json(json!({"password": "short"})).admin(),
        put("/admin/users/{ann/id}").json(json!({"email": "eve@example.com"})).admin(),
        put("/admin/users/{ann/id}").text("nonsense").admin(),
        get("/admin/users?page=0&per_page=1").admin(),
        get("/admin/users?page=-1").admin(),
        get("/admin/users?per_page=nonsense").admin(),
        get("/admin/users?sort=nonsense").admin(),
        post("/invite").json(json!({})).admin(),
        post("/invite").json(json!({"email": "nonsense"})).admin(),
        post("/invite").json(json!({"email": "anna@example.com"})).admin(),
        post("/admin/generate_link").json(json!({})).admin(),
        post("/admin/generate_link").json(json!({"type": "nonsense", "email": "anna@example.com"})).admin(),
        post("/admin/generate_link").json(json!({"type": "recovery", "email": "nobody@example.com"})).admin(),
        post("/admin/generate_link").json(json!({"type": "signup", "email": "new@example.com"})).admin(),
        post("/admin/generate_link").json(json!({"type": "invite", "email": "anna@example.com"})).admin(),
        post("/admin/generate_link")
            .json(json!({"type": "signup", "email": "anna@example.com", "password": PASSWORD}))
            .admin(),
    ]));
    requests
}

fn messages() -> Vec<Step> {
    let body = |body: Value| post("/signup").json(body);
    let good = "horse 1 correct";
    let mut requests = steps(vec![
        body(json!({"email": "ann@example.com", "password": good, "data": {"a": 1}})),
        password(json!({"email": "ann@example.com", "password": good})),
        body(json!({"email": "ann@example.com", "password": good})),
        post("/resend").json(json!({"type": "signup", "email": "ann@example.com"})),
    ]);
    requests.push(mail("ann@example.com", "code"));
    requests.extend(both(vec![
        verify(json!({"type": "signup", "email": "ann@example.com", "token": "000000"})),
        verify(json!({"type": "signup", "email": "nobody@example.com", "token": "000000"})),
        verify(json!({"type": "nonsense", "email": "ann@example.com", "token": "000000"})),
        verify(json!({"type": "signup", "email": "nonsense", "token": "000000"})),
        verify(json!({"type": "signup", "token": "000000"})),
        verify(json!({"type": "signup", "token_hash": "nonsense"})),
        verify(json!({"type": "nonsense", "token_hash": "nonsense"})),
        verify(json!({"type": "signup", "token": "1", "token_hash": "1"})),
        verify(json!({"type": "signup", "token_hash": "1", "email": "a@example.com"})),
        verify(json!({"email": "ann@example.com", "token": "1"})),
        body(json!({"email": "weak@example.com", "password": "short"})),
        body(json!({"email": "weak@example.com", "password": "long enough"})),
    ]));
    requests.extend(steps(vec![
        verify(json!({"type": "signup", "email": "ann@example.com", "token": "{code}"})).keep("ann"),
        verify(json!({"type": "signup", "email": "ann@example.com", "token": "{code}"})),
        get("/user").as_user("ann"),
        body(json!({"email": "ann@example.com", "password": good, "data": {"b": 2}})),
        post("/resend").json(json!({"type": "signup", "email": "ann@example.com"})),
        post("/resend").json(json!({"type": "signup", "email": "nobody@example.com"})),
        post("/resend").json(json!({"type": "email_change", "email": "ann@example.com"})),
        post("/recover").json(json!({"email": "nobody@example.com"})),
        post("/recover").json(json!({"email": "ann@example.com"})),
    ]));
    requests.push(mail("ann@example.com", "recovery"));
    requests.extend(steps(vec![
        verify(json!({"type": "recovery", "email": "ann@example.com", "token": "{recovery}"})),
        post("/otp").json(json!({"email": "ann@example.com"})),
    ]));
    requests.push(mail("ann@example.com", "otp"));
    requests.extend(steps(vec![
        verify(json!({"type": "email", "email": "ann@example.com", "token": "{otp}"})),
        post("/magiclink").json(json!({"email": "ann@example.com"})),
    ]));
    requests.push(mail("ann@example.com", "magic"));
    requests.extend(steps(vec![
        verify(json!({"type": "magiclink", "email": "ann@example.com", "token": "{magic}"})).keep("ann"),
        post("/otp").json(json!({"email": "new@example.com", "data": {"c": 3}})),
    ]));
    requests.push(mail("new@example.com", "new"));
    requests.extend(steps(vec![
        verify(json!({"type": "email", "email": "new@example.com", "token": "{new}"})),
        put("/user").json(json!({"email": "anna@example.com"})).as_user("ann"),
    ]));
    requests.push(mail("ann@example.com", "old"));
    requests.push(mail("anna@example.com", "change"));
    requests.extend(steps(vec![
        verify(json!({"type": "email_change", "email": "anna@example.com", "token": "{change}"})),
        verify(json!({"type": "email_change", "email": "ann@example.com", "token": "{old}"})),
        get("/user").as_user("ann"),
    ]));
    requests.extend(both(vec![
        post("/otp").json(json!({"email": "unknown@example.com", "create_user": false})),
        post("/otp").json(json!({"email": "nonsense", "create_user": false})),
        post("/otp").json(json!({"email": "a@example.com", "phone": PHONE})),
        post("/otp").json(json!({"email": "a@example.com", "channel": "sms"})),
        post("/otp").json(json!({"email": "a@example.com", "code_challenge": "x"})),
        post("/magiclink").json(json!({"email": "nonsense"})),
        post("/recover").json(json!({"email": "nonsense"})),
        post("/recover")
            .json(json!({"email": "a@example.com", "code_challenge": "x", "code_challenge_method": "s256"})),
        post("/resend").json(json!({"type": "nonsense", "email": "a@example.com"})),
        post("/resend").json(json!({"type": "signup"})),
        post("/resend").json(json!({"type": "email_change"})),
        post("/resend").json(json!({"type": "signup", "email": "a@example.com", "phone": PHONE})),
        post("/resend").json(json!({"type": "signup", "email": "nonsense"})),
        put("/user").json(json!({"email": "new@example.com"})).as_user("ann"),
    ]));
    requests
}

fn links() -> Vec<Step> {
    let link = |body: Value, name: &str| post("/admin/generate_link").json(body).admin().keep(name);
    let mut requests = steps(vec![
        link(json!({"type": "signup", "email": "ann@example.com", "password": "horse 1 correct"}), "signup"),
        get("/verify?type=signup&token=nonsense"),
        get("/verify?type=signup&token={signup/hashed_token}&redirect_to=http://127.0.0.1:3000/welcome?a=1"),
        get("/verify?type=signup&token={signup/hashed_token}"),
        link(json!({"type": "magiclink", "email": "ann@example.com"}), "magic"),
        verify(json!({"type": "magiclink", "token_hash": "{magic/hashed_token}"})).keep("ann"),
        verify(json!({"type": "magiclink", "token_hash": "{magic/hashed_token}"})),
        link(
            json!({"type": "recovery", "email": "ann@example.com", "redirect_to": "http://127.0.0.1:3000/reset"}),
            "recovery",
        ),
        verify(json!({"type": "recovery", "email": "ann@example.com", "token": "{recovery/email_otp}"})),
        link(json!({"type": "invite", "email": "bob@example.com", "data": {"team": "a"}}), "invite"),
        get("/verify?type=invite&token={invite/hashed_token}&redirect_to=https://evil.example/"),
        link(json!({"type": "magiclink", "email": "cat@example.com"}), "unknown"),
        verify(json!({"type": "signup", "token_hash": "{unknown/hashed_token}"})),
        link(
            json!({"type": "email_change_new", "email": "ann@example.com", "new_email": "anna@example.com"}),
            "new",
        ),
        link(
            json!({"type": "email_change_current", "email": "ann@example.com", "new_email": "anna@example.com"}),
            "current",
        ),
        link(
            json!({"type": "email_change_new", "email": "ann@example.com", "new_email": "bob@example.com"}),
            "taken",
        ),
    ]);
    requests.extend(both(vec![
        get("/verify"),
        get("/verify?type=signup"),
        get("/verify?token=x"),
        get("/verify?type=nonsense&token=x"),
        get("/verify?type=sms&token=x"),
        get("/verify?type=recovery&token=pkce_x"),
        get("/verify?type=recovery&token=x&redirect_to=http://127.0.0.1:3000/a%3Fb%3D1"),
        link(json!({"type": "email_change_new", "email": "ann@example.com"}), "bad"),
        link(json!({"type": "email_change_new", "email": "ann@example.com", "new_email": "nonsense"}), "bad"),
    ]));
    requests
}

fn confirming_phones() -> Vec<Step> {
    steps(vec![
        post("/signup").json(json!({"phone": PHONE, "password": "horse 1 correct"})),
        password(json!({"phone": PHONE, "password": "horse 1 correct"})),
        post("/signup").json(json!({"phone": PHONE, "password": "horse 1 correct"})),
        post("/resend").json(json!({"type": "sms", "phone": PHONE})),
        verify(json!({"type": "sms", "phone": PHONE, "token": "000000"})),
        verify(json!({"type": "sms", "phone": PHONE, "token": "123456"})).keep("ann"),
        get("/user").as_user("ann"),
        post("/signup").json(json!({"phone": PHONE, "password": "horse 1 correct", "data": {"b": 2}})),
        get("/reauthenticate").as_user("ann"),
        put("/user").json(json!({"phone": "15550002222"})).as_user("ann"),
        get("/user").as_user("ann"),
        post("/resend").json(json!({"type": "phone_change", "phone": PHONE})),
        verify(json!({"type": "phone_change", "phone": "15550002222", "token": "000000"})),
        verify(json!({"type": "phone_change", "phone": "15550002222", "token": "654321"})).keep("ann"),
        get("/user").as_user("ann"),
        post("/otp").json(json!({"phone": "15550002222", "create_user": false})),
        post("/otp").json(json!({"phone": PHONE, "data": {"c": 1}})),
        verify(json!({"type": "sms", "phone": PHONE, "token": "123456"})),
        post("/logout").as_user("ann"),
    ])
}

fn frequency() -> Vec<Step> {
    let mut requests = both(vec![
        post("/signup").json(json!({"email": "ann@example.com", "password": PASSWORD})),
        post("/recover").json(json!({"email": "ann@example.com"})),
        post("/otp").json(json!({"email": "new@example.com"})),
        post("/magiclink").json(json!({"email": "ann@example.com"})),
        post("/otp").json(json!({"phone": PHONE})),
        post("/resend").json(json!({"type": "signup", "email": "ann@example.com"})),
        post("/resend").json(json!({"type": "sms", "phone": PHONE})),
    ]);
    requests.extend(steps(vec![post("/otp").json(json!({"phone": PHONE}))]));
    requests
}

fn closed() -> Vec<Step> {
    both(vec![
        get("/settings"),
        post("/signup").json(json!({"email": "ann@example.com", "password": PASSWORD})),
        post("/signup").json(json!({})),
        post("/signup").json(json!({"phone": PHONE, "password": PASSWORD})),
        password(json!({"email": "ann@example.com", "password": PASSWORD})),
        password(json!({"phone": PHONE, "password": PASSWORD})),
        post("/otp").json(json!({"email": "ann@example.com"})),
        post("/otp").json(json!({"phone": PHONE})),
        post("/otp").json(json!({"phone": PHONE, "create_user": false})),
        post("/magiclink").json(json!({"email": "ann@example.com"})),
        post("/recover").json(json!({"email": "ann@example.com"})),
        post("/resend").json(json!({"type": "signup", "email": "ann@example.com"})),
        post("/resend").json(json!({"type": "sms", "phone": PHONE})),
        post("/token?grant_type=web3").json(json!({"chain": "solana"})),
        verify(json!({"type": "sms", "phone": PHONE, "token": "1"})),
    ])
}
