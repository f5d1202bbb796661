//! Codes and refresh tokens, and what an app's tokens are good for.

use super::*;

#[test]
fn an_app_signs_in_refreshes_and_learns_what_its_scopes_say() {
    let app = app_with_key_pair();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let asked = [("scope", "openid email profile"), ("nonce", "n-1")];
    let id = authorization_id(&app, &client, &asked);
    let seen = details(&app, &session, &id).json();
    assert_eq!(
        seen["client"],
        json!({"id": client["client_id"], "name": "Calendar", "logo_uri": "https://app.example.com/logo.png"})
    );
    assert_eq!(seen["user"], json!({"id": session["user"]["id"], "email": "ann@example.com"}));
    assert_eq!(
        (&seen["authorization_id"], &seen["scope"], &seen["redirect_uri"]),
        (&json!(id), &json!("openid email profile"), &json!(CALLBACK))
    );
    assert_eq!(details(&app, &session, &id).json(), seen, "a page may be loaded twice");

    let answer = exchange(&app, &client, &code(&app, &client, &session, &asked));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = answer.json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(3600)));
    assert_eq!(tokens.get("user"), None);
    let access = claims(&tokens);
    assert_eq!(access["client_id"], client["client_id"]);
    assert_eq!(access["scope"], json!("openid email profile"));
    assert_eq!(access["amr"][0]["method"], json!("oauth_provider/authorization_code"));
    assert_eq!((&access["sub"], &access["role"]), (&session["user"]["id"], &json!("authenticated")));
    let id_token = claims(&json!({"access_token": tokens["id_token"]}));
    assert_eq!(id_token["aud"], client["client_id"]);
    assert_eq!(
        (&id_token["nonce"], &id_token["iss"]),
        (&json!("n-1"), &json!("http://127.0.0.1:54321/auth/v1"))
    );
    assert_eq!((&id_token["email"], &id_token["email_verified"]), (&json!("ann@example.com"), &json!(true)));
    assert_eq!(
        (&id_token["name"], &id_token["phone_number_verified"]),
        (&json!("ann@example.com"), &json!(false))
    );
    let userinfo = |tokens: &Value| {
        app.with_token(text(tokens, "access_token")).get("/auth/v1/oauth/userinfo").send().json()
    };
    let known = userinfo(&tokens);
    assert_eq!(
        (&known["sub"], &known["email"], &known["email_verified"]),
        (&access["sub"], &json!("ann@example.com"), &json!(true))
    );
    assert_eq!(known["user_metadata"]["email"], json!("ann@example.com"));
    assert_eq!(userinfo(&session), json!({"sub": access["sub"]}), "a user's own token has no scopes");

    let client_id = text(&client, "client_id");
    let grant = [("grant_type", "refresh_token"), ("refresh_token", text(&tokens, "refresh_token"))];
    let refreshed = ask_tokens(&app, &[&grant[..], &[("client_id", client_id)]].concat());
    assert_eq!(refreshed.status, 200, "{}", refreshed.text());
    assert_eq!(claims(&refreshed.json())["client_id"], client["client_id"]);
    assert_eq!(session_id(&refreshed.json()), session_id(&tokens));
}

#[test]
fn a_code_is_good_once_for_its_app_with_its_verifier_for_a_minute() {
    let app = app();
    let (client, other) = (public_client(&app), public_client(&app));
    let session = signed_up(&app, "ann@example.com");
    let new_code = || code(&app, &client, &session, &[("resource", "https://mcp.example.com/")]);
    let stored = app
        .database
        .value(r#"SELECT coalesce(max(code_hash), '') FROM "auth.oauth_authorizations""#)
        .unwrap();
    assert_eq!(stored, "");
    let one = new_code();
    let id = text(&client, "client_id");
    let ask = |code: &str, other: &[(&str, &str)]| {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", VERIFIER),
            ("client_id", id),
        ];
        let kept = usual.iter().filter(|(name, _)| !other.iter().any(|(of, _)| of == name));
        let members: Vec<(&str, &str)> =
            kept.chain(other).filter(|(_, value)| !value.is_empty()).copied().collect();
        ask_tokens(&app, &members)
    };
    let foreign = text(&other, "client_id");
    let rows: [(&[(&str, &str)], &str, &str); 8] = [
        (&[("code", "")], "invalid_request", "code is required"),
        (&[("code", "odd")], "invalid_grant", "Invalid authorization code"),
        (&[("code", &one[..one.len() - 1])], "invalid_grant", "Invalid authorization code"),
        (&[("client_id", foreign)], "invalid_grant", "not issued for this client"),
        (&[("redirect_uri", "https://app.example.com/")], "invalid_grant", "Invalid redirect_uri"),
        (&[("resource", "https://else.example.com/")], "invalid_grant", "resource does not match"),
        (&[("code_verifier", "")], "invalid_grant", "code_verifier is required"),
        (&[("code_verifier", CHALLENGE)], "invalid_grant", "does not match"),
    ];
    for (changed, error, description) in rows {
        assert_oauth_error(&ask(&one, changed), error, description);
    }
    let tokens = ask(&one, &[("redirect_uri", CALLBACK), ("resource", "https://mcp.example.com/")]).json();
    assert_eq!(get_user(&app, &tokens).status, 200);
    assert_oauth_error(&ask(&one, &[]), "invalid_grant", "Invalid authorization code");
    assert_eq!(get_user(&app, &tokens).status, 200, "a page that loads twice loses nothing");
    app.clock.advance(11);
    assert_oauth_error(&ask(&one, &[]), "invalid_grant", "Invalid authorization code");
    assert_eq!(get_user(&app, &tokens).status, 403, "a code that comes back later was stolen");

    let late = new_code();
    app.clock.advance(60);
    assert_oauth_error(&ask(&late, &[]), "invalid_grant", "Authorization code has expired");
    assert_oauth_error(&ask_tokens(&app, &[("client_id", id)]), "invalid_request", "grant_type is required");
    assert_oauth_error(
        &ask_tokens(&app, &[("client_id", id), ("grant_type", "password")]),
        "unsupported_grant_type",
        "Client is not allowed to use grant type: password",
    );
}

#[test]
fn a_confidential_client_shows_its_secret_in_the_way_it_is_registered_for() {
    let app = app();
    let session = signed_up(&app, "ann@example.com");
    let basic = register(&app, json!({}));
    let post = register(&app, json!({"token_endpoint_auth_method": "client_secret_post"}));
    let header = |client: &Value, secret: &str| {
        format!("Basic {}", STANDARD.encode(format!("{}:{secret}", text(client, "client_id"))))
    };
    let with_header = |header: &str, code: &str| {
        let body = json!({"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER});
        app.nobody().post("/auth/v1/oauth/token").header("authorization", header).json(&body).send()
    };
    let one = code(&app, &basic, &session, &[]);
    let secret = text(&basic, "client_secret");
    let refused = |answer: &Answer, message: &str| {
        assert_error(answer, 400, "invalid_credentials", message);
        assert_oauth_error(answer, "invalid_client", message);
    };
    refused(&with_header(&header(&basic, "wrong"), &one), "invalid client credentials");
    refused(&with_header(&header(&basic, ""), &one), "invalid client credentials");
    refused(&with_header("Basic !", &one), "invalid basic auth encoding");
    refused(&with_header("Basic bm8=", &one), "invalid basic auth format");
    refused(
        &with_header(&header(&post, text(&post, "client_secret")), &one),
        "registered for 'client_secret_post' but 'client_secret_basic' was used",
    );
    refused(&exchange(&app, &basic, &one), "registered for 'client_secret_basic' but 'none' was used");
    refused(&ask_tokens(&app, &[("grant_type", "refresh_token")]), "client_id is required");
    refused(&ask_tokens(&app, &[("client_id", "odd")]), "Invalid client_id format");
    let nobody = json!({"client_id": "00000000-0000-4000-8000-000000000000"});
    refused(&exchange(&app, &nobody, &one), "Invalid client credentials");
    refused(
        &app.nobody()
            .post("/auth/v1/oauth/token")
            .body("{")
            .header("content-type", "application/json")
            .send(),
        "failed to parse JSON body",
    );
    let encoded = format!("{}:{secret}", text(&basic, "client_id")).replace('-', "%2D").replace('_', "%5F");
    let encoded = format!("Basic {}", STANDARD.encode(encoded));
    assert_eq!(with_header(&encoded, &one).status, 200, "as strict clients encode it");
    let again = code(&app, &basic, &session, &[]);
    assert_eq!(with_header(&header(&basic, secret), &again).status, 200, "and as most send it");

    let two = code(&app, &post, &session, &[]);
    let members = [
        ("grant_type", "authorization_code"),
        ("code", two.as_str()),
        ("code_verifier", VERIFIER),
        ("client_id", text(&post, "client_id")),
        ("client_secret", text(&post, "client_secret")),
    ];
    assert_eq!(ask_tokens(&app, &members).status, 200);

    let three = code(&app, &basic, &session, &[]);
    app.clock.advance(1);
    let target = format!("/auth/v1/admin/oauth/clients/{}/regenerate_secret", text(&basic, "client_id"));
    let renewed = app.service_role().post(&target).send().json();
    refused(&with_header(&header(&basic, secret), &three), "invalid client credentials");
    assert_eq!(with_header(&header(&basic, text(&renewed, "client_secret")), &three).status, 200);
}

#[test]
fn a_refresh_token_is_good_for_its_app_alone() {
    let app = app();
    let (client, other) = (public_client(&app), public_client(&app));
    let session = signed_up(&app, "ann@example.com");
    let tokens = exchange(&app, &client, &code(&app, &client, &session, &[])).json();
    let by = |client: &Value, tokens: &Value| {
        let token = text(tokens, "refresh_token");
        ask_tokens(
            &app,
            &[
                ("grant_type", "refresh_token"),
                ("refresh_token", token),
                ("client_id", text(client, "client_id")),
            ],
        )
    };
    assert_oauth_error(
        &refresh(&app, text(&tokens, "refresh_token")),
        "invalid_client",
        "Client authentication required for OAuth session",
    );
    assert_oauth_error(
        &by(&other, &tokens),
        "invalid_client",
        "Client does not match the session's OAuth client",
    );
    assert_oauth_error(&by(&client, &session), "invalid_client", "not allowed for non-OAuth session");
    assert_eq!(by(&client, &tokens).status, 200, "none of that used it");
    let gone = by(&client, &json!({"refresh_token": "nonsense"}));
    assert_error(&gone, 400, "refresh_token_not_found", "Refresh Token Not Found");
    assert_oauth_error(&gone, "invalid_grant", "Refresh Token Not Found");

    let target = format!("/auth/v1/admin/oauth/clients/{}", text(&client, "client_id"));
    app.clock.advance(1);
    app.service_role().put(&target).json(&json!({"grant_types": ["authorization_code"]})).send();
    assert_oauth_error(&by(&client, &tokens), "unsupported_grant_type", "refresh_token");
}

#[test]
fn an_apps_token_does_not_act_for_the_account() {
    let more = [
        ("SECURITY_MANUAL_LINKING_ENABLED", "true"),
        ("PASSKEY_ENABLED", "true"),
        ("EXTERNAL_GOOGLE_ENABLED", "true"),
        ("EXTERNAL_GOOGLE_CLIENT_ID", "our-id"),
        ("EXTERNAL_GOOGLE_SECRET", "our-secret"),
    ];
    let app = TestApp::with_vars(&[&VARS[..], &more].concat());
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let tokens = exchange(&app, &client, &code(&app, &client, &session, &[])).json();
    let actor = || app.with_token(text(&tokens, "access_token"));
    let waiting = authorization_id(&app, &client, &[("scope", "phone")]);
    let put = |body: Value| actor().put("/auth/v1/user").json(&body).send();
    let refused: Vec<Answer> = vec![
        put(json!({"password": "another password"})),
        put(json!({"email": "eve@example.com"})),
        actor().post("/auth/v1/factors").json(&json!({"factor_type": "totp"})).send(),
        actor().post("/auth/v1/passkeys/registration/options").json(&json!({})).send(),
        actor().get("/auth/v1/user/identities/authorize?provider=google").send(),
        actor().get("/auth/v1/sessions").send(),
        actor().get("/auth/v1/user/export").send(),
        actor().delete("/auth/v1/user").json(&json!({})).send(),
        actor().get("/auth/v1/user/oauth/grants").send(),
        details(&app, &tokens, &waiting),
        decide(&app, &tokens, &waiting, "approve"),
    ];
    for answer in &refused {
        assert_error(answer, 403, "no_authorization", "An OAuth client's token may not do this");
    }
    assert_eq!(
        put(json!({"data": {"theme": "dark"}})).status,
        200,
        "what signs nobody in is the user's to let"
    );
    assert_eq!(get_user(&app, &tokens).status, 200);
    assert_eq!(actor().get("/rest/v1/nothing").send().status, 404, "the data is the policies' matter");
    assert_eq!(actor().post("/auth/v1/logout?scope=global").send().status, 204);
    assert_eq!(get_user(&app, &tokens).status, 403);
    assert_eq!(get_user(&app, &session).status, 200, "the user is not signed out elsewhere");
}

#[test]
fn a_banned_users_code_gives_nothing_and_stays() {
    let app = app();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let code = code(&app, &client, &session, &[]);
    let user = format!("/auth/v1/admin/users/{}", text(&session["user"], "id"));
    app.service_role().put(&user).json(&json!({"ban_duration": "1h"})).send();
    assert_oauth_error(&exchange(&app, &client, &code), "access_denied", "User is banned");
    app.service_role().put(&user).json(&json!({"ban_duration": "none"})).send();
    assert_eq!(exchange(&app, &client, &code).status, 200);
}

#[test]
fn fifty_exchanges_of_one_code_at_once_give_one_session() {
    let app = app();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let code = code(&app, &client, &session, &[]);
    let members = form(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("code_verifier", VERIFIER),
        ("client_id", text(&client, "client_id")),
    ]);
    app.database.take_turns();
    let calls = (0..50).map(|_| app.nobody().post("/auth/v1/oauth/token").body(members.clone())).collect();
    let answers = crate::app::at_once(calls, 0);
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 49));
    assert!(lost.iter().all(|answer| answer.json()["error"] == json!("invalid_grant")));
    assert_eq!(get_user(&app, &won[0].json()).status, 200);
}

#[test]
fn a_database_that_fails_at_any_step_leaves_everything_where_it_was() {
    let app = app();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let failing = |steps: u32, act: &dyn Fn() -> Answer| {
        for step in 1..=steps {
            app.database.fault.fail_at(step);
            assert_error(&act(), 500, "unexpected_failure", "Unexpected failure");
            assert!(!app.database.fault.is_armed(), "there is no step {step}");
        }
        app.database.fault.fail_at(steps + 1);
        let answer = act();
        assert!(app.database.fault.is_armed(), "there is another step: {}", answer.text());
        app.database.fault.mend();
        answer
    };
    let shown = failing(1, &|| authorize(&app, &client, &[]));
    let id = query(&location(&shown))["authorization_id"].clone();
    assert_eq!(failing(2, &|| details(&app, &session, &id)).status, 200);
    let decided = failing(2, &|| decide(&app, &session, &id, "approve"));
    let code = query(text(&decided.json(), "redirect_url"))["code"].clone();
    let tokens = failing(3, &|| exchange(&app, &client, &code));
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let target = format!("/auth/v1/user/oauth/grants?client_id={}", text(&client, "client_id"));
    let revoke = || app.with_token(text(&session, "access_token")).delete(&target).send();
    assert_eq!(failing(2, &revoke).status, 204);
    assert_eq!(get_user(&app, &tokens.json()).status, 403);
}

#[test]
fn a_code_whose_token_a_hook_refuses_stays_good() {
    let hook = [
        ("HOOK_CUSTOM_ACCESS_TOKEN_ENABLED", "true"),
        ("HOOK_CUSTOM_ACCESS_TOKEN_URI", "https://hooks.example/"),
        ("HOOK_CUSTOM_ACCESS_TOKEN_SECRETS", "v1,whsec_c2VjcmV0LW9uZQ=="),
    ];
    let app = TestApp::with_vars(&[&VARS[..], &hook].concat());
    let client = public_client(&app);
    let user =
        app.service_role().post("/auth/v1/admin/users").json(&json!({"email": "ann@example.com"})).send();
    let token = app.token(&json!({"sub": user.json()["id"], "role": "authenticated"}));
    let code = code(&app, &client, &json!({"access_token": token}), &[]);
    let refusal = r#"{"error":{"http_code":403,"message":"Not this app"}}"#;
    app.http_client.prepare("https://hooks.example/", 200, refusal);
    assert_error(&exchange(&app, &client, &code), 403, "unknown", "Not this app");
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.sessions""#).unwrap(), "0");
    with_claims(&app, json!({"plan": "pro"}));
    let tokens = exchange(&app, &client, &code).json();
    assert_eq!(claims(&tokens)["plan"], json!("pro"));
    let asked: Value = serde_json::from_str(&app.http_client.requests.borrow()[0].body).unwrap();
    assert_eq!(asked["claims"]["client_id"], client["client_id"]);
    assert_eq!(asked["authentication_method"], json!("oauth_provider/authorization_code"));
}
