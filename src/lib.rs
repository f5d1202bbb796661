//! Edgeward: a whole Supabase-compatible backend in one Cloudflare Worker.
//!
//! The modules stand in reading order: what URLs exist, what code can reach, what happens around
//! every request, then the core that the features share, then the features. `ARCHITECTURE.md` has
//! the map, the arrows between the parts and three walkthroughs; `tests/tidy.rs` enforces the arrows.

pub mod routes;
pub mod schedule;

pub mod app;
pub mod caller;
pub mod config;
pub mod http;
pub mod ports;

pub mod crypto;
pub mod dialect;
pub mod documents;
pub mod edge_session;
pub mod jwt;
pub mod line_archive;
pub mod policy;
pub mod recent_versions;
pub mod schema;
pub mod sql;
pub mod text_search;
pub mod time;
pub mod token_bucket;

pub mod admin;
pub mod auth;
pub mod rest;
pub mod storage;

#[cfg(target_arch = "wasm32")]
mod platform;
