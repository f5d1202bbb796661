//! Signing in with a provider's account: it is found, joins an account, or becomes one.
//!
//! Read, decide, one guarded batch; when what was decided on moved meanwhile, the whole again.

use serde_json::json;

use super::account::ATTEMPTS;
use super::audit::{self, Action, Actor};
use super::edge;
use super::email_address::normal_form;
use super::error::Error;
use super::exchange::flow_state_id;
use super::hook;
use super::linking::{self, Decision};
use super::mailing::{self, Purpose, ReturnPath};
use super::metadata::{self, Metadata};
use super::model::User;
use super::pkce::Challenge;
use super::provider::account::ExternalAccount;
use super::provider::error::ProviderError;
use super::session::{Client, Session, SignedIn};
use super::store::sessions::{Ending, SessionKey};
use super::store::{
    self, external_accounts, factors, one_time_tokens, passkeys, recovery_codes, sessions, users,
};
use crate::app::App;
use crate::crypto;
use crate::ports::DbError;
use crate::sql::Statement;

/// A person whom a provider vouched for, on their way in.
pub struct Arrival<'a> {
    /// As identities name it.
    pub provider: &'a str,
    /// What the provider says, settled.
    pub account: &'a ExternalAccount,
    /// Whether an account without an address is one.
    pub email_optional: bool,
    /// What they get.
    pub give: &'a Give,
    /// Where a mail that asks about the address leads.
    pub path: &'a ReturnPath,
}

/// What a sign-in is to give.
pub enum Give {
    Session,
    /// A code for the browser that has the verifier, which gets the provider's tokens with the session:
    /// access and refresh token.
    Code(Challenge, (String, String)),
}

/// What it gave.
pub enum Given {
    In(Box<SignedIn>),
    Code(String),
}

/// Signs in.
pub async fn sign_in(app: &App, arrival: &Arrival<'_>, client: &Client) -> Result<Given, Error> {
    let autoconfirm = app.config.auth.autoconfirm;
    for _ in 0..ATTEMPTS {
        let statements = vec![
            external_accounts::by_identity(arrival.provider, arrival.account.subject()),
            external_accounts::by_emails(&linking::addresses(arrival.account, autoconfirm)),
        ];
        let results = store::run(app.ports.database.as_ref(), statements).await?;
        let decision = linking::decide(arrival.account, autoconfirm, results.first(0)?, results.all(1)?)?;
        let plan = Plan::new(app, arrival, decision)?;
        if plan.before.is_none() {
            hook::before_user_created(app, client.ip.as_deref(), &plan.after).await?;
        }
        match commit(app, arrival, plan, client).await {
            Ok(Some(given)) => return Ok(given),
            Ok(None) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Conflict)
}

/// What a sign-in makes of the stores.
pub(super) struct Plan {
    /// The user as read, if there was one.
    before: Option<User>,
    after: User,
    /// Whether the identity is there already.
    identity_is_known: bool,
    /// Whether everything else that could open the account goes: nobody ever proved that it was theirs.
    takes_over: bool,
    /// Whether the sign-in waits for the address, and whether a mail asks about it.
    refused: Option<Asks>,
    /// What the audit log calls it.
    act: Action,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Mail,
    Nobody,
}

impl Plan {
    fn new(app: &App, arrival: &Arrival<'_>, decision: Decision<User>) -> Result<Self, Error> {
        let claims = &arrival.account.claims;
        let (before, identity_is_known) = match decision {
            Decision::Known(user) => (Some(user), true),
            Decision::Joins(user) => (Some(user), false),
            Decision::New(email) => {
                if app.config.auth.disable_signup {
                    return Err(Error::SignupDisabled);
                }
                let id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
                let email = email.map(|email| email.address);
                let raw_user_meta_data = json!(claims).to_string();
                let after = User { email, raw_user_meta_data, ..User::new(id, app.now()) };
                let plan = Self::with(None, after, false, Action::UserSignedUp);
                return Ok(plan.settled(app, arrival, claims));
            }
        };
        let mut after = before.clone().ok_or(Error::Conflict)?;
        if after.is_banned(app.now()) {
            return Err(Error::TokenUserBanned);
        }
        metadata::merge(&mut after.raw_user_meta_data, claims);
        let plan = Self::with(before, after, identity_is_known, Action::Login);
        Ok(plan.settled(app, arrival, claims))
    }

    /// Of a user who was invited and shows the token: that is proof of the address, whatever the provider thinks of it.
    pub(super) fn of_invited(app: &App, arrival: &Arrival<'_>, user: User) -> Self {
        let mut plan = Self::with(Some(user.clone()), user, false, Action::InviteAccepted);
        plan.after.last_sign_in_at = Some(app.now().to_postgres());
        plan.take_over(&arrival.account.claims);
        plan.confirm(app);
        name_providers(&mut plan.after, &mut [arrival.provider].into_iter());
        plan
    }

    fn with(before: Option<User>, after: User, identity_is_known: bool, act: Action) -> Self {
        Self { before, after, identity_is_known, takes_over: false, refused: None, act }
    }

    /// Whether somebody who had the account before its address' owner is turned out of it.
    fn turns_out(&self) -> bool {
        self.takes_over && self.before.is_some() && self.after.email_confirmed_at.is_some()
    }

    /// Whoever made the account may have done so to wait for its owner: nothing of theirs stays.
    fn take_over(&mut self, claims: &Metadata) {
        self.takes_over = true;
        self.after.encrypted_password = None;
        self.after.raw_user_meta_data = json!(claims).to_string();
    }

    /// The address' owner has come: what signs in without it goes as well.
    fn confirm(&mut self, app: &App) {
        self.after.email_confirmed_at = Some(app.now().to_postgres());
        self.after.phone = None;
        self.after.phone_confirmed_at = None;
        let verified = Metadata::from_iter([("email_verified".to_string(), json!(true))]);
        metadata::merge(&mut self.after.raw_user_meta_data, &verified);
    }

    /// Confirms the address where it can be, and names the providers.
    fn settled(mut self, app: &App, arrival: &Arrival<'_>, claims: &Metadata) -> Self {
        self.after.last_sign_in_at = Some(app.now().to_postgres());
        let needs_address = !(arrival.email_optional && self.after.email.is_none());
        if needs_address && self.after.email_confirmed_at.is_none() {
            self.take_over(claims);
            if is_vouched_for(app, arrival, self.after.email.as_deref()) {
                self.confirm(app);
            } else if !app.config.auth.external.unverified_emails {
                let has_address = self.after.email.is_some();
                self.refused = Some(if has_address { Asks::Mail } else { Asks::Nobody });
                self.after.last_sign_in_at =
                    self.before.as_ref().and_then(|before| before.last_sign_in_at.clone());
            }
        }
        let known = self.before.iter().filter(|_| !self.takes_over).flat_map(|before| &before.identities);
        let known = known.map(|identity| identity.provider.as_str());
        name_providers(&mut self.after, &mut known.chain([arrival.provider]));
        self
    }
}

/// Whether somebody vouches that the account's address is the person's.
fn is_vouched_for(app: &App, arrival: &Arrival<'_>, email: Option<&str>) -> bool {
    let vouches = |said: &super::provider::account::Email| said.verified || app.config.auth.autoconfirm;
    match email {
        // There is nothing to confirm but the person.
        None => arrival.account.emails.iter().any(|said| said.primary && vouches(said)),
        Some(email) => {
            arrival.account.emails.iter().any(|said| vouches(said) && normal_form(&said.address) == email)
        }
    }
}

/// `app_metadata` names the providers of the account's identities, each once, the first of them alone as well.
pub fn name_providers(user: &mut User, providers: &mut dyn Iterator<Item = &str>) {
    let mut names: Vec<&str> = Vec::new();
    for name in providers {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let named = json!({"provider": names.first(), "providers": names});
    metadata::merge(&mut user.raw_app_meta_data, &named.as_object().cloned().unwrap_or_default());
}

/// `None` when what was decided on moved.
pub(super) async fn commit(
    app: &App,
    arrival: &Arrival<'_>,
    plan: Plan,
    client: &Client,
) -> Result<Option<Given>, Error> {
    let user_id = plan.after.id.clone();
    let ticket = Ticket::new(app, &user_id, arrival.give);
    let mut batch = statements(app, arrival, &plan);
    // The end of sessions goes last.
    let ended = plan.turns_out().then(|| batch.len() - 1);
    if plan.refused.is_none() {
        batch.push(ticket.insert(app, client));
    }
    batch.push(users::by_id(&user_id));
    let last = batch.len() - 1;
    let results = match store::run(app.ports.database.as_ref(), batch).await {
        Ok(results) => results,
        Err(DbError::Raised(what)) if what == external_accounts::MOVED => return Ok(None),
        Err(error) if Error::is_of_account(&error) => return Ok(None),
        Err(error) if plan.before.is_none() => return Err(Error::of_trigger(error, Error::SavingNewUser)),
        Err(error) => return Err(error.into()),
    };
    let user: User = results.first(last)?.ok_or(Error::Conflict)?;
    if let Some(ended) = ended {
        edge::revoke(app, &results.all::<SessionKey>(ended)?).await;
    }
    if plan.before.is_none() {
        hook::after_user_created(app, client.ip.as_deref(), &user).await?;
    }
    if plan.refused.is_none() {
        let traits = json!({"provider": arrival.provider});
        audit::record(app, Actor::User(&user), plan.act, client.ip.as_deref(), traits).await;
    }
    match plan.refused {
        Some(asks) => Err(ask(app, arrival, &user, asks).await),
        // The user was banned in between.
        None if !results.happened(last - 1)? => Err(Error::TokenUserBanned),
        None => ticket.given(app, user, client).await.map(Some),
    }
}

fn statements(app: &App, arrival: &Arrival<'_>, plan: &Plan) -> Vec<Statement> {
    let (now, random) = (app.now(), app.ports.random.as_ref());
    let (provider, subject) = (arrival.provider, arrival.account.subject());
    let (user, claims) = (&plan.after, &arrival.account.claims);
    let identity = if plan.identity_is_known {
        external_accounts::update_identity(provider, subject, claims, now)
    } else {
        external_accounts::insert_identity(random, &user.id, provider, subject, claims, now)
    };
    let Some(before) = &plan.before else { return vec![users::insert(user), identity] };
    let mut batch =
        vec![external_accounts::unchanged(before), identity, external_accounts::replace(user, now)];
    if plan.takes_over {
        batch.push(external_accounts::delete_other_identities(&user.id, provider, subject));
        batch.push(one_time_tokens::clear(user, None));
    }
    if plan.turns_out() {
        if !plan.identity_is_known {
            batch.extend([factors::delete_all(&user.id), recovery_codes::delete(&user.id)]);
        }
        batch.push(passkeys::delete_all(&user.id));
        batch.push(sessions::end(&user.id, Ending::All, None));
    }
    batch
}

/// Nobody vouches for the address: its owner is asked by mail, and the sign-in waits.
async fn ask(app: &App, arrival: &Arrival<'_>, user: &User, asks: Asks) -> Error {
    let provider = arrival.provider.to_string();
    match asks {
        Asks::Nobody => ProviderError::EmailUnverified(provider, false).into(),
        Asks::Mail => match mailing::send(app, user, Purpose::SignUp, arrival.path).await {
            Ok(()) => ProviderError::EmailUnverified(provider, true).into(),
            Err(error) => error,
        },
    }
}

/// What a sign-in gives, before it is stored.
pub enum Ticket<'a> {
    Session(Box<Session>),
    Code { code: String, user_id: String, challenge: &'a Challenge, tokens: &'a (String, String) },
}

impl<'a> Ticket<'a> {
    /// Of a user.
    pub fn new(app: &App, user_id: &str, give: &'a Give) -> Self {
        match give {
            Give::Session => Self::Session(Box::new(Session::start(app, user_id, "oauth"))),
            Give::Code(challenge, tokens) => Self::Code {
                code: crypto::random_uuid(app.ports.random.as_ref()).to_string(),
                user_id: user_id.to_string(),
                challenge,
                tokens,
            },
        }
    }

    /// Stores it; gives a row if the user is neither banned nor deleted by now.
    pub fn insert(&self, app: &App, client: &Client) -> Statement {
        let now = app.now();
        match self {
            Self::Session(session) => sessions::insert_if(session, client, now, |_| "TRUE".into()),
            Self::Code { code, user_id, challenge, tokens } => {
                let seconds = i64::try_from(app.config.auth.flow_state_seconds).unwrap_or(i64::MAX);
                let tokens = (tokens.0.as_str(), tokens.1.as_str());
                let expires_at = now.plus_seconds(seconds);
                external_accounts::insert_code(
                    &flow_state_id(code),
                    user_id,
                    challenge,
                    tokens,
                    now,
                    expires_at,
                )
            }
        }
    }

    /// What the browser gets.
    pub async fn given(self, app: &App, user: User, client: &Client) -> Result<Given, Error> {
        match self {
            Self::Session(session) => {
                let signed_in = session.first_tokens(app, user, client, session.ending()).await?;
                Ok(Given::In(Box::new(signed_in)))
            }
            Self::Code { code, .. } => Ok(Given::Code(code)),
        }
    }
}
