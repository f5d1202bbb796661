//! What an app asks, and what its user decides.

use super::*;

#[test]
fn less_scope_tells_less_and_a_second_consent_is_not_asked_for() {
    let app = app();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let tokens = exchange(&app, &client, &code(&app, &client, &session, &[("scope", "phone email")])).json();
    assert_eq!(tokens.get("id_token"), None);
    let again = details(&app, &session, &authorization_id(&app, &client, &[]));
    let url = text(&again.json(), "redirect_url").to_string();
    assert!(query(&url).contains_key("code"), "the default scope is covered: {url}");
    assert_eq!(again.json().as_object().unwrap().len(), 1);
    assert_eq!(exchange(&app, &client, &query(&url)["code"]).status, 200);
    let more = details(&app, &session, &authorization_id(&app, &client, &[("scope", "profile")]));
    assert_eq!(more.json()["scope"], json!("profile"), "more has to be asked for");
    let bob = signed_up(&app, "bob@example.com");
    let other = details(&app, &bob, &authorization_id(&app, &client, &[])).json();
    assert_eq!(other["user"]["email"], json!("bob@example.com"), "a consent is one user's");
}

#[test]
fn a_request_that_is_wrong_goes_back_to_the_app_only_when_that_is_right() {
    let app = app();
    let client = public_client(&app);
    let nobody = "00000000-0000-4000-8000-000000000000";
    let rows: [(&str, &str, &str, &str); 6] = [
        ("client_id", "", "validation_failed", "client_id is required"),
        ("redirect_uri", "", "validation_failed", "redirect_uri is required"),
        ("client_id", "odd", "oauth_client_not_found", "invalid client_id format"),
        ("client_id", nobody, "oauth_client_not_found", "invalid client_id"),
        ("redirect_uri", "https://app.example.com/callback", "validation_failed", "invalid redirect_uri"),
        (
            "redirect_uri",
            "https://app.example.com/callback?tenant=a&x",
            "validation_failed",
            "invalid redirect_uri",
        ),
    ];
    for (name, value, code, message) in rows {
        let answer = authorize(&app, &client, &[(name, value)]);
        assert_error(&answer, 400, code, message);
        assert_eq!(answer.header("location"), None);
    }
    let rows: [(&str, &str, &str, &str); 9] = [
        ("response_type", "token", "invalid_request", "only response_type=code is supported"),
        ("scope", "email admin", "invalid_request", "unsupported scope: admin"),
        ("scope", "openid", "invalid_scope", "asymmetric signing key"),
        ("resource", "/mcp", "invalid_request", "resource must be an absolute URI"),
        ("resource", "https://mcp.example.com/#x", "invalid_request", "must not include a fragment"),
        ("code_challenge", "", "invalid_request", "requires both code_challenge and code_challenge_method"),
        (
            "code_challenge_method",
            "",
            "invalid_request",
            "requires both code_challenge and code_challenge_method",
        ),
        ("code_challenge_method", "plain", "invalid_request", "code_challenge_method must be 'S256'"),
        ("code_challenge", "short", "invalid_request", "between 43 and 128 characters"),
    ];
    for (name, value, error, description) in rows {
        let answer = authorize(&app, &client, &[(name, value)]);
        assert_eq!(answer.status, 302, "{}", answer.text());
        let url = location(&answer);
        assert!(url.starts_with("https://app.example.com/callback?tenant=a&"), "{url}");
        let said = query(&url);
        assert_eq!((said["error"].as_str(), said["state"].as_str()), (error, "xyz & co"));
        assert!(said["error_description"].contains(description), "{said:?}");
    }
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.oauth_authorizations""#).unwrap(), "0");
}

#[test]
fn only_the_user_who_looked_first_decides_once_and_in_time() {
    let app = app();
    let client = public_client(&app);
    let (ann, bob) = (signed_up(&app, "ann@example.com"), signed_up(&app, "bob@example.com"));
    let missing = |answer: Answer| {
        assert_error(&answer, 404, "oauth_authorization_not_found", "authorization not found")
    };
    let id = authorization_id(&app, &client, &[]);
    missing(decide(&app, &ann, &id, "approve"));
    assert_eq!(details(&app, &ann, &id).status, 200);
    missing(details(&app, &bob, &id));
    missing(decide(&app, &bob, &id, "approve"));
    assert_error(
        &decide(&app, &ann, &id, "maybe"),
        400,
        "validation_failed",
        "action must be 'approve' or 'deny'",
    );
    let denied = decide(&app, &ann, &id, "deny").json();
    let said = query(text(&denied, "redirect_url"));
    assert_eq!(
        (said["error"].as_str(), said["error_description"].as_str()),
        ("access_denied", "User denied the request")
    );
    assert_error(&decide(&app, &ann, &id, "approve"), 400, "validation_failed", "no longer pending");
    assert_error(&details(&app, &ann, &id), 400, "validation_failed", "cannot be processed");

    let late = authorization_id(&app, &client, &[]);
    assert_eq!(details(&app, &ann, &late).status, 200);
    app.clock.advance(601);
    missing(decide(&app, &ann, &late, "approve"));
    missing(details(&app, &ann, "nothing"));

    let id = authorization_id(&app, &client, &[]);
    let target = format!("/auth/v1/oauth/authorizations/{id}");
    let from = |origin: &str| {
        app.with_token(text(&ann, "access_token")).get(&target).header("origin", origin).send()
    };
    assert_error(&from("https://evil.net"), 400, "validation_failed", "unauthorized request origin");
    assert_eq!(from("https://site.example.com").status, 200);
    assert_eq!(app.nobody().get(&target).send().status, 401);
}

#[test]
fn grants_are_listed_and_taken_back_with_all_that_came_of_them() {
    let app = app();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let tokens = exchange(&app, &client, &code(&app, &client, &session, &[("scope", "email  phone")])).json();
    let open = code(&app, &client, &session, &[]);
    let actor = || app.with_token(text(&session, "access_token"));
    let grants = actor().get("/auth/v1/user/oauth/grants").send().json();
    assert_eq!(grants[0]["client"]["name"], json!("Calendar"));
    assert_eq!(grants[0]["scopes"], json!(["email", "phone"]));
    assert!(text(&grants[0], "granted_at").ends_with('Z'));
    assert_eq!(actor().get("/auth/v1/user/export").send().json()["oauth_grants"], grants);
    let revoke = |query: &str| actor().delete(&format!("/auth/v1/user/oauth/grants{query}")).send();
    assert_error(&revoke(""), 400, "validation_failed", "client_id query parameter is required");
    assert_error(&revoke("?client_id=odd"), 400, "validation_failed", "invalid client_id format");
    let this = format!("?client_id={}", text(&client, "client_id"));
    let done = revoke(&this);
    assert_eq!((done.status.as_u16(), done.text().as_str()), (204, ""));
    assert_error(&revoke(&this), 404, "oauth_consent_not_found", "No active grant found for this client");
    assert_eq!(actor().get("/auth/v1/user/oauth/grants").send().json(), json!([]));
    assert_eq!(get_user(&app, &tokens).status, 403);
    assert_eq!(
        app.with_token(text(&tokens, "access_token")).get("/rest/v1/nothing").send().status,
        401,
        "nor the data"
    );
    assert_oauth_error(&exchange(&app, &client, &open), "invalid_grant", "Invalid authorization code");
    assert_eq!(get_user(&app, &session).status, 200);
    assert_eq!(
        details(&app, &session, &authorization_id(&app, &client, &[])).json()["scope"],
        json!("email")
    );
}
