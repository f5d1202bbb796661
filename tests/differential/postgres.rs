//! A real PostgreSQL of our own: a fresh cluster in a temporary folder, reached by a socket in it,
//! stopped when dropped. It is given what a Supabase project has: roles, `auth` functions, grants.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls, SimpleQueryMessage};
use serde_json::Value;

/// A running server and a superuser's connection to it.
pub struct Postgres {
    pub client: Client,
    server: Child,
    folder: PathBuf,
    port: u16,
}

/// What came of a statement: the rows' text, or the SQLSTATE and the message.
pub type Outcome = Result<String, Failure>;

/// An error of either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: String,
    pub message: String,
}

const HOW_TO_GET_IT: &str = "\
The differential tests compare with a real PostgreSQL, and none was found.
    node scripts/setup.mjs --postgres        installs Debian's package with apt-get
or install PostgreSQL 15 or newer, and name the folder of its programs when it is none of
/usr/lib/postgresql/*/bin, /opt/homebrew/opt/postgresql*/bin and PATH:
    POSTGRES_BIN=/path/to/bin cargo test --test differential";

/// What a Supabase project starts with, in as far as statements can tell.
const SUPABASE: &str = "
CREATE ROLE anon NOLOGIN NOINHERIT;
CREATE ROLE authenticated NOLOGIN NOINHERIT;
CREATE ROLE service_role NOLOGIN NOINHERIT BYPASSRLS;
CREATE SCHEMA auth;
CREATE SCHEMA extensions;
GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb
$$;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
$$;
CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
$$;
CREATE FUNCTION auth.email() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email'
$$;";

/// An empty `public` schema with Supabase's default grants.
const EMPTY_PUBLIC: &str = "
DROP SCHEMA IF EXISTS public CASCADE;
CREATE SCHEMA public;
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;";

/// Safe to lose, quick, and in the time zone and collation of ours.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "timezone=UTC",
    "max_connections=10",
    "shared_buffers=16MB",
    "logging_collector=off",
    "log_min_messages=panic",
];

impl Postgres {
    /// Starts one. Panics with what to do when there is none to start.
    pub fn start() -> Self {
        Self::start_on(5432, &[])
    }

    /// The same with more settings, among them the port that its socket is named by.
    pub fn start_on(port: u16, settings: &[&str]) -> Self {
        let programs = programs().unwrap_or_else(|| panic!("\n\n{HOW_TO_GET_IT}\n"));
        let folder = std::env::temp_dir().join(format!("edgeward-postgres-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        let data = folder.join("data");
        let made = as_postgres(&programs.join("initdb"))
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .arg("--pgdata")
            .arg(&data)
            .output()
            .unwrap_or_else(|error| panic!("initdb: {error}\n\n{HOW_TO_GET_IT}"));
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut server = as_postgres(&programs.join("postgres"));
        server.arg("-D").arg(&data).arg("-k").arg(&folder);
        for setting in SETTINGS.iter().chain(settings) {
            server.args(["-c", setting]);
        }
        let server = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut started = Started { server: Some(server), folder };
        let mut client = started.connect(port);
        client.batch_execute(SUPABASE).unwrap();
        let server = started.server.take().unwrap();
        Self { client, server, folder: std::mem::take(&mut started.folder), port }
    }

    /// Goes on in another database of the same server.
    pub fn enter(&mut self, database: &str) {
        let mut config = Config::new();
        config.host_path(&self.folder).port(self.port).user("postgres").dbname(database);
        self.client = config.connect(NoTls).unwrap();
    }

    /// Forgets all tables and types, and applies DDL and data as the owner.
    pub fn migrate(&mut self, sql: &str) -> Result<(), Failure> {
        self.client.batch_execute("ROLLBACK").unwrap();
        self.client.batch_execute(EMPTY_PUBLIC).unwrap();
        self.client.batch_execute(sql).map_err(|error| failure(&error))
    }

    /// Runs a script as the owner.
    pub fn execute(&mut self, sql: &str) -> Result<(), Failure> {
        self.client.batch_execute(sql).map_err(|error| failure(&error))
    }

    /// The first value of the first row of one statement, in a transaction as someone, committed.
    pub fn run(&mut self, claims: &Value, sql: &str) -> Outcome {
        let role = claims["role"].as_str().unwrap();
        let claims = claims.to_string().replace('\'', "''");
        let before = format!(
            "BEGIN; SELECT set_config('request.jwt.claims', '{claims}', true); SET LOCAL ROLE {role};"
        );
        self.client.batch_execute(&before).unwrap();
        let outcome = self.value(sql).and_then(|value| {
            // Constraint triggers fire at the end of the statement, and deferred ones here.
            self.client.batch_execute("COMMIT").map_err(|error| failure(&error))?;
            Ok(value)
        });
        if outcome.is_err() {
            self.client.batch_execute("ROLLBACK").unwrap();
        }
        outcome
    }

    /// The first value of the first row, as the owner.
    pub fn value(&mut self, sql: &str) -> Outcome {
        let messages = self.client.simple_query(sql).map_err(|error| failure(&error))?;
        let row = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("null").to_string()),
            _ => None,
        });
        Ok(row.unwrap_or_else(|| "null".to_string()))
    }

    /// Its version, for the report.
    pub fn version(&mut self) -> String {
        self.value("SHOW server_version").unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        stop(&mut self.server, &self.folder);
    }
}

/// A server on its way up, stopped if it does not arrive.
struct Started {
    server: Option<Child>,
    folder: PathBuf,
}

impl Started {
    fn connect(&mut self, port: u16) -> Client {
        let give_up = Instant::now() + Duration::from_secs(30);
        let mut config = Config::new();
        config.host_path(&self.folder).port(port).user("postgres").dbname("postgres");
        loop {
            match config.connect(NoTls) {
                Ok(client) => return client,
                Err(error) if Instant::now() > give_up => panic!("PostgreSQL did not start: {error}"),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            stop(server, &self.folder);
        }
    }
}

/// A fast shutdown, so that the server gives its shared memory back; it is killed if it hangs.
fn stop(server: &mut Child, folder: &Path) {
    let _ = Command::new("kill").args(["-INT", &server.id().to_string()]).status();
    let give_up = Instant::now() + Duration::from_secs(10);
    while Instant::now() < give_up && matches!(server.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = server.kill();
    let _ = server.wait();
    let _ = std::fs::remove_dir_all(folder);
}

fn failure(error: &postgres::Error) -> Failure {
    let database = error.as_db_error().unwrap_or_else(|| panic!("PostgreSQL: {error}"));
    Failure { code: database.code().code().to_string(), message: database.message().to_string() }
}

/// PostgreSQL refuses to run as root: then it runs as the user that its package made.
fn as_postgres(program: &Path) -> Command {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=INT", "--"]);
    command.arg(program);
    command
}

/// The folder of `initdb` and `postgres`: the one asked for, the newest of the packages', or PATH's.
fn programs() -> Option<PathBuf> {
    let has = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    if let Some(folder) = std::env::var_os("POSTGRES_BIN") {
        return Some(PathBuf::from(folder)).filter(has);
    }
    let mut packaged: Vec<PathBuf> = ["/usr/lib/postgresql", "/opt/homebrew/opt"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path().join("bin")))
        .filter(has)
        .collect();
    packaged.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    packaged.pop().or_else(|| std::env::split_paths(&path).find(has))
}
