// The JavaScript half of event_queue.rs.

/** Sends a message, which is JSON text. */
export function send(queue, json) {
  return queue.send(JSON.parse(json), { contentType: "json" });
}
