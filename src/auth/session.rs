//! Sessions: what a sign-in starts, and the tokens it hands out.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::access_token;
use super::error::{Error, WeakPassword};
use super::model::{User, json_text};
use super::refresh_token::RefreshToken;
use super::store::sessions::Ending;
use super::store::{self, sessions};
use crate::app::App;
use crate::config::AuthConfig;
use crate::crypto;
use crate::sql::Statement;
use crate::time::Timestamp;

/// The program at the other end, as far as a session records it, and the URL it knows us by.
pub struct Client {
    /// `iss` of its tokens: `https://host/auth/v1`.
    pub issuer: String,
    /// Its address.
    pub ip: Option<String>,
    /// Its `User-Agent`.
    pub user_agent: Option<String>,
    /// The languages its user reads: its `Accept-Language`.
    pub languages: Option<String>,
    /// Where it is, as Cloudflare sees it: a country of ISO 3166-1, `T1` for Tor.
    pub country: Option<String>,
}

/// A row of `"auth.sessions"`, without what is only recorded.
#[derive(Deserialize)]
pub struct Session {
    pub id: String,
    pub user_id: String,
    /// Authenticator assurance level.
    pub aal: String,
    /// How the user signed in, newest first.
    #[serde(deserialize_with = "json_text")]
    pub amr: Vec<Authentication>,
    /// base64url, 32 bytes.
    pub refresh_token_hmac_key: String,
    /// Of the current refresh token.
    pub refresh_token_counter: u64,
    /// The lowest counter that is still good: tokens from before a second factor give nothing.
    pub refresh_token_floor: u64,
    /// When the counter last moved.
    pub refreshed_at: Option<String>,
    pub created_at: String,
    /// The app it is of, which alone refreshes it; `None` for people's own.
    pub oauth_client_id: Option<String>,
    /// What that app was granted, space-separated.
    pub scopes: Option<String>,
}

/// A row of `"auth.sessions"` as its user sees it: without what signs its tokens.
#[derive(Deserialize)]
pub struct SeenSession {
    pub id: String,
    pub created_at: String,
    pub updated_at: String,
    /// When its last refresh was.
    pub refreshed_at: Option<String>,
    /// What the program at the other end calls itself.
    pub user_agent: Option<String>,
    /// The address it was last seen at.
    pub ip: Option<String>,
    /// The country of that address.
    pub country: Option<String>,
    pub aal: String,
    #[serde(deserialize_with = "json_text")]
    pub amr: Vec<Authentication>,
}

/// One act of authentication: an entry of the `amr` claim.
#[derive(Clone, Serialize, Deserialize)]
pub struct Authentication {
    /// `password`, `otp`, `totp`…
    pub method: String,
    /// Unix seconds.
    pub timestamp: i64,
}

/// What a successful sign-in or refresh answers.
pub struct SignedIn {
    /// The session the tokens are of.
    pub session_id: String,
    /// Of the refresh token.
    pub counter: u64,
    /// Why an older refresh token was answered with the current one; empty when it was the current one, `None` when there was none.
    pub reuse: Option<&'static str>,
    pub access_token: String,
    pub refresh_token: String,
    /// Seconds from now.
    pub expires_in: u64,
    /// Unix seconds.
    pub expires_at: i64,
    pub user: User,
    /// Access and refresh token of the provider that vouched for the user, the second of which may be empty.
    pub provider_tokens: Option<(String, String)>,
    /// The password was right but no longer meets the rules.
    pub weak_password: Option<WeakPassword>,
}

impl Session {
    /// A session that one act of authentication starts: `password`, `otp`…
    pub fn start(app: &App, user_id: &str, method: &str) -> Self {
        let random = app.ports.random.as_ref();
        Self {
            id: crypto::random_uuid(random).to_string(),
            user_id: user_id.to_string(),
            aal: "aal1".into(),
            amr: vec![Authentication { method: method.into(), timestamp: app.now().seconds() }],
            refresh_token_hmac_key: crypto::base64url(&crypto::random_bytes(random, 32)),
            refresh_token_counter: 0,
            refresh_token_floor: 0,
            refreshed_at: None,
            created_at: app.now().to_postgres(),
            oauth_client_id: None,
            scopes: None,
        }
    }

    /// Why the session can no longer be refreshed, if a limit of its age has passed.
    pub fn expiry(&self, config: &AuthConfig, now: Timestamp) -> Option<Error> {
        let passed = |since: &str, seconds: u64| {
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            seconds > 0 && Timestamp::parse(since).is_some_and(|since| now > since.plus_seconds(seconds))
        };
        let last_used = self.refreshed_at.as_ref().unwrap_or(&self.created_at);
        if passed(&self.created_at, config.session_timebox_seconds) {
            return Some(Error::SessionExpired);
        }
        passed(last_used, config.session_inactivity_seconds).then_some(Error::SessionExpiredInactive)
    }

    /// Whether a second factor was shown.
    pub fn is_aal2(&self) -> bool {
        self.aal == "aal2"
    }

    /// The same session after its user showed a second factor. Two counters on, so that no refresh
    /// token from before it is even the previous one.
    pub fn raised(self, method: &str, now: Timestamp) -> Self {
        let mut amr = vec![Authentication { method: method.into(), timestamp: now.seconds() }];
        amr.extend(self.amr.into_iter().filter(|authentication| authentication.method != method));
        let counter = self.refresh_token_counter.saturating_add(2);
        Self {
            aal: "aal2".into(),
            amr,
            refresh_token_counter: counter,
            refresh_token_floor: counter,
            refreshed_at: Some(now.to_postgres()),
            ..self
        }
    }

    /// The key that signs this session's refresh tokens.
    pub fn refresh_token_key(&self) -> Result<Vec<u8>, Error> {
        crypto::from_base64url(&self.refresh_token_hmac_key)
            .ok_or_else(|| Error::Unexpected("a session's HMAC key is not base64url".into()))
    }

    /// The first tokens of a session that is stored already. If there are none, because a hook says no, `undo` takes back what
    /// nobody would have tokens of.
    pub async fn first_tokens(
        &self,
        app: &App,
        user: User,
        client: &Client,
        undo: Statement,
    ) -> Result<SignedIn, Error> {
        let made = self.tokens(app, user, 0, client).await;
        if made.is_err()
            && let Err(cause) = store::run(app.ports.database.as_ref(), vec![undo]).await
        {
            let line = json!({
                "at": app.now().to_milliseconds(),
                "level": "error",
                "message": "a sign-in failed, and its session stays without anyone having tokens of it",
                "session_id": self.id,
                "cause": format!("{cause:?}"),
            });
            app.ports.log.line(&line.to_string());
        }
        made
    }

    /// What ends this session alone.
    pub fn ending(&self) -> Statement {
        sessions::end(&self.user_id, Ending::One(&self.id), None)
    }

    /// New tokens of this session: an access token from now, and the refresh token of that counter.
    pub async fn tokens(
        &self,
        app: &App,
        user: User,
        counter: u64,
        client: &Client,
    ) -> Result<SignedIn, Error> {
        let id = Uuid::parse_str(&self.id).map_err(|error| Error::Unexpected(error.to_string()))?;
        let expires_in = app.config.auth.token_seconds;
        let expires_at = app.now().seconds().saturating_add(expires_in.try_into().unwrap_or(i64::MAX));
        // A session's first tokens, and those after a second factor, are for the last act of
        // authentication; all others for the refresh token before.
        let is_first = counter <= self.refresh_token_floor;
        let last = self.amr.first().map(|authentication| authentication.method.clone());
        let last = last.filter(|_| is_first);
        let method = last.as_deref().unwrap_or("token_refresh");
        Ok(SignedIn {
            session_id: self.id.clone(),
            counter,
            reuse: None,
            access_token: access_token::sign(app, &user, self, client, expires_at, method).await?,
            refresh_token: RefreshToken::issue(id, counter, &self.refresh_token_key()?),
            expires_in,
            expires_at,
            user,
            provider_tokens: None,
            weak_password: None,
        })
    }
}
