// The JavaScript half of edge_cache.rs. Keys become URLs of no host: nothing but this Worker asks for them.

const urlOf = (key) => `https://edgeward.invalid/${key}`;

/** `[stream, bytes, media type]` of an entry or of `length` bytes of it from `offset`, or null. `length` 0 asks for all. */
export async function get(key, offset, length) {
  const headers = length ? { range: `bytes=${offset}-${offset + length - 1}` } : {};
  const kept = await caches.default.match(new Request(urlOf(key), { headers }));
  if (!kept) return null;
  const bytes = Number(kept.headers.get("content-length"));
  // A range that came back whole, or an entry that lost its length, is no answer.
  if (!kept.body || !bytes || (length && (kept.status !== 206 || bytes !== length))) return null;
  return [kept.body, bytes, kept.headers.get("content-type") ?? ""];
}

/** `[stream to send, promise of the keeping]` */
export function keep(key, stream, bytes, type, seconds) {
  const [sent, kept] = stream.tee();
  const headers = { "cache-control": `public, max-age=${seconds}`, "content-length": String(bytes), "content-type": type };
  const entry = new Response(kept.pipeThrough(new FixedLengthStream(bytes)), { headers });
  return [sent.pipeThrough(new FixedLengthStream(bytes)), caches.default.put(urlOf(key), entry).catch(() => {})];
}

/** Keeps bytes of wasm's memory, which the next call may overwrite: they are copied. */
export function keepBytes(key, bytes, type, seconds) {
  const headers = { "cache-control": `public, max-age=${seconds}`, "content-type": type };
  return caches.default.put(urlOf(key), new Response(bytes.slice(), { headers })).catch(() => {});
}
