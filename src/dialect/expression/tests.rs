//! Expressions in, SQLite out: one row for each rule. What the results *do* is tested on SQLite in `tests/api`.

use super::*;
use crate::dialect::CallerValue;
use crate::schema::{Column, Enum, Routine};

/// Binds nothing: caller values are `?uid` and so on, and `teams` is filtered.
struct Plain;

impl Environment for Plain {
    fn caller_value(&mut self, value: CallerValue) -> Result<String, DialectError> {
        Ok(match value {
            CallerValue::UserId => "?uid",
            CallerValue::Role | CallerValue::CurrentUser => "?role",
            CallerValue::Email => "?email",
            CallerValue::Claims => "?jwt",
            CallerValue::Request(part) => part.name(),
            CallerValue::Operation => "?operation",
        }
        .to_string())
    }

    fn row_filter(&mut self, table: &Table, row: &str) -> Result<Option<String>, DialectError> {
        Ok((table.name == "teams").then(|| format!("{row}.\"open\"")))
    }

    fn enter_routine(&mut self, _: &Routine) -> Result<(), DialectError> {
        Ok(())
    }

    fn leave_routine(&mut self) {}
}

fn table(name: &str, columns: &[(&str, &str)]) -> Table {
    let column = |(name, data_type): &(&str, &str)| {
        Column::new((*name).to_string(), DataType::from((*data_type).to_string()))
    };
    Table {
        schema: "public".into(),
        name: name.into(),
        columns: columns.iter().map(column).collect(),
        primary_key: None,
        uniques: vec![],
        checks: vec![],
        foreign_keys: vec![],
        exclusions: vec![],
        comment: None,
        row_security: true,
        privileges: crate::schema::Privileges::default(),
        unread: Vec::new(),
        partitioning: None,
        publications: vec![],
        policies: vec![],
    }
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let tables = [
        table(
            "todos",
            &[
                ("id", "int8"),
                ("user_id", "uuid"),
                ("title", "text"),
                ("done", "bool"),
                ("rank", "int4"),
                ("price", "numeric(10,2)"),
                ("weight", "float8"),
                ("made", "timestamptz"),
                ("due", "date"),
                ("tags", "text[]"),
                ("data", "jsonb"),
                ("mood", "enum mood"),
                ("Odd \"Name", "text"),
            ],
        ),
        table("members", &[("team_id", "int8"), ("user_id", "uuid"), ("role", "text")]),
        table("teams", &[("id", "int8"), ("open", "bool"), ("owner", "uuid")]),
    ];
    for table in tables {
        catalog.tables.insert(table.name.clone(), table);
    }
    let labels = ["sad", "ok"].map(String::from).to_vec();
    catalog.enums.insert("mood".into(), Enum { schema: "public".into(), name: "mood".into(), labels });
    catalog
}

fn lower(text: &str) -> Result<String, DialectError> {
    let catalog = catalog();
    let table = catalog.tables.get("todos").unwrap();
    lower_expression(&Expression::parse(text)?, table, "\"t\"", &catalog, &mut Plain)
}

#[test]
#[rustfmt::skip]
fn expressions_become_sqlite() {
    let rows = [
        ("user_id = auth.uid()",                    r#"("t"."user_id" = ?uid)"#),
        ("(select auth.uid()) = user_id",           r#"(?uid = "t"."user_id")"#),
        ("todos.title = 'it''s'",                   r#"("t"."title" = 'it''s')"#),
        ("public.todos.TITLE <> 'a'",               r#"("t"."title" <> 'a')"#),
        ("\"Odd \"\"Name\" = 'a'",                  r#"("t"."Odd ""Name" = 'a')"#),
        ("done",                                    r#""t"."done""#),
        ("not done",                                r#"(NOT "t"."done")"#),
        ("done = true",                             r#"("t"."done" = 1)"#),
        ("done is not true",                        r#"("t"."done" IS NOT TRUE)"#),
        ("title is null",                           r#"("t"."title" IS NULL)"#),
        ("rank > 1 and rank < 5 and done",          r#"(("t"."rank" > 1) AND (("t"."rank" < 5) AND "t"."done"))"#),
        ("rank > -1",                               r#"("t"."rank" > (-1))"#),
        ("rank in (1, 2)",                          r#"("t"."rank" IN (1, 2))"#),
        ("title not in ('a', 'b')",                 r#"("t"."title" NOT IN ('a', 'b'))"#),
        ("rank between 1 and 3",                    r#"(("t"."rank" >= 1) AND ("t"."rank" <= 3))"#),
        ("price > 5",                               r#"(CASE "t"."price" WHEN 'NaN' THEN 9e999 ELSE CAST("t"."price" AS NUMERIC) END > CAST('5' AS NUMERIC))"#),
        ("weight > 5",                              r#"("t"."weight" > CAST('5' AS REAL))"#),
        ("title is distinct from 'a'",              r#"("t"."title" IS NOT 'a')"#),
        ("title = any (array['a','b'])",            r#"("t"."title" IN ('a', 'b'))"#),
        ("'a' = any (tags)",                        r#"CASE WHEN "t"."tags" IS NOT NULL THEN 'a' IN (SELECT value FROM json_each("t"."tags")) END"#),
        ("tags[1] = 'a'",                           r#"(json_extract("t"."tags", '$[0]') = 'a')"#),
        ("title || rank = 'a1'",                    r#"(("t"."title" || CAST("t"."rank" AS TEXT)) = 'a1')"#),
        ("auth.jwt() -> 'app_metadata' ->> 'role' = 'x'", r#"((SELECT CASE json_type("/once".value, '$."role"') WHEN 'text' THEN "/once".value ->> '$."role"' WHEN 'null' THEN NULL ELSE ("/once".value -> '$."role"') || '' END FROM (SELECT (?jwt -> '$."app_metadata"') AS value) AS "/once") = 'x')"#),
        ("mood = 'ok'",                             r#"("t"."mood" = 'ok')"#),
        ("mood < 'ok'",                             r#"(CASE "t"."mood" WHEN 'sad' THEN 0 WHEN 'ok' THEN 1 END < CASE 'ok' WHEN 'sad' THEN 0 WHEN 'ok' THEN 1 END)"#),
        ("coalesce(title, 'x') = 'x'",              r#"(coalesce("t"."title", 'x') = 'x')"#),
        ("char_length(title) between 1 and 200",    r#"((length("t"."title") >= 1) AND (length("t"."title") <= 200))"#),
        ("title like 'a%'",                         r#"("t"."title" >= 'a' AND "t"."title" < 'b')"#),
        ("title ilike '%A'",                        r#"(substr(lower("t"."title"), -1) = 'a')"#),
        ("user_id::text = title",                   r#"("t"."user_id" = "t"."title")"#),
        ("due = made::date",                        r#"("t"."due" = CASE WHEN instr("t"."made", 'infinity') THEN "t"."made" ELSE substr("t"."made", 1, 10) END)"#),
        ("current_user = 'authenticated'",          r#"(?role = 'authenticated')"#),
        ("(storage.foldername(title))[1] = 'a'",    r#"(json_extract(json_remove('[' || replace(json_quote("t"."title"), '/', '","') || ']', '$[#-1]'), '$[0]') = 'a')"#),
        ("exists (select 1 from members m where m.team_id = id and m.user_id = auth.uid())",
            r#"(EXISTS (SELECT 1 AS "1" FROM "members" AS "t/1" WHERE (("t/1"."team_id" = "t"."id") AND ("t/1"."user_id" = ?uid))))"#),
        ("exists (select 1 from teams where id = todos.id)",
            r#"(EXISTS (SELECT 1 AS "1" FROM "teams" AS "t/1" WHERE ("t/1"."open" AND ("t/1"."id" = "t"."id"))))"#),
        ("id in (select team_id from members where user_id = (select auth.uid()))",
            r#"("t"."id" IN (SELECT "t/1"."team_id" AS "1" FROM "members" AS "t/1" WHERE ("t/1"."user_id" = ?uid)))"#),
    ];
    for (text, expected) in rows {
        assert_eq!(lower(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
#[rustfmt::skip]
fn what_postgres_refuses_and_what_is_not_exact_is_refused() {
    let rows = [
        ("nope = 1",                     "42703", "column \"nope\" does not exist"),
        ("todos.nope = 1",               "42703", "column todos.nope does not exist"),
        ("other.id = 1",                 "42P01", "missing FROM-clause entry for table \"other\""),
        ("exists (select 1 from nope)",  "42P01", "relation \"nope\" does not exist"),
        ("nope(id) = 1",                 "42883", "function nope(bigint) does not exist"),
        ("user_id = title",              "42883", "operator does not exist: uuid = text"),
        ("title = 1",                    "42883", "operator does not exist: text = integer"),
        ("title and done",               "42804", "argument of a condition must be type boolean, not type text"),
        ("title ~ '(a|b)+'",             "0A000", "the regular expression '(a|b)+' is not supported"),
        ("title similar to '(a|b)+'",    "0A000", "the regular expression '^((a|b)+)$' is not supported"),
        ("data < data",                  "0A000", "ordering jsonb is not supported"),
        ("title collate \"en_US\" = 'a'", "0A000", "the collation \"en_US\" is not supported"),
        ("1 = ",                         "42601", ""),
        ("1 1",                          "42601", ""),
        ("",                             "42601", ""),
        ("count(*) > 1",                 "42803", "aggregate functions are not allowed here: count"),
        ("id in (select team_id, role from members)", "42601", "subquery has too many columns"),
        ("id = (select count(*) from members group by role having role = title and user_id is null)", "42803",
            "column \"user_id\" must appear in the GROUP BY clause or be used in an aggregate function"),
    ];
    for (text, code, message) in rows {
        let error = lower(text).expect_err(text);
        assert_eq!(error.code, code, "{text}: {}", error.message);
        assert!(message.is_empty() || error.message == message, "{text}: {}", error.message);
    }
}

#[test]
fn deep_and_long_expressions_end_in_bounded_time() {
    let deep = format!("{}1{} = 1", "(".repeat(5_000), ")".repeat(5_000));
    assert_eq!(lower(&deep).unwrap_err().code, "54001");
    let long = vec!["1"; 100_000].join(" + ");
    assert_eq!(lower(&long).unwrap_err().code, "54001");
    let nots = format!("{} done", "not ".repeat(100_000));
    assert_eq!(lower(&nots).unwrap_err().code, "54001");
    for opening in [
        "(",
        "case when ",
        "(select ",
        "array[",
        "exists (select 1 from todos where ",
        "from ((",
        "coalesce(",
    ] {
        let text = opening.repeat(20);
        assert!(lower(&text).is_err(), "{opening}");
        let text = format!("exists (select 1 from {})", opening.repeat(20));
        assert!(lower(&text).is_err(), "{opening}");
    }
    let wide = vec!["rank = 1"; 100].join(" or ");
    assert!(lower(&wide).is_ok());
}
