// To-dos in the database. No query here names the user: the table's policies
// show and change only the rows of whoever is signed in.

import { dataOf, supabase } from "./supabase.js";

const columns = "id, title, done";

/** All to-dos, the newest first. */
export function list() {
  return dataOf(
    supabase.from("todos").select(columns).order("created_at", { ascending: false }).order("id", { ascending: false }),
  );
}

/** Adds a to-do; its id, owner and date come from the table's defaults. */
export function add(title) {
  return dataOf(supabase.from("todos").insert({ title }).select(columns).single());
}

/**
 * Changes the title, the tick or both. `single` makes it an error when the
 * to-do is gone, where an update of no rows would pass for a success.
 */
export function change(id, changes) {
  return dataOf(supabase.from("todos").update(changes).eq("id", id).select(columns).single());
}

/** Deletes a to-do, also one that is already gone. */
export function remove(id) {
  return dataOf(supabase.from("todos").delete().eq("id", id));
}
