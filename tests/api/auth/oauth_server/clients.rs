//! The registry of apps.

use super::*;

#[test]
fn clients_are_registered_shown_changed_and_removed() {
    let app = app();
    let created = register(
        &app,
        json!({"redirect_uris": [CALLBACK, "http://localhost:3000/cb"], "client_uri": "https://app.example.com"}),
    );
    let secret = text(&created, "client_secret");
    assert_eq!(secret.len(), 43);
    assert_eq!(
        (&created["client_type"], &created["token_endpoint_auth_method"], &created["registration_type"]),
        (&json!("confidential"), &json!("client_secret_basic"), &json!("manual"))
    );
    assert_eq!(created["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(created["response_types"], json!(["code"]));
    let stored =
        app.database.value(r#"SELECT client_secret_hash || settings FROM "auth.oauth_clients""#).unwrap();
    assert!(!stored.contains(secret), "{stored}");
    assert_eq!(public_client(&app).get("client_secret"), None);

    let admin = app.service_role();
    let target = format!("/auth/v1/admin/oauth/clients/{}", text(&created, "client_id"));
    let shown = admin.get(&target).send().json();
    assert_eq!(shown.get("client_secret"), None);
    assert_eq!(shown["redirect_uris"], created["redirect_uris"]);
    app.clock.advance(1);
    let updated = admin
        .put(&target)
        .json(&json!({"logo_uri": "https://app.example.com/new.png", "client_uri": ""}))
        .send()
        .json();
    assert_eq!(updated["logo_uri"], json!("https://app.example.com/new.png"));
    assert_eq!(updated["client_name"], json!("Calendar"));
    assert_eq!(updated.get("client_uri"), None);
    assert_ne!(updated["updated_at"], created["updated_at"]);
    assert_eq!(admin.get(&target).send().json(), updated);
    app.clock.advance(1);
    let renewed = admin.post(&format!("{target}/regenerate_secret")).send();
    assert_eq!(renewed.status, 200);
    assert_ne!(text(&renewed.json(), "client_secret"), secret);

    let list = |query: &str| admin.get(&format!("/auth/v1/admin/oauth/clients{query}")).send();
    assert_eq!(list("?page=&per_page=").json()["clients"].as_array().unwrap().len(), 2);
    assert_eq!(list("").header("link"), None);
    let second = list("?page=2&per_page=1");
    assert_eq!(second.json()["clients"].as_array().unwrap().len(), 1);
    assert_eq!(second.header("x-total-count"), Some("2"));
    assert!(second.header("link").unwrap().contains("rel=\"last\""));

    let deleted = admin.delete(&target).send();
    assert_eq!((deleted.status.as_u16(), deleted.text().as_str()), (204, ""));
    assert_error(&admin.get(&target).send(), 404, "oauth_client_not_found", "OAuth client not found");
    assert_error(&admin.delete(&target).send(), 404, "oauth_client_not_found", "OAuth client not found");
    let odd = admin.get("/auth/v1/admin/oauth/clients/odd").send();
    assert_error(&odd, 400, "validation_failed", "invalid client_id format");
    assert_eq!(app.anon().get("/auth/v1/admin/oauth/clients").send().status, 403);
}

#[test]
fn what_no_client_may_be_is_refused() {
    let app = app();
    let uris = |uris: Value| json!({"client_name": "x", "redirect_uris": uris});
    let with = |name: &str, value: Value| json!({"redirect_uris": [CALLBACK], name: value});
    let rows = [
        (json!({"client_name": "x"}), "redirect_uris is required"),
        (uris(json!([])), "redirect_uris is required"),
        (uris(json!(vec![CALLBACK; 11])), "redirect_uris cannot exceed 10 items"),
        (
            uris(json!(["javascript://x/%0aalert(1)"])),
            "scheme 'javascript' is not allowed for security reasons",
        ),
        (uris(json!(["http://app.example.com/"])), "HTTP scheme only allowed for localhost"),
        (uris(json!(["https://app.example.com/#f"])), "fragment not allowed in redirect URI"),
        (uris(json!(["/callback"])), "must have scheme and host"),
        (with("grant_types", json!(["password"])), "grant_types must only contain"),
        (with("client_type", json!("secret")), "client_type must be 'public' or 'confidential'"),
        (
            with("token_endpoint_auth_method", json!("tls")),
            "must be one of: [none client_secret_basic client_secret_post]",
        ),
        (with("client_name", json!("x".repeat(1025))), "client_name cannot exceed 1024 characters"),
        (with("logo_uri", json!("javascript:alert(1)")), "logo_uri must be a valid URL"),
        (
            json!({"redirect_uris": [CALLBACK], "client_type": "public", "token_endpoint_auth_method": "client_secret_post"}),
            "client_type 'public' is inconsistent with token_endpoint_auth_method 'client_secret_post' (expected client_type 'confidential')",
        ),
    ];
    for (body, message) in rows {
        let answer = app.service_role().post("/auth/v1/admin/oauth/clients").json(&body).send();
        assert_error(&answer, 400, "validation_failed", message);
    }
    let target = format!("/auth/v1/admin/oauth/clients/{}", text(&public_client(&app), "client_id"));
    let admin = app.service_role();
    let rows = [
        (json!({}), "No fields provided for update"),
        (json!({"redirect_uris": []}), "redirect_uris cannot be empty"),
        (
            json!({"token_endpoint_auth_method": "client_secret_basic"}),
            "is not valid for client_type 'public'; valid methods: [none]",
        ),
    ];
    for (body, message) in rows {
        assert_error(&admin.put(&target).json(&body).send(), 400, "validation_failed", message);
    }
    let answer = admin.post(&format!("{target}/regenerate_secret")).send();
    assert_error(&answer, 400, "validation_failed", "Cannot regenerate secret for public client");
}

#[test]
fn a_client_that_is_removed_takes_its_sessions_along() {
    let app = app();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let tokens = exchange(&app, &client, &code(&app, &client, &session, &[])).json();
    let target = format!("/auth/v1/admin/oauth/clients/{}", text(&client, "client_id"));
    let reads =
        |app: &TestApp| app.with_token(text(&tokens, "access_token")).get("/storage/v1/bucket").send();
    let elsewhere = app.another_isolate();
    assert_eq!(reads(&app).status, 200);
    assert_eq!(app.service_role().delete(&target).send().status, 204);
    assert_eq!(get_user(&app, &tokens).status, 403);
    for isolate in [&app, &elsewhere] {
        assert_eq!(reads(isolate).json()["message"], "The session has ended");
    }
    assert_eq!(get_user(&app, &session).status, 200);
    for table in ["oauth_consents", "oauth_authorizations"] {
        assert_eq!(app.database.value(&format!(r#"SELECT count(*) FROM "auth.{table}""#)).unwrap(), "0");
    }
}

#[test]
fn apps_register_themselves_only_where_the_settings_allow_it() {
    let closed = app();
    let body = json!({"redirect_uris": ["http://127.0.0.1:8080/cb"], "client_name": "Agent"});
    let register = |app: &TestApp| app.nobody().post("/auth/v1/oauth/clients/register").json(&body).send();
    assert_error(
        &register(&closed),
        403,
        "oauth_dynamic_client_registration_disabled",
        "Dynamic client registration is not enabled",
    );
    let discovery = |app: &TestApp, path: &str| app.nobody().get(path).send();
    let known = discovery(&closed, "/auth/v1/.well-known/oauth-authorization-server").json();
    assert_eq!(known.get("registration_endpoint"), None);
    assert_eq!(known["code_challenge_methods_supported"], json!(["S256"]));
    let open =
        TestApp::with_vars(&[&VARS[..], &[("OAUTH_SERVER_ALLOW_DYNAMIC_REGISTRATION", "true")]].concat());
    let answer = register(&open);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let client = answer.json();
    assert_eq!(
        (&client["registration_type"], &client["client_secret_expires_at"]),
        (&json!("dynamic"), &json!(0))
    );
    let known = discovery(&open, "/.well-known/oauth-authorization-server/auth/v1").json();
    assert_eq!(
        known["registration_endpoint"],
        json!("http://127.0.0.1:54321/auth/v1/oauth/clients/register")
    );
    assert_eq!(known["issuer"], json!("http://127.0.0.1:54321/auth/v1"));
    open.limits.refuse("ClientRegistration", 60);
    assert_eq!(register(&open).status, 429);
}
