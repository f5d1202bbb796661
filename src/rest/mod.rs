//! The data API: PostgREST.
