// The JavaScript half of durable_object.rs.

/** An object of its own, near the caller, that leaves nothing behind unless it stores something. */
export function uniqueId(namespace) {
  return namespace.newUniqueId();
}

/** The one object of that name in the whole world. */
export function namedId(namespace, name) {
  return namespace.idFromName(name);
}

/** Gives the object's answer to `question`; throws what the object throws, or its refusal. */
export async function ask(namespace, id, question) {
  // A stub is good until its object throws; a new one costs nothing.
  const answer = await namespace.get(id).fetch("https://durable-object/", { method: "POST", body: question });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}
