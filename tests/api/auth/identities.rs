//! Linking an identity by hand, and taking one away.

use serde_json::{Value, json};

use super::authenticator::verified;
use super::provider_sign_in::{
    ann_by_gitlab, come_back, fragment, github_answers, location, member, query, user_of, with_github,
};
use super::{PASSWORD, assert_error, get_user, signed_in, signed_up, text};
use crate::app::{Answer, TestApp};

const LINKING: &[(&str, &str)] =
    &[("SECURITY_MANUAL_LINKING_ENABLED", "true"), ("EXTERNAL_ANONYMOUS_USERS_ENABLED", "true")];

pub fn off_to_github(app: &TestApp, session: &Value) -> String {
    let target = "/auth/v1/user/identities/authorize?provider=github&skip_http_redirect=true";
    let answer = app.with_token(text(session, "access_token")).get(target).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    member(&query(text(&answer.json(), "url")), "state")
}

fn link(app: &TestApp, session: &Value, id: u64, emails: &[(&str, bool, bool)]) -> String {
    let state = off_to_github(app, session);
    github_answers(app, id, emails);
    location(&come_back(app, &state))
}

fn unlink(app: &TestApp, session: &Value, id: &str) -> Answer {
    app.with_token(text(session, "access_token")).delete(&format!("/auth/v1/user/identities/{id}")).send()
}

pub fn identity_id(user: &Value, provider: &str) -> String {
    let identities = user["identities"].as_array().unwrap();
    let found = identities.iter().find(|identity| identity["provider"] == json!(provider)).unwrap();
    text(found, "identity_id").to_string()
}

#[test]
fn linking_is_off_unless_it_is_switched_on() {
    let app = with_github(&[]);
    let ann = signed_up(&app, "ann@example.com");
    let actor = app.with_token(text(&ann, "access_token"));
    let answer = actor.get("/auth/v1/user/identities/authorize?provider=github").send();
    assert_error(&answer, 404, "manual_linking_disabled", "Manual linking is disabled");
    assert_error(&unlink(&app, &ann, "x"), 404, "manual_linking_disabled", "Manual linking is disabled");
    let app = with_github(LINKING);
    let answer = app.nobody().get("/auth/v1/user/identities/authorize?provider=github").send();
    assert_error(&answer, 401, "no_authorization", "This endpoint requires a valid Bearer token");
    let answer = app.with_token(text(&signed_up(&app, "ann@example.com"), "access_token"));
    let answer = answer.get("/auth/v1/user/identities/authorize?provider=github").send();
    assert_eq!(answer.status, 302);
}

#[test]
fn another_account_is_linked_whatever_its_address() {
    let app = with_github(LINKING);
    let ann = signed_up(&app, "ann@example.com");
    let url = link(&app, &ann, 7, &[("work@example.com", true, true)]);
    let user = user_of(&app, &url);
    assert_eq!((&user["id"], &user["email"]), (&ann["user"]["id"], &json!("ann@example.com")));
    assert_eq!(user["app_metadata"], json!({"provider": "email", "providers": ["email", "github"]}));
    assert_eq!(user["identities"].as_array().unwrap().len(), 2);

    let again = link(&app, &ann, 7, &[("work@example.com", true, true)]);
    assert_eq!(member(&query(&again), "error_code"), "identity_already_exists");
    let bob = signed_up(&app, "bob@example.com");
    let taken = link(&app, &bob, 7, &[("work@example.com", true, true)]);
    assert_eq!(member(&fragment(&taken), "error_description"), "Identity is already linked to another user");
}

#[test]
fn nobody_becomes_somebody_by_linking() {
    let app = with_github(&[LINKING, &[("MAILER_AUTOCONFIRM", "false")]].concat());
    let nobody = || app.anon().post("/auth/v1/signup").json(&json!({"data": {"cart": 3}})).send().json();
    let anonymous = nobody();
    let user = user_of(&app, &link(&app, &anonymous, 7, &[("ann@example.com", true, true)]));
    assert_eq!((&user["id"], &user["is_anonymous"]), (&anonymous["user"]["id"], &json!(false)));
    assert_eq!((&user["email"], &user["user_metadata"]["cart"]), (&json!("ann@example.com"), &json!(3)));
    assert!(user["email_confirmed_at"].is_string());

    let taken = link(&app, &nobody(), 8, &[("ann@example.com", true, true)]);
    assert_eq!(member(&query(&taken), "error_code"), "email_exists");
    let unverified = link(&app, &nobody(), 9, &[("bob@example.com", false, true)]);
    assert_eq!(member(&query(&unverified), "error_code"), "email_not_confirmed");
}

#[test]
fn an_identity_goes_and_the_account_keeps_an_address() {
    let app = with_github(LINKING);
    let ann = signed_up(&app, "ann@example.com");
    let only = identity_id(&ann["user"], "email");
    assert_error(
        &unlink(&app, &ann, &only),
        422,
        "single_identity_not_deletable",
        "User must have at least 1 identity after unlinking",
    );
    let user = user_of(&app, &link(&app, &ann, 7, &[("work@example.com", true, true)]));
    assert_error(&unlink(&app, &ann, "x"), 404, "validation_failed", "identity_id must be an UUID");
    let nobodys = "00000000-0000-4000-8000-000000000000";
    assert_error(&unlink(&app, &ann, nobodys), 422, "identity_not_found", "Identity doesn't exist");

    let answer = unlink(&app, &ann, &identity_id(&user, "email"));
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})));
    let user = get_user(&app, &ann).json();
    assert_eq!(user["email"], json!("work@example.com"));
    assert_eq!(user["app_metadata"], json!({"provider": "github", "providers": ["github"]}));
    assert_eq!(user["identities"].as_array().unwrap().len(), 1);
}

#[test]
fn an_identity_stays_whose_address_the_account_could_not_do_without() {
    let app = with_github(LINKING);
    let ann = signed_up(&app, "ann@example.com");
    let user = user_of(&app, &link(&app, &ann, 7, &[("work@example.com", true, true)]));
    signed_up(&app, "work@example.com");
    let answer = unlink(&app, &ann, &identity_id(&user, "email"));
    assert_error(
        &answer,
        422,
        "email_conflict_identity_not_deletable",
        "Unable to unlink identity due to email conflict",
    );
    assert_eq!(get_user(&app, &ann).json()["email"], json!("ann@example.com"));
}

#[test]
fn with_a_second_factor_identities_are_changed_only_by_who_has_shown_it() {
    let app = with_github(LINKING);
    let ann = signed_up(&app, "ann@example.com");
    let (_, raised) = verified(&app, &ann, "mine");
    let linked = link(&app, &raised, 7, &[("ann@example.com", true, true)]);
    let user = user_of(&app, &linked);
    let thief = signed_in(&app, "ann@example.com");
    let refused = |answer: &Answer| assert_error(answer, 401, "insufficient_aal", "AAL2 session is required");
    let actor = app.with_token(text(&thief, "access_token"));
    refused(&actor.get("/auth/v1/user/identities/authorize?provider=github").send());
    refused(&unlink(&app, &thief, &identity_id(&user, "github")));
    let body = json!({"provider": "google", "id_token": "x", "link_identity": true});
    refused(&actor.post("/auth/v1/token?grant_type=id_token").json(&body).send());
    assert_eq!(unlink(&app, &raised, &identity_id(&user, "github")).status, 200);
}

/// Somebody gives their own account an identity with Ann's address, for which its provider does not vouch, and waits for her.
#[test]
fn an_address_that_anyone_may_put_there_has_nobody_join_the_account() {
    let app = with_github(
        &[
            LINKING,
            &[
                ("MAILER_AUTOCONFIRM", "false"),
                ("EXTERNAL_PHONE_ENABLED", "true"),
                ("SMS_AUTOCONFIRM", "true"),
                ("EXTERNAL_GITLAB_ENABLED", "true"),
                ("EXTERNAL_GITLAB_CLIENT_ID", "our-id"),
                ("EXTERNAL_GITLAB_SECRET", "our secret"),
            ],
        ]
        .concat(),
    );
    let body = json!({"email": "spy@example.com", "password": PASSWORD, "email_confirm": true});
    app.service_role().post("/auth/v1/admin/users").json(&body).send();
    let spy = signed_in(&app, "spy@example.com");
    link(&app, &spy, 7, &[("ann@example.com", false, true)]);
    let body = json!({"phone": "15550001111", "password": PASSWORD, "data": {"email": "ann@example.com"}});
    let other = app.anon().post("/auth/v1/signup").json(&body).send().json();
    assert_eq!(other["user"]["identities"][0]["identity_data"].get("email"), None, "{other}");

    let user = user_of(&app, &ann_by_gitlab(&app));
    assert_eq!(user["email"], json!("ann@example.com"));
    for waiting in [&spy, &other] {
        assert_ne!(user["id"], waiting["user"]["id"]);
    }
}
