//! The flows that are struck by faults: what stands before, the request, and how to tell that it did what it is for.

use serde_json::{Value, json};

use super::authenticator::{code_at, enroll, enrolled, verified};
use super::hooks::with_claims;
use super::id_tokens::{GOOGLE, google_token, publish, rsa};
use super::identities::{identity_id, off_to_github};
use super::provider_sign_in::{
    CHALLENGE, GITHUB, VERIFIER, come_back, depart, github_answers, location, member, query,
};
use super::security_key::SecurityKey;
use super::{PASSWORD, refresh, session_id, sign_in, signed_in, text};
use crate::app::{Answer, TestApp};

/// One of them.
pub struct Flow {
    pub name: &'static str,
    /// Settings besides [`ON`].
    vars: &'static [(&'static str, &'static str)],
    /// Makes what stands before.
    pub prepare: fn(&TestApp) -> Value,
    /// The request, and what other servers will answer. It is sent again as it is.
    pub run: fn(&TestApp, &Value) -> Answer,
    /// Is 1 or more once it did what it is for.
    done: &'static str,
    /// Codes of right errors besides `unexpected_failure`.
    pub errors: &'static [&'static str],
    /// What a repeated request may hear that was done already: an effect that cannot be had twice.
    pub refusals: &'static [&'static str],
    /// What whoever heard that does: sign in, or ask for another code and use that.
    pub anew: fn(&TestApp, &Value) -> Answer,
    /// It uses up what it was given before it asks anyone, so that nothing can be answered twice.
    pub is_used_up_first: bool,
}

const PHONE: &str = "491511234567";
const EMAIL: &str = "ann@example.com";

const ON: &[(&str, &str)] = &[
    ("MAILER_AUTOCONFIRM", "false"),
    ("AUDIT_LOG", "database"),
    ("MAIL_PROVIDER", "cloudflare"),
    ("MAIL_FROM", "Todos <todos@example.com>"),
    ("EXTERNAL_PHONE_ENABLED", "true"),
    ("EXTERNAL_ANONYMOUS_USERS_ENABLED", "true"),
    ("SECURITY_MANUAL_LINKING_ENABLED", "true"),
    ("SMS_PROVIDER", "textlocal"),
    ("SMS_TEXTLOCAL_API_KEY", "k"),
    ("SMS_TEXTLOCAL_SENDER", "s"),
    ("MFA_PHONE_ENROLL_ENABLED", "true"),
    ("MFA_PHONE_VERIFY_ENABLED", "true"),
    ("PASSKEY_ENABLED", "true"),
    ("WEBAUTHN_RP_ID", "localhost"),
    ("WEBAUTHN_RP_ORIGINS", "http://localhost:5173"),
    ("EXTERNAL_GOOGLE_ENABLED", "true"),
    ("EXTERNAL_GOOGLE_CLIENT_ID", "web-id"),
    ("EXTERNAL_GOOGLE_SECRET", "secret"),
];

impl Flow {
    pub fn app(&self) -> TestApp {
        TestApp::with_vars(&[self.vars, GITHUB, ON].concat())
    }

    pub fn is_done(&self, app: &TestApp) -> bool {
        app.database.value(self.done).is_some_and(|count| count != "0")
    }
}

fn never(_: &TestApp, _: &Value) -> Answer {
    panic!("the retry has to work")
}

/// What most flows are: a retry works as it is.
const USUAL: Flow = Flow {
    name: "",
    vars: &[],
    prepare: |_| Value::Null,
    run: never,
    done: "",
    errors: &[],
    refusals: &[],
    anew: never,
    is_used_up_first: false,
};

fn post(app: &TestApp, path: &str, body: &Value) -> Answer {
    app.http_client.forget_prepared();
    app.http_client.prepare("https://api.textlocal.in/send", 200, r#"{"status":"success"}"#);
    app.anon().post(&format!("/auth/v1{path}")).json(body).send()
}

fn call(app: &TestApp, session: &Value, method: &str, path: &str, body: &Value) -> Answer {
    app.http_client.forget_prepared();
    app.http_client.prepare("https://api.textlocal.in/send", 200, r#"{"status":"success"}"#);
    let actor = app.with_token(text(session, "access_token"));
    actor.call(method.parse().unwrap(), &format!("/auth/v1{path}")).json(body).send()
}

fn admin(app: &TestApp, method: &str, path: &str, body: &Value) -> Answer {
    app.service_role().call(method.parse().unwrap(), &format!("/auth/v1{path}")).json(body).send()
}

#[track_caller]
fn good(answer: Answer) -> Value {
    assert!(answer.status.is_success(), "{}", answer.text());
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

/// Somebody with a confirmed address and [`PASSWORD`], signed in.
fn ann(app: &TestApp) -> Value {
    good(admin(
        app,
        "POST",
        "/admin/users",
        &json!({"email": EMAIL, "password": PASSWORD, "email_confirm": true}),
    ));
    signed_in(app, EMAIL)
}

fn raised(app: &TestApp) -> Value {
    let (authenticator, session) = verified(app, &ann(app), "mine");
    with(session, "factor", json!([authenticator.factor_id, authenticator.secret]))
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

/// The code in the last mail to an address.
fn mailed_code(app: &TestApp, to: &str) -> String {
    let mails = app.mailer.mails.borrow();
    let mail = mails.iter().rev().find(|mail| mail["to"] == json!(to)).unwrap();
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    text(mail, "text").split_whitespace().find(is_code).unwrap().to_string()
}

/// The link in it, as a path.
fn mailed_link(app: &TestApp, to: &str) -> String {
    let mails = app.mailer.mails.borrow();
    let mail = mails.iter().rev().find(|mail| mail["to"] == json!(to)).unwrap();
    let link =
        text(mail, "text").split_whitespace().find_map(|word| word.strip_prefix("http://127.0.0.1:54321"));
    link.unwrap().to_string()
}

/// The code in the last text message.
fn texted_code(app: &TestApp) -> String {
    let requests = app.http_client.requests_to("https://api.textlocal.in");
    let body = requests.last().unwrap().body.clone();
    let message =
        form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "message").unwrap().1.into_owned();
    message
        .split(|character: char| !character.is_ascii_digit())
        .find(|word| word.len() == 6)
        .unwrap()
        .to_string()
}

fn follow(app: &TestApp, link: &str) -> Answer {
    app.nobody().get(link).send()
}

/// A code for the address was asked for.
fn asked(app: &TestApp) -> Value {
    ann(app);
    app.database.execute(r#"DELETE FROM "auth.sessions""#);
    good(post(app, "/otp", &json!({"email": EMAIL})));
    json!({"code": mailed_code(app, EMAIL), "link": mailed_link(app, EMAIL)})
}

fn verify(app: &TestApp, name: &str, to: &str, code: &str) -> Answer {
    post(app, "/verify", &json!({"type": name, "email": to, "token": code}))
}

fn verify_anew(app: &TestApp, _: &Value) -> Answer {
    good(post(app, "/otp", &json!({"email": EMAIL})));
    verify(app, "email", EMAIL, &mailed_code(app, EMAIL))
}

fn sign_in_anew(app: &TestApp, _: &Value) -> Answer {
    sign_in(app, EMAIL, PASSWORD)
}

fn sign_in_with_new_password(app: &TestApp, _: &Value) -> Answer {
    sign_in(app, EMAIL, "battery staple")
}

/// There is nothing left to do: the server is there, and knows of no session.
fn healthy(app: &TestApp, _: &Value) -> Answer {
    app.nobody().get("/auth/v1/health").send()
}

fn changing(app: &TestApp) -> Value {
    let session = ann(app);
    good(call(app, &session, "PUT", "/user", &json!({"email": "new@example.com"})));
    session
}

/// An authorization code for a browser that brought a challenge.
fn given_code(app: &TestApp) -> Value {
    ann(app);
    app.database.execute(r#"DELETE FROM "auth.sessions""#);
    let body = json!({"email": EMAIL, "code_challenge": CHALLENGE, "code_challenge_method": "s256"});
    good(post(app, "/otp", &body));
    let answer = follow(app, &mailed_link(app, EMAIL));
    json!({"code": member(&query(&location(&answer)), "code")})
}

fn exchange(app: &TestApp, before: &Value) -> Answer {
    post(app, "/token?grant_type=pkce", &json!({"auth_code": before["code"], "code_verifier": VERIFIER}))
}

fn challenged(app: &TestApp, session: &Value, factor: &str, secret: &str) -> Value {
    let challenge = good(call(app, session, "POST", &format!("/factors/{factor}/challenge"), &json!({})));
    json!({"challenge_id": challenge["id"], "code": code_at(secret, app.app.now().seconds())})
}

/// A new authenticator app that was asked for its first code.
fn first_code(app: &TestApp) -> Value {
    let session = ann(app);
    let authenticator = enrolled(app, &session, "mine");
    let answer = challenged(app, &session, &authenticator.factor_id, &authenticator.secret);
    with(with(session, "factor", json!([authenticator.factor_id, authenticator.secret])), "answer", answer)
}

fn answer_first_code(app: &TestApp, before: &Value) -> Answer {
    let path = format!("/factors/{}/verify", before["factor"][0].as_str().unwrap());
    call(app, before, "POST", &path, &before["answer"])
}

fn answer_next_code(app: &TestApp, before: &Value) -> Answer {
    let session = signed_in(app, EMAIL);
    let factor = |place: usize| before["factor"][place].as_str().unwrap();
    let answer = challenged(app, &session, factor(0), factor(1));
    call(app, &session, "POST", &format!("/factors/{}/verify", factor(0)), &answer)
}

fn phone_factor(app: &TestApp) -> Value {
    let session = ann(app);
    let factor = good(enroll(
        app,
        &session,
        &json!({"factor_type": "phone", "friendly_name": "mine", "phone": PHONE}),
    ));
    with(session, "factor", factor["id"].clone())
}

fn challenge_phone(app: &TestApp, before: &Value) -> Answer {
    call(
        app,
        before,
        "POST",
        &format!("/factors/{}/challenge", text(before, "factor")),
        &json!({"channel": "sms"}),
    )
}

fn texted_factor(app: &TestApp) -> Value {
    let before = phone_factor(app);
    let challenge = good(challenge_phone(app, &before));
    let answer = json!({"challenge_id": challenge["id"], "code": texted_code(app)});
    with(before, "answer", answer)
}

fn answer_phone(app: &TestApp, before: &Value) -> Answer {
    call(app, before, "POST", &format!("/factors/{}/verify", text(before, "factor")), &before["answer"])
}

fn answer_phone_anew(app: &TestApp, before: &Value) -> Answer {
    let session = with(signed_in(app, EMAIL), "factor", before["factor"].clone());
    let challenge = good(challenge_phone(app, &session));
    let answer = json!({"challenge_id": challenge["id"], "code": texted_code(app)});
    answer_phone(app, &with(session, "answer", answer))
}

const CODES: &str = "/factors/recovery-codes";

/// A session of aal1 and two recovery codes of its user.
fn with_codes(app: &TestApp) -> Value {
    let session = raised(app);
    let made = good(call(app, &session, "POST", CODES, &json!({})));
    with(signed_in(app, EMAIL), "codes", made["codes"].clone())
}

fn use_code(app: &TestApp, before: &Value, place: usize) -> Answer {
    call(app, before, "POST", &format!("{CODES}/verify"), &json!({"code": before["codes"][place]}))
}

/// Two questions for new passkeys, each with its answer.
fn new_passkeys(app: &TestApp) -> Value {
    let session = ann(app);
    let answers = ["ES256", "EdDSA"].map(|algorithm| {
        let asked = good(call(app, &session, "POST", "/passkeys/registration/options", &json!({})));
        let credential = SecurityKey::new(algorithm).create(&asked["options"]);
        json!({"challenge_id": asked["challenge_id"], "credential": credential})
    });
    with(session, "answers", json!(answers))
}

fn register(app: &TestApp, before: &Value, place: usize) -> Answer {
    call(app, before, "POST", "/passkeys/registration/verify", &before["answers"][place])
}

/// A passkey, and its answers to two questions.
fn known_passkey(app: &TestApp) -> Value {
    let session = ann(app);
    let mut key = SecurityKey::new("ES256");
    let asked = good(call(app, &session, "POST", "/passkeys/registration/options", &json!({})));
    let body = json!({"challenge_id": asked["challenge_id"], "credential": key.create(&asked["options"])});
    let passkey = good(call(app, &session, "POST", "/passkeys/registration/verify", &body));
    app.database.execute(r#"DELETE FROM "auth.sessions""#);
    let answers = [(); 2].map(|()| {
        let asked = good(post(app, "/passkeys/authentication/options", &json!({})));
        json!({"challenge_id": asked["challenge_id"], "credential": key.get(&asked["options"])})
    });
    json!({"answers": answers, "id": passkey["id"]})
}

fn answer_question(app: &TestApp, before: &Value, place: usize) -> Answer {
    post(app, "/passkeys/authentication/verify", &before["answers"][place])
}

const HOOK: &str = "https://hooks.example/";

/// With each hook that is asked a question saying yes, as often as it is asked.
fn hooked<T>(app: &TestApp, run: impl FnOnce() -> T) -> T {
    app.http_client.forget_prepared();
    (0..8).for_each(|_| app.http_client.prepare(HOOK, 200, "{}"));
    run()
}

fn hooked_post(app: &TestApp, path: &str, body: &Value) -> Answer {
    hooked(app, || app.anon().post(&format!("/auth/v1{path}")).json(body).send())
}

fn hooked_sign_up(app: &TestApp, _: &Value) -> Answer {
    hooked_post(app, "/signup", &json!({"email": EMAIL, "password": PASSWORD}))
}

fn hooked_sign_in(app: &TestApp, _: &Value) -> Answer {
    hooked(app, || sign_in(app, EMAIL, PASSWORD))
}

/// The hook gives the claims back as they were.
fn hooked_refresh(app: &TestApp, before: &Value) -> Answer {
    app.http_client.forget_prepared();
    (0..8).for_each(|_| with_claims(app, json!({})));
    refresh(app, text(before, "refresh_token"))
}

fn claimed_sign_up(app: &TestApp, _: &Value) -> Answer {
    app.http_client.forget_prepared();
    (0..8).for_each(|_| with_claims(app, json!({})));
    app.anon().post("/auth/v1/signup").json(&json!({"email": EMAIL, "password": PASSWORD})).send()
}

fn claimed_sign_in(app: &TestApp, _: &Value) -> Answer {
    app.http_client.forget_prepared();
    (0..8).for_each(|_| with_claims(app, json!({})));
    sign_in(app, EMAIL, PASSWORD)
}

/// An account with [`PASSWORD`] and no session.
fn account(app: &TestApp) -> Value {
    good(admin(
        app,
        "POST",
        "/admin/users",
        &json!({"email": EMAIL, "password": PASSWORD, "email_confirm": true}),
    ))
}

/// Somebody who has been invited, about to accept by GitHub.
fn invited(app: &TestApp) -> Value {
    good(admin(app, "POST", "/invite", &json!({"email": EMAIL})));
    let link = mailed_link(app, EMAIL);
    json!(member(&query(&link), "token"))
}

fn to_github_invited(app: &TestApp, token: &Value) -> String {
    depart(&app.nobody(), &format!("{AUTHORIZE}&invite_token={}", token.as_str().unwrap()))
}

/// The token is spent if the identity is there, and good otherwise.
fn accept_anew(app: &TestApp, before: &Value) -> Answer {
    let token = before["token"].as_str().unwrap();
    let answer = app.nobody().get(&format!("{AUTHORIZE}&invite_token={token}")).send();
    let target =
        if answer.status == 302 { location(&answer) } else { location(&app.nobody().get(AUTHORIZE).send()) };
    from_github(app, &member(&query(&target), "state"))
}

const MAILS: &[(&str, bool, bool)] = &[(EMAIL, true, true)];
const AUTHORIZE: &str = "/auth/v1/authorize?provider=github&redirect_to=https://app.example.com/in";

fn from_github(app: &TestApp, state: &str) -> Answer {
    app.http_client.forget_prepared();
    github_answers(app, 7, MAILS);
    come_back(app, state)
}

/// Once more to the provider, unless its identity is there already.
fn link_anew(app: &TestApp, session: &Value) -> Answer {
    let state = off_to_github(app, session);
    let answer = from_github(app, &state);
    let is_there = location(&answer).contains("error_code=identity_already_exists");
    if is_there { call(app, session, "GET", "/user", &Value::Null) } else { answer }
}

fn linked(app: &TestApp) -> Value {
    let session = ann(app);
    let state = off_to_github(app, &session);
    from_github(app, &state);
    let user = good(call(app, &session, "GET", "/user", &Value::Null));
    with(session, "identity", json!(identity_id(&user, "github")))
}

fn by_id_token(app: &TestApp, _: &Value) -> Answer {
    app.http_client.forget_prepared();
    publish(app, GOOGLE, &[&rsa()]);
    let body = json!({"provider": "google", "id_token": google_token(json!({}))});
    app.anon().post("/auth/v1/token?grant_type=id_token").json(&body).send()
}

fn user_path(before: &Value) -> String {
    format!("/admin/users/{}", text(&before["user"], "id"))
}

/// The same without preparing anything else: the hook's answers stay.
fn hooked_first_code(app: &TestApp, before: &Value) -> Answer {
    let path = format!("/auth/v1/factors/{}/verify", before["factor"][0].as_str().unwrap());
    app.with_token(text(before, "access_token")).post(&path).json(&before["answer"]).send()
}

fn hooked_next_code(app: &TestApp, before: &Value) -> Answer {
    let session = signed_in(app, EMAIL);
    let factor = |place: usize| before["factor"][place].as_str().unwrap();
    let answer = challenged(app, &session, factor(0), factor(1));
    let before = with(with(session, "factor", before["factor"].clone()), "answer", answer);
    hooked(app, || hooked_first_code(app, &before))
}

/// The settings that turn a hook on.
macro_rules! hook {
    ($kind:literal) => {
        [
            (concat!("HOOK_", $kind, "_ENABLED"), "true"),
            (concat!("HOOK_", $kind, "_URI"), HOOK),
            (concat!("HOOK_", $kind, "_SECRETS"), "v1,whsec_c2VjcmV0LW9uZQ=="),
        ]
    };
}

const AUTOCONFIRM: (&str, &str) = ("MAILER_AUTOCONFIRM", "true");

/// What a hook that does not answer comes out as.
const HOOKS: &[&str] = &["hook_timeout_after_retry", "hook_timeout"];

const SESSION: &str = r#"SELECT count(*) FROM "auth.sessions""#;
const NO_SESSION: &str = r#"SELECT NOT EXISTS (SELECT 1 FROM "auth.sessions")"#;
const NOBODY: &str = r#"SELECT NOT EXISTS (SELECT 1 FROM "auth.users")"#;
const TOKEN: &str = r#"SELECT count(*) FROM "auth.one_time_tokens""#;
const AAL2: &str = r#"SELECT count(*) FROM "auth.sessions" WHERE aal = 'aal2'"#;
const NEW_PASSWORD: &str = r#"SELECT count(*) FROM "auth.users" WHERE updated_at > created_at"#;

#[rustfmt::skip]
pub const FLOWS: &[Flow] = &[
    Flow { name: "sign-up", run: |app, _| post(app, "/signup", &json!({"email": EMAIL, "password": PASSWORD})),
        done: TOKEN, ..USUAL },
    Flow { name: "sign-up, confirmed at once", vars: &[("MAILER_AUTOCONFIRM", "true")],
        run: |app, _| post(app, "/signup", &json!({"email": EMAIL, "password": PASSWORD})),
        done: SESSION, refusals: &["user_already_exists"], anew: sign_in_anew, ..USUAL },
    Flow { name: "sign-up by phone", run: |app, _| post(app, "/signup", &json!({"phone": PHONE, "password": PASSWORD})),
        done: TOKEN, errors: &["sms_send_failed"], ..USUAL },
    Flow { name: "anonymous sign-up", run: |app, _| post(app, "/signup", &json!({})), done: SESSION, ..USUAL },
    Flow { name: "confirmation", prepare: |app| { good(post(app, "/signup", &json!({"email": EMAIL, "password": PASSWORD}))); json!({"code": mailed_code(app, EMAIL)}) },
        run: |app, before| verify(app, "signup", EMAIL, text(before, "code")),
        done: SESSION, refusals: &["otp_expired"], anew: sign_in_anew, ..USUAL },
    Flow { name: "password", prepare: |app| { ann(app); app.database.execute(r#"DELETE FROM "auth.sessions""#); Value::Null },
        run: |app, _| sign_in(app, EMAIL, PASSWORD), done: SESSION, ..USUAL },
    Flow { name: "password of an import", prepare: |app| { let hash = bcrypt::hash(PASSWORD, 4).unwrap(); good(admin(app, "POST", "/admin/users", &json!({"email": EMAIL, "password_hash": hash, "email_confirm": true}))) },
        run: |app, _| sign_in(app, EMAIL, PASSWORD),
        done: r#"SELECT count(*) FROM "auth.users" AS u JOIN "auth.sessions" AS s ON s.user_id = u.id WHERE u.encrypted_password LIKE '$argon2id$%'"#, ..USUAL },
    Flow { name: "refresh", prepare: ann, run: |app, before| refresh(app, text(before, "refresh_token")),
        done: r#"SELECT count(*) FROM "auth.sessions" WHERE refresh_token_counter = 1"#, ..USUAL },
    Flow { name: "code", prepare: ann, run: |app, _| post(app, "/otp", &json!({"email": EMAIL})), done: TOKEN, ..USUAL },
    Flow { name: "code for somebody new", run: |app, _| post(app, "/otp", &json!({"email": EMAIL})), done: TOKEN, ..USUAL },
    Flow { name: "code by text message", prepare: |app| good(admin(app, "POST", "/admin/users", &json!({"phone": PHONE, "phone_confirm": true}))),
        run: |app, _| post(app, "/otp", &json!({"phone": PHONE})), done: TOKEN, errors: &["sms_send_failed"], ..USUAL },
    Flow { name: "verify", prepare: asked, run: |app, before| verify(app, "email", EMAIL, text(before, "code")),
        done: SESSION, refusals: &["otp_expired"], anew: verify_anew, ..USUAL },
    Flow { name: "link", prepare: asked, run: |app, before| follow(app, text(before, "link")),
        done: SESSION, refusals: &["otp_expired"], anew: verify_anew, ..USUAL },
    Flow { name: "link for a code", prepare: |app| { ann(app); good(post(app, "/recover", &json!({"email": EMAIL, "code_challenge": CHALLENGE, "code_challenge_method": "s256"}))); json!({"link": mailed_link(app, EMAIL)}) },
        run: |app, before| follow(app, text(before, "link")),
        done: r#"SELECT count(*) FROM "auth.flow_state""#, refusals: &["otp_expired"], anew: verify_anew, ..USUAL },
    Flow { name: "exchange", prepare: given_code, run: exchange, done: SESSION, refusals: &["flow_state_not_found"], anew: verify_anew, ..USUAL },
    Flow { name: "magic link", prepare: ann, run: |app, _| post(app, "/magiclink", &json!({"email": EMAIL})), done: TOKEN, ..USUAL },
    Flow { name: "recovery", prepare: ann, run: |app, _| post(app, "/recover", &json!({"email": EMAIL})), done: TOKEN, ..USUAL },
    Flow { name: "resend", prepare: |app| { good(post(app, "/signup", &json!({"email": EMAIL, "password": PASSWORD}))); app.database.execute(r#"DELETE FROM "auth.one_time_tokens""#); app.clock.advance(60); Value::Null },
        run: |app, _| post(app, "/resend", &json!({"type": "signup", "email": EMAIL})), done: TOKEN, ..USUAL },
    Flow { name: "invitation", run: |app, _| admin(app, "POST", "/invite", &json!({"email": EMAIL})), done: TOKEN, ..USUAL },
    Flow { name: "made link to sign up", run: |app, _| admin(app, "POST", "/admin/generate_link", &json!({"type": "signup", "email": EMAIL, "password": PASSWORD})), done: TOKEN, ..USUAL },
    Flow { name: "made link to sign in", prepare: ann, run: |app, _| admin(app, "POST", "/admin/generate_link", &json!({"type": "magiclink", "email": EMAIL})), done: TOKEN, ..USUAL },
    Flow { name: "made link to another address", prepare: ann, run: |app, _| admin(app, "POST", "/admin/generate_link", &json!({"type": "email_change_new", "email": EMAIL, "new_email": "new@example.com"})), done: TOKEN, ..USUAL },
    Flow { name: "new data", prepare: ann, run: |app, before| call(app, before, "PUT", "/user", &json!({"data": {"a": 1}})),
        done: r#"SELECT count(*) FROM "auth.users" WHERE raw_user_meta_data LIKE '%"a":1%'"#, ..USUAL },
    Flow { name: "new password", prepare: |app| { let session = ann(app); signed_in(app, EMAIL); app.clock.advance(1); session },
        run: |app, before| call(app, before, "PUT", "/user", &json!({"password": "battery staple"})),
        done: r#"SELECT count(*) FROM "auth.users" WHERE updated_at > created_at AND (SELECT count(*) FROM "auth.sessions") = 1"#,
        refusals: &["same_password"], anew: |app, before| call(app, before, "GET", "/user", &Value::Null), ..USUAL },
    Flow { name: "new password with a code", vars: &[("SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION", "true"), ("JWT_EXPIRY", "200000")],
        prepare: |app| { let session = ann(app); app.clock.advance(86_401); good(call(app, &session, "GET", "/reauthenticate", &Value::Null)); with(session, "code", json!(mailed_code(app, EMAIL))) },
        run: |app, before| call(app, before, "PUT", "/user", &json!({"password": "battery staple", "nonce": before["code"]})),
        done: NEW_PASSWORD, refusals: &["same_password"], anew: sign_in_with_new_password, ..USUAL },
    Flow { name: "new address", prepare: ann, run: |app, before| call(app, before, "PUT", "/user", &json!({"email": "new@example.com"})),
        done: r#"SELECT count(*) = 2 FROM "auth.one_time_tokens""#, ..USUAL },
    Flow { name: "new address, asked for first", prepare: changing, run: |app, _| verify(app, "email_change", EMAIL, &mailed_code(app, EMAIL)),
        done: r#"SELECT count(*) = 1 FROM "auth.one_time_tokens""#, refusals: &["otp_expired"], anew: sign_in_anew, ..USUAL },
    Flow { name: "new address, confirmed", prepare: |app| { let session = changing(app); good(verify(app, "email_change", EMAIL, &mailed_code(app, EMAIL))); session },
        run: |app, _| verify(app, "email_change", "new@example.com", &mailed_code(app, "new@example.com")),
        done: r#"SELECT count(*) FROM "auth.users" WHERE email = 'new@example.com'"#, refusals: &["otp_expired"], anew: |app, _| sign_in(app, "new@example.com", PASSWORD), ..USUAL },
    Flow { name: "new number", prepare: ann, run: |app, before| call(app, before, "PUT", "/user", &json!({"phone": PHONE})),
        done: TOKEN, errors: &["sms_send_failed"], ..USUAL },
    Flow { name: "new number, confirmed", prepare: |app| { let session = ann(app); good(call(app, &session, "PUT", "/user", &json!({"phone": PHONE}))); json!({"code": texted_code(app)}) },
        run: |app, before| post(app, "/verify", &json!({"type": "phone_change", "phone": PHONE, "token": before["code"]})),
        done: r#"SELECT count(*) FROM "auth.users" WHERE phone IS NOT NULL"#, refusals: &["otp_expired"], anew: sign_in_anew, ..USUAL },
    Flow { name: "reauthentication", prepare: ann, run: |app, before| call(app, before, "GET", "/reauthenticate", &Value::Null), done: TOKEN, ..USUAL },
    Flow { name: "sign-out everywhere", prepare: ann, run: |app, before| call(app, before, "POST", "/logout?scope=global", &Value::Null),
        done: NO_SESSION, refusals: &["session_not_found"], anew: healthy, ..USUAL },
    Flow { name: "sign-out here", prepare: ann, run: |app, before| call(app, before, "POST", "/logout?scope=local", &Value::Null),
        done: NO_SESSION, refusals: &["session_not_found"], anew: healthy, ..USUAL },
    Flow { name: "sign-out elsewhere", prepare: |app| { let session = ann(app); signed_in(app, EMAIL); session },
        run: |app, before| call(app, before, "POST", "/logout?scope=others", &Value::Null), done: r#"SELECT count(*) = 1 FROM "auth.sessions""#, ..USUAL },
    Flow { name: "end of a session", prepare: |app| { let session = ann(app); let other = signed_in(app, EMAIL); with(session, "other", json!(session_id(&other))) },
        run: |app, before| call(app, before, "DELETE", &format!("/sessions/{}", text(before, "other")), &Value::Null),
        done: r#"SELECT count(*) = 1 FROM "auth.sessions""#, refusals: &["session_not_found"], anew: |app, before| call(app, before, "GET", "/sessions", &Value::Null), ..USUAL },
    Flow { name: "new authenticator app", prepare: ann, run: |app, before| enroll(app, before, &json!({"factor_type": "totp", "friendly_name": "mine"})),
        done: r#"SELECT count(*) FROM "auth.mfa_factors""#, refusals: &["mfa_factor_name_conflict"], anew: |app, before| enroll(app, before, &json!({"factor_type": "totp", "friendly_name": "other"})), ..USUAL },
    Flow { name: "challenge", prepare: first_code, run: |app, before| call(app, before, "POST", &format!("/factors/{}/challenge", before["factor"][0].as_str().unwrap()), &json!({})),
        done: r#"SELECT count(*) = 2 OR count(*) = 3 FROM "auth.mfa_challenges""#, ..USUAL },
    Flow { name: "second factor", prepare: first_code, run: answer_first_code, done: AAL2,
        refusals: &["mfa_ip_address_mismatch"], anew: answer_next_code, ..USUAL },
    Flow { name: "second factor given up", prepare: raised, run: |app, before| call(app, before, "DELETE", &format!("/factors/{}", before["factor"][0].as_str().unwrap()), &Value::Null),
        done: r#"SELECT NOT EXISTS (SELECT 1 FROM "auth.mfa_factors")"#, refusals: &["mfa_factor_not_found"], anew: |app, before| call(app, before, "GET", "/user", &Value::Null), ..USUAL },
    Flow { name: "new phone as a factor", prepare: ann, run: |app, before| enroll(app, before, &json!({"factor_type": "phone", "friendly_name": "mine", "phone": PHONE})),
        done: r#"SELECT count(*) FROM "auth.mfa_factors""#, ..USUAL },
    Flow { name: "code for a factor", prepare: phone_factor, run: challenge_phone, done: r#"SELECT count(*) FROM "auth.mfa_challenges""#, errors: &["sms_send_failed"], ..USUAL },
    Flow { name: "phone as a second factor", prepare: texted_factor, run: answer_phone, done: AAL2,
        refusals: &["mfa_ip_address_mismatch"], anew: answer_phone_anew, ..USUAL },
    Flow { name: "new recovery codes", prepare: raised, run: |app, before| call(app, before, "POST", CODES, &json!({})),
        done: r#"SELECT count(*) FROM "auth.mfa_recovery_codes""#, refusals: &["mfa_verified_factor_exists"], anew: |app, before| call(app, before, "POST", &format!("{CODES}/regenerate"), &json!({})), ..USUAL },
    Flow { name: "recovery code", prepare: with_codes, run: |app, before| use_code(app, before, 0),
        done: r#"SELECT count(*) = 2 FROM "auth.sessions" WHERE aal = 'aal2'"#, refusals: &["mfa_verification_failed"], anew: |app, before| use_code(app, before, 1), ..USUAL },
    Flow { name: "recovery codes given up", prepare: |app| { let session = raised(app); good(call(app, &session, "POST", CODES, &json!({}))); session },
        run: |app, before| call(app, before, "DELETE", CODES, &json!({})), done: r#"SELECT NOT EXISTS (SELECT 1 FROM "auth.mfa_recovery_codes")"#,
        refusals: &["mfa_factor_not_found"], anew: healthy, ..USUAL },
    Flow { name: "question for a new passkey", prepare: ann, run: |app, before| call(app, before, "POST", "/passkeys/registration/options", &json!({})),
        done: r#"SELECT count(*) FROM "auth.webauthn_challenges""#, ..USUAL },
    Flow { name: "new passkey", prepare: new_passkeys, run: |app, before| register(app, before, 0), done: r#"SELECT count(*) FROM "auth.webauthn_credentials""#,
        refusals: &["webauthn_challenge_not_found"], anew: |app, before| register(app, before, 1), is_used_up_first: true, ..USUAL },
    Flow { name: "passkey", prepare: known_passkey, run: |app, before| answer_question(app, before, 0), done: SESSION,
        refusals: &["webauthn_challenge_not_found"], anew: |app, before| answer_question(app, before, 1), is_used_up_first: true, ..USUAL },
    Flow { name: "passkey given up", prepare: |app| { let passkey = known_passkey(app); with(signed_in(app, EMAIL), "passkey", passkey["id"].clone()) },
        run: |app, before| call(app, before, "DELETE", &format!("/passkeys/{}", text(before, "passkey")), &Value::Null), done: r#"SELECT NOT EXISTS (SELECT 1 FROM "auth.webauthn_credentials")"#,
        refusals: &["validation_failed"], anew: |app, before| call(app, before, "GET", "/passkeys", &Value::Null), ..USUAL },
    Flow { name: "off to a provider", run: |app, _| app.nobody().get(AUTHORIZE).send(), done: r#"SELECT count(*) FROM "auth.oauth_states""#, ..USUAL },
    Flow { name: "back from a provider", prepare: |app| json!(depart(&app.nobody(), AUTHORIZE)), run: |app, before| from_github(app, before.as_str().unwrap()), done: SESSION,
        refusals: &["bad_oauth_state"], anew: |app, _| { let state = depart(&app.nobody(), AUTHORIZE); from_github(app, &state) }, is_used_up_first: true, ..USUAL },
    Flow { name: "back from a provider for a code", prepare: |app| json!(depart(&app.nobody(), &format!("{AUTHORIZE}&code_challenge={CHALLENGE}&code_challenge_method=s256"))),
        run: |app, before| from_github(app, before.as_str().unwrap()), done: r#"SELECT count(*) FROM "auth.flow_state""#,
        refusals: &["flow_state_already_used"], anew: |app, _| { let state = depart(&app.nobody(), &format!("{AUTHORIZE}&code_challenge={CHALLENGE}&code_challenge_method=s256")); from_github(app, &state) }, is_used_up_first: true, ..USUAL },
    Flow { name: "identity linked", prepare: |app| { let session = ann(app); let state = off_to_github(app, &session); with(session, "state", json!(state)) },
        run: |app, before| from_github(app, text(before, "state")), done: r#"SELECT count(*) FROM "auth.identities" WHERE provider = 'github'"#,
        refusals: &["bad_oauth_state"], anew: link_anew, is_used_up_first: true, ..USUAL },
    Flow { name: "identity unlinked", prepare: linked, run: |app, before| call(app, before, "DELETE", &format!("/user/identities/{}", text(before, "identity")), &Value::Null),
        done: r#"SELECT NOT EXISTS (SELECT 1 FROM "auth.identities" WHERE provider = 'github')"#, refusals: &["single_identity_not_deletable"], anew: |app, before| call(app, before, "GET", "/user", &Value::Null), ..USUAL },
    Flow { name: "id token", run: by_id_token, done: SESSION, ..USUAL },
    Flow { name: "invitation accepted by a provider", prepare: |app| { let token = invited(app); json!({"state": to_github_invited(app, &token), "token": token}) },
        run: |app, before| from_github(app, text(before, "state")), done: r#"SELECT count(*) FROM "auth.identities" AS i JOIN "auth.sessions" AS s ON s.user_id = i.user_id WHERE i.provider = 'github'"#,
        refusals: &["bad_oauth_state"], anew: accept_anew, is_used_up_first: true, ..USUAL },
    Flow { name: "mail by the hook", vars: &hook!("SEND_EMAIL"), run: hooked_sign_up, done: TOKEN, errors: HOOKS, ..USUAL },
    Flow { name: "code by the mail hook", vars: &hook!("SEND_EMAIL"), prepare: account, run: |app, _| hooked_post(app, "/otp", &json!({"email": EMAIL})), done: TOKEN, errors: HOOKS, ..USUAL },
    Flow { name: "code by the text hook", vars: &hook!("SEND_SMS"), prepare: |app| good(admin(app, "POST", "/admin/users", &json!({"phone": PHONE, "phone_confirm": true}))),
        run: |app, _| hooked_post(app, "/otp", &json!({"phone": PHONE})), done: TOKEN, errors: HOOKS, ..USUAL },
    Flow { name: "question before a user is made", vars: &[AUTOCONFIRM, hook!("BEFORE_USER_CREATED")[0], hook!("BEFORE_USER_CREATED")[1], hook!("BEFORE_USER_CREATED")[2]],
        run: hooked_sign_up, done: SESSION, errors: HOOKS, refusals: &["user_already_exists"], anew: hooked_sign_in, ..USUAL },
    Flow { name: "news of a user", vars: &[AUTOCONFIRM, hook!("AFTER_USER_CREATED")[0], hook!("AFTER_USER_CREATED")[1], hook!("AFTER_USER_CREATED")[2]],
        run: hooked_sign_up, done: r#"SELECT count(*) FROM "auth.users""#, errors: HOOKS, refusals: &["user_already_exists"], anew: hooked_sign_in, ..USUAL },
    Flow { name: "claims of somebody new", vars: &[AUTOCONFIRM, hook!("CUSTOM_ACCESS_TOKEN")[0], hook!("CUSTOM_ACCESS_TOKEN")[1], hook!("CUSTOM_ACCESS_TOKEN")[2]],
        run: claimed_sign_up, done: r#"SELECT count(*) FROM "auth.users""#, errors: HOOKS, refusals: &["user_already_exists"], anew: claimed_sign_in, ..USUAL },
    Flow { name: "claims at a sign-in", vars: &hook!("CUSTOM_ACCESS_TOKEN"), prepare: account, run: claimed_sign_in, done: SESSION, errors: HOOKS, ..USUAL },
    Flow { name: "claims at a refresh", vars: &hook!("CUSTOM_ACCESS_TOKEN"), prepare: |app| { account(app); good(claimed_sign_in(app, &Value::Null)) }, run: hooked_refresh,
        done: r#"SELECT count(*) FROM "auth.sessions" WHERE refresh_token_counter >= 1"#, errors: HOOKS, ..USUAL },
    Flow { name: "question about a password", vars: &hook!("PASSWORD_VERIFICATION_ATTEMPT"), prepare: account, run: hooked_sign_in, done: SESSION, errors: HOOKS, ..USUAL },
    Flow { name: "question about a second factor", vars: &hook!("MFA_VERIFICATION_ATTEMPT"), prepare: first_code, run: |app, before| hooked(app, || hooked_first_code(app, before)), done: AAL2,
        errors: HOOKS, refusals: &["mfa_ip_address_mismatch"], anew: |app, before| hooked_next_code(app, before), ..USUAL },
    Flow { name: "account erased", prepare: ann, run: |app, before| call(app, before, "DELETE", "/user", &json!({"password": PASSWORD})), done: NOBODY,
        refusals: &["user_not_found"], anew: healthy, ..USUAL },
    Flow { name: "account made", run: |app, _| admin(app, "POST", "/admin/users", &json!({"email": EMAIL, "password": PASSWORD, "email_confirm": true})),
        done: r#"SELECT count(*) FROM "auth.users""#, refusals: &["email_exists"], anew: sign_in_anew, ..USUAL },
    Flow { name: "account banned", prepare: ann, run: |app, before| admin(app, "PUT", &user_path(before), &json!({"ban_duration": "24h", "password": "battery staple"})),
        done: r#"SELECT count(*) FROM "auth.users" WHERE banned_until IS NOT NULL"#, ..USUAL },
    Flow { name: "account deleted", prepare: ann, run: |app, before| admin(app, "DELETE", &user_path(before), &json!({})), done: NOBODY,
        refusals: &["user_not_found"], anew: healthy, ..USUAL },
    Flow { name: "account deleted softly", prepare: ann, run: |app, before| admin(app, "DELETE", &user_path(before), &json!({"should_soft_delete": true})),
        done: r#"SELECT count(*) FROM "auth.users" WHERE deleted_at IS NOT NULL"#, ..USUAL },
    Flow { name: "factor taken away", prepare: raised, run: |app, before| admin(app, "DELETE", &format!("{}/factors/{}", user_path(before), before["factor"][0].as_str().unwrap()), &json!({})),
        done: r#"SELECT NOT EXISTS (SELECT 1 FROM "auth.mfa_factors")"#, refusals: &["mfa_factor_not_found"], anew: healthy, ..USUAL },
];
