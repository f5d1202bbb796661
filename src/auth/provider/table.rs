//! The providers that are built in: where they are, what they are asked for, and where in their answer
//! things stand. What no row can say is in [`super::quirk`].

use super::profile::{Email, Profile, Verified};

/// One provider.
pub struct Row {
    /// As clients name it.
    pub name: &'static str,
    /// Where the browser goes: host and path. A server of one's own takes the place of every host.
    pub authorize: (&'static str, &'static str),
    /// Where codes become tokens: host and path.
    pub token: (&'static str, &'static str),
    /// Where a person's profile is: host and path.
    pub api: (&'static str, &'static str),
    /// Always asked for.
    pub scopes: &'static [&'static str],
    /// Whether an app may ask for more.
    pub takes_scopes: bool,
    /// How it knows us.
    pub authentication: Authentication,
    /// What it says of a person.
    pub source: Source,
}

/// How a token request says who asks (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// `Authorization: Basic`, and if that is refused the other.
    Either,
    /// In the body.
    Parameters,
}

/// Where a person's account is read.
#[derive(Clone, Copy)]
pub enum Source {
    /// From the provider's API.
    Api(&'static Profile),
    /// From the id token of that issuer; empty when the token says.
    IdToken(&'static str),
    /// From the token response itself, under that member.
    Token(&'static str, &'static Profile),
    /// OAuth 1.0a.
    Twitter,
}

use Authentication::{Either, Parameters};
use Source::{Api, IdToken, Token, Twitter};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row("apple",              ("appleid.apple.com",      "/auth/authorize"),               ("appleid.apple.com",      "/auth/token"),                ("appleid.apple.com", ""),   &["email", "name"],                      false, Parameters, IdToken("https://appleid.apple.com")),
    row("azure",              ("login.microsoftonline.com/common", "/oauth2/v2.0/authorize"), ("login.microsoftonline.com/common", "/oauth2/v2.0/token"), ("graph.microsoft.com", ""), &["openid"],                      true,  Either,     IdToken("")),
    row("bitbucket",          ("bitbucket.org",          "/site/oauth2/authorize"),        ("bitbucket.org",          "/site/oauth2/access_token"),  ("api.bitbucket.org", "/2.0"), &["account", "email"],                 false, Either,     Api(&BITBUCKET)),
    row("discord",            ("discord.com",            "/api/oauth2/authorize"),         ("discord.com",            "/api/oauth2/token"),          ("discord.com", "/api"),     &["email", "identify"],                  true,  Either,     Api(&DISCORD)),
    row("facebook",           ("www.facebook.com",       "/dialog/oauth"),                 ("graph.facebook.com",     "/oauth/access_token"),        ("graph.facebook.com", ""),  &["email"],                              true,  Parameters, Api(&FACEBOOK)),
    row("figma",              ("www.figma.com",          "/oauth"),                        ("api.figma.com",          "/v1/oauth/token"),            ("api.figma.com", ""),       &["current_user:read"],                  true,  Either,     Api(&FIGMA)),
    row("fly",                ("api.fly.io",             "/oauth/authorize"),              ("api.fly.io",             "/oauth/token"),               ("api.fly.io", ""),          &["read"],                               true,  Either,     Api(&FLY)),
    row("github",             ("github.com",             "/login/oauth/authorize"),        ("github.com",             "/login/oauth/access_token"),  ("api.github.com", ""),      &["user:email"],                         true,  Either,     Api(&GITHUB)),
    row("gitlab",             ("gitlab.com",             "/oauth/authorize"),              ("gitlab.com",             "/oauth/token"),               ("gitlab.com", ""),          &["read_user"],                          true,  Either,     Api(&GITLAB)),
    row("google",             ("accounts.google.com",    "/o/oauth2/v2/auth"),             ("oauth2.googleapis.com",  "/token"),                     ("www.googleapis.com", ""),  &["email", "profile"],                   true,  Either,     IdToken("https://accounts.google.com")),
    row("kakao",              ("kauth.kakao.com",        "/oauth/authorize"),              ("kauth.kakao.com",        "/oauth/token"),               ("kapi.kakao.com", ""),      &["account_email", "profile_image", "profile_nickname"], true, Parameters, Api(&KAKAO)),
    row("keycloak",           ("",                       "/protocol/openid-connect/auth"), ("",                       "/protocol/openid-connect/token"), ("", ""),                &["profile", "email"],                   true,  Either,     Api(&KEYCLOAK)),
    row("linkedin",           ("api.linkedin.com",       "/oauth/v2/authorization"),       ("api.linkedin.com",       "/oauth/v2/accessToken"),      ("api.linkedin.com", ""),    &["r_emailaddress", "r_liteprofile"],    true,  Either,     Api(&LINKEDIN)),
    row("linkedin_oidc",      ("api.linkedin.com",       "/oauth/v2/authorization"),       ("api.linkedin.com",       "/oauth/v2/accessToken"),      ("api.linkedin.com", ""),    &["openid", "email", "profile"],         true,  Either,     IdToken("https://www.linkedin.com/oauth")),
    row("notion",             ("api.notion.com",         "/v1/oauth/authorize"),           ("api.notion.com",         "/v1/oauth/token"),            ("api.notion.com", ""),      &[],                                     false, Either,     Api(&NOTION)),
    row("slack",              ("slack.com",              "/oauth/authorize"),              ("slack.com",              "/api/oauth.access"),          ("slack.com", "/api"),       &["profile", "email", "openid"],         true,  Either,     Api(&SLACK)),
    row("slack_oidc",         ("slack.com",              "/openid/connect/authorize"),     ("slack.com",              "/api/openid.connect.token"),  ("slack.com", "/api"),       &["profile", "email", "openid"],         true,  Either,     Api(&SLACK_OIDC)),
    row("snapchat",           ("accounts.snapchat.com",  "/accounts/oauth2/auth"),         ("accounts.snapchat.com",  "/accounts/oauth2/token"),     ("kit.snapchat.com", ""),    SNAPCHAT_SCOPES,                         true,  Either,     Api(&SNAPCHAT)),
    row("spotify",            ("accounts.spotify.com",   "/authorize"),                    ("accounts.spotify.com",   "/api/token"),                 ("api.spotify.com/v1", ""),  &["user-read-email"],                    true,  Either,     Api(&SPOTIFY)),
    row("twitch",             ("id.twitch.tv",           "/oauth2/authorize"),             ("id.twitch.tv",           "/oauth2/token"),              ("api.twitch.tv", ""),       &["user:read:email"],                    true,  Parameters, Api(&TWITCH)),
    row("twitter",            ("api.twitter.com",        "/oauth/authenticate"),           ("api.twitter.com",        "/oauth/access_token"),        ("api.twitter.com", ""),     &[],                                     false, Either,     Twitter),
    row("vercel_marketplace", ("api.vercel.com",         "/oauth/v2/authorization"),       ("api.vercel.com",         "/oauth/v2/accessToken"),      ("api.vercel.com", ""),      &[],                                     true,  Either,     IdToken("https://marketplace.vercel.com")),
    row("workos",             ("api.workos.com",         "/sso/authorize"),                ("api.workos.com",         "/sso/token"),                 ("api.workos.com", ""),      &[],                                     false, Parameters, Token("profile", &WORKOS)),
    row("x",                  ("x.com",                  "/i/oauth2/authorize"),           ("api.x.com",              "/2/oauth2/token"),            ("api.x.com", ""),           &["users.email", "tweet.read", "users.read", "offline.access"], true, Either, Api(&X)),
    row("zoom",               ("zoom.us",                "/oauth/authorize"),              ("zoom.us",                "/oauth/token"),               ("api.zoom.us", "/v2"),      &[],                                     false, Either,     Api(&ZOOM)),
];

#[expect(clippy::too_many_arguments, reason = "the columns of the table")]
const fn row(
    name: &'static str,
    authorize: (&'static str, &'static str),
    token: (&'static str, &'static str),
    api: (&'static str, &'static str),
    scopes: &'static [&'static str],
    takes_scopes: bool,
    authentication: Authentication,
    source: Source,
) -> Row {
    Row { name, authorize, token, api, scopes, takes_scopes, authentication, source }
}

const SNAPCHAT_SCOPES: &[&str] = &[
    "https://auth.snapchat.com/oauth2/api/user.external_id",
    "https://auth.snapchat.com/oauth2/api/user.display_name",
    "https://auth.snapchat.com/oauth2/api/user.bitmoji.avatar",
];

#[rustfmt::skip]
mod profiles {
    //! Claims and the places they come from: JSON pointers; several joined by `+` are words of one text.

    use super::{Email, Profile, Verified};

    pub const BITBUCKET: Profile = Profile {
        path: "/user", root: "", subject: "/uuid",
        claims: &[("name", "/display_name"), ("picture", "/avatar/href"), ("avatar_url", "/avatar/href"), ("full_name", "/display_name")],
        custom: &[],
        email: Email::List { path: "/user/emails", items: "/values", address: "/email", verified: Some("/is_confirmed"), primary: Some("/is_primary") },
    };
    pub const DISCORD: Profile = Profile {
        path: "/users/@me", root: "", subject: "/id",
        claims: &[("full_name", "/username")],
        custom: &[("global_name", "/global_name")],
        email: Email::One("/email", Verified::If("/verified")),
    };
    pub const FACEBOOK: Profile = Profile {
        path: "/me?fields=email,first_name,last_name,name,picture", root: "", subject: "/id",
        claims: &[("name", "/first_name+/last_name"), ("nickname", "/name"), ("picture", "/picture/data/url"), ("slug", "/name"), ("avatar_url", "/picture/data/url"), ("full_name", "/first_name+/last_name")],
        custom: &[],
        email: Email::One("/email", Verified::Always),
    };
    pub const FIGMA: Profile = Profile {
        path: "/v1/me", root: "", subject: "/id",
        claims: &[("name", "/handle"), ("avatar_url", "/img_url"), ("full_name", "/handle")],
        custom: &[],
        email: Email::One("/email", Verified::Always),
    };
    pub const FLY: Profile = Profile {
        path: "/oauth/token/info", root: "", subject: "/user_id",
        claims: &[("full_name", "/user_name")],
        custom: &[("resource_owner_id", "/resource_owner_id"), ("organizations", "/organizations"), ("application", "/application"), ("scope", "/scope"), ("created_at", "/created_at")],
        email: Email::One("/email", Verified::Always),
    };
    pub const GITHUB: Profile = Profile {
        path: "/user", root: "", subject: "/id",
        claims: &[("name", "/name"), ("preferred_username", "/login"), ("avatar_url", "/avatar_url"), ("full_name", "/name"), ("user_name", "/login")],
        custom: &[],
        email: Email::List { path: "/user/emails", items: "", address: "/email", verified: Some("/verified"), primary: Some("/primary") },
    };
    pub const GITLAB: Profile = Profile {
        path: "/api/v4/user", root: "", subject: "/id",
        claims: &[("name", "/name"), ("picture", "/avatar_url"), ("avatar_url", "/avatar_url"), ("full_name", "/name")],
        custom: &[],
        email: Email::OneAndList("/email", Verified::IfThere("/confirmed_at"), "/api/v4/user/emails", "/email"),
    };
    pub const KAKAO: Profile = Profile {
        path: "/v2/user/me", root: "", subject: "/id",
        claims: &[("name", "/kakao_account/profile/nickname"), ("preferred_username", "/kakao_account/profile/nickname"), ("avatar_url", "/kakao_account/profile/profile_image_url"), ("full_name", "/kakao_account/profile/nickname"), ("user_name", "/kakao_account/profile/nickname")],
        custom: &[],
        email: Email::One("/kakao_account/email", Verified::IfBoth("/kakao_account/is_email_verified", "/kakao_account/is_email_valid")),
    };
    pub const KEYCLOAK: Profile = Profile {
        path: "/protocol/openid-connect/userinfo", root: "", subject: "/sub",
        claims: &[("name", "/name"), ("full_name", "/name")],
        custom: &[],
        email: Email::One("/email", Verified::If("/email_verified")),
    };
    pub const LINKEDIN: Profile = Profile {
        path: "/v2/me?projection=(id,firstName,lastName,profilePicture(displayImage~:playableStreams))", root: "", subject: "/id",
        claims: &[("picture", "/profilePicture/displayImage~0/elements/0/identifiers/0/identifier"), ("avatar_url", "/profilePicture/displayImage~0/elements/0/identifiers/0/identifier")],
        custom: &[],
        email: Email::List { path: "/v2/emailAddress?q=members&projection=(elements*(handle~))", items: "/elements", address: "/handle~0/emailAddress", verified: None, primary: None },
    };
    pub const NOTION: Profile = Profile {
        path: "/v1/users/me", root: "/bot/owner/user", subject: "/id",
        claims: &[("name", "/name"), ("picture", "/avatar_url"), ("avatar_url", "/avatar_url"), ("full_name", "/name")],
        custom: &[],
        email: Email::One("/person/email", Verified::Always),
    };
    pub const SLACK: Profile = Profile { email: Email::One("/email", Verified::Always), ..SLACK_OIDC };
    pub const SLACK_OIDC: Profile = Profile {
        path: "/openid.connect.userInfo", root: "", subject: "/https:~1~1slack.com~1user_id",
        claims: &[("name", "/name"), ("picture", "/picture"), ("avatar_url", "/picture"), ("full_name", "/name")],
        custom: &[("https://slack.com/team_id", "/https:~1~1slack.com~1team_id")],
        email: Email::One("/email", Verified::If("/email_verified")),
    };
    pub const SNAPCHAT: Profile = Profile {
        path: "/v1/me?query=%7Bme+%7B+externalId+displayName+bitmoji+%7B+avatar+id+%7D+email+%7D%7D", root: "/data/me", subject: "/externalId",
        claims: &[("name", "/displayName"), ("picture", "/bitmoji/avatar"), ("slug", "/displayName"), ("avatar_url", "/bitmoji/avatar"), ("full_name", "/displayName")],
        custom: &[],
        email: Email::One("/email", Verified::Always),
    };
    pub const SPOTIFY: Profile = Profile {
        path: "/me", root: "", subject: "/id",
        claims: &[("name", "/display_name"), ("full_name", "/display_name")],
        custom: &[],
        email: Email::One("/email", Verified::Never),
    };
    pub const TWITCH: Profile = Profile {
        path: "/helix/users", root: "/data/0", subject: "/id",
        claims: &[("picture", "/profile_image_url"), ("name", "/login"), ("nickname", "/display_name"), ("slug", "/display_name"), ("avatar_url", "/profile_image_url"), ("full_name", "/login")],
        custom: &[("broadcaster_type", "/broadcaster_type"), ("description", "/description"), ("type", "/type"), ("offline_image_url", "/offline_image_url"), ("view_count", "/view_count")],
        email: Email::One("/email", Verified::Always),
    };
    pub const WORKOS: Profile = Profile {
        path: "", root: "", subject: "/id",
        claims: &[("name", "/first_name+/last_name"), ("full_name", "/first_name+/last_name")],
        custom: &[("connection_id", "/connection_id"), ("organization_id", "/organization_id")],
        email: Email::One("/email", Verified::Always),
    };
    pub const X: Profile = Profile {
        path: "/2/users/me?user.fields=id,name,username,confirmed_email,profile_image_url,url,created_at", root: "/data", subject: "/id",
        claims: &[("name", "/name"), ("preferred_username", "/username"), ("picture", "/profile_image_url"), ("website", "/url"), ("avatar_url", "/profile_image_url"), ("full_name", "/name"), ("user_name", "/username")],
        custom: &[("created_at", "/created_at")],
        email: Email::One("/confirmed_email", Verified::Always),
    };
    pub const ZOOM: Profile = Profile {
        path: "/users/me", root: "", subject: "/id",
        claims: &[("name", "/first_name+/last_name"), ("picture", "/pic_url"), ("avatar_url", "/pic_url"), ("full_name", "/first_name+/last_name")],
        custom: &[],
        email: Email::One("/email", Verified::Never),
    };
    /// Google's user info, for a token response without an id token.
    pub const GOOGLE: Profile = Profile {
        path: "/userinfo/v2/me", root: "", subject: "/id",
        claims: &[("name", "/name"), ("picture", "/picture"), ("avatar_url", "/picture"), ("full_name", "/name")],
        custom: &[],
        email: Email::One("/email", Verified::If("/verified_email")),
    };
    pub const TWITTER: Profile = Profile {
        path: "/1.1/account/verify_credentials.json", root: "", subject: "/id_str",
        claims: &[("name", "/name"), ("picture", "/profile_image_url_https"), ("preferred_username", "/screen_name"), ("user_name", "/screen_name"), ("full_name", "/name"), ("avatar_url", "/profile_image_url_https")],
        custom: &[],
        email: Email::One("/email", Verified::Always),
    };
}

use profiles::{
    BITBUCKET, DISCORD, FACEBOOK, FIGMA, FLY, GITHUB, GITLAB, KAKAO, KEYCLOAK, LINKEDIN, NOTION, SLACK,
    SLACK_OIDC, SNAPCHAT, SPOTIFY, TWITCH, WORKOS, X, ZOOM,
};
pub use profiles::{GOOGLE, TWITTER};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PROVIDERS;

    #[test]
    fn every_provider_that_can_be_configured_has_a_row() {
        let rows: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(rows, PROVIDERS);
    }
}
