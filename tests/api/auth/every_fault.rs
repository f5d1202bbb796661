//! Every call that every flow makes of D1, KV, the hasher, the carriers and the limiter, failing before it took effect
//! and with its answer lost after: the error is right, nothing is half done, and a retry works.

use std::collections::BTreeSet;

use super::fault_flows::{FLOWS, Flow};
use crate::app::{Answer, TestApp};
use crate::double::Fault;

/// Something outside that fails, and whether requests succeed without it.
struct Part {
    name: &'static str,
    fault: fn(&TestApp) -> &Fault,
    is_dispensable: bool,
    /// Whether it goes on failing until the request has been answered: what is tried again fails again.
    lasts: bool,
}

#[rustfmt::skip]
const PARTS: &[Part] = &[
    Part { name: "D1",                        fault: |app| &app.database.fault,          is_dispensable: false, lasts: false },
    Part { name: "D1's answer",               fault: |app| &app.database.lost_answer,    is_dispensable: false, lasts: false },
    Part { name: "KV",                        fault: |app| &app.key_value.fault,         is_dispensable: true,  lasts: false },
    Part { name: "KV's answer",               fault: |app| &app.key_value.lost_answer,   is_dispensable: true,  lasts: false },
    Part { name: "the hasher",                fault: |app| &app.hasher.fault,            is_dispensable: false, lasts: false },
    Part { name: "the mail carrier",          fault: |app| &app.mailer.fault,            is_dispensable: false, lasts: false },
    Part { name: "the mail carrier's answer", fault: |app| &app.mailer.lost_answer,      is_dispensable: false, lasts: false },
    Part { name: "another server",            fault: |app| &app.http_client.fault,       is_dispensable: false, lasts: false },
    Part { name: "another server's answer",   fault: |app| &app.http_client.lost_answer, is_dispensable: false, lasts: false },
    Part { name: "another server for long",   fault: |app| &app.http_client.fault,       is_dispensable: false, lasts: true },
    Part { name: "the limiter",               fault: |app| &app.limits.fault,            is_dispensable: true,  lasts: false },
];

/// What there is none of, whatever failed.
#[rustfmt::skip]
const BROKEN: &[(&str, &str)] = &[
    ("a row whose owner is gone",             "SELECT count(*) FROM pragma_foreign_key_check"),
    ("a session of nobody's",                 r#"SELECT count(*) FROM "auth.sessions" WHERE user_id NOT IN (SELECT id FROM "auth.users" WHERE deleted_at IS NULL)"#),
    ("a user without an identity",            r#"SELECT count(*) FROM "auth.users" AS u WHERE is_anonymous = 0 AND deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM "auth.identities" AS i WHERE i.user_id = u.id)"#),
    ("an identity with another address",      r#"SELECT count(*) FROM "auth.identities" AS i JOIN "auth.users" AS u ON u.id = i.user_id WHERE u.deleted_at IS NULL AND i.provider = 'email' AND i.email IS NOT u.email"#),
    ("a session above its user's factors",    r#"SELECT count(*) FROM "auth.sessions" AS s WHERE s.aal = 'aal2' AND NOT EXISTS (SELECT 1 FROM "auth.mfa_factors" AS f WHERE f.user_id = s.user_id AND f.status = 'verified')"#),
    ("recovery codes of nothing",             r#"SELECT count(*) FROM "auth.mfa_recovery_codes" AS c WHERE NOT EXISTS (SELECT 1 FROM "auth.mfa_factors" AS f WHERE f.user_id = c.user_id AND f.status = 'verified')"#),
    ("a change of address without its codes", r#"SELECT count(*) FROM "auth.users" AS u WHERE coalesce(email_change, '') <> '' AND NOT EXISTS (SELECT 1 FROM "auth.one_time_tokens" AS t WHERE t.user_id = u.id AND t.token_type LIKE 'email_change%')"#),
    ("a change of number without its code",   r#"SELECT count(*) FROM "auth.users" AS u WHERE coalesce(phone_change, '') <> '' AND NOT EXISTS (SELECT 1 FROM "auth.one_time_tokens" AS t WHERE t.user_id = u.id AND t.token_type = 'phone_change_token')"#),
    ("a code for what is confirmed",          r#"SELECT count(*) FROM "auth.users" AS u JOIN "auth.one_time_tokens" AS t ON t.user_id = u.id WHERE t.token_type = 'confirmation_token' AND u.confirmed_at IS NOT NULL AND t.relates_to = u.email"#),
];

#[test]
fn whatever_fails_nothing_is_half_done_and_a_retry_works() {
    let mut struck = 0;
    let mut wrong = Vec::new();
    let mut heard = BTreeSet::new();
    for flow in FLOWS {
        let app = flow.app();
        let before = (flow.prepare)(&app);
        let calls = PARTS.iter().map(|part| (part.fault)(&app).calls()).collect::<Vec<_>>();
        let answer = (flow.run)(&app, &before);
        let undisturbed = is_as_it_should_be(flow, &app, &answer);
        wrong.extend(undisturbed.err().map(|what| format!("{}: {what}", flow.name)));
        for (part, before) in PARTS.iter().zip(calls) {
            let steps = (part.fault)(&app).calls() - before;
            assert!(steps > 0 || part.name != "D1", "{} asks the database", flow.name);
            for step in 1..=steps {
                let outcome = strike(flow, part, step, &mut heard);
                wrong.extend(
                    outcome
                        .err()
                        .map(|what| format!("{}, {} failing at call {step}: {what}", flow.name, part.name)),
                );
                struck += 1;
            }
        }
    }
    for (flow, refusal) in
        FLOWS.iter().flat_map(|flow| flow.refusals.iter().map(|refusal| (flow.name, *refusal)))
    {
        if !heard.contains(&(flow, refusal.to_string())) {
            wrong.push(format!("{flow}: nobody ever hears {refusal}"));
        }
    }
    println!("{} flows, {struck} faults", FLOWS.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lets one call fail, and gives what is wrong afterwards.
fn strike(flow: &Flow, part: &Part, step: u32, heard: &mut BTreeSet<(&str, String)>) -> Result<(), String> {
    let app = flow.app();
    let before = (flow.prepare)(&app);
    let fault = (part.fault)(&app);
    if part.lasts {
        fault.fail_from(step)
    } else {
        fault.fail_at(step)
    }
    let answer = (flow.run)(&app, &before);
    check(part.lasts || !fault.is_armed(), || "it was not called".into())?;
    fault.mend();
    whole(&app)?;
    check(!answer.text().contains("on purpose"), || format!("the cause is shown: {}", answer.text()))?;
    let Err(code) = outcome(&answer) else { return is_as_it_should_be(flow, &app, &answer) };
    let is_right = code == "unexpected_failure" || flow.errors.contains(&code.as_str());
    check(is_right && !part.is_dispensable, || format!("{code} {}", answer.text()))?;
    let was_done = flow.is_done(&app);

    let mut retry = (flow.run)(&app, &before);
    if outcome(&retry).is_err_and(|code| code.ends_with("_send_rate_limit")) {
        // The message may be on its way: the next one waits as after any other.
        app.clock.advance(60);
        retry = (flow.run)(&app, &before);
    }
    if let Err(code) = outcome(&retry) {
        let is_known = flow.refusals.contains(&code.as_str()) && (was_done || flow.is_used_up_first);
        check(is_known, || format!("the retry, done {was_done}: {code} {}", retry.text()))?;
        heard.insert((flow.name, code));
        app.clock.advance(61);
        retry = (flow.anew)(&app, &before);
    }
    is_as_it_should_be(flow, &app, &retry)
}

/// A success that did what it is for.
fn is_as_it_should_be(flow: &Flow, app: &TestApp, answer: &Answer) -> Result<(), String> {
    outcome(answer).map_err(|code| format!("{code} {}", answer.text()))?;
    check(flow.is_done(app), || "not done".into())?;
    whole(app)
}

fn whole(app: &TestApp) -> Result<(), String> {
    let is_there = |count: &str| app.database.value(count).as_deref() != Some("0");
    let broken = BROKEN.iter().find(|(_, count)| is_there(count));
    check(broken.is_none(), || broken.map(|(what, _)| (*what).to_string()).unwrap_or_default())
}

fn check(is_right: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if is_right { Ok(()) } else { Err(what()) }
}

/// The error's code, if it is one: in the answer's head, its body, or the address that it sends a browser to.
fn outcome(answer: &Answer) -> Result<(), String> {
    if answer.status.is_success() {
        return Ok(());
    }
    let location = answer.header("location").unwrap_or_default().replace(['#', '?'], "&");
    let members: Vec<_> = form_urlencoded::parse(location.as_bytes()).into_owned().collect();
    let member = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    match (answer.header("x-sb-error-code"), member("error_code").or_else(|| member("error"))) {
        (Some(code), _) => Err(code.to_string()),
        (None, Some(code)) => Err(code),
        (None, None) if answer.status.is_redirection() => Ok(()),
        (None, None) => Err(answer.json()["error"].as_str().unwrap_or("no code").to_string()),
    }
}
