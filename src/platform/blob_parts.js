// The JavaScript half of blob_parts.rs.

import { next, readerOf } from "./stream.js";

export async function beginParts(bucket, key) {
  return (await bucket.createMultipartUpload(key)).uploadId;
}

/** `[etag, md5, sha256]` of a part of bytes in wasm's memory, which the next call may overwrite: they are copied. */
export async function putPartBytes(bucket, key, id, number, bytes, digests) {
  const copy = bytes.slice();
  const [part, hashes] = await Promise.all([
    bucket.resumeMultipartUpload(key, id).uploadPart(number, copy),
    Promise.all(names(digests).map((name) => crypto.subtle.digest(name, copy))),
  ]);
  return answer(part, digests, hashes);
}

/**
 * The same of a stream of known length, hashed by the runtime on its way. Piece by piece, each to R2 and to the hashes: a `tee`
 * would keep whatever R2 has not taken yet.
 */
export async function putPartStream(bucket, key, id, number, stream, length, digests) {
  const upload = bucket.resumeMultipartUpload(key, id);
  const hashes = names(digests).map((name) => new crypto.DigestStream(name));
  if (!hashes.length) return answer(await upload.uploadPart(number, stream), digests, []);
  // A failure of the stream is the upload's to tell.
  for (const hash of hashes) hash.digest.catch(() => {});
  const pipe = new FixedLengthStream(length);
  const writers = [pipe.writable, ...hashes].map((sink) => sink.getWriter());
  const [part] = await Promise.all([upload.uploadPart(number, pipe.readable), pump(stream, writers)]);
  return answer(part, digests, await Promise.all(hashes.map((hash) => hash.digest)));
}

async function pump(stream, writers) {
  try {
    const reader = readerOf(stream);
    for (let piece; (piece = await next(reader)) !== null; ) await Promise.all(writers.map((writer) => writer.write(piece)));
    await Promise.all(writers.map((writer) => writer.close()));
  } catch (error) {
    await Promise.allSettled(writers.map((writer) => writer.abort(error)));
    throw error;
  }
}

export async function completeParts(bucket, key, id, parts) {
  const list = JSON.parse(parts).map(([partNumber, etag]) => ({ partNumber, etag }));
  return metadataOf(await bucket.resumeMultipartUpload(key, id).complete(list));
}

export function abortParts(bucket, key, id) {
  return bucket.resumeMultipartUpload(key, id).abort();
}

export async function head(bucket, key) {
  const object = await bucket.head(key);
  return object && metadataOf(object);
}

export async function putHashedStream(bucket, key, stream, sha256) {
  return metadataOf(await bucket.put(key, stream, { sha256 }));
}

export async function putHashedBytes(bucket, key, bytes, sha256) {
  return metadataOf(await bucket.put(key, bytes.slice(), { sha256 }));
}

/** `[readable, writer]`: R2 takes a stream whose length it knows. */
export function fixedLengthPipe(length) {
  const { readable, writable } = new FixedLengthStream(length);
  return [readable, writable.getWriter()];
}

export function writePiece(writer, bytes) {
  return writer.write(bytes.slice());
}

export function endPipe(writer) {
  return writer.close();
}

export function breakPipe(writer) {
  return writer.abort(new Error("the body broke off"));
}

const names = (digests) => digests.split(" ").filter(Boolean);

function answer(part, digests, hashes) {
  const found = new Map(names(digests).map((name, index) => [name, hex(hashes[index])]));
  return [part.etag, found.get("MD5"), found.get("SHA-256")];
}

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function metadataOf(object) {
  return [object.size, object.etag, object.uploaded.getTime()];
}
