//! The functions that are one line of SQL: a row each.

use crate::schema::DataType;

/// A function of fixed arguments.
pub struct Row {
    /// `name`, or `schema.name` outside `pg_catalog` and `extensions`.
    pub name: &'static str,
    /// The arguments' types; a value of a narrower type of the family will do.
    pub arguments: &'static [DataType],
    /// The result's type.
    pub result: DataType,
    /// What it depends on besides its arguments.
    pub reads: Reads,
    /// The SQL; `{0}` is the first argument.
    pub sql: &'static str,
}

/// What a function's value depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The arguments alone.
    Nothing,
    /// The time.
    Clock,
    /// Chance.
    Chance,
}

use DataType::{Bool, Bytea, Date, Float8, Int4, Int8, Jsonb, Numeric, Text, Timestamp, Timestamptz, Uuid};
use Reads::{Chance, Clock, Nothing};

const NOW: &str = super::time::NOW;

const LOCAL_NOW: &str = "rtrim(rtrim(strftime('%Y-%m-%dT%H:%M:%f', 'now'), '0'), '.')";

const RANDOM_UUID: &str = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))";

/// SQLite folds ASCII only: other letters raise rather than stay as they are.
const LOWER: &str = "CASE WHEN octet_length({0}) = length({0}) THEN lower({0}) WHEN {0} IS NOT NULL THEN json_extract('{}', 'edgeward!0A000:lower() of text outside ASCII is not supported') END";
const UPPER: &str = "CASE WHEN octet_length({0}) = length({0}) THEN upper({0}) WHEN {0} IS NOT NULL THEN json_extract('{}', 'edgeward!0A000:upper() of text outside ASCII is not supported') END";

const ABS: &str = "CASE WHEN {0} = -2147483648 THEN json_extract('{}', 'edgeward!22003:integer out of range') ELSE abs({0}) END";

const ARRAY_OF: &str = "('[' || replace(json_quote({0}), '/', '\",\"') || ']')";
const FOLDERS: &str = "json_remove('[' || replace(json_quote({0}), '/', '\",\"') || ']', '$[#-1]')";
const FILE_NAME: &str = "(('[' || replace(json_quote({0}), '/', '\",\"') || ']') ->> '$[#-1]')";
const EXTENSION: &str = "(('[' || replace(json_quote(('[' || replace(json_quote({0}), '/', '\",\"') || ']') ->> '$[#-1]'), '.', '\",\"') || ']') ->> '$[#-1]')";

const JSON_TYPE: &str = "CASE json_type({0}) WHEN 'text' THEN 'string' WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number' WHEN 'true' THEN 'boolean' WHEN 'false' THEN 'boolean' ELSE json_type({0}) END";
const JSON_LENGTH: &str = "CASE WHEN {0} IS NULL OR json_type({0}) = 'array' THEN json_array_length({0}) ELSE json_extract('{}', 'edgeward!22023:cannot get array length of a non-array') END";

/// Every function of fixed arguments; overloads are rows of one name.
#[rustfmt::skip]
pub const FUNCTIONS: &[Row] = &[
    Row { name: "now",                   arguments: &[],                 result: Timestamptz, reads: Clock,   sql: NOW },
    Row { name: "current_timestamp",     arguments: &[],                 result: Timestamptz, reads: Clock,   sql: NOW },
    Row { name: "transaction_timestamp", arguments: &[],                 result: Timestamptz, reads: Clock,   sql: NOW },
    Row { name: "statement_timestamp",   arguments: &[],                 result: Timestamptz, reads: Clock,   sql: NOW },
    Row { name: "clock_timestamp",       arguments: &[],                 result: Timestamptz, reads: Clock,   sql: NOW },
    Row { name: "localtimestamp",        arguments: &[],                 result: Timestamp,   reads: Clock,   sql: LOCAL_NOW },
    Row { name: "current_date",          arguments: &[],                 result: Date,        reads: Clock,   sql: "date('now')" },
    Row { name: "gen_random_uuid",       arguments: &[],                 result: Uuid,        reads: Chance,  sql: RANDOM_UUID },
    Row { name: "uuid_generate_v4",      arguments: &[],                 result: Uuid,        reads: Chance,  sql: RANDOM_UUID },
    Row { name: "random",                arguments: &[],                 result: Float8,      reads: Chance,  sql: "((random() & 9007199254740991) / 9007199254740992.0)" },
    Row { name: "lower",                 arguments: &[Text],             result: Text,        reads: Nothing, sql: LOWER },
    Row { name: "upper",                 arguments: &[Text],             result: Text,        reads: Nothing, sql: UPPER },
    Row { name: "length",                arguments: &[Text],             result: Int4,        reads: Nothing, sql: "length({0})" },
    Row { name: "char_length",           arguments: &[Text],             result: Int4,        reads: Nothing, sql: "length({0})" },
    Row { name: "character_length",      arguments: &[Text],             result: Int4,        reads: Nothing, sql: "length({0})" },
    Row { name: "octet_length",          arguments: &[Text],             result: Int4,        reads: Nothing, sql: "octet_length({0})" },
    Row { name: "btrim",                 arguments: &[Text],             result: Text,        reads: Nothing, sql: "trim({0})" },
    Row { name: "btrim",                 arguments: &[Text, Text],       result: Text,        reads: Nothing, sql: "trim({0}, {1})" },
    Row { name: "ltrim",                 arguments: &[Text],             result: Text,        reads: Nothing, sql: "ltrim({0})" },
    Row { name: "ltrim",                 arguments: &[Text, Text],       result: Text,        reads: Nothing, sql: "ltrim({0}, {1})" },
    Row { name: "rtrim",                 arguments: &[Text],             result: Text,        reads: Nothing, sql: "rtrim({0})" },
    Row { name: "rtrim",                 arguments: &[Text, Text],       result: Text,        reads: Nothing, sql: "rtrim({0}, {1})" },
    Row { name: "replace",               arguments: &[Text, Text, Text], result: Text,        reads: Nothing, sql: "CASE WHEN {2} IS NOT NULL THEN replace({0}, {1}, {2}) END" },
    Row { name: "strpos",                arguments: &[Text, Text],       result: Int4,        reads: Nothing, sql: "instr({0}, {1})" },
    Row { name: "starts_with",           arguments: &[Text, Text],       result: Bool,        reads: Nothing, sql: "(substr({0}, 1, length({1})) = {1})" },
    Row { name: "ascii",                 arguments: &[Text],             result: Int4,        reads: Nothing, sql: "CASE WHEN {0} = '' THEN 0 ELSE unicode({0}) END" },
    Row { name: "bit_length",            arguments: &[Text],             result: Int4,        reads: Nothing, sql: "(octet_length({0}) * 8)" },
    Row { name: "length",                arguments: &[Bytea],            result: Int4,        reads: Nothing, sql: "length({0})" },
    Row { name: "octet_length",          arguments: &[Bytea],            result: Int4,        reads: Nothing, sql: "length({0})" },
    Row { name: "to_hex",                arguments: &[Int4],             result: Text,        reads: Nothing, sql: "CASE WHEN {0} IS NOT NULL THEN printf('%x', {0} & 4294967295) END" },
    Row { name: "to_hex",                arguments: &[Int8],             result: Text,        reads: Nothing, sql: "CASE WHEN {0} IS NOT NULL THEN printf('%x', {0}) END" },
    Row { name: "abs",                   arguments: &[Int4],             result: Int4,        reads: Nothing, sql: ABS },
    Row { name: "abs",                   arguments: &[Int8],             result: Int8,        reads: Nothing, sql: "abs({0})" },
    Row { name: "abs",                   arguments: &[Numeric(None)],    result: Numeric(None), reads: Nothing, sql: "CASE WHEN substr({0}, 1, 1) = '-' THEN substr({0}, 2) ELSE {0} END" },
    Row { name: "abs",                   arguments: &[Float8],           result: Float8,      reads: Nothing, sql: "abs({0})" },
    Row { name: "jsonb_typeof",          arguments: &[Jsonb],            result: Text,        reads: Nothing, sql: JSON_TYPE },
    Row { name: "json_typeof",           arguments: &[DataType::Json],   result: Text,        reads: Nothing, sql: JSON_TYPE },
    Row { name: "jsonb_array_length",    arguments: &[Jsonb],            result: Int4,        reads: Nothing, sql: JSON_LENGTH },
    Row { name: "json_array_length",     arguments: &[DataType::Json],   result: Int4,        reads: Nothing, sql: JSON_LENGTH },
    Row { name: "storage.filename",      arguments: &[Text],             result: Text,        reads: Nothing, sql: FILE_NAME },
    Row { name: "storage.extension",     arguments: &[Text],             result: Text,        reads: Nothing, sql: EXTENSION },
];

/// The functions whose result is `text[]`, which no constant can hold.
#[rustfmt::skip]
pub const TEXT_ARRAY_FUNCTIONS: &[(&str, &str)] = &[
    ("storage.foldername", FOLDERS),
    ("storage.path_tokens", ARRAY_OF),
];
