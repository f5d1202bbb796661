//! Finds the route of a request.

use std::future::Future;
use std::rc::Rc;

use ::http::Method;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use matchit::Router as Tree;

use super::{Api, Asked, Context, Failure, Parameters, Response};
use crate::caller::Access;
use crate::config::RateLimits;

/// What answers a route.
pub type Handler = Box<dyn Fn(Context) -> LocalBoxFuture<'static, Response>>;

/// One row of the route table.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The whole path; `{name}` is one segment, `{*name}` the rest.
    pub path: &'static str,
    /// Who may call.
    pub access: Access,
    /// How often.
    pub limited_as: LimitedAs,
    /// The most bytes of a body.
    pub body_limit: u64,
    /// What answers.
    pub handler: Handler,
}

/// A class of routes that share token buckets per client address; the figures are the auth API's
/// defaults upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitedAs {
    /// Not limited here.
    Unlimited,
    /// As what the body asks for: the handler says so, by [`limit_rate`](super::limit_rate).
    ByBody,
    /// Sign-up.
    SignUp,
    /// Sign-up as nobody in particular.
    Anonymous,
    /// Token grants: password and refresh.
    TokenGrant,
    /// Changes to one's own account.
    Account,
    /// Questions put to a second factor.
    FactorChallenge,
    /// Codes of a second factor. Their user is limited as well, by the factor's own count.
    FactorVerify,
    /// Codes and links that are used.
    Verify,
    /// Asking for a code.
    Otp,
    /// Asking for a link.
    MagicLink,
    /// Asking for a new password.
    Recover,
    /// Asking for a mail again.
    Resend,
    /// Single sign-on.
    Sso,
    /// Going off to a provider, which is remembered until one comes back.
    Departure,
    /// Signing in with a passkey: the question and the answer.
    Passkey,
    /// Apps that register themselves.
    ClientRegistration,
}

impl LimitedAs {
    /// Tokens per hour and the bucket's size, or `None` for no limit.
    #[rustfmt::skip]
    pub fn rate(self, limits: &RateLimits) -> Option<(u32, u32)> {
        let in_five_minutes = |number: u32| Some((number.saturating_mul(12), BURST));
        match self {
            Self::Unlimited | Self::ByBody   => None,
            Self::SignUp | Self::Account     => in_five_minutes(limits.otp),
            Self::Otp    | Self::MagicLink   => in_five_minutes(limits.otp),
            Self::Recover | Self::Resend     => in_five_minutes(limits.otp),
            Self::Anonymous                  => Some((limits.anonymous, BURST)),
            Self::TokenGrant                 => in_five_minutes(limits.token_refresh),
            Self::Departure                  => in_five_minutes(limits.token_refresh),
            Self::Verify                     => in_five_minutes(limits.verify),
            Self::Passkey                    => in_five_minutes(limits.passkey),
            Self::Sso                        => in_five_minutes(limits.sso),
            Self::ClientRegistration         => in_five_minutes(limits.client_registration),
            Self::FactorChallenge | Self::FactorVerify => Some((limits.factors.saturating_mul(60), BURST)),
        }
    }
}

/// How many may come at once, as upstream.
const BURST: u32 = 30;

/// Makes a handler of an async function that answers or fails in its API's dialect.
pub fn handler<F, R, E>(function: F) -> Handler
where
    F: Fn(Context) -> R + 'static,
    R: Future<Output = Result<Response, E>> + 'static,
    E: Failure + 'static,
{
    let function = Rc::new(function);
    Box::new(move |context| {
        let asked = Asked::of(&context);
        let answer = function(context);
        async move { answer.await.unwrap_or_else(|failure| failure.render(&asked)) }.boxed_local()
    })
}

impl Asked {
    fn of(context: &Context) -> Self {
        Self {
            method: context.method.clone(),
            path: context.path.clone(),
            api_version: context.header("x-supabase-api-version").map(str::to_string),
            request_id: context.request_id.clone(),
            anonymous: context.caller.role == crate::caller::Role::Anon,
        }
    }
}

/// The route table as a tree per method.
pub struct Router {
    routes: Vec<Route>,
    trees: Vec<(Method, Tree<usize>)>,
}

/// What a lookup found.
pub(super) enum Found<'a> {
    Route(&'a Route, Parameters),
    OtherMethods(Vec<&'a Method>),
    Nothing,
}

impl Router {
    /// Builds the trees. Two rows with the same method and path are a mistake in the table, said in the error.
    pub fn new(routes: Vec<Route>) -> Result<Self, String> {
        let mut trees: Vec<(Method, Tree<usize>)> = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            if !trees.iter().any(|(method, _)| *method == route.method) {
                trees.push((route.method.clone(), Tree::new()));
            }
            let tree = trees.iter_mut().find(|(method, _)| *method == route.method);
            if let Some((_, tree)) = tree {
                tree.insert(route.path, index)
                    .map_err(|error| format!("route {} {}: {error}", route.method, route.path))?;
            }
        }
        Ok(Self { routes, trees })
    }

    /// All rows, in the table's order.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// A HEAD without a row of its own is answered by the GET row, without the body.
    pub(super) fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let get = (*method == Method::HEAD).then_some(Method::GET);
        for method in [Some(method.clone()), get].into_iter().flatten() {
            if let Some(found) = self.find_exactly(&method, path) {
                return found;
            }
        }
        let others: Vec<&Method> =
            self.trees.iter().filter(|(_, tree)| tree.at(path).is_ok()).map(|(method, _)| method).collect();
        if others.is_empty() { Found::Nothing } else { Found::OtherMethods(others) }
    }

    fn find_exactly(&self, method: &Method, path: &str) -> Option<Found<'_>> {
        let (_, tree) = self.trees.iter().find(|(of, _)| of == method)?;
        let matched = tree.at(path).ok()?;
        let route = self.routes.get(*matched.value)?;
        Some(Found::Route(route, Parameters::from_match(&matched.params)?))
    }
}

impl Api {
    /// The API a path falls under, which decides in what dialect the shell refuses.
    #[rustfmt::skip]
    pub fn of(path: &str) -> Self {
        const PREFIXES: &[(&str, Api)] = &[
            ("/auth/v1",    Api::Auth),
            ("/rest/v1",    Api::Rest),
            ("/storage/v1", Api::Storage),
            ("/admin/v1",   Api::Admin),
        ];
        let under = |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        PREFIXES.iter().find(|(prefix, _)| under(prefix)).map_or(Api::Site, |(_, api)| *api)
    }
}
