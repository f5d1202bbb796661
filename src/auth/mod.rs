//! The auth API, as GoTrue serves it to supabase-js: accounts, sessions and their tokens.
//!
//! `api/` speaks HTTP and calls one use case each; a use case reads, decides and runs one guarded
//! batch; `store/` has the SQL. Not the check of a bearer token on every request: that is the
//! shell's, in [`crate::http`].

pub mod api;

mod account;
mod administration;
mod anonymous;
mod authorize;
mod custom_providers;
mod email_change;
mod enrolment;
mod exchange;
mod external_sign_in;
mod generate_link;
mod id_token_grant;
mod identity;
mod invitation;
mod invite;
mod oauth_server;
mod otp;
mod own_data;
mod own_sessions;
mod passkey;
mod phone_change;
mod reauthenticate;
mod recover;
mod recovery_codes;
mod refresh;
mod resend;
mod sign_in;
mod sign_out;
mod sign_up;
mod sweep;
mod verification;
mod verify;

mod access_token;
mod audit;
mod ban;
mod captcha;
mod contact;
mod edge;
mod email_address;
mod factor;
mod hook;
mod leaked_password;
mod linking;
mod lockout;
mod mail;
mod mailing;
mod metadata;
mod notice;
mod one_time_token;
mod password;
mod phone_factor;
mod phone_number;
mod pkce;
mod provider;
mod redirect;
mod refresh_token;
mod session;
mod sms;
mod texting;
mod totp;
mod webauthn;
mod webauthn_factor;

mod error;
mod model;
mod store;

pub use sweep::sweep;
