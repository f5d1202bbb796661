//! Stage: triggers in PL/pgSQL. The same tables, functions and triggers on both sides, the same statements
//! as the owner, and after each the same error or the same rows in every table.

use serde_json::Value;

use crate::app::TestApp;
use crate::chance::Chance;
use crate::ours;
use crate::postgres::Postgres;
use crate::report::{Report, Verdict, is_refusal};

struct Project {
    schema: &'static str,
    tables: &'static [&'static str],
    /// `#` is a digit from 1 to 4.
    statements: &'static [&'static str],
}

const STATEMENTS_OF_A_SEED: usize = 12;

const SHOP: Project = Project {
    schema: "
        CREATE TABLE products (id int PRIMARY KEY, stock int NOT NULL CHECK (stock >= 0), sold int NOT NULL DEFAULT 0, touched int NOT NULL DEFAULT 0);
        CREATE TABLE orders (id int PRIMARY KEY, product int REFERENCES products ON DELETE CASCADE ON UPDATE CASCADE, quantity int, total int, label text, state text DEFAULT 'new');
        CREATE TABLE lines (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, line text);
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched := OLD.touched + 1; RETURN NEW; END $$;
        CREATE TRIGGER touch BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE FUNCTION price() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE p products%ROWTYPE; unit int := 10;
        BEGIN
          SELECT * INTO p FROM products WHERE id = NEW.product;
          IF NOT FOUND THEN RAISE EXCEPTION 'no product %', NEW.product USING ERRCODE = 'P0002'; END IF;
          IF NEW.quantity IS NULL THEN RETURN NULL; END IF;
          CASE WHEN NEW.quantity > 3 THEN unit := 8; WHEN NEW.quantity > 2 THEN unit := 9; ELSE NULL; END CASE;
          NEW.total := unit * NEW.quantity;
          NEW.label := coalesce(NEW.label, 'p' || p.id) || '/' || TG_OP;
          RETURN NEW;
        END $$;
        CREATE TRIGGER price BEFORE INSERT OR UPDATE OF quantity, product ON orders FOR EACH ROW EXECUTE FUNCTION price();
        CREATE FUNCTION stock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        DECLARE left_over int;
        BEGIN
          IF TG_OP IN ('UPDATE', 'DELETE') THEN
            UPDATE products SET stock = stock + OLD.quantity, sold = sold - OLD.quantity WHERE id = OLD.product;
          END IF;
          IF TG_OP <> 'DELETE' THEN
            UPDATE products SET stock = stock - NEW.quantity, sold = sold + NEW.quantity WHERE id = NEW.product RETURNING stock INTO left_over;
            IF left_over = 0 THEN
              INSERT INTO lines (line) VALUES ('sold out ' || NEW.product);
            ELSIF left_over IS NULL THEN
              RAISE EXCEPTION 'nothing to sell';
            END IF;
          END IF;
          RETURN coalesce(NEW, OLD);
        END $$;
        CREATE TRIGGER stock AFTER INSERT OR UPDATE OF quantity, product OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION stock();
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE n int;
        BEGIN
          INSERT INTO lines (line) VALUES (TG_ARGV[0] || OLD.state || '>' || NEW.state || NEW.id);
          GET DIAGNOSTICS n = ROW_COUNT;
          IF n <> 1 THEN RAISE EXCEPTION 'lost'; END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER note AFTER UPDATE ON orders FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION note('state ');
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF OLD.state = 'paid' THEN RAISE EXCEPTION 'order % is paid', OLD.id USING HINT = 'no'; END IF;
          IF OLD.state = 'kept' THEN RETURN NULL; END IF;
          RETURN OLD;
        END $$;
        CREATE TRIGGER keep BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION keep();
        INSERT INTO products (id, stock) VALUES (1, 9), (2, 5), (3, 2);",
    tables: &["products", "orders", "lines"],
    statements: &[
        "INSERT INTO orders (id, product, quantity) VALUES (#, #, #)",
        "INSERT INTO orders (id, product, quantity) VALUES (#, #, NULL)",
        "INSERT INTO orders (id, product, quantity, label) VALUES (#0, #, #, 'x'), (#1, #, #, NULL)",
        "INSERT INTO orders (id, product, quantity) VALUES (#, #, #) ON CONFLICT (id) DO NOTHING",
        "INSERT INTO orders (id, product, quantity) SELECT id + 30, id, # FROM products WHERE id <= #",
        "UPDATE orders SET quantity = # WHERE id = #",
        "UPDATE orders SET quantity = quantity + 1 WHERE product = #",
        "UPDATE orders SET state = 'paid' WHERE id = #",
        "UPDATE orders SET state = 'kept' WHERE product = #",
        "UPDATE orders SET product = # WHERE id = #",
        "UPDATE products SET stock = stock + # WHERE id <= #",
        "DELETE FROM orders WHERE id = #",
        "DELETE FROM orders WHERE product = #",
        "UPDATE products SET id = # WHERE id = #",
    ],
};

const TEAMS: Project = Project {
    schema: "
        CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, slug text NOT NULL, rank int);
        CREATE TABLE teams (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text UNIQUE, size int NOT NULL DEFAULT 0);
        CREATE TABLE members (team bigint REFERENCES teams ON DELETE SET NULL, person int REFERENCES people ON DELETE CASCADE, seen int DEFAULT 0, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
        CREATE TABLE audit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text, before jsonb, after jsonb);
        CREATE FUNCTION slug() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          NEW.slug = lower(replace(NEW.name, ' ', '-'));
          IF NEW.rank IS NULL THEN
            SELECT coalesce(max(rank), 0) + 1 INTO NEW.rank FROM people;
          END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER a_slug BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION slug();
        CREATE FUNCTION rename() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.slug := OLD.slug || '+'; RETURN NEW; END $$;
        CREATE TRIGGER b_rename BEFORE UPDATE ON people FOR EACH ROW WHEN (NEW.name IS DISTINCT FROM OLD.name) EXECUTE FUNCTION rename();
        CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.seen := coalesce(OLD.seen, 0) + 1; RETURN NEW; END $$;
        CREATE TRIGGER seen BEFORE UPDATE ON members FOR EACH ROW EXECUTE FUNCTION seen();
        CREATE FUNCTION join_team() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE t bigint; found_team record;
        BEGIN
          INSERT INTO teams (name) VALUES ('team ' || left(NEW.name, 1)) ON CONFLICT (name) DO NOTHING RETURNING id INTO t;
          IF t IS NULL THEN
            SELECT * INTO STRICT found_team FROM teams WHERE name = 'team ' || left(NEW.name, 1);
            t := found_team.id;
          END IF;
          INSERT INTO members (team, person) VALUES (t, NEW.id);
          RETURN NEW;
        END $$;
        CREATE TRIGGER join_team AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION join_team();
        CREATE FUNCTION count_members() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'INSERT' THEN
            UPDATE teams SET size = size + 1 WHERE id = NEW.team;
          ELSIF TG_OP = 'DELETE' THEN
            UPDATE teams SET size = size - 1 WHERE id = OLD.team;
          END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER count_members AFTER INSERT OR DELETE ON members FOR EACH ROW EXECUTE FUNCTION count_members();
        CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'UPDATE' AND OLD IS NOT DISTINCT FROM NEW THEN RETURN NULL; END IF;
          INSERT INTO audit (what, before, after) VALUES (TG_TABLE_NAME || ' ' || TG_OP,
            CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) END,
            CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
          RETURN NULL;
        END $$;
        CREATE TRIGGER z_audit AFTER INSERT OR UPDATE OR DELETE ON people FOR EACH ROW EXECUTE FUNCTION audit();
        CREATE TRIGGER z_audit AFTER UPDATE ON members FOR EACH ROW EXECUTE FUNCTION audit();",
    tables: &["people", "teams", "members", "audit"],
    statements: &[
        "INSERT INTO people (id, name) VALUES (#, 'Ann #')",
        "INSERT INTO people (id, name, rank) VALUES (#, 'Bob #', #)",
        "INSERT INTO people (id, name, rank) VALUES (#0, 'Ann', #), (#1, 'Cid', 9)",
        "INSERT INTO people (id, name) VALUES (#, NULL)",
        "INSERT INTO people (id, name, rank) VALUES (#, 'Eve', 7) ON CONFLICT (id) DO UPDATE SET name = excluded.name || '!'",
        "UPDATE people SET name = 'Dan #' WHERE id = #",
        "UPDATE people SET name = name WHERE id <= #",
        "UPDATE people SET rank = # WHERE id > #",
        "DELETE FROM people WHERE id = #",
        "DELETE FROM teams WHERE id = #",
        "UPDATE members SET seen = 0 WHERE person = #",
    ],
};

const STATEMENTS: Project = Project {
    schema: "
        CREATE TABLE shelves (id int PRIMARY KEY, label text);
        CREATE TABLE books (id int PRIMARY KEY, shelf int REFERENCES shelves ON DELETE CASCADE ON UPDATE CASCADE, series int REFERENCES books ON DELETE CASCADE, title text, price numeric(8,2), twice int GENERATED ALWAYS AS (id * 2) STORED);
        CREATE TABLE loans (id int PRIMARY KEY, book int REFERENCES books ON DELETE SET NULL);
        CREATE TABLE lines (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, line text);
        CREATE TABLE totals (id int PRIMARY KEY, books int, worth numeric);
        INSERT INTO totals VALUES (1, 0, 0);
        CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.title := trim(NEW.title); IF NEW.title = 'none' THEN RETURN NULL; END IF; RETURN NEW; END $$;
        CREATE TRIGGER tidy BEFORE INSERT OR UPDATE ON books FOR EACH ROW EXECUTE FUNCTION tidy();
        CREATE FUNCTION before_any() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE n int;
        BEGIN
          SELECT count(*) INTO n FROM books;
          INSERT INTO lines (line) VALUES (TG_WHEN || TG_OP || TG_LEVEL || TG_ARGV[0] || n || coalesce(NEW.title, '.'));
          RETURN NEW;
        END $$;
        CREATE TRIGGER before_any BEFORE INSERT OR UPDATE OF price ON books FOR EACH STATEMENT EXECUTE FUNCTION before_any('/');
        CREATE FUNCTION sums() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE n int;
        BEGIN
          UPDATE totals SET books = (SELECT count(*) FROM books), worth = (SELECT coalesce(sum(price), 0) FROM books) RETURNING books INTO n;
          IF n > 9 THEN RAISE EXCEPTION 'too many: %', n USING ERRCODE = 'P0099'; END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER sums AFTER INSERT OR UPDATE OR DELETE ON books EXECUTE FUNCTION sums();
        CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'INSERT' THEN
            INSERT INTO lines (line) SELECT 'new ' || count(*) || coalesce(string_agg(n.id || n.title || coalesce(n.price, 0) || n.twice, ',' ORDER BY n.id), '-') FROM fresh n;
          ELSIF TG_OP = 'DELETE' THEN
            INSERT INTO lines (line) SELECT 'old ' || coalesce(string_agg(o.id || coalesce(title, '?'), ',' ORDER BY o.id), '-') FROM gone o;
          ELSE
            INSERT INTO lines (line) SELECT 'from ' || coalesce(o.title, '?') || coalesce(o.shelf, 0) || ' to ' || coalesce(n.title, '?') || coalesce(n.shelf, 0) FROM gone o JOIN fresh n USING (id) ORDER BY id;
            IF EXISTS (SELECT FROM fresh WHERE price < 0) THEN RAISE EXCEPTION 'negative' USING ERRCODE = 'P0098'; END IF;
            DELETE FROM loans WHERE book IN (SELECT id FROM fresh WHERE title = 'lost');
          END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER c_insert AFTER INSERT ON books REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION changed();
        CREATE TRIGGER c_update AFTER UPDATE ON books REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION changed();
        CREATE TRIGGER c_delete AFTER DELETE ON books REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION changed();
        CREATE FUNCTION said() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO lines (line) VALUES (TG_NAME || TG_OP); RETURN NULL; END $$;
        CREATE TRIGGER said AFTER INSERT OR UPDATE OF book OR DELETE OR TRUNCATE ON loans EXECUTE FUNCTION said();
        CREATE TRIGGER never AFTER INSERT OR DELETE ON loans FOR EACH STATEMENT WHEN (1 > 2) EXECUTE FUNCTION said();
        CREATE FUNCTION lend() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
          IF NEW.title LIKE 'a%' THEN INSERT INTO loans VALUES (NEW.id, NEW.id) ON CONFLICT (id) DO UPDATE SET book = excluded.book; END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER lend AFTER INSERT ON books FOR EACH ROW EXECUTE FUNCTION lend();
        INSERT INTO shelves VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd');",
    tables: &["shelves", "books", "loans", "lines", "totals"],
    statements: &[
        "INSERT INTO books (id, shelf, title, price) VALUES (#, #, ' t# ', #.5), (#0, #, 'a', #)",
        "INSERT INTO books (id, shelf, series, title) VALUES (#1, #, #, 'part'), (#2, 1, #, 'none')",
        "INSERT INTO books (id, shelf, title) VALUES (#, #, 'up#'), (#3, #, 'a') ON CONFLICT (id) DO UPDATE SET title = excluded.title, price = books.price + 1",
        "INSERT INTO books (id, title) VALUES (#, 'x') ON CONFLICT DO NOTHING",
        "INSERT INTO books (id, title) SELECT id + 90, 'of ' || label FROM shelves WHERE id > #",
        "UPDATE books SET price = price - # WHERE shelf = #",
        "UPDATE books SET title = 'lost' WHERE id = #",
        "UPDATE books SET shelf = # WHERE id > #0",
        "UPDATE shelves SET id = # WHERE id = #",
        "UPDATE shelves SET label = 'x' WHERE id = #",
        "DELETE FROM shelves WHERE id = #",
        "DELETE FROM books WHERE id < #",
        "DELETE FROM books WHERE id = #0",
        "INSERT INTO shelves VALUES (#, 'again')",
        "UPDATE loans SET book = NULL WHERE book = #",
        "TRUNCATE loans, books",
        "TRUNCATE books",
    ],
};

/// Runs so many projects with their statements.
pub fn run(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    for seed in seeds {
        let mut chance = Chance::new(seed);
        let project = [SHOP, TEAMS, STATEMENTS].into_iter().nth(chance.below(3)).unwrap();
        postgres.migrate(project.schema).unwrap();
        let app = TestApp::new();
        ours::migrate(&app, project.schema).unwrap();
        for _ in 0..STATEMENTS_OF_A_SEED {
            let template = project.statements[chance.below(project.statements.len())];
            let digit = |letter: char| match letter {
                '#' => char::from(b'1' + u8::try_from(chance.below(4)).unwrap()),
                letter => letter,
            };
            let sql: String = template.chars().map(digit).collect();
            let verdict = judge(postgres, &app, &project, &sql);
            let goes_on = verdict == Verdict::Agreed;
            report.add(seed, verdict);
            if !goes_on {
                break;
            }
        }
    }
}

fn judge(postgres: &mut Postgres, app: &TestApp, project: &Project, sql: &str) -> Verdict {
    let (theirs, ours) = (postgres.execute(sql), ours::query(app, sql));
    let differs = |what: String| Verdict::Disagreed(format!("{what}\n  {sql}"));
    match (theirs, ours) {
        (_, Err(failure)) if is_refusal(&failure) => return Verdict::Refused(failure.message),
        // AFTER triggers run after each row here, after the statement there: of several rows that offend,
        // another may be met first.
        (Err(theirs), Err(ours)) if theirs.code.starts_with("23") && ours.code.starts_with("23") => {}
        // All rows' BEFORE triggers are asked before any row is written.
        (Err(_), Err(_)) if sql.contains("), (") => {}
        (Err(theirs), Err(ours)) => {
            if theirs.code != ours.code || (theirs.code.starts_with('P') && theirs.message != ours.message) {
                return differs(format!("{theirs:?} and {ours:?}"));
            }
        }
        (Ok(()), Ok(_)) => {}
        (theirs, ours) => return differs(format!("{theirs:?} and {ours:?}")),
    }
    for table in project.tables {
        let order = if *table == "members" { "person, team" } else { "id" };
        let theirs = postgres.value(&format!(
            "SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM (SELECT * FROM {table} ORDER BY {order}) AS t"
        ));
        let ours = ours::query(app, &format!("SELECT * FROM {table} ORDER BY {order}"));
        let read = |text: String| without_numbers(serde_json::from_str(&text).unwrap());
        let (theirs, ours) = (read(theirs.unwrap()), read(ours.unwrap()));
        if theirs != ours && sql.starts_with("UPDATE") && sorted(&theirs) == sorted(&ours) {
            // From here on the two have other orders. No standard says which.
            return Verdict::Refused("the order in which an UPDATE meets its rows".to_string());
        }
        if theirs != ours {
            return differs(format!("{table}: {theirs} and {ours}"));
        }
    }
    Verdict::Agreed
}

/// The rows in an order of their own.
fn sorted(rows: &Value) -> Vec<String> {
    let mut rows: Vec<String> = rows.as_array().into_iter().flatten().map(Value::to_string).collect();
    rows.sort();
    rows
}

/// Sequences leave gaps where a statement fails, and ours do not: what numbers itself is compared by order.
fn without_numbers(mut rows: Value) -> Value {
    let is_numbered = rows.as_array().is_some_and(|rows| {
        rows.iter()
            .any(|row| row.get("what").is_some() || row.get("line").is_some() || row.get("seen").is_some())
    });
    for row in rows.as_array_mut().into_iter().flatten() {
        if is_numbered && let Some(row) = row.as_object_mut() {
            row.remove("id");
        }
        for key in ["before", "after"] {
            if let Some(row) =
                row.get_mut(key).and_then(Value::as_object_mut).filter(|row| row.contains_key("seen"))
            {
                row.remove("id");
                row.remove("team");
            }
        }
        if let Some(row) =
            row.as_object_mut().filter(|row| row.contains_key("seen") || row.contains_key("size"))
        {
            row.remove("team");
            row.remove("id");
        }
    }
    rows
}
