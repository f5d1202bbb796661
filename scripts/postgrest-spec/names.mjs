// Their names and ours: the specs' roles are those of a Supabase project here, and their schema is `public`.

/** The specs' roles, and who is most like them. */
const ROLES = [
  ["postgrest_test_anonymous", "anon"],
  ["postgrest_test_default_role", "authenticated"],
  ["postgrest_test_author", "authenticated"],
  ["postgrest_test_superuser", "service_role"],
];

/** What `switch_role`, which runs before each request there, makes of the claim `id`. */
export const ROLE_OF_ID = { 1: "authenticated", 2: "authenticated" };

/** Text with our names in place of theirs. */
export function withOurNames(text) {
  return withOurRoles(withOurSchema(text));
}

export function withOurRoles(text) {
  return ROLES.reduce((before, [theirs, ours]) => before.replaceAll(theirs, ours), text);
}

/** Their `test` is our `public`, and their `public` another schema. */
function withOurSchema(text) {
  return renamed(renamed(text, "public", "other"), "test", "public");
}

function renamed(text, from, to) {
  return text
    .replace(new RegExp(`(?<![\\w.])${from}\\.(?=[\\w"*])`, "g"), `${to}.`)
    .replace(new RegExp(`\\b(SCHEMA|search_path\\s*=|search_path TO|schema)(\\s+)(')?${from}\\b`, "gi"), `$1$2$3${to}`)
    .replace(new RegExp(`(Only the following schemas are exposed: )${from}\\b`, "g"), `$1${to}`)
    .replace(new RegExp(`^(\\s*, )${from}$`, "gm"), `$1${to}`);
}
