// The app's one connection to its backend.

import { createClient } from "@supabase/supabase-js";

// The Worker that serves this page is also its API. The key is the public one
// every local Supabase stack starts with; a deployment has its own.
const url = import.meta.env.VITE_SUPABASE_URL || location.origin;
const anonKey =
  import.meta.env.VITE_SUPABASE_ANON_KEY ||
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6ImFub24iLCJleHAiOjE5ODM4MTI5OTZ9.CRXP1A7WOeoJeXxjNni43kdQwgnWNReilDMblYTn_I0";

export const supabase = createClient(url, anonKey);

/**
 * Waits for a reply of supabase-js and returns its data. Throws its error, where
 * supabase-js would return it, with the HTTP status on it: 0 when nobody answered.
 */
export async function dataOf(request) {
  const { data, error, status } = await request;
  if (error) throw Object.assign(error, { status: error.status ?? status ?? 0 });
  return data;
}
