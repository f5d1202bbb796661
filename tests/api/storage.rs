//! The storage API.
