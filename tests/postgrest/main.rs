//! PostgREST's own specs against the real router: requests and expected answers are read from its source by
//! `scripts/postgrest-spec`; nothing of it is part of this repository.
//!
//!     POSTGREST_SOURCE=/path/to/postgrest npm run test:postgrest
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, dead_code)]

#[path = "../api/app.rs"]
mod app;
#[path = "../api/double/mod.rs"]
mod double;

mod accepted;
mod compare;
mod fixtures;
mod report;
mod settings;
mod specs;
mod world;

use report::Report;
use specs::Specs;
use world::World;

fn main() {
    let Some(path) = std::env::var_os("POSTGREST_SPECS") else {
        eprintln!("POSTGREST_SPECS names no specs that were read; run `npm run test:postgrest`");
        std::process::exit(2);
    };
    // Frames of the parser are large in a build without optimisation.
    let play = std::thread::Builder::new().stack_size(64 << 20).spawn(move || {
        let specs: Specs = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let mut world = World::new(&specs);
        let mut report = Report::new(world.refusals());
        for case in &specs.cases {
            report.add(case, world.play(case));
        }
        report.print()
    });
    std::process::exit(play.unwrap().join().unwrap());
}
