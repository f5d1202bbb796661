// The JavaScript half of blobs.rs.

/** Stores a stream of known length. */
export async function putStream(bucket, key, stream) {
  return metadataOf(await bucket.put(key, stream));
}

/** Stores bytes of wasm's memory, which the next call may overwrite: they are copied. */
export async function putBytes(bucket, key, bytes) {
  return metadataOf(await bucket.put(key, bytes.slice()));
}

/** `[size, etag, uploaded, stream]`, or null. `length` 0 asks for the whole object. */
export async function get(bucket, key, offset, length) {
  const object = await bucket.get(key, length ? { range: { offset, length } } : undefined);
  return object && [...metadataOf(object), object.body];
}

/** Removes up to 1,000 keys. */
export function remove(bucket, keys) {
  return bucket.delete(JSON.parse(keys));
}

/** `[size, etag, uploaded, key]` of keys after one: R2 may give fewer at a time than there are. */
export async function list(bucket, after, most) {
  const found = [];
  for (let start = after ? { startAfter: after } : {}; ; ) {
    const page = await bucket.list({ limit: most - found.length, ...start });
    found.push(...page.objects);
    if (!page.truncated || found.length >= most) break;
    start = { cursor: page.cursor };
  }
  return found.map((object) => [...metadataOf(object), object.key]);
}

/** Stores an object once more, in Infrequent Access; false when there is none. */
export async function archive(bucket, from, to) {
  const object = await bucket.get(from);
  if (object) await bucket.put(to, object.body, { storageClass: "InfrequentAccess" });
  return object !== null;
}

export function startParts(bucket, key) {
  return bucket.createMultipartUpload(key);
}

export function putPart(upload, number, bytes) {
  return upload.uploadPart(number, bytes.slice());
}

export async function completeParts(upload, parts) {
  return metadataOf(await upload.complete(parts));
}

export function abortParts(upload) {
  return upload.abort();
}

function metadataOf(object) {
  return [object.size, object.etag, object.uploaded.getTime()];
}
