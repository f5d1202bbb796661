//! Functions that Postgres has and that are not supported, each with what to do instead: so that they
//! are told apart from functions that nobody has.

use crate::dialect::DialectError;

const NO_DOUBLES: &str = "SQLite on D1 has no such function; compute it where the value is shown.";
const NO_REGULAR: &str =
    "SQLite has no regular expressions; ~ with simple ones, LIKE and split_part() are supported.";
const NO_HASH: &str = "SQLite has no hash functions; compute it in the app or in a function of the edge.";
const NO_CRYPT: &str =
    "crypt('a constant', gen_salt('bf')) is, in migrations and seeds; to sign in, use the auth API.";
const NO_PATH: &str = "Use -> and ->>, or jsonb_array_elements() in FROM.";
const NO_SETS: &str = "Order the rows and take the one in the middle with OFFSET.";
const NO_SEARCH: &str = "Use ILIKE, or a generated column that is searched.";
const NO_SERVER: &str = "There is no server to ask.";
const NO_CRON: &str =
    "Nothing runs SQL at times of its own here: call rpc() from a Worker with a cron trigger.";
const NO_HTTP: &str = "The database makes no requests: make them in the app or in a Worker.";
const NO_VAULT: &str = "Keep secrets with `wrangler secret put`, for a Worker to use.";
const NO_ROOMS: &str = "Realtime is not supported yet.";
const LISTED: &str = "docs/SQL.md lists the functions that are supported.";

/// Names and hints.
#[rustfmt::skip]
const KNOWN: &[(&[&str], &str)] = &[
    (&["sqrt", "cbrt", "power", "pow", "exp", "ln", "log", "log10", "sin", "cos", "tan", "cot", "asin", "acos", "atan", "atan2", "degrees", "radians", "pi", "width_bucket", "setseed", "gcd", "lcm", "factorial"], NO_DOUBLES),
    (&["regexp_match", "regexp_matches", "regexp_split_to_table", "regexp_count", "regexp_instr", "regexp_like", "regexp_substr"], NO_REGULAR),
    (&["sha224", "sha256", "sha384", "sha512", "digest", "hmac", "pgp_sym_encrypt", "pgp_sym_decrypt", "hashtext", "hashtextextended", "uuid_generate_v1", "uuid_generate_v5"], NO_HASH),
    (&["crypt", "gen_salt"], NO_CRYPT),
    (&["jsonb_path_exists", "jsonb_path_match", "jsonb_path_query", "jsonb_path_query_array", "jsonb_path_query_first", "jsonb_insert", "jsonb_pretty", "json_populate_record", "jsonb_populate_record", "json_populate_recordset", "jsonb_populate_recordset", "json_object", "jsonb_object", "json_strip_nulls"], NO_PATH),
    (&["percentile_cont", "percentile_disc", "mode", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp", "corr", "regr_slope", "covar_pop", "covar_samp", "bit_and", "bit_or", "bit_xor", "range_agg", "xmlagg"], NO_SETS),
    (&["to_tsvector", "to_tsquery", "plainto_tsquery", "phraseto_tsquery", "websearch_to_tsquery", "ts_rank", "ts_rank_cd", "ts_headline", "setweight", "similarity", "word_similarity", "unaccent", "levenshtein", "soundex", "metaphone"], NO_SEARCH),
    (&["pg_sleep", "pg_notify", "pg_advisory_lock", "pg_try_advisory_lock", "pg_get_serial_sequence", "pg_backend_pid", "txid_current", "pg_typeof", "pg_column_size", "pg_total_relation_size", "to_regclass", "set_config", "current_database", "current_schema", "version", "inet_client_addr", "has_table_privilege", "pg_has_role"], NO_SERVER),
    (&["make_timestamp", "make_timestamptz", "make_time", "to_date", "to_number", "justify_days", "justify_hours", "justify_interval", "isfinite", "date_bin", "timeofday", "quote_ident", "convert_from", "convert_to", "normalize", "parse_ident", "unistr", "array_fill", "array_dims", "array_ndims", "array_lower", "array_positions", "trim_array", "array_sample", "array_shuffle", "num_nulls", "num_nonnulls", "bit_count", "get_bit", "set_bit", "host", "masklen", "family", "network", "lower_inc", "upper_inc", "isempty", "range_merge"], LISTED),
];

/// The schemas of extensions, and hints for what is called in them.
#[rustfmt::skip]
const SCHEMAS: &[(&str, &str)] = &[("cron.", NO_CRON), ("net.", NO_HTTP), ("vault.", NO_VAULT), ("realtime.", NO_ROOMS), ("supabase_functions.", NO_HTTP)];

/// The refusal of a function that Postgres has; `None` for one that nobody has.
pub fn refusal(name: &str) -> Option<DialectError> {
    let in_schema = || SCHEMAS.iter().find(|(schema, _)| name.starts_with(schema)).map(|(_, hint)| hint);
    let hint =
        KNOWN.iter().find(|(names, _)| names.contains(&name)).map(|(_, hint)| hint).or_else(in_schema)?;
    Some(DialectError::unsupported(format!("the function {name}()")).with_hint(*hint))
}
