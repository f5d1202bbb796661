//! The product through its front door: the real router on real SQLite, one file per behaviour.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// Every double and actor is for all test files; a file uses what it needs.
#![allow(dead_code)]

mod app;
mod double;
#[path = "../fixtures/scenario.rs"]
mod scenario;

mod auth;
mod fixtures;
mod migrations;
mod policy_report;
mod regression;
mod rest;
mod schedule;
mod shell;
mod sql_reference;
mod storage;
mod triggers;
