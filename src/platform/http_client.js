// The JavaScript half of http_client.rs.

/** Sends a request with `name:value` header lines. Gives the status and, on the lines after it, the body. */
export async function send(method, url, lines, body) {
  const headers = lines.split("\n").filter(Boolean).map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]);
  const signal = AbortSignal.timeout(10_000);
  const answer = await fetch(url, { method, headers, body: body === "" ? undefined : body, redirect: "manual", signal });
  return `${answer.status}\n${await answer.text()}`;
}
