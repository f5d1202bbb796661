//! Policies compile when they are created, or are refused.

use serde_json::json;

use crate::app::TestApp;

const SCHEMA: &str = "
create table teams (id bigint generated always as identity primary key, name text, owner_id uuid);
create table members (team_id bigint references teams, user_id uuid, role text, primary key (team_id, user_id));
create table notes (id uuid primary key default gen_random_uuid(), team_id bigint references teams, user_id uuid default auth.uid(),
  title text, is_public boolean default false, tags text[], data jsonb, created_at timestamptz default now());
";

#[test]
fn the_usual_policies_compile() {
    let app = TestApp::new();
    app.migrate("1", SCHEMA);
    let rows = [
        "using (true)",
        "using (auth.uid() = user_id)",
        "for select using ((select auth.uid()) = user_id)",
        "for insert to authenticated with check ((select auth.uid()) = user_id)",
        "for update to authenticated using (auth.uid() = user_id) with check (auth.uid() = user_id)",
        "for delete using (auth.uid() = user_id)",
        "as restrictive for select to anon, authenticated using (is_public)",
        "using (auth.role() = 'authenticated')",
        "using (auth.jwt() ->> 'email' = 'ann@example.com')",
        "using ((auth.jwt() -> 'app_metadata' ->> 'role') = 'admin')",
        "using (((auth.jwt() ->> 'team')::bigint) = team_id)",
        "using ((auth.jwt() ->> 'org')::uuid = user_id)",
        "using ((current_setting('request.jwt.claims', true)::json ->> 'sub')::uuid = user_id)",
        "using (coalesce((auth.jwt() -> 'user_metadata' ->> 'admin')::boolean, false))",
        "using (exists (select 1 from members where members.team_id = notes.team_id and members.user_id = auth.uid()))",
        "using (exists (select 1 from members m join teams t on t.id = m.team_id where m.team_id = notes.team_id and t.name = title))",
        "using (team_id in (select team_id from members where user_id = auth.uid() and role in ('owner', 'editor')))",
        "using (team_id = any (select team_id from members where user_id = auth.uid()))",
        "using (team_id = any (array(select team_id from members where user_id = auth.uid())))",
        "using (user_id = (select owner_id from teams where id = team_id))",
        "using ((select count(*) from members m where m.team_id = notes.team_id) < 10)",
        "using ('public' = any (tags) or tags && array['shared'] or tags @> array['all'])",
        "using (data ->> 'visibility' = 'public' and data ? 'owner')",
        "using (created_at > now() - interval '7 days')",
        "using (title like auth.uid() || '/%' or title ilike 'public%')",
        "using (not is_public is distinct from true)",
        "using (case when is_public then true else auth.uid() = user_id end)",
        "using (current_user = 'authenticated' and auth.email() is not null)",
    ];
    for (index, clauses) in rows.iter().enumerate() {
        let answer = app.run(&format!("create policy \"p {index}\" on notes {clauses}"));
        assert_eq!(answer.status, 200, "{clauses}: {}", answer.text());
    }
    let kept = "SELECT count(*) FROM \"edgeward.catalog\" WHERE kind = 'policy'";
    assert_eq!(app.database.value(kept).unwrap(), rows.len().to_string());
    let storage = "create policy own on storage.objects for insert to authenticated
      with check (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text and storage.extension(name) = 'png')";
    assert_eq!(app.run(storage).status, 200);
}

#[test]
fn policies_that_cannot_be_compiled_are_refused() {
    let app = TestApp::new();
    app.migrate("1", SCHEMA);
    app.migrate("2", "create policy taken on notes using (true)");
    let rows = [
        ("create policy p on nope using (true)", "42P01"),
        ("create policy taken on notes using (true)", "42710"),
        ("create policy p on notes using (nope = 1)", "42703"),
        ("create policy p on notes using (exists (select 1 from nope))", "42P01"),
        ("create policy p on notes using (is_admin(user_id))", "42883"),
        ("create policy p on notes using (user_id)", "42804"),
        ("create policy p on notes using (user_id = title)", "42883"),
        ("create policy p on notes using (title ~ '(a|b)+')", "0A000"),
        ("create policy p on notes for select with check (true)", "42601"),
        ("create policy p on notes for insert using (true)", "42601"),
        ("create policy p on notes to nobody using (true)", "42704"),
        ("create policy p on auth.users using (true)", "42501"),
        ("create policy p on notes using (user_id = 'x')", "22P02"),
        ("drop policy nope on notes", "42704"),
        ("alter policy nope on notes using (true)", "42704"),
    ];
    for (sql, code) in rows {
        let refusal = app.refusal(sql);
        assert_eq!(refusal.0, code, "{sql}: {}", refusal.1);
    }
    let kept = "SELECT count(*) FROM \"edgeward.catalog\" WHERE kind = 'policy'";
    assert_eq!(app.database.value(kept).unwrap(), "1");
}

#[test]
fn policies_are_changed_and_dropped() {
    let app = TestApp::new();
    app.migrate("1", SCHEMA);
    app.migrate(
        "2",
        "create policy a on notes for select using (is_public);
         alter policy a on notes to authenticated using (title = 'x');
         alter policy a on notes rename to b;
         create policy c on notes using (true);
         drop policy c on notes; drop policy if exists c on notes; drop policy if exists c on nope;
         alter table notes disable row level security; alter table notes enable row level security;",
    );
    let definition =
        app.database.value("SELECT definition FROM \"edgeward.catalog\" WHERE kind = 'policy'").unwrap();
    let row: serde_json::Value = serde_json::from_str(&definition).unwrap();
    assert_eq!(
        row["policy"],
        json!({"name": "b", "permissive": true, "command": "Select", "roles": ["authenticated"], "using": "title = 'x'", "check": null})
    );
    app.migrate("3", "create policy d on teams using (exists (select 1 from members where team_id = id))");
    assert_eq!(app.refusal("drop table notes, members").0, "2BP01");
    assert_eq!(
        app.refusal("alter table members drop column role; alter table notes drop column title").0,
        "2BP01"
    );
}
