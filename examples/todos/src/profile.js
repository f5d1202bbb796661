// The user's profile row and picture.

import { fileExtension } from "./picture.js";
import { dataOf, supabase } from "./supabase.js";

const columns = "display_name, avatar_path";
const avatars = supabase.storage.from("avatars");

/** The user's profile; made from what they said at sign-up if there is none yet. */
export async function load(user) {
  const profile = await dataOf(supabase.from("profiles").select(columns).eq("id", user.id).maybeSingle());
  return profile ?? save(user, { display_name: user.user_metadata.display_name });
}

/**
 * Makes a picture the user's own and returns the changed profile. The file
 * comes first and the row that points to it second, so that stopping halfway
 * leaves the old picture in place.
 */
export async function setPicture(user, profile, picture) {
  // A name made from the content: the same picture lands on the same path, and
  // a new one has an address that no cache has seen.
  const path = `${user.id}/avatar-${await fingerprint(picture)}.${fileExtension(picture)}`;
  await dataOf(
    avatars.upload(path, picture, {
      upsert: true,
      contentType: picture.type,
      cacheControl: "31536000",
    }),
  );
  const changed = await save(user, { avatar_path: path });

  const previous = profile.avatar_path;
  // Nobody sees the previous file any more, so failing to delete it is no
  // reason to tell the user that the change failed.
  if (previous && previous !== path) await avatars.remove([previous]);
  return changed;
}

/** Where the browser finds the picture, or null. */
export function pictureUrl(profile) {
  return profile?.avatar_path ? avatars.getPublicUrl(profile.avatar_path).data.publicUrl : null;
}

function save(user, changes) {
  const row = { id: user.id, updated_at: new Date().toISOString(), ...changes };
  return dataOf(supabase.from("profiles").upsert(row).select(columns).single());
}

async function fingerprint(picture) {
  const hash = await crypto.subtle.digest("SHA-256", await picture.arrayBuffer());
  return [...new Uint8Array(hash, 0, 6)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
