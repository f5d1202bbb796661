// Shows the sign-in form or the to-dos, whichever the session calls for.

import { closeAccount, openAccount } from "./account.js";
import { dismiss } from "./failure.js";
import { closeSignIn, openSignIn } from "./sign-in.js";
import { supabase } from "./supabase.js";
import { closeTodoList, openTodoList } from "./todo-list.js";

const views = ["starting", "signed-out", "signed-in"].map((id) => document.getElementById(id));

// Whose to-dos are shown: a user id, null for nobody, undefined until known.
let shown;

// supabase-js keeps the session in the browser and says here what it found
// there, and every change after that, also one made in another tab. It says so
// again when it renews the token or the tab comes back, when nothing is to be done.
supabase.auth.onAuthStateChange((_event, session) => {
  const user = session?.user ?? null;
  if (shown === (user?.id ?? null)) return;
  shown = user?.id ?? null;

  dismiss();
  if (user) {
    closeSignIn();
    openAccount(user);
    openTodoList();
    show("signed-in");
  } else {
    closeAccount();
    closeTodoList();
    openSignIn();
    show("signed-out");
  }
});

function show(id) {
  for (const view of views) view.hidden = view.id !== id;
  document.querySelector(`#${id} [data-focus-first]`)?.focus();
}
