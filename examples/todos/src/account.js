// Who is signed in: their greeting, their picture, and the way out.

import { report } from "./failure.js";
import { square } from "./picture.js";
import * as profiles from "./profile.js";
import { supabase } from "./supabase.js";

const email = document.querySelector("#account-email");
const greeting = document.querySelector("#greeting");
const avatar = document.querySelector("#avatar");
const input = document.querySelector("#avatar-input");
const initial = document.querySelector("#avatar-initial");
const image = document.querySelector("#avatar-image");

// The signed-in user and their profile. A new value for every session, so that an answer that comes late finds its own
// and never the next user's.
let account = null;

export async function openAccount(user) {
  account = { user, profile: null, uploading: false };
  const opened = account;
  render();
  try {
    opened.profile = await profiles.load(user);
  } catch (error) {
    if (opened === account) report(error);
  }
  render();
}

export function closeAccount() {
  account = null;
  image.removeAttribute("src");
}

function render() {
  if (!account) return;
  const { user, profile, uploading } = account;
  const name = profile?.display_name ?? user.user_metadata.display_name ?? user.email.split("@")[0];
  email.textContent = user.email;
  greeting.textContent = `Hello, ${name}`;
  initial.textContent = [...name][0].toUpperCase();
  avatar.ariaBusy = String(uploading);
  // Replacing a picture takes knowing the one there is.
  input.disabled = !profile;

  const url = profiles.pictureUrl(profile);
  image.hidden = !url;
  if (!url) image.removeAttribute("src");
  else if (image.src !== url) image.src = url;
}

// Falls back to the initial when the picture can't be fetched.
image.addEventListener("error", () => {
  image.hidden = true;
});

input.addEventListener("change", async () => {
  const [file] = input.files;
  input.value = "";
  if (!file || account.uploading) return;

  const changed = account;
  changed.uploading = true;
  render();
  try {
    changed.profile = await profiles.setPicture(changed.user, changed.profile, await square(file));
  } catch (error) {
    if (changed === account) report(error);
  }
  changed.uploading = false;
  render();
});

document.querySelector("#sign-out").addEventListener("click", async () => {
  // Here only: the user's other devices stay signed in.
  const { error } = await supabase.auth.signOut({ scope: "local" });
  if (error) report(error);
});
