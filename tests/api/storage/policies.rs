//! Row-level security on objects and buckets.
