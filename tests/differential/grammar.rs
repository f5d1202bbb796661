//! The expressions that are tried: one row each.

use crate::tree::Kind::{self, *};

/// Literals of each kind, the awkward ones among them.
#[rustfmt::skip]
pub const LITERALS: &[(Kind, &[&str])] = &[
    (Bool,    &["true", "false", "'t'::bool"]),
    (Int,     &["0", "1", "-1", "2", "3", "7", "10", "100", "2147483647", "'-2147483648'::int", "(-7)"]),
    (Big,     &["0::bigint", "1::bigint", "3000000000", "9223372036854775807", "'-5'::bigint"]),
    (Numeric, &["0.0", "1.5", "1.50", "-2.25", "100.01", "'7'::numeric", "12345678901234567890.5", "0.1"]),
    (Float,   &["0::float8", "1.5::float8", "'-0.25'::float8", "'1e10'::float8", "0.1::double precision", "3::float8"]),
    (Text,    &["''", "'a'", "'A'", "'abc'", "'it''s'", "' pad '", "'a,b,,c'", "'12'", "'ünï'", "'100%'", "'a_c'", "'a/b/c.png'", "'true'", "'Abc Def'", "'\"q\"'", "'back\\slash'"]),
    (Uuid,    &["'00000000-0000-4000-8000-00000000000a'::uuid", "'ffffffff-ffff-4fff-8fff-ffffffffffff'::uuid"]),
    (Stamp,   &["'2024-02-29 12:34:56.789+00'::timestamptz", "'2024-01-31T23:59:59Z'::timestamptz", "timestamptz '1999-12-31 20:00:00-05'", "'2024-03-10 00:00:00+00'::timestamptz", "'infinity'::timestamptz"]),
    (Moment,  &["'2024-02-29 12:34:56.5'::timestamp", "'2024-01-31T00:00:00'::timestamp", "timestamp '2023-12-31 23:59:59.999999'"]),
    (Date,    &["'2024-02-29'::date", "date '2023-12-31'", "'2000-01-01'::date"]),
    (Jsonb,   &["'{\"a\": 1, \"b\": {\"c\": [1, 2, \"x\"]}}'::jsonb", "'[1, \"two\", null, true, 2.50]'::jsonb", "'\"s\"'::jsonb", "'null'::jsonb", "'{}'::jsonb", "'[]'::jsonb", "'3'::jsonb", "'{\"a\": null, \"role\": \"admin\", \"ok\": true}'::jsonb"]),
    (Texts,   &["'{}'::text[]", "ARRAY['a','b']", "'{a,NULL,\"c d\"}'::text[]", "ARRAY['x']::text[]"]),
    (Ints,    &["'{}'::int[]", "ARRAY[1,2,3]", "'{3,NULL}'::int[]", "ARRAY[7]"]),
    (Mood,    &["'sad'::mood", "'ok'::mood", "'happy'::mood"]),
];

/// What is made of smaller expressions.
#[rustfmt::skip]
pub const PRODUCTIONS: &[(Kind, &str)] = &[
    (Bool, "({bool} AND {bool})"), (Bool, "({bool} OR {bool})"), (Bool, "(NOT {bool})"),
    (Bool, "({bool} IS TRUE)"), (Bool, "({bool} IS NOT TRUE)"), (Bool, "({bool} IS FALSE)"), (Bool, "({bool} IS UNKNOWN)"),
    (Bool, "({bool} = {bool})"), (Bool, "({bool} <> {bool})"), (Bool, "({bool} IS DISTINCT FROM {bool})"),
    (Bool, "({int} = {int})"), (Bool, "({int} < {int})"), (Bool, "({int} >= {big})"), (Bool, "({int} <> {numeric})"),
    (Bool, "({big} > {int})"), (Bool, "({big} = {float})"), (Bool, "({numeric} = {numeric})"), (Bool, "({numeric} < {numeric})"),
    (Bool, "({float} < {float})"), (Bool, "({float} = {numeric})"), (Bool, "({int} IS NOT DISTINCT FROM {int})"),
    (Bool, "({int} BETWEEN {int} AND {int})"), (Bool, "({int} NOT BETWEEN {int} AND {int})"), 
    (Bool, "({int} IN ({int}, {int}))"), (Bool, "({int} NOT IN ({int}, {int}, NULL))"), (Bool, "({numeric} IN ({numeric}, {int}))"),
    (Bool, "({text} = {text})"), (Bool, "({text} <> {text})"), (Bool, "({text} < {text})"), (Bool, "({text} >= {text})"),
    (Bool, "({text} IN ({text}, {text}))"), (Bool, "({text} IS NULL)"), (Bool, "({int} IS NOT NULL)"), (Bool, "({text} IS DISTINCT FROM {text})"),
    (Bool, "({text} LIKE 'a%')"), (Bool, "({text} LIKE '%c')"), (Bool, "({text} LIKE '%b%')"), (Bool, "({text} LIKE 'a_c')"), (Bool, "({text} LIKE '100\\%')"),
    (Bool, "({text} NOT LIKE '%,%')"), (Bool, "({text} ILIKE 'A%')"), (Bool, "({text} ILIKE '%B%')"), (Bool, "({text} LIKE {text})"), (Bool, "({text} ILIKE {text})"),
    (Bool, "({text} LIKE ANY (ARRAY['a%', '%z']))"), (Bool, "({text} ~ '^[a-z]+$')"), (Bool, "({text} !~ '^[0-9]{2}$')"), (Bool, "({text} ~ '^a')"), (Bool, "({text} ~* '^[a-z]+$')"),
    (Bool, "({text} SIMILAR TO 'a%')"), (Bool, "starts_with({text}, {text})"),
    (Bool, "({uuid} = {uuid})"), (Bool, "({uuid} <> {uuid})"), (Bool, "({uuid} < {uuid})"), (Bool, "({uuid} IN (facts.u, '00000000-0000-4000-8000-00000000000b'))"), (Bool, "({uuid}::text = {text})"),
    (Bool, "({stamp} < {stamp})"), (Bool, "({stamp} = {stamp})"), (Bool, "({stamp} >= {date})"), (Bool, "({moment} < {moment})"), (Bool, "({date} = {date})"), (Bool, "({date} < {date})"),
    (Bool, "({stamp} > {moment})"), (Bool, "({date} BETWEEN {date} AND {date})"), (Bool, "({stamp} IS NOT DISTINCT FROM {stamp})"),
    (Bool, "({mood} = {mood})"), (Bool, "({mood} < {mood})"), (Bool, "({mood} = 'ok')"), (Bool, "({mood} IN ('ok', 'sad'))"), (Bool, "({mood} >= 'ok')"), (Bool, "({mood} IS DISTINCT FROM 'sad')"),
    (Bool, "({text} = ANY ({texts}))"), (Bool, "({int} = ANY ({ints}))"), (Bool, "({text} <> ALL ({texts}))"), (Bool, "({int} = ANY (ARRAY[1, 2, {int}]))"), (Bool, "({int} < ALL (ARRAY[5, {int}]))"),
    (Bool, "('a' = ANY ({texts}))"), (Bool, "({texts} @> {texts})"), (Bool, "({texts} <@ {texts})"), (Bool, "({texts} && {texts})"), (Bool, "({ints} && {ints})"), (Bool, "({ints} @> ARRAY[{int}])"),
    (Bool, "({texts} = {texts})"), (Bool, "({ints} = {ints})"), (Bool, "({ints} < {ints})"), (Bool, "({texts} IS NULL)"),
    (Bool, "({jsonb} = '\"s\"'::jsonb)"), (Bool, "({jsonb} ? 'a')"), (Bool, "({jsonb} ?| ARRAY['a', 'role'])"), (Bool, "({jsonb} ?& ARRAY['a', 'b'])"), (Bool, "({jsonb} @> '{\"a\": 1}'::jsonb)"),
    (Bool, "({jsonb} IS NULL)"), (Bool, "({jsonb} = {jsonb})"), (Bool, "(({jsonb} ->> 'ok')::boolean)"), (Bool, "({jsonb} <> '3'::jsonb)"), (Bool, "{text}::bool"), (Bool, "({int} = 1)::bool"),
    (Bool, "(CASE WHEN {bool} THEN {bool} ELSE {bool} END)"), (Bool, "coalesce({bool}, {bool})"), (Bool, "({int} <> '7')"), (Bool, "({text} = 'abc'::varchar(2))"), (Bool, "((facts.i, facts.t) = (facts.id, {text}))"),
    (Bool, "(EXISTS (SELECT 1 FROM facts AS f WHERE f.id > {int}))"), (Bool, "({int} IN (SELECT f.i FROM facts AS f))"), (Bool, "({int} NOT IN (SELECT f.i FROM facts AS f WHERE f.i IS NOT NULL))"),
    (Bool, "{int}::bool"), (Bool, "({bool} > {bool})"), (Bool, "({text} ~~ 'a%')"), (Bool, "({text} !~~* 'A%')"),

    (Int, "({int} + {int})"), (Int, "({int} - {int})"), (Int, "({int} * {int})"), (Int, "({int} / {int})"), (Int, "({int} % {int})"), (Int, "(- {int})"), (Int, "(+ {int})"),
    (Int, "length({text})"), (Int, "char_length({text})"), (Int, "octet_length({text})"), (Int, "strpos({text}, {text})"), (Int, "position({text} in {text})"), (Int, "abs({int})"),
    (Int, "coalesce({int}, {int})"), (Int, "nullif({int}, {int})"), (Int, "greatest({int}, {int})"), (Int, "least({int}, {int}, {int})"), (Int, "(CASE WHEN {bool} THEN {int} END)"),
    (Int, "(CASE {int} WHEN {int} THEN {int} ELSE {int} END)"), (Int, "{text}::int"), (Int, "CAST({big} AS integer)"), (Int, "array_length({texts}, 1)"), (Int, "cardinality({ints})"),
    (Int, "({date} - {date})"), (Int, "jsonb_array_length({jsonb})"), (Int, "({jsonb} ->> 'a')::int"), (Int, "({ints})[1]"), (Int, "({ints})[{int}]"), (Int, "{bool}::int"), (Int, "extract(year from {stamp})::int"),
    (Int, "{numeric}::int"), (Int, "{float}::int"), (Int, "mod({int}, {int})"), (Int, "ascii({text})"), (Int, "sign({int})::int"), (Int, "(SELECT max(f.i) FROM facts AS f WHERE f.t = {text})"),
    (Int, "(SELECT count(*)::int FROM facts AS f WHERE f.i > {int})"), (Int, "(1 + 2 * {int} - 3 % 2)"), (Int, "({int} & {int})"), (Int, "({int} | {int})"),

    (Big, "({big} + {int})"), (Big, "({big} - {big})"), (Big, "({big} * {int})"), (Big, "({big} / {int})"), (Big, "({big} % {big})"), (Big, "{int}::bigint"), (Big, "abs({big})"), (Big, "coalesce({big}, {int})"),
    (Big, "{text}::bigint"), (Big, "(SELECT count(*) FROM facts AS f WHERE f.b)"), (Big, "(SELECT sum(f.i) FROM facts AS f WHERE f.i < 1000)"), (Big, "greatest({big}, {int})"),

    (Numeric, "({numeric} + {numeric})"), (Numeric, "({numeric} * {int})"), (Numeric, "{int}::numeric"), (Numeric, "{text}::numeric"), (Numeric, "coalesce({numeric}, {numeric})"), (Numeric, "extract(month from {stamp})"),
    (Numeric, "extract(dow from {date})"), (Numeric, "extract(hour from {moment})"), (Numeric, "extract(epoch from {stamp})"), (Numeric, "extract(week from {date})"), (Numeric, "extract(doy from {date})"), (Numeric, "extract(isodow from {stamp})"),
    (Numeric, "round({numeric}, 1)"), (Numeric, "round({numeric})"), (Numeric, "abs({numeric})"), (Numeric, "(CASE WHEN {bool} THEN {numeric} ELSE {int} END)"), (Numeric, "greatest({numeric}, {numeric})"), (Numeric, "{numeric}::numeric(10,2)"),
    (Numeric, "floor({numeric})"), (Numeric, "ceil({numeric})"), (Numeric, "(- {numeric})"), (Numeric, "(SELECT sum(f.n) FROM facts AS f)"), (Numeric, "(SELECT avg(f.i) FROM facts AS f WHERE f.i < 1000)"), (Numeric, "(SELECT max(f.n) FROM facts AS f)"),
    (Numeric, "extract(isoyear from {date})"), (Numeric, "extract(day from {stamp})"), (Numeric, "extract(minute from {moment})"), (Numeric, "extract(second from {stamp})"), (Numeric, "extract(quarter from {date})"),

    (Float, "({float} + {float})"), (Float, "({float} - {float})"), (Float, "({float} * {float})"), (Float, "({float} / {float})"), (Float, "{int}::float8"), (Float, "{numeric}::float8"), (Float, "abs({float})"), (Float, "(- {float})"),
    (Float, "coalesce({float}, {float})"), (Float, "{text}::float8"), (Float, "greatest({float}, {int})"), (Float, "({float} * {int})"), (Float, "date_part('year', {stamp})"), (Float, "floor({float})"), (Float, "round({float})"), (Float, "sqrt({float})"),

    (Text, "({text} || {text})"), (Text, "({text} || {int})"), (Text, "({text} || {bool})"), (Text, "({date} || {text})"), (Text, "({text} || {numeric})"), (Text, "({text} || {uuid})"), (Text, "({text} || {stamp})"), (Text, "({text} || {mood})"),
    (Text, "lower({text})"), (Text, "upper({text})"), (Text, "trim({text})"), (Text, "btrim({text}, 'a ')"), (Text, "ltrim({text})"), (Text, "rtrim({text}, {text})"), (Text, "trim(both 'a' from {text})"), (Text, "trim(leading from {text})"),
    (Text, "replace({text}, {text}, {text})"), (Text, "substr({text}, 2)"), (Text, "substr({text}, 1, 2)"), (Text, "substring({text} from 2 for 3)"), (Text, "left({text}, 2)"), (Text, "right({text}, 2)"), (Text, "left({text}, {int})"), (Text, "substr({text}, {int}, {int})"),
    (Text, "split_part({text}, ',', 2)"), (Text, "split_part({text}, '/', {int})"), (Text, "split_part({text}, {text}, 1)"), (Text, "concat({text}, {int}, {text})"), (Text, "concat_ws('-', {text}, {text}, {int})"), (Text, "concat_ws({text}, {text}, {bool})"),
    (Text, "coalesce({text}, {text})"), (Text, "nullif({text}, {text})"), (Text, "greatest({text}, {text})"), (Text, "least({text}, {text})"), (Text, "(CASE WHEN {bool} THEN {text} WHEN {bool} THEN 'x' ELSE {text} END)"),
    (Text, "{int}::text"), (Text, "{bool}::text"), (Text, "{numeric}::text"), (Text, "{uuid}::text"), (Text, "{stamp}::text"), (Text, "{moment}::text"), (Text, "{date}::text"), (Text, "{mood}::text"), (Text, "{float}::text"), (Text, "{jsonb}::text"), (Text, "{texts}::text"),
    (Text, "({jsonb} ->> 'a')"), (Text, "({jsonb} ->> 0)"), (Text, "({jsonb} -> 'b' ->> 'd')"), (Text, "({jsonb} #>> '{b,c,2}')"), (Text, "({jsonb} ->> {text})"), (Text, "({jsonb} ->> -1)"), (Text, "({jsonb} ->> 'role')"), (Text, "({jsonb} ->> {int})"),
    (Text, "jsonb_typeof({jsonb})"), (Text, "jsonb_typeof({jsonb} -> 'a')"), (Text, "({texts})[1]"), (Text, "({texts})[{int}]"), (Text, "array_to_string({texts}, ',')"), (Text, "{text}::varchar(2)"), (Text, "repeat({text}, 2)"), (Text, "reverse({text})"), (Text, "initcap({text})"),
    (Text, "md5({text})"), (Text, "lpad({text}, 5, '0')"), (Text, "(SELECT string_agg(f.t, ',' ORDER BY f.id) FROM facts AS f WHERE f.i = {int})"), (Text, "(SELECT max(f.t) FROM facts AS f)"), (Text, "to_char({date}, 'YYYY-MM')"), (Text, "translate({text}, 'ab', 'xy')"), (Text, "chr(65)"),

    (Uuid, "{text}::uuid"), (Uuid, "coalesce({uuid}, {uuid})"), (Uuid, "({jsonb} ->> 'a')::uuid"), (Uuid, "nullif({uuid}, {uuid})"), (Uuid, "(CASE WHEN {bool} THEN {uuid} END)"),

    (Stamp, "({stamp} + interval '1 day')"), (Stamp, "({stamp} - interval '1 month')"), (Stamp, "({stamp} + interval '1 year 2 months -3 days 04:05:06')"), (Stamp, "({stamp} - '90 minutes'::interval)"), (Stamp, "({stamp} + interval '7' day)"),
    (Stamp, "date_trunc('day', {stamp})"), (Stamp, "date_trunc('month', {stamp})"), (Stamp, "date_trunc('hour', {stamp})"), (Stamp, "date_trunc('week', {stamp})"), (Stamp, "({moment} AT TIME ZONE 'UTC')"), (Stamp, "{date}::timestamptz"), (Stamp, "{moment}::timestamptz"),
    (Stamp, "coalesce({stamp}, {stamp})"), (Stamp, "greatest({stamp}, {stamp})"), (Stamp, "{text}::timestamptz"), (Stamp, "({stamp} + 2 * interval '1 hour')"), (Stamp, "(CASE WHEN {bool} THEN {stamp} ELSE {date} END)"), (Stamp, "(SELECT min(f.s) FROM facts AS f)"),
    (Moment, "({stamp} AT TIME ZONE 'UTC')"), (Moment, "({date} + interval '1 month')"), (Moment, "({moment} - interval '36 hours')"), (Moment, "date_trunc('minute', {moment})"), (Moment, "{stamp}::timestamp"), (Moment, "{date}::timestamp"), (Moment, "({moment} + interval '1 year')"),
    (Moment, "date_trunc('year', {moment})"), (Moment, "timezone('utc', {stamp})"), (Moment, "({date} - interval '1 day')"), (Moment, "least({moment}, {moment})"),
    (Date, "({date} + {int})"), (Date, "({date} - {int})"), (Date, "({date} + 1)"), (Date, "({date} - 30)"), (Date, "{stamp}::date"), (Date, "{moment}::date"), (Date, "{text}::date"), (Date, "coalesce({date}, {date})"), (Date, "date({stamp})"), (Date, "least({date}, {date})"), (Date, "(CASE WHEN {bool} THEN {date} END)"),

    (Jsonb, "({jsonb} -> 'a')"), (Jsonb, "({jsonb} -> 0)"), (Jsonb, "({jsonb} -> 'b' -> 'c')"), (Jsonb, "({jsonb} #> '{b,c}')"), (Jsonb, "({jsonb} -> {text})"), (Jsonb, "({jsonb} -> -1)"), (Jsonb, "({jsonb} -> {int})"), (Jsonb, "to_jsonb({text})"), (Jsonb, "to_jsonb({int})"), (Jsonb, "to_jsonb({bool})"),
    (Jsonb, "jsonb_build_object('k', {text}, 'n', {int}, 'b', {bool})"), (Jsonb, "jsonb_build_object('j', {jsonb}, 'd', {numeric})"), (Jsonb, "jsonb_build_array({int}, {text})"), (Jsonb, "coalesce({jsonb}, '{}'::jsonb)"), (Jsonb, "{text}::jsonb"), (Jsonb, "to_jsonb({texts})"), (Jsonb, "to_jsonb({stamp})"),
    (Jsonb, "({jsonb} || {jsonb})"), (Jsonb, "({jsonb} - 'a')"), (Jsonb, "(SELECT jsonb_agg(f.i ORDER BY f.id) FROM facts AS f)"), (Jsonb, "to_jsonb({uuid})"), (Jsonb, "to_jsonb({date})"), (Jsonb, "to_jsonb({mood})"), (Jsonb, "to_jsonb({float})"),

    (Texts, "({texts} || {texts})"), (Texts, "({texts} || {text})"), (Texts, "string_to_array({text}, ',')"), (Texts, "ARRAY[{text}, {text}]"), (Texts, "coalesce({texts}, '{}')"), (Texts, "array_append({texts}, {text})"), (Texts, "array_remove({texts}, 'a')"), (Texts, "(SELECT array_agg(f.t ORDER BY f.id) FROM facts AS f)"),
    (Texts, "ARRAY(SELECT f.t FROM facts AS f WHERE f.i > {int} ORDER BY f.id)"), (Texts, "({text} || {texts})"),
    (Ints, "ARRAY[{int}, {int}]"), (Ints, "({ints} || {int})"), (Ints, "({ints} || {ints})"), (Ints, "ARRAY(SELECT f.i FROM facts AS f ORDER BY f.id)"), (Ints, "coalesce({ints}, ARRAY[0])"),
    (Mood, "coalesce({mood}, {mood})"), (Mood, "{text}::mood"), (Mood, "(CASE WHEN {bool} THEN {mood} ELSE 'ok' END)"), (Mood, "nullif({mood}, {mood})"), (Mood, "greatest({mood}, {mood})"),
];
