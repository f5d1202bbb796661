//! The description of the API that `GET /rest/v1/` gives: Swagger 2.0 as upstream writes it, made of the
//! catalog, with the tables that the caller's role may use.

use serde_json::{Map, Value, json};

use crate::schema::{
    Argument, ArgumentMode, Catalog, Column, Command, DataType, Returns, Routine, RoutineType, Table,
    Volatility,
};

/// Parameters that every table's paths share: name, where it is, what it is called there, what it is for.
#[rustfmt::skip]
const PARAMETERS: &[(&str, &str, &str, &str)] = &[
    ("select",      "query",  "select",      "Filtering Columns"),
    ("on_conflict", "query",  "on_conflict", "On Conflict"),
    ("order",       "query",  "order",       "Ordering"),
    ("range",       "header", "Range",       "Limiting and Pagination"),
    ("offset",      "query",  "offset",      "Limiting and Pagination"),
    ("limit",       "query",  "limit",       "Limiting and Pagination"),
];

/// The `Prefer` header for each kind of request.
#[rustfmt::skip]
const PREFERENCES: &[(&str, &[&str])] = &[
    ("preferReturn", &["return=representation", "return=minimal", "return=none"]),
    ("preferCount",  &["count=exact", "count=planned", "count=estimated"]),
    ("preferPost",   &["return=representation", "return=minimal", "return=none", "resolution=ignore-duplicates", "resolution=merge-duplicates"]),
];

/// A method that writes.
struct Operation {
    method: &'static str,
    privilege: Command,
    is_filtered: bool,
    has_body: bool,
    parameters: &'static [&'static str],
    answer: (&'static str, &'static str),
}

#[rustfmt::skip]
const WRITES: &[Operation] = &[
    Operation { method: "post",   privilege: Command::Insert, is_filtered: false, has_body: true,  parameters: &["select", "preferPost"], answer: ("201", "Created") },
    Operation { method: "delete", privilege: Command::Delete, is_filtered: true,  has_body: false, parameters: &["preferReturn"],         answer: ("204", "No Content") },
    Operation { method: "patch",  privilege: Command::Update, is_filtered: true,  has_body: true,  parameters: &["preferReturn"],         answer: ("204", "No Content") },
];

const MEDIA: &[&str] = &[
    "application/json",
    "application/vnd.pgrst.object+json;nulls=stripped",
    "application/vnd.pgrst.object+json",
    "text/csv",
];

/// The document for a role. `origin` is `scheme://host` as the client called it.
pub fn document(catalog: &Catalog, schema: &str, role: &str, origin: &str) -> Value {
    let usable = |table: &&Table| table.schema == schema && table.privileges.allows(role, Command::Select);
    let tables: Vec<&Table> = catalog.relations().filter(usable).collect();
    let (scheme, host) = origin.split_once("://").unwrap_or(("https", origin));
    let mut paths = Map::new();
    paths.insert("/".to_string(), root());
    paths.extend(tables.iter().map(|table| (format!("/{}", table.name), path(catalog, table, role))));
    let is_called = |routine: &&Routine| {
        routine.schema == schema && routine.allows(role) && routine.returns != Returns::Trigger
    };
    for routine in catalog.routines.values().filter(is_called) {
        // Of overloads the last describes them all: a path can stand here once.
        paths.insert(format!("/rpc/{}", routine.name), call(routine));
    }
    let definitions = tables.iter().map(|table| (table.name.clone(), definition(catalog, table)));
    json!({
        "swagger": "2.0",
        "info": {
            "title": "PostgREST API",
            "description": "This is a dynamic API generated from the project's schema",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "host": host,
        "basePath": "/rest/v1/",
        "schemes": [scheme],
        "consumes": MEDIA,
        "produces": MEDIA,
        "paths": paths,
        "definitions": definitions.collect::<Map<_, _>>(),
        "parameters": parameters(&tables),
        "externalDocs": {
            "description": "PostgREST Documentation",
            "url": "https://postgrest.org/en/stable/references/api.html",
        },
    })
}

fn root() -> Value {
    json!({"get": {
        "tags": ["Introspection"],
        "summary": "OpenAPI description (this document)",
        "produces": ["application/openapi+json", "application/json"],
        "responses": {"200": {"description": "OK"}},
    }})
}

fn path(catalog: &Catalog, table: &Table, role: &str) -> Value {
    let name = table.name.as_str();
    let filters = || table.columns.iter().map(move |column| format!("rowFilter.{name}.{}", column.name));
    let listed = ["select", "order", "range", "rangeUnit", "offset", "limit", "preferCount"];
    let mut operations = Map::new();
    operations.insert(
        "get".to_string(),
        json!({
            "tags": [name],
            "parameters": references(filters().chain(listed.map(String::from))),
            "responses": {
                "200": {"description": "OK", "schema": {"type": "array", "items": {"$ref": definition_of(name)}}},
                "206": {"description": "Partial Content"},
            },
        }),
    );
    let may =
        |write: &&Operation| table.privileges.allows(role, write.privilege) && catalog.takes_writes(table);
    for write in WRITES.iter().filter(may) {
        let body = write.has_body.then(|| format!("body.{name}"));
        let own = body.into_iter().chain(write.parameters.iter().map(|name| (*name).to_string()));
        let (status, words) = write.answer;
        let operation = json!({
            "tags": [name],
            "parameters": references(filters().filter(|_| write.is_filtered).chain(own)),
            "responses": {(status): {"description": words}},
        });
        operations.insert(write.method.to_string(), operation);
    }
    if let Some(comment) = &table.comment {
        operations.values_mut().filter_map(Value::as_object_mut).for_each(|of| describe(of, comment));
    }
    Value::Object(operations)
}

/// A comment's first line says what it is, what follows more of it.
fn describe(operation: &mut Map<String, Value>, comment: &str) {
    let (summary, description) = comment.split_once('\n').unwrap_or((comment, ""));
    operation.insert("summary".to_string(), json!(summary));
    let description = description.trim_start();
    if !description.is_empty() {
        operation.insert("description".to_string(), json!(description));
    }
}

/// A function's path: by POST, and by GET when it changes nothing.
fn call(routine: &Routine) -> Value {
    let inputs = || routine.inputs().filter_map(|argument| Some((argument.name.as_deref()?, argument)));
    let typed = |argument: &Argument| {
        let RoutineType::Value(of) = &argument.data_type else { return json!({"type": "object"}) };
        let mut value = json!({"format": format(of)});
        if let (Some(kind), Some(value)) = (swagger_type(of), value.as_object_mut()) {
            value.insert("type".to_string(), json!(kind));
        }
        value
    };
    let needed = |argument: &Argument| argument.default.is_none() && argument.mode != ArgumentMode::Variadic;
    let required: Vec<&str> =
        inputs().filter(|(_, argument)| needed(argument)).map(|(name, _)| name).collect();
    let properties: Map<String, Value> =
        inputs().map(|(name, argument)| (name.to_string(), typed(argument))).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if let Some(schema) = schema.as_object_mut().filter(|_| !required.is_empty()) {
        schema.insert("required".to_string(), json!(required));
    }
    let operation = |parameters: Vec<Value>| {
        json!({
            "tags": [format!("(rpc) {}", routine.name)],
            "produces": ["application/json", "application/vnd.pgrst.object+json"],
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
        })
    };
    let body = json!({"name": "args", "in": "body", "required": true, "schema": schema});
    let mut operations = Map::new();
    if routine.volatility != Volatility::Volatile {
        let parameter = |(name, argument): (&str, &Argument)| json!({"name": name, "in": "query", "required": needed(argument), "type": "string"});
        operations.insert("get".to_string(), operation(inputs().map(parameter).collect()));
    }
    operations
        .insert("post".to_string(), operation(vec![body, json!({"$ref": "#/parameters/preferReturn"})]));
    Value::Object(operations)
}

fn references(names: impl Iterator<Item = String>) -> Vec<Value> {
    names.map(|name| json!({"$ref": format!("#/parameters/{name}")})).collect()
}

fn definition_of(table: &str) -> String {
    format!("#/definitions/{table}")
}

fn parameters(tables: &[&Table]) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, words) in PREFERENCES {
        let value = json!({"name": "Prefer", "description": "Preference", "required": false, "in": "header", "type": "string", "enum": words});
        all.insert((*name).to_string(), value);
    }
    for (name, place, called, purpose) in PARAMETERS {
        let value =
            json!({"name": called, "description": purpose, "required": false, "in": place, "type": "string"});
        all.insert((*name).to_string(), value);
    }
    let unit = json!({"name": "Range-Unit", "description": "Limiting and Pagination", "required": false, "in": "header", "type": "string", "default": "items"});
    all.insert("rangeUnit".to_string(), unit);
    for table in tables {
        let name = &table.name;
        let body = json!({"name": name, "description": name, "required": false, "in": "body", "schema": {"$ref": definition_of(name)}});
        all.insert(format!("body.{name}"), body);
        for column in &table.columns {
            let filter = json!({"name": column.name, "required": false, "in": "query", "type": "string"});
            all.insert(format!("rowFilter.{name}.{}", column.name), filter);
        }
    }
    all
}

fn definition(catalog: &Catalog, table: &Table) -> Value {
    let required: Vec<&str> =
        table.columns.iter().filter(|column| !column.nullable).map(|column| column.name.as_str()).collect();
    let properties =
        table.columns.iter().map(|column| (column.name.clone(), property(catalog, table, column)));
    let mut definition = Map::new();
    if let Some(comment) = &table.comment {
        definition.insert("description".to_string(), json!(comment));
    }
    if !required.is_empty() {
        definition.insert("required".to_string(), json!(required));
    }
    definition.insert("type".to_string(), json!("object"));
    definition.insert("properties".to_string(), Value::Object(properties.collect()));
    Value::Object(definition)
}

fn property(catalog: &Catalog, table: &Table, column: &Column) -> Value {
    let of = &column.data_type;
    let mut property = Map::new();
    let mut add = |key: &str, value: Value| property.insert(key.to_string(), value);
    if let Some(kind) = swagger_type(of) {
        add("type", json!(kind));
    }
    if let DataType::Array(element) = of {
        add("items", swagger_type(element).map_or(json!({}), |kind| json!({"type": kind})));
    }
    add("format", json!(format(of)));
    if let DataType::Varchar(Some(length)) | DataType::Char(length) = of {
        add("maxLength", json!(length));
    }
    if let DataType::Enum(name) = of {
        let labels = catalog.enums.get(name).map(|of| of.labels.as_slice()).unwrap_or_default();
        add("enum", json!(labels));
    }
    if let Some(default) = column.default.as_deref().and_then(|text| default(of, text)) {
        add("default", default);
    }
    if let Some(note) = note(table, column) {
        add("description", json!(note));
    }
    Value::Object(property)
}

#[rustfmt::skip]
fn swagger_type(of: &DataType) -> Option<&'static str> {
    match of {
        DataType::Bool                                               => Some("boolean"),
        DataType::Int2 | DataType::Int4 | DataType::Int8             => Some("integer"),
        DataType::Numeric(_) | DataType::Float4 | DataType::Float8   => Some("number"),
        DataType::Json | DataType::Jsonb                             => None,
        DataType::Array(_)                                           => Some("array"),
        _                                                            => Some("string"),
    }
}

fn format(of: &DataType) -> String {
    match of {
        DataType::Int2 | DataType::Int4 => "int32".to_string(),
        DataType::Int8 => "int64".to_string(),
        DataType::Enum(name) if name.contains('.') => name.clone(),
        DataType::Enum(name) => format!("public.{name}"),
        of => of.display_name(),
    }
}

/// `'a'::text` → `"a"`, `false` → `false`, `now()` → `"now()"`; what is no JSON is left out.
fn default(of: &DataType, text: &str) -> Option<Value> {
    if swagger_type(of) != Some("string") {
        return serde_json::from_str(text).ok();
    }
    let bare = text.split_once("::").map_or(text, |(value, _)| value).trim();
    Some(json!(bare.strip_prefix('\'').and_then(|bare| bare.strip_suffix('\'')).unwrap_or(bare)))
}

/// What type generators read keys from.
fn note(table: &Table, column: &Column) -> Option<String> {
    let mut lines = Vec::new();
    if table.primary_key_columns().contains(&column.name) {
        lines.push("This is a Primary Key.<pk/>".to_string());
    }
    let key = table.foreign_keys.iter().find(|key| key.columns == [column.name.as_str()]);
    if let Some((key, far)) = key.and_then(|key| key.foreign_columns.first().map(|far| (key, far))) {
        let near = &key.foreign_table;
        lines.push(format!("This is a Foreign Key to `{near}.{far}`.<fk table='{near}' column='{far}'/>"));
    }
    let keys = (!lines.is_empty()).then(|| format!("Note:\n{}", lines.join("\n")));
    let both: Vec<String> = column.comment.iter().cloned().chain(keys).collect();
    (!both.is_empty()).then(|| both.join("\n\n"))
}
