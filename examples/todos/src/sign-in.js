// The form to sign in, and to create an account.

import { sentence } from "./failure.js";
import { supabase } from "./supabase.js";

const form = document.querySelector("#auth-form");
const { email, password, name } = form.elements;
const heading = document.querySelector("#auth-heading");
const lead = document.querySelector("#auth-lead");
const nameField = document.querySelector("#auth-name-field");
const hint = document.querySelector("#auth-hint");
const failure = document.querySelector("#auth-error");
const notice = document.querySelector("#auth-notice");
const submit = document.querySelector("#auth-submit");
const question = document.querySelector("#auth-question");
const otherMode = document.querySelector("#auth-switch");

const signIn = {
  heading: "Welcome back",
  lead: "Sign in to your to-dos.",
  submit: "Sign in",
  question: "New here?",
  otherMode: "Create an account",
  run: () => supabase.auth.signInWithPassword({ email: email.value, password: password.value }),
};

const signUp = {
  heading: "Get things done",
  lead: "A to-do list only you can see.",
  submit: "Create account",
  question: "Been here before?",
  otherMode: "Sign in",
  run: () =>
    supabase.auth.signUp({
      email: email.value,
      password: password.value,
      options: { data: { display_name: name.value.trim() || null } },
    }),
};

let mode = signIn;

export function openSignIn() {
  form.reset();
  change(signIn);
}

export function closeSignIn() {
  // Leaves no password behind in the page.
  form.reset();
}

function change(newMode) {
  mode = newMode;
  const isNew = mode === signUp;
  heading.textContent = mode.heading;
  lead.textContent = mode.lead;
  submit.textContent = mode.submit;
  question.textContent = mode.question;
  otherMode.textContent = mode.otherMode;
  nameField.hidden = !isNew;
  hint.hidden = !isNew;
  // Tells password managers whether to fill in a password or to suggest one.
  password.autocomplete = isNew ? "new-password" : "current-password";
  password.minLength = isNew ? 6 : 0;
  say("", "");
}

function say(error, news) {
  failure.textContent = error;
  notice.textContent = news;
}

otherMode.addEventListener("click", () => {
  change(mode === signIn ? signUp : signIn);
  (mode === signUp ? name : email).focus();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (form.ariaBusy === "true") return;

  say("", "");
  form.ariaBusy = "true";
  try {
    const { data, error } = await mode.run();
    if (error) {
      say(sentence(error), "");
      password.focus();
      password.select();
    } else if (!data.session) {
      // The backend wants the address confirmed first.
      change(signIn);
      say("", `Almost there: open the link we sent to ${email.value}, then sign in.`);
    }
    // Otherwise the session is there, and `main.js` shows the to-dos.
  } finally {
    form.ariaBusy = "false";
  }
});
