//! Hooks: the project's own server or function is asked on the way.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgeward::ports::OutgoingRequest;
use serde_json::{Value, json};

use super::{PASSWORD, assert_error, authenticator, claims, get_user, refresh, sign_in, signed_up, text};
use crate::app::{Answer, TestApp};

const URL: &str = "https://hooks.example/";
const SECRETS: &str = "v1,whsec_c2VjcmV0LW9uZQ==|v1,whsec_c2VjcmV0LXR3bw==";

fn hooked(kind: &str, more: &[(&str, &str)]) -> TestApp {
    let names: Vec<String> =
        ["ENABLED", "URI", "SECRETS"].iter().map(|end| format!("HOOK_{kind}_{end}")).collect();
    let vars = [(names[0].as_str(), "true"), (names[1].as_str(), URL), (names[2].as_str(), SECRETS)];
    TestApp::with_vars(&[&vars[..], more].concat())
}

fn function(kind: &str, name: &str) -> TestApp {
    let names: Vec<String> = ["ENABLED", "URI"].iter().map(|end| format!("HOOK_{kind}_{end}")).collect();
    let uri = format!("pg-functions://postgres/public/{name}");
    TestApp::with_vars(&[(names[0].as_str(), "true"), (names[1].as_str(), uri.as_str())])
}

fn asked(app: &TestApp) -> Vec<OutgoingRequest> {
    app.http_client.requests_to(URL)
}

fn payload(request: &OutgoingRequest) -> Value {
    serde_json::from_str(&request.body).unwrap()
}

fn header<'a>(request: &'a OutgoingRequest, name: &str) -> &'a str {
    request.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str()).unwrap()
}

fn sign_up(app: &TestApp, email: &str) -> Answer {
    app.anon().post("/auth/v1/signup").json(&json!({"email": email, "password": PASSWORD})).send()
}

/// An answer of the hook that keeps the claims and adds some.
pub fn with_claims(app: &TestApp, more: Value) {
    let base = json!({
        "aud": "authenticated", "exp": app.app.now().seconds() + 3600, "iat": app.app.now().seconds(),
        "sub": "00000000-0000-4000-8000-000000000000", "email": "", "phone": "", "role": "authenticated",
        "aal": "aal1", "session_id": "00000000-0000-4000-8000-000000000000", "is_anonymous": false,
    });
    let mut claims = base.as_object().unwrap().clone();
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            claims.shift_remove(name);
        } else {
            claims.insert(name.clone(), value.clone());
        }
    }
    app.http_client.prepare(URL, 200, &json!({"claims": claims}).to_string());
}

#[test]
fn a_request_is_signed_with_every_secret_and_says_what_it_is_about() {
    let app = hooked("CUSTOM_ACCESS_TOKEN", &[]);
    with_claims(&app, json!({"plan": "pro"}));
    let answer = sign_up(&app, "ann@example.com");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(claims(&answer.json())["plan"], json!("pro"));
    let request = &asked(&app)[0];
    let signed = format!(
        "{}.{}.{}",
        header(request, "webhook-id"),
        header(request, "webhook-timestamp"),
        request.body
    );
    let expected: Vec<String> = ["secret-one", "secret-two"]
        .iter()
        .map(|secret| edgeward::crypto::hmac_sha256(secret.as_bytes(), signed.as_bytes()))
        .map(|mac| format!("v1,{}", STANDARD.encode(mac)))
        .collect();
    assert_eq!(header(request, "webhook-signature"), expected.join(", "));
    assert_eq!(header(request, "content-type"), "application/json");
    let payload = payload(request);
    assert_eq!(payload["metadata"]["name"], json!("customize-access-token"));
    assert_eq!(payload["metadata"]["ip_address"], json!("203.0.113.7"));
    assert_eq!(payload["authentication_method"], json!("password"));
    assert_eq!(payload["claims"]["email"], json!("ann@example.com"));
    assert_eq!(payload["user_id"], payload["claims"]["sub"]);
}

#[test]
fn a_refresh_is_named_as_one_and_claims_that_lack_something_give_no_token() {
    let app = hooked("CUSTOM_ACCESS_TOKEN", &[]);
    with_claims(&app, json!({}));
    let session = sign_up(&app, "ann@example.com").json();
    with_claims(&app, json!({"role": null, "email": 5}));
    let refused = refresh(&app, text(&session, "refresh_token"));
    assert_error(&refused, 500, "unexpected_failure", "output claims do not conform to the expected schema");
    assert_error(&refused, 500, "unexpected_failure", "- (root): role is required");
    assert_error(
        &refused,
        500,
        "unexpected_failure",
        "- email: Invalid type. Expected: string, given: integer",
    );
    assert_eq!(payload(&asked(&app)[1])["authentication_method"], json!("token_refresh"));
    app.http_client.prepare(URL, 200, "{}");
    let refused = refresh(&app, text(&session, "refresh_token"));
    assert_error(&refused, 500, "unexpected_failure", "output claims field is missing");
    with_claims(&app, json!({}));
    assert_eq!(refresh(&app, text(&session, "refresh_token")).status, 200, "the session was not lost");
}

#[test]
fn what_a_hook_answers_decides() {
    let rows: [(u16, &[(&str, &str)], &str, u16, &str, &str); 11] = [
        (
            200,
            &[("content-type", "application/json")],
            r#"{"error":{"http_code":403,"message":"Not you"}}"#,
            403,
            "unknown",
            "Not you",
        ),
        (
            200,
            &[("content-type", "application/json")],
            r#"{"error":{"message":"No"}}"#,
            500,
            "unexpected_failure",
            "No",
        ),
        (
            200,
            &[("content-type", "application/json")],
            "nonsense",
            500,
            "unexpected_failure",
            "Error unmarshaling JSON output.",
        ),
        (200, &[], "{}", 400, "hook_payload_invalid_content_type", "Missing Content-Type header"),
        (
            200,
            &[("content-type", "text/html")],
            "{}",
            400,
            "hook_payload_invalid_content_type",
            "Received content-type: text/html",
        ),
        (400, &[], "", 500, "unexpected_failure", "Invalid payload sent to hook"),
        (401, &[], "", 500, "unexpected_failure", "Hook requires authorization token"),
        (418, &[], "", 500, "unexpected_failure", "Unexpected status code returned from hook: 418"),
        (503, &[], "", 500, "unexpected_failure", "Service currently unavailable due to hook"),
        (204, &[], "", 200, "", ""),
        (202, &[("content-type", "application/json; charset=utf-8")], "{}", 200, "", ""),
    ];
    for (status, headers, body, expected, code, message) in rows {
        let app = hooked("BEFORE_USER_CREATED", &[]);
        app.http_client.prepare_with(URL, status, headers, body);
        let answer = sign_up(&app, "ann@example.com");
        if expected == 200 {
            assert_eq!(answer.status, 200, "{}", answer.text());
            continue;
        }
        assert_error(&answer, expected, code, message);
        assert_eq!(
            app.database.value(r#"SELECT count(*) FROM "auth.users""#).as_deref(),
            Some("0"),
            "{status}"
        );
    }
    let app = hooked("BEFORE_USER_CREATED", &[]);
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(200 * 1024));
    app.http_client.prepare(URL, 200, &large);
    assert_error(&sign_up(&app, "ann@example.com"), 422, "hook_payload_over_size_limit", "204800 bytes");
}

#[test]
fn a_hook_is_tried_three_times_and_not_for_ever() {
    let app = hooked("BEFORE_USER_CREATED", &[]);
    for _ in 0..3 {
        app.http_client.prepare_with(URL, 503, &[("retry-after", "true")], "");
    }
    assert_error(
        &sign_up(&app, "ann@example.com"),
        500,
        "unexpected_failure",
        "Service currently unavailable due to hook",
    );
    assert_eq!(asked(&app).len(), 3);
    app.http_client.prepare_with(URL, 429, &[("retry-after", "1")], "");
    app.http_client.prepare(URL, 200, "{}");
    assert_eq!(sign_up(&app, "ann@example.com").status, 200);
    app.http_client.prepare_silence(URL);
    assert_error(
        &sign_up(&app, "bob@example.com"),
        422,
        "hook_timeout",
        "within maximum time of 5.000000 seconds",
    );
    app.http_client.fault.fail_always();
    assert_error(&sign_up(&app, "bob@example.com"), 422, "hook_timeout_after_retry", "after maximum retries");
    assert_eq!(app.http_client.paused.get(), 4000);
}

#[test]
fn somebody_new_is_shown_before_and_after() {
    let app = hooked("BEFORE_USER_CREATED", &[("MAILER_AUTOCONFIRM", "false")]);
    app.http_client.prepare_with(URL, 204, &[], "");
    sign_up(&app, "ann@example.com");
    let shown = payload(&asked(&app)[0]);
    assert_eq!(shown["metadata"]["name"], json!("before-user-created"));
    assert_eq!(shown["user"]["email"], json!("ann@example.com"));
    sign_up(&app, "ann@example.com");
    assert_eq!(asked(&app).len(), 1, "who is there already is not new");
    let app = hooked("AFTER_USER_CREATED", &[("MAILER_AUTOCONFIRM", "false")]);
    app.http_client.prepare_with(URL, 204, &[], "");
    assert_eq!(sign_up(&app, "ann@example.com").status, 200);
    assert_eq!(payload(&asked(&app)[0])["metadata"]["name"], json!("after-user-created"));
    app.http_client.prepare(URL, 200, r#"{"error":{"http_code":403,"message":"Not you"}}"#);
    assert_error(&sign_up(&app, "bob@example.com"), 500, "unexpected_failure", "Error invoking hook");
    app.http_client.prepare(URL, 200, r#"{"error":{"http_code":403,"message":"Not you"}}"#);
    let invited = app.service_role().post("/auth/v1/invite").json(&json!({"email": "cat@example.com"}));
    assert_error(&invited.send(), 403, "unknown", "Not you");
}

#[test]
fn who_is_there_by_an_administrators_link_is_shown_before_and_after() {
    let generate = |app: &TestApp, kind: &str| {
        let body = json!({"type": kind, "email": "ann@example.com", "password": PASSWORD});
        app.service_role().post("/auth/v1/admin/generate_link").json(&body).send()
    };
    for kind in ["signup", "invite", "magiclink"] {
        let app = hooked("BEFORE_USER_CREATED", &[]);
        app.http_client.prepare(URL, 200, r#"{"error":{"http_code":403,"message":"Not you"}}"#);
        assert_error(&generate(&app, kind), 403, "unknown", "Not you");
        assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.users""#).as_deref(), Some("0"));
        assert_eq!(payload(&asked(&app)[0])["user"]["email"], json!("ann@example.com"));
        app.http_client.prepare_with(URL, 204, &[], "");
        assert_eq!(generate(&app, kind).status, 200, "{kind}");
        assert_eq!(generate(&app, kind).status, 200, "{kind}");
        assert_eq!(asked(&app).len(), 2, "who is there already is not new");

        let app = hooked("AFTER_USER_CREATED", &[]);
        app.http_client.prepare_with(URL, 204, &[], "");
        let made = generate(&app, kind).json();
        assert_eq!(payload(&asked(&app)[0])["user"]["id"], made["id"]);
        assert_eq!(generate(&app, kind).status, 200, "{kind}");
        assert_eq!(asked(&app).len(), 1);
    }
}

#[test]
fn a_hook_carries_the_mails() {
    let app = hooked("SEND_EMAIL", &[("MAILER_AUTOCONFIRM", "false")]);
    app.http_client.prepare_with(URL, 204, &[], "");
    assert_eq!(sign_up(&app, "ann@example.com").status, 200);
    let shown = payload(&asked(&app)[0]);
    let data = &shown["email_data"];
    assert_eq!(data["email_action_type"], json!("signup"));
    assert_eq!(shown["user"]["email"], json!("ann@example.com"));
    let body = json!({"type": "signup", "email": "ann@example.com", "token": data["token"]});
    let answer = app.anon().post("/auth/v1/verify").json(&body).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let session = answer.json();

    app.http_client.prepare_with(URL, 204, &[], "");
    let change = json!({"email": "anna@example.com"});
    let asked_to = app.with_token(text(&session, "access_token")).put("/auth/v1/user").json(&change).send();
    assert_eq!(asked_to.status, 200, "{}", asked_to.text());
    let data = payload(&asked(&app)[1])["email_data"].clone();
    assert_eq!(asked(&app).len(), 2, "one call for both addresses");
    for (email, code, hash) in
        [("ann@example.com", "token", "token_hash_new"), ("anna@example.com", "token_new", "token_hash")]
    {
        assert_ne!(data[hash], json!(""));
        let body = json!({"type": "email_change", "email": email, "token": data[code]});
        assert_eq!(app.anon().post("/auth/v1/verify").json(&body).send().status, 200, "{email}");
    }
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.mailbox""#).as_deref(), Some("0"));
    app.http_client.prepare_with(URL, 401, &[], "");
    let answer = sign_up(&app, "bob@example.com");
    assert_error(&answer, 500, "unexpected_failure", "Hook requires authorization token");
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.users""#).as_deref(), Some("1"));
}

#[test]
fn a_hook_carries_the_text_messages() {
    let app = hooked("SEND_SMS", &[("EXTERNAL_PHONE_ENABLED", "true")]);
    app.http_client.prepare_with(URL, 204, &[], "");
    let body = json!({"phone": "491511234567", "channel": "carrier pigeon"});
    assert_eq!(app.anon().post("/auth/v1/otp").json(&body).send().status, 200);
    let shown = payload(&asked(&app)[0]);
    assert_eq!(shown["sms"]["phone"], json!("491511234567"));
    let body = json!({"type": "sms", "phone": "491511234567", "token": shown["sms"]["otp"]});
    assert_eq!(app.anon().post("/auth/v1/verify").json(&body).send().status, 200);
}

#[test]
fn a_hook_judges_passwords() {
    let app = hooked("PASSWORD_VERIFICATION_ATTEMPT", &[]);
    let session = signed_up(&app, "ann@example.com");
    app.http_client.prepare(URL, 200, r#"{"decision":"continue"}"#);
    assert_error(
        &sign_in(&app, "ann@example.com", "wrong"),
        400,
        "invalid_credentials",
        "Invalid login credentials",
    );
    assert_eq!(payload(&asked(&app)[0])["valid"], json!(false));
    app.http_client.prepare(URL, 200, r#"{"decision":"reject","message":"Come back tomorrow"}"#);
    assert_error(
        &sign_in(&app, "ann@example.com", PASSWORD),
        400,
        "invalid_credentials",
        "Come back tomorrow",
    );
    assert_eq!(get_user(&app, &session).status, 200);
    app.http_client.prepare(URL, 200, r#"{"decision":"reject","should_logout_user":true}"#);
    let refused = sign_in(&app, "ann@example.com", PASSWORD);
    assert_error(
        &refused,
        400,
        "invalid_credentials",
        "Further password verification attempts will be rejected.",
    );
    assert_error(&get_user(&app, &session), 403, "session_not_found", "");
    app.http_client.prepare(URL, 200, "{}");
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
    let count = asked(&app).len();
    sign_in(&app, "nobody@example.com", PASSWORD);
    assert_eq!(asked(&app).len(), count, "nobody's password is not shown");
}

#[test]
fn a_hook_judges_second_factors() {
    let app = hooked("MFA_VERIFICATION_ATTEMPT", &[]);
    let session = signed_up(&app, "ann@example.com");
    let authenticator = authenticator::enrolled(&app, &session, "mine");
    app.http_client.prepare(URL, 200, r#"{"decision":"continue"}"#);
    assert_eq!(authenticator.verify(&session).status, 200);
    let shown = payload(&asked(&app)[0]);
    assert_eq!((&shown["factor_type"], &shown["valid"]), (&json!("totp"), &json!(true)));
    app.clock.advance(60);
    app.http_client.prepare(URL, 200, r#"{"decision":"reject"}"#);
    let refused = authenticator.verify(&session);
    assert_error(
        &refused,
        403,
        "mfa_verification_rejected",
        "Further MFA verification attempts will be rejected.",
    );
    assert_error(&get_user(&app, &session), 403, "session_not_found", "");
}

#[test]
fn a_guess_that_a_hook_refuses_counts_like_any_other() {
    let app = hooked("PASSWORD_VERIFICATION_ATTEMPT", &[]);
    signed_up(&app, "ann@example.com");
    for _ in 0..10 {
        app.http_client.prepare(URL, 200, r#"{"decision":"reject","message":"Not so fast"}"#);
        let refused = sign_in(&app, "ann@example.com", "wrong");
        assert_error(&refused, 400, "invalid_credentials", "Not so fast");
    }
    let waiting = sign_in(&app, "ann@example.com", PASSWORD);
    assert_error(&waiting, 429, "over_request_rate_limit", "Too many wrong passwords");
    assert_eq!(asked(&app).len(), 10);

    let app = hooked("MFA_VERIFICATION_ATTEMPT", &[]);
    let mut session = signed_up(&app, "ann@example.com");
    let authenticator = authenticator::enrolled(&app, &session, "mine");
    app.http_client.prepare(URL, 200, "{}");
    assert_eq!(authenticator.verify(&session).status, 200);
    for _ in 0..10 {
        session = sign_in(&app, "ann@example.com", PASSWORD).json();
        app.http_client.prepare(URL, 200, r#"{"decision":"reject"}"#);
        assert_error(&authenticator.guess(&session), 403, "mfa_verification_rejected", "");
        app.clock.advance(10);
    }
    session = sign_in(&app, "ann@example.com", PASSWORD).json();
    let waiting = authenticator.guess(&session);
    assert_error(&waiting, 429, "over_request_rate_limit", "Too many wrong codes");
    assert_eq!(asked(&app).len(), 11);
}

#[test]
fn a_function_gives_the_claims() {
    let app = function("CUSTOM_ACCESS_TOKEN", "custom_access_token");
    app.migrate(
        "1",
        "CREATE TABLE roles (email text PRIMARY KEY, role text NOT NULL);
         ALTER TABLE roles ENABLE ROW LEVEL SECURITY;
         INSERT INTO roles VALUES ('ann@example.com', 'editor');
         CREATE FUNCTION custom_access_token(event jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
         DECLARE claims jsonb; user_role text;
         BEGIN
           SELECT role INTO user_role FROM public.roles WHERE email = event->'claims'->>'email';
           claims := event->'claims';
           claims := jsonb_set(claims, '{user_role}', coalesce(to_jsonb(user_role), 'null'::jsonb));
           RETURN jsonb_set(event, '{claims}', claims);
         END $$;
         REVOKE EXECUTE ON FUNCTION custom_access_token FROM anon, authenticated, public;",
    );
    let session = signed_up(&app, "ann@example.com");
    assert_eq!(claims(&session)["user_role"], json!("editor"));
    assert_eq!(claims(&session)["email"], json!("ann@example.com"));
    assert_eq!(claims(&signed_up(&app, "bob@example.com"))["user_role"], json!(null));
}

#[test]
fn a_function_refuses_somebody_and_one_that_fails_says_so_in_the_log() {
    let app = function("BEFORE_USER_CREATED", "gate");
    app.migrate(
        "1",
        "CREATE FUNCTION gate(event jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
         BEGIN
           IF event->'user'->>'email' LIKE '%@example.com' THEN
             RETURN '{}'::jsonb;
           END IF;
           RETURN jsonb_build_object('error', jsonb_build_object('http_code', 403, 'message', 'Only us'));
         END $$;",
    );
    assert_eq!(sign_up(&app, "ann@example.com").status, 200);
    assert_error(&sign_up(&app, "eve@evil.example"), 403, "unknown", "Only us");
    let app = function("BEFORE_USER_CREATED", "absent");
    let answer = sign_up(&app, "ann@example.com");
    assert_error(
        &answer,
        500,
        "unexpected_failure",
        "Error running hook URI: pg-functions://postgres/public/absent",
    );
    assert!(app.log.0.borrow().iter().any(|line| line.contains("public.absent does not exist")));
}

/// Sessions, codes and users there are.
fn counts(app: &TestApp) -> [String; 4] {
    ["sessions", "flow_state", "one_time_tokens", "users"]
        .map(|table| app.database.value(&format!(r#"SELECT count(*) FROM "auth.{table}""#)).unwrap())
}

#[test]
fn a_sign_in_whose_token_the_hook_refuses_leaves_nothing() {
    let app = hooked("CUSTOM_ACCESS_TOKEN", &[("EXTERNAL_ANONYMOUS_USERS_ENABLED", "true")]);
    let refused = |act: &dyn Fn() -> Answer| {
        app.http_client.prepare(URL, 200, r#"{"error":{"http_code":403,"message":"Not you"}}"#);
        assert_error(&act(), 403, "unknown", "Not you");
    };
    with_claims(&app, json!({}));
    let session = sign_up(&app, "ann@example.com").json();
    let before = counts(&app);

    refused(&|| sign_in(&app, "ann@example.com", PASSWORD));
    refused(&|| app.anon().post("/auth/v1/signup").json(&json!({})).send());
    assert_eq!(counts(&app), before);
    refused(&|| sign_up(&app, "bob@example.com"));
    let [sessions, .., users] = counts(&app);
    assert_eq!((sessions, users), (before[0].clone(), "2".to_string()), "the account is there, as upstream");

    let body = json!({"type": "magiclink", "email": "ann@example.com"});
    let link = app.service_role().post("/auth/v1/admin/generate_link").json(&body).send().json();
    let verify = json!({"type": "magiclink", "token_hash": link["hashed_token"]});
    refused(&|| app.anon().post("/auth/v1/verify").json(&verify).send());
    assert_eq!(counts(&app)[0], before[0]);

    // So is the session whose second factor was shown.
    let id = app.database.value(r#"SELECT id FROM "auth.sessions""#).unwrap();
    let own = json!({"sub": session["user"]["id"], "role": "authenticated", "session_id": id});
    let own = json!({"access_token": app.token(&own)});
    let factor = authenticator::enrolled(&app, &own, "Phone");
    refused(&|| factor.verify(&own));
    with_claims(&app, json!({}));
    assert_eq!(refresh(&app, text(&session, "refresh_token")).status, 200);
}

#[test]
fn a_function_slows_guesses_down_as_supabases_own_example_does() {
    let app = function("PASSWORD_VERIFICATION_ATTEMPT", "hook_password_verification_attempt");
    app.migrate(
        "1",
        "CREATE TABLE public.password_failed_verification_attempts (
           user_id uuid NOT NULL,
           last_failed_at timestamp NOT NULL DEFAULT now(),
           PRIMARY KEY (user_id)
         );
         ALTER TABLE public.password_failed_verification_attempts ENABLE ROW LEVEL SECURITY;
         CREATE FUNCTION public.hook_password_verification_attempt(event jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
         DECLARE
           failed_at timestamp;
         BEGIN
           IF (event->>'valid')::boolean THEN
             RETURN jsonb_build_object('decision', 'continue');
           END IF;
           SELECT a.last_failed_at INTO failed_at
           FROM public.password_failed_verification_attempts AS a
           WHERE a.user_id = (event->>'user_id')::uuid;
           IF failed_at IS NOT NULL AND now() - failed_at < interval '10 seconds' THEN
             RETURN jsonb_build_object(
               'error', jsonb_build_object('http_code', 429, 'message', 'Please wait a moment before trying again.')
             );
           END IF;
           INSERT INTO public.password_failed_verification_attempts (user_id, last_failed_at)
           VALUES ((event->>'user_id')::uuid, now())
           ON CONFLICT (user_id) DO UPDATE SET last_failed_at = now();
           RETURN jsonb_build_object('decision', 'continue');
         END;
         $$;
         GRANT ALL ON TABLE public.password_failed_verification_attempts TO supabase_auth_admin;
         REVOKE ALL ON TABLE public.password_failed_verification_attempts FROM authenticated, anon, public;
         GRANT EXECUTE ON FUNCTION public.hook_password_verification_attempt TO supabase_auth_admin;
         REVOKE EXECUTE ON FUNCTION public.hook_password_verification_attempt FROM authenticated, anon, public;",
    );
    signed_up(&app, "ann@example.com");
    let wrong = || sign_in(&app, "ann@example.com", "wrong");
    assert_error(&wrong(), 400, "invalid_credentials", "Invalid login credentials");
    assert_error(&wrong(), 429, "unknown", "Please wait a moment before trying again.");
    let long_ago = json!({"last_failed_at": "2020-01-01T00:00:00"});
    let all = "/rest/v1/password_failed_verification_attempts?user_id=not.is.null";
    assert_eq!(app.service_role().patch(all).json(&long_ago).send().status, 204);
    assert_error(&wrong(), 400, "invalid_credentials", "Invalid login credentials");
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
}
