// The list on the page: what is in it, and what people do to it. A change shows at once and is saved after; when saving
// fails, the list goes back and says why.

import { report, sentence } from "./failure.js";
import * as todos from "./todos.js";

const card = document.querySelector("#todos");
const list = document.querySelector("#todo-list");
const row = document.querySelector("#todo-row");
const newTodo = document.querySelector("#new-todo");
const filter = document.querySelector("#filter");
const count = document.querySelector("#count");
const loading = document.querySelector("#list-loading");
const empty = document.querySelector("#list-empty");
const emptyHeading = document.querySelector("#list-empty-heading");
const emptyLead = document.querySelector("#list-empty-lead");
const failed = document.querySelector("#list-failed");
const failedReason = document.querySelector("#list-failed-reason");

const filters = {
  all: () => true,
  open: (todo) => !todo.done,
  done: (todo) => todo.done,
};

const emptySentences = {
  all: ["Nothing to do yet", "Write down the first thing above."],
  open: ["All done", "Enjoy the quiet, or add something above."],
  done: ["Nothing done yet", "What you tick off shows up here."],
};

// A new value for every session, so that an answer that comes late finds its own and never the next user's.
let state = null;

export function openTodoList() {
  state = {
    phase: "loading", // or "failed", or "ready"
    failure: null,
    todos: [],
    filter: "all",
    editing: null, // the id of the to-do whose title is being edited
    unsaved: 0, // writes that have not been answered
    lastWrite: Promise.resolve(),
  };
  newTodo.reset();
  showOnly("all");
  return load();
}

export function closeTodoList() {
  state = null;
  list.replaceChildren();
}

async function load() {
  const opened = state;
  opened.phase = "loading";
  render();
  try {
    opened.todos = await todos.list();
    opened.phase = "ready";
  } catch (error) {
    opened.phase = "failed";
    opened.failure = sentence(error);
    if (opened === state && error.status === 401) report(error);
  }
  render();
}

/**
 * Runs one write after the ones before it, so that they reach the database in
 * the order they were made. `undo` puts the list back when a write fails.
 */
function write(send, undo) {
  const opened = state;
  opened.unsaved += 1;
  opened.lastWrite = opened.lastWrite
    .then(send)
    .catch((error) => {
      undo(opened);
      if (opened === state) report(error);
    })
    .then(() => {
      opened.unsaved -= 1;
      render();
    });
  render();
}

function add(title) {
  const opened = state;
  write(
    async () => {
      opened.todos.unshift(await todos.add(title));
    },
    () => {
      // Gives the words back, unless the next to-do is already being typed.
      const input = newTodo.elements.title;
      if (opened === state && !input.value) input.value = title;
    },
  );
}

function change(todo, changes) {
  const before = Object.fromEntries(Object.keys(changes).map((key) => [key, todo[key]]));
  Object.assign(todo, changes);
  write(
    () => todos.change(todo.id, changes),
    () => Object.assign(todo, before),
  );
}

function remove(todo) {
  const place = state.todos.indexOf(todo);
  state.todos.splice(place, 1);
  write(
    () => todos.remove(todo.id),
    (opened) => opened.todos.splice(place, 0, todo),
  );
}

function startEditing(todo) {
  state.editing = todo.id;
  render();
  const input = rowOf(todo).querySelector(".todo-edit input");
  input.value = todo.title;
  input.focus();
  input.select();
}

function stopEditing(todo, title) {
  if (state?.editing !== todo.id) return;
  const focused = rowOf(todo).contains(document.activeElement);
  state.editing = null;
  if (title && title !== todo.title) change(todo, { title });
  else render();
  if (focused) rowOf(todo)?.querySelector("[data-action=edit]").focus();
}

// From here on: from the state to the page.

function render() {
  if (!state) return;
  const { phase, failure } = state;
  const open = state.todos.filter(filters.open).length;
  const visible = state.todos.filter(filters[state.filter]);

  const ready = phase === "ready";
  card.ariaBusy = String(!ready || state.unsaved > 0);
  count.textContent = ready ? countSentence(open, state.todos.length) : "";
  for (const [name, matches] of Object.entries(filters)) {
    const shown = filter.querySelector(`[data-count=${name}]`);
    shown.textContent = ready ? state.todos.filter(matches).length : "";
  }
  newTodo.querySelector("button").disabled = !ready;

  loading.hidden = phase !== "loading";
  failed.hidden = phase !== "failed";
  failedReason.textContent = failure ?? "";
  empty.hidden = !ready || visible.length > 0;
  [emptyHeading.textContent, emptyLead.textContent] = emptySentences[state.todos.length ? state.filter : "all"];
  renderRows(visible);
}

function countSentence(open, all) {
  if (all === 0) return "No to-dos";
  if (open === 0) return all === 1 ? "Your to-do is done" : `All ${all} to-dos done`;
  return `${open} of ${all} to do`;
}

/** Brings the rows in line, leaving those that stay where they are: they may have the focus. */
function renderRows(visible) {
  const focusedRow = [...list.children].findIndex((element) => element.contains(document.activeElement));

  const ids = new Set(visible.map((todo) => String(todo.id)));
  for (const element of [...list.children]) {
    if (!ids.has(element.dataset.id)) element.remove();
  }
  visible.forEach((todo, place) => {
    const element = rowOf(todo) ?? newRow(todo);
    fill(element, todo);
    if (list.children[place] !== element) list.insertBefore(element, list.children[place] ?? null);
  });

  // When the row with the focus went away, goes on from its neighbour.
  if (focusedRow >= 0 && document.activeElement === document.body) {
    const neighbour = list.children[Math.min(focusedRow, list.children.length - 1)];
    (neighbour?.querySelector(".todo-done") ?? newTodo.elements.title).focus();
  }
}

function newRow(todo) {
  const element = row.content.firstElementChild.cloneNode(true);
  element.dataset.id = todo.id;
  return element;
}

function fill(element, todo) {
  const editing = state.editing === todo.id;
  const done = element.querySelector(".todo-done");
  const title = element.querySelector(".todo-title");
  const edit = element.querySelector(".todo-edit");
  element.classList.toggle("done", todo.done);
  done.checked = todo.done;
  done.ariaLabel = todo.title;
  title.textContent = todo.title;
  title.hidden = editing;
  edit.hidden = !editing;
  edit.elements.title.ariaLabel = `New title for “${todo.title}”`;
  element.querySelector("[data-action=edit]").ariaLabel = `Edit “${todo.title}”`;
  element.querySelector("[data-action=remove]").ariaLabel = `Delete “${todo.title}”`;
}

function rowOf(todo) {
  return [...list.children].find((element) => element.dataset.id === String(todo.id));
}

// And from the page to the state.

function todoOf(event) {
  const id = event.target.closest(".todo")?.dataset.id;
  return state?.todos.find((todo) => String(todo.id) === id);
}

newTodo.addEventListener("submit", (event) => {
  event.preventDefault();
  const title = newTodo.elements.title.value.trim();
  if (!title) return;
  newTodo.reset();
  if (state.filter === "done") showOnly("all");
  add(title);
});

filter.addEventListener("change", (event) => showOnly(event.target.value));

function showOnly(name) {
  state.filter = name;
  filter.querySelector(`[value=${name}]`).checked = true;
  render();
}

list.addEventListener("change", (event) => {
  if (event.target.matches(".todo-done")) change(todoOf(event), { done: event.target.checked });
});

list.addEventListener("click", (event) => {
  const action = event.target.closest("[data-action]")?.dataset.action;
  if (action === "edit") startEditing(todoOf(event));
  if (action === "remove") remove(todoOf(event));
});

list.addEventListener("dblclick", (event) => {
  if (event.target.matches(".todo-title")) startEditing(todoOf(event));
});

list.addEventListener("submit", (event) => {
  event.preventDefault();
  stopEditing(todoOf(event), event.target.elements.title.value.trim());
});

list.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest(".todo-edit")) stopEditing(todoOf(event));
});

list.addEventListener("focusout", (event) => {
  const form = event.target.closest(".todo-edit");
  const todo = todoOf(event);
  if (form && todo) stopEditing(todo, form.elements.title.value.trim());
});

document.querySelector("#list-retry").addEventListener("click", load);

window.addEventListener("beforeunload", (event) => {
  if (state?.unsaved) event.preventDefault();
});
