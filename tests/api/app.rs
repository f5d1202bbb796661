//! A whole app for one test, and the actors who call it.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use edgeward::app::App;
use edgeward::config::{Config, DEMO_JWT_SECRET};
use edgeward::http::{Body, Request, serve};
use edgeward::ports::{Clock, Hasher, Ports};
use edgeward::routes;
use futures_executor::block_on;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::double::{
    CheapHasher, CountingRandom, LateWork, MemoryBlobs, MemoryEdgeCache, MemoryHttpClient, MemoryKeyValue,
    MemoryLog, MovableClock, NoLimits, NotedImages, NotedMailer, NotedQueue, Pieces, RingSignatures,
    StrictDatabase, TabledTimeZones,
};

/// The product on doubles. Each test makes its own.
pub struct TestApp {
    pub app: Rc<App>,
    pub database: Rc<StrictDatabase>,
    pub blobs: Rc<MemoryBlobs>,
    pub edge_cache: Rc<MemoryEdgeCache>,
    pub images: Rc<NotedImages>,
    pub event_queue: Rc<NotedQueue>,
    pub key_value: Rc<MemoryKeyValue>,
    pub clock: Rc<MovableClock>,
    pub hasher: Rc<CheapHasher>,
    pub limits: Rc<NoLimits>,
    pub http_client: Rc<MemoryHttpClient>,
    pub mailer: Rc<NotedMailer>,
    pub log: Rc<MemoryLog>,
    pub late_work: Rc<LateWork>,
}

impl TestApp {
    /// An app with the local demo settings and auto-confirm on.
    pub fn new() -> Self {
        Self::with_vars(&[])
    }

    /// As it is deployed: with a secret of its own, so that other hosts than loopback are served.
    pub fn deployed(vars: &[(&str, &str)]) -> Self {
        Self::with_vars(&[&[("JWT_SECRET", "a secret of this deployment, known to nobody")], vars].concat())
    }

    /// The same with more vars, or other values of them.
    pub fn with_vars(vars: &[(&str, &str)]) -> Self {
        let lookup = |name: &str| {
            let own = vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string());
            own.or_else(|| match name {
                "JWT_SECRET" => Some(DEMO_JWT_SECRET.to_string()),
                "PUBLISHABLE_KEYS" => Some("sb_publishable_test".to_string()),
                "SECRET_KEYS" => Some("sb_secret_test".to_string()),
                "MAILER_AUTOCONFIRM" => Some("true".to_string()),
                _ => None,
            })
        };
        Self::with_config(Config::from_vars(&lookup).unwrap())
    }

    fn with_config(config: Config) -> Self {
        let database = Rc::new(StrictDatabase::new());
        let blobs = Rc::new(MemoryBlobs::default());
        let edge_cache = Rc::new(MemoryEdgeCache::default());
        let images = Rc::new(NotedImages::default());
        let event_queue = Rc::new(NotedQueue::default());
        let key_value = Rc::new(MemoryKeyValue::default());
        let clock = Rc::new(MovableClock::new());
        let hasher = Rc::new(CheapHasher::default());
        let limits = Rc::new(NoLimits::default());
        let http_client = Rc::new(MemoryHttpClient::default());
        http_client.zone.replace(Some(edge_cache.clone()));
        let mailer = Rc::new(NotedMailer::default());
        let log = Rc::new(MemoryLog::default());
        let ports = Ports {
            database: database.clone(),
            blobs: blobs.clone(),
            edge_cache: edge_cache.clone(),
            images: Some(images.clone()),
            event_queue: Some(event_queue.clone()),
            key_value: key_value.clone(),
            clock: clock.clone(),
            time_zones: Rc::new(TabledTimeZones),
            random: Rc::new(CountingRandom::default()),
            hasher: hasher.clone(),
            signatures: Rc::new(RingSignatures),
            rate_limiter: limits.clone(),
            http_client: http_client.clone(),
            mailer: Some(mailer.clone()),
            log: log.clone(),
        };
        let app = Rc::new(App::new(config, ports, routes::router().unwrap()));
        let late_work = Rc::new(LateWork::default());
        Self {
            app,
            database,
            blobs,
            edge_cache,
            images,
            event_queue,
            key_value,
            clock,
            hasher,
            limits,
            http_client,
            mailer,
            log,
            late_work,
        }
    }

    /// The same with another hasher than [`CheapHasher`].
    pub fn with_hasher(vars: &[(&str, &str)], hasher: Rc<dyn Hasher>) -> Self {
        let app = Self::with_vars(vars);
        let ports = Ports { hasher, ..ports_of(&app) };
        Self { app: Rc::new(App::new(app.app.config.clone(), ports, routes::router().unwrap())), ..app }
    }

    /// Another isolate on the same stores: nothing remembered.
    pub fn another_isolate(&self) -> Self {
        let ports = ports_of(self);
        Self {
            app: Rc::new(App::new(self.app.config.clone(), ports, routes::router().unwrap())),
            database: self.database.clone(),
            blobs: self.blobs.clone(),
            edge_cache: self.edge_cache.clone(),
            images: self.images.clone(),
            event_queue: self.event_queue.clone(),
            key_value: self.key_value.clone(),
            clock: self.clock.clone(),
            hasher: self.hasher.clone(),
            limits: self.limits.clone(),
            http_client: self.http_client.clone(),
            mailer: self.mailer.clone(),
            log: self.log.clone(),
            late_work: self.late_work.clone(),
        }
    }

    /// The same without Cloudflare Images and a queue.
    pub fn without_optional_bindings(self) -> Self {
        let mut other = self.another_isolate();
        let ports = Ports { images: None, event_queue: None, ..ports_of(&self) };
        other.app = Rc::new(App::new(self.app.config.clone(), ports, routes::router().unwrap()));
        other
    }

    /// Nobody, with the anon key.
    pub fn anon(&self) -> Actor<'_> {
        self.with_token(&self.token(&json!({"role": "anon", "iss": "supabase-demo"})))
    }

    /// The project's back end, with the service key.
    pub fn service_role(&self) -> Actor<'_> {
        self.with_token(&self.token(&json!({"role": "service_role", "iss": "supabase-demo"})))
    }

    /// A user with a token but no account: enough for the data and storage APIs.
    pub fn user(&self, id: &str) -> Actor<'_> {
        let expires = self.clock.now().seconds() + 3600;
        self.with_token(&self.token(&json!({
            "role": "authenticated", "aud": "authenticated", "sub": id, "exp": expires,
            "email": format!("{id}@example.com"),
        })))
    }

    /// Whoever a bearer token says.
    pub fn with_token(&self, token: &str) -> Actor<'_> {
        Actor { app: self, token: Some(token.to_string()) }
    }

    /// Someone who sends no key and no token.
    pub fn nobody(&self) -> Actor<'_> {
        Actor { app: self, token: None }
    }

    /// Signs claims with the project's secret.
    pub fn token(&self, claims: &Value) -> String {
        edgeward::jwt::sign(claims, self.app.config.jwt_secret.as_bytes()).unwrap()
    }

    /// Applies a Postgres-dialect migration through the admin API.
    pub fn migrate(&self, version: &str, sql: &str) {
        let body = json!({"version": version, "name": "test", "sql": sql});
        let answer = self.service_role().post("/admin/v1/migrations").json(&body).send();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }

    /// Runs what waits for after the response.
    pub fn run_late_work(&self) {
        for work in self.late_work.take() {
            // As on the platform, where such work's panic is its own.
            let _ = block_on(AssertUnwindSafe(work).catch_unwind());
        }
    }
}

/// The stores of an app, for another isolate on them.
pub fn ports_of(app: &TestApp) -> Ports {
    Ports {
        database: app.database.clone(),
        blobs: app.blobs.clone(),
        edge_cache: app.edge_cache.clone(),
        images: app.app.ports.images.clone(),
        event_queue: app.app.ports.event_queue.clone(),
        key_value: app.key_value.clone(),
        clock: app.clock.clone(),
        time_zones: Rc::new(TabledTimeZones),
        random: app.app.ports.random.clone(),
        hasher: app.hasher.clone(),
        signatures: Rc::new(RingSignatures),
        rate_limiter: app.limits.clone(),
        http_client: app.http_client.clone(),
        mailer: Some(app.mailer.clone()),
        log: app.log.clone(),
    }
}

/// Someone who makes requests.
pub struct Actor<'a> {
    app: &'a TestApp,
    token: Option<String>,
}

impl<'a> Actor<'a> {
    pub fn get(&self, target: &str) -> Call<'a> {
        self.call(Method::GET, target)
    }

    pub fn post(&self, target: &str) -> Call<'a> {
        self.call(Method::POST, target)
    }

    pub fn put(&self, target: &str) -> Call<'a> {
        self.call(Method::PUT, target)
    }

    pub fn patch(&self, target: &str) -> Call<'a> {
        self.call(Method::PATCH, target)
    }

    pub fn delete(&self, target: &str) -> Call<'a> {
        self.call(Method::DELETE, target)
    }

    /// Any method; `target` is path and query.
    pub fn call(&self, method: Method, target: &str) -> Call<'a> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method,
            scheme: "http".into(),
            host: "127.0.0.1:54321".into(),
            path: path.into(),
            query: query.into(),
            headers: HeaderMap::new(),
            body: Body::Empty,
            address: "203.0.113.7".into(),
        };
        let call = Call { app: self.app, request };
        match &self.token {
            Some(token) => call.header("authorization", &format!("Bearer {token}")),
            None => call,
        }
    }
}

/// A request being made.
pub struct Call<'a> {
    app: &'a TestApp,
    request: Request,
}

impl Call<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request
            .headers
            .append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
        self
    }

    /// From elsewhere than everyone else.
    pub fn address(mut self, address: &str) -> Self {
        self.request.address = address.into();
        self
    }

    pub fn host(mut self, host: &str) -> Self {
        self.request.host = host.into();
        self
    }

    pub fn json(self, value: &Value) -> Self {
        self.body(value.to_string()).header("content-type", "application/json")
    }

    pub fn body(mut self, bytes: impl Into<bytes::Bytes>) -> Self {
        self.request.body = Body::from(bytes.into());
        self
    }

    pub fn stream(mut self, pieces: Pieces) -> Self {
        self.request.body = Body::Stream(Box::new(pieces));
        self
    }

    pub fn send(self) -> Answer {
        block_on(self.answer())
    }

    /// For requests that are under way at once: see [`at_once`].
    pub async fn answer(self) -> Answer {
        if let Some(edge) = &self.app.app.config.storage.edge_answers
            && let Some((headers, body)) = self.app.edge_cache.answer(&self.request, &edge.origin)
        {
            return Answer { status: StatusCode::OK, headers, body: body.to_vec() };
        }
        let response = serve(self.app.app.clone(), self.request, self.app.late_work.clone()).await;
        let (parts, body) = response.into_parts();
        let body = body.read(u64::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: body.to_vec() }
    }
}

/// The answers of requests under way at once. The database has to take turns
/// ([`StrictDatabase::take_turns`]): they then alternate, a batch of one after a batch of another, the
/// later ones `late` turns behind.
pub fn at_once(calls: Vec<Call<'_>>, late: usize) -> Vec<Answer> {
    let mut answers: Vec<Option<Answer>> = calls.iter().map(|_| None).collect();
    let mut waiting: Vec<Pin<Box<dyn Future<Output = Answer> + '_>>> =
        calls.into_iter().map(|call| Box::pin(call.answer()) as Pin<Box<_>>).collect();
    let mut turn = 0;
    block_on(poll_fn(|context| {
        for (index, call) in waiting.iter_mut().enumerate() {
            if answers[index].is_none()
                && (index == 0 || turn >= late)
                && let Poll::Ready(answer) = call.as_mut().poll(context)
            {
                answers[index] = Some(answer);
            }
        }
        turn += 1;
        context.waker().wake_by_ref();
        if answers.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    }));
    answers.into_iter().flatten().collect()
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}
