// Says what went wrong, in words for the person using the app.

import { supabase } from "./supabase.js";

// By code of the Auth and Data APIs. Other errors speak for themselves.
const sentences = {
  invalid_credentials: "Wrong e-mail or password.",
  user_already_exists: "There is already an account with this e-mail. Sign in instead.",
  email_not_confirmed: "Confirm your e-mail first: open the link we sent you.",
  signup_disabled: "New accounts are closed at the moment.",
  user_banned: "This account is suspended.",
  over_request_rate_limit: "Too many tries. Wait a minute and try again.",
  over_email_send_rate_limit: "Too many e-mails sent. Wait a minute and try again.",
  PGRST116: "This to-do is no longer there. Reload the page to see the ones that are.",
};

/** An error as a sentence. */
export function sentence(error) {
  if (error.status === 0 || error.status >= 502) {
    return "No answer from the server. Check your connection and try again.";
  }
  return sentences[error.code] ?? (error.message || "Something went wrong. Please try again.");
}

const failure = document.querySelector("#failure");
const text = document.querySelector("#failure-text");
document.querySelector("#failure-dismiss").addEventListener("click", dismiss);

/**
 * Shows an error until it is dismissed or the next one comes. When the server
 * no longer accepts the session, forgets it here too, which leads back to the
 * sign-in form.
 */
export async function report(error) {
  console.error(error);
  const sessionEnded = error.status === 401;
  if (sessionEnded) await supabase.auth.signOut({ scope: "local" });
  text.textContent = sessionEnded ? "Your session has ended. Please sign in again." : sentence(error);
  failure.hidden = false;
}

export function dismiss() {
  failure.hidden = true;
}
