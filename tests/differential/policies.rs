//! Stage 2: random projects, and what their callers see and change. A case is a statement.

use crate::app::TestApp;
use crate::json::Json;
use crate::ours;
use crate::postgres::{Failure, Outcome, Postgres};
use crate::report::{Report, Verdict, is_refusal};
use crate::world::{World, actors};

/// Tries projects until so many statements were made; a seed is a project.
pub fn run(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    run_worlds(postgres, seeds, report, World::new);
}

/// The same with views in the projects.
pub fn run_views(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    run_worlds(postgres, seeds, report, World::with_views);
}

/// The same with functions that the policies call.
pub fn run_functions(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    run_worlds(postgres, seeds, report, World::with_functions);
}

fn run_worlds(
    postgres: &mut Postgres,
    seeds: &mut dyn Iterator<Item = u64>,
    report: &mut Report,
    of: fn(u64) -> World,
) {
    for seed in seeds {
        let world = of(seed);
        let (verdicts, _) = live(postgres, &world);
        for verdict in verdicts {
            match verdict {
                Verdict::Disagreed(_) if report.disagreed.len() < MOST_SHRUNK => {
                    let small = shrink(postgres, world.clone());
                    let last = live(postgres, &small).0.pop().unwrap();
                    report.add(seed, last);
                }
                other => report.add(seed, other),
            }
        }
    }
}

/// Making a project smaller takes seconds: the first few are enough to start with.
const MOST_SHRUNK: usize = 25;

/// The verdict of each statement, up to the first disagreement; and how many statements were made.
fn live(postgres: &mut Postgres, world: &World) -> (Vec<Verdict>, usize) {
    let app = TestApp::new();
    let migration = world.migration();
    let (theirs, ours) = (postgres.migrate(&migration), ours::migrate(&app, &migration));
    match (&theirs, &ours) {
        (Ok(()), Ok(())) => {}
        (Err(theirs), Err(ours)) if theirs.code == ours.code => return (vec![Verdict::Agreed], 0),
        (_, Err(ours)) if is_refusal(ours) => return (vec![Verdict::Refused(ours.message.clone())], 0),
        _ => {
            let what = format!("migration\n{migration}\n  postgres: {theirs:?}\n  ours:     {ours:?}");
            return (vec![Verdict::Disagreed(what)], 0);
        }
    }
    for seed in world.seeds() {
        let theirs = postgres.value(&seed).map(|_| "[]".to_string());
        let ours = ours::query(&app, &seed).map(|_| "[]".to_string());
        if let Some(what) = differ(&theirs, &ours, true) {
            return (vec![Verdict::Disagreed(format!("seed: {what}\n{migration}{seed}"))], 0);
        }
    }
    let mut verdicts = Vec::new();
    for (index, statement) in world.statements.iter().enumerate() {
        let sql = statement.sql(world);
        let theirs = postgres.run(&actors()[statement.actor], &sql);
        let ours = ours::outcome(&statement.send(&app, world));
        let ours = ours.map(|text| if text.is_empty() { "[]".to_string() } else { text });
        // Postgres meets a circle through a function when it runs out of stack, we when we compile.
        let is_circle = |failure: &Failure| failure.code == "42P17" && !world.functions.is_empty();
        if let Err(failure) = &ours
            && (is_refusal(failure) || is_circle(failure))
            && theirs != Err(failure.clone())
        {
            verdicts.push(Verdict::Refused(failure.message.clone()));
            if statement.writes() && theirs.is_ok() {
                // From here on the two projects have different rows.
                return (verdicts, index + 1);
            }
            continue;
        }
        if theirs.as_ref().is_err_and(|failure| failure.code == "XX000") {
            // A defect of Postgres ("cannot cope with variable-free clause"): there is nothing to compare with.
            return (verdicts, index + 1);
        }
        let mut what = differ(&theirs, &ours, statement.is_ordered());
        if let (Err(theirs), Err(ours)) = (&theirs, &ours)
            && (statement.sends_several()
                || (statement.may_meet_several() && ours.code == "42501" && theirs.code.starts_with("23"))
                // CHECK OPTION is asked last of all by Postgres.
                || (ours.code == "44000" && theirs.code.starts_with("23")))
        {
            // Which of several errors comes first: we ask all policies of all rows before any constraint.
            what = None;
        }
        if what.is_none() && statement.writes() {
            what = contents(postgres, &app, world);
        }
        match what {
            None => verdicts.push(Verdict::Agreed),
            Some(what) => {
                verdicts.push(Verdict::Disagreed(told(world, index, &what, &theirs, &ours)));
                return (verdicts, index + 1);
            }
        }
    }
    (verdicts, world.statements.len())
}

/// What sort of difference there is between two outcomes.
fn differ(theirs: &Outcome, ours: &Outcome, ordered: bool) -> Option<String> {
    let rows = |text: &String| {
        let rows = Json::parse(text);
        if ordered { rows } else { rows.sorted() }
    };
    match (theirs, ours) {
        (Ok(theirs), Ok(ours)) if rows(theirs) == rows(ours) => None,
        (Err(theirs), Err(ours)) if theirs.code == ours.code => None,
        // We read the body before the policies, Postgres when it runs.
        (Err(theirs), Err(ours)) if theirs.code == "42P17" && ours.code.starts_with("22") => None,
        (Ok(theirs), Ok(ours)) => {
            let (theirs, ours) = (rows(theirs), rows(ours));
            let more = match (&theirs, &ours) {
                (Json::List(theirs), Json::List(ours)) => ours.iter().any(|row| !theirs.contains(row)),
                _ => true,
            };
            Some(if more { "SHOWS OTHER ROWS".to_string() } else { "shows fewer rows".to_string() })
        }
        (Err(theirs), Err(ours)) => Some(format!("{} for {}", ours.code, theirs.code)),
        (Err(theirs), Ok(_)) => Some(format!("SUCCESS FOR {}", theirs.code)),
        (Ok(_), Err(ours)) => Some(format!("{} for success", ours.code)),
    }
}

/// Compares all tables as the back end sees them.
fn contents(postgres: &mut Postgres, app: &TestApp, world: &World) -> Option<String> {
    for table in world.tables.iter().filter(|table| table.view.is_none()) {
        let name = table.name;
        let theirs = postgres
            .value(&format!("SELECT coalesce(json_agg(row_to_json({name}) ORDER BY id), '[]') FROM {name}"))
            .unwrap();
        let ours = app.service_role().get(&format!("/rest/v1/{name}?select=*&order=id")).send().text();
        if Json::parse(&theirs) != Json::parse(&ours) {
            return Some(format!(
                "OTHER CONTENTS of {name}\n  postgres: {}\n  ours:     {}",
                Json::parse(&theirs),
                Json::parse(&ours)
            ));
        }
    }
    None
}

fn told(world: &World, index: usize, what: &str, theirs: &Outcome, ours: &Outcome) -> String {
    let mut text = format!("{what}\n{}{}\n", world.migration(), world.seeds().join("\n"));
    for statement in &world.statements[..=index] {
        let (method, target, body) = statement.request(world);
        let role = &actors()[statement.actor];
        let who = role["email"].as_str().or(role["role"].as_str()).unwrap();
        let returns = if statement.returns { "returning" } else { "minimal" };
        text.push_str(&format!("{who}: {method} {target} {} ({returns})\n", body.unwrap_or_default()));
    }
    let shown = |outcome: &Outcome| match outcome {
        Ok(text) => Json::parse(text).to_string(),
        Err(failure) => format!("{} {}", failure.code, failure.message),
    };
    text.push_str(&format!("  postgres: {}\n  ours:     {}", shown(theirs), shown(ours)));
    text
}

/// The smallest world found that still ends in a disagreement of the same sort.
fn shrink(postgres: &mut Postgres, mut world: World) -> World {
    let sort = |postgres: &mut Postgres, world: &World| {
        let (verdicts, made) = live(postgres, world);
        match verdicts.last() {
            Some(Verdict::Disagreed(what)) => {
                Some((what.lines().next().unwrap_or_default().to_string(), made))
            }
            _ => None,
        }
    };
    let Some((wanted, made)) = sort(postgres, &world) else { return world };
    world.statements.truncate(made);
    let mut patience = 500;
    'again: loop {
        for candidate in smaller(&world) {
            patience -= 1;
            if patience == 0 {
                return world;
            }
            if let Some((of, made)) = sort(postgres, &candidate)
                && of == wanted
            {
                world = candidate;
                world.statements.truncate(made);
                continue 'again;
            }
        }
        return world;
    }
}

fn smaller(world: &World) -> Vec<World> {
    let mut found = Vec::new();
    let count = world.statements.len();
    let mut half = count.saturating_sub(1) / 2;
    while half > 1 {
        let mut candidate = world.clone();
        candidate.statements.drain(..half);
        found.push(candidate);
        half /= 2;
    }
    for index in 0..count.saturating_sub(1) {
        let mut candidate = world.clone();
        candidate.statements.remove(index);
        found.push(candidate);
    }
    for index in 0..world.policies.len() {
        let mut candidate = world.clone();
        candidate.policies.remove(index);
        found.push(candidate);
    }
    for index in 0..world.functions.len() {
        let mut candidate = world.clone();
        candidate.functions.remove(index);
        found.push(candidate);
        for tree in world.functions[index].condition.smaller() {
            let mut candidate = world.clone();
            candidate.functions[index].condition = tree;
            found.push(candidate);
        }
    }
    for index in 0..world.rows.len() {
        let mut candidate = world.clone();
        candidate.rows.remove(index);
        found.push(candidate);
    }
    for index in 0..world.policies.len() {
        let policy = &world.policies[index];
        for tree in policy.using.iter().flat_map(|tree| tree.smaller()) {
            let mut candidate = world.clone();
            candidate.policies[index].using = Some(tree);
            found.push(candidate);
        }
        for tree in policy.check.iter().flat_map(|tree| tree.smaller()) {
            let mut candidate = world.clone();
            candidate.policies[index].check = Some(tree);
            found.push(candidate);
        }
    }
    found
}
