//! The OAuth 2.1 server: other people's apps sign in with accounts of this project. Routes, shapes and words are upstream's
//! (`internal/api/oauthserver` in supabase/auth). Not signing in here with an account elsewhere: that is [`super::provider`].
//!
//! An app asks (`authorization`), the site's own page shows the user what for and says what they decide (`consent`), the app
//! exchanges the code it gets (`grant`). Stricter than upstream: PKCE is S256, a code lives a minute and is kept as a hash, a code
//! that comes again ends the session it began, and an app's tokens change nothing about how its user signs in.

pub mod authorization;
pub mod claims;
pub mod client;
pub mod client_authentication;
pub mod consent;
pub mod error;
pub mod grant;
pub mod scope;
