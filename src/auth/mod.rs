//! The auth API: Supabase Auth (GoTrue).
