// The JavaScript half of http_client.rs.

/**
 * Sends a request with `name:value` header lines. Gives the status, how many header lines follow, those, and the body;
 * the empty text when the time was up first.
 */
export async function send(method, url, lines, body, milliseconds) {
  const headers = lines.split("\n").filter(Boolean).map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]);
  const signal = AbortSignal.timeout(milliseconds);
  try {
    const answer = await fetch(url, { method, headers, body: body === "" ? undefined : body, redirect: "manual", signal });
    const text = await answer.text();
    const received = [...answer.headers].map(([name, value]) => `${name}:${value}`);
    return [`${answer.status}`, `${received.length}`, ...received, text].join("\n");
  } catch (thrown) {
    if (signal.aborted) return "";
    throw thrown;
  }
}

/** Waits. */
export function pause(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}
