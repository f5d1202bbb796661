// The JavaScript half of request.rs.

/** The largest body that is read although nobody wanted it. */
const drained = 64 * 1024;

/** Method, URL and headers, a line each: one string crosses into wasm instead of three for every header. */
export function head(request) {
  let text = `${request.method}\n${request.url}`;
  for (const [name, value] of request.headers) text += `\n${name}:${name === "accept-encoding" ? encodings(request, value) : value}`;
  return text;
}

/** Some of S3's clients sign what they accept, and Cloudflare's edge writes its own over it. */
function encodings(request, value) {
  const isSigned = request.headers.get("authorization")?.startsWith("AWS4-HMAC-SHA256");
  return isSigned ? (request.cf?.clientAcceptEncoding ?? value) : value;
}

/** Reads a small body that nobody has read: the runtime closes the connection otherwise, and the client's next request fails. */
export function drain(request) {
  if (request.bodyUsed) return undefined;
  const length = Number(request.headers.get("content-length") ?? NaN);
  return length <= drained ? request.arrayBuffer() : undefined;
}
