// The JavaScript half of edge_cache.rs. Keys of versions become URLs of no host: nothing but this Worker asks for them.

import { headersOf } from "./response.js";

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
export function keep(url, stream, bytes, lines) {
  const [sent, kept] = stream.tee();
  const entry = new Response(kept.pipeThrough(new FixedLengthStream(bytes)), { headers: { ...headersOf(lines), "content-length": String(bytes) } });
  return [sent.pipeThrough(new FixedLengthStream(bytes)), caches.default.put(url, entry).catch(() => {})];
}

/** Keeps bytes of wasm's memory, which the next call may overwrite: they are copied. */
export function keepBytes(url, bytes, lines) {
  return caches.default.put(url, new Response(bytes.slice(), { headers: headersOf(lines) })).catch(() => {});
}

export function forget(url) {
  return caches.default.delete(url);
}
