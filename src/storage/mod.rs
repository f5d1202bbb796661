//! The storage API: Supabase Storage, on R2.
