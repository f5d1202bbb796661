//! The data API's endpoints: a request's parts go in, one use case is called.

mod batch;

use std::rc::Rc;

use ::http::header::{ALLOW, CONTENT_TYPE};
use ::http::{HeaderMap, HeaderName, Method, StatusCode};

use super::batch::{self as transaction, BatchRefusal};
use super::error::{PostgresError, RestError};
use super::plan::{Called, find_function};
use super::request::{
    Arguments, BodyError, Located, Payload, Preferences, Query, RowRange, canonical, negotiate, parse_body,
};
use super::{Action, RestRequest, Zone, answer, explain, openapi, setting};
use crate::app::App;
use crate::caller::{Caller, CallersRequest, Role};
use crate::config::{Description, RestConfig};
use crate::http::{Body, Context, Response, ResponseExt, respond};
use crate::schema::{Catalog, Command, Table, Volatility};

/// `GET|HEAD|POST|PATCH|PUT|DELETE /rest/v1/{relation}`.
pub async fn relation(mut context: Context) -> Result<Response, RestError> {
    let request = parse(&mut context).await?;
    let caller = with_request(&mut context);
    Ok(answer(&context.app, &caller, &request).await?.into_response())
}

/// `POST /rest/v1/batch`: several requests in one transaction; ours. A table of that name goes first.
pub async fn batch(mut context: Context) -> Result<Response, BatchRefusal> {
    if is_a_table(&context, "batch").await? {
        let request = parse(&mut context).await?;
        let caller = with_request(&mut context);
        return Ok(answer(&context.app, &caller, &request).await?.into_response());
    }
    let body = context.read_body().await.map_err(RestError::from)?;
    let app = context.app.clone();
    let catalog = catalog(&app).await?;
    let rest = &setting::in_force(&app.config.rest, &catalog);
    let requests = batch::parse(&body, |head, body| in_zone(&app, request(rest, head, body)?))?;
    let caller = with_request(&mut context);
    let answers = transaction::answer_all(&context.app, &caller, &requests).await?;
    Ok(batch::into_response(answers, caller.role == Role::Anon))
}

/// `OPTIONS /rest/v1/{relation}`: what may be done with it.
pub async fn options(context: Context) -> Result<Response, RestError> {
    let (schema, _) = schema(&context.app.config.rest, &context.headers, Action::Read { bodiless: true })?;
    let catalog = catalog(&context.app).await?;
    let name = context.parameters.get("relation");
    let Some(table) = catalog.relation(&schema, name) else {
        return Err(RestError::NoTable { schema, table: name.to_string(), closest: None });
    };
    let takes = |command| takes(&catalog, table, command);
    let is_keyed = !table.primary_key_columns().is_empty();
    let methods = [
        ("OPTIONS,GET,HEAD", true),
        ("POST", takes(Command::Insert)),
        ("PUT", is_keyed && takes(Command::Insert) && takes(Command::Update)),
        ("PATCH", takes(Command::Update)),
        ("DELETE", takes(Command::Delete)),
    ];
    let methods: Vec<&str> = methods.iter().filter(|(_, may)| *may).map(|(method, _)| *method).collect();
    Ok(respond(StatusCode::OK, Body::Empty).with_header(ALLOW, methods.join(",")))
}

/// Whether a relation's rows can be written to: a view's if it is simple, or a trigger runs instead.
fn takes(catalog: &Catalog, relation: &Table, command: Command) -> bool {
    let Some(view) = catalog.view(&relation.schema, &relation.name) else { return true };
    catalog.instead_of(relation, command).is_some()
        || (!view.materialized && catalog.write_path(view, &[]).is_ok())
}

/// `GET /rest/v1/`: the description of the API.
pub async fn root(context: Context) -> Result<Response, RestError> {
    permit_description(&context)?;
    let (schema, says_schema) =
        schema(&context.app.config.rest, &context.headers, Action::Read { bodiless: false })?;
    let catalog = catalog(&context.app).await?;
    let document = openapi::document(&catalog, &schema, context.caller.role.name(), &context.origin);
    let response = respond(StatusCode::OK, Body::from(document.to_string()))
        .with_header(CONTENT_TYPE, "application/openapi+json; charset=utf-8");
    Ok(if says_schema {
        response.with_header(HeaderName::from_static("content-profile"), schema)
    } else {
        response
    })
}

/// Whether there is a description, for this caller and in the type that was asked for.
fn permit_description(context: &Context) -> Result<(), RestError> {
    match context.app.config.rest.description {
        Description::Disabled => return Err(RestError::RootDescription),
        Description::ServiceRole if !context.caller.bypasses_row_security() => {
            return Err(RestError::Postgres(PostgresError {
                hint: Some("Only the service key may read the description of the API.".to_string()),
                ..PostgresError::new("42501", "Access to schema is forbidden")
            }));
        }
        Description::ServiceRole | Description::FollowPrivileges => {}
    }
    const TYPES: &[&str] = &["application/openapi+json", "application/json", "application/*", "*/*"];
    let accept = context.header("accept").filter(|accept| !accept.trim().is_empty()).unwrap_or("*/*");
    let mut asked = accept.split(',').map(|of| of.split(';').next().unwrap_or_default().trim());
    if asked.any(|of| TYPES.contains(&of)) { Ok(()) } else { Err(RestError::Media(accept.to_string())) }
}

/// `GET|HEAD|POST /rest/v1/rpc/{function}`.
pub async fn function(mut context: Context) -> Result<Response, RestError> {
    let request = parse_call(&mut context).await?;
    let caller = with_request(&mut context);
    Ok(answer(&context.app, &caller, &request).await?.into_response())
}

/// `OPTIONS /rest/v1/rpc/{function}`: how it may be called.
pub async fn function_options(context: Context) -> Result<Response, RestError> {
    let action = Action::Read { bodiless: true };
    let (schema, _) = schema(&context.app.config.rest, &context.headers, action)?;
    let catalog = catalog(&context.app).await?;
    let (_, arguments) = Query::parse_call(&context.query)?;
    let called = Called { arguments: Arguments::Texts(arguments), is_post: false };
    let routine = find_function(&catalog, &schema, context.parameters.get("function"), &called)?;
    let methods = match routine.volatility {
        Volatility::Volatile => "OPTIONS,POST",
        _ => "OPTIONS,GET,HEAD,POST",
    };
    Ok(respond(StatusCode::OK, Body::Empty).with_header(ALLOW, methods))
}

async fn parse_call(context: &mut Context) -> Result<RestRequest, RestError> {
    let app = context.app.clone();
    let catalog = catalog(&app).await?;
    let rest = &setting::in_force(&app.config.rest, &catalog);
    let body = if context.method == Method::POST { context.read_body().await? } else { Default::default() };
    let head = Head {
        method: &context.method,
        relation: context.parameters.get("function"),
        is_call: true,
        query: &context.query,
        headers: &context.headers,
    };
    in_zone(&app, call(rest, &head, &body)?)
}

/// A whole call of a function.
fn call(rest: &RestConfig, head: &Head<'_>, body: &[u8]) -> Result<RestRequest, RestError> {
    let is_post = match *head.method {
        Method::POST => true,
        Method::GET | Method::HEAD => false,
        _ => return Err(RestError::CallMethod(head.method.to_string())),
    };
    let action = Action::Read { bodiless: head.method == Method::HEAD };
    let profile = if is_post { Action::Insert } else { action };
    let (query, arguments) = if is_post {
        let query = Query::parse(head.query)?;
        let arguments = Arguments::parse(text(head.headers, "content-type"), body, query.columns.as_deref())?;
        (query, arguments)
    } else {
        let (query, arguments) = Query::parse_call(head.query)?;
        (query, Arguments::Texts(arguments))
    };
    let request = saying(rest, head, query, profile)?;
    Ok(RestRequest { action, called: Some(Called { arguments, is_post }), ..request })
}

/// The caller, of whose request SQL may ask. Its headers are not needed elsewhere any more.
fn with_request(context: &mut Context) -> Caller {
    let path = context.path.strip_prefix("/rest/v1").unwrap_or(&context.path).to_string();
    let (method, headers) = (context.method.clone(), std::mem::take(&mut context.headers));
    let request = Some(Rc::new(CallersRequest { method, path, headers }));
    Caller { request, ..context.caller.clone() }
}

async fn catalog(app: &App) -> Result<Rc<Catalog>, RestError> {
    app.catalog.get(app.ports.database.as_ref()).await.map_err(|error| explain::plainly(&error))
}

async fn is_a_table(context: &Context, name: &str) -> Result<bool, RestError> {
    let (schema, _) = schema(&context.app.config.rest, &context.headers, Action::Insert)?;
    Ok(catalog(&context.app).await?.table(&schema, name).is_some())
}

/// What a request says before its body.
struct Head<'r> {
    /// What is done.
    pub method: &'r Method,
    /// The relation's or function's name, decoded.
    pub relation: &'r str,
    /// Whether it is a function's.
    pub is_call: bool,
    /// The query string as sent.
    pub query: &'r str,
    /// The headers.
    pub headers: &'r HeaderMap,
}

async fn parse(context: &mut Context) -> Result<RestRequest, RestError> {
    let app = context.app.clone();
    let catalog = catalog(&app).await?;
    let rest = &setting::in_force(&app.config.rest, &catalog);
    let named = context.parameters.get("relation").to_string();
    let relation = if named.is_empty() { "batch".to_string() } else { named };
    let (method, mut query) = (context.method.clone(), std::mem::take(&mut context.query));
    let headers = std::mem::take(&mut context.headers);
    let overridden = headers.get("x-http-method-override").is_some_and(|of| of == "GET");
    if method == Method::POST && overridden {
        // A query too long for a URL, as a form.
        let body = context.read_body().await?;
        let form = std::str::from_utf8(&body).map_err(|_| RestError::Body(BodyError::Json))?;
        query = [query.as_str(), form].join("&");
        let method = &Method::GET;
        let head = Head { method, relation: &relation, is_call: false, query: &query, headers: &headers };
        let request = head_of(rest, &head);
        context.headers = headers;
        return in_zone(&app, request?);
    }
    let head =
        Head { method: &method, relation: &relation, is_call: false, query: &query, headers: &headers };
    let mut request = head_of(rest, &head)?;
    if takes_body(request.action) {
        let bytes = context.read_body().await?;
        request.payload =
            parse_body(text(&headers, "content-type"), bytes, request.query.columns.as_deref())?;
    }
    context.headers = headers;
    in_zone(&app, request)
}

/// The request in the time zone that it prefers. One that is not there is ignored, or refused where that is asked for.
fn in_zone(app: &App, mut request: RestRequest) -> Result<RestRequest, RestError> {
    let Some(name) = &request.preferences.timezone else { return Ok(request) };
    request.zone = Zone::named(&app.ports.time_zones, name);
    if request.zone.is_none() && request.preferences.strict == Some(true) {
        return Err(RestError::Preferences(vec![format!("timezone={name}")]));
    }
    Ok(request)
}

/// A whole request whose body is there.
fn request(rest: &RestConfig, head: &Head<'_>, body: &[u8]) -> Result<RestRequest, RestError> {
    if head.is_call {
        return call(rest, head, body);
    }
    let mut request = head_of(rest, head)?;
    if takes_body(request.action) {
        request.payload = parse_body(
            text(head.headers, "content-type"),
            body.to_vec().into(),
            request.query.columns.as_deref(),
        )?;
    }
    Ok(request)
}

fn takes_body(action: Action) -> bool {
    matches!(action, Action::Insert | Action::Update | Action::Put)
}

fn head_of(rest: &RestConfig, head: &Head<'_>) -> Result<RestRequest, RestError> {
    let action = match *head.method {
        Method::POST => Action::Insert,
        Method::PATCH => Action::Update,
        Method::PUT => Action::Put,
        Method::DELETE => Action::Delete,
        _ => Action::Read { bodiless: head.method == Method::HEAD },
    };
    saying(rest, head, Query::parse(head.query)?, action)
}

/// A request without its body, whose query string says this.
fn saying(
    rest: &RestConfig,
    head: &Head<'_>,
    query: Query,
    action: Action,
) -> Result<RestRequest, RestError> {
    let (schema, says_schema) = schema(rest, head.headers, action)?;
    let media = negotiate(text(head.headers, "accept"), rest.plans).map_err(RestError::Media)?;
    let prefer = head.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let preferences = Preferences::parse(prefer);
    if preferences.strict == Some(true) && !preferences.unknown.is_empty() {
        return Err(RestError::Preferences(preferences.unknown));
    }
    let range = range(head.headers, action, &query)?;
    Ok(RestRequest {
        action,
        relation: head.relation.to_string(),
        schema,
        says_schema,
        query,
        canonical_query: canonical(head.query),
        preferences,
        zone: None,
        media,
        range,
        may_roll_back: rest.transaction_end.overridable,
        payload: Payload::default(),
        nested: text(head.headers, "x-edgeward-nested") == Some("true"),
        called: None,
    })
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The schema that the profile header of the method names, else the first that is exposed; and
/// whether the answer says which.
fn schema(rest: &RestConfig, headers: &HeaderMap, action: Action) -> Result<(String, bool), RestError> {
    let exposed = &rest.schemas;
    let header = match action {
        Action::Read { .. } => "accept-profile",
        _ => "content-profile",
    };
    match text(headers, header) {
        Some(asked) if exposed.iter().any(|schema| schema == asked) => Ok((asked.to_string(), true)),
        Some(asked) => Err(RestError::Schema { asked: asked.to_string(), exposed: exposed.clone() }),
        None => Ok((exposed.first().cloned().unwrap_or_else(|| "public".to_string()), exposed.len() > 1)),
    }
}

/// The root's window: `limit`, `offset` and, for a GET, the `Range` header.
fn range(headers: &HeaderMap, action: Action, query: &Query) -> Result<RowRange, RestError> {
    let own = |said: &[Located<i64>]| said.iter().rev().find(|of| of.path.is_empty()).map(|of| of.value);
    let range = RowRange::new(own(&query.limits), own(&query.offsets))?;
    match action {
        Action::Read { bodiless: false } => Ok(range.within_header(text(headers, "range"))?),
        _ => Ok(range),
    }
}
