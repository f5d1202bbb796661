//! Functions of the project: what their bodies are, and calls to them.

mod check;
