//! The same requests to the real GoTrue and to the real router, compared in status, error code, message and
//! shape. GoTrue is a program that was built from its own source, on a PostgreSQL of its own; nothing of it
//! is part of this repository.
//!
//!     GOTRUE_SOURCE=/path/to/supabase/auth npm run test:gotrue-diff
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, dead_code)]

#[path = "../api/app.rs"]
mod app;
#[path = "../api/double/mod.rs"]
mod double;
#[path = "../differential/postgres.rs"]
mod postgres;

mod accepted;
mod answer;
mod chance;
mod oauth_server;
mod ours;
mod play;
mod scenes;
mod step;
mod theirs;

use theirs::Server;

fn main() {
    let Some(program) = std::env::var_os("GOTRUE_PROGRAM") else {
        eprintln!("GOTRUE_PROGRAM names no built GoTrue; run `npm run test:gotrue-diff`");
        std::process::exit(2);
    };
    let mut server = Server::start(program.as_ref());
    let mut report = play::Report::default();
    for scene in scenes::all() {
        report.add(play::scripted(&mut server, &scene));
    }
    for seed in 1..=chance::SEQUENCES {
        report.add(play::random(&mut server, seed));
    }
    drop(server);
    std::process::exit(report.print());
}
