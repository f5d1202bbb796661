//! Differences that are meant, each with its reason. A row that no difference needs is a mistake to mend.

use std::collections::BTreeSet;

use crate::compare::{Finding, Kind};
use crate::specs::{Case, Step};

/// Whole requests: part of the file, of the case's name or the request, of anything that is answered, and why.
#[rustfmt::skip]
const REQUESTS: &[(&str, &str, &str, &str)] = &[
    ("",                   "datarep_",                 "",                          "data representations are casts of one's own, which there are none of"),
    ("ComputedRelsSpec",   "data representations",     "",                          "data representations are casts of one's own, which there are none of"),
    ("",                   "",                         "\"PGRST127\"",              "what SQLite has no form of is refused, and said so"),
    ("",                   "",                         "expecting end of input",    "what follows a whole parameter is refused, not passed over"),
    ("",                   "",                         "requires a WHERE clause",   "pg-safeupdate is on, as hosted"),
    ("CustomMediaSpec",    "",                         "",                          "media types of one's own are domains and aggregates of PostgreSQL"),
    ("MultipleSchemaSpec", "handler with a domain",    "",                          "media types of one's own are domains and aggregates of PostgreSQL"),
    ("PlanSpec",           "",                         "",                          "the plan is SQLite's, which has no options and other words"),
    ("",                   "count=planned",            "",                          "how many rows there may be is guessed otherwise than by PostgreSQL's planner"),
    ("",                   "count=estimated",          "",                          "how many rows there may be is guessed otherwise than by PostgreSQL's planner"),
    ("ServerTimingSpec",   "",                         "Server-Timing: ",           "a Worker's clock stands still while it computes: the database's time alone is known"),
    ("TimezoneSpec",       "",                         "",                          "time zones are refused, and may be offsets, from PostgREST 16 on; Supabase runs 14"),
    ("CorsSpec",           "",                         "",                          "what browsers may do is one answer for all APIs"),
    ("UpsertSpec",         "/employees",               "",                          "the fixture's money is text here"),
    ("InsertSpec",         "{}",                       "",                          "reset_sequence, which runs dynamic SQL, is no fixture here"),
    ("InsertSpec",         "test_null_pk_competitors", "",                          "there are no rules"),
    ("InsertSpec",         "/simple_pk",               "",                          "the details of a missing value do not repeat the row"),
    ("AggregateFunctions", "supervisor:id",            "",                          "a spread's rows are ordered by its columns, not by what they are called in it"),
    ("QuerySpec",          "clients(*),%20tasks",      "",                          "embedded JSON has no blanks, so it is shorter"),
    ("RangeSpec",          "/rpc/getitemrange",        "",                          "JSON of a function has no blanks, so it is shorter"),
    ("RpcSpec",            "/stuff",                   "",                          "a trigger instead of a view's rows cannot say anything of the response"),
    ("RpcSpec",            "/rpc/unnamed_int_param",   "",                          "functions of xml are no fixtures here"),
    ("ErrorSpec",          "/infinite_inserts",        "",                          "a trigger that runs itself is no fixture here"),
    ("",                   "",                         "Expected 3 parts in JWT",   "a token that is none is refused in one way, whatever is wrong with it"),
    ("ErrorSpec",          "algorithm 'none'",         "",                          "which algorithm was meant is not repeated"),
    ("ErrorSpec",          "role does not exist",      "",                          "a role that there is none of has no privileges"),
    ("AuthSpec",           "aud claim",                "",                          "of whom a token is meant for nothing is asked"),
    ("AuthSpec",           "id=3",                     "",                          "there is no function that runs before each request"),
    ("AuthSpec",           "/rpc/privileged_hello",    "",                          "Supabase grants its roles new functions of public by name"),
    ("EmbedDisambiguation", "circular reference",      "",                          "the ways that are offered come in another order"),
    ("JsonOperatorSpec",   "data-%3E%3E--34",          "",                          "what is expected is said of the key's beginning"),
    ("PostGISSpec",        "",                         "",                          "a geometry of EPSG:4326 says no reference system, as ST_AsGeoJSON has it"),
    ("OpenApiSpec",        "includes title",           "",                          "the description's title is Supabase's"),
    ("OpenApiSpec",        "definitions to views",     "",                          "comments of views are not in the description"),
    ("OpenApiSpec",        "Foreign table",            "",                          "there are no foreign tables"),
    ("OpenApiSpec",        "Materialized view",        "",                          "comments of views are not in the description"),
    ("OpenApiSpec",        "VIEW that has a source FK", "",                         "of a view's columns the description says no foreign keys"),
    ("OpenApiSpec",        "Detects default values / enum", "",                     "the fixture's schema has another name here"),
    ("OpenApiSpec",        "for arguments in the",     "",                          "the fixture's function has parameters of type money"),
    ("OpenApiSpec",        "privileged function",      "",                          "Supabase grants its roles new functions of public by name"),
    ("OpenApiSpec",        "VARIADIC",                 "",                          "the description says the same of all parameters of a query"),
    ("OpenApiSpec",        "POST method",              "",                          "functions of dynamic SQL are no fixtures here"),
    ("OpenApiSpec",        "root path",                "",                          "the description names PostgREST's newest documentation"),
    ("OptionsSpec",        "root endpoint",            "",                          "the root takes no OPTIONS but from browsers"),
];

/// Why a difference is meant, and which row says so.
pub fn reason(case: &Case, step: &Step, findings: &[Finding]) -> Option<(usize, &'static str)> {
    if findings.iter().all(|finding| finding.kind == Kind::Order) {
        return Some((usize::MAX, "rows that were not ordered come in SQLite's order"));
    }
    let title = step.title();
    REQUESTS.iter().enumerate().find_map(|(index, (file, request, answered, reason))| {
        let fits = case.file.contains(file)
            && (title.contains(request) || case.name.contains(request))
            && findings.iter().any(|finding| finding.answered.contains(answered));
        fits.then_some((index, *reason))
    })
}

/// The rows that no difference needed.
pub fn unused(used: &BTreeSet<usize>) -> Vec<String> {
    let unused = REQUESTS.iter().enumerate().filter(|(index, _)| !used.contains(index));
    unused.map(|(_, row)| format!("{row:?}")).collect()
}
