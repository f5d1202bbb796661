//! Migrations and SQL through the admin API.
