//! Every provider with an API of its own: where its browser goes, what it is asked, and what an identity of it has.

use serde_json::{Value, json};

use super::provider_sign_in::{come_back, depart, fragment, location, member, query, user_of};
use crate::app::TestApp;

struct Scenario {
    provider: &'static str,
    /// Where the browser goes, without the query.
    authorize: &'static str,
    /// What is asked for.
    scope: &'static str,
    token: &'static str,
    /// The provider's API: address and answer.
    answers: Vec<(&'static str, Value)>,
    /// `identity_data`, without what every identity has.
    claims: Value,
    custom: Value,
}

fn on(provider: &str) -> Vec<(String, String)> {
    let name = provider.to_uppercase();
    ["ENABLED=true", "CLIENT_ID=our-id", "SECRET=our-secret"]
        .iter()
        .map(|setting| setting.split_once('=').unwrap())
        .map(|(key, value)| (format!("EXTERNAL_{name}_{key}"), value.to_string()))
        .collect()
}

fn app_with(vars: &[(String, String)]) -> TestApp {
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    TestApp::with_vars(
        &[&vars[..], &[("MAILER_AUTOCONFIRM", "false"), ("MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS", "true")]]
            .concat(),
    )
}

#[rustfmt::skip]
fn scenarios() -> Vec<Scenario> {
    let row = |provider, authorize, scope, token, answers, claims, custom| Scenario { provider, authorize, scope, token, answers, claims, custom };
    vec![
        row("bitbucket", "https://bitbucket.org/site/oauth2/authorize", "account email", "https://bitbucket.org/site/oauth2/access_token",
            vec![("https://api.bitbucket.org/2.0/user/emails", json!({"values": [{"email": "old@x.dev", "is_primary": false, "is_confirmed": false}, {"email": "ann@x.dev", "is_primary": true, "is_confirmed": true}]})),
                 ("https://api.bitbucket.org/2.0/user", json!({"display_name": "Ann", "uuid": "{7}", "avatar": {"href": "https://i/a"}}))],
            json!({"iss": "https://api.bitbucket.org/2.0", "sub": "{7}", "name": "Ann", "full_name": "Ann", "picture": "https://i/a", "avatar_url": "https://i/a", "email_verified": true}), Value::Null),
        row("discord", "https://discord.com/api/oauth2/authorize", "email identify", "https://discord.com/api/oauth2/token",
            vec![("https://discord.com/api/users/@me", json!({"id": "7", "username": "ann", "global_name": "Ann", "discriminator": "1337", "avatar": "a_b", "email": "ann@x.dev", "verified": true}))],
            json!({"iss": "https://discord.com/api", "sub": "7", "name": "ann#1337", "full_name": "ann", "picture": "https://cdn.discordapp.com/avatars/7/a_b.gif", "avatar_url": "https://cdn.discordapp.com/avatars/7/a_b.gif", "email_verified": true}), json!({"global_name": "Ann"})),
        row("figma", "https://www.figma.com/oauth", "current_user:read", "https://api.figma.com/v1/oauth/token",
            vec![("https://api.figma.com/v1/me", json!({"id": "7", "email": "ann@x.dev", "handle": "Ann", "img_url": "https://i/a"}))],
            json!({"iss": "https://api.figma.com", "sub": "7", "name": "Ann", "full_name": "Ann", "avatar_url": "https://i/a", "email_verified": true}), Value::Null),
        row("fly", "https://api.fly.io/oauth/authorize", "read", "https://api.fly.io/oauth/token",
            vec![("https://api.fly.io/oauth/token/info", json!({"user_id": "7", "user_name": "Ann", "email": "ann@x.dev", "resource_owner_id": "r", "organizations": [{"id": "o", "role": "admin"}], "application": {"uid": "u"}, "scope": ["read"], "created_at": 5}))],
            json!({"iss": "https://api.fly.io", "sub": "7", "full_name": "Ann", "email_verified": true}),
            json!({"resource_owner_id": "r", "organizations": [{"id": "o", "role": "admin"}], "application": {"uid": "u"}, "scope": ["read"], "created_at": 5})),
        row("gitlab", "https://gitlab.com/oauth/authorize", "read_user", "https://gitlab.com/oauth/token",
            vec![("https://gitlab.com/api/v4/user/emails", json!([{"id": 1, "email": "other@x.dev"}])),
                 ("https://gitlab.com/api/v4/user", json!({"id": 7, "name": "Ann", "avatar_url": "https://i/a", "email": "ann@x.dev", "confirmed_at": "2012-05-23T09:05:22.000Z"}))],
            json!({"iss": "https://gitlab.com", "sub": "7", "name": "Ann", "full_name": "Ann", "picture": "https://i/a", "avatar_url": "https://i/a", "email_verified": true}), Value::Null),
        row("kakao", "https://kauth.kakao.com/oauth/authorize", "account_email profile_image profile_nickname", "https://kauth.kakao.com/oauth/token",
            vec![("https://kapi.kakao.com/v2/user/me", json!({"id": 7, "kakao_account": {"profile": {"nickname": "Ann", "profile_image_url": "https://i/a"}, "email": "ann@x.dev", "is_email_valid": true, "is_email_verified": true}}))],
            json!({"iss": "https://kapi.kakao.com", "sub": "7", "name": "Ann", "full_name": "Ann", "preferred_username": "Ann", "user_name": "Ann", "avatar_url": "https://i/a", "email_verified": true}), Value::Null),
        row("linkedin", "https://api.linkedin.com/oauth/v2/authorization", "r_emailaddress r_liteprofile", "https://api.linkedin.com/oauth/v2/accessToken",
            vec![("https://api.linkedin.com/v2/me", json!({"id": "7", "firstName": {"localized": {"en_US": "Ann"}, "preferredLocale": {"country": "US", "language": "en"}}, "lastName": {"localized": {"en_US": "Lee"}, "preferredLocale": {"country": "US", "language": "en"}}, "profilePicture": {"displayImage~": {"elements": [{"identifiers": [{"identifier": "https://i/a"}]}]}}})),
                 ("https://api.linkedin.com/v2/emailAddress", json!({"elements": [{"handle": "h", "handle~": {"emailAddress": "ann@x.dev"}}]}))],
            json!({"iss": "https://api.linkedin.com", "sub": "7", "name": "Ann Lee", "full_name": "Ann Lee", "picture": "https://i/a", "avatar_url": "https://i/a", "email_verified": true}), Value::Null),
        row("notion", "https://api.notion.com/v1/oauth/authorize", "", "https://api.notion.com/v1/oauth/token",
            vec![("https://api.notion.com/v1/users/me", json!({"bot": {"owner": {"user": {"id": "7", "name": "Ann", "avatar_url": "https://i/a", "person": {"email": "ann@x.dev"}}}}}))],
            json!({"iss": "https://api.notion.com", "sub": "7", "name": "Ann", "full_name": "Ann", "picture": "https://i/a", "avatar_url": "https://i/a", "email_verified": true}), Value::Null),
        row("slack", "https://slack.com/oauth/authorize", "profile email openid", "https://slack.com/api/oauth.access",
            vec![("https://slack.com/api/openid.connect.userInfo", json!({"https://slack.com/user_id": "7", "https://slack.com/team_id": "T", "email": "ann@x.dev", "name": "Ann", "picture": "https://i/a"}))],
            json!({"iss": "https://slack.com/api", "sub": "7", "name": "Ann", "full_name": "Ann", "picture": "https://i/a", "avatar_url": "https://i/a", "email_verified": true}), json!({"https://slack.com/team_id": "T"})),
        row("slack_oidc", "https://slack.com/openid/connect/authorize", "profile email openid", "https://slack.com/api/openid.connect.token",
            vec![("https://slack.com/api/openid.connect.userInfo", json!({"https://slack.com/user_id": "7", "https://slack.com/team_id": "T", "email": "ann@x.dev", "email_verified": false, "name": "Ann", "picture": "https://i/a"}))],
            json!({"iss": "https://slack.com/api", "sub": "7", "name": "Ann", "full_name": "Ann", "picture": "https://i/a", "avatar_url": "https://i/a", "email_verified": false}), json!({"https://slack.com/team_id": "T"})),
        row("snapchat", "https://accounts.snapchat.com/accounts/oauth2/auth", "https://auth.snapchat.com/oauth2/api/user.external_id https://auth.snapchat.com/oauth2/api/user.display_name https://auth.snapchat.com/oauth2/api/user.bitmoji.avatar", "https://accounts.snapchat.com/accounts/oauth2/token",
            vec![("https://kit.snapchat.com/v1/me?query=%7Bme+%7B+externalId+displayName+bitmoji+%7B+avatar+id+%7D+email+%7D%7D", json!({"data": {"me": {"externalId": "7", "displayName": "Ann", "bitmoji": {"avatar": "https://i/a"}, "email": "ann@x.dev"}}}))],
            json!({"iss": "https://accounts.snapchat.com/accounts/oauth2/token", "sub": "7", "name": "Ann", "full_name": "Ann", "slug": "Ann", "picture": "https://i/a", "avatar_url": "https://i/a", "email_verified": true}), Value::Null),
        row("spotify", "https://accounts.spotify.com/authorize", "user-read-email", "https://accounts.spotify.com/api/token",
            vec![("https://api.spotify.com/v1/me", json!({"id": "7", "display_name": "Ann", "email": "ann@x.dev", "images": [{"url": "https://i/s", "height": 64, "width": 64}, {"url": "https://i/a", "height": 300, "width": 300}]}))],
            json!({"iss": "https://api.spotify.com/v1", "sub": "7", "name": "Ann", "full_name": "Ann", "picture": "https://i/a", "avatar_url": "https://i/a", "email_verified": false}), Value::Null),
        row("twitch", "https://id.twitch.tv/oauth2/authorize", "user:read:email", "https://id.twitch.tv/oauth2/token",
            vec![("https://api.twitch.tv/helix/users", json!({"data": [{"id": "7", "login": "ann", "display_name": "Ann", "type": "", "broadcaster_type": "partner", "description": "d", "profile_image_url": "https://i/a", "offline_image_url": "https://i/o", "view_count": 3, "email": "ann@x.dev"}]}))],
            json!({"iss": "https://api.twitch.tv", "sub": "7", "name": "ann", "full_name": "ann", "nickname": "Ann", "slug": "Ann", "picture": "https://i/a", "avatar_url": "https://i/a", "email_verified": true}),
            json!({"broadcaster_type": "partner", "description": "d", "type": "", "offline_image_url": "https://i/o", "view_count": 3})),
        row("x", "https://x.com/i/oauth2/authorize", "users.email tweet.read users.read offline.access", "https://api.x.com/2/oauth2/token",
            vec![("https://api.x.com/2/users/me?user.fields=id,name,username,confirmed_email,profile_image_url,url,created_at", json!({"data": {"id": "7", "name": "Ann", "username": "ann", "confirmed_email": "ann@x.dev", "profile_image_url": "https://i/a", "url": "https://t.co/a", "created_at": "2020"}}))],
            json!({"iss": "https://api.x.com", "sub": "7", "name": "Ann", "full_name": "Ann", "preferred_username": "ann", "user_name": "ann", "picture": "https://i/a", "avatar_url": "https://i/a", "profile": "https://x.com/ann", "website": "https://t.co/a", "email_verified": true}), json!({"created_at": "2020"})),
        row("zoom", "https://zoom.us/oauth/authorize", "", "https://zoom.us/oauth/token",
            vec![("https://api.zoom.us/v2/users/me", json!({"id": "7", "first_name": "Ann", "last_name": "Lee", "email": "ann@x.dev", "verified": 1, "login_type": "100", "pic_url": "https://i/a"}))],
            json!({"iss": "https://api.zoom.us/v2", "sub": "7", "name": "Ann Lee", "full_name": "Ann Lee", "picture": "https://i/a", "avatar_url": "https://i/a", "email_verified": true}), Value::Null),
    ]
}

#[test]
fn what_providers_say_of_a_person_becomes_an_identity() {
    for scenario in scenarios() {
        let name = scenario.provider;
        let app = app_with(&on(name));
        let answer = app.nobody().get(&format!("/auth/v1/authorize?provider={name}")).send();
        let url = location(&answer);
        assert_eq!(url.split('?').next(), Some(scenario.authorize), "{name}");
        let members = query(&url);
        let scope = members.iter().find(|(key, _)| key == "scope").map_or("", |(_, value)| value);
        assert_eq!(scope, scenario.scope, "{name}");
        let state = member(&members, "state");
        app.http_client.prepare(scenario.token, 200, r#"{"access_token":"their-token"}"#);
        for (url, answer) in scenario.answers {
            app.http_client.prepare(url, 200, &answer.to_string());
        }
        let user = user_of(&app, &location(&come_back(&app, &state)));
        let identity = &user["identities"][0];
        assert_eq!(identity["provider"], json!(name));
        let mut data = identity["identity_data"].clone();
        let members = data.as_object_mut().unwrap();
        assert_eq!(members.remove("email"), Some(json!("ann@x.dev")), "{name}");
        assert_eq!(members.remove("phone_verified"), Some(json!(false)), "{name}");
        assert_eq!(members.remove("provider_id"), Some(members["sub"].clone()), "{name}");
        assert_eq!(members.remove("custom_claims").unwrap_or_default(), scenario.custom, "{name}");
        assert_eq!(data, scenario.claims, "{name}");
        assert_eq!(user["email"], json!("ann@x.dev"), "{name}");
        let asked = app.http_client.requests.borrow();
        let asked = asked.iter().filter(|request| request.method == "GET");
        for request in asked {
            assert!(request.headers.contains(&("authorization", "Bearer their-token".into())), "{name}");
        }
    }
}

#[test]
fn facebook_wants_proof_of_the_secret() {
    let app = app_with(&on("facebook"));
    let state = depart(&app.nobody(), "/auth/v1/authorize?provider=facebook");
    app.http_client.prepare(
        "https://graph.facebook.com/oauth/access_token",
        200,
        r#"{"access_token":"their-token"}"#,
    );
    let user = json!({"id": "7", "first_name": "Ann", "last_name": "Lee", "name": "Annie", "email": "ann@x.dev", "picture": {"data": {"url": "https://i/a"}}});
    app.http_client.prepare("https://graph.facebook.com/me", 200, &user.to_string());
    let user = user_of(&app, &location(&come_back(&app, &state)));
    let data = &user["identities"][0]["identity_data"];
    assert_eq!(
        data["iss"],
        json!("https://graph.facebook.com/me?fields=email,first_name,last_name,name,picture")
    );
    assert_eq!(
        (&data["name"], &data["nickname"], &data["slug"]),
        (&json!("Ann Lee"), &json!("Annie"), &json!("Annie"))
    );
    let proof = edgeward::crypto::hex(&edgeward::crypto::hmac_sha256(b"our-secret", b"their-token"));
    let request = &app.http_client.requests_to("https://graph.facebook.com/me")[0];
    assert!(request.url.ends_with(&format!("&appsecret_proof={proof}")), "{}", request.url);
}

#[test]
fn workos_sends_the_profile_with_the_token_and_x_asks_for_proof() {
    let app = app_with(&on("workos"));
    let answer = app
        .nobody()
        .get("/auth/v1/authorize?provider=workos&connection=c&workos_provider=GoogleOAuth")
        .send();
    let members = query(&location(&answer));
    assert_eq!(
        (member(&members, "connection").as_str(), member(&members, "provider").as_str()),
        ("c", "GoogleOAuth")
    );
    let tokens = json!({"access_token": "t", "profile": {"id": "7", "email": "ann@x.dev", "first_name": "Ann", "last_name": "Lee", "connection_id": "c", "organization_id": "o"}});
    app.http_client.prepare("https://api.workos.com/sso/token", 200, &tokens.to_string());
    let user = user_of(&app, &location(&come_back(&app, &member(&members, "state"))));
    let data = &user["identities"][0]["identity_data"];
    assert_eq!(
        (&data["name"], &data["custom_claims"]),
        (&json!("Ann Lee"), &json!({"connection_id": "c", "organization_id": "o"}))
    );

    let app = app_with(&on("x"));
    let answer =
        app.nobody().get("/auth/v1/authorize?provider=x&code_challenge=&code_verifier=forged").send();
    let members = query(&location(&answer));
    assert_eq!(member(&members, "code_challenge_method"), "S256");
    app.http_client.prepare("https://api.x.com/2/oauth2/token", 400, "{}");
    come_back(&app, &member(&members, "state"));
    let body = app.http_client.requests_to("https://api.x.com/2/oauth2/token")[0].body.clone();
    let form: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let hash = edgeward::crypto::sha256(member(&form, "code_verifier").as_bytes());
    assert_eq!(edgeward::crypto::base64url(&hash), member(&members, "code_challenge"));
}

#[test]
fn keycloak_and_github_may_be_ones_own() {
    let mut vars = on("keycloak");
    let app = app_with(&vars);
    let answer = app.nobody().get("/auth/v1/authorize?provider=keycloak").send();
    super::assert_error(&answer, 400, "validation_failed", "unable to find URL for the Keycloak provider");

    vars.push(("EXTERNAL_KEYCLOAK_URL".into(), "https://id.example.com/realms/a/".into()));
    let app = app_with(&vars);
    let state = depart(&app.nobody(), "/auth/v1/authorize?provider=keycloak");
    let base = "https://id.example.com/realms/a/protocol/openid-connect";
    app.http_client.prepare(&format!("{base}/token"), 200, r#"{"access_token":"t"}"#);
    let user =
        json!({"sub": "7", "name": "Ann", "email": "ann@x.dev", "email_verified": true, "groups": ["a"]});
    app.http_client.prepare(&format!("{base}/userinfo"), 200, &user.to_string());
    let user = user_of(&app, &location(&come_back(&app, &state)));
    assert_eq!(user["identities"][0]["identity_data"]["custom_claims"], json!({"groups": ["a"]}));

    let mut vars = on("github");
    vars.push(("EXTERNAL_GITHUB_URL".into(), "https://git.example.com".into()));
    vars.push(("EXTERNAL_GITHUB_REDIRECT_URI".into(), "https://api.example.com/auth/v1/callback".into()));
    let app = app_with(&vars);
    let answer = app.nobody().get("/auth/v1/authorize?provider=github").send();
    let members = query(&location(&answer));
    assert!(location(&answer).starts_with("https://git.example.com/login/oauth/authorize?"));
    assert_eq!(member(&members, "redirect_uri"), "https://api.example.com/auth/v1/callback");
    app.http_client.prepare(
        "https://git.example.com/login/oauth/access_token",
        200,
        r#"{"access_token":"t"}"#,
    );
    come_back(&app, &member(&members, "state"));
    assert_eq!(app.http_client.requests_to("https://git.example.com/api/v3/user").len(), 1);
}

#[test]
fn twitter_signs_its_requests() {
    let app = app_with(&on("twitter"));
    let request_token = "https://api.twitter.com/oauth/request_token";
    app.http_client.prepare(
        request_token,
        200,
        "oauth_token=asked&oauth_token_secret=s&oauth_callback_confirmed=true",
    );
    let answer = app.nobody().get("/auth/v1/authorize?provider=twitter").send();
    assert_eq!(location(&answer), "https://api.twitter.com/oauth/authenticate?oauth_token=asked");
    let header = app.http_client.requests_to(request_token)[0].headers[0].1.clone();
    assert!(header.starts_with("OAuth oauth_consumer_key=\"our-id\""), "{header}");
    let callback = header.split("oauth_callback=\"").nth(1).unwrap().split('"').next().unwrap();
    let state = callback.rsplit("%3D").next().unwrap();

    app.http_client.prepare(
        "https://api.twitter.com/oauth/access_token",
        200,
        "oauth_token=given&oauth_token_secret=s",
    );
    let user = json!({"id_str": "7", "name": "Ann", "screen_name": "ann", "email": "ann@x.dev", "profile_image_url_https": "https://i/a"});
    app.http_client.prepare(
        "https://api.twitter.com/1.1/account/verify_credentials.json",
        200,
        &user.to_string(),
    );
    let back = format!("/auth/v1/callback?state={state}&oauth_token=asked&oauth_verifier=v");
    let url = location(&app.nobody().get(&back).send());
    assert_eq!(member(&fragment(&url), "provider_token"), "given");
    let user = user_of(&app, &url);
    assert_eq!(user["identities"][0]["identity_data"]["user_name"], json!("ann"));
    assert_eq!(user["identities"][0]["id"], json!("7"));
}
