//! Everything the data API refuses, and PostgREST's words for it: this file is the compatibility
//! table. One variant per PGRST code; what Postgres itself would say is [`RestError::Postgres`].

use ::http::StatusCode;
use ::http::header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::request::{BodyError, RangeError, SyntaxError};
use crate::dialect::DialectError;
use crate::http::{Asked, Failure, Refusal, Response, ResponseExt, json_response};
use crate::policy::PolicyError;
use crate::schema::InputError;

/// Why a request to the data API failed.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum RestError {
    Syntax(SyntaxError),
    Body(BodyError),
    Range(RangeError),
    /// The offset lies beyond the counted rows.
    OffsetBeyond {
        offset: u64,
        total: u64,
    },
    Schema {
        asked: String,
        exposed: Vec<String>,
    },
    Media(String),
    NotEmbedded(String),
    PutFilters,
    PutLimit,
    PutMismatch,
    NotOneRow(u64),
    RelatedOrder {
        origin: String,
        target: String,
    },
    Preferences(Vec<String>),
    Aggregates,
    Affected(u64),
    /// A function is called by another method than GET, HEAD and POST.
    CallMethod(String),
    /// `max-affected` of a function that gives one row.
    AffectedByOne,
    RootDescription,
    /// What a function set as the response's headers is none.
    SaidHeaders,
    /// What a function set as the response's status is none.
    SaidStatus,
    /// What a function raised as the whole response (`RAISE SQLSTATE 'PGRST'`).
    Said(Box<Said>),
    /// Such an error that cannot be read.
    SaidUnreadable {
        details: String,
        hint: &'static str,
    },
    NotImplemented(String),
    NoRelationship {
        origin: String,
        target: String,
        schema: String,
        hint_name: Option<String>,
        closest: Option<Box<Meant>>,
    },
    AmbiguousRelationship {
        origin: String,
        target: String,
        choices: Vec<Choice>,
    },
    NoFunction {
        schema: String,
        name: String,
        arguments: Vec<String>,
        /// Of a POST what its body could have been as the one unnamed parameter.
        body: Option<&'static str>,
        closest: Option<String>,
    },
    AmbiguousFunction {
        candidates: Vec<String>,
    },
    NoColumn {
        table: String,
        column: String,
    },
    NoTable {
        schema: String,
        table: String,
        closest: Option<String>,
    },
    /// An error that Postgres would raise.
    Postgres(PostgresError),
    /// The database will not take the call now; the cause is for the log.
    Overloaded(String),
    /// A defect of ours; the cause is for the log.
    Internal(String),
    /// The shell's own refusal, of a body too large for instance.
    Shell(Refusal),
}

/// The whole of a response, as a function raised it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The HTTP status.
    pub status: u16,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// What the body says.
    pub error: PostgresError,
}

/// A name that may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meant {
    /// That name.
    pub name: String,
    /// What was written.
    pub instead_of: String,
}

/// One of several relationships that fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// `many-to-one`.
    pub cardinality: &'static str,
    /// `todos_user_id_fkey using todos(user_id) and users(id)`.
    pub relationship: String,
    /// What to write after `target!`.
    pub hint: String,
}

/// A Postgres error as PostgREST hands it on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostgresError {
    /// SQLSTATE.
    pub code: String,
    /// Postgres' message.
    pub message: String,
    /// Its detail line.
    pub details: Option<String>,
    /// Its hint line.
    pub hint: Option<String>,
}

impl PostgresError {
    /// An error without detail and hint.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_string(), message: message.into(), details: None, hint: None }
    }
}

/// The first prefix that a SQLSTATE starts with decides its status; any other is 400.
#[rustfmt::skip]
const SQLSTATES: &[(&str, u16)] = &[
    ("08",    503), ("09",    500), ("0L",    403), ("0P",    403), ("23503", 409), ("23505", 409),
    ("25006", 405), ("25",    500), ("28",    403), ("2D",    500), ("38",    500), ("39",    500),
    ("3B",    500), ("40",    500), ("53400", 500), ("53",    503), ("54",    500), ("55",    500),
    ("57P01", 503), ("57",    500), ("58",    500), ("F0",    500), ("HV",    500), ("P0001", 400),
    ("P0",    500), ("XX",    500), ("42883", 404), ("42P01", 404), ("42P17", 500),
];

impl RestError {
    /// A Postgres error without detail and hint.
    pub fn postgres(code: &str, message: impl Into<String>) -> Self {
        Self::Postgres(PostgresError::new(code, message))
    }

    /// Whether a newer catalog might know better.
    pub fn is_about_the_schema(&self) -> bool {
        matches!(
            self,
            Self::NoRelationship { .. }
                | Self::AmbiguousRelationship { .. }
                | Self::NoFunction { .. }
                | Self::AmbiguousFunction { .. }
                | Self::NoColumn { .. }
                | Self::NoTable { .. }
                | Self::Postgres(_)
        )
    }

    /// The HTTP status; `anonymous` tells the two meanings of 42501 apart.
    #[rustfmt::skip]
    fn status(&self, anonymous: bool) -> u16 {
        match self {
            Self::Syntax(_)                    => 400,
            Self::Body(_)                      => 400,
            Self::Range(_)                     => 416,
            Self::OffsetBeyond { .. }          => 416,
            Self::Schema { .. }                => 406,
            Self::Media(_)                     => 406,
            Self::NotEmbedded(_)               => 400,
            Self::PutFilters                   => 405,
            Self::PutLimit                     => 400,
            Self::PutMismatch                  => 400,
            Self::NotOneRow(_)                 => 406,
            Self::RelatedOrder { .. }          => 400,
            Self::Preferences(_)               => 400,
            Self::Aggregates                   => 400,
            Self::Affected(_)                  => 400,
            Self::AffectedByOne                => 400,
            Self::CallMethod(_)                => 405,
            Self::SaidHeaders                  => 500,
            Self::SaidStatus                   => 500,
            Self::Said(said)                   => said.status,
            Self::SaidUnreadable { .. }        => 500,
            Self::RootDescription              => 404,
            Self::NotImplemented(_)            => 400,
            Self::NoRelationship { .. }        => 400,
            Self::AmbiguousRelationship { .. } => 300,
            Self::NoFunction { .. }            => 404,
            Self::AmbiguousFunction { .. }     => 300,
            Self::NoColumn { .. }              => 400,
            Self::NoTable { .. }               => 404,
            Self::Postgres(error)              => error.status(anonymous),
            Self::Overloaded(_)                => 503,
            Self::Internal(_) | Self::Shell(_) => 500,
        }
    }

    #[rustfmt::skip]
    fn code(&self) -> &str {
        match self {
            Self::Syntax(_)                    => "PGRST100",
            Self::CallMethod(_)                => "PGRST101",
            Self::Body(_)                      => "PGRST102",
            Self::Range(_)                     => "PGRST103",
            Self::OffsetBeyond { .. }          => "PGRST103",
            Self::PutFilters                   => "PGRST105",
            Self::Schema { .. }                => "PGRST106",
            Self::Media(_)                     => "PGRST107",
            Self::NotEmbedded(_)               => "PGRST108",
            Self::SaidHeaders                  => "PGRST111",
            Self::SaidStatus                   => "PGRST112",
            Self::PutLimit                     => "PGRST114",
            Self::PutMismatch                  => "PGRST115",
            Self::NotOneRow(_)                 => "PGRST116",
            Self::RelatedOrder { .. }          => "PGRST118",
            Self::Said(said)                   => &said.error.code,
            Self::SaidUnreadable { .. }        => "PGRST121",
            Self::Preferences(_)               => "PGRST122",
            Self::Aggregates                   => "PGRST123",
            Self::Affected(_)                  => "PGRST124",
            Self::RootDescription              => "PGRST126",
            Self::NotImplemented(_)            => "PGRST127",
            Self::AffectedByOne                => "PGRST128",
            Self::NoRelationship { .. }        => "PGRST200",
            Self::AmbiguousRelationship { .. } => "PGRST201",
            Self::NoFunction { .. }            => "PGRST202",
            Self::AmbiguousFunction { .. }     => "PGRST203",
            Self::NoColumn { .. }              => "PGRST204",
            Self::NoTable { .. }               => "PGRST205",
            Self::Postgres(error)              => &error.code,
            Self::Overloaded(_)                => "53300",
            Self::Internal(_) | Self::Shell(_) => "PGRSTX00",
        }
    }

    #[rustfmt::skip]
    fn message(&self) -> String {
        match self {
            Self::Syntax(error)                   => format!("\"failed to parse {} ({})\" (line 1, column {})", error.subject, error.text, error.column),
            Self::Body(BodyError::Json)           => "Empty or invalid json".into(),
            Self::Body(BodyError::Keys)           => "All object keys must match".into(),
            Self::Body(BodyError::ContentType(of))=> format!("Content-Type not acceptable: {of}"),
            Self::Body(BodyError::CsvSyntax)      => "Failed to parse the CSV body".into(),
            Self::Body(BodyError::CsvFields)      => "All lines must have same number of fields".into(),
            Self::Range(_)                        => "Requested range not satisfiable".into(),
            Self::OffsetBeyond { .. }             => "Requested range not satisfiable".into(),
            Self::Schema { asked, .. }            => format!("Invalid schema: {asked}"),
            Self::Media(asked)                    => format!("None of these media types are available: {asked}"),
            Self::NotEmbedded(name)               => format!("'{name}' is not an embedded resource in this request"),
            Self::PutFilters                      => "Filters must include all and only primary key columns with 'eq' operators".into(),
            Self::PutLimit                        => "limit/offset querystring parameters are not allowed for PUT".into(),
            Self::PutMismatch                     => "Payload values do not match URL in primary key column(s)".into(),
            Self::NotOneRow(_)                    => "Cannot coerce the result to a single JSON object".into(),
            Self::RelatedOrder { target, .. }     => format!("A related order on '{target}' is not possible"),
            Self::Preferences(_)                  => "Invalid preferences given with handling=strict".into(),
            Self::Aggregates                      => "Use of aggregate functions is not allowed".into(),
            Self::Affected(_)                     => "Query result exceeds max-affected preference constraint".into(),
            Self::AffectedByOne                   => "Function must return SETOF or TABLE when max-affected preference is used with handling=strict".into(),
            Self::CallMethod(method)              => format!("Cannot use the {method} method on RPC"),
            Self::SaidHeaders                     => "response.headers guc must be a JSON array composed of objects with a single key and a string value".into(),
            Self::SaidStatus                      => "response.status guc must be a valid status code".into(),
            Self::Said(said)                      => said.error.message.clone(),
            Self::SaidUnreadable { .. }           => "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error".into(),
            Self::RootDescription                 => "Root endpoint metadata is disabled".into(),
            Self::NotImplemented(_)               => "Feature not implemented".into(),
            Self::NoRelationship { origin, target, .. } =>
                format!("Could not find a relationship between '{origin}' and '{target}' in the schema cache"),
            Self::AmbiguousRelationship { origin, target, .. } =>
                format!("Could not embed because more than one relationship was found for '{origin}' and '{target}'"),
            Self::NoFunction { schema, name, arguments, body, .. } => no_function(schema, name, arguments, *body),
            Self::AmbiguousFunction { candidates } => format!("Could not choose the best candidate function between: {}", candidates.join(", ")),
            Self::NoColumn { table, column }      => format!("Could not find the '{column}' column of '{table}' in the schema cache"),
            Self::NoTable { schema, table, .. }   => format!("Could not find the table '{schema}.{table}' in the schema cache"),
            Self::Postgres(error)                 => error.message.clone(),
            Self::Overloaded(_)                   => "The database is overloaded. Retry later.".into(),
            Self::Internal(_) | Self::Shell(_)    => "Internal server error".into(),
        }
    }

    #[rustfmt::skip]
    fn details(&self) -> Value {
        match self {
            Self::Syntax(error)                     => json!(error.details),
            Self::Range(RangeError::Inverted)       => json!("The lower boundary must be lower than or equal to the upper boundary in the Range header."),
            Self::Range(RangeError::NegativeLimit)  => json!("Limit should be greater than or equal to zero."),
            Self::OffsetBeyond { offset, total }    => json!(format!("An offset of {offset} was requested, but there are only {total} rows.")),
            Self::NotOneRow(rows)                   => json!(format!("The result contains {rows} rows")),
            Self::RelatedOrder { origin, target }   => json!(format!("'{origin}' and '{target}' do not form a many-to-one or one-to-one relationship")),
            Self::Preferences(unknown)              => json!(format!("Invalid preferences: {}", unknown.join(", "))),
            Self::Affected(rows)                    => json!(format!("The query affects {rows} rows")),
            Self::NotImplemented(what)              => json!(what),
            Self::NoRelationship { origin, target, schema, hint_name, .. } => {
                let hint = hint_name.as_ref().map_or(String::new(), |hint| format!(" using the hint '{hint}'"));
                json!(format!("Searched for a foreign key relationship between '{origin}' and '{target}'{hint} in the schema '{schema}', but no matches were found."))
            }
            Self::AmbiguousRelationship { origin, target, choices } => choices.iter().map(|choice| json!({
                "cardinality": choice.cardinality,
                "embedding": format!("{origin} with {target}"),
                "relationship": choice.relationship,
            })).collect(),
            Self::NoFunction { schema, name, arguments, body, .. } => json!(no_function_details(schema, name, arguments, *body)),
            Self::Postgres(error)                   => json!(error.details),
            Self::Said(said)                        => json!(said.error.details),
            Self::SaidUnreadable { details, .. }    => json!(details),
            _                                       => Value::Null,
        }
    }

    #[rustfmt::skip]
    fn hint(&self) -> Value {
        match self {
            Self::Schema { exposed, .. }                           => json!(format!("Only the following schemas are exposed: {}", exposed.join(", "))),
            Self::NoFunction { closest: Some(closest), body, .. } if !takes_only_body(*body) => json!(format!("Perhaps you meant to call the function {closest}")),
            Self::AmbiguousFunction { .. }                         => json!("Try renaming the parameters or the function itself in the database so function overloading can be resolved"),
            Self::NotEmbedded(name)                                => json!(format!("Verify that '{name}' is included in the 'select' query parameter.")),
            Self::NoRelationship { closest: Some(meant), .. } => json!(format!("Perhaps you meant '{}' instead of '{}'.", meant.name, meant.instead_of)),
            Self::AmbiguousRelationship { target, choices, .. }    => {
                let choices: Vec<String> = choices.iter().map(|choice| format!("'{target}!{}'", choice.hint)).collect();
                json!(format!("Try changing '{target}' to one of the following: {}. Find the desired relationship in the 'details' key.", choices.join(", ")))
            }
            Self::NoTable { schema, closest: Some(name), .. }      => json!(format!("Perhaps you meant the table '{schema}.{name}'")),
            Self::Postgres(error)                                  => json!(error.hint),
            Self::Said(said)                                       => json!(said.error.hint),
            Self::SaidUnreadable { hint, .. }                      => json!(hint),
            _                                                      => Value::Null,
        }
    }
}

impl PostgresError {
    fn status(&self, anonymous: bool) -> u16 {
        match self.code.as_str() {
            "42501" if anonymous => 401,
            "42501" => 403,
            "21000" if self.message.ends_with("requires a WHERE clause") => 400,
            "21000" => 500,
            // A function's own status: `RAISE SQLSTATE 'PT402'`.
            code if code.starts_with("PT") => code.strip_prefix("PT").and_then(http_status).unwrap_or(500),
            code => {
                let row = SQLSTATES.iter().find(|(prefix, _)| code.starts_with(prefix));
                row.map_or(400, |(_, status)| *status)
            }
        }
    }
}

fn http_status(digits: &str) -> Option<u16> {
    let status: u16 = digits.parse().ok()?;
    (200..600).contains(&status).then_some(status)
}

/// `Could not find the function public.f(a, b) in the schema cache`.
fn no_function(schema: &str, name: &str, arguments: &[String], body: Option<&str>) -> String {
    let parameters = match arguments {
        _ if takes_only_body(body) => String::new(),
        [] => " without parameters".to_string(),
        names => format!("({})", names.join(", ")),
    };
    format!("Could not find the function {schema}.{name}{parameters} in the schema cache")
}

fn no_function_details(schema: &str, name: &str, arguments: &[String], body: Option<&str>) -> String {
    let parameters = match arguments {
        [] => " without parameters".to_string(),
        [one] => format!(" with parameter {one}"),
        names => format!(" with parameters {}", names.join(", ")),
    };
    let looked_for = match body {
        Some(of) if takes_only_body(body) => format!(" with a single unnamed {of} parameter"),
        Some("json/jsonb") => format!("{parameters} or with a single unnamed json/jsonb parameter"),
        _ => parameters,
    };
    format!(
        "Searched for the function {schema}.{name}{looked_for}, but no matches were found in the schema cache."
    )
}

/// A body that is no object can only be the one unnamed parameter.
fn takes_only_body(body: Option<&str>) -> bool {
    matches!(body, Some("text" | "bytea"))
}

impl Failure for RestError {
    fn render(&self, asked: &Asked) -> Response {
        if let Self::Shell(refusal) = self {
            return refusal.render(asked);
        }
        let status =
            StatusCode::from_u16(self.status(asked.anonymous)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = self.code().to_string();
        let body = json!({
            "code": code, "details": self.details(), "hint": self.hint(), "message": self.message(),
        });
        let response = json_response(status, &body)
            .with_header(HeaderName::from_static("proxy-status"), format!("PostgREST; error={code}"));
        let response = match status {
            StatusCode::UNAUTHORIZED => response.with_header(WWW_AUTHENTICATE, "Bearer"),
            _ => response,
        };
        match self {
            Self::OffsetBeyond { total, .. } => {
                response.with_header(::http::header::CONTENT_RANGE, format!("*/{total}"))
            }
            Self::Overloaded(cause) => response.with_header(RETRY_AFTER, "1").with_cause(cause.clone()),
            Self::Internal(cause) => response.with_cause(cause.clone()),
            Self::Said(said) => {
                let headers = said.headers.iter().filter_map(|(name, value)| {
                    Some((HeaderName::try_from(name.as_str()).ok()?, value.as_str()))
                });
                headers.fold(response, |response, (name, value)| response.with_header(name, value))
            }
            _ => response,
        }
    }
}

impl From<SyntaxError> for RestError {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

impl From<BodyError> for RestError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<RangeError> for RestError {
    fn from(error: RangeError) -> Self {
        Self::Range(error)
    }
}

impl From<Refusal> for RestError {
    fn from(refusal: Refusal) -> Self {
        Self::Shell(refusal)
    }
}

impl From<InputError> for RestError {
    fn from(error: InputError) -> Self {
        Self::postgres(error.code, error.message)
    }
}

impl From<DialectError> for RestError {
    fn from(error: DialectError) -> Self {
        Self::Postgres(PostgresError { hint: error.hint, ..PostgresError::new(error.code, error.message) })
    }
}

impl From<PolicyError> for RestError {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Recursion(name) => Self::postgres(
                "42P17",
                format!("infinite recursion detected in policy for relation \"{name}\""),
            ),
            PolicyError::Denied(name) => Self::postgres("42501", format!("permission denied for {name}")),
            PolicyError::Expression(error) => error.into(),
        }
    }
}
