//! The other side: GoTrue's program on a PostgreSQL of our own, one process and database for each scene's
//! settings, its mails taken by its own send-email hook.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ::postgres as postgres_crate;
use edgeward::config::DEMO_JWT_SECRET;
use serde_json::Value;

use crate::answer::Answer;
use crate::postgres::Postgres;

type Codes = Arc<Mutex<HashMap<String, String>>>;

/// What all processes share.
pub struct Server {
    postgres: Postgres,
    postgres_port: u16,
    program: PathBuf,
    hook_port: u16,
    codes: Codes,
    databases: u32,
}

/// One GoTrue.
pub struct Theirs {
    process: Child,
    port: u16,
    codes: Codes,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    pub fn start(program: &Path) -> Self {
        let postgres_port = free_port();
        let port = format!("port={postgres_port}");
        // The socket's name has the port in it: the connection of the start looks for the usual one.
        let mut postgres =
            Postgres::start_on(postgres_port, &["listen_addresses=127.0.0.1", &port, "max_connections=60"]);
        postgres
            .execute("DROP SCHEMA auth CASCADE; CREATE ROLE supabase_auth_admin SUPERUSER LOGIN PASSWORD 'root'; CREATE ROLE supabase_admin; ALTER ROLE supabase_auth_admin SET search_path = 'auth'")
            .unwrap();
        let codes = Codes::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hook_port = listener.local_addr().unwrap().port();
        let kept = codes.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                take_mail(stream, &kept);
            }
        });
        Self { postgres, postgres_port, program: program.into(), hook_port, codes, databases: 0 }
    }

    /// A GoTrue with these settings and an empty database.
    pub fn with(&mut self, settings: &[(&str, &str)]) -> Theirs {
        self.databases += 1;
        self.codes.lock().unwrap().clear();
        let name = format!("scene{}", self.databases);
        self.postgres.execute(&format!("CREATE DATABASE {name}")).unwrap();
        let port = free_port();
        let base = format!("postgres://supabase_auth_admin:root@127.0.0.1:{}/{name}", self.postgres_port);
        self.sql(&base, "CREATE SCHEMA auth");
        let folder = self.program.parent().unwrap();
        let mut command = Command::new(&self.program);
        command.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let own: [(&str, String); 22] = [
            ("GOTRUE_DB_DRIVER", "postgres".into()),
            ("DB_NAMESPACE", "auth".into()),
            ("DATABASE_URL", base),
            ("GOTRUE_DB_MIGRATIONS_PATH", folder.join("migrations").display().to_string()),
            ("GOTRUE_API_HOST", "127.0.0.1".into()),
            ("GOTRUE_API_PORT", port.to_string()),
            ("PORT", port.to_string()),
            ("API_EXTERNAL_URL", "http://127.0.0.1:54321/auth/v1".into()),
            ("GOTRUE_SITE_URL", "http://127.0.0.1:3000".into()),
            ("GOTRUE_JWT_SECRET", DEMO_JWT_SECRET.into()),
            ("GOTRUE_JWT_AUD", "authenticated".into()),
            ("GOTRUE_JWT_EXP", "3600".into()),
            ("GOTRUE_JWT_DEFAULT_GROUP_NAME", "authenticated".into()),
            ("GOTRUE_JWT_ADMIN_ROLES", "service_role,supabase_admin".into()),
            ("GOTRUE_LOG_LEVEL", "panic".into()),
            ("GOTRUE_MAILER_OTP_EXP", "3600".into()),
            ("GOTRUE_SECURITY_REFRESH_TOKEN_ROTATION_ENABLED", "true".into()),
            ("GOTRUE_SECURITY_REFRESH_TOKEN_REUSE_INTERVAL", "10".into()),
            ("GOTRUE_SECURITY_REFRESH_TOKEN_ALGORITHM_VERSION", "2".into()),
            ("GOTRUE_RATE_LIMIT_EMAIL_SENT", "100000".into()),
            ("GOTRUE_HOOK_SEND_EMAIL_ENABLED", "true".into()),
            ("GOTRUE_HOOK_SEND_EMAIL_URI", format!("http://127.0.0.1:{}/mail", self.hook_port)),
        ];
        command.envs(own);
        for (name, value) in settings {
            command.env(format!("GOTRUE_{name}"), value);
        }
        let migrated = command.arg("migrate").stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
        assert!(
            migrated.status.success(),
            "GoTrue's migrations: {}",
            String::from_utf8_lossy(&migrated.stderr)
        );
        let mut serve = Command::new(&self.program);
        serve.current_dir(folder).env_clear();
        for (name, value) in command.get_envs() {
            serve.env(name, value.unwrap_or_default());
        }
        let process = serve
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let theirs = Theirs { process, port, codes: self.codes.clone() };
        theirs.wait();
        theirs
    }

    fn sql(&mut self, url: &str, sql: &str) {
        let mut client = postgres_crate::Client::connect(url, postgres_crate::NoTls).unwrap();
        client.batch_execute(sql).unwrap();
    }
}

impl Theirs {
    fn wait(&self) {
        let give_up = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < give_up, "GoTrue did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        token: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let body = body.unwrap_or_default();
        // HTTP/1.0: no chunks, and the connection ends with the answer.
        let mut request = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:54321\r\nContent-Length: {}\r\n",
            body.len()
        );
        if !body.is_empty() {
            request.push_str("Content-Type: application/json\r\n");
        }
        if let Some(token) = token {
            request.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (known, value) = line.split_once(": ")?;
                known.eq_ignore_ascii_case(name).then(|| value.to_string())
            })
        };
        Answer {
            status,
            location: header("location"),
            error_code: header("x-sb-error-code"),
            body: body.to_string(),
        }
    }

    /// The code last sent to an address.
    pub fn code(&self, to: &str) -> Option<String> {
        self.codes.lock().unwrap().get(to).cloned()
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads a call of the send-email hook, keeps its codes, and says that it is carried.
fn take_mail(mut stream: TcpStream, codes: &Codes) {
    let mut text = Vec::new();
    let mut buffer = [0; 16 * 1024];
    let whole = loop {
        let Ok(count) = stream.read(&mut buffer) else { return };
        text.extend_from_slice(&buffer[..count]);
        let read = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = read.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                break body.to_string();
            }
        }
        if count == 0 {
            return;
        }
    };
    let payload: Value = serde_json::from_str(&whole).unwrap_or_default();
    let (user, data) = (&payload["user"], &payload["email_data"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let mut codes = codes.lock().unwrap();
    let (token, token_new) = (text(&data["token"]), text(&data["token_new"]));
    match (user["new_email"].as_str(), token_new.is_empty()) {
        (Some(new), true) if data["email_action_type"] == "email_change" => {
            codes.insert(new.to_string(), token);
        }
        (Some(new), false) => {
            codes.insert(text(&user["email"]), token);
            codes.insert(new.to_string(), token_new);
        }
        _ => {
            codes.insert(text(&user["email"]), token);
        }
    }
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
}
