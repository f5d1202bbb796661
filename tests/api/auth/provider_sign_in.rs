//! Signing in with a provider: off to it, back with a code, and in. The provider is a double of its API.

use serde_json::{Value, json};

use super::{PASSWORD, assert_error, authenticator, get_user, refresh, sign_in, signed_up, text};
use crate::app::{Actor, Answer, TestApp, at_once};

pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Settings with which the providers are on.
pub const GITHUB: &[(&str, &str)] = &[
    ("EXTERNAL_GITHUB_ENABLED", "true"),
    ("EXTERNAL_GITHUB_CLIENT_ID", "our-id"),
    ("EXTERNAL_GITHUB_SECRET", "our secret"),
    ("URI_ALLOW_LIST", "https://app.example.com/**"),
];

pub fn with_github(vars: &[(&str, &str)]) -> TestApp {
    TestApp::with_vars(&[GITHUB, vars].concat())
}

/// The same where addresses have to be confirmed.
fn careful(vars: &[(&str, &str)]) -> TestApp {
    with_github(&[&[("MAILER_AUTOCONFIRM", "false")], vars].concat())
}

/// The address that an answer sends the browser to.
pub fn location(answer: &Answer) -> String {
    answer
        .header("location")
        .unwrap_or_else(|| panic!("no location: {} {}", answer.status, answer.text()))
        .to_string()
}

/// The members of an address' query.
pub fn query(url: &str) -> Vec<(String, String)> {
    let url = url.split('#').next().unwrap();
    form_urlencoded::parse(url.split_once('?').map_or("", |(_, query)| query).as_bytes())
        .into_owned()
        .collect()
}

/// The members of its fragment.
pub fn fragment(url: &str) -> Vec<(String, String)> {
    let fragment = url.split_once('#').unwrap_or_else(|| panic!("no fragment in {url}")).1;
    form_urlencoded::parse(fragment.as_bytes()).into_owned().collect()
}

#[track_caller]
pub fn member(members: &[(String, String)], name: &str) -> String {
    let found = members.iter().find(|(key, _)| key == name);
    found.unwrap_or_else(|| panic!("no {name} in {members:?}")).1.clone()
}

/// Sends a browser off; gives the state that the provider will send back.
pub fn depart(actor: &Actor<'_>, target: &str) -> String {
    let answer = actor.get(target).send();
    assert_eq!(answer.status, 302, "{}", answer.text());
    member(&query(&location(&answer)), "state")
}

pub fn come_back(app: &TestApp, state: &str) -> Answer {
    app.nobody().get(&format!("/auth/v1/callback?code=the-code&state={state}")).send()
}

/// GitHub's answers for one sign-in.
pub fn github_answers(app: &TestApp, id: u64, emails: &[(&str, bool, bool)]) {
    let emails: Vec<Value> = emails
        .iter()
        .map(|(email, verified, primary)| json!({"email": email, "verified": verified, "primary": primary}))
        .collect();
    let tokens = json!({"access_token": "their-token", "refresh_token": "their-refresh-token", "token_type": "bearer"});
    let user =
        json!({"id": id, "login": "ann", "name": "Ann", "email": "a@x", "avatar_url": "https://a/b.png"});
    app.http_client.prepare("https://github.com/login/oauth/access_token", 200, &tokens.to_string());
    app.http_client.prepare("https://api.github.com/user", 200, &user.to_string());
    app.http_client.prepare("https://api.github.com/user/emails", 200, &json!(emails).to_string());
}

/// A whole sign-in with GitHub; gives where the browser ends.
pub fn through_github(app: &TestApp, id: u64, emails: &[(&str, bool, bool)]) -> String {
    let state =
        depart(&app.nobody(), "/auth/v1/authorize?provider=github&redirect_to=https://app.example.com/in");
    github_answers(app, id, emails);
    let answer = come_back(app, &state);
    assert_eq!(answer.status, 302, "{}", answer.text());
    location(&answer)
}

/// The session in a fragment.
pub fn session(url: &str) -> Value {
    let members = fragment(url);
    let text = |name: &str| member(&members, name);
    json!({"access_token": text("access_token"), "refresh_token": text("refresh_token")})
}

/// Signs ann@example.com in by GitLab, which vouches for her address; gives where she is sent back to.
pub fn ann_by_gitlab(app: &TestApp) -> String {
    let state =
        depart(&app.nobody(), "/auth/v1/authorize?provider=gitlab&redirect_to=https://app.example.com/in");
    app.http_client.prepare(
        "https://gitlab.com/oauth/token",
        200,
        r#"{"access_token":"t","token_type":"bearer"}"#,
    );
    let ann =
        json!({"id": 9, "email": "ann@example.com", "name": "Ann", "confirmed_at": "2020-01-01T00:00:00Z"});
    app.http_client.prepare("https://gitlab.com/api/v4/user/emails", 200, "[]");
    app.http_client.prepare("https://gitlab.com/api/v4/user", 200, &ann.to_string());
    location(&come_back(app, &state))
}

pub fn user_of(app: &TestApp, url: &str) -> Value {
    let answer = get_user(app, &session(url));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

const ANN: &[(&str, bool, bool)] = &[("other@example.com", true, false), ("Ann@Example.com", true, true)];

#[test]
fn going_off_to_a_provider_is_limited_per_address() {
    let app = with_github(&[]);
    app.limits.refuse("Departure:203.0.113.7", 12);
    let session = signed_up(&app, "ann@example.com");
    let stranger = app.anon().get("/auth/v1/authorize?provider=github").send();
    let linking = app.with_token(text(&session, "access_token"));
    let linking = linking.get("/auth/v1/user/identities/authorize?provider=github").send();
    for answer in [stranger, linking] {
        assert_error(&answer, 429, "over_request_rate_limit", "rate limit");
        assert_eq!(answer.header("retry-after"), Some("12"));
    }
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.oauth_states""#).as_deref(), Some("0"));
}

#[test]
fn a_browser_is_sent_off_with_all_the_provider_needs() {
    let app = with_github(&[]);
    let answer = app
        .nobody()
        .get("/auth/v1/authorize?provider=GitHub&scopes=repo,gist&redirect_to=https://app.example.com/in&login=ann&STATE=forged&client_id=forged")
        .send();
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let url = location(&answer);
    assert!(url.starts_with("https://github.com/login/oauth/authorize?"), "{url}");
    let members = query(&url);
    let expected = [
        ("client_id", "our-id"),
        ("redirect_uri", "http://127.0.0.1:54321/auth/v1/callback"),
        ("response_type", "code"),
        ("scope", "user:email repo gist"),
        ("login", "ann"),
    ];
    for (name, value) in expected {
        assert_eq!(member(&members, name), value);
    }
    assert!(!url.contains("forged"), "{url}");
    assert_eq!(member(&members, "state").len(), 36);
}

#[test]
fn tokens_come_in_the_fragment_with_the_providers_own() {
    let app = careful(&[]);
    let url = through_github(&app, 7, ANN);
    assert!(url.starts_with("https://app.example.com/in#"), "{url}");
    let members = fragment(&url);
    for (name, value) in [
        ("token_type", "bearer"),
        ("expires_in", "3600"),
        ("provider_token", "their-token"),
        ("provider_refresh_token", "their-refresh-token"),
        ("sb", ""),
    ] {
        assert_eq!(member(&members, name), value);
    }
    let user = user_of(&app, &url);
    assert_eq!(user["email"], json!("ann@example.com"));
    assert!(user["email_confirmed_at"].is_string(), "{user}");
    assert_eq!(user["app_metadata"], json!({"provider": "github", "providers": ["github"]}));
    let claims = json!({
        "iss": "https://api.github.com", "sub": "7", "name": "Ann", "full_name": "Ann", "user_name": "ann",
        "preferred_username": "ann", "provider_id": "7", "avatar_url": "https://a/b.png", "email": "Ann@Example.com",
        "email_verified": true, "phone_verified": false,
    });
    assert_eq!(user["user_metadata"], claims);
    assert_eq!(user["identities"][0]["identity_data"], claims);
    assert_eq!(user["identities"][0]["id"], json!("7"));
    assert_eq!(user["identities"][0]["email"], json!("ann@example.com"));
    assert_eq!(super::claims(&session(&url))["amr"][0]["method"], json!("oauth"));

    let again = user_of(&app, &through_github(&app, 7, ANN));
    assert_eq!((&again["id"], again["identities"].as_array().unwrap().len()), (&user["id"], 1));
}

#[test]
fn how_a_code_becomes_tokens() {
    let app = careful(&[]);
    through_github(&app, 7, ANN);
    let request = &app.http_client.requests_to("https://github.com/login/oauth/access_token")[0];
    let header =
        |name: &str| request.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    // base64 of our-id:our%20secret
    assert_eq!(header("authorization").as_deref(), Some("Basic b3VyLWlkOm91ciUyMHNlY3JldA=="));
    assert_eq!(
        request.body,
        "grant_type=authorization_code&code=the-code&redirect_uri=http%3A%2F%2F127.0.0.1%3A54321%2Fauth%2Fv1%2Fcallback"
    );

    let state = depart(&app.nobody(), "/auth/v1/authorize?provider=github");
    app.http_client.prepare("https://github.com/login/oauth/access_token", 401, "{}");
    app.http_client.prepare_with(
        "https://github.com/login/oauth/access_token",
        200,
        &[("content-type", "application/x-www-form-urlencoded")],
        "access_token=as+a+form&token_type=bearer",
    );
    app.http_client.prepare("https://api.github.com/user", 200, &json!({"id": 8}).to_string());
    app.http_client.prepare(
        "https://api.github.com/user/emails",
        200,
        r#"[{"email":"b@x.dev","verified":true,"primary":true}]"#,
    );
    let url = location(&come_back(&app, &state));
    assert_eq!(member(&fragment(&url), "provider_token"), "as a form");
    let request = &app.http_client.requests_to("https://github.com/login/oauth/access_token")[2];
    assert!(request.body.ends_with("&client_id=our-id&client_secret=our+secret"), "{}", request.body);
    assert!(!request.headers.iter().any(|(name, _)| *name == "authorization"));
}

#[test]
fn a_code_is_for_the_browser_that_has_the_verifier_once() {
    let app = careful(&[]);
    let state = depart(
        &app.nobody(),
        &format!(
            "/auth/v1/authorize?provider=github&redirect_to=https://app.example.com/in?a=b&code_challenge={CHALLENGE}&code_challenge_method=s256"
        ),
    );
    github_answers(&app, 7, ANN);
    let url = location(&come_back(&app, &state));
    assert!(url.starts_with("https://app.example.com/in?a=b&code="), "{url}");
    assert!(!url.contains("token"), "{url}");
    let code = member(&query(&url), "code");
    let exchange = |verifier: &str| {
        let body = json!({"auth_code": code, "code_verifier": verifier});
        app.anon().post("/auth/v1/token?grant_type=pkce").json(&body).send()
    };
    assert_error(&exchange(CHALLENGE), 400, "bad_code_verifier", "code challenge does not match");
    let session = exchange(VERIFIER).json();
    assert_eq!(session["provider_token"], json!("their-token"));
    assert_eq!(session["provider_refresh_token"], json!("their-refresh-token"));
    assert_eq!(session["user"]["email"], json!("ann@example.com"));
    assert_eq!(super::claims(&session)["amr"][0]["method"], json!("oauth"));
    assert_error(&exchange(VERIFIER), 404, "flow_state_not_found", "invalid flow state");

    let again = location(&come_back(&app, &state));
    assert_eq!(member(&query(&again), "error_code"), "flow_state_already_used");
}

#[test]
fn a_state_is_good_once_and_not_for_long() {
    let app = with_github(&[("SITE_URL", "https://site.example.com/home?x=1")]);
    let told = |answer: Answer| {
        assert_eq!(answer.status, 303, "{}", answer.text());
        let url = location(&answer);
        assert!(url.starts_with("https://site.example.com/home?x=1&"), "{url}");
        let members = query(&url);
        (member(&members, "error"), member(&members, "error_code"), member(&members, "error_description"))
    };
    let row =
        |code: &str, message: &str| ("invalid_request".to_string(), code.to_string(), message.to_string());
    let callback = |query: &str| app.nobody().get(&format!("/auth/v1/callback{query}")).send();
    assert_eq!(told(callback("")), row("bad_oauth_callback", "OAuth state parameter missing"));
    assert_eq!(told(callback("?state=x")), row("bad_oauth_state", "OAuth state parameter is invalid"));
    let nobody = "00000000-0000-4000-8000-000000000000";
    assert_eq!(told(come_back(&app, nobody)), row("bad_oauth_state", "OAuth state not found or expired"));

    let state = depart(&app.nobody(), "/auth/v1/authorize?provider=github");
    github_answers(&app, 7, ANN);
    assert_eq!(come_back(&app, &state).status, 302);
    assert_eq!(told(come_back(&app, &state)), row("bad_oauth_state", "OAuth state not found or expired"));

    let state = depart(&app.nobody(), "/auth/v1/authorize?provider=github");
    app.clock.advance(301);
    assert_eq!(told(come_back(&app, &state)), row("bad_oauth_state", "OAuth state has expired"));
}

#[test]
fn what_the_provider_refuses_is_said_to_the_app() {
    let app = with_github(&[]);
    let told = |query_string: &str, prepare: &dyn Fn()| {
        let target = "/auth/v1/authorize?provider=github&redirect_to=https://app.example.com/in?a=b";
        let state = depart(&app.nobody(), target);
        prepare();
        let answer = app.nobody().get(&format!("/auth/v1/callback?state={state}{query_string}")).send();
        assert_eq!(answer.status, 302);
        let url = location(&answer);
        assert!(url.starts_with("https://app.example.com/in?a=b&error="), "{url}");
        let (shown, hidden) = (query(&url), fragment(&url));
        assert_eq!(member(&hidden, "sb"), "");
        let text = |name: &str| {
            let value = shown.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
            assert_eq!(hidden.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value), value);
            value.to_string()
        };
        (text("error"), text("error_code"), text("error_description"))
    };
    let row = |error: &str, code: &str, text: &str| (error.to_string(), code.to_string(), text.to_string());
    assert_eq!(
        told("&error=access_denied&error_description=The+user+said+no", &|| {}),
        row("access_denied", "", "The user said no")
    );
    assert_eq!(
        told("", &|| {}),
        row(
            "invalid_request",
            "bad_oauth_callback",
            "OAuth callback with missing authorization code missing"
        )
    );
    let token_url = "https://github.com/login/oauth/access_token";
    assert_eq!(
        told("&code=abcdefgh", &|| app.http_client.prepare(
            token_url,
            200,
            r#"{"error":"bad_verification_code"}"#
        )),
        row("server_error", "unexpected_failure", "Unable to exchange external code: abcd")
    );
    assert_eq!(
        told("&code=abcdefgh", &|| {
            app.http_client.prepare(token_url, 200, r#"{"access_token":"t"}"#);
            app.http_client.prepare("https://api.github.com/user", 500, "{}");
        }),
        row("server_error", "unexpected_failure", "Error getting user profile from external provider")
    );
    assert_eq!(
        told("&code=abcdefgh", &|| github_answers(&app, 7, &[])),
        row("server_error", "unexpected_failure", "Error getting user email from external provider")
    );
    // The causes are in the log, the secrets are not.
    let log = app.log.0.borrow().join("\n");
    assert!(log.contains("bad_verification_code"), "{log}");
    assert!(!log.contains("our secret"), "{log}");
}

#[test]
fn a_provider_that_is_not_set_up_is_refused() {
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
    let rows: [Row; 5] = [
        (&[], "?provider=nobody", "Unsupported provider: Provider nobody could not be found"),
        (&[], "", "Unsupported provider: Provider  could not be found"),
        (&[], "?provider=github", "Unsupported provider: provider is not enabled"),
        (&[("EXTERNAL_GITHUB_ENABLED", "true")], "?provider=github", "missing OAuth client ID"),
        (
            &[("EXTERNAL_GITHUB_ENABLED", "true"), ("EXTERNAL_GITHUB_CLIENT_ID", "a")],
            "?provider=github",
            "missing OAuth secret",
        ),
    ];
    for (vars, query, message) in rows {
        let answer = TestApp::with_vars(vars).nobody().get(&format!("/auth/v1/authorize{query}")).send();
        assert_error(&answer, 400, "validation_failed", message);
    }
    let app = with_github(&[]);
    let half =
        app.nobody().get(&format!("/auth/v1/authorize?provider=github&code_challenge={CHALLENGE}")).send();
    assert_error(&half, 400, "validation_failed", "PKCE flow requires code_challenge_method");
    let settings = app.nobody().get("/auth/v1/settings").send().json();
    assert_eq!(
        (&settings["external"]["github"], &settings["external"]["google"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn a_verified_address_joins_the_account_that_has_it() {
    let app = careful(&[]);
    let body = json!({"email": "ann@example.com", "password": PASSWORD, "email_confirm": true, "user_metadata": {"plan": "pro"}});
    let ann = app.service_role().post("/auth/v1/admin/users").json(&body).send().json();
    let user = user_of(&app, &through_github(&app, 7, ANN));
    assert_eq!(user["id"], ann["id"]);
    assert_eq!(user["app_metadata"]["providers"], json!(["email", "github"]));
    assert_eq!(user["app_metadata"]["provider"], json!("email"));
    assert_eq!(
        (&user["user_metadata"]["plan"], &user["user_metadata"]["name"]),
        (&json!("pro"), &json!("Ann"))
    );
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
}

#[test]
fn an_address_nobody_vouches_for_joins_nothing() {
    let app = careful(&[("SITE_URL", "https://site.example.com")]);
    let body = json!({"email": "ann@example.com", "password": PASSWORD, "email_confirm": true});
    let ann = app.service_role().post("/auth/v1/admin/users").json(&body).send().json();
    let url = through_github(&app, 7, &[("ann@example.com", false, true)]);
    let members = query(&url);
    assert_eq!(member(&members, "error"), "access_denied");
    assert_eq!(member(&members, "error_code"), "provider_email_needs_verification");
    assert_eq!(
        member(&members, "error_description"),
        "Unverified email with github. Verify the email with github in order to sign in"
    );
    let users = app.service_role().get("/auth/v1/admin/users").send().json();
    let other = users["users"].as_array().unwrap().iter().find(|user| user["id"] != ann["id"]).unwrap();
    assert_eq!((&other["email"], &other["email_confirmed_at"]), (&json!(""), &Value::Null));

    // A free address is asked by mail, and its link signs in.
    let url = through_github(&app, 8, &[("bob@example.com", false, true)]);
    let description = member(&query(&url), "error_description");
    assert_eq!(
        description,
        "Unverified email with github. A confirmation email has been sent to your github email"
    );
    let mail = app.service_role().get("/api/v1/message/latest").send().json();
    assert_eq!(mail["To"][0]["Address"], json!("bob@example.com"));
    let html = mail["HTML"].as_str().unwrap();
    let link = html.split("href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let answer = app.nobody().get(link.strip_prefix("http://127.0.0.1:54321").unwrap()).send();
    assert_eq!(member(&fragment(&location(&answer)), "type"), "signup");
    let user = user_of(&app, &through_github(&app, 8, &[("bob@example.com", false, true)]));
    assert_eq!(user["email"], json!("bob@example.com"));
}

#[test]
fn who_waits_in_somebodys_name_is_put_out() {
    let app = careful(&[]);
    // Somebody signs up with Ann's address and hopes that she will come.
    let body = json!({"email": "ann@example.com", "password": PASSWORD, "data": {"role": "spy"}});
    let spy = app.anon().post("/auth/v1/signup").json(&body).send().json();
    let user = user_of(&app, &through_github(&app, 7, ANN));
    assert_eq!(user["id"], spy["id"]);
    assert_eq!(user["app_metadata"], json!({"provider": "github", "providers": ["github"]}));
    assert_eq!(user["identities"].as_array().unwrap().len(), 1);
    assert_eq!(user["user_metadata"].get("role"), None);
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 400);
    // The link that went to the address opens nothing either.
    let mail = app.service_role().get("/api/v1/message/latest").send().json();
    let html = mail["HTML"].as_str().unwrap();
    let link = html.split("href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let answer = app.nobody().get(link.strip_prefix("http://127.0.0.1:54321").unwrap()).send();
    assert_eq!(member(&fragment(&location(&answer)), "error_code"), "otp_expired");
}

#[test]
fn nothing_of_who_waited_opens_the_account_once_its_owner_came() {
    let app = careful(&[
        ("MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS", "true"),
        ("EXTERNAL_PHONE_ENABLED", "true"),
        ("SMS_TEST_OTP", "15550001111:123456"),
        ("EXTERNAL_GITLAB_ENABLED", "true"),
        ("EXTERNAL_GITLAB_CLIENT_ID", "our-id"),
        ("EXTERNAL_GITLAB_SECRET", "our secret"),
    ]);
    // Somebody gets in with an address that nobody vouches for, and leaves all the doors open that there are.
    let spy = session(&through_github(&app, 7, &[("ann@example.com", false, true)]));
    authenticator::enrolled(&app, &spy, "spy's");
    let id = text(&get_user(&app, &spy).json(), "id").to_string();
    app.database.execute(&format!(
        "UPDATE \"auth.users\" SET phone = '15550001111', phone_confirmed_at = created_at WHERE id = '{id}'"
    ));
    // The owner of the address comes by a provider that vouches for it.
    let owner = session(&ann_by_gitlab(&app));
    let user = get_user(&app, &owner).json();
    assert_eq!((&user["id"], &user["phone"], user.get("factors")), (&json!(id), &json!(""), None));
    assert!(user["email_confirmed_at"].is_string());
    assert_error(&get_user(&app, &spy), 403, "session_not_found", "");
    assert_eq!(refresh(&app, text(&spy, "refresh_token")).status, 400);
    let reads = app.with_token(text(&spy, "access_token")).get("/storage/v1/bucket").send();
    assert_eq!(reads.json()["message"], "The session has ended");
}

#[test]
fn settings_decide_who_comes_in() {
    let app = careful(&[("DISABLE_SIGNUP", "true")]);
    let members = query(&through_github(&app, 7, ANN));
    assert_eq!(
        (member(&members, "error").as_str(), member(&members, "error_code").as_str()),
        ("access_denied", "signup_disabled")
    );

    let app = careful(&[("MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS", "true")]);
    let user = user_of(&app, &through_github(&app, 7, &[("ann@example.com", false, true)]));
    assert_eq!((&user["email"], &user["email_confirmed_at"]), (&json!("ann@example.com"), &Value::Null));

    let app = careful(&[("EXTERNAL_GITHUB_EMAIL_OPTIONAL", "true")]);
    let user = user_of(&app, &through_github(&app, 7, &[]));
    assert_eq!((&user["email"], &user["user_metadata"]["name"]), (&json!(""), &json!("Ann")));

    let app = with_github(&[]);
    let ann = signed_up(&app, "ann@example.com");
    let user = user_of(&app, &through_github(&app, 7, &[("ann@example.com", false, true)]));
    assert_eq!(user["id"], ann["user"]["id"], "where addresses confirm themselves, they join");
}

#[test]
fn a_banned_user_is_told_so_and_a_new_provider_address_changes_nothing() {
    let app = careful(&[]);
    let user = user_of(&app, &through_github(&app, 7, ANN));
    let moved = user_of(&app, &through_github(&app, 7, &[("new@example.com", true, true)]));
    assert_eq!((&moved["id"], &moved["email"]), (&user["id"], &json!("ann@example.com")));
    assert_eq!(moved["identities"][0]["email"], json!("new@example.com"));
    let target = format!("/auth/v1/admin/users/{}", text(&user, "id"));
    app.service_role().put(&target).json(&json!({"ban_duration": "1h"})).send();
    let members = query(&through_github(&app, 7, ANN));
    assert_eq!(
        (member(&members, "error").as_str(), member(&members, "error_code").as_str()),
        ("access_denied", "user_banned")
    );
}

#[test]
fn of_fifty_callbacks_of_one_state_one_signs_in() {
    for challenge in
        ["", "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=s256"]
    {
        let app = careful(&[]);
        let state = depart(&app.nobody(), &format!("/auth/v1/authorize?provider=github{challenge}"));
        for _ in 0..50 {
            github_answers(&app, 7, ANN);
        }
        app.database.take_turns();
        let target = format!("/auth/v1/callback?code=the-code&state={state}");
        let calls = (0..50).map(|_| app.nobody().get(&target)).collect();
        let answers = at_once(calls, 0);
        let came_in = answers.iter().map(location).filter(|url| {
            if challenge.is_empty() { url.contains("access_token=") } else { url.contains("?code=") }
        });
        assert_eq!(came_in.count(), 1);
        assert_eq!(app.http_client.requests_to("https://github.com/login/oauth/access_token").len(), 1);
    }
}

#[test]
fn of_ten_first_sign_ins_of_one_person_one_makes_the_account() {
    let app = careful(&[]);
    let states: Vec<String> =
        (0..10).map(|_| depart(&app.nobody(), "/auth/v1/authorize?provider=github")).collect();
    for _ in 0..10 {
        github_answers(&app, 7, ANN);
    }
    app.database.take_turns();
    let calls = states
        .iter()
        .map(|state| app.nobody().get(&format!("/auth/v1/callback?code=the-code&state={state}")));
    let answers = at_once(calls.collect(), 0);
    assert!(answers.iter().all(|answer| location(answer).contains("access_token=")));
    let users = app.service_role().get("/auth/v1/admin/users").send().json();
    assert_eq!(users["users"].as_array().unwrap().len(), 1);
}

#[test]
fn a_store_that_fails_at_any_step_leaves_nothing_half_done() {
    for call in 1..=4 {
        let app = careful(&[]);
        let state = depart(
            &app.nobody(),
            "/auth/v1/authorize?provider=github&redirect_to=https://app.example.com/in",
        );
        github_answers(&app, 7, ANN);
        app.database.fault.fail_at(call);
        let answer = come_back(&app, &state);
        if app.database.fault.is_armed() {
            assert!(location(&answer).contains("access_token="), "call {call}: {}", location(&answer));
            app.database.fault.mend();
            continue;
        }
        assert!(
            location(&answer).contains("error_code=unexpected_failure"),
            "call {call}: {}",
            location(&answer)
        );
        let users = app.service_role().get("/auth/v1/admin/users").send().json();
        assert_eq!(users["users"], json!([]), "call {call}");
        assert_eq!(user_of(&app, &through_github(&app, 7, ANN))["email"], json!("ann@example.com"));
    }
}

/// U+212A is lower-cased to an ASCII `k`, and is another mailbox all the same.
#[test]
fn letters_that_look_alike_are_other_addresses() {
    let app = careful(&[]);
    let body = json!({"email": "kim@example.com", "password": PASSWORD, "email_confirm": true});
    let kim = app.service_role().post("/auth/v1/admin/users").json(&body).send().json();
    let user = user_of(&app, &through_github(&app, 7, &[("\u{212a}im@example.com", true, true)]));
    assert_ne!(user["id"], kim["id"]);
    let body = json!({"email": "\u{212a}im@example.com", "password": PASSWORD});
    assert_error(
        &app.anon().post("/auth/v1/signup").json(&body).send(),
        400,
        "validation_failed",
        "invalid format",
    );
}
