//! Edgeward: a whole Supabase-compatible backend in one Cloudflare Worker.
