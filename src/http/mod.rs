//! The HTTP shell: what happens around every request, before and after its handler.
//!
//! Not the APIs: their endpoints are in `<feature>/api`, and their errors render themselves. Only
//! the shell and those folders know requests and responses.

mod authenticate;
mod context;
mod cors;
#[cfg(feature = "fault-routes")]
pub mod fault;
mod inside;
mod log;
mod refusal;
mod request;
mod response;
mod router;
mod serve;

pub use crate::ports::Body;
pub use authenticate::{authenticate, refuse_revoked};
pub use context::{Asked, Context, Failure, Parameters};
pub use inside::post_inside;
pub use refusal::{Api, Refusal, auth_error, auth_error_with, token_message_storage};
pub use request::{Request, is_loopback};
pub use response::{Cause, Response, ResponseExt, json_response, json_text, respond};
pub use router::{Handler, LimitedAs, Route, Router, handler};
pub use serve::{limit_rate, serve};
