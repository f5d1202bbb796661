//! The admin API: migrations and SQL, for the service key only.
