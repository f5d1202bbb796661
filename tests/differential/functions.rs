//! Random functions that policies call: definer's and invoker's, in SQL and plpgsql, over the project's tables.

use crate::chance::Chance;
use crate::tree::Kind::{self, Bool};
use crate::tree::Tree;
use crate::world::World;

/// A function; its condition is data, so that a failing one can be made smaller.
#[derive(Clone, Debug)]
pub struct Function {
    head: String,
    pub condition: Tree,
    tail: String,
}

impl Function {
    /// `CREATE FUNCTION`.
    pub fn sql(&self) -> String {
        format!("{}{}{}", self.head, self.condition.sql(), self.tail)
    }
}

/// Language, arguments, result, what stands around the condition over `TABLE AS s`, and calls in policies.
#[rustfmt::skip]
const FORMS: &[(&str, &str, &str, &str, &str, &[&str])] = &[
    ("sql", "p_id int",     "boolean",   "SELECT EXISTS (SELECT 1 FROM TABLE AS s WHERE s.id = p_id AND ", ")", &["NAME({int})", "(NAME({int}) IS TRUE)"]),
    ("sql", "p_owner uuid", "boolean",   "SELECT EXISTS (SELECT 1 FROM TABLE s WHERE s.owner = $1 AND ", ")", &["NAME({uuid})", "NAME(auth.uid())", "(SELECT NAME(auth.uid()))"]),
    ("sql", "",             "boolean",   "SELECT EXISTS (SELECT 1 FROM TABLE s WHERE ", ")", &["NAME()", "(SELECT NAME())", "(NOT NAME())"]),
    ("sql", "",             "bigint",    "SELECT count(*) FROM TABLE AS s WHERE ", "", &["(NAME() < 3)", "((SELECT NAME()) > {int})"]),
    ("sql", "",             "SETOF int", "SELECT s.id FROM TABLE AS s WHERE ", "", &["({int} IN (SELECT NAME()))", "({int} NOT IN (SELECT NAME()))", "(EXISTS (SELECT 1 FROM NAME() AS of WHERE of = {int}))"]),
    ("sql", "p_id int",     "uuid",      "SELECT s.owner FROM TABLE s WHERE s.id = p_id AND ", "", &["(NAME({int}) = auth.uid())", "(auth.uid() = NAME({int}))"]),
    ("sql", "p_text text, p_id int DEFAULT 2", "boolean", "SELECT p_text <> 'a' AND EXISTS (SELECT 1 FROM TABLE s WHERE s.id > p_id AND ", ")", &["NAME({text})", "NAME({text}, {int})", "NAME(p_id => {int}, p_text => 'b')"]),
    ("plpgsql", "p_id int",     "boolean",   "BEGIN RETURN EXISTS (SELECT 1 FROM TABLE s WHERE s.id = p_id AND ", "); END", &["NAME({int})", "(NOT NAME({int}))"]),
    ("plpgsql", "p_owner uuid", "boolean",   "DECLARE found_id int; BEGIN SELECT s.id INTO found_id FROM TABLE s WHERE s.owner = p_owner AND ", " ORDER BY s.id LIMIT 1; IF NOT FOUND THEN RETURN false; END IF; RETURN found_id > 2; END", &["NAME({uuid})", "NAME(auth.uid())"]),
    ("plpgsql", "",             "boolean",   "BEGIN IF auth.uid() IS NULL THEN RETURN false; END IF; RETURN (SELECT count(*) FROM TABLE s WHERE ", ") > 1; END", &["NAME()", "(SELECT NAME())"]),
    ("plpgsql", "",             "SETOF int", "BEGIN RETURN QUERY SELECT s.id FROM TABLE s WHERE ", "; END", &["({int} IN (SELECT NAME()))"]),
    ("plpgsql", "p_id int",     "text",      "DECLARE result text := 'none'; BEGIN SELECT CASE WHEN ", " THEN 'yes' ELSE 'no' END INTO result FROM TABLE s WHERE s.id = p_id; RETURN coalesce(result, 'gone'); END", &["(NAME({int}) = 'yes')", "(NAME({int}) <> 'gone')"]),
];

const NAMES: &[&str] = &["is_one", "may_see", "of_mine", "belongs"];

/// Adds functions, each of which may call those before it, and policies that call them.
pub fn add(chance: &mut Chance, world: &mut World) {
    let kept = world.policies.len() / 3;
    world.policies.truncate(kept);
    for name in NAMES.iter().take(chance.between(1, 4)) {
        let (language, arguments, returns, before, after, calls) = *chance.pick(FORMS);
        let table = chance.below(world.tables.len());
        let condition = world.condition(chance, &mut vec![(Some("s".to_string()), table)], 2);
        let security = *chance.pick(&[
            "SECURITY DEFINER SET search_path = public",
            "SECURITY DEFINER",
            "SECURITY INVOKER",
            "",
        ]);
        let volatility = *chance.pick(&["STABLE", "STABLE", "STABLE", ""]);
        let named = |text: &str| text.replace("TABLE", world.tables[table].name);
        let head = format!(
            "CREATE FUNCTION {name}({arguments}) RETURNS {returns} LANGUAGE {language} {volatility} {security} AS $$ {}",
            named(before)
        );
        let semicolon = if language == "plpgsql" { ";" } else { "" };
        let tail = format!("{}{semicolon} $$;\n", named(after));
        world.functions.push(Function { head, condition, tail });
        let call = |call: &&str| (Bool, call.replace("NAME", name));
        world.calls.extend(calls.iter().map(call).collect::<Vec<(Kind, String)>>());
    }
    for table in 0..world.tables.len() {
        for number in 0..chance.between(1, 3) {
            let policy = world.policy(chance, table, 10 + number);
            world.policies.push(policy);
        }
    }
}
