// The JavaScript half of response.rs.

/**
 * Builds a Response from `name:value` lines and a string, a stream or null. A body that is said to be encoded is stored so: by itself the
 * runtime would encode it.
 */
export function respond(status, lines, body) {
  return new Response(body, { status, headers: headersOf(lines), encodeBody: lines.includes("content-encoding:") ? "manual" : "automatic" });
}

/** The same with bytes of wasm's memory, which the next call may overwrite: they are copied. */
export function respondBytes(status, lines, bytes) {
  return new Response(bytes.slice(), { status, headers: headersOf(lines) });
}

/** Headers as the runtime takes them. */
export function headersOf(lines) {
  const headers = {};
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(":", at);
    const end = lines.indexOf("\n", colon);
    const name = lines.slice(at, colon);
    // The runtime reads a plain object fastest; only a name that comes twice needs a list.
    if (name in headers) return listOf(lines);
    headers[name] = lines.slice(colon + 1, end);
    at = end + 1;
  }
  return headers;
}

function listOf(lines) {
  return lines.split("\n").filter(Boolean).map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]);
}
