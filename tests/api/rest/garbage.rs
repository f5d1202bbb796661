//! Whatever comes in, the answer is one of PostgREST's: never a 500, never a statement that SQLite refuses.

use http::Method;

use super::schema::install;
use super::{ANN, add_todos};
use crate::app::TestApp;

/// Pieces that grammars are made of, so that random text gets far.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "select", "order", "limit", "offset", "columns", "on_conflict", "and", "or", "not", "id", "title", "user_id", "meta",
    "labels", "done", "priority", "due", "comments", "profiles", "tags", "todo_tags", "author_id", "count", "body", "name",
    "eq", "neq", "gt", "in", "is", "like", "ilike", "cs", "cd", "ov", "fts", "isdistinct", "null", "true", "desc",
    "nullsfirst", "inner", "left", "text", "int", "(any)", "(", ")", "{", "}", "[", "]", ".", ",", ":", "::", "!", "=",
    "sum()", "count()", "max()", "match", "imatch", "^", "$", "|", "?", "wfts", "\n", "NULL",
    "&", "*", "->", "->>", "-", "\"", "\\", "'", "%25", "%00", "%FF", "+", "0", "1", "99999999999999999999", "-1", "ä", " ", "...",
];

/// Whole parameters that make sense; two of them often make none.
#[rustfmt::skip]
const PARAMETERS: &[&str] = &[
    "select=id,title", "select=*,comments(*)", "select=id,comments!inner(id,profiles!author_id(name))", "select=tags(name)",
    "select=id,profiles(todos(comments(body)))", "select=meta->a->>b,done::text", "id=eq.1", "id=in.(1,2,x)", "title=like.*a_b*",
    "title=ilike.%25%C3%A4%25", "done=is.true", "meta->>s=eq.x", "meta->n=gt.5", "labels=cs.{a,b}", "labels=ov.{}", "due=gt.2026-01-01",
    "or=(id.eq.1,title.like.*x*)", "not.and=(id.gt.1,or(done.is.true,due.is.null))", "comments=is.null", "comments.id=eq.1",
    "comments.order=id.desc", "comments.limit=1", "order=title.desc.nullslast,id", "order=meta->n", "order=profiles(name)",
    "flag=is.true", "big=gt.5", "exact=in.(1,2.50)", "ratio=lt.1e300", "mood=gte.ok", "numbers=cd.{1,2}", "bytes=eq.\\x00",
    "at=lt.2026-01-01T00:00:00Z", "order=mood,exact.desc,bytes", "select=id,passports(number),people(id)", "age=lt(any).{1,2}",
    "manager_id=isdistinct.1", "name=ilike(all).{a*,*b}", "select=*,boss:manager_id!inner(*)", "select=count", "select=tags(count)",
    "select=id,...profiles(name,bio)", "select=id,...comments(body,...profiles!author_id(name))", "select=...tags(*)", "comments.order=body",
    "select=title,count()", "select=count(),priority.count(),id.sum(),id.max()", "select=comments(id.sum(),author_id)", "select=...people(name),age.avg()",
    "select=price.sum(),mood", "select=boss:manager_id(name),age.max()::text", "order=title",
    "title=match.^m.*k$", "title=imatch.(a|b)?[c-f]", "name=match(any).{^a,\\d}", "label=not.match.[^a-z]", "meta=cs.{\"a\":{\"b\":[1]}}",
    "meta=cd.[1,\"x\",{\"a\":null}]", "doc->a=cs.7", "meta->a=not.cd.{}",
    "select=meta::text,priority::int,due::timestamptz", "select=title::int4,labels::text,meta->s::numeric", "select=flag::int,ratio::numeric,at::date,exact::text,numbers::text",
    "todo_id=eq.1", "select=todos!inner(comments(id))", "limit=1", "offset=1", "distinct=true", "count()=gt.1", "id.sum()=lt.9", "order=count().desc,id.max()", "select=title&distinct=true", "select=...profiles(name.max())", "columns=title,done", "on_conflict=id", "on_conflict=user_id,title", "priority=gte.1.5",
];

/// `GARBAGE_ROUNDS` is for a longer run.
fn rounds() -> u32 {
    std::env::var("GARBAGE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5000)
}

/// A small generator of its own: the same numbers in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

fn garbage(dice: &mut Dice) -> String {
    let mut query: Vec<String> = Vec::new();
    for _ in 0..dice.roll(4) {
        query.push(dice.pick(PARAMETERS).to_string());
    }
    // Half of the queries are made of sense alone.
    for _ in 0..dice.roll(2) * dice.roll(3) {
        let pieces: String = (0..=dice.roll(8)).map(|_| dice.pick(PIECES)).collect();
        query.push(if dice.roll(2) == 0 { format!("{}={pieces}", dice.pick(PIECES)) } else { pieces });
    }
    query.join("&")
}

#[test]
fn garbage_is_refused_or_answered() {
    let app = TestApp::with_vars(&[
        ("DB_AGGREGATES_ENABLED", "true"),
        ("DB_PLAN_ENABLED", "true"),
        ("DB_TX_END", "commit-allow-override"),
    ]);
    install(&app);
    add_todos(&app);
    let mut dice = Dice(7);
    let methods =
        [Method::GET, Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE, Method::PUT];
    let bodies = [
        "",
        "{",
        "[]",
        "{}",
        "{\"title\":\"x\"}",
        "[{\"title\":1},{\"title\":null}]",
        "{\"id\":3,\"title\":\"y\"}",
        "7",
        "{\"meta\":{\"a\":[]}}",
        "id,title\n5,NULL\n6,\"x\"\"\"",
        "title\n\"",
        "{\"title\":\"x\",\"comments\":[{\"body\":\"y\"},{\"body\":null}]}",
        "[{\"title\":\"x\",\"comments\":[]},{\"title\":\"z\",\"comments\":[{\"body\":\"y\",\"todos\":[{\"title\":\"w\"}]}]}]",
        "{\"title\":\"x\",\"comments\":{\"body\":\"y\"}}",
        "[{\"name\":\"x\",\"profiles\":[{\"name\":\"y\"}],\"tags\":[7]}]",
    ];
    let preferences = [
        "",
        "return=representation",
        "count=exact",
        "count=planned",
        "count=estimated",
        "resolution=merge-duplicates,return=representation",
        "tx=rollback,return=representation,count=exact",
        "tx=rollback,resolution=merge-duplicates,return=representation",
        "missing=default,return=headers-only",
        "handling=strict,max-affected=1",
        "timezone=America/New_York,return=representation",
    ];
    let accepts = [
        "*/*",
        "application/vnd.pgrst.object+json",
        "text/csv",
        "application/vnd.pgrst.plan+text",
        "application/vnd.pgrst.array+json;nulls=stripped",
        "application/geo+json",
    ];
    let content_types = ["application/json", "application/json", "text/csv"];
    let mut answered = 0;
    for round in 0..rounds() {
        let method = methods[dice.roll(methods.len())].clone();
        let relation =
            dice.pick(&["todos", "todos", "comments", "things", "people", "todo_tags", "no%20key"]);
        let target = format!("/rest/v1/{relation}?{}", garbage(&mut dice));
        let call = app
            .user(ANN)
            .call(method.clone(), &target)
            .body(dice.pick(&bodies).to_string())
            .header("prefer", dice.pick(&preferences))
            .header("content-type", dice.pick(&content_types))
            .header("accept", dice.pick(&accepts))
            .header("x-edgeward-nested", dice.pick(&["false", "true"]));
        let answer = call.send();
        let fine = answer.status.as_u16() < 500;
        answered += u32::from(answer.status.is_success());
        assert!(fine, "round {round}: {method} {target}: {}: {:?}", answer.text(), app.log.0.borrow().last());
    }
    assert!(answered > rounds() / 20, "only {answered} were answered: the garbage is too bad to test much");
    let mine = format!("SELECT count(*) FROM todos WHERE id IN (3, 4) AND user_id <> '{ANN}'");
    assert_eq!(app.database.value(&mine).as_deref(), Some("2"), "and nobody else's rows were touched");
}
